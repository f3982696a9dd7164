//! Every statement of the server's stores runs on both engines, through what people and terminals do.

use crate::carried;
use crate::conflicts;
use crate::day;
use crate::packages_console;
use crate::recovery;
use crate::scope;
use crate::support::{self, City};
use fieldproof_schema::document::{Actor, Document, RawChange};
use fieldproof_schema::ids::{DeviceId, RecordId};
use fieldproof_schema::journal::{Kind, body};
use fieldproof_schema::suite::{Digest, MemoryKey};
use fieldproof_schema::wire::row::{Body, RowKind};
use fieldproof_schema::wire::sync::Chunk;
use fieldproof_server::auth::DeviceActor;
use fieldproof_server::db::{DbError, Tx};
use fieldproof_server::findings::evidence;
use fieldproof_server::floor::{self, Wanted};
use fieldproof_server::store::{changes, feeds, rows};
use fieldproof_server::sync::judge;
use fieldproof_server::{events, restore, scrub};
use fieldproof_tests::statements;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::{self, Person};
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::rogue::{Rogue, enrol_request};
use serde_json::{Value, json};

#[tokio::test]
async fn every_statement_runs_on_sqlite() {
    every_statement_runs(World::start(41, None).await).await;
}

#[tokio::test]
async fn every_statement_runs_on_postgresql() {
    let url = fieldproof_tests::postgres::shared().create_database("statements");
    every_statement_runs(World::start(41, Some(&url)).await).await;
}

async fn every_statement_runs(world: World) {
    let mut city = day::working_day(&world).await;
    read_everything(&world, &city).await;
    conflicts::entity::play(&world, &city).await;
    conflicts::number::play(&world, &city).await;
    set_up_next_year(&world, &city.administrator).await;
    let document = hold_apart_and_judge_again(&world, &city).await;
    decide_about_what_is_apart(&world, &city, document.clone()).await;
    send_what_nobody_signed(&world, &city, document).await;
    announce_as_before(&world, &city).await;
    scope::play::change_hands(&world, &city).await;
    fail_to_judge(&world, &city).await;
    bring_a_note(&world, &city).await;
    hand_a_package_out_and_in(&world, &city).await;
    come_back_from_a_backup(&world, &city).await;
    administer(&world, &city).await;
    decide_conflicts_of_every_kind(&world, &city).await;
    drop(recovery::name_custodians(&world, &mut city, 2).await);
    end_a_custodian(&world, &city.administrator).await;
    leave(&world, &city).await;
    look_around(&world, &city).await;
    assert_eq!(judge::sweep(&world.app).await.unwrap(), 0);

    let seen = world.app.db.statements_seen();
    let written = statements::of_stores().unwrap();
    assert!(written.len() > 100, "the stores have more statements than {}", written.len());
    let missing: Vec<_> = written
        .iter()
        .filter(|statement| !seen.contains(statement.sql.as_str()))
        .map(|statement| format!("{}:{}: {}", statement.file, statement.line, statement.sql))
        .collect();
    assert!(missing.is_empty(), "{} statements did not run:\n{}", missing.len(), missing.join("\n"));
}

fn id(value: &Value) -> &str {
    value["id"].as_str().expect("an id")
}

/// One who is a custodian no longer.
async fn end_a_custodian(world: &World, administrator: &Person) {
    let listed = administrator.get(world, "/api/v1/custodians").await;
    let path = format!("/api/v1/custodians/{}/end", listed[0]["officer"].as_str().unwrap());
    administrator.post(world, &path, json!({"reason": "调离"})).await;
}

/// What one terminal signed and another one brings.
async fn bring_a_note(world: &World, city: &City) {
    let mut codes = Vec::new();
    for officer in &city.task.team {
        codes.push(city.administrator.enrolment_code(world, *officer).await);
    }
    carried::bring_a_note(world, city.task.inspection, [&codes[0], &codes[1]]).await;
}

