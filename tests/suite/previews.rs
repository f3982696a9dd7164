//! Small pictures of photos: made by workers that may die of them, kept apart from the originals, shown to nobody who may not
//! see these.

use crate::support::{self, City};
use crate::workers::{UNHURRIED, at, rogues, workers};
use axum::http::{StatusCode, header};
use fieldproof_client_core::{CaptureFacts, CaptureSource};
use fieldproof_schema::capture::CaptureKind;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::limits::{PREVIEW_RETRY_SECONDS, PREVIEW_SIDE_MAX};
use fieldproof_schema::suite::Digest;
use fieldproof_server::fsck::{self, Care};
use fieldproof_server::workers::picture::Original;
use fieldproof_server::workers::pool::Pool;
use fieldproof_server::workers::{Fault, Gate};
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::PASSWORD;
use fieldproof_tests::world::desk::{Desk, Seen};
use fieldproof_tests::world::device::Device;
use jpeg_encoder::{ColorType, Encoder};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// A photo, left half red and right half blue, whose metadata says how it is to be turned.
fn halves(width: u16, height: u16, orientation: u8) -> Vec<u8> {
    // A little-endian TIFF with one field, a short: 0x0112, the orientation.
    let mut exif = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let row = (0..width).flat_map(|x| if x < width / 2 { [230, 20, 20] } else { [20, 20, 230] });
    let pixels = row.collect::<Vec<u8>>().repeat(height.into());
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 90);
    encoder.add_exif_metadata(&exif).unwrap();
    encoder.encode(&pixels, width, height, ColorType::Rgb).unwrap();
    file
}

/// Width and height of a JPEG, and whether a place of it is red.
fn decoded(jpeg: &[u8]) -> ((u16, u16), impl Fn(u16, u16) -> bool) {
    let mut decoder = jpeg_decoder::Decoder::new(jpeg);
    let pixels = decoder.decode().unwrap();
    let info = decoder.info().unwrap();
    let is_red = move |x: u16, y: u16| {
        let at = (usize::from(y) * usize::from(info.width) + usize::from(x)) * 3;
        pixels[at] > 150 && pixels[at + 2] < 100
    };
    ((info.width, info.height), is_red)
}

