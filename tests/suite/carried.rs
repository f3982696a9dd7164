//! What one terminal signed and another one brings: to a server that lost it, and nothing that its writer did not sign.

use crate::support::{self, City};
use fieldproof_schema::certificate::{Certificate, SignedCertificate};
use fieldproof_schema::document::{Actor, Document, RawChange};
use fieldproof_schema::ids::{DeviceId, InspectionId};
use fieldproof_schema::journal::{Entry, Kind, SignedEntry, Tip};
use fieldproof_schema::server;
use fieldproof_schema::suite::{Digest, MemoryKey, Signer};
use fieldproof_schema::wire::carried::{Carried, Holding};
use fieldproof_schema::wire::frame;
use fieldproof_schema::wire::sync::{Chunk, Outcome, SyncAnswer, SyncRequest};
use fieldproof_server::quota::Bounds;
use fieldproof_server::restore;
use fieldproof_server::store::usage::Amount;
use fieldproof_tests::world::World;
use fieldproof_tests::world::backup::Backup;
use fieldproof_tests::world::device::Device;
use fieldproof_tests::world::rogue::{Rogue, enrol_request};
use serde_json::json;

fn narrative(device: &Device, visit: InspectionId) -> String {
    device.client().inspection(visit).unwrap().view.narrative.clone()
}

pub(crate) async fn restore(world: &mut World, backup: &Backup) {
    world.put_back(backup).await;
    restore::begin_anew(&world.app, "system", "硬盘损坏，取回昨夜备份").await.unwrap();
}

const FOUND: &str = "现场检查：二次供水水箱无盖。";

