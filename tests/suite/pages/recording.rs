//! Recordings in the page, signatures on the glass, files of other devices, and where all of it was taken.

use super::{Answer, Pages, multipart, pool};
use axum::http::{Method, StatusCode};
use fieldproof_schema::capture::Place;
use fieldproof_schema::reference::EvidenceRegister;
use fieldproof_tests::world::World;
use serde_json::{Value, json};

const FIX: &str = r#"{"latitude":30.123456,"longitude":120.654321,"accuracy":7.4,"at":1780000000000}"#;
const SOUND: &[u8] = b"\x1a\x45\xdf\xa3 words that were spoken";

async fn begin(pages: &Pages, kind: &str, media_type: &str) -> Answer {
    let fields = [("kind", kind), ("media_type", media_type), ("item", ""), ("place", FIX)];
    pages.post(&format!("{}/recordings", pages.visit), &fields).await
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{}", answer.text()))
}

fn registers(pages: &Pages) -> Vec<EvidenceRegister> {
    let evidence = pages.client.inspection(pages.id).unwrap().evidence;
    evidence.into_iter().map(|item| item.register.unwrap()).collect()
}

#[tokio::test]
async fn what_a_page_records_is_kept_part_by_part() {
    let world = World::start(31, None).await;
    let (_, _, one, _two) = pool(&world, |_| {}).await;
    let begun = begin(&one, "audio", "audio/webm").await;
    assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.text());
    let begun = json_of(&begun);
    assert!(begun["bytes"] == 0 && begun["bytes_left"].as_u64().unwrap() > 0);
    let path = format!("{}/recordings/{}", one.visit, begun["recording"].as_str().unwrap());
    let part = |at: usize, part: &'static [u8]| {
        let (one, path) = (&one, format!("{path}?at={at}"));
        async move { one.send(Method::POST, &path, &[("hx-request", "true")], part).await }
    };
    assert_eq!(json_of(&part(0, &SOUND[..10]).await)["bytes"], 10);
    // Sent again, since the answer was lost.
    assert_eq!(json_of(&part(0, &SOUND[..20]).await)["bytes"], 20);
    let gap = part(25, b"x").await;
    assert_eq!(gap.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", gap.text());
    assert_eq!(json_of(&part(20, &SOUND[20..]).await)["bytes"], SOUND.len());
    let ended = one.swap(&format!("{path}/end"), &[("item", "")]).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.text());
    assert!(ended.text().starts_with("<div class=\"fp-shots\" id=\"e-0\""), "{}", ended.text());
    assert!(!ended.text().contains("data-recorder"), "what records on the page is left alone");
    let again = one.swap(&format!("{path}/end"), &[]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);

    let kept = registers(&one).remove(0);
    assert_eq!((kept.kind.as_str(), kept.size_bytes, kept.truncated), ("audio", SOUND.len() as u64, false));
    let Some(Place::At(fix)) = kept.place else { panic!("{:?}", kept.place) };
    assert_eq!((fix.latitude_e7, fix.longitude_e7, fix.accuracy_cm), (301_234_560, 1_206_543_210, 740));
    let gallery = one.page("/evidence").await;
    assert!(gallery.read().contains("北纬 30.12346°，东经 120.65432°，误差 8 米"), "{}", gallery.read());
    assert!(gallery.text().contains("data-recorder"));

    // One that broke says so.
    let begun = json_of(&begin(&one, "video", "video/webm").await);
    let path = format!("{}/recordings/{}", one.visit, begun["recording"].as_str().unwrap());
    one.send(Method::POST, &format!("{path}?at=0"), &[], SOUND).await;
    one.swap(&format!("{path}/end"), &[("broken", "yes")]).await;
    assert_eq!(registers(&one).iter().filter(|kept| kept.truncated).count(), 1);
    assert!(one.page("/evidence").await.read().contains("录制中断"));
    for (kind, media_type) in [("hologram", "audio/webm"), ("audio", "text/html"), ("photo", "audio/webm")] {
        let refused = begin(&one, kind, media_type).await;
        assert!(refused.status.is_client_error(), "{kind} {media_type}: {}", refused.status);
    }
}

