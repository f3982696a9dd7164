//! Users, passwords, and the trail of what people did.

use super::{Browser, id_after};
use crate::console::audit::ACTS;
use crate::testing::{self, PASSWORD};

const SECRET: &str = "first password";

fn new(login: &str) -> Vec<(&str, &str)> {
    vec![("login", login), ("name", "王某"), ("role", "supervisor"), ("unit", "ORG-D1"), ("password", SECRET)]
}

#[tokio::test]
async fn a_user_is_added_and_what_was_typed_stays_but_the_password() {
    let world = testing::city().await;
    let browser = Browser::open(&world, "admin").await;
    for (field, value, anchor) in [
        ("login", "a b", "login"),
        ("login", "admin", "login"),
        ("name", "", "name"),
        ("role", "king", "role"),
        ("unit", "ORG-X", "unit"),
        ("password", "short", "password"),
    ] {
        let fields: Vec<_> =
            new("wang").into_iter().map(|(n, v)| (n, if n == field { value } else { v })).collect();
        let page = browser.sent_back("/console/users/new", &fields).await;
        assert!(page.contains(&format!("href=\"#{anchor}\"")), "{field}: {page}");
        assert!(field == "name" || page.contains("value=\"王某\""), "{field}");
        assert!(!page.contains(SECRET), "{field}: the password came back");
    }
    let user = browser.done("/console/users/new", &new("wang")).await;
    let page = browser.page(&user).await;
    assert!(page.contains("Supervisor") && page.contains("Does not decide conflicts"), "{page}");
    assert!(browser.page("/console/users").await.contains("wang"));
}

#[tokio::test]
async fn an_account_ends_and_comes_back_with_a_reason_and_nobody_ends_the_own_one() {
    let world = testing::city().await;
    let admin = world.sign_in("admin").await;
    world.user(&admin, "wang", "supervisor", "ORG-D1").await;
    let browser = Browser::open(&world, "admin").await;
    let wang = Browser::open(&world, "wang").await;
    let list = browser.page("/console/users").await;
    let of = |login: &str| {
        let row = list.split("<tr>").find(|row| row.contains(&format!(">{login}<"))).unwrap();
        format!("/console/users/{}", id_after(row, "/console/users/"))
    };
    let (own, theirs) = (of("admin"), of("wang"));
    let page = browser.page(&own).await;
    assert!(!page.contains("/active\""), "{page}");
    let page = browser.sent_back(&format!("{own}/active"), &[("active", "no"), ("reason", "x")]).await;
    assert!(page.contains("Nobody deactivates the own account"), "{page}");
    let page = browser.sent_back(&format!("{theirs}/active"), &[("active", "no"), ("reason", "")]).await;
    assert!(page.contains("href=\"#reason\""), "{page}");
    wang.page("/console/units").await;
    browser.done(&format!("{theirs}/active"), &[("active", "no"), ("reason", "调离")]).await;
    let seen = wang.get("/console/units").await;
    assert!(seen.status == 303 && seen.location.starts_with("/console/login"), "{}", seen.location);
    assert!(browser.page(&theirs).await.contains("Reactivate"));
    let twice =
        browser.sent_back(&format!("{theirs}/active"), &[("active", "no"), ("reason", "again")]).await;
    assert!(twice.contains(">again</textarea>"), "{twice}");
    browser.done(&format!("{theirs}/active"), &[("active", "yes"), ("reason", "回来")]).await;
    Browser::open(&world, "wang").await.page("/console/units").await;
    let trail = browser.page("/console/audit?act=user.deactivated").await;
    assert!(trail.contains("Account deactivated") && trail.contains("调离"), "{trail}");
    let elsewhere = Browser::open(&world, "admin").await;
    world.user(&admin, "district", "administrator", "ORG-D1").await;
    assert_eq!(Browser::open(&world, "district").await.get(&of("admin")).await.status, 404);
    elsewhere.page("/console/units").await;
}

#[tokio::test]
async fn everybody_changes_the_own_password() {
    let world = testing::city().await;
    let admin = world.sign_in("admin").await;
    world.user(&admin, "reader", "inspector", "ORG-D1").await;
    let browser = Browser::open(&world, "reader").await;
    let elsewhere = Browser::open(&world, "reader").await;
    let fields = |current, new, again| vec![("current", current), ("new", new), ("again", again)];
    for (current, new, again, anchor) in [
        (PASSWORD, "a new long one", "another long one", "again"),
        ("wrong password", "a new long one", "a new long one", "current"),
        (PASSWORD, "short", "short", "new"),
        (PASSWORD, PASSWORD, PASSWORD, "new"),
    ] {
        let page = browser.sent_back("/console/password", &fields(current, new, again)).await;
        assert!(page.contains(&format!("href=\"#{anchor}\"")), "{anchor}: {page}");
        assert!(!page.contains("a new long one") && !page.contains(PASSWORD), "a password came back");
    }
    let to = browser.done("/console/password", &fields(PASSWORD, "a new long one", "a new long one")).await;
    assert!(browser.page(&to).await.contains("The password is changed"));
    assert_eq!(elsewhere.get("/console/units").await.status, 303, "a session elsewhere goes on");
}

#[tokio::test]
async fn the_trail_is_read_by_act_actor_and_subject() {
    let world = testing::city().await;
    let admin = world.sign_in("admin").await;
    let draw = world.drawn(&admin).await;
    let browser = Browser::open(&world, "admin").await;
    let all = browser.page("/console/audit").await;
    assert!(all.contains("Draw revealed") && all.contains("draw.revealed") && all.contains("<pre"), "{all}");
    assert!(all.contains(&format!("href=\"/console/draws/{draw}\"")), "{all}");
    let one = browser.page(&format!("/console/audit?subject=draw:{draw}&act=draw.revealed")).await;
    assert_eq!(one.matches("<tr>").count(), 2, "{one}");
    let by_system = browser.page("/console/audit?actor=system").await;
    assert!(by_system.contains("Directory imported") && !by_system.contains("draw:0"), "{by_system}");
    assert_eq!(browser.get("/console/audit?before=x").await.status, 422);
    let odd = browser.page("/console/audit?subject=%22%3E%3Cscript%3E").await;
    assert!(!odd.contains("\"><script>"), "{odd}");
    // Whatever is recorded has a name.
    let trail = world.ok("GET", "/api/v1/audit", &admin, serde_json::Value::Null).await;
    for row in trail["rows"].as_array().unwrap() {
        assert!(ACTS.contains(&row["act"].as_str().unwrap()), "{row}");
    }
}
