//! Recordings: whatever was said to be kept becomes a capture, whenever the program ends.

use crate::testing::{PASSPHRASE, Server, TestHost, Visit, me, options, terminal, unlock};
use crate::{CaptureFacts, Client, ClientError};
use fieldproof_schema::capture::{CaptureKind, Place};
use fieldproof_schema::ids::RecordId;
use fieldproof_schema::limits::RECORDING_IDLE_MS;
use fieldproof_schema::reference::EvidenceRegister;
use fieldproof_schema::seal::Party;
use fieldproof_schema::wire::error::ErrorCode;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const WEBM: &[u8] = b"\x1a\x45\xdf\xa3";
const PIECE: usize = 64 * 1024;

/// Sound of this length, of which no two parts are the same.
fn sound(length: usize) -> Vec<u8> {
    let rest = (WEBM.len()..length).map(|at| (at * 31 + at / 257 + at / 65_536) as u8);
    WEBM.iter().copied().chain(rest).collect()
}

fn facts() -> CaptureFacts<'static> {
    CaptureFacts { caption: "询问", ..CaptureFacts::of(CaptureKind::Audio, "audio/webm") }
}

struct Hand {
    dir: TempDir,
    host: Arc<TestHost>,
    visit: Visit,
    client: Client,
}

async fn hand() -> Hand {
    let dir = tempfile::tempdir().unwrap();
    let (host, server, visit) = (Arc::new(TestHost::new(1)), Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    let client = terminal(dir.path(), &host, &server).await;
    Hand { dir, host, visit, client }
}

/// What a recording became: its bytes, and whether it ends early.
fn became(client: &Client, visit: &Visit, record: RecordId) -> Option<(Vec<u8>, bool)> {
    let detail = client.inspection(visit.id).unwrap();
    let listed = detail.view.evidence.get(&record.to_string())?;
    let register: EvidenceRegister = serde_json::from_str(&listed.standing.value).unwrap();
    let mut bytes = Vec::new();
    client.evidence_file(visit.id, record).unwrap().bytes.read_to_end(&mut bytes).unwrap();
    assert_eq!(register.size_bytes, bytes.len() as u64);
    assert_eq!((register.caption.as_str(), register.kind.as_str()), ("询问", "audio"));
    assert_eq!(client.verify().unwrap().faults, []);
    Some((bytes, register.truncated))
}

fn copy(from: &Path) -> TempDir {
    fn all(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).unwrap() {
            let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.as_ref().unwrap().file_name()));
            if path.is_dir() {
                fs::create_dir_all(&to).unwrap();
                all(&path, &to);
            } else {
                fs::copy(path, to).unwrap();
            }
        }
    }
    let to = tempfile::tempdir().unwrap();
    all(from, to.path());
    to
}

