//! Answering: every kind of question, what a colleague did meanwhile, taking back, notes, the way on.

use super::{Pages, multipart, pool};
use axum::http::{Method, StatusCode};
use fieldproof_schema::checklist::{Answer, Outcome};
use fieldproof_tests::photo;
use fieldproof_tests::world::World;

fn conformity(result: Outcome) -> String {
    Answer::Conformity { result }.to_register()
}

/// Posts a form without scripts; it leads back to the item.
async fn answered(pages: &Pages, item: &str, fields: &[(&str, &str)]) -> String {
    let answer = pages.post(&pages.item(item, "answer"), fields).await;
    let place = answer.place().to_owned();
    assert!(place.ends_with(&format!("#item-{item}")), "{place}");
    place
}

#[tokio::test]
async fn every_kind_of_question_is_answered_by_a_form_without_scripts() {
    let world = World::start(1, None).await;
    let (_, _, one, _two) = pool(&world, |_| {}).await;
    for (item, fields, register) in [
        ("PP-SWIM-001", vec![("result", "fail")], r#"{"result":"fail","type":"conformity"}"#),
        (
            "PP-SWIM-002",
            vec![("result", "na"), ("reason", " 无此设施 ")],
            r#"{"reason":"无此设施","type":"notApplicable"}"#,
        ),
        ("PP-SWIM-012", vec![("value", "０。５０")], r#"{"type":"number","unit":"mg/L","value":"0.50"}"#),
        (
            "PP-SWIM-013",
            vec![("value", "3"), ("result", "fail")],
            r#"{"result":"fail","type":"number","unit":"NTU","value":"3"}"#,
        ),
        (
            "X-CASE",
            vec![("value", "1.5"), ("case", "室外")],
            r#"{"case":"室外","type":"number","unit":"mg/L","value":"1.5"}"#,
        ),
        ("PP-SWIM-022", vec![("option", "未检出")], r#"{"options":["未检出"],"type":"choice"}"#),
        ("X-MANY", vec![("option", "甲"), ("option", "乙")], r#"{"options":["乙","甲"],"type":"choice"}"#),
        ("X-TEXT", vec![("text", "第一行\r\n第二行")], r#"{"text":"第一行\n第二行","type":"text"}"#),
        ("X-DATE", vec![("date", "2026年3月5日")], r#"{"date":"2026-03-05","type":"date"}"#),
    ] {
        let place = answered(&one, item, &fields).await;
        assert_eq!(one.register(item).as_deref(), Some(register), "{item}");
        // The page shows what stands, and offers to take it back.
        let page = one.get(place.split('#').next().unwrap()).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(
            page.text()
                .contains(&format!("action=\"/secret{}/undo\"", one.item(item, "").trim_end_matches('/')))
        );
    }
    // What is emptied has no answer any more.
    for item in ["PP-SWIM-012", "X-MANY", "X-TEXT", "X-DATE"] {
        answered(&one, item, &[("value", ""), ("text", " "), ("date", "")]).await;
        assert_eq!(one.register(item), None, "{item}");
    }
    // Photos are their own answer once there are enough.
    let path = format!("{}/evidence", one.visit);
    for (seed, answers) in [(1, false), (2, true)] {
        let photo = photo::jpeg(seed, None, 64, 48);
        let (kind, body) = multipart(&[("item", "X-PHOTO"), ("caption", "")], "a.jpg", "image/jpeg", &photo);
        let taken = one.send(Method::POST, &path, &[("content-type", &kind)], body).await;
        assert!(taken.place().ends_with("#item-X-PHOTO"));
        assert_eq!(one.register("X-PHOTO").is_some(), answers);
    }
    let section = one.page("/sections/5").await.text();
    assert_eq!(section.matches("class=\"fp-shot\"").count(), 2);
    assert!(section.contains("室外") && section.contains("inputmode=\"decimal\""));
    // An answer made another item apply, and the swapped part says so.
    let swapped = one.swap(&one.item("PP-SWIM-001", "answer"), &[("result", "pass"), ("total", "30")]).await;
    assert!(swapped.text().contains("data-reload"), "{}", swapped.text());
}

#[tokio::test]
async fn what_cannot_be_read_stays_in_its_field_and_is_explained_in_place() {
    let world = World::start(2, None).await;
    let (_, _, one, _two) = pool(&world, |_| {}).await;
    answered(&one, "PP-SWIM-012", &[("value", "0.5")]).await;
    let before = one.register("PP-SWIM-012");
    for (item, field, typed) in [
        ("PP-SWIM-012", "value", "七点二"),
        ("PP-SWIM-012", "value", "0.123"),
        ("X-CASE", "value", "1,200"),
        ("X-DATE", "date", "2026-02-30"),
        ("PP-SWIM-001", "result", "perhaps"),
    ] {
        let path = one.item(item, "answer");
        for answer in [one.post(&path, &[(field, typed)]).await, one.swap(&path, &[(field, typed)]).await] {
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{item} {typed}");
            assert!(answer.text().contains("role=\"alert\""), "{item} {typed}");
        }
    }
    assert_eq!(one.register("PP-SWIM-012"), before);
    let too_long = "长".repeat(400_000);
    let answer = one.swap(&one.item("X-TEXT", "answer"), &[("text", &too_long)]).await;
    assert!(!answer.status.is_success() && answer.text().contains("role=\"alert\""));
    // A limit that is not in force does not decide, so the officer is asked; far-off readings are asked about once.
    let asked = one.swap(&one.item("PP-SWIM-012", "answer"), &[("value", "50")]).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(asked.text().contains("data-verdict=\"undecided\"") && asked.text().contains("value=\"fail\""));
    assert!(asked.text().contains("alert-triangle"), "{}", asked.text());
    assert!(one.register("PP-SWIM-012").unwrap().contains("\"50\""), "it is kept all the same");
}

#[tokio::test]
async fn looking_ahead_says_the_verdict_and_writes_nothing() {
    let world = World::start(3, None).await;
    let (_, _, one, _two) = pool(&world, |_| {}).await;
    let judge = |query: &str| format!("{}?{query}", one.item("PP-SWIM-012", "judge"));
    for (query, shown) in [
        ("value=0.5", "circle-check"),
        ("value=1.2", "help-circle"),
        ("value=%EF%BC%95%EF%BC%90", "alert-triangle"),
        ("value=x", "alert-circle"),
    ] {
        let answer = one.get(&judge(query)).await;
        assert!(
            answer.status == StatusCode::OK && answer.text().contains(shown),
            "{query}: {}",
            answer.text()
        );
    }
    assert_eq!(one.get(&judge("value=")).await.text().trim(), "");
    assert_eq!(one.register("PP-SWIM-012"), None);
}

#[tokio::test]
async fn an_unseen_answer_of_a_colleague_is_shown_and_not_overwritten() {
    let world = World::start(4, None).await;
    let (_, _, one, two) = pool(&world, |_| {}).await;
    let shown = one.page("/sections/1").await;
    assert_eq!(shown.field("id=\"a-1\"", "seen"), "");
    answered(&two, "PP-SWIM-001", &[("result", "fail")]).await;
    let heads = {
        let html = shown.text();
        html[html.find("heads=").unwrap() + 6..].split('"').next().unwrap().to_owned()
    };
    let fresh = format!("{}/fresh?heads={heads}", one.visit);
    assert_eq!(one.get(&fresh).await.status, StatusCode::NO_CONTENT);
    two.sync().await;
    one.sync().await;
    let notice = one.get(&fresh).await;
    let colleague = two.client.status().unwrap().enrolled.unwrap().officer_name;
    assert!(notice.read().contains(&colleague), "{}", notice.text());

    // The page still shows nothing; the officer's tap is not kept.
    let path = one.item("PP-SWIM-001", "answer");
    let fields = [("seen", ""), ("result", "pass")];
    let whole = one.post(&path, &fields).await;
    let part = one.swap(&path, &fields).await;
    for answer in [&whole, &part] {
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert!(answer.read().contains(&colleague));
        assert!(answer.text().contains("keep=theirs"));
    }
    assert!(
        part.text().starts_with("<div class=\"fp-answer\"") && whole.text().starts_with("<!doctype html>")
    );
    assert_eq!(one.register("PP-SWIM-001"), Some(conformity(Outcome::Fail)));
    // "Use mine" knows what it replaces.
    let seen = part.field("role=\"alert\"", "seen");
    answered(&one, "PP-SWIM-001", &[("seen", &seen), ("result", "pass")]).await;
    assert_eq!(one.register("PP-SWIM-001"), Some(conformity(Outcome::Pass)));
    // The page says whose answer stands when it is somebody else's.
    one.sync().await;
    two.sync().await;
    let me = one.client.status().unwrap().enrolled.unwrap().officer_name;
    let region = two.page("/sections/1").await.text();
    let region = &region[region.find("id=\"a-1\"").unwrap()..region.find("id=\"a-2\"").unwrap()];
    assert!(region.contains(&me), "{region}");
}

#[tokio::test]
async fn an_answer_is_taken_back_here_and_everywhere() {
    let world = World::start(5, None).await;
    let (administrator, _, one, two) = pool(&world, |_| {}).await;
    answered(&one, "PP-SWIM-001", &[("result", "pass")]).await;
    let page = one.page("/sections/1?given=PP-SWIM-001").await;
    let change = page.field("class=\"fp-undo\"", "change");
    one.sync().await;
    two.sync().await;
    assert_eq!(two.register("PP-SWIM-001"), Some(conformity(Outcome::Pass)));
    let undo = one.item("PP-SWIM-001", "undo");
    assert!(one.post(&undo, &[("change", &change)]).await.place().ends_with("#item-PP-SWIM-001"));
    assert_eq!(one.register("PP-SWIM-001"), None);
    let late = one.swap(&undo, &[("change", &change)]).await;
    assert_eq!(late.status, StatusCode::OK, "what is undone already is said, not done");
    // The clearing passes the gate of the server, counts there, and reaches the colleague.
    one.sync().await;
    two.sync().await;
    assert_eq!(two.register("PP-SWIM-001"), None);
    let (here, there) = (one.client.inspection(one.id).unwrap(), two.client.inspection(two.id).unwrap());
    assert_eq!((here.view, here.heads), (there.view, there.heads));
    assert_eq!(here.summary.answered, Some(0));
    assert!(here.authors.values().all(|author| author.stage == fieldproof_client_core::Stage::Held));
    let case = administrator.get(&world, &format!("/api/v1/inspections/{}", one.id)).await;
    assert!(case["view"]["answers"].as_object().unwrap().is_empty(), "{case}");
    assert_eq!(here.summary.quarantined, 0);
}

#[tokio::test]
async fn a_note_saves_itself_and_keeps_the_colleagues_words() {
    let world = World::start(6, None).await;
    let (_, _, one, two) = pool(&world, |_| {}).await;
    let path = one.item("PP-SWIM-003", "note");
    let saved = one.swap(&path, &[("base", ""), ("text", "健康证缺两人")]).await;
    assert!(saved.text().contains("hx-swap-oob") && !saved.text().contains("textarea"), "{}", saved.text());
    assert!(saved.text().contains("id=\"b-note-3\" value=\"健康证缺两人\""), "{}", saved.text());
    one.sync().await;
    two.sync().await;
    // Both write upon the same text; what arrives late is joined.
    two.post(&two.item("PP-SWIM-003", "note"), &[("base", "健康证缺两人"), ("text", "健康证缺两人，已拍照")])
        .await
        .place();
    two.sync().await;
    one.sync().await;
    let joined = one.swap(&path, &[("base", "健康证缺两人"), ("text", "现场：健康证缺两人")]).await;
    assert!(joined.text().contains("data-reload"), "the page hears that there is more: {}", joined.text());
    assert_eq!(one.note("PP-SWIM-003"), "现场：健康证缺两人，已拍照");
    // A phrase without scripts, and a form that does not say what it showed.
    one.post(
        &path,
        &[("base", "现场：健康证缺两人，已拍照"), ("text", "现场：健康证缺两人，已拍照"), ("phrase", "1")],
    )
    .await
    .place();
    assert!(one.note("PP-SWIM-003").starts_with("现场：健康证缺两人，已拍照\n"));
    let blind = one.swap(&path, &[("text", "")]).await;
    assert_eq!(blind.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!one.note("PP-SWIM-003").is_empty());
    // Narrative and statement alike.
    let narrative = format!("{}/narrative", one.visit);
    for (of, text) in [("narrative", "上午检查。"), ("statement", "无异议。")] {
        let place = one.post(&narrative, &[("of", of), ("base", ""), ("text", text)]).await;
        assert_eq!(place.place(), format!("{narrative}#{of}"));
    }
    let view = one.client.inspection(one.id).unwrap().view;
    assert_eq!((view.narrative.as_str(), view.statement.as_str()), ("上午检查。", "无异议。"));
    let party = one.page("/party").await.text();
    assert!(party.contains("上午检查。") && party.contains("无异议。"));
    assert!(!party.contains("健康证缺两人"), "notes are internal");
}

#[tokio::test]
async fn the_terminal_opens_where_the_officer_was_and_leads_to_the_next_open_item() {
    let world = World::start(7, None).await;
    let (_, _, one, _two) = pool(&world, |_| {}).await;
    let next = format!("{}/next", one.visit);
    assert_eq!(one.get(&next).await.place(), format!("{}/sections/1#item-PP-SWIM-001", one.visit));
    let place = format!("{}/sections/3#item-PP-SWIM-014", one.visit);
    let noted = one.post("/place", &[("path", &place)]).await;
    assert_eq!(noted.status, StatusCode::NO_CONTENT);
    for strange in
        ["/settings", "//evil.example/inspections/", "http://evil.example/", "/inspections/x\r\ny: z", ""]
    {
        one.post("/place", &[("path", strange)]).await;
    }
    assert_eq!(one.get("").await.place(), place);
    assert_eq!(one.get(&next).await.place(), format!("{}/sections/3#item-PP-SWIM-015", one.visit));
    // Looking at the page again does not lose the place on it.
    one.page("/sections/3").await;
    assert_eq!(one.get("").await.place(), place);
    // A section without a place on it begins with itself; when nothing is open the overview says so.
    one.page("/sections/2").await;
    assert_eq!(one.get(&next).await.place(), format!("{}/sections/2#item-PP-SWIM-006", one.visit));
    let detail = one.client.inspection(one.id).unwrap();
    for item in &detail.template.unwrap().items {
        use fieldproof_schema::checklist::ItemKind as Kind;
        let fields: &[(&str, &str)] = match &item.kind {
            Kind::Conformity { .. } => &[("result", "pass")],
            Kind::Number(_) => &[("value", "1")],
            Kind::Choice { options, .. } => &[("option", &options[0])],
            Kind::Text => &[("text", "x")],
            Kind::Date => &[("date", "2026-06-01")],
            Kind::Photo { .. } | Kind::Other(_) => continue,
        };
        one.post(&one.item(&item.id, "answer"), fields).await.place();
    }
    assert_eq!(one.get(&next).await.place(), format!("{}/sections/5#item-X-PHOTO", one.visit));
    for seed in [1, 2] {
        let photo = photo::jpeg(seed, None, 64, 48);
        let (kind, body) = multipart(&[("item", "X-PHOTO")], "a.jpg", "image/jpeg", &photo);
        one.send(Method::POST, &format!("{}/evidence", one.visit), &[("content-type", &kind)], body)
            .await
            .place();
    }
    let done = one.get(&next).await;
    assert_eq!(done.place(), format!("{}?all=answered", one.visit));
    assert!(one.get(done.place()).await.text().contains("fp-notice fp-pass"));
}
