//! Captures: taken in by a terminal and uploaded, each beside the least that could be done with the same bytes.

use super::handheld::{Ask, Handheld, Told};
use super::{Board, Phase};
use crate::demo::api::Failure;
use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::put;
use fieldproof_client_core::{CaptureFacts, CaptureSource, Client};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::suite::Digest;
use http_body_util::BodyExt;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::json;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// How often a hundred photos are taken.
const ROUNDS: usize = 5;
const PHOTOS: usize = 100;
const PHOTO_BYTES: usize = 4 * 1024 * 1024;

/// Photos as large as a good camera's, taken in and uploaded.
pub(super) async fn evidence(board: &mut Board<'_>, one: &mut Handheld) -> Result<(), Failure> {
    one.sync().await?;
    let (mut raw, mut taken) = (Vec::new(), Vec::new());
    let mut last = Told::default();
    for round in 0..ROUNDS {
        last = one.ask(&Ask::Capture { round }).await?;
        raw.push(Duration::from_secs_f64(last.more["raw_seconds"].as_f64().unwrap_or_default()));
        taken.push(last.took());
    }
    let (raw, took) = (median(raw), median(taken));
    last.more = json!({"photos": PHOTOS, "photo_bytes": PHOTO_BYTES, "rounds": ROUNDS, "raw_seconds": raw.as_secs_f64(),
        "raw_share": share(raw, took)});
    board.line(Phase::Evidence, "capture_photos", took, &last)?;

    let bytes = (ROUNDS * PHOTOS * PHOTO_BYTES) as f64;
    let plain = plain(one).await?;
    let least =
        Told { more: json!({"bytes": bytes, "mb_per_second": rate(bytes, plain)}), ..Told::default() };
    board.line(Phase::Evidence, "upload_plain", plain, &least)?;
    one.sync().await?;
    let mut uploaded = one.ask(&Ask::Sync { uploads: true }).await?;
    uploaded.more = json!({"bytes": bytes, "mb_per_second": rate(bytes, uploaded.took()),
        "plain_share": share(plain, uploaded.took())});
    board.line(Phase::Evidence, "upload_photos", uploaded.took(), &uploaded)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn share(least: Duration, took: Duration) -> f64 {
    (least.as_secs_f64() / took.as_secs_f64() * 1000.0).round() / 1000.0
}

fn rate(bytes: f64, took: Duration) -> f64 {
    (bytes / took.as_secs_f64() / 1e6).round()
}

/// The same photos sent to an endpoint that only writes them to the disk and syncs them.
async fn plain(one: &mut Handheld) -> Result<Duration, Failure> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().to_owned();
    let write = move |axum::extract::Path(name): axum::extract::Path<u32>, body: Body| {
        keep(place.join(name.to_string()), body)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let router = Router::new().route("/{name}", put(write));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let told = one.ask(&Ask::SendPlain { base }).await;
    serving.abort();
    Ok(told?.took())
}

async fn keep(path: PathBuf, mut body: Body) -> StatusCode {
    let written = async {
        let mut file = tokio::fs::File::create(path).await?;
        while let Some(frame) = body.frame().await {
            if let Ok(piece) = frame.map_err(std::io::Error::other)?.into_data() {
                file.write_all(&piece).await?;
            }
        }
        file.sync_all().await
    };
    if written.await.is_ok() { StatusCode::NO_CONTENT } else { StatusCode::INSUFFICIENT_STORAGE }
}

/// The photos of a round: no two are alike.
fn photos(round: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..PHOTOS).map(move |n| {
        let mut photo = vec![0; PHOTO_BYTES];
        ChaCha8Rng::seed_from_u64((round * PHOTOS + n) as u64).fill_bytes(&mut photo);
        photo[..3].copy_from_slice(&[0xff, 0xd8, 0xff]);
        photo
    })
}

/// On the terminal: the photos of a round hashed, written and synced, and the same ones captured.
pub(super) fn capture(
    client: &Client,
    visit: InspectionId,
    folder: &Path,
    round: usize,
) -> Result<(Duration, Duration), Failure> {
    let facts = CaptureFacts::PHOTO;
    let place = folder.join("raw");
    fs::create_dir_all(&place)?;
    let (mut raw, mut took) = (Duration::ZERO, Duration::ZERO);
    for photo in photos(round) {
        let begun = Instant::now();
        let mut file = File::create(place.join(Digest::of(&photo).to_string()))?;
        file.write_all(&photo)?;
        file.sync_all()?;
        File::open(&place)?.sync_all()?;
        raw += begun.elapsed();
        let begun = Instant::now();
        client.capture(visit, CaptureSource::Bytes(&photo), &facts)?;
        took += begun.elapsed();
    }
    fs::remove_dir_all(&place)?;
    Ok((raw, took))
}

/// On the terminal: all photos sent one after another.
pub(super) async fn send_plain(base: &str) -> Result<Duration, Failure> {
    let client = reqwest::Client::new();
    let mut took = Duration::ZERO;
    for round in 0..ROUNDS {
        for (n, photo) in photos(round).enumerate() {
            let begun = Instant::now();
            let name = round * PHOTOS + n;
            client.put(format!("{base}/{name}")).body(photo).send().await?.error_for_status()?;
            took += begun.elapsed();
        }
    }
    Ok(took)
}