#[tokio::test]
async fn a_signature_is_its_picture_and_its_strokes() {
    let world = World::start(32, None).await;
    let (_, _, one, _two) = pool(&world, |_| {}).await;
    let strokes = json!({"format": 1, "width": 300, "height": 224, "began_at_ms": 1,
                         "strokes": [(0..20_000).map(|n| json!([n % 300, n % 224, 4 * n, 0.5])).collect::<Vec<_>>()]});
    let png = b"\x89PNG\r\n\x1a\n a picture";
    let sign = |caption: &'static str, strokes: String| {
        let one = &one;
        async move {
            let fields = [("caption", caption), ("strokes", strokes.as_str()), ("place", "denied")];
            let (kind, body) = multipart(&fields, "signature.png", "image/png", png);
            let headers = [("content-type", kind.as_str()), ("hx-request", "true")];
            one.send(Method::POST, &format!("{}/signature", one.visit), &headers, body).await
        }
    };
    for (caption, strokes) in [("", strokes.to_string()), ("负责人丙", "{}".to_owned())] {
        let refused = sign(caption, strokes).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text());
    }
    assert!(registers(&one).is_empty());
    let signed = sign("负责人丙", strokes.to_string()).await;
    assert_eq!(signed.status, StatusCode::OK, "{}", signed.text());
    let evidence = one.client.inspection(one.id).unwrap().evidence;
    let by_type = |media_type: &str| {
        let of_type = |item: &&fieldproof_client_core::EvidenceItem| {
            item.register.as_ref().is_some_and(|register| register.media_type == media_type)
        };
        evidence.iter().find(of_type).unwrap()
    };
    let (picture, drawn) = (by_type("image/png"), by_type("application/json"));
    let drawn_of = drawn.register.as_ref().unwrap();
    assert_eq!((drawn_of.kind.as_str(), drawn_of.beside), ("signature", Some(picture.record)));
    let gallery = one.page("/evidence").await.read();
    assert!(gallery.contains("签名") && gallery.contains("负责人丙") && gallery.contains("未允许定位"));
    // The strokes are given to be saved, never shown.
    let file = one.get(&format!("{}/evidence/{}/file", one.visit, drawn.record)).await;
    assert_eq!(serde_json::from_slice::<Value>(&file.body).unwrap(), strokes);
    assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
}

#[tokio::test]
async fn a_file_of_another_device_says_how_its_clock_stood() {
    let world = World::start(33, None).await;
    let (_, _, one, two) = pool(&world, |_| {}).await;
    let film = b"\0\0\0\x18ftypmp42 a film";
    let import = |clock: &'static str, seconds: &'static str, kind: &'static str| {
        let one = &one;
        async move {
            let fields = [
                ("kind", kind),
                ("device_clock", "2026-06-01T09:30:00"),
                ("clock", clock),
                ("ahead_seconds", seconds),
                ("caption", "执法记录仪"),
            ];
            let (media, body) = multipart(&fields, "REC_0001.MP4", "video/mp4", film);
            one.send(Method::POST, &format!("{}/evidence", one.visit), &[("content-type", &media)], body)
                .await
        }
    };
    assert_eq!(import("behind", "90", "recorder").await.place(), format!("{}/evidence", one.visit));
    let made = registers(&one)[0].made_at.unwrap();
    assert_eq!(
        (made.ahead_seconds, made.device_clock.to_string()),
        (-90, "2026-06-01T01:30:00.000000Z".into())
    );
    let gallery = one.page("/evidence").await.read();
    assert!(
        gallery.contains("设备时钟 2026-06-01 09:30，慢 90 秒；按本机时钟为 2026-06-01 09:31"),
        "{gallery}"
    );
    assert!(gallery.contains("执法记录仪文件") && gallery.contains("未请求定位"));
    for (seconds, kind) in [("x", "recorder"), ("9999999999999", "recorder"), ("1", "photo")] {
        let refused = import("ahead", seconds, kind).await;
        assert!(refused.status.is_client_error(), "{seconds} {kind}: {}", refused.status);
    }
    // Signed, sent, and read by the colleague.
    one.sync().await;
    two.sync().await;
    assert!(two.page("/evidence").await.read().contains("慢 90 秒"));
}
