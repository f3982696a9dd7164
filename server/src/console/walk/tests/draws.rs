//! A plan is added, drawn, recused from and dispatched, form by form.

use super::{Browser, id_after};
use crate::testing::{self, World};
use fieldproof_schema::draw;

const PLAN: &[(&str, &str)] = &[
    ("row", "2"),
    ("unit", "ORG-C"),
    ("year", "2026"),
    ("planNo", "2026001"),
    ("taskNo", "003"),
    ("ratioText", "20%"),
    ("team", "2"),
    ("per_year", "3"),
    ("rest_days", "0"),
];

fn with<'a>(fields: &[(&'a str, &'a str)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    fields.iter().copied().filter(|(known, _)| *known != name).chain([(name, value)]).collect()
}

/// The address of a draw that was committed.
async fn committed(browser: &Browser<'_>, fields: &[(&str, &str)]) -> String {
    let plan = browser.done("/console/plans/new", fields).await;
    browser.done(&format!("{plan}/draws"), &[]).await
}

async fn revealed(world: &World) -> (Browser<'_>, String) {
    let browser = Browser::open(world, "admin").await;
    let draw = committed(&browser, &with(PLAN, "choice", "combinedRule")).await;
    let to = browser.done(&format!("{draw}/reveal"), &[("one", "31415"), ("two", "92653")]).await;
    assert_eq!(to, format!("{draw}#result"));
    (browser, draw)
}

