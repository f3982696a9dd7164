//! Photos and files: taken, refused, shown.

use super::{Answer, Pages, multipart, pool};
use axum::http::{Method, StatusCode};
use fieldproof_tests::photo;
use fieldproof_tests::world::World;

async fn take(pages: &Pages, fields: &[(&str, &str)], file: (&str, &str, &[u8]), script: bool) -> Answer {
    let (kind, body) = multipart(fields, file.0, file.1, file.2);
    let mut headers = vec![("content-type", kind.as_str())];
    if script {
        headers.push(("hx-request", "true"));
    }
    pages.send(Method::POST, &format!("{}/evidence", pages.visit), &headers, body).await
}

fn captures(pages: &Pages) -> usize {
    pages.client.inspection(pages.id).unwrap().evidence.len()
}

#[tokio::test]
async fn a_photo_comes_back_on_its_item_and_shows_how_far_it_got() {
    let world = World::start(11, None).await;
    let (_, _, one, two) = pool(&world, |_| {}).await;
    let jpeg = photo::jpeg(1, None, 640, 480);
    let fields = [("item", "PP-SWIM-001"), ("caption", "许可证<b>正面")];
    let taken = take(&one, &fields, ("IMG_1.JPG", "application/octet-stream", &jpeg), false).await;
    assert_eq!(taken.place(), format!("{}/sections/1#item-PP-SWIM-001", one.visit));
    let part = take(&one, &[("item", "PP-SWIM-001")], ("2.jpg", "image/jpeg", &jpeg), true).await;
    assert_eq!(part.status, StatusCode::OK);
    assert!(part.text().starts_with("<div class=\"fp-shots\" id=\"e-1\""), "{}", part.text());
    assert_eq!(part.text().matches("#device-mobile").count(), 2, "both are here only");
    assert!(part.text().contains("&#60;b&#62;正面"));

    // The original, whole and in ranges, as a picture and nothing else.
    let detail = one.client.inspection(one.id).unwrap();
    let record = detail.evidence[0].record;
    let file = format!("{}/evidence/{record}/file", one.visit);
    let whole = one.get(&file).await;
    assert_eq!((whole.status, &whole.body), (StatusCode::OK, &jpeg));
    assert_eq!(whole.headers["content-type"], "image/jpeg");
    assert_eq!(whole.headers["x-content-type-options"], "nosniff");
    assert!(whole.headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
    let range = one.send(Method::GET, &file, &[("range", "bytes=2-5")], "").await;
    assert_eq!((range.status, range.body.as_slice()), (StatusCode::PARTIAL_CONTENT, &jpeg[2..6]));
    let pdf = take(&one, &[("item", "")], ("a.pdf", "application/pdf", b"%PDF-1.7 <script>"), false).await;
    assert_eq!(pdf.place(), format!("{}/evidence", one.visit));
    let last = one
        .client
        .inspection(one.id)
        .unwrap()
        .evidence
        .into_iter()
        .find(|e| e.register.as_ref().unwrap().kind == "doc");
    let saved = one.get(&format!("{}/evidence/{}/file", one.visit, last.unwrap().record)).await;
    assert!(saved.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(saved.headers["content-type"], "application/octet-stream");

    // The caption later; the gallery; what the colleague sees of it.
    let caption = format!("{}/evidence/{record}/caption", one.visit);
    one.post(&caption, &[("caption", "新的说明")]).await.place();
    assert!(one.page("/evidence").await.text().contains("新的说明"));
    one.sync().await;
    two.sync().await;
    assert!(one.page("/evidence").await.text().contains("#shield-check"));
    let theirs = two.page("/evidence").await.text();
    assert!(theirs.contains("新的说明") && !theirs.contains("<img"), "the original is on the other terminal");
    assert_eq!(two.get(&file).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_no_photo_is_refused_in_place_and_sixty_megabytes_are_taken() {
    let world = World::start(12, None).await;
    let (_, _, one, _two) = pool(&world, |_| {}).await;
    let big = [photo::jpeg(1, None, 64, 48), vec![0; 60 * 1000 * 1000]].concat();
    let item = [("item", "PP-SWIM-001")];
    let refused: [(&str, &str, &[u8]); 4] = [
        ("a.jpg", "image/jpeg", b""),
        ("a.jpg", "image/jpeg", b"<html><script>alert(1)</script>"),
        ("a.svg", "image/svg+xml", b"<svg onload='alert(1)'/>"),
        ("a.html", "text/html", b"<html>"),
    ];
    for file in refused {
        for script in [false, true] {
            let answer = take(&one, &item, file, script).await;
            assert!(answer.status.is_client_error(), "{file:?}");
            let html = answer.text();
            assert!(html.contains("id=\"e-1\"") && html.contains("role=\"alert\""), "in place: {html}");
            assert!(html.contains("capture=\"environment\""), "with the way to take it again");
        }
    }
    // Nothing chosen; no item of that name; no form at all; the bytes cut off.
    let nothing = take(&one, &item, ("", "application/octet-stream", b""), true).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    let jpeg = photo::jpeg(1, None, 64, 48);
    assert!(
        take(&one, &[("item", "NOPE")], ("a.jpg", "image/jpeg", &jpeg), false).await.status.is_client_error()
    );
    let path = format!("{}/evidence", one.visit);
    let strange = one.send(Method::POST, &path, &[("content-type", "text/plain")], "x").await;
    assert!(strange.status.is_client_error());
    let (kind, mut body) = multipart(&item, "a.jpg", "image/jpeg", &jpeg);
    body.truncate(body.len() / 2);
    assert!(one.send(Method::POST, &path, &[("content-type", &kind)], body).await.status.is_client_error());
    assert_eq!(captures(&one), 0);
    assert_eq!(std::fs::read_dir(one.app.incoming()).unwrap().count(), 0, "a refused upload leaves nothing");

    let taken = take(&one, &item, ("big.jpg", "image/jpeg", &big), true).await;
    assert_eq!(taken.status, StatusCode::OK);
    assert!(taken.read().contains("60\u{202F}MB"), "{}", taken.read());
    assert!(!taken.text().contains("<img"), "what is so large is not drawn small");
    assert_eq!(captures(&one), 1);
}
