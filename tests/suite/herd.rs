//! Many terminals at once, over sockets: so much is let in at a time, and whoever has to return is told when.

use crate::support;
use axum::http::StatusCode;
use fieldproof_client_core::{HttpTransport, Method, Timeouts, Transport, WireRequest, WireResponse};
use fieldproof_presentation::http::{self, Limits as Connections};
use fieldproof_schema::document::RawChange;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::wire::error::ErrorBody;
use fieldproof_schema::wire::sync::{Chunk, Cursor, SyncRequest};
use fieldproof_schema::wire::{SYNC_MEDIA_TYPE, frame};
use fieldproof_server::admission::queue::Limits;
use fieldproof_server::db::{DbError, Row, Tx};
use fieldproof_tests::world::World;
use fieldproof_tests::world::rogue::Rogue;
use futures::StreamExt;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;

const TERMINALS: u64 = 200;
const LIMITS: Limits = Limits { in_flight: 6, weight: 4 * 1024 * 1024, waiting: 24 };

fn push(rogue: &Rogue, visit: InspectionId, seed: u64, cursors: &[Cursor]) -> WireRequest {
    // Nothing that could be read: it is kept apart, which costs the server as much as it does the terminal.
    let mut bytes = vec![0; 300 * 1024];
    ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
    let request = SyncRequest {
        protocol: 1,
        cursors: cursors.to_vec(),
        epoch: None,
        entries: Vec::new(),
        chunks: vec![Chunk { inspection: visit, changes: vec![RawChange(bytes)] }],
        still_unsent: None,
        wants: None,
        nonce: None,
        holds: None,
        carried: None,
        numbers_since: None,
        program: None,
        floor: None,
    };
    WireRequest {
        method: Method::Post,
        path: "/api/v1/sync".into(),
        headers: vec![
            ("content-type", SYNC_MEDIA_TYPE.to_owned()),
            ("authorization", format!("Bearer {}", rogue.token())),
        ],
        body: frame::pack(&request).into(),
    }
}

#[tokio::test]
async fn two_hundred_terminals_at_once_are_all_served_a_few_at_a_time() {
    let world = World::start_narrow(331, LIMITS).await;
    let city = support::city(&world).await;
    let mut rogues = Vec::new();
    for seed in 0..TERMINALS {
        let code = city.administrator.enrolment_code(&world, city.task.team[0]).await;
        rogues.push(Rogue::enrol(&world, &code, 1000 + seed).await);
    }
    // None of them has to fetch the directory.
    let cursors = {
        let reader = move |tx: &mut Tx<'_>| tx.query("SELECT feed, last_seq FROM feeds", &[]);
        let rows = world.app.db.read::<_, DbError, _>(reader).await.unwrap();
        let cursor = |r: &Row| Cursor { feed: r.get(0).unwrap(), seq: r.get(1).unwrap(), since: None };
        rows.iter().map(cursor).collect::<Vec<_>>()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(http::serve(listener, world.router(), Connections::default(), std::future::pending()));

    let (refusals, most) = (AtomicU64::new(0), AtomicU64::new(0));
    let visit = city.task.inspection;
    let one = async |seed: usize| {
        // A connection of its own.
        let transport = HttpTransport::new(&base, Timeouts::default()).unwrap();
        let request = push(&rogues[seed], visit, seed as u64, &cursors);
        let answer = transport.call(request).await.expect("an answer, whatever it says");
        let (count, weight) = world.app.admission.sync.load();
        assert!(count <= LIMITS.in_flight && weight <= LIMITS.weight, "{count} with {weight} bytes");
        most.fetch_max(count as u64, Ordering::Relaxed);
        if answer.status != 200 {
            refused(&answer);
            refusals.fetch_add(1, Ordering::Relaxed);
        }
        (answer.status != 200).then_some(seed)
    };
    // First all of them, then those who have to return, in smaller crowds: there is no waiting in a test.
    let (mut left, mut crowd): (Vec<usize>, usize) = ((0..rogues.len()).collect(), rogues.len());
    while !left.is_empty() {
        let answers = futures::stream::iter(left).map(&one).buffer_unordered(crowd);
        left = answers.filter_map(async |refused| refused).collect().await;
        crowd = LIMITS.in_flight + LIMITS.waiting + 4;
    }
    let (refusals, most) = (refusals.load(Ordering::Relaxed), most.load(Ordering::Relaxed));
    println!("{refusals} refusals, at most {most} at work");
    assert!(refusals > 0 && most > 1);
    assert_eq!(world.app.admission.sync.load(), (0, 0));
}

fn refused(answer: &WireResponse) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE.as_u16());
    let body: ErrorBody = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body.code, "busy");
    let seconds = body.details["retry_after_seconds"].as_u64().unwrap();
    assert!((1..=210).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("retry-after"), Some(seconds.to_string().as_str()));
}

/// An answer that overtakes the body must not be lost with it: a terminal whose session has ended would never learn it.
#[tokio::test]
async fn an_answer_that_comes_before_the_body_was_sent_arrives() {
    let world = World::start(332, None).await;
    let city = support::city(&world).await;
    let code = city.administrator.enrolment_code(&world, city.task.team[0]).await;
    let rogue = Rogue::enrol(&world, &code, 7).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let transport =
        HttpTransport::new(&format!("http://{}", listener.local_addr().unwrap()), Timeouts::default());
    let transport = transport.unwrap();
    tokio::spawn(http::serve(listener, world.router(), Connections::default(), std::future::pending()));
    for _ in 0..5 {
        let mut request = push(&rogue, city.task.inspection, 1, &[]);
        request.body = vec![7; 6 * 1024 * 1024].into();
        request.headers[1].1 = "Bearer d_unknown".into();
        assert_eq!(transport.call(request).await.unwrap().status, 401);
    }
}