/// A PNG that claims a size, in red, green, blue and transparency, and has next to no pixels.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
    head.extend([8, 6, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    // A zlib stream of four bytes, none of them compressed.
    let data = b"\x78\x01\x01\x04\0\xfb\xff\0\0\0\0\0\x04\0\x01";
    for (name, body) in [(b"IHDR", head.as_slice()), (b"IDAT", data), (b"IEND", &[])] {
        file.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        let chunk = [name.as_slice(), body].concat();
        file.extend(&chunk);
        file.extend(crc(&chunk).to_be_bytes());
    }
    file
}

fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

/// A photo that claims another size than it has.
fn lying(width: u16, height: u16) -> Vec<u8> {
    let mut file = photo::jpeg(5, None, 320, 240);
    let frame = file.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    file[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    file[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    file
}

fn capture(device: &Device, visit: InspectionId, media_type: &str, bytes: &[u8]) -> Digest {
    let facts = CaptureFacts::of(CaptureKind::of_file(media_type), media_type);
    device.client().capture(visit, CaptureSource::Bytes(bytes), &facts).unwrap();
    Digest::of(bytes)
}

fn address(digest: &Digest) -> String {
    format!("/console/evidence/{digest}/preview")
}

async fn ask(world: &World, desk: &Desk, digest: &Digest) -> Seen {
    desk.get(world, &address(digest)).await
}

fn assert_none(seen: &Seen) {
    assert_eq!(seen.status, StatusCode::NOT_FOUND, "{}", seen.text);
    assert!(seen.text.contains("preview_none"), "{}", seen.text);
}

/// What is kept of a preview.
async fn kept(world: &World, digest: &Digest, ending: &str) -> PathBuf {
    let (org, name) = (world.app.org().await.unwrap().to_string(), digest.to_string());
    let folder = world.folder().join("evidence/previews").join(org).join(&name[4..6]);
    folder.join(format!("{name}.{ending}"))
}

/// A city whose server makes previews in such workers, and a desk of its supervisor.
async fn begin(seed: u64, gate: Gate) -> (World, City, Desk) {
    let world = World::start_at(seed, None, None, gate).await;
    let city = support::city(&world).await;
    let desk = Desk::sign_in(&world, "shenhe").await;
    (world, city, desk)
}

async fn small(pool: &Pool, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    pool.preview(Original(bytes.to_vec())).await
}

#[tokio::test]
async fn a_photo_is_made_small_and_turned_as_its_camera_says() {
    let pool = workers(1);
    let (width, height) = (960, 320);
    for (orientation, red, blue) in [
        (1, (20, 80), (460, 80)),
        (2, (460, 80), (20, 80)),
        (3, (460, 80), (20, 80)),
        (4, (20, 80), (460, 80)),
        (5, (80, 20), (80, 460)),
        (6, (80, 20), (80, 460)),
        (7, (80, 460), (80, 20)),
        (8, (80, 460), (80, 20)),
        // No orientation at all: as it is stored.
        (77, (20, 80), (460, 80)),
    ] {
        let jpeg = small(&pool, &halves(width, height, orientation)).await.unwrap();
        let (size, is_red) = decoded(&jpeg);
        let lies = matches!(orientation, 5..=8);
        assert_eq!(size, if lies { (160, 480) } else { (480, 160) }, "{orientation}");
        assert!(is_red(red.0, red.1) && !is_red(blue.0, blue.1), "{orientation}");
        assert!(!jpeg.windows(4).any(|part| part == b"Exif"), "nothing but what is seen");
    }
    // What is small already is not made larger.
    assert_eq!(decoded(&small(&pool, &halves(60, 40, 6)).await.unwrap()).0, (40, 60));
    assert_eq!(pool.health().died, 0);
}

#[tokio::test]
async fn hostile_bytes_end_in_no_preview_and_cost_no_worker() {
    let pool = workers(1);
    let photo = photo::jpeg(1, None, 640, 480);
    let refused: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("text", b"<html><script>alert(1)</script>".to_vec()),
        ("three bytes", photo[..3].to_vec()),
        ("half a head", photo[..40].to_vec()),
        ("the whole world", png(60_000, 60_000)),
        ("more than can be", png(u32::MAX, u32::MAX)),
        ("no pixels", png(0, 0)),
        ("all that is allowed, and none of it", png(9_999, 9_999)),
        ("a line", png(100_000_000, 1)),
        ("the largest JPEG", lying(u16::MAX, u16::MAX)),
        ("a film", b"\0\0\0\x20ftypheic\0\0\0\0mif1heic".to_vec()),
        ("a GIF", b"GIF89a\x10\0\x10\0\0\0\0;".to_vec()),
        ("a WebP of nothing", b"RIFF\x0c\0\0\0WEBPVP8L\0\0\0\0".to_vec()),
    ];
    for (what, bytes) in &refused {
        let found = small(&pool, bytes).await;
        assert!(matches!(found, Err(Fault::Refused(_))), "{what}: {found:?}");
    }
    // Of some of these something can be seen; whatever comes, it is small.
    let mut halved = photo.clone();
    halved.truncate(photo.len() / 2);
    let mut damaged = photo.clone();
    damaged.iter_mut().skip(700).step_by(97).for_each(|byte| *byte ^= 0x55);
    for (what, bytes) in [
        ("halved", halved),
        ("damaged", damaged),
        ("wide", lying(u16::MAX, 1_500)),
        ("tall", lying(9, 60_000)),
    ] {
        match small(&pool, &bytes).await {
            Ok(jpeg) => {
                let (width, height) = decoded(&jpeg).0;
                assert!(u32::from(width.max(height)) <= PREVIEW_SIDE_MAX, "{what}");
            }
            Err(fault) => assert!(matches!(fault, Fault::Refused(_)), "{what}: {fault:?}"),
        }
    }
    let health = pool.health();
    assert_eq!((health.died, health.alive), (0, 1), "{health:?}");
}

#[tokio::test]
async fn pages_show_previews_and_originals_stay_as_they_are() {
    let (world, city, desk) = begin(1401, at(&workers(2))).await;
    let (visit, one) = (city.task.inspection, &city.one);
    // Markup in the metadata and behind the picture.
    let mut polyglot = photo::jpeg(2, Some("<script>alert(1)</script>"), 800, 600);
    polyglot.extend(b"<html><script>alert(2)</script>");
    let mut large = photo::jpeg(3, None, 800, 600);
    large.resize(9 * 1024 * 1024, 0);
    let (seen, large_one) =
        (capture(one, visit, "image/jpeg", &polyglot), capture(one, visit, "image/jpeg", &large));
    let none = capture(one, visit, "image/jpeg", b"\xFF\xD8\xFF<html><script>alert(3)</script>");
    let film = capture(one, visit, "video/mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom");
    one.sync().await;

    let page = desk.get(&world, &format!("/console/inspections/{visit}")).await.text;
    for digest in [&seen, &large_one, &none] {
        assert!(page.contains(&format!("src=\"{}\"", address(digest))), "{digest}");
        assert!(!page.contains(&format!("src=\"/console/evidence/{digest}\"")), "{digest}");
    }
    assert!(page.contains("预览，由原件生成") && !page.contains(&address(&film)));
    for digest in [&seen, &large_one] {
        let answer = ask(&world, &desk, digest).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let header = |name: header::HeaderName| answer.headers[name].to_str().unwrap().to_owned();
        assert_eq!(header(header::CONTENT_TYPE), "image/jpeg");
        assert_eq!(header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(header(header::CACHE_CONTROL), "private, no-store");
        assert_eq!(header(header::CONTENT_SECURITY_POLICY), "sandbox; default-src 'none'");
        assert_eq!(decoded(&answer.bytes).0, (480, 360));
        assert!(!answer.text.contains("<script"), "nothing but what is seen");
    }
    let original = desk.get(&world, &format!("/console/evidence/{seen}")).await;
    assert_eq!(original.bytes, polyglot, "the original is as it was");
    assert_none(&ask(&world, &desk, &film).await);
    assert_none(&ask(&world, &desk, &none).await);
    assert_eq!(world.app.previews.health().died, 0);
    // It is written down; who asks again gets what is written.
    let note = kept(&world, &none, "none").await;
    assert!(fs::read_to_string(&note).unwrap().contains("\"until\":null"));
    // Written down by another version it does not count.
    fs::write(&note, r#"{"version":"0.0.0","until":null,"why":"x"}"#).unwrap();
    assert_none(&ask(&world, &desk, &none).await);
    assert!(!fs::read_to_string(&note).unwrap().contains("0.0.0"));
    let health = world.call("GET", "/healthz", None, &serde_json::Value::Null).await.1;
    assert_eq!((&health["previews"]["workers"], &health["previews"]["busy"]), (&json!(1), &json!(0)));
    assert_eq!(health["gate"]["workers"], 2);
}

#[tokio::test]
async fn who_may_not_see_the_original_learns_nothing_of_its_preview() {
    let (world, city, desk) = begin(1402, at(&workers(1))).await;
    let user = json!({"login": "waidi", "name": "某人（虚构）", "role": "supervisor", "unit": "ORG-C-SUP", "password": PASSWORD});
    city.administrator.post(&world, "/api/v1/users", user).await;
    let visit = city.task.inspection;
    let digest = capture(&city.one, visit, "image/jpeg", &photo::jpeg(2, None, 80, 60));
    let none = capture(&city.one, visit, "image/jpeg", b"\xFF\xD8\xFFno photo");
    city.one.sync().await;
    let stranger = Desk::sign_in(&world, "waidi").await;
    let nothing = ask(&world, &stranger, &Digest::of(b"never seen")).await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    for _ in 0..2 {
        for digest in [&digest, &none] {
            let answer = ask(&world, &stranger, digest).await;
            assert_eq!((answer.status, &answer.text), (nothing.status, &nothing.text));
            assert!(!answer.text.contains("preview_none"));
        }
        // Now both are kept; that changes nothing for others.
        assert_eq!(ask(&world, &desk, &digest).await.status, StatusCode::OK);
        assert_none(&ask(&world, &desk, &none).await);
    }
    let nobody = ask(&world, &Desk::new(), &digest).await;
    assert_eq!(nobody.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn what_is_kept_can_be_deleted_and_is_no_original() {
    let (world, city, desk) = begin(1403, at(&workers(1))).await;
    let (visit, bytes) = (city.task.inspection, photo::jpeg(2, None, 800, 600));
    let digest = capture(&city.one, visit, "image/jpeg", &bytes);
    city.one.sync().await;
    let file = kept(&world, &digest, "jpg").await;
    assert!(!file.exists(), "nobody asked");
    let made = ask(&world, &desk, &digest).await;
    assert_eq!(fs::read(&file).unwrap(), made.bytes);
    // It comes from there.
    fs::write(&file, [&made.bytes[..], b"kept"].concat()).unwrap();
    assert!(ask(&world, &desk, &digest).await.bytes.ends_with(b"kept"));
    let report = fsck::look(&world.app, Care::Contents).await.unwrap();
    assert_eq!((report.originals, report.bytes_read, report.lost.len()), (1, bytes.len() as u64, 0));
    fs::remove_file(&file).unwrap();
    assert_eq!(ask(&world, &desk, &digest).await.bytes, made.bytes);
    fs::remove_dir_all(world.folder().join("evidence/previews")).unwrap();
    assert_eq!(ask(&world, &desk, &digest).await.bytes, made.bytes);
    assert!(file.exists());

    // Nothing is made of what is not the original any more, and that is not kept.
    fs::remove_file(&file).unwrap();
    let org = world.app.org().await.unwrap().to_string();
    let name = digest.to_string();
    let blob = world.folder().join("evidence/blobs").join(org).join(&name[4..6]).join(&name);
    fs::write(&blob, photo::jpeg(3, None, 800, 600)).unwrap();
    assert_none(&ask(&world, &desk, &digest).await);
    fs::write(&blob, &bytes).unwrap();
    assert_eq!(ask(&world, &desk, &digest).await.bytes, made.bytes);
}

#[tokio::test]
async fn a_worker_that_is_killed_over_a_photo_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let once = folder.path().join("once");
    let (world, city, desk) = begin(1404, at(&rogues(&once, UNHURRIED))).await;
    let visit = city.task.inspection;
    let digest = capture(&city.one, visit, "image/jpeg", &photo::jpeg(2, Some("GATE-ONCE"), 800, 600));
    city.one.sync().await;
    let kill = async {
        while !once.exists() {
            tokio::task::yield_now().await;
        }
        // Pages do not wait for pictures.
        let page = desk.get(&world, &format!("/console/inspections/{visit}")).await;
        assert!(page.status == StatusCode::OK && page.text.contains(&address(&digest)));
        let victim = world.app.previews.at_work()[0].to_string();
        assert!(Command::new("kill").args(["-9", &victim]).status().unwrap().success());
    };
    let (answer, ()) = tokio::join!(ask(&world, &desk, &digest), kill);
    assert_eq!((answer.status, decoded(&answer.bytes).0), (StatusCode::OK, (480, 360)));
    assert_eq!(world.app.previews.health().died, 1);
    assert_eq!(world.app.judging.gate().health().died, 0, "those that judge have no part in it");
}

async fn a_photo_over_which_workers_end(mark: &str, deadline: Duration, tries: u64, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let pool = rogues(&folder.path().join("once"), deadline);
    let (world, city, desk) = begin(seed, at(&pool)).await;
    let visit = city.task.inspection;
    let sick = capture(&city.one, visit, "image/jpeg", &photo::jpeg(2, Some(mark), 80, 60));
    city.one.sync().await;
    let died = || world.app.previews.health().died;
    // Several look at once, and again.
    let (one, two) = tokio::join!(ask(&world, &desk, &sick), ask(&world, &desk, &sick));
    for answer in [one, two, ask(&world, &desk, &sick).await] {
        assert_none(&answer);
    }
    assert_eq!(died(), tries, "nobody tries it at each look");
    assert!(!fs::read_to_string(kept(&world, &sick, "none").await).unwrap().contains("\"until\":null"));
    let page = desk.get(&world, &format!("/console/inspections/{visit}")).await;
    assert_eq!(page.status, StatusCode::OK);
    // The machine may have been busy: on another day it is tried again.
    world.clock.advance_seconds(PREVIEW_RETRY_SECONDS);
    let desk = Desk::sign_in(&world, "shenhe").await;
    assert_none(&ask(&world, &desk, &sick).await);
    assert_eq!(died(), 2 * tries);
    assert_eq!(world.app.judging.gate().health().died, 0);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_photo_over_which_workers_eat_all_memory_is_tried_once_a_day() {
    a_photo_over_which_workers_end("GATE-EAT", UNHURRIED, 2, 1405).await;
}

#[tokio::test]
async fn a_photo_over_which_workers_spin_is_tried_once_a_day() {
    a_photo_over_which_workers_end("GATE-SPIN", Duration::from_millis(500), 1, 1406).await;
}

#[tokio::test]
async fn without_workers_nothing_is_decoded() {
    let (world, city, desk) = begin(1407, Gate::InProcess).await;
    let visit = city.task.inspection;
    let digest = capture(&city.one, visit, "image/jpeg", &photo::jpeg(2, None, 80, 60));
    city.one.sync().await;
    assert_none(&ask(&world, &desk, &digest).await);
    assert!(!kept(&world, &digest, "none").await.exists(), "with workers there will be one");
    // Nor where workers cannot be started.
    let nowhere = Pool::of("/nowhere/fieldproof".into(), Vec::new(), 1);
    let found = nowhere.preview(Original(photo::jpeg(2, None, 80, 60))).await;
    assert!(matches!(found, Err(Fault::NoWorker(_))), "{found:?}");
}
