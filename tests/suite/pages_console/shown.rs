//! What pages show: both languages, the same counts everywhere, hostile text inert, and nothing outside the scope.

use super::scene::{HOSTILE, Scene};
use axum::http::{StatusCode, header};
use fieldproof_tests::world::desk::Desk;

/// Every page that a reviewer can open.
async fn pages(scene: &Scene) -> Vec<String> {
    let (review, conflict) = (scene.review.page(), scene.conflict().await);
    let record = scene.review.one.client().inspection(scene.review.id).unwrap().evidence[0].record;
    vec![
        "/console".into(),
        "/console/cases".into(),
        "/console/cases?waits=review&failed=1".into(),
        "/console/cases?q=%E6%B2%A1%E6%9C%89".into(),
        "/console/conflicts".into(),
        "/console/conflicts?state=ended".into(),
        format!("{review}/compare"),
        format!("{review}/compare?a=1&b=now"),
        format!("{review}/evidence/{record}"),
        format!("{review}/evidence/{record}?size=whole"),
        review,
        scene.incomplete.page(),
        scene.disputed.page(),
        format!("/console/inspections/{}", scene.tasks[0].inspection),
        conflict,
    ]
}

/// Words of a page that are keys of the catalogues and not texts.
fn raw_keys(text: &str) -> Vec<&str> {
    let areas = ["console.", "kit.", "error.", "review.", "law.", "inspection."];
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_');
    let words = text.split(|c| !word(c));
    let keys =
        words.filter(|word| areas.iter().any(|area| word.starts_with(area) && word.len() > area.len()));
    keys.filter(|word| !matches!(*word, "console.css" | "console.js")).collect()
}

#[tokio::test]
async fn every_page_speaks_both_languages_to_everybody_who_may_read_it() {
    let scene = Scene::open(71).await;
    for login in ["shenhe", "guanli", "duchang"] {
        let mut desk = scene.desk(login).await;
        for language in ["zh-CN", "en"] {
            desk.language = language;
            for path in pages(&scene).await {
                let seen = desk.get(&scene.world, &path).await;
                assert_eq!(seen.status, StatusCode::OK, "{login} {path}");
                assert!(seen.text.contains(&format!("<html lang=\"{language}\"")), "{path}");
                assert_eq!(raw_keys(&seen.text), Vec::<&str>::new(), "{language} {path}");
                assert!(!seen.text.contains("<script>") && !seen.text.contains('\u{202E}'), "{path}");
                assert!(!seen.text.contains("http://evil.example\""), "{path}");
            }
        }
    }
}

/// The number beside a place of the navigation.
fn nav_count(text: &str, path: &str) -> usize {
    let at = text.find(&format!("<a href=\"{path}\"")).expect("a place");
    let link = &text[at..at + text[at..].find("</a>").unwrap()];
    let count = link.split_once("fp-count\">").map_or("0", |(_, rest)| rest.split('<').next().unwrap_or("0"));
    count.parse().unwrap()
}

#[tokio::test]
async fn counts_are_the_length_of_their_lists() {
    let scene = Scene::open(72).await;
    let rows = |text: &str| text.matches("class=\"fp-row-link\"").count();
    // 2026-11-02: every window of the plan has passed.
    scene.world.clock.advance_seconds(155 * 24 * 3600);
    for (login, decides) in [("shenhe", false), ("guanli", true), ("duchang", false)] {
        let desk = scene.desk(login).await;
        let inbox = desk.get(&scene.world, "/console").await.text;
        assert_eq!(nav_count(&inbox, "/console"), rows(&inbox), "{login}");
        let mut listed = usize::from(decides);
        for waits in ["review", "answered", "evidence", "overdue"] {
            let list = desk.get(&scene.world, &format!("/console/cases?waits={waits}")).await.text;
            let part = format!("id=\"part-{waits}\"");
            assert_eq!(
                inbox.contains(&part),
                rows(&list) > 0 && (login != "guanli" && login != "duchang" || waits != "review"),
                "{login} {waits}"
            );
            listed += if inbox.contains(&part) { rows(&list) } else { 0 };
        }
        assert_eq!(rows(&inbox), listed, "{login}");
        let conflicts = desk.get(&scene.world, "/console/conflicts").await.text;
        assert_eq!((rows(&conflicts), nav_count(&conflicts, "/console/conflicts")), (1, 1));
    }
    let desk = scene.desk("shenhe").await;
    let overdue = desk.get(&scene.world, "/console/cases?due=overdue").await.text;
    assert_eq!(rows(&overdue), scene.tasks.len() + 1, "nobody sealed these in time");
}

#[tokio::test]
async fn filters_say_which_visits_are_listed() {
    let scene = Scene::open(73).await;
    let desk = scene.desk("shenhe").await;
    let all = scene.tasks.len() + 3;
    for (query, expected) in [
        ("", all),
        ("?state=sealed", 2),
        ("?state=in_progress", 1),
        ("?waits=review", 1),
        ("?waits=evidence", 1),
        ("?waits=answered", 0),
        ("?conflicts=1", 1),
        ("?failed=1&state=sealed", 2),
        ("?due=overdue", 0),
        ("?unit=ORG-C", all),
        ("?unit=NOWHERE", 0),
        ("?q=%3Dhyperlink", all),
        ("?q=100%25", 0),
    ] {
        let seen = desk.get(&scene.world, &format!("/console/cases{query}")).await;
        assert_eq!(seen.text.matches("class=\"fp-row-link\"").count(), expected, "{query}");
    }
    for unknown in ["?state=lost", "?waits=x", "?due=x", "?before=x"] {
        let seen = desk.get(&scene.world, &format!("/console/cases{unknown}")).await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY, "{unknown}");
    }
}

