use crate::testing::{AUTHORITY, OFFICER, Page, SECRET, Terminal};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use qrcode::{Color, QrCode};
use std::io::Cursor;

fn form(code: &str, name: &str, passphrase: &str, again: &str) -> String {
    format!("code={code}&device_name={name}&passphrase={passphrase}&again={again}").replace(' ', "+")
}

fn qr(text: &str) -> Vec<u8> {
    let code = QrCode::new(text.as_bytes()).unwrap();
    let (width, colors) = (code.width() as u32, code.to_colors());
    let side = (width + 8) * 5;
    let picture = GrayImage::from_fn(side, side, |x, y| {
        let (x, y) = ((x / 5).wrapping_sub(4), (y / 5).wrapping_sub(4));
        let dark = x < width && y < width && colors[(y * width + x) as usize] == Color::Dark;
        Luma([if dark { 20 } else { 240 }])
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageLuma8(picture).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// Posts a photo together with the fields that stand beside it.
async fn scan(terminal: &Terminal, photo: &[u8]) -> Page {
    let mut body = Vec::new();
    for (name, value) in [("code", "ABCD"), ("device_name", "三号<机>"), ("passphrase", "long enough")] {
        body.extend(
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
        );
    }
    body.extend(b"--x\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"a.jpg\"\r\n\r\n");
    body.extend(photo);
    body.extend(b"\r\n--x--\r\n");
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/{SECRET}/enrol/scan"))
        .header("host", AUTHORITY)
        .header("content-type", "multipart/form-data; boundary=x")
        .body(Body::from(body));
    terminal.page(request.unwrap()).await
}

#[tokio::test]
async fn before_the_enrolment_every_page_leads_to_it() {
    let terminal = Terminal::new();
    for path in ["", "/tasks", "/sync", "/settings", "/inspections/x"] {
        let page = terminal.get(path).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/enrol"), "{path}");
    }
    let page = terminal.get("/enrol").await;
    assert!(page.text.contains("name=\"code\"") && page.text.contains("capture=\"environment\""));
    assert!(!page.text.contains("strip-poll"));
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost() {
    let terminal = Terminal::new();
    for (fields, field) in [
        (form("", "三号", "long enough", "long enough"), "code"),
        (form("good", "", "long enough", "long enough"), "device_name"),
        (form("good", &"长".repeat(65), "long enough", "long enough"), "device_name"),
        (form("good", "三号", "short", "short"), "passphrase"),
        (form("good", "三号", "long enough", "long enouhg"), "again"),
    ] {
        let page = terminal.post("/enrol", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        let (_, after) = page.text.split_once(&format!("id=\"{field}\"")).unwrap();
        let tag = after.split('>').next().unwrap();
        assert!(tag.contains("aria-invalid=\"true\""), "{field}: {tag}");
        assert_eq!(page.text.matches("aria-invalid=\"true\"").count(), 1, "{fields}");
        assert!(!page.text.contains("long enough") && !page.text.contains("value=\"short\""), "{fields}");
    }
    // No link: the code is not used up, and it is still in its field.
    let page = terminal.post("/enrol", &form("k7m2 9qxd", "三号", "long enough", "long enough")).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.text.contains("value=\"k7m2 9qxd\"") && page.text.contains("value=\"三号\""));
    assert!(!page.text.contains("long enough"));
    assert!(terminal.get("/enrol").await.status.is_success());
}

#[tokio::test]
async fn the_passphrase_of_an_earlier_try_is_asked_for_again() {
    let terminal = Terminal::new();
    terminal.post("/enrol", &form("away", "三号", "long enough", "long enough")).await;
    let page = terminal.post("/enrol", &form("good", "三号", "another one", "another one")).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    let (_, after) = page.text.split_once("id=\"passphrase\"").unwrap();
    assert!(after.split('>').next().unwrap().contains("aria-invalid"));
    assert_eq!(
        terminal.post("/enrol", &form("good", "三号", "long enough", "long enough")).await.location(),
        "/enrol/first"
    );
}

#[tokio::test]
async fn an_enrolled_terminal_is_open_and_shows_how_its_first_sync_went() {
    let terminal = Terminal::new();
    let page = terminal.post("/enrol", &form("good", "三号", "long enough", "long enough")).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/enrol/first"));
    // The network of this terminal carries the enrolment and nothing else.
    terminal.app.sync().await.unwrap_err();
    // The sync that the enrolment began by itself may still be at it.
    let mut page = terminal.get("/enrol/first").await;
    while page.text.contains("hx-trigger=\"every 1s\"") {
        page = terminal.get("/enrol/first").await;
    }
    assert!(page.text.contains("cloud-off") && page.text.contains("/tasks\""), "{}", page.text);
    assert!(!page.text.contains("hx-trigger=\"every 1s\""));
    assert!(terminal.get("/tasks").await.status.is_success());
    assert_eq!(terminal.get("/enrol").await.location(), "/");
    let again = terminal.post("/enrol", &form("good", "三号", "long enough", "long enough")).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_photo_of_the_code_fills_the_field() {
    let terminal = Terminal::new();
    let page = scan(&terminal, &qr("fieldproof:enrol:1:K7M2-9QXD")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("value=\"K7M2-9QXD\"") && page.text.contains("value=\"三号&#60;机&#62;\""));
    assert!(!page.text.contains("long enough") && !page.text.contains(OFFICER));
}

#[tokio::test]
async fn a_photo_that_says_nothing_leaves_the_form_as_it_was() {
    let terminal = Terminal::new();
    for photo in [&b""[..], b"not a photo", &qr("https://example.cn")] {
        let page = scan(&terminal, photo).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text.contains("photo-off") && page.text.contains("value=\"ABCD\""), "{}", page.text);
        assert!(page.text.contains("value=\"三号&#60;机&#62;\""));
    }
    let page = scan(&terminal, &vec![0; super::PHOTO_BYTES_MAX + 128 * 1024]).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(page.text.contains("photo-off") && page.text.contains("name=\"code\""));
    let page = terminal.post("/enrol/scan", "picture=x").await;
    assert!(page.status.is_client_error() && page.text.contains("photo-off"));
}