/// A visit as a file, made by the server and given back to it.
async fn hand_a_package_out_and_in(world: &World, city: &City) {
    let file =
        packages_console::hand_out(world, &city.administrator, city.task.inspection, "?originals=true").await;
    let taken = packages_console::hand_in(world, &city.administrator, &file).await;
    assert_eq!((&taken["changes"]["new"], &taken["originals"]["new"]), (&json!(0), &json!(0)), "{taken}");
}

/// Every list and every page of the console.
async fn read_everything(world: &World, city: &City) {
    let administrator = &city.administrator;
    let visit = city.task.inspection;
    let session = administrator.get(world, "/api/v1/session").await;
    assert_eq!(session["user"]["login"], "guanli");
    for path in ["units", "officers", "users", "devices", "plans", "audit", "inspections"] {
        let list = administrator.get(world, &format!("/api/v1/{path}")).await;
        assert!(!list["rows"].as_array().unwrap().is_empty(), "{path}");
    }
    let templates = administrator.get(world, "/api/v1/templates").await;
    let template = &templates["rows"][0];
    let path = format!("/api/v1/templates/{}/{}", id(template), template["revision"].as_str().unwrap());
    assert_eq!(administrator.get(world, &path).await["id"], template["id"]);
    let entities = administrator.get(world, "/api/v1/entities?code=ENT-001").await;
    assert_eq!(entities["rows"].as_array().unwrap().len(), 1);
    // 宾馆
    let found = administrator.get(world, "/api/v1/entities?search=%E5%AE%BE%E9%A6%86").await;
    assert!(!found["rows"].as_array().unwrap().is_empty());
    let disclosed = administrator.get(world, "/api/v1/inspections?state=disclosed").await;
    assert_eq!(disclosed["rows"][0]["id"], json!(visit));
    let history = administrator.get(world, &format!("/api/v1/inspections/{visit}/history")).await;
    assert!(!history["changes"].as_array().unwrap().is_empty());
    let shown = administrator.get(world, &format!("/api/v1/inspections/{visit}")).await;
    let digest = shown["row"]["evidence"][0]["digest"].as_str().unwrap();
    let path = format!("/api/v1/evidence/{digest}");
    let (status, bytes) = world.send("GET", &path, Some(administrator.token()), "").await;
    assert!(status.is_success() && !bytes.is_empty());
    for (query, results) in [("", 1), ("?search=nobody", 0)] {
        let path = format!("/api/v1/public/results{query}");
        let public: Value = world.expect("GET", &path, None, Value::Null).await;
        assert_eq!(public["rows"].as_array().unwrap().len(), results, "{path}");
    }
    let released = administrator.post(world, "/api/v1/provisions/GGTL-14/release", json!({})).await;
    assert_eq!(released["new"], true);
}

/// The same files again, and a draw with a recusal.
async fn set_up_next_year(world: &World, administrator: &Person) {
    administrator.load_city(world).await;
    let plans = administrator.get(world, "/api/v1/plans").await;
    let path = format!("/api/v1/plans/{}/copy", id(&plans["rows"][0]));
    let plan = administrator.post(world, &path, json!({"year": 2027})).await;
    let path = format!("/api/v1/plans/{}/draws", id(&plan));
    let draw = administrator.post(world, &path, json!({})).await;
    let path = format!("/api/v1/draws/{}", id(&draw));
    administrator.post(world, &format!("{path}/reveal"), json!({"entropy": "27182818"})).await;
    let pick = administrator.get(world, &path).await["outcome"]["picks"][0].clone();
    let officer = &pick["team"]["assigned"][0];
    let recusal = json!({"pick": pick["pick"], "officer": officer, "kind": "kinship", "reason": "亲属"});
    administrator.post(world, &format!("{path}/recusals"), recusal).await;
    let record = administrator.get(world, &format!("{path}/record")).await;
    assert!(record.is_object());
    administrator.dispatch(world, id(&draw)).await;
    let dispatched = administrator.get(world, &path).await;
    assert_eq!(dispatched["state"], "dispatched");
}

