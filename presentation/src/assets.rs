//! Style sheets, scripts and icons, each under an address that changes with its content, so that browsers may keep it.
//!
//! What is vendored is listed in `assets/vendored.json` with package, version, licence and checksum; `assets/refresh.sh`
//! fetches it again.

use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fieldproof_schema::suite::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::sync::{LazyLock, OnceLock};

/// Where assets stand below a program's root.
pub const PATH: &str = "/assets";

/// One file.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    gzipped: OnceLock<Vec<u8>>,
    /// Part of the address: the beginning of the hash.
    version: String,
}

static ALL: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let asset = |name, media_type, bytes: &'static [u8]| Asset {
        name,
        media_type,
        bytes,
        gzipped: OnceLock::new(),
        version: hex_start(bytes),
    };
    vec![
        asset("tabler.css", "text/css", include_bytes!("../assets/vendor/tabler.min.css")),
        asset("app.css", "text/css", include_bytes!("../assets/app.css")),
        asset("htmx.js", "text/javascript", include_bytes!("../assets/vendor/htmx.min.js")),
        asset("app.js", "text/javascript", include_bytes!("../assets/app.js")),
        asset("terminal.css", "text/css", include_bytes!("../assets/terminal.css")),
        asset("terminal.js", "text/javascript", include_bytes!("../assets/terminal.js")),
        asset("pad.js", "text/javascript", include_bytes!("../assets/vendor/signature_pad.min.js")),
        asset("capture.js", "text/javascript", include_bytes!("../assets/capture.js")),
        asset("console.css", "text/css", include_bytes!("../assets/console.css")),
        asset("console.js", "text/javascript", include_bytes!("../assets/console.js")),
        asset("icons.svg", "image/svg+xml", include_bytes!("../assets/vendor/icons.svg")),
        asset("logo.svg", "image/svg+xml", include_bytes!("../assets/logo.svg")),
    ]
});

fn hex_start(bytes: &[u8]) -> String {
    Digest::of(bytes).value.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn find(name: &str) -> Option<&'static Asset> {
    ALL.iter().find(|asset| asset.name == name)
}

/// The address of an asset below a program's root. A name that is none leads nowhere, which a test notices.
pub fn address(name: &str) -> String {
    let version = find(name).map_or("unknown", |asset| asset.version.as_str());
    format!("{PATH}/{version}/{name}")
}

/// Answers for `/assets/{version}/{name}`. An older version is answered with today's file, which is not kept.
pub fn serve(version: &str, name: &str, headers: &HeaderMap) -> Response {
    let Some(asset) = find(name) else { return StatusCode::NOT_FOUND.into_response() };
    let kept = if asset.version == version { "public, max-age=31536000, immutable" } else { "no-store" };
    let accepts =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let answer = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
        (CACHE_CONTROL, HeaderValue::from_static(kept)),
        (VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if accepts.split(',').any(|coding| coding.split(';').next().is_some_and(|name| name.trim() == "gzip")) {
        let gzipped = asset.gzipped.get_or_init(|| gzip(asset.bytes));
        return (answer, [(CONTENT_ENCODING, "gzip")], gzipped.as_slice()).into_response();
    }
    (answer, asset.bytes).into_response()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing into memory cannot fail")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendored_files_are_what_their_list_says() {
        let list: serde_json::Value = serde_json::from_str(include_str!("../assets/vendored.json")).unwrap();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
        let listed = list.as_array().unwrap();
        for entry in listed {
            let bytes = std::fs::read(folder.join(entry["file"].as_str().unwrap())).unwrap();
            let hash: String = Digest::of(&bytes).value.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hash, entry["sha256"].as_str().unwrap(), "{entry}");
            for fact in ["package", "version", "licence"] {
                assert!(!entry[fact].as_str().unwrap().is_empty(), "{entry}");
            }
        }
        let files = std::fs::read_dir(folder.join("vendor"))
            .unwrap()
            .filter(|file| !file.as_ref().unwrap().file_name().to_string_lossy().starts_with("LICENSE"));
        assert_eq!(files.count(), listed.len());
    }

    #[test]
    fn an_asset_is_kept_under_its_own_version_only() {
        let path = address("app.css");
        let version = path.split('/').nth(2).unwrap();
        let kept = serve(version, "app.css", &HeaderMap::new());
        assert!(kept.headers()[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert_eq!(serve("old", "app.css", &HeaderMap::new()).headers()[CACHE_CONTROL], "no-store");
        assert_eq!(serve(version, "../lib.rs", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
        let headers =
            HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("br, gzip;q=1"))]);
        assert_eq!(serve(version, "app.css", &headers).headers()[CONTENT_ENCODING], "gzip");
    }

    #[test]
    fn nothing_leads_outside() {
        for asset in ALL.iter().filter(|asset| asset.name != "htmx.js") {
            let text = String::from_utf8_lossy(asset.bytes);
            let text = text.replace("http://www.w3.org/", "").replace("https://tabler.io", "");
            let text = text.replace("https://github.com/tabler/tabler/blob/master/LICENSE", "");
            // Where it comes from, in its first lines.
            let text = text.replace("https://github.com/szimek/signature_pad", "");
            assert!(!text.contains("://"), "{}", asset.name);
        }
    }
}
