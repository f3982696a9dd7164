//! Originals on their way: how many at once, in which order, beside records, and what the rules hold back.

use crate::sync::UploadRules;
use crate::testing::{Gate, Server, Stop, TestHost, Visit, me, options, pass, terminal, unlock};
use crate::{CaptureFacts, CaptureSource, Client, UploadReport};
use fieldproof_schema::host::Host;
use fieldproof_schema::ids::RecordId;
use fieldproof_schema::limits::{EVIDENCE_LARGE_BYTES, UPLOADS_AT_ONCE_MAX};
use fieldproof_schema::suite::Digest;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const PART: usize = 1024 * 1024;
const FILM: usize = EVIDENCE_LARGE_BYTES as usize + 1;

struct Scene {
    dir: TempDir,
    host: Arc<TestHost>,
    server: Server,
    visits: [Visit; 2],
    client: Client,
}

async fn start() -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let (host, server) = (Arc::new(TestHost::new(1)), Server::new(me()));
    let visits = [Visit::new(3), Visit::new(4)];
    for visit in &visits {
        server.publish(visit.rows());
    }
    let client = terminal(dir.path(), &host, &server).await;
    client.exchange(&server).await.unwrap();
    Scene { dir, host, server, visits, client }
}

impl Scene {
    /// A photo of so many bytes at one of the visits, a moment later than the one before.
    fn photo(&self, visit: usize, size_bytes: usize) -> (RecordId, Digest) {
        self.host.advance_ms(1_000);
        let mut bytes = vec![0xff, 0xd8, 0xff];
        bytes.extend(self.host.monotonic_ms().to_be_bytes());
        bytes.resize(size_bytes, 7);
        let source = CaptureSource::Bytes(&bytes);
        let taken = self.client.capture(self.visits[visit].id, source, &CaptureFacts::PHOTO).unwrap();
        (taken, Digest::of(&bytes))
    }

    async fn say(&self) {
        self.client.exchange(&self.server).await.unwrap();
    }

    fn left(&self) -> u64 {
        self.client.status().unwrap().unsent.evidence
    }
}

async fn upload(client: &Client, way: &dyn crate::Transport, rules: UploadRules) -> UploadReport {
    let mut report = UploadReport::default();
    client.upload(way, &|| rules.clone(), &mut report).await.unwrap();
    report
}

#[tokio::test]
async fn a_few_go_at_once_and_no_more_than_their_parts_are_in_memory() {
    let scene = start().await;
    for n in 0..8 {
        scene.photo(0, 2 * PART + n);
    }
    scene.say().await;
    let gate = Gate::new(&scene.server, Stop::Parts);
    let watch = async {
        // The first one finds out alone whether there is room.
        gate.until_standing(1).await;
        gate.let_on(1);
        gate.until_standing(UPLOADS_AT_ONCE_MAX).await;
        gate.open();
    };
    let (report, ()) = tokio::join!(upload(&scene.client, &gate, UploadRules::default()), watch);
    assert_eq!((report.completed, scene.left()), (8, 0));
    let seen = gate.seen();
    assert_eq!((seen.standing_most, seen.bytes_most), (UPLOADS_AT_ONCE_MAX, UPLOADS_AT_ONCE_MAX * PART));
    assert_eq!(report.bytes_sent, (0..8).map(|n| (2 * PART + n) as u64).sum::<u64>(), "once each");
}

#[tokio::test]
async fn an_answer_reaches_the_server_while_a_film_is_sent() {
    let scene = start().await;
    scene.photo(0, FILM);
    scene.say().await;
    let gate = Gate::new(&scene.server, Stop::Parts);
    let answer = async {
        gate.until_standing(1).await;
        let visit = &scene.visits[1];
        scene.client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
        let report = scene.client.exchange(&gate).await.unwrap();
        assert_eq!((report.changes_sent, scene.left()), (1, 1), "the film is still on its way");
        gate.open();
    };
    let (report, ()) = tokio::join!(upload(&scene.client, &gate, UploadRules::default()), answer);
    assert_eq!((report.completed, scene.left()), (1, 0));
}