#[tokio::test]
async fn a_row_with_two_rules_asks_which_one_counts_and_keeps_what_was_typed() {
    let world = testing::city().await;
    let browser = Browser::open(&world, "admin").await;
    let page = browser.page("/console/plans/new?row=2").await;
    assert!(page.contains("value=\"2020001\"") && page.contains("name=\"choice\""), "{page}");
    let page = browser.sent_back("/console/plans/new", &with(PLAN, "planNo", "我的编号")).await;
    assert!(page.contains("href=\"#population-choice\"") && page.contains("value=\"我的编号\""), "{page}");
    for (field, value) in [
        ("year", "soon"),
        ("unit", "ORG-X"),
        ("ratioText", "much"),
        ("team", "x"),
        ("rest_days", "-1"),
        ("per_year", "x"),
        ("planNo", " "),
    ] {
        let fields = with(&with(PLAN, "choice", "rule"), field, value);
        let page = browser.sent_back("/console/plans/new", &fields).await;
        assert!(
            page.contains(&format!("href=\"#{field}\"")) && page.contains("aria-invalid"),
            "{field}: {page}"
        );
    }
    let plan = browser.done("/console/plans/new", &with(PLAN, "choice", "combinedRule")).await;
    let page = browser.page(&plan).await;
    for part in [
        "Table and body together",
        "2026-05-30",
        "at most 3 per entity",
        "2026-06 to 2026-10",
        "Public places",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let page = browser.sent_back("/console/plans/new", &with(PLAN, "choice", "rule")).await;
    assert!(page.contains("already has a plan"), "{page}");
    let copy = browser.done(&format!("{plan}/copy"), &[("year", "2027")]).await;
    assert!(browser.page(&copy).await.contains("2027-05-30"));
    let page = browser.sent_back(&format!("{plan}/copy"), &[("year", "2027")]).await;
    assert!(page.contains("value=\"2027\""), "{page}");
}

#[tokio::test]
async fn the_steps_of_a_draw_follow_each_other() {
    let world = testing::city().await;
    let browser = Browser::open(&world, "admin").await;
    let draw = committed(&browser, &with(PLAN, "choice", "combinedRule")).await;
    let page = browser.page(&draw).await;
    assert!(page.matches("std-").count() >= 4, "commitment and three hashes: {page}");
    assert!(page.contains("Write the commitment") && !page.contains("/record\""), "{page}");
    let plan = format!("/console/plans/{}", id_after(&page, "/console/plans/"));
    let again = browser.sent_back(&format!("{plan}/draws"), &[]).await;
    assert!(again.contains("waits for its witnesses"), "{again}");
    let page = browser.sent_back(&format!("{draw}/reveal"), &[("one", "314"), ("two", " ")]).await;
    assert!(page.contains("href=\"#two\"") && page.contains("value=\"314\""), "{page}");
    browser.done(&format!("{draw}/reveal"), &[("one", "314"), ("two", "159")]).await;
    let page = browser.page(&draw).await;
    assert!(page.contains("314 159") && page.contains("not in the population"), "{page}");
    let twice = browser.sent_back(&format!("{draw}/reveal"), &[("one", "1"), ("two", "2")]).await;
    assert!(twice.contains("has moved on"), "{twice}");
    let record = browser.page(&format!("{draw}/record")).await;
    assert_eq!(draw::verify(&record).unwrap().recusals, 0);
}

#[tokio::test]
async fn a_recusal_shows_who_stood_back_why_and_who_came() {
    let world = testing::city().await;
    let (browser, draw) = revealed(&world).await;
    let page = browser.page(&draw).await;
    let officer = id_after(&page, "name=\"officer\" value=\"");
    let path = format!("{draw}/recusals");
    let recusal = [("pick", "1"), ("officer", officer.as_str()), ("kind", "kinship"), ("reason", " ")];
    let page = browser.sent_back(&path, &recusal).await;
    assert!(page.contains("href=\"#reason-1\"") && page.contains("selected"), "{page}");
    let nobody = browser.sent_back(&path, &with(&with(&recusal, "officer", ""), "reason", "亲属")).await;
    assert!(nobody.contains("href=\"#officer-1\"") && nobody.contains(">亲属</textarea>"), "{nobody}");
    let reason = "<script>alert(1)</script>近亲属";
    browser.done(&path, &with(&recusal, "reason", reason)).await;
    let page = browser.page(&draw).await;
    assert!(page.contains("stood back") && page.contains("Kinship") && page.contains("instead"), "{page}");
    assert!(page.contains("&#60;script&#62;alert(1)") && !page.contains("<script>alert"), "{page}");
    let twice = browser.sent_back(&path, &with(&recusal, "reason", "again")).await;
    assert!(twice.contains("is not in the team"), "{twice}");
    let record = browser.page(&format!("{draw}/record")).await;
    assert_eq!(draw::verify(&record).unwrap().recusals, 1);
}

#[tokio::test]
async fn a_dispatch_leads_to_the_tasks_and_happens_once() {
    let world = testing::city().await;
    let (browser, draw) = revealed(&world).await;
    let path = format!("{draw}/dispatch");
    assert!(browser.page(&draw).await.contains("value=\"2026-10-31\""), "the end of the plan's window");
    let page = browser.sent_back(&path, &[("due", "2026-10-01")]).await;
    assert!(page.contains("href=\"#due\"") && page.contains("value=\"2026-10-01\""), "{page}");
    browser.done(&path, &[("due", "2026-10-31")]).await;
    let page = browser.page(&draw).await;
    assert!(page.contains("/console/inspections/") && page.contains("due 2026-10-31"), "{page}");
    assert!(!page.contains("/recusals\"") && !page.contains("/dispatch\""), "{page}");
    assert!(browser.sent_back(&path, &[]).await.contains("has moved on"));
}

#[tokio::test]
async fn where_no_checklist_fits_alone_the_dispatch_asks_for_one() {
    let world = testing::city().await;
    let browser = Browser::open(&world, "admin").await;
    let fields = with(&with(&with(PLAN, "row", "3"), "choice", "rule"), "taskNo", "004");
    let draw = committed(&browser, &fields).await;
    browser.done(&format!("{draw}/reveal"), &[("one", "1"), ("two", "2")]).await;
    let page = browser.page(&draw).await;
    assert!(
        page.contains("name=\"template.drinkingWater\"") && page.contains("water-central@2026.1"),
        "{page}"
    );
    let refused = browser.sent_back(&format!("{draw}/dispatch"), &[("due", "2026-12-31")]).await;
    assert!(refused.contains("href=\"#templates\"") && refused.contains("value=\"2026-12-31\""), "{refused}");
    assert!(!refused.contains("/console/inspections/"));
    let chosen = [("due", ""), ("template.drinkingWater", "water-secondary@2026.1")];
    browser.done(&format!("{draw}/dispatch"), &chosen).await;
    assert!(browser.page(&draw).await.contains("water-secondary @ 2026.1"));
}

#[tokio::test]
async fn a_draw_of_another_unit_does_not_exist() {
    let world = testing::city().await;
    let (_, draw) = revealed(&world).await;
    let admin = world.sign_in("admin").await;
    world.user(&admin, "district", "administrator", "ORG-D1").await;
    world.user(&admin, "reviewer", "supervisor", "ORG-C").await;
    let district = Browser::open(&world, "district").await;
    assert_eq!(district.get(&draw).await.status, 404);
    assert_eq!(district.get(&format!("{draw}/record")).await.status, 404);
    assert_eq!(district.post(&format!("{draw}/dispatch"), &[]).await.status, 404);
    // Records name interests of people: they are for those who draw.
    assert_eq!(Browser::open(&world, "reviewer").await.get(&draw).await.status, 403);
}