/// A change that comes before its journal entry, and what the team does about it.
async fn hold_apart_and_judge_again(world: &World, city: &City) -> Document {
    let visit = city.task.inspection;
    let code = city.administrator.enrolment_code(world, city.task.team[0]).await;
    let mut rogue = Rogue::enrol(world, &code, 77).await;
    let writer = Actor([0xcd; 16]);
    let declared = rogue.declare(visit, writer);
    let pulled = rogue.sync(world, vec![declared], vec![]).await;
    let changes = pulled.rows.iter().filter_map(|row| match &row.body {
        Body::Change(row) if row.inspection == visit => Some(row.change.0.as_slice()),
        _ => None,
    });
    let mut document = Document::from_changes(changes).unwrap();
    let written = document.edit(writer, world.app.now(), |edit| edit.narrative("补记")).unwrap();
    let change = written.1.unwrap().1;
    let chunk = || vec![Chunk { inspection: visit, changes: vec![change.clone()] }];
    rogue.sync(world, vec![], chunk()).await;
    let shown = city.administrator.get(world, &format!("/api/v1/inspections/{visit}")).await;
    assert_eq!(shown["row"]["quarantined"], 1);
    let entry = rogue.cover(visit, &change);
    rogue.sync(world, vec![entry], chunk()).await;
    let open = city.administrator.get(world, "/api/v1/conflicts").await;
    let kinds = open["conflicts"].as_array().expect("conflicts").iter().map(|conflict| &conflict["kind"]);
    assert!(kinds.into_iter().any(|kind| kind == "late_change"), "{open}");
    document
}

/// A document with a change in it for which nobody vouches.
async fn send_what_nobody_signed(world: &World, city: &City, mut document: Document) {
    let visit = city.task.inspection;
    let code = city.administrator.enrolment_code(world, city.task.team[0]).await;
    let rogue = Rogue::enrol(world, &code, 79).await;
    document.edit(Actor([0xd1; 16]), world.app.now(), |edit| edit.narrative("无人签名")).unwrap();
    let whole = RawChange(document.save());
    rogue.sync(world, vec![], vec![Chunk { inspection: visit, changes: vec![whole] }]).await;
}

/// A change by somebody who is not on the team, kept apart and then let in.
async fn decide_about_what_is_apart(world: &World, city: &City, mut document: Document) {
    let (administrator, visit) = (&city.administrator, city.task.inspection);
    let officers = administrator.get(world, "/api/v1/officers").await;
    let mut all = officers["rows"].as_array().expect("rows").iter();
    let stranger = all.find_map(|row| {
        let id = serde_json::from_value(row["id"].clone()).expect("an officer's id");
        (row["active"] != false && !city.task.team.contains(&id)).then_some(id)
    });
    let code = administrator.enrolment_code(world, stranger.expect("an officer of another team")).await;
    let mut rogue = Rogue::enrol(world, &code, 78).await;
    let writer = Actor([0xcf; 16]);
    let declared = rogue.declare(visit, writer);
    let mut write = |text: &str| {
        let written = document.edit(writer, world.app.now(), |edit| edit.statement(text)).unwrap();
        written.1.unwrap().1
    };
    let changes = vec![write("补充陈述"), write("补充陈述，另有说明")];
    let digests: Vec<Digest> = changes.iter().map(|change| Digest::of(&change.0)).collect();
    // One entry for both; only the first is let in, and the last, whose hash was signed, stays apart.
    let entry = rogue.cover_run(visit, writer, (1, 2), &changes[1]);
    let chunk = vec![Chunk { inspection: visit, changes }];
    rogue.sync(world, vec![declared, entry], chunk).await;
    let items = administrator.get(world, "/api/v1/quarantine").await["rows"].clone();
    let first = json!(digests[0]);
    let item = items.as_array().expect("rows").iter().find(|row| row["digest"] == first).cloned().unwrap();
    let part = |name: &str| item[name].as_str().expect("a name").to_owned();
    let path = format!("/api/v1/quarantine/{}/{}/{}", part("inspection"), part("device"), part("digest"));
    let keep = json!({"decision": "keep", "reason": "先核实"});
    let kept = administrator.post(world, &format!("{path}/decision"), keep).await;
    let decided = administrator.get(world, "/api/v1/quarantine?state=decided").await;
    assert_eq!(decided["rows"][0]["digest"], item["digest"]);
    let accept = json!({"decision": "accept", "reason": "经核实在场", "replaces": kept["decision"]["id"]});
    let became = administrator.post(world, &format!("{path}/decision"), accept).await;
    assert_eq!(became["state"], "accepted");
    let shown = administrator.get(world, &path).await;
    assert_eq!(shown["decisions"].as_array().expect("decisions").len(), 2);
    let told = rogue.sync(world, vec![], vec![]).await;
    assert_eq!(told.rows.iter().filter(|row| row.kind == "verdict").count(), 3, "a change and two entries");
}