#[tokio::test]
async fn what_is_captured_while_a_film_is_sent_goes_before_its_next_part() {
    let scene = start().await;
    let (_, film) = scene.photo(0, FILM);
    scene.say().await;
    let gate = Gate::new(&scene.server, Stop::Parts);
    let photos = Mutex::new(Vec::new());
    let capture = async {
        gate.until_standing(1).await;
        for n in 0..3 {
            let (_, photo) = scene.photo(0, 1_000 + n);
            photos.lock().unwrap().push(photo);
        }
        scene.say().await;
        gate.open();
    };
    let (report, ()) = tokio::join!(upload(&scene.client, &gate, UploadRules::default()), capture);
    assert_eq!((report.completed, scene.left()), (4, 0));
    let parts = gate.seen().parts;
    assert_eq!(parts[0], film);
    assert_eq!(parts[1..4], photos.into_inner().unwrap(), "small before large, at the next part");
    assert!(parts[4..].iter().all(|part| *part == film) && parts.len() == 3 + FILM.div_ceil(PART));
}

#[tokio::test]
async fn the_visit_where_one_captured_last_goes_first_and_films_go_last() {
    let scene = start().await;
    let old = [scene.photo(0, 3_000), scene.photo(0, 2_000)];
    let old_film = scene.photo(0, FILM);
    let new = [scene.photo(1, 5_000), scene.photo(1, 4_000)];
    let shown = scene.client.waiting_captures(0, 10).unwrap();
    let order = [new[1], new[0], old[1], old[0], old_film];
    let records = |of: &[(RecordId, Digest)]| of.iter().map(|(record, _)| *record).collect::<Vec<_>>();
    assert_eq!(shown.iter().map(|waiting| waiting.record).collect::<Vec<_>>(), records(&order));
    scene.say().await;
    let pending = crate::store::evidence::pending(&scene.client.reader()).unwrap();
    assert_eq!(pending.iter().map(|original| original.record).collect::<Vec<_>>(), records(&order));
}

#[tokio::test]
async fn a_server_that_has_no_time_is_left_alone_and_what_is_under_way_comes_to_its_end() {
    let scene = start().await;
    for n in 0..6 {
        scene.photo(0, 1_000 + n);
    }
    scene.say().await;
    // The first has been taken; of the three that go next the first meets a server that is busy.
    let gate = Gate::new(&scene.server, Stop::Parts);
    let busy = async {
        gate.until_standing(1).await;
        gate.let_on(1);
        gate.until_standing(3).await;
        scene.server.state().busy_parts = 1;
        gate.open();
    };
    let mut report = UploadReport::default();
    let run = scene.client.upload(&gate, &UploadRules::default, &mut report);
    let (result, ()) = tokio::join!(run, busy);
    assert_eq!(result.unwrap_err().retry_after_seconds(), Some(7));
    assert_eq!((report.completed, scene.left(), gate.seen().parts.len()), (3, 3, 4), "nothing else set out");
    assert_eq!(upload(&scene.client, &scene.server, UploadRules::default()).await.completed, 3);
}

#[tokio::test]
async fn one_that_cannot_be_read_holds_up_no_other() {
    let scene = start().await;
    let lost = scene.photo(0, 1_000);
    for n in 1..5 {
        scene.photo(0, 1_000 + n);
    }
    scene.say().await;
    std::fs::remove_file(scene.client.originals().unwrap().path(lost.1)).unwrap();
    let report = upload(&scene.client, &scene.server, UploadRules::default()).await;
    assert_eq!((report.completed, report.refused.len()), (4, 1));
    assert_eq!((report.refused[0].item, scene.left()), (lost.1, 1));
}

#[tokio::test]
async fn what_the_server_has_already_is_not_sent_again() {
    let scene = start().await;
    let (_, digest) = scene.photo(0, 3 * PART);
    let path = scene.client.originals().unwrap();
    let bytes = path.part(digest, 0, 3 * PART).unwrap().unwrap();
    scene.say().await;
    scene.server.state().blobs.insert(digest, bytes);
    let gate = Gate::new(&scene.server, Stop::Parts);
    let report = upload(&scene.client, &gate, UploadRules::default()).await;
    assert_eq!((report.completed, report.bytes_sent, scene.left()), (1, 0, 0));
    assert_eq!(gate.seen().parts, []);
}

