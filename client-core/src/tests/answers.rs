//! Whose answers are believed: the pinned server's, to the very request that was sent.

use crate::testing::{Server, TestHost, Visit, me, pass, terminal};
use crate::transport::{Answering, Transport, WireRequest, WireResponse};
use crate::{Client, UpdateNeeded};
use bytes::Bytes;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::{MemoryKey, Purpose, Signer};
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::floor::{Floor, SignedFloor};
use fieldproof_schema::wire::sync::SyncAnswer;
use fieldproof_schema::wire::{ANSWER_SIGNATURE, frame};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// What is done to an answer on its way.
type Forge = Box<dyn Fn(&mut WireResponse) + Send + Sync>;

struct Middle<'a> {
    server: &'a Server,
    forge: Forge,
}

impl Transport for Middle<'_> {
    fn call(&self, request: WireRequest) -> Answering<'_> {
        Box::pin(async move {
            let is_sync = request.path == "/api/v1/sync";
            let mut answer = self.server.call(request).await?;
            if is_sync {
                (self.forge)(&mut answer);
            }
            Ok(answer)
        })
    }
}

async fn start() -> (TempDir, Server, Visit, Client) {
    let dir = tempfile::tempdir().unwrap();
    let (host, server, visit) = (Arc::new(TestHost::new(1)), Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    let client = terminal(dir.path(), &host, &server).await;
    (dir, server, visit, client)
}

/// Everything that an answer could change.
fn kept(client: &Client) -> Vec<String> {
    let reader = client.reader();
    let count = |sql: &str| reader.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let tables =
        ["journal", "changes", "documents", "rows", "receipts", "forked", "folded", "wanted", "inspections"];
    let mut kept: Vec<String> = tables
        .iter()
        .map(|table| format!("{table} {}", count(&format!("SELECT COUNT(*) FROM {table}"))))
        .collect();
    kept.push(format!(
        "{}",
        count("SELECT COUNT(*) FROM runs WHERE receipt IS NOT NULL OR outcome IS NOT NULL")
    ));
    kept.push(format!("{:?}", crate::store::rows::cursors(&reader).unwrap()));
    kept.push(format!("{:?}", crate::store::meta::last_contact(&reader).unwrap()));
    kept.push(format!("{:?}", crate::store::meta::epoch(&reader).unwrap()));
    kept
}

#[tokio::test]
async fn an_answer_that_the_server_did_not_give_to_this_request_changes_nothing() {
    let (_dir, server, visit, client) = start().await;
    let earlier = Arc::new(Mutex::new(None));
    let recorded = Arc::clone(&earlier);
    let recording = Middle {
        server: &server,
        forge: Box::new(move |answer| *recorded.lock().unwrap() = Some(answer.clone())),
    };
    client.sync(&recording).await.unwrap();
    client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    client.sign().unwrap();
    server.publish(visit.rows());
    let before = kept(&client);

    let other = MemoryKey::from_secret(&[8; 32]);
    let forged: Vec<(&str, Forge)> = vec![
        ("unsigned", Box::new(|answer| answer.headers.retain(|(name, _)| name != ANSWER_SIGNATURE))),
        ("signed with rubbish", Box::new(|answer| set(answer, "std-00"))),
        ("signed by another server", {
            Box::new(move |answer| set(answer, &other.sign(Purpose::Answer, &answer.body).to_string()))
        }),
        ("changed on the way", {
            Box::new(|answer| {
                let mut told: SyncAnswer = frame::unpack(&answer.body).unwrap();
                told.cursors.iter_mut().for_each(|cursor| cursor.seq += 1000);
                told.tip.seq += 7;
                answer.body = Bytes::from(frame::pack(&told));
            })
        }),
        ("an earlier one", Box::new(move |answer| *answer = earlier.lock().unwrap().clone().unwrap())),
    ];
    for (name, forge) in forged {
        let error = client.sync(&Middle { server: &server, forge }).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::ServerStrange, "{name}");
        assert_eq!(kept(&client), before, "{name}");
    }
    client.sync(&server).await.unwrap();
    assert!(client.status().unwrap().unsent.is_empty());
}

#[tokio::test]
async fn a_server_of_an_earlier_version_is_sent_nothing_and_told_apart() {
    let (_dir, server, visit, client) = start().await;
    client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    client.sign().unwrap();
    let before = kept(&client);
    let older: Forge = Box::new(|answer| {
        let told: SyncAnswer = frame::unpack(&answer.body).unwrap();
        answer.body = Bytes::from(frame::pack(&SyncAnswer { protocol: 1, ..told }));
        answer.headers.retain(|(name, _)| name != ANSWER_SIGNATURE);
    });
    let error = client.sync(&Middle { server: &server, forge: older }).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ServerOlder);
    assert_eq!(kept(&client), before);
}

fn told(version: u64, program: &str) -> Floor {
    let at = Moment::from_micros(i64::try_from(version).unwrap());
    Floor { version, protocol: 1, program: Some(program.parse().unwrap()), at }
}

#[tokio::test]
async fn the_highest_floor_is_kept_and_no_forged_one_believed() {
    let (_dir, server, visit, client) = start().await;
    let (own, foreign) = (MemoryKey::from_secret(&[9; 32]), MemoryKey::from_secret(&[8; 32]));
    client.sync(&server).await.unwrap();
    assert_eq!(client.update_needed().unwrap(), None);
    assert_eq!(server.state().floors_named.last(), Some(&None));

    // A server whose answers are genuine and whose floor is not: nothing of the answer is taken.
    client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    client.sign().unwrap();
    let before = kept(&client);
    let high = told(7, "9.0.0");
    let misused =
        SignedFloor { signature: own.sign(Purpose::Receipt, &high.sign(&own).bytes), ..high.sign(&own) };
    for forged in [high.sign(&foreign), misused, SignedFloor { bytes: vec![0x80], ..high.sign(&own) }] {
        server.state().floor = Some(forged);
        let error = client.sync(&server).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::ServerStrange);
        assert_eq!((kept(&client), client.update_needed().unwrap()), (before.clone(), None));
    }

    // The server's own word: what is here goes up all the same, and the officer is told.
    server.state().floor = Some(high.sign(&own));
    client.sync(&server).await.unwrap();
    let status = client.status().unwrap();
    assert!(status.unsent.is_empty());
    let needed = UpdateNeeded { protocol: 1, program: high.program };
    assert_eq!(status.update_needed, Some(needed));
    // Lower ones, earlier ones, none at all: the highest stays, and each request names it.
    for lower in [Some(told(8, "0.1.0")), Some(told(6, "9.9.9")), None] {
        server.state().floor = lower.map(|floor| floor.sign(&own));
        client.sync(&server).await.unwrap();
        assert_eq!(client.update_needed().unwrap(), Some(needed), "{lower:?}");
        assert_eq!(server.state().floors_named.last(), Some(&Some(high.sign(&own))), "{lower:?}");
    }
    server.state().floor = Some(told(9, "9.1.0").sign(&own));
    client.sync(&server).await.unwrap();
    assert_eq!(client.update_needed().unwrap().unwrap().program, "9.1.0".parse().ok());
}

fn set(answer: &mut WireResponse, signature: &str) {
    answer.headers.retain(|(name, _)| name != ANSWER_SIGNATURE);
    answer.headers.push((ANSWER_SIGNATURE.to_owned(), signature.to_owned()));
}