/// A change as the first protocol announced it: such announcements stay in the feeds.
async fn announce_as_before(world: &World, city: &City) {
    let (visit, officer) = (city.task.inspection, city.task.team[0]);
    let org = world.app.tenant().await.expect("the world has an organisation").org;
    let announce = move |tx: &mut Tx<'_>| {
        let change = changes::list(tx, org, visit)?.remove(0);
        let subject = rows::change_subject(visit, change.id);
        tx.publish(org, &feeds::of_officer(officer), RowKind::Change.as_str(), &subject);
        Ok::<_, DbError>(())
    };
    world.app.db.write(announce).await.expect("the database takes it");
    assert!(city.one.sync().await.rows_received > 0);
}

/// Conflicts that are in no document: a visit dispatched twice, a journal with two branches, evidence that is not what was
/// declared, a checklist that is withdrawn.
async fn decide_conflicts_of_every_kind(world: &World, city: &City) {
    let administrator = &city.administrator;
    let offering = async |choice: &str| {
        let open = administrator.get(world, "/api/v1/conflicts").await["conflicts"].clone();
        let mut all = open.as_array().expect("conflicts").iter();
        let found =
            all.find(|conflict| conflict["choices"].as_array().expect("choices").contains(&json!(choice)));
        format!("/api/v1/conflicts/{}", id(found.expect("a conflict that offers it")))
    };
    let twice = offering("link").await;
    let linked = json!({"choice": "link", "reason": "同一场所"});
    let decided = administrator.post(world, &format!("{twice}/decision"), linked).await;
    let undo = json!({"decision": decided["decision"], "reason": "两处场所"});
    administrator.post(world, &format!("{twice}/undo"), undo).await;
    assert_eq!(administrator.get(world, &twice).await["decisions"].as_array().expect("decisions").len(), 2);

    let visit = city.task.inspection;
    let code = administrator.enrolment_code(world, city.task.team[0]).await;
    let mut rogue = Rogue::enrol(world, &code, 79).await;
    let photo = fieldproof_tests::photo::jpeg(9, None, 64, 64);
    let text = body::write(&body::Captured {
        record: RecordId::from_bytes([7; 16]),
        kind: "photo".into(),
        media_type: "image/jpeg".into(),
        size_bytes: photo.len() as u64,
        item: None,
        place: None,
        made_at: None,
        truncated: false,
    });
    let entry = rogue.entry(Kind::Captured, Some(visit), Some(Digest::of(&photo)), text);
    rogue.sync(world, vec![entry], vec![]).await;
    let mut wrong = photo.clone();
    wrong[20] ^= 1;
    let place = format!("/api/v1/evidence/{}", Digest::of(&photo));
    assert_eq!(world.patch(&place, rogue.token(), 0, wrong).await.0.as_u16(), 422);
    let request = json!({"choice": "request", "reason": "请重新上传"});
    administrator.post(world, &format!("{}/decision", offering("request").await), request).await;
    assert_eq!(evidence::look(&world.app).await.expect("the database is there"), 0, "the wait begins anew");

    let fork = rogue.tip;
    let own = [1, 2].map(|n| rogue.declare(visit, Actor([n; 16])));
    rogue.sync(world, own.to_vec(), vec![]).await;
    rogue.tip = fork;
    let others = [3, 4].map(|n| rogue.declare(visit, Actor([n; 16])));
    rogue.sync(world, others.to_vec(), vec![]).await;
    let accept = json!({"choice": "accept", "reason": "副本已销毁"});
    administrator.post(world, &format!("{}/decision", offering("reenrol").await), accept).await;

    let templates = administrator.get(world, "/api/v1/templates").await;
    let mut all = templates["rows"].as_array().expect("rows").iter();
    let used = all.find(|row| row["id"] == json!(city.task.template)).expect("the checklist");
    let place =
        format!("/api/v1/templates/{}/{}/withdraw", id(used), used["revision"].as_str().expect("a text"));
    administrator.post(world, &place, json!({"reason": "已修订"})).await;
}