#[tokio::test]
async fn a_pause_is_kept_to_at_the_next_part_and_records_go_on() {
    let scene = start().await;
    scene.photo(0, FILM);
    scene.say().await;
    let gate = Gate::new(&scene.server, Stop::Parts);
    let rules = Mutex::new(UploadRules::default());
    let pause = async {
        gate.until_standing(1).await;
        rules.lock().unwrap().paused = true;
        gate.open();
    };
    let mut report = UploadReport::default();
    let ask = || rules.lock().unwrap().clone();
    let (result, ()) = tokio::join!(scene.client.upload(&gate, &ask, &mut report), pause);
    result.unwrap();
    assert_eq!((report.completed, report.bytes_sent, scene.left()), (0, PART as u64, 1));
    let visit = &scene.visits[0];
    scene.client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    let paused = rules.lock().unwrap().clone();
    let report = scene.client.sync_by(&scene.server, &paused).await.unwrap();
    assert_eq!((report.changes_sent, report.evidence_completed, report.still_unsent.evidence), (1, 0, 1));
    let held = scene.client.held_back(&paused).unwrap();
    assert_eq!((held.captures, held.size_bytes), (1, FILM as u64));
    // It goes on where it was.
    let report = upload(&scene.client, &scene.server, UploadRules::default()).await;
    assert_eq!((report.completed, report.bytes_sent), (1, (FILM - PART) as u64));
}

#[tokio::test]
async fn a_bound_holds_back_the_large_lets_the_small_pass_and_what_is_named() {
    let scene = start().await;
    let small = scene.photo(0, 1_000);
    let [named, large] = [scene.photo(0, 9_000), scene.photo(0, 8_000)];
    scene.say().await;
    let rules = UploadRules { size_bytes_max: Some(1_000), ..UploadRules::default() };
    let held = scene.client.held_back(&rules).unwrap();
    assert_eq!((held.captures, held.size_bytes), (2, 17_000));
    let gate = Gate::new(&scene.server, Stop::Parts);
    gate.open();
    assert_eq!(upload(&scene.client, &gate, rules.clone()).await.completed, 1);
    let regardless = BTreeSet::from([named.0]);
    let rules = UploadRules { regardless, paused: true, ..rules };
    assert_eq!(upload(&scene.client, &gate, rules).await.completed, 1);
    assert_eq!(gate.seen().parts, [small.1, named.1]);
    assert_eq!((scene.left(), scene.client.waiting_captures(0, 9).unwrap()[0].record), (1, large.0));
}

#[tokio::test]
async fn a_receipt_from_before_a_restore_does_not_count() {
    let scene = start().await;
    scene.photo(0, 1_000);
    scene.say().await;
    let gate = Gate::new(&scene.server, Stop::Receipts);
    let restore = async {
        // The server wrote a receipt; before it arrives the server is restored, and the terminal learns of that.
        gate.until_standing(1).await;
        {
            let mut state = scene.server.state();
            state.epoch = 1;
            state.blobs.clear();
        }
        assert!(scene.client.exchange(&scene.server).await.unwrap().server_restored);
        gate.open();
    };
    let (report, ()) = tokio::join!(upload(&scene.client, &gate, UploadRules::default()), restore);
    assert_eq!((report.completed, scene.left()), (1, 0));
    assert_eq!((report.bytes_sent, scene.server.state().blobs.len()), (2_000, 1), "it was sent again");
}

#[tokio::test]
async fn uploads_of_one_terminal_take_turns_and_end_with_everything_there() {
    let scene = start().await;
    for n in 0..5 {
        scene.photo(n % 2, PART + n);
    }
    scene.say().await;
    let all = UploadRules::default;
    let (one, two) = tokio::join!(
        upload(&scene.client, &scene.server, all()),
        upload(&scene.client, &scene.server, all())
    );
    assert_eq!((one.completed, two.completed, scene.left()), (5, 0, 0));
    // A session that ended meanwhile is renewed once, whoever finds out.
    scene.photo(0, 1_000);
    scene.photo(1, 1_000);
    scene.say().await;
    let tokens = {
        let mut state = scene.server.state();
        state.tokens += 1;
        state.tokens
    };
    assert_eq!(upload(&scene.client, &scene.server, all()).await.completed, 2);
    assert_eq!(scene.server.state().tokens, tokens + 1);
    drop(scene.client);
    let client = Client::open(scene.dir.path(), scene.host, options(), unlock()).unwrap();
    assert_eq!(client.status().unwrap().unsent.evidence, 0);
}
