//! What the databases are asked when a visit changes hands and an officer moves.

use super::change;
use crate::support::{self, City};
use fieldproof_schema::data;
use fieldproof_schema::ids::{OfficerId, RecordId};
use fieldproof_schema::journal::{Kind, body};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::Body;
use fieldproof_tests::world::World;
use fieldproof_tests::world::rogue::Rogue;
use serde_json::{Value, json};

/// A team that changes, a capture of whoever left, an officer who moves to another district.
pub(crate) async fn change_hands(world: &World, city: &City) {
    let administrator = &city.administrator;
    let visit = support::other_visit(&city.one, city.task.inspection);
    let team = administrator.get(world, &format!("/api/v1/inspections/{visit}")).await["row"]["team"].clone();
    let team: Vec<OfficerId> = serde_json::from_value(team).expect("a team");
    let officers = administrator.get(world, "/api/v1/officers").await["rows"].clone();
    let officers = officers.as_array().expect("officers");
    let other = officers.iter().find(|row| row["active"] != false && !team.contains(&read(&row["id"])));
    let (joiner, leaver) = (read(&other.expect("an officer of another team")["id"]), city.task.team[0]);
    change(world, administrator, visit, joiner, "joins", "支援").await;
    change(world, administrator, visit, leaver, "leaves", "请假").await;
    let code = administrator.enrolment_code(world, leaver).await;
    let mut rogue = Rogue::enrol(world, &code, 80).await;
    let photo = fieldproof_tests::photo::jpeg(11, None, 64, 64);
    let text = body::write(&body::Captured {
        record: RecordId::from_bytes([8; 16]),
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
    let place = format!("/api/v1/evidence/{}", Digest::of(&photo));
    assert_eq!(world.patch(&place, rogue.token(), 0, photo).await.0.as_u16(), 204);
    let nobodys = format!("/api/v1/evidence/{}", Digest::of(b"nobody captured it"));
    assert_eq!(world.patch(&nobodys, rogue.token(), 0, vec![1]).await.0.as_u16(), 404);
    change(world, administrator, visit, leaver, "joins", "销假").await;
    let shown = administrator.get(world, &format!("/api/v1/inspections/{visit}")).await;
    assert_eq!(shown["row"]["evidence"][0]["held"], true, "{shown}");

    let mut sample: Value = serde_json::from_str(data::sample_org()).expect("the sample city");
    let all = sample["officers"].as_array_mut().expect("officers");
    let mover = all.iter_mut().find(|officer| officer["id"] == "OFF-04").expect("an officer of a district");
    mover["orgId"] = "ORG-D2-BRG".into();
    let file = json!({"officers": [mover.clone()]});
    administrator.post(world, "/api/v1/import/organisation", file).await;
    let moved = officers.iter().find(|row| row["code"] == "OFF-04").expect("the officer");
    let code = administrator.enrolment_code(world, read(&moved["id"])).await;
    let pulled = Rogue::enrol(world, &code, 81).await.sync(world, vec![], vec![]).await;
    assert!(pulled.rows.iter().any(|row| row.body == Body::Gone), "the old district is gone");
}

fn read(value: &Value) -> OfficerId {
    serde_json::from_value(value.clone()).expect("an officer's id")
}