/// A visit that cannot be judged for a while.
async fn fail_to_judge(world: &World, city: &City) {
    let visit = support::other_visit(&city.one, city.task.inspection);
    let whole = support::swap_document(world, visit, (vec![0], vec![0])).await;
    support::answer_one(&city.one, visit);
    city.one.sync().await;
    let health: Value = world.expect("GET", "/healthz", None, Value::Null).await;
    assert_eq!(health["unjudged"]["failing"], 1);
    // A server that finds it left begins with care, and after the third failure looks for what is the matter.
    let late = world.another_node("late").await;
    for app in [&late.app, &world.app] {
        world.clock.advance_seconds(60);
        assert_eq!(judge::sweep(app).await.unwrap(), 1);
    }
    support::swap_document(world, visit, whole).await;
    world.clock.advance_seconds(60);
    assert_eq!(judge::sweep(&world.app).await.unwrap(), 1);
}

/// A restore: one original is not there any more, and one terminal comes by.
async fn come_back_from_a_backup(world: &World, city: &City) {
    std::fs::remove_dir_all(world.folder().join("evidence/blobs")).expect("the world has evidence");
    std::fs::create_dir_all(world.folder().join("evidence/blobs")).expect("a folder");
    let share = scrub::share(&world.app).await.expect("the database is there");
    assert_eq!(scrub::some(&world.app, share).await.expect("the database is there").originals, []);
    let begun = restore::begin_anew(&world.app, "system", "演练").await.expect("a new epoch");
    assert!(begun.originals_missing > 0);
    assert!(city.one.sync().await.server_restored);
    let enrolled = city.one.client().status().expect("a status").enrolled.expect("an officer");
    let (org, key) = (world.app.org().await.expect("an organisation"), world.app.key.public_key());
    let actor = DeviceActor { id: enrolled.device, officer: enrolled.officer, key, org, session: None };
    let listening = events::listen(world.app.clone(), actor, String::new()).await;
    assert!(listening.is_ok() && world.app.events.streams() == 1);
    events::look(&world.app).await.unwrap();
    drop(listening);
    assert_eq!(world.app.events.streams(), 0);
}

/// What the console's pages ask, on a day when much is overdue.
async fn look_around(world: &World, city: &City) {
    world.clock.advance_seconds(200 * 24 * 3600);
    let desk = Desk::sign_in(world, "guanli").await;
    let visit = format!("/console/inspections/{}", city.task.inspection);
    for (path, says) in [
        ("/console", "id=\"part-overdue\""),
        ("/console/cases?unit=ORG-C&q=x", "</html>"),
        ("/console/conflicts", "class=\"fp-row-link\""),
        ("/console/conflicts?state=ended", "class=\"fp-row-link\""),
        (visit.as_str(), "id=\"history-part\""),
    ] {
        let seen = desk.get(world, path).await;
        assert!(seen.status.is_success() && seen.text.contains(says), "{path}: {}", seen.status);
    }
}

