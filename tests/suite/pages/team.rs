//! Where the team differs: both sides, the decision with a reason, somebody else's decision, and what is sealed.

use super::{Pages, pool};
use axum::http::StatusCode;
use fieldproof_schema::checklist::{Answer, Outcome};
use fieldproof_schema::seal::Party;
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::PASSPHRASE;
use serde_json::json;

/// Both answer one item differently, unseen by each other.
async fn differ(one: &Pages, two: &Pages, item: &str, field: &str, values: [&str; 2]) {
    for (pages, value) in [(one, values[0]), (two, values[1])] {
        pages.post(&pages.item(item, "answer"), &[(field, value)]).await.place();
    }
    for pages in [one, two, one] {
        pages.sync().await;
    }
}

fn settle(pages: &Pages) -> String {
    let conflict = pages.client.conflicts(pages.id).unwrap().remove(0);
    format!("{}/conflicts/{}/settle", pages.visit, conflict.id)
}

#[tokio::test]
async fn a_difference_is_shown_with_both_sides_and_settled_with_a_reason() {
    let world = World::start(21, None).await;
    let (_, _, one, two) = pool(&world, |_| {}).await;
    differ(&one, &two, "PP-SWIM-012", "value", ["0.5", "0.2"]).await;
    let page = one.page("/team").await;
    assert!(page.text().contains("0.<mark>5</mark>") && page.text().contains("0.<mark>2</mark>"));
    let names = [&one, &two].map(|pages| pages.client.status().unwrap().enrolled.unwrap().officer_name);
    assert!(names.iter().all(|name| page.read().contains(name.as_str())));
    // The item leads there instead of being answered over.
    let section = one.page("/sections/3").await.text();
    assert!(
        section.contains("data-verdict") && section.contains(&format!("href=\"/secret{}/team\"", one.visit))
    );
    let over = one.swap(&one.item("PP-SWIM-012", "answer"), &[("value", "0.9")]).await;
    assert_eq!(over.status, StatusCode::CONFLICT);
    assert_eq!(one.client.conflicts(one.id).unwrap().len(), 1);
    // The party reads of no disagreement.
    assert!(!one.page("/party").await.read().contains("0.5"));

    // What is missing is said, and nothing that was typed is lost.
    let path = settle(&one);
    let side = one.client.conflicts(one.id).unwrap()[0].sides[0].change.to_string();
    for (fields, kept) in [
        (vec![("side", side.as_str()), ("reason", "  ")], side.as_str()),
        (vec![("reason", "已复测<b>")], "已复测&#60;b&#62;"),
        (vec![("side", "new"), ("value", "零点四"), ("reason", "复测")], "零点四"),
        (vec![("side", "new"), ("value", ""), ("reason", "复测")], "复测"),
        (vec![("side", &"ab".repeat(32)), ("reason", "复测")], "复测"),
    ] {
        let wrong = one.post(&path, &fields).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
        assert!(wrong.text().contains("role=\"alert\"") && wrong.text().contains(kept), "{fields:?}");
    }
    assert_eq!(one.client.conflicts(one.id).unwrap().len(), 1);
    let fields =
        [("side", "new"), ("value", "０。40"), ("phrase", "仪器复测，以复测结果为准"), ("reason", "两次")];
    assert_eq!(one.post(&path, &fields).await.place(), format!("{}/team?done=settled", one.visit));
    assert!(one.register("PP-SWIM-012").unwrap().contains("\"0.40\""));
    let page = one.page("/team?done=settled").await;
    assert!(page.read().contains("仪器复测，以复测结果为准；两次"), "{}", page.read());

    // The colleague, who still looks at the old page, is told who settled it and how.
    two.sync().await;
    assert_eq!(two.client.conflicts(two.id).unwrap().len(), 1, "not yet arrived");
    one.sync().await;
    two.sync().await;
    let late = two.post(&path.clone(), &[("side", &side), ("reason", "我的理由")]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    let read = late.read();
    assert!(read.contains(&names[0]) && read.contains("0.40") && read.contains("我的理由"), "{read}");
}

#[tokio::test]
async fn what_is_decided_at_the_desk_is_said_in_plain_words_and_a_decision_that_was_taken_back_is_open_again()
{
    let world = World::start(21, None).await;
    let (administrator, _, one, two) = pool(&world, |_| {}).await;
    differ(&one, &two, "PP-SWIM-012", "value", ["0.5", "0.2"]).await;
    let conflict = one.client.conflicts(one.id).unwrap().remove(0);
    let place = format!("/api/v1/conflicts/{}", conflict.id);
    let decision = json!({"side": conflict.sides[0].change, "reason": "仪器照片"});
    let decided = administrator.post(&world, &format!("{place}/decision"), decision).await;
    one.sync().await;
    assert!(one.page("/team").await.read().contains("仪器照片"));
    let undo = json!({"decision": decided["decision"], "reason": "照片属于另一处"});
    administrator.post(&world, &format!("{place}/undo"), undo).await;
    let checklists = administrator.get(&world, "/api/v1/templates").await;
    let pinned = one.client.inspection(one.id).unwrap().view.identity.template.clone();
    assert!(checklists.to_string().contains(&pinned.revision));
    let withdraw = format!("/api/v1/templates/{}/{}/withdraw", pinned.id, pinned.revision);
    administrator.post(&world, &withdraw, json!({"reason": "限值已修订"})).await;
    one.sync().await;
    let page = one.page("/team").await;
    let read = page.read();
    assert!(read.contains("撤销了先前的裁决") && read.contains("照片属于另一处"), "{read}");
    assert!(!read.contains("仪器照片") && page.text().contains(&conflict.id.to_string()));
    let names = [&one, &two].map(|pages| pages.client.status().unwrap().enrolled.unwrap().officer_name);
    assert!(names.iter().all(|name| read.contains(name.as_str())), "{read}");
    assert!(read.contains("所用检查表版本已停用") && read.contains("由业务管理员裁决"), "{read}");
    assert!(one.page("").await.read().contains("有 1 个问题由管理人员处理"));

    // The team settles it again, and keeps what does not stand.
    let fields =
        [("side", &*conflict.sides[1].change.to_string()), ("keep", "1"), ("reason", "两处各测一次")]
            .map(|(name, value)| (name, value.to_owned()));
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let settle = settle(&one);
    assert_eq!(one.post(&settle, &fields).await.place(), format!("{}/team?done=settled", one.visit));
    let view = one.client.inspection(one.id).unwrap().view;
    let kept: Vec<_> = view.measurements.values().map(|register| &register.standing.value).collect();
    assert!(
        kept.len() == 1
            && kept[0].contains("PP-SWIM-012")
            && kept[0].contains(&names[0]) | kept[0].contains(&names[1])
    );
}

#[tokio::test]
async fn what_was_returned_says_so_at_its_items_and_what_is_sealed_is_read_only() {
    let world = World::start(21, None).await;
    let (_, supervisor, one, two) = pool(&world, |_| {}).await;
    one.post(&one.item("PP-SWIM-001", "answer"), &[("result", "fail")]).await.place();
    let party = Party::Signed { name: "现场负责人（虚构）".into() };
    one.client.seal(one.id, PASSPHRASE, &party, None).unwrap();
    // Signed by one: this terminal writes no more.
    let signed = one.page("/sections/1").await;
    assert!(signed.text().contains("fieldset class=\"fp-segments\" disabled"));
    assert!(!signed.text().contains("type=\"file\""));
    let refused = one.swap(&one.item("PP-SWIM-001", "answer"), &[("result", "pass")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text().contains("role=\"alert\"") && refused.text().contains("id=\"a-1\""));
    let refused = one.post(&one.item("PP-SWIM-001", "answer"), &[("result", "pass")]).await;
    assert!(refused.status == StatusCode::CONFLICT && refused.text().contains("item-PP-SWIM-001"));
    let refused = one.swap(&one.item("PP-SWIM-001", "note"), &[("base", ""), ("text", "x")]).await;
    assert!(refused.status == StatusCode::CONFLICT && !refused.text().contains("hx-swap-oob"));
    for pages in [&one, &two] {
        pages.sync().await;
    }
    two.client.cosign(two.id, PASSPHRASE).unwrap();
    two.sync().await;
    one.sync().await;
    let path = format!("/api/v1/inspections/{}/return", one.id);
    let body = json!({"comment": "请补充<i>", "items": {"PP-SWIM-001": "写明许可证编号"}});
    supervisor.post(&world, &path, body).await;
    one.sync().await;
    let overview = one.page("").await.read();
    assert!(overview.contains("请补充&#60;i&#62;") && overview.contains("写明许可证编号"), "{overview}");
    assert!(one.page("/sections/1").await.read().contains("写明许可证编号"));
    one.post(&one.item("PP-SWIM-001", "answer"), &[("result", "pass")]).await.place();
    let pass = Answer::Conformity { result: Outcome::Pass }.to_register();
    assert_eq!(one.register("PP-SWIM-001"), Some(pass));
}

#[tokio::test]
async fn a_seal_over_a_difference_needs_a_reason_and_says_so_to_everybody() {
    let world = World::start(21, None).await;
    let (_, _, one, two) = pool(&world, |_| {}).await;
    differ(&one, &two, "PP-SWIM-012", "value", ["0.5", "0.2"]).await;
    let conflict = one.client.conflicts(one.id).unwrap().remove(0);
    let page = one.page("/seal").await;
    assert!(page.text().contains(&format!("/team#c-{}", conflict.id)), "{}", page.text());
    assert!(
        page.read().contains("有 1 处两人填写不一致") && page.read().contains("仍要定稿"),
        "{}",
        page.read()
    );
    let signing = [("party", "signed"), ("name", "现场负责人"), ("passphrase", PASSPHRASE)];
    let path = format!("{}/seal", one.visit);
    let blocked = one.post(&path, &signing).await;
    assert!(
        blocked.status == StatusCode::CONFLICT && blocked.text().contains("现场负责人"),
        "{}",
        blocked.text()
    );
    let silent: Vec<_> =
        signing.iter().copied().chain([("despite", "yes"), ("despite_reason", " ")]).collect();
    let silent = one.post(&path, &silent).await;
    assert!(
        silent.status == StatusCode::UNPROCESSABLE_ENTITY && silent.read().contains("请写明为什么不能等")
    );
    assert!(one.client.inspection(one.id).unwrap().seals.is_empty());

    let over: Vec<_> =
        signing.iter().copied().chain([("despite", "yes"), ("despite_reason", "当事人<b>须离场")]).collect();
    assert_eq!(one.post(&path, &over).await.place(), path);
    for pages in [&one, &two] {
        pages.sync().await;
    }
    // The colleague reads it before signing, and the party does, too.
    for (pages, path) in [(&one, "/seal"), (&two, "/seal"), (&one, "/party")] {
        let shown = pages.page(path).await;
        assert!(shown.text().contains("当事人&#60;b&#62;须离场"), "{path}: {}", shown.text());
        assert!(
            shown.read().contains("签名时有 1 处不一致尚未商定") && shown.read().contains("0.5"),
            "{}",
            shown.read()
        );
    }
    two.post(&format!("{}/cosign", two.visit), &[("passphrase", PASSPHRASE)]).await.place();
    two.sync().await;
    one.sync().await;
    assert!(two.page("/party").await.read().contains("签名时有 1 处不一致尚未商定"));
    assert!(one.page("/history?show=decisions").await.text().contains("当事人&#60;b&#62;须离场"));
}
