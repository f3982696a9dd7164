//! Terminals: a code for a new one, what it says, its end.

use super::{Browser, id_after};
use crate::console::devices::enrol_tests::read;
use crate::store::{devices, officers};
use crate::testing::{self, World};
use fieldproof_schema::ids::DeviceId;
use fieldproof_schema::journal::Tip;
use fieldproof_schema::suite::{MemoryKey, Signer};
use fieldproof_schema::wire::sync::StillUnsent;

/// A terminal of the officer with a code, that has never spoken.
pub(super) async fn terminal(world: &World, officer: &str, name: &str) -> DeviceId {
    let (org, now) = (world.app.org().await.unwrap(), world.app.now());
    let (officer, name) = (officer.to_owned(), name.to_owned());
    let id = DeviceId::new(now, world.app.random());
    let enrol = move |tx: &mut crate::db::Tx<'_>| {
        let officer = officers::by_code(tx, org, &officer)?.expect("an officer of the sample city");
        let device = devices::Device {
            id,
            officer: officer.id,
            name: name.clone(),
            key: MemoryKey::from_secret(&[9; 32]).public_key(),
            enrolled_at: now,
            seen_at: None,
            revoked_at: None,
            tip: Tip::default(),
            unsent: None,
            protocol: None,
            program: None,
            session: None,
        };
        devices::insert(tx, org, &device)
    };
    world.app.db.write(enrol).await.unwrap();
    id
}

#[tokio::test]
async fn a_code_is_shown_large_and_as_a_picture_that_says_the_same() {
    let world = testing::city().await;
    let browser = Browser::open(&world, "admin").await;
    let form = browser.page("/console/devices/enrol").await;
    let officer = id_after(&form, "<option value=\"0");
    let officer = format!("0{officer}");
    let chosen = browser.page(&format!("/console/devices/enrol?officer={officer}")).await;
    assert!(chosen.contains(&format!("value=\"{officer}\" selected")), "{chosen}");
    let page = browser.post("/console/devices/enrol", &[("officer", &officer)]).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let code = page.text.split("class=\"fp-onetime\">").nth(1).unwrap().split('<').next().unwrap();
    assert!(code.len() == 9 && code.chars().nth(4) == Some('-'), "{code}");
    assert_eq!(read(&page.text), format!("fieldproof:enrol:1:{code}"));
    assert!(page.text.contains("2026-10-09 09:"), "counts for a day");
    let page = browser.sent_back("/console/devices/enrol", &[("officer", "")]).await;
    assert!(page.contains("href=\"#officer\""), "{page}");
    let admin = world.sign_in("admin").await;
    world.user(&admin, "district", "administrator", "ORG-D1").await;
    let district = Browser::open(&world, "district").await;
    assert_eq!(district.post("/console/devices/enrol", &[("officer", &officer)]).await.status, 404);
}

#[tokio::test]
async fn a_terminal_shows_what_it_said_and_when() {
    let world = testing::city().await;
    let id = terminal(&world, "OFF-01", "<b>终端</b>\u{202E}").await;
    let browser = Browser::open(&world, "admin").await;
    let page = browser.page("/console/devices").await;
    assert!(page.contains("&#60;b&#62;终端") && page.contains("U+202E") && page.contains("never"), "{page}");
    assert!(page.contains("does not say"), "{page}");
    let (org, now) = (world.app.org().await.unwrap(), world.app.now());
    let some = StillUnsent { changes: 3, evidence: 2, evidence_bytes: 5_000_000 };
    let program = Some("0.1.0".parse().unwrap());
    let said = |unsent| devices::Said { unsent: Some(unsent), protocol: 2, program, epoch: None };
    let has_some = said(some);
    world.app.db.write(move |tx| devices::touch(tx, org, id, now, has_some)).await.unwrap();
    world.clock.advance_seconds(3 * 3600);
    let browser = Browser::open(&world, "admin").await;
    let page = browser.page(&format!("/console/devices/{id}")).await;
    assert!(
        page.contains("3 h ago") && page.contains("3 changes") && page.contains("2 captures (5.0\u{202F}MB)"),
        "{page}"
    );
    assert!(page.contains("may still hold"), "{page}");
    let now = world.app.now();
    let all = said(StillUnsent::default());
    world.app.db.write(move |tx| devices::touch(tx, org, id, now, all)).await.unwrap();
    let page = browser.page(&format!("/console/devices/{id}")).await;
    assert!(page.contains("All sent") && !page.contains("may still hold"), "{page}");
}

#[tokio::test]
async fn a_terminal_is_revoked_with_a_reason_once() {
    let world = testing::city().await;
    let id = terminal(&world, "OFF-01", "终端").await;
    let browser = Browser::open(&world, "admin").await;
    let path = format!("/console/devices/{id}");
    let page = browser.page(&path).await;
    assert!(page.contains("stays valid") && page.contains("held apart"), "{page}");
    let revoke = format!("{path}/revoke");
    let page = browser.sent_back(&revoke, &[("reason", " ")]).await;
    assert!(page.contains("href=\"#reason\""), "{page}");
    browser.done(&revoke, &[("reason", "遗失")]).await;
    let page = browser.page(&path).await;
    assert!(page.contains("Revoked") && !page.contains("/revoke\""), "{page}");
    assert!(browser.sent_back(&revoke, &[("reason", "again")]).await.contains("revoked before"));
    let admin = world.sign_in("admin").await;
    world.user(&admin, "district", "administrator", "ORG-D1").await;
    assert_eq!(Browser::open(&world, "district").await.get(&path).await.status, 404);
}