/// The first officer's terminal is lost for good, and the server's newest data, too. What she wrote is on her colleague's.
#[tokio::test]
async fn a_lost_terminals_work_comes_back_from_a_colleague_after_a_restore() {
    let mut world = World::start(901, None).await;
    let City { administrator, one, two, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    let backup = world.back_up("night").await;
    one.client().narrative(visit, None, FOUND).unwrap();
    let item = support::answer_one(&one, visit);
    one.sync().await;
    two.sync().await;
    assert_eq!(narrative(&two, visit), FOUND);
    drop(one);
    restore(&mut world, &backup).await;

    let report = two.sync().await;
    assert!(report.server_restored && report.refused.is_empty(), "{report:?}");
    let shown = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    assert_eq!(shown["view"]["narrative"], FOUND);
    assert!(shown["view"]["answers"][&item].is_object());
    // Whose it is was not forgotten: a terminal that begins anew is told the same as before.
    let fresh = administrator.terminal(&world, task.team[1], "fresh").await;
    fresh.sync().await;
    let authors = |device: &Device| -> Vec<_> {
        let history = device.client().history(visit).unwrap();
        history.changes.into_iter().map(|(change, author)| (change, author.officer, author.device)).collect()
    };
    assert_eq!(authors(&fresh), authors(&two));
    // Brought once: the next sync says nothing of it.
    assert_eq!(two.sync().await.rounds, 1);
}

/// A colleague wrote so much upon it that it goes as a whole document: what the lost terminal wrote is not taken for hers.
#[tokio::test]
async fn what_a_colleague_wrote_is_not_taken_for_ones_own_in_a_document() {
    let mut world = World::start(908, None).await;
    let City { administrator, one, two, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    let backup = world.back_up("night").await;
    one.client().narrative(visit, None, FOUND).unwrap();
    one.sync().await;
    two.sync().await;
    let mut told = FOUND.to_owned();
    for note in 0..40 {
        told.push_str(&format!("第{note}笔。"));
        two.client().narrative(visit, None, &told).unwrap();
    }
    two.sync().await;
    drop(one);
    restore(&mut world, &backup).await;

    two.sync().await;
    let shown = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    assert_eq!(shown["view"]["narrative"], json!(told));
    let apart = administrator.get(&world, "/api/v1/quarantine").await;
    assert_eq!(apart["rows"], json!([]));
}

/// What was on its way to the server when it was restored is in the hands of two colleagues and comes twice.
#[tokio::test]
async fn what_two_bring_counts_once_and_its_writer_may_come_back() {
    let mut world = World::start(902, None).await;
    let City { administrator, one, two, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    let second = administrator.terminal(&world, task.team[1], "second").await;
    second.sync().await;
    let backup = world.back_up("night").await;
    one.client().narrative(visit, None, FOUND).unwrap();
    one.sync().await;
    two.sync().await;
    second.sync().await;
    restore(&mut world, &backup).await;
    two.sync().await;
    second.sync().await;
    one.client().narrative(visit, None, &format!("{FOUND}已拍照。")).unwrap();
    let report = one.sync().await;
    assert!(report.refused.is_empty(), "{report:?}");
    two.sync().await;
    assert_eq!(narrative(&two, visit), format!("{FOUND}已拍照。"));
    let conflicts = administrator.get(&world, "/api/v1/conflicts").await;
    assert_eq!(conflicts["conflicts"], json!([]), "an honest terminal contradicts nobody");
    for device in [&one, &two, &second] {
        device.sync().await;
        assert!(device.client().status().unwrap().unsent.is_empty());
        assert_eq!(device.client().verify().unwrap().faults, []);
    }
}

/// A terminal that was enrolled after the backup is known again by the server's own word, and goes on.
#[tokio::test]
async fn a_terminal_enrolled_after_the_backup_is_known_again() {
    let mut world = World::start(903, None).await;
    let City { administrator, one, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    let backup = world.back_up("night").await;
    let late = administrator.terminal(&world, task.team[0], "late").await;
    late.sync().await;
    late.client().narrative(visit, None, FOUND).unwrap();
    late.sync().await;
    restore(&mut world, &backup).await;

    let report = late.sync().await;
    assert!(report.server_restored && report.refused.is_empty(), "{report:?}");
    one.sync().await;
    assert_eq!(narrative(&one, visit), FOUND);
    let audit = administrator.get(&world, "/api/v1/audit").await;
    let known: Vec<_> = audit["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["act"] == "device.known_again")
        .map(|record| record["actor"].clone())
        .collect();
    assert_eq!(known.len(), 1);
    // Nobody else is let in by such a word.
    let forged = Certificate {
        format: 1,
        device: DeviceId::from_bytes([9; 16]),
        device_name: "手工终端".into(),
        officer: task.team[0],
        officer_name: "沈青禾".into(),
        device_key: MemoryKey::from_secret(&[1; 32]).public_key(),
        officer_keys: vec![],
        enrolled_at: world.app.now(),
    };
    let forged = forged.sign(&MemoryKey::from_secret(&[2; 32]));
    let (status, body) =
        world.send("POST", "/api/v1/device/readmission", None, serde_json::to_vec(&forged).unwrap()).await;
    assert_eq!(status, 422, "{}", String::from_utf8_lossy(&body));
    assert!(String::from_utf8_lossy(&body).contains("certificate_invalid"));
}

/// The server's word about a terminal that was written by hand.
fn certificate(world: &World, rogue: &Rogue) -> SignedCertificate {
    let certificate = Certificate {
        format: 1,
        device: rogue.id,
        device_name: "手工终端".into(),
        officer: rogue.officer,
        officer_name: String::new(),
        device_key: rogue.key.public_key(),
        officer_keys: vec![rogue.officer_key.public_key()],
        enrolled_at: world.app.now(),
    };
    certificate.sign(world.app.key.as_ref())
}

async fn bring(
    world: &World,
    carrier: &Rogue,
    carried: Vec<Carried>,
    holds: Option<Vec<Holding>>,
) -> SyncAnswer {
    let request = SyncRequest {
        protocol: 2,
        cursors: vec![],
        epoch: None,
        entries: vec![],
        chunks: vec![],
        still_unsent: None,
        wants: None,
        nonce: None,
        program: None,
        floor: None,
        holds,
        carried: Some(carried),
        numbers_since: None,
    };
    let (status, body) =
        world.send("POST", "/api/v1/sync", Some(carrier.token()), frame::pack(&request)).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    frame::unpack(&body).unwrap()
}

/// A note about a visit that its writer never sent, brought by a colleague.
pub(crate) async fn bring_a_note(world: &World, visit: InspectionId, codes: [&str; 2]) {
    let mut writer = Rogue::enrol(world, codes[0], 71).await;
    let carrier = Rogue::enrol(world, codes[1], 72).await;
    let note = writer.entry(Kind::Other("noted".into()), Some(visit), None, "{}".into());
    let carried = Carried { certificate: certificate(world, &writer), entries: vec![note], chunks: vec![] };
    let answer = bring(world, &carrier, vec![carried], None).await;
    assert!(answer.verdicts.iter().all(|verdict| verdict.outcome == Outcome::Accepted), "{answer:?}");
}

/// Two terminals written by hand: what one signed, and one that brings what it likes.
struct Hands {
    world: World,
    city: City,
    writer: Rogue,
    carrier: Rogue,
    certificate: SignedCertificate,
    begun: Document,
}

impl Hands {
    async fn begin(seed: u64) -> Self {
        let world = World::start(seed, None).await;
        let city = support::city(&world).await;
        let code = city.administrator.enrolment_code(&world, city.task.team[0]).await;
        let writer = Rogue::enrol(&world, &code, 1).await;
        let code = city.administrator.enrolment_code(&world, city.task.team[1]).await;
        let carrier = Rogue::enrol(&world, &code, 2).await;
        let certificate = certificate(&world, &writer);
        let begun = support::document(&writer.sync(&world, vec![], vec![]).await, city.task.inspection);
        Self { world, city, writer, carrier, certificate, begun }
    }

    fn visit(&self) -> InspectionId {
        self.city.task.inspection
    }

    /// Writes something into the visit without sending it: a change and the entry that covers it.
    fn written(&mut self, actor: u8, text: &str) -> (SignedEntry, RawChange) {
        let (visit, actor, at) = (self.visit(), Actor([actor; 16]), self.world.app.now());
        let mut document = self.begun.clone();
        let (_, change) = document.edit(actor, at, |edit| edit.narrative(text)).unwrap();
        let (_, raw) = change.unwrap();
        (self.writer.cover_run(visit, actor, (1, 1), &raw), raw)
    }

    fn carried(&self, entries: Vec<SignedEntry>, changes: Vec<RawChange>) -> Carried {
        let chunks = vec![Chunk { inspection: self.visit(), changes }];
        Carried { certificate: self.certificate.clone(), entries, chunks }
    }

    async fn bring(&self, carried: Vec<Carried>, holds: Option<Vec<Holding>>) -> SyncAnswer {
        bring(&self.world, &self.carrier, carried, holds).await
    }

    async fn narrative(&self) -> String {
        let path = format!("/api/v1/inspections/{}", self.visit());
        let shown = self.city.administrator.get(&self.world, &path).await;
        shown["view"]["narrative"].as_str().unwrap().to_owned()
    }
}

fn said(answer: &SyncAnswer, item: Digest) -> (Outcome, Option<&str>) {
    let verdict = answer.verdicts.iter().find(|verdict| verdict.item == item).expect("a verdict");
    (verdict.outcome, verdict.code.as_deref())
}

fn held(world: &World, answer: &SyncAnswer, item: Digest) -> bool {
    let receipt = answer.receipt.as_ref().map(|r| r.verify(&world.app.key.public_key()).unwrap());
    receipt.is_some_and(|receipt| receipt.items.contains(&item))
}

#[tokio::test]
async fn what_its_writer_signed_counts_whoever_brings_it() {
    let mut hands = Hands::begin(904).await;
    let (entry, raw) = hands.written(7, FOUND);
    let (name, digest) = (entry.hash(), Digest::of(&raw.0));
    for _ in 0..2 {
        let answer = hands.bring(vec![hands.carried(vec![entry.clone()], vec![raw.clone()])], None).await;
        assert_eq!(said(&answer, name), (Outcome::Accepted, None));
        assert_eq!(said(&answer, digest), (Outcome::Accepted, None));
        assert!(held(&hands.world, &answer, name) && held(&hands.world, &answer, digest));
        assert_eq!(answer.tip, Tip::default(), "the carrier's own journal is where it was");
    }
    assert_eq!(hands.narrative().await, FOUND);
    // The writer comes with its whole journal: the same entry is on its chain now, and counts once.
    let answer = hands.writer.sync(&hands.world, vec![entry], vec![]).await;
    assert_eq!(said(&answer, name), (Outcome::Accepted, None));
    assert_eq!(answer.tip, hands.writer.tip);
}

/// The server is a writer whom only its own key can speak for, and only where it covers changes.
#[tokio::test]
async fn nobody_speaks_for_the_server() {
    let hands = Hands::begin(909).await;
    let (world, visit) = (&hands.world, hands.visit());
    let (own, other) = (world.app.key.as_ref(), MemoryKey::from_secret(&[5; 32]));
    let actor = Actor([9; 16]);
    let mut document = hands.begun.clone();
    let (_, change) = document.edit(actor, world.app.now(), |edit| edit.narrative(FOUND)).unwrap();
    let (_, raw) = change.unwrap();
    let digest = Digest::of(&raw.0);
    let said_of = server::entry(visit, digest, (actor, 1), world.app.now());
    let bring = async |certificate: SignedCertificate, entry: SignedEntry| {
        let chunks = vec![Chunk { inspection: visit, changes: vec![raw.clone()] }];
        let (name, carried) = (entry.hash(), Carried { certificate, entries: vec![entry], chunks });
        let answer = hands.bring(vec![carried], None).await;
        let (entry, change) = (said(&answer, name), said(&answer, digest));
        [entry, change].map(|(outcome, code)| (outcome, code.map(str::to_owned)))
    };
    let refused = |code: &str| (Outcome::Refused, Some(code.to_owned()));
    // Another key, by its own word and by a word that looks like the server's.
    let [entry, change] =
        bring(server::certificate(other.public_key()).sign(&other), said_of.sign(&other)).await;
    assert_eq!([entry, change], [refused("certificate_invalid"), refused("certificate_invalid")]);
    let [entry, change] =
        bring(server::certificate(other.public_key()).sign(own), said_of.sign(&other)).await;
    assert_eq!([entry, change], [refused("certificate_invalid"), refused("certificate_invalid")]);
    // The server's word about itself is public; what another key signs under it is not the server's.
    let word = server::certificate(own.public_key()).sign(own);
    let [entry, change] = bring(word.clone(), said_of.sign(&other)).await;
    assert_eq!(entry, refused("entry_signature"));
    assert_eq!(change, (Outcome::Quarantined, Some("change_uncovered".to_owned())));
    assert_eq!(hands.narrative().await, "");
    let shown = hands.city.administrator.get(world, "/api/v1/quarantine").await;
    assert_eq!(shown["rows"][0]["officer"], json!(null), "{shown}");
    let seal = Entry { kind: Kind::Sealed, ..said_of.clone() };
    let [entry, _] = bring(word.clone(), seal.sign(own)).await;
    assert_eq!(entry, (Outcome::Quarantined, Some("not_allowed".to_owned())));
    assert_eq!(hands.narrative().await, "");
    // The server's own counts, and what was held apart for want of it with it.
    let [entry, change] = bring(word, said_of.sign(own)).await;
    assert_eq!([entry, change], [(Outcome::Accepted, None), (Outcome::Accepted, None)]);
    assert_eq!(hands.narrative().await, FOUND);
    // No terminal has the server's name.
    let code = hands.city.administrator.enrolment_code(world, hands.city.task.team[0]).await;
    let request = serde_json::to_vec(&enrol_request(&code, server::SERVER, &other, &other)).unwrap();
    let (status, body) = world.send("POST", "/api/v1/enrolment", None, request).await;
    assert!(!status.is_success() && String::from_utf8_lossy(&body).contains("enrolment_proof_invalid"));
}

#[tokio::test]
async fn what_its_writer_did_not_sign_does_not_count_whoever_brings_it() {
    let mut hands = Hands::begin(905).await;
    let (entry, raw) = hands.written(7, FOUND);
    let (name, digest) = (entry.hash(), Digest::of(&raw.0));
    let before = hands.narrative().await;

    // Without the entry, nobody vouches.
    let answer = hands.bring(vec![hands.carried(vec![], vec![raw.clone()])], None).await;
    assert_eq!(said(&answer, digest), (Outcome::Quarantined, Some("change_uncovered")));
    // Signed by the carrier in the writer's name.
    let forged = entry.read().unwrap().sign(&hands.carrier.key);
    let answer = hands.bring(vec![hands.carried(vec![forged.clone()], vec![raw.clone()])], None).await;
    assert_eq!(said(&answer, forged.hash()), (Outcome::Refused, Some("entry_signature")));
    assert!(!held(&hands.world, &answer, forged.hash()));
    // With a certificate that the carrier made.
    let own = hands.certificate.read().unwrap().sign(&hands.carrier.key);
    let carried = Carried { certificate: own, ..hands.carried(vec![entry.clone()], vec![raw.clone()]) };
    let answer = hands.bring(vec![carried], None).await;
    for item in [name, digest] {
        assert_eq!(said(&answer, item), (Outcome::Refused, Some("certificate_invalid")));
    }
    // An entry about no visit is the writer's own affair.
    let opened = hands.writer.entry(Kind::Opened, None, None, "{}".into());
    let answer = hands.bring(vec![hands.carried(vec![opened.clone()], vec![])], None).await;
    assert_eq!(said(&answer, opened.hash()), (Outcome::Refused, Some("not_allowed")));
    assert_eq!(hands.narrative().await, before);

    // With the entry it counts after all: nothing of the above was in its way.
    let answer = hands.bring(vec![hands.carried(vec![entry], vec![raw])], None).await;
    assert_eq!(said(&answer, digest), (Outcome::Accepted, None));
    assert_eq!(hands.narrative().await, FOUND);
}

#[tokio::test]
async fn the_writers_scope_decides_and_not_the_carriers() {
    let mut hands = Hands::begin(906).await;
    let (entry, raw) = hands.written(7, FOUND);
    let digest = Digest::of(&raw.0);
    let path = format!("/api/v1/devices/{}/revoke", hands.writer.id);
    hands.city.administrator.post(&hands.world, &path, json!({"reason": "终端遗失"})).await;
    let answer = hands.bring(vec![hands.carried(vec![entry], vec![raw])], None).await;
    assert_eq!(said(&answer, digest), (Outcome::Quarantined, Some("device_revoked")));
    assert!(held(&hands.world, &answer, digest), "held apart, for people to decide");
    assert_ne!(hands.narrative().await, FOUND);
}

/// Whoever brings rubbish in a colleague's name fills half of the colleague's share, and the colleague still has the other.
#[tokio::test]
async fn what_is_brought_in_somebodys_name_leaves_that_terminal_half_of_its_share() {
    let mut hands = Hands::begin(909).await;
    hands.world.app.quota.set(Bounds { backlog: Amount { items: 4, bytes: 1 << 20 }, ..Bounds::default() });
    let rubbish: Vec<RawChange> = (0..3).map(|n| hands.written(0x20 + n, &format!("{n}")).1).collect();
    let answer = hands.bring(vec![hands.carried(vec![], rubbish.clone())], None).await;
    let outcomes: Vec<_> = rubbish.iter().map(|raw| said(&answer, Digest::of(&raw.0))).collect();
    let apart = (Outcome::Quarantined, Some("change_uncovered"));
    assert_eq!(outcomes, [apart, apart, (Outcome::Refused, Some("quota_exceeded"))]);
    assert!(!held(&hands.world, &answer, Digest::of(&rubbish[2].0)));

    hands.writer.tip = Tip::default();
    let (entry, raw) = hands.written(7, FOUND);
    let chunks = vec![Chunk { inspection: hands.visit(), changes: vec![raw.clone()] }];
    let answer = hands.writer.sync(&hands.world, vec![entry], chunks).await;
    assert_eq!(said(&answer, Digest::of(&raw.0)), (Outcome::Accepted, None));
}

/// A copied store: what was carried of one branch is not what the other brings.
#[tokio::test]
async fn a_chain_that_is_not_what_was_carried_of_it_is_noticed() {
    let mut hands = Hands::begin(907).await;
    let copied = hands.writer.tip;
    let (first, raw) = hands.written(7, FOUND);
    let note = hands.writer.entry(Kind::Other("noted".into()), Some(hands.visit()), None, "{}".into());
    let answer = hands.bring(vec![hands.carried(vec![first, note], vec![raw])], None).await;
    assert!(answer.verdicts.iter().all(|verdict| verdict.outcome == Outcome::Accepted), "{answer:?}");
    hands.writer.tip = copied;
    let other: Vec<SignedEntry> = (0..2)
        .map(|n| {
            hands.writer.entry(Kind::Other(format!("other {n}")), Some(hands.visit()), None, "{}".into())
        })
        .collect();
    hands.writer.sync(&hands.world, other, vec![]).await;
    let conflicts = hands.city.administrator.get(&hands.world, "/api/v1/conflicts").await;
    let kinds: Vec<_> =
        conflicts["conflicts"].as_array().unwrap().iter().map(|row| row["kind"].clone()).collect();
    assert_eq!(kinds, ["identity"]);
    assert_eq!(hands.narrative().await, FOUND, "what it signed before stays what it signed");
}

#[tokio::test]
async fn what_the_server_lacks_is_said_within_the_scope_only() {
    let mut hands = Hands::begin(908).await;
    let (_, raw) = hands.written(7, FOUND);
    let unknown = fieldproof_schema::document::inspect(&raw.0).unwrap().id;
    let known = hands.city.one.client().inspection(hands.visit()).unwrap().heads;
    let foreign = support::other_visit(&hands.city.one, hands.visit());
    let holding = |inspection, heads: &[_]| Holding { inspection, heads: heads.to_vec() };
    let visit = hands.visit();
    for (holds, lacks) in [
        (vec![holding(visit, &known)], vec![]),
        (vec![holding(visit, &[known[0], unknown])], vec![visit]),
        (vec![holding(foreign, &[unknown]), holding(InspectionId::from_bytes([1; 16]), &[unknown])], vec![]),
    ] {
        let answer = hands.bring(vec![], Some(holds)).await;
        assert_eq!(answer.lacks, Some(lacks));
    }
    let answer = hands.bring(vec![], None).await;
    assert_eq!(answer.lacks, None);
}