#[tokio::test]
async fn a_spreadsheet_reads_chinese_and_computes_nothing() {
    let scene = Scene::open(74).await;
    let desk = scene.desk("shenhe").await;
    let seen = desk.get(&scene.world, "/console/cases.csv?state=sealed").await;
    assert_eq!(seen.headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    assert!(seen.headers[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment;"));
    let lines: Vec<_> = seen.text.trim_start_matches('\u{FEFF}').lines().collect();
    assert!(seen.text.starts_with('\u{FEFF}') && lines.len() == 3, "{lines:?}");
    for line in &lines[1..] {
        assert!(line.starts_with("\"'=HYPERLINK(\"\"http"), "{line}");
    }
}

#[tokio::test]
async fn what_is_outside_the_unit_does_not_exist() {
    let scene = Scene::open(75).await;
    let stranger = scene.desk("waidi").await;
    let mine = stranger.get(&scene.world, "/console/cases").await.text;
    assert!(!mine.contains("class=\"fp-row-link\""), "the stranger's unit has no visits");
    let record = scene.review.one.client().inspection(scene.review.id).unwrap().evidence[0].record;
    let owner = scene.desk("shenhe").await;
    let digest = owner.get(&scene.world, &format!("{}/evidence/{record}", scene.review.page())).await;
    let bytes = format!(
        "/console/evidence/{}",
        digest.text.split("/console/evidence/").nth(1).unwrap().split('"').next().unwrap()
    );
    let (review, conflict) = (scene.review.page(), scene.conflict().await);
    for path in [
        review.clone(),
        format!("{review}/compare"),
        format!("{review}/evidence/{record}"),
        bytes.clone(),
        format!("{bytes}/preview"),
        conflict.clone(),
    ] {
        let seen = stranger.get(&scene.world, &path).await;
        assert_eq!(seen.status, StatusCode::NOT_FOUND, "{path}");
    }
    for act in ["return", "accept", "disclose"] {
        let seen = stranger.post(&scene.world, &format!("{review}/{act}"), &[("comment", "x")]).await;
        assert_eq!(seen.status, StatusCode::NOT_FOUND, "{act}");
    }
    assert_eq!(owner.get(&scene.world, &bytes).await.status, StatusCode::OK);
    for nowhere in ["/console/inspections/x", "/console/conflicts/x", "/console/evidence/x", "/console/none"]
    {
        assert_eq!(owner.get(&scene.world, nowhere).await.status, StatusCode::NOT_FOUND, "{nowhere}");
    }
}

#[tokio::test]
async fn originals_are_shown_only_where_they_can_do_nothing() {
    let scene = Scene::open(76).await;
    let desk = scene.desk("shenhe").await;
    let page = desk.get(&scene.world, &scene.review.page()).await.text;
    let addresses: Vec<String> = page
        .split("src=\"/console/evidence/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().strip_suffix("/preview").unwrap().to_owned())
        .collect();
    assert!(addresses.len() >= 2);
    let path = format!("/console/evidence/{}", addresses[0]);
    let seen = desk.get(&scene.world, &path).await;
    let header = |name: &str| {
        seen.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert_eq!(
        (header("content-type").as_str(), header("content-disposition").as_str()),
        ("image/jpeg", "inline")
    );
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(header("cache-control"), "private, no-store");
    let part = axum::http::Request::builder().uri(&path).header("range", "bytes=0-3");
    let part = desk.ask(&scene.world, part, axum::body::Body::empty()).await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers[header::CONTENT_LENGTH], "4");
    assert!(part.headers[header::CONTENT_RANGE].to_str().unwrap().starts_with("bytes 0-3/"));
    assert_eq!(
        Desk::new().get(&scene.world, &path).await.status,
        StatusCode::SEE_OTHER,
        "nobody is signed in"
    );
    // What has not arrived says on which terminal it is.
    let incomplete = desk.get(&scene.world, &scene.incomplete.page()).await.text;
    assert!(incomplete.contains("原件未到") && !incomplete.contains("src=\"/console/evidence/"));
}

#[tokio::test]
async fn a_case_shows_what_was_found_worst_first_and_hostile_text_as_text() {
    let scene = Scene::open(77).await;
    let desk = scene.desk("shenhe").await;
    let text = desk.get(&scene.world, &scene.review.page()).await.text;
    let (failed, passed) = (text.find("不合格（").unwrap(), text.find("合格（").unwrap());
    assert!(failed <= passed);
    assert!(text.contains("id=\"decide\""), "a supervisor decides");
    assert!(text.contains("&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;"));
    assert!(text.contains("<span class=\"fp-control\">U+202E</span>"));
    assert!(text.contains("显示全文"), "a long note begins folded");
    assert!(!text.contains(HOSTILE));
    for login in ["guanli", "duchang"] {
        let text = scene.desk(login).await.get(&scene.world, &scene.review.page()).await.text;
        assert!(!text.contains("id=\"decide\"") && !text.contains("name=\"item."), "{login} does not decide");
    }
}

#[tokio::test]
async fn a_note_of_a_megabyte_stays_a_page() {
    let scene = Scene::open(78).await;
    let visit = &scene.disputed;
    visit.one.client().note(visit.id, &visit.items[1], None, &"<b>长</b>".repeat(90_000)).unwrap();
    visit.one.sync().await;
    let desk = scene.desk("shenhe").await;
    let seen = desk.get(&scene.world, &visit.page()).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(!seen.text.contains("<b>"));
    let compare = desk.get(&scene.world, &format!("{}/compare?a=now&b=now", visit.page())).await;
    assert_eq!(compare.status, StatusCode::OK);
}
