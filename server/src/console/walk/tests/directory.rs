//! Directories, imports, checklists and laws.

use super::{Browser, id_after};
use crate::testing;
use serde_json::{Value, json};

#[tokio::test]
async fn entities_are_searched_and_paged_and_shown_whole() {
    let world = testing::city().await;
    let browser = Browser::open(&world, "admin").await;
    let first = browser.page("/console/entities").await;
    assert_eq!(first.matches("<tr>").count(), 101);
    let next = first.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let second = browser.page(&next.replace("&#38;", "&")).await;
    assert!(second.contains("ENT-200") && !second.contains("rel=\"next\""));
    let found = browser.page("/console/entities?q=%E5%90%AC%E9%9B%A8").await;
    assert!(found.contains("听雨沐禾宾馆") && found.contains("value=\"听雨\""), "{found}");
    let id = id_after(&found, "/console/entities/");
    let shown = browser.page(&format!("/console/entities/{id}")).await;
    for part in [
        "92390121MA8P3MR10A",
        "公共场所卫生许可证",
        "established",
        "central air conditioning",
        "CGCS2000",
        "No visits",
    ] {
        assert!(shown.contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_visit_leads_to_its_case() {
    let world = testing::city().await;
    let admin = world.sign_in("admin").await;
    let draw = world.drawn(&admin).await;
    let tasks = world.ok("POST", &format!("/api/v1/draws/{draw}/dispatch"), &admin, json!({})).await;
    let task = &tasks["tasks"][0];
    let path = format!("/console/entities/{}", task["entity"].as_str().unwrap());
    let shown = Browser::open(&world, "admin").await.page(&path).await;
    assert!(shown.contains(&format!("/console/inspections/{}", task["inspection"].as_str().unwrap())));
    world.user(&admin, "district", "supervisor", "ORG-D1").await;
    let district = Browser::open(&world, "district").await;
    let seen = district.get(&path).await;
    let theirs = seen.text.contains(task["entity_name"].as_str().unwrap());
    assert!(seen.status == 404 && !theirs || seen.status == 200 && theirs, "{}", seen.text);
    let elsewhere = id_after(&district.page("/console/entities").await, "/console/entities/");
    world.user(&admin, "other", "supervisor", "ORG-D2").await;
    let other = Browser::open(&world, "other").await;
    assert_eq!(other.get(&format!("/console/entities/{elsewhere}")).await.status, 404);
}

fn file(entities: &Value) -> String {
    json!({"organisations": [], "officers": [], "entities": entities}).to_string()
}

fn entity(code: &str, name: &str) -> Value {
    json!({"id": code, "name": name, "orgId": "ORG-D1", "address": "路 1", "specialties": ["school"]})
}

#[tokio::test]
async fn an_import_says_what_was_taken_and_why_the_rest_was_not() {
    let world = testing::city().await;
    let browser = Browser::open(&world, "admin").await;
    let mut bad = entity("ENT-902", "乙");
    bad["uscc"] = json!("123");
    let seen = browser.upload("/console/import", &file(&json!([entity("ENT-901", "甲"), bad]))).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    assert!(seen.text.contains("ENT-902") && seen.text.contains("not a valid credit code"), "{}", seen.text);
    assert!(browser.page("/console/entities?code=ENT-901").await.contains("甲"));
    let seen = browser.upload("/console/import", "no JSON").await;
    assert!(seen.status == 400 && seen.text.contains("The directory has not changed"), "{}", seen.text);
    assert!(seen.text.contains("href=\"#file\""));
    let seen = browser.upload("/console/import", &file(&json!([{"id": "ENT-903"}]))).await;
    assert!(seen.status == 200 && seen.text.contains("No row could be taken"), "{}", seen.text);
    let page = browser.sent_back("/console/import", &[]).await;
    assert!(page.contains("Choose a file"));
}

#[tokio::test]
async fn text_from_a_file_is_text_on_every_page() {
    let world = testing::city().await;
    let browser = Browser::open(&world, "admin").await;
    let name = format!("<script>alert(1)</script>\u{202E}{}", "长".repeat(270));
    let mut hostile = entity("ENT-\"><b>", &name);
    hostile["<img src=x onerror=alert(2)>"] = json!("</dd><script>alert(3)</script>");
    hostile["licences"] = json!([{"type": "<i>", "no": "<u>", "issued": "2026-01-01", "expires": null}]);
    let seen = browser.upload("/console/import", &file(&json!([hostile]))).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let list = browser.page("/console/entities?q=%3Cscript").await;
    let id = id_after(&list, "/console/entities/");
    let shown = browser.page(&format!("/console/entities/{id}")).await;
    for page in [list, shown] {
        assert!(page.contains("&#60;script&#62;alert(1)") && page.contains("U+202E"), "{page}");
        for markup in ["<script>alert", "<img src=x", "<b>", "<i>", "<u>"] {
            assert!(!page.contains(markup), "{markup}");
        }
    }
    let odd = browser.page("/console/entities?q=%22%3E%3Cscript%3E&code=%27").await;
    assert!(!odd.contains("\"><script>"), "{odd}");
}

#[tokio::test]
async fn a_checklist_shows_its_limits_and_what_is_not_verified() {
    let world = testing::city().await;
    let browser = Browser::open(&world, "admin").await;
    let page = browser.page("/console/checklists/public-swimming/2026.1").await;
    assert!(page.contains("≥ ") && page.contains("mg/L"), "{page}");
    assert!(page.contains("Unverified") || page.contains("unverified"), "{page}");
    assert!(page.contains("Not released"));
    assert_eq!(browser.get("/console/checklists/public-swimming/1999.1").await.status, 404);
}

#[tokio::test]
async fn a_provision_is_found_and_released_once() {
    let world = testing::city().await;
    let browser = Browser::open(&world, "admin").await;
    let page = browser.page("/console/laws?q=GGTL-14").await;
    assert!(page.contains("Not released") && page.contains("第十四条"), "{page}");
    let then = browser
        .done("/console/laws", &[("reference", "GGTL-14"), ("then", "/console/laws?q=GGTL-14#GGTL-14")])
        .await;
    assert_eq!(then, "/console/laws?q=GGTL-14#GGTL-14");
    let page = browser.page("/console/laws?q=GGTL-14").await;
    assert!(page.contains("Released") && !page.contains("Not released"), "{page}");
    assert_eq!(browser.post("/console/laws", &[("reference", "NOTHING-1")]).await.status, 404);
    let all = browser.page("/console/laws").await;
    assert!(all.contains("rel=\"next\""), "225 provisions do not fit one page");
    assert!(browser.page("/console/audit?act=provision.released").await.contains("provision:GGTL-14"));
}