/// The administrators' pages, a new password, an account that ends.
async fn administer(world: &World, city: &City) {
    let (administrator, supervisor) = (&city.administrator, &city.supervisor);
    for path in ["units", "devices/enrol", "originals", "audit"] {
        administrator.page(world, &format!("/console/{path}")).await;
    }
    let tasks = administrator.get(world, "/api/v1/inspections").await;
    let entity = tasks["rows"][0]["entity"].as_str().expect("an entity").to_owned();
    let shown = administrator.page(world, &format!("/console/entities/{entity}")).await;
    assert!(shown.contains("/console/inspections/"), "a visit is not in its entity's history");
    let audit = administrator.get(world, "/api/v1/audit").await;
    let acts = audit["rows"].as_array().expect("rows");
    let draw = acts.iter().find(|row| row["act"] == "draw.committed").expect("a draw");
    let draw = draw["subject"].as_str().and_then(|subject| subject.strip_prefix("draw:")).expect("its id");
    let page = administrator.page(world, &format!("/console/draws/{draw}")).await;
    assert!(page.contains("27182818"), "the draw's page is not about its entropy");
    // All three terminals told at their last contact that they had sent everything.
    let devices = administrator.get(world, "/api/v1/devices").await;
    let said = devices["rows"].as_array().expect("rows").iter().filter(|row| row["unsent_changes"] == 0);
    assert_eq!(said.count(), 3, "{devices}");

    floor::raise(&world.app, "system", Wanted { protocol: 1, program: None }, "演练")
        .await
        .expect("a first floor");
    let password = form_urlencoded(console::PASSWORD);
    let new = "current=P&new=a+new+long+one&again=a+new+long+one".replace('P', &password);
    supervisor.submit(world, "/console/password", &new).await;
    let users = administrator.get(world, "/api/v1/users").await;
    let rows = users["rows"].as_array().expect("rows");
    let user = id(rows.iter().find(|row| row["login"] == "shenhe").expect("the supervisor"));
    let path = format!("/console/users/{user}");
    administrator.submit(world, &format!("{path}/active"), "active=no&reason=x").await;
    assert!(administrator.page(world, &path).await.contains("shenhe"));
    let (status, _) = world.browse("/console/units", supervisor.token(), None).await;
    assert!(status.is_redirection(), "a session outlives its account");
}

/// A text as a form carries it.
fn form_urlencoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A wrong code and a wrong password, a terminal that is revoked, a session that ends.
async fn leave(world: &World, city: &City) {
    let administrator = &city.administrator;
    let device = city.two.client().status().unwrap().enrolled.unwrap().device;
    let path = format!("/api/v1/devices/{device}/revoke");
    let revoked = json!({"reason": "终端报废"});
    let (status, _) = world.call("POST", &path, Some(administrator.token()), &revoked).await;
    assert!(status.is_success());
    let key = MemoryKey::from_secret(&[3; 32]);
    let request = enrol_request("NOPE-NOPE", DeviceId::from_bytes([9; 16]), &key, &key);
    let (_, refused) = world.call("POST", "/api/v1/enrolment", None, &json!(request)).await;
    assert_eq!(refused["code"], "enrolment_code_unknown");
    let wrong = json!({"login": "guanli", "password": "不是这个密码不是这个密码"});
    let (status, _) = world.call("POST", "/api/v1/session", None, &wrong).await;
    assert_eq!(status.as_u16(), 401);
    let again = Person::sign_in(world, "guanli").await;
    let (status, _) = world.call("DELETE", "/api/v1/session", Some(again.token()), &Value::Null).await;
    assert!(status.is_success());
}
