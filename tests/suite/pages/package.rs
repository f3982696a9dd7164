//! Packages: made by one officer, taken in by the other, through pages without scripts and through the JSON interface.

use super::{Answer, Pages, multipart, pool};
use axum::http::{Method, StatusCode};
use fieldproof_tests::photo;
use fieldproof_tests::world::World;

async fn import(pages: &Pages, name: &str, bytes: &[u8]) -> Answer {
    let (kind, body) = multipart(&[], name, "application/zip", bytes);
    pages.send(Method::POST, "/packages", &[("content-type", &kind)], body).await
}

#[tokio::test]
async fn a_package_goes_from_one_terminal_to_the_other() {
    let world = World::start(14, None).await;
    let (_, _, one, two) = pool(&world, |_| {}).await;
    one.client.narrative(one.id, None, "余氯偏低<b>。").unwrap();
    let jpeg = photo::jpeg(1, None, 64, 48);
    let (kind, body) = multipart(&[("item", "")], "a.jpg", "image/jpeg", &jpeg);
    one.send(Method::POST, &format!("{}/evidence", one.visit), &[("content-type", &kind)], body).await;

    let page = one.page("/package").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("name=\"originals\""));
    let made = one.post(&format!("{}/package", one.visit), &[("originals", "1")]).await;
    assert_eq!(made.status, StatusCode::OK);
    assert_eq!(made.headers["content-type"], "application/zip");
    let name = made.headers["content-disposition"].to_str().unwrap();
    assert_eq!(name, format!("attachment; filename=\"fieldproof-{}.zip\"", one.id));

    let empty = two.get("/packages").await;
    assert!(empty.text().contains("type=\"file\""));
    let taken = import(&two, "a.zip", &made.body).await;
    assert_eq!(taken.status, StatusCode::OK, "{}", taken.text());
    assert!(
        taken.text().contains("#circle-check") && taken.text().contains(&format!("/inspections/{}", one.id))
    );
    assert_eq!(two.client.inspection(two.id).unwrap().view.narrative, "余氯偏低<b>。");
    let record = two.client.inspection(two.id).unwrap().evidence[0].record;
    let file = two.get(&format!("{}/evidence/{record}/file", two.visit)).await;
    assert_eq!((file.status, &file.body), (StatusCode::OK, &jpeg));
    let again = import(&two, "a.zip", &made.body).await;
    assert!(again.status == StatusCode::OK && !again.text().contains("#alert-triangle"));

    // Without originals it is smaller, and says so in the history of both.
    let bare = one.post(&format!("{}/package", one.visit), &[]).await;
    assert!(bare.body.len() + jpeg.len() <= made.body.len());
    for (pages, word) in [(&one, "导出检查包"), (&two, "导入检查包")] {
        assert!(pages.page("/history?show=journal").await.text().contains(word));
    }
}

#[tokio::test]
async fn what_is_no_package_is_said_on_the_page() {
    let world = World::start(15, None).await;
    let (_, _, one, _) = pool(&world, |_| {}).await;
    for (bytes, status) in [(b"rubbish".as_slice(), 422), (b"".as_slice(), 422)] {
        let refused = import(&one, "a.zip", bytes).await;
        assert_eq!(refused.status.as_u16(), status);
        assert!(refused.text().contains("role=\"alert\"") && refused.text().contains("type=\"file\""));
    }
    let (kind, body) = multipart(&[], "", "application/octet-stream", b"");
    let none = one.send(Method::POST, "/packages", &[("content-type", &kind)], body).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    let foreign = one.get("/inspections/00000000-0000-7000-8000-000000000000/package").await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    // Nothing is left lying about.
    let incoming = std::fs::read_dir(one.app.incoming()).unwrap().count();
    assert_eq!(incoming, 0);
}