fn file(dir: &Path, end: &str) -> PathBuf {
    let names = fs::read_dir(dir.join("evidence")).unwrap().map(|entry| entry.unwrap().path());
    names.into_iter().find(|path| path.to_string_lossy().ends_with(end)).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("evidence")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

impl Hand {
    /// What a copy of the folder makes of a recording.
    fn after_a_kill(&self, dir: &TempDir, record: RecordId) -> Option<(Vec<u8>, bool)> {
        for _ in 0..2 {
            let host = Arc::new(TestHost::new(9));
            let client = Client::open(dir.path(), host, options(), unlock()).unwrap();
            client.end_left_recordings().unwrap();
            if let Some(found) = became(&client, &self.visit, record) {
                assert_eq!(names(dir.path()).len(), 1, "{:?}", names(dir.path()));
                return Some(found);
            }
        }
        assert_eq!(names(dir.path()).len(), 0, "{:?}", names(dir.path()));
        None
    }
}

#[tokio::test]
async fn a_recording_that_ends_is_whole() {
    let hand = hand().await;
    let place = Place::Unknown("denied".to_owned());
    for length in [5, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 17] {
        let sound = sound(length);
        let facts = CaptureFacts { place: Some(&place), ..facts() };
        let (record, begun) = hand.client.begin_recording(hand.visit.id, &facts).unwrap();
        assert!(begun.size_bytes == 0 && begun.room_bytes > 0);
        let mut at = 0;
        for part in sound.chunks(30_000) {
            at = hand.client.record(record, at, part).unwrap().size_bytes;
        }
        // A request that was answered and is repeated changes nothing; one that leaves a gap is refused.
        assert_eq!(hand.client.record(record, 0, &sound).unwrap().size_bytes, length as u64);
        let gap = hand.client.record(record, at + 1, b"x").unwrap_err();
        assert_eq!(gap.code(), ErrorCode::FieldInvalid);
        assert_eq!(hand.client.end_recording(record, false).unwrap(), length as u64);
        assert_eq!(became(&hand.client, &hand.visit, record), Some((sound, false)));
        let over = hand.client.record(record, at, b"x").unwrap_err();
        assert!(matches!(over, ClientError::NotFound { .. }));
    }
    assert_eq!(names(hand.dir.path()).len(), 5);
}

#[tokio::test]
async fn a_kill_at_any_moment_leaves_all_that_was_said_to_be_kept() {
    let hand = hand().await;
    let sound = sound(4 * PIECE + 100);
    let (record, _) = hand.client.begin_recording(hand.visit.id, &facts()).unwrap();
    assert_eq!(hand.after_a_kill(&copy(hand.dir.path()), record), None);
    let mut before = copy(hand.dir.path());
    let mut at = 0;
    for step in [3, 10, PIECE - 13, 1, PIECE, PIECE - 1, 2, 40_000, PIECE, 5_000] {
        let end = (at + step).min(sound.len());
        hand.client.record(record, at as u64, &sound[at..end]).unwrap();
        let now = copy(hand.dir.path());
        let found = hand.after_a_kill(&copy(now.path()), record);
        // A beginning of three bytes is no sound yet.
        assert_eq!(found, (end >= 4).then(|| (sound[..end].to_vec(), true)), "{end} bytes");
        // The new pieces are there, whole or torn, the new rest is not.
        let (long, short) =
            (fs::read(file(now.path(), ".recording")).unwrap(), file(before.path(), ".recording"));
        let short = fs::metadata(short).unwrap().len() as usize;
        for length in [short, short + (long.len() - short) / 2, long.len().max(1) - 1, long.len()] {
            if length < short {
                continue;
            }
            let torn = copy(before.path());
            fs::write(file(torn.path(), ".recording"), &long[..length]).unwrap();
            let found = hand.after_a_kill(&torn, record);
            let (bytes, _) = found.unwrap_or_default();
            assert!(bytes.len() >= at || at < 4, "{} of {at} bytes are left", bytes.len());
            assert_eq!(bytes, sound[..bytes.len()]);
        }
        at = end;
        before = now;
    }
    // A rest that was changed is none; what is whole stays.
    let torn = copy(before.path());
    fs::write(file(torn.path(), ".rest"), b"x").unwrap();
    let (bytes, truncated) = hand.after_a_kill(&torn, record).unwrap();
    assert!(truncated && bytes.len() >= 3 * PIECE && bytes == sound[..bytes.len()]);
}

#[tokio::test]
async fn a_kill_while_a_recording_ends_loses_nothing() {
    for length in [100, 2 * PIECE, 2 * PIECE + 7] {
        let hand = hand().await;
        let sound = sound(length);
        let (record, _) = hand.client.begin_recording(hand.visit.id, &facts()).unwrap();
        hand.client.record(record, 0, &sound).unwrap();
        let going = copy(hand.dir.path());
        hand.client.end_recording(record, false).unwrap();
        assert_eq!(became(&hand.client, &hand.visit, record), Some((sound.clone(), false)));
        // Everything of the end is on the disk but the database's part of it.
        let finished = copy(going.path());
        let kept = fs::read(file(hand.dir.path(), "")).unwrap();
        fs::write(file(finished.path(), ".recording"), &kept).unwrap();
        assert_eq!(hand.after_a_kill(&finished, record), Some((sound.clone(), true)), "{length} bytes");
    }
}

#[tokio::test]
async fn a_recording_that_nobody_goes_on_with_ends_by_itself() {
    let hand = hand().await;
    let sound = sound(1000);
    let (left, _) = hand.client.begin_recording(hand.visit.id, &facts()).unwrap();
    hand.client.record(left, 0, &sound).unwrap();
    hand.host.advance_ms(RECORDING_IDLE_MS - 1);
    let (other, _) = hand.client.begin_recording(hand.visit.id, &facts()).unwrap();
    hand.client.end_left_recordings().unwrap();
    assert_eq!(became(&hand.client, &hand.visit, left), None);
    hand.host.advance_ms(1);
    hand.client.end_left_recordings().unwrap();
    assert_eq!(became(&hand.client, &hand.visit, left), Some((sound.clone(), true)));
    // The other one goes on.
    hand.client.record(other, 0, &sound).unwrap();
    hand.client.end_recording(other, false).unwrap();
    assert_eq!(became(&hand.client, &hand.visit, other), Some((sound, false)));
}

/// An hour of speech, two seconds at a time; the battery dies after half of it.
#[tokio::test]
async fn half_an_hour_outlives_the_battery() {
    let hand = hand().await;
    let sound = sound(1800 * 4_000);
    let parts: Vec<_> = sound.chunks(4_000).collect();
    let (record, _) = hand.client.begin_recording(hand.visit.id, &facts()).unwrap();
    let mut at = 0;
    for part in &parts[..900] {
        hand.host.advance_ms(2_000);
        at = hand.client.record(record, at, part).unwrap().size_bytes;
        hand.client.end_left_recordings().unwrap();
    }
    drop(hand.client);
    let client = Client::open(hand.dir.path(), hand.host, options(), unlock()).unwrap();
    client.end_left_recordings().unwrap();
    assert_eq!(became(&client, &hand.visit, record), Some((sound[..900 * 4_000].to_vec(), true)));
}

#[tokio::test]
async fn what_is_signed_lists_a_recording_that_went_on() {
    let hand = hand().await;
    let sound = sound(1000);
    let (record, _) = hand.client.begin_recording(hand.visit.id, &facts()).unwrap();
    hand.client.record(record, 0, &sound).unwrap();
    assert_eq!(hand.client.status().unwrap().unsent.evidence, 1, "it is on this terminal only");
    let party = Party::Signed { name: "负责人丙".into() };
    // Whatever else the seal wants, the recording has ended.
    let _ = hand.client.seal(hand.visit.id, PASSPHRASE, &party, None);
    assert_eq!(became(&hand.client, &hand.visit, record), Some((sound, true)));
    let gone = hand.client.record(record, 1000, b"x").unwrap_err();
    assert!(matches!(gone, ClientError::NotFound { .. }));
}

/// The store is gone and nothing names the recording: its file stays.
#[tokio::test]
async fn a_recording_outlives_a_damaged_store() {
    let hand = hand().await;
    let sound = sound(2 * PIECE);
    let (record, _) = hand.client.begin_recording(hand.visit.id, &facts()).unwrap();
    hand.client.record(record, 0, &sound).unwrap();
    let (blank, _) = hand.client.begin_recording(hand.visit.id, &facts()).unwrap();
    assert_ne!(record, blank);
    drop(hand.client);
    fs::write(hand.dir.path().join("store.db"), b"no store").unwrap();
    let _ = fs::remove_file(hand.dir.path().join("store.db-wal"));
    let client = Client::open(hand.dir.path(), hand.host, options(), unlock()).unwrap();
    assert!(client.status().unwrap().recovering);
    client.end_left_recordings().unwrap();
    let kept = names(hand.dir.path());
    assert_eq!(kept.iter().filter(|name| name.ends_with(".recording")).count(), 1, "{kept:?}");
}

/// One piece of the file rotted: what comes before it becomes a capture, and the file is kept as it is.
#[tokio::test]
async fn what_a_damaged_recording_still_holds_is_not_thrown_away() {
    let cases = [(0, None), (2, Some(2 * PIECE))].map(|case| [(case, true), (case, false)]);
    for ((damaged, readable), has_rest) in cases.into_iter().flatten() {
        let hand = hand().await;
        let sound = sound(4 * PIECE + 9);
        let (record, _) = hand.client.begin_recording(hand.visit.id, &facts()).unwrap();
        hand.client.record(record, 0, &sound).unwrap();
        drop(hand.client);
        let path = file(hand.dir.path(), ".recording");
        let mut bytes = fs::read(&path).unwrap();
        bytes[40 + damaged * (PIECE + 16) + 7] ^= 1;
        fs::write(&path, &bytes).unwrap();
        if !has_rest {
            fs::remove_file(file(hand.dir.path(), ".rest")).unwrap();
        }
        let client = Client::open(hand.dir.path(), hand.host, options(), unlock()).unwrap();
        client.end_left_recordings().unwrap();
        let found = became(&client, &hand.visit, record);
        assert_eq!(found, readable.map(|length| (sound[..length].to_vec(), true)));
        assert!(fs::read(file(hand.dir.path(), ".damaged")).unwrap() == bytes);
    }
}

/// A disk that cannot be written costs what came with that part, and nothing before.
#[tokio::test]
async fn a_part_that_cannot_be_written_ends_the_recording_and_keeps_what_came_before() {
    let hand = hand().await;
    let sound = sound(3 * PIECE);
    let (record, _) = hand.client.begin_recording(hand.visit.id, &facts()).unwrap();
    hand.client.record(record, 0, &sound[..PIECE + 5]).unwrap();
    // Where the file beside it is to be written lies a folder.
    let rest = file(hand.dir.path(), ".rest");
    let in_the_way = rest.with_file_name(format!("{}.new", rest.file_name().unwrap().to_string_lossy()));
    fs::create_dir(&in_the_way).unwrap();
    let at = PIECE as u64 + 5;
    assert!(hand.client.record(record, at, &sound[PIECE + 5..]).is_err());
    fs::remove_dir(in_the_way).unwrap();
    let over = hand.client.record(record, at, &sound[PIECE + 5..]).unwrap_err();
    assert!(matches!(over, ClientError::NotFound { .. }));
    let size = hand.client.end_recording(record, false).unwrap();
    let (bytes, truncated) = became(&hand.client, &hand.visit, record).unwrap();
    assert!(truncated && size >= at && bytes == sound[..bytes.len()], "{size} bytes");
}

#[tokio::test]
async fn what_is_no_recording_becomes_none() {
    let hand = hand().await;
    let (empty, _) = hand.client.begin_recording(hand.visit.id, &facts()).unwrap();
    assert_eq!(hand.client.end_recording(empty, false).unwrap_err().code(), ErrorCode::CaptureInvalid);
    let (other, _) = hand.client.begin_recording(hand.visit.id, &facts()).unwrap();
    hand.client.record(other, 0, b"<html>").unwrap();
    assert_eq!(hand.client.end_recording(other, false).unwrap_err().code(), ErrorCode::CaptureInvalid);
    // Nobody speaks for an hour into what is none in the end.
    let (long, _) = hand.client.begin_recording(hand.visit.id, &facts()).unwrap();
    let refused = hand.client.record(long, 0, &[b'x'; 100]).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::CaptureInvalid);
    assert!(hand.client.end_recording(long, false).is_err());
    let photo = CaptureFacts::of(CaptureKind::Photo, "audio/webm");
    let refused = hand.client.begin_recording(hand.visit.id, &photo).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::CaptureInvalid);
    assert_eq!(names(hand.dir.path()), Vec::<String>::new());
}
