//! The doors: signing in and out, forged forms, a session that ends in the middle of a decision.

use super::scene::Scene;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use fieldproof_schema::limits::CONSOLE_IDLE_SECONDS;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::{PASSWORD, Person};
use fieldproof_tests::world::desk::{Desk, HOST};

#[tokio::test]
async fn a_wrong_password_keeps_the_login_and_too_many_tries_have_to_wait() {
    let world = World::start(81, None).await;
    world.found_city().await;
    let desk = Desk::new();
    let fields = [("login", "shenhe"), ("password", "不是这个密码不是这个密码"), ("then", "/console/cases")];
    for _ in 0..5 {
        let seen = desk.send(&world, "/console/login", &fields).await;
        assert_eq!(seen.status, StatusCode::UNAUTHORIZED);
        assert_eq!(seen.field("login").as_deref(), Some("shenhe"));
        assert_eq!(seen.field("then").as_deref(), Some("/console/cases"));
        assert!(!seen.text.contains("不是这个密码"), "a password is never shown");
        assert!(seen.headers.get(header::SET_COOKIE).is_none());
    }
    let right = [("login", "shenhe"), ("password", PASSWORD)];
    let seen = desk.send(&world, "/console/login", &right).await;
    assert_eq!(seen.status, StatusCode::TOO_MANY_REQUESTS);
    world.clock.advance_seconds(16 * 60);
    assert_eq!(desk.send(&world, "/console/login", &right).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn signing_in_leads_nowhere_else_and_its_cookie_is_our_hosts_own() {
    let world = World::start(82, None).await;
    world.found_city().await;
    for (then, leads) in [
        ("/console/cases?state=sealed", "/console/cases?state=sealed"),
        ("https://evil.example", "/console"),
        ("//evil.example", "/console"),
        ("/\\evil.example", "/console"),
        ("/\t/evil.example", "/console"),
        ("javascript:alert(1)", "/console"),
    ] {
        let fields = [("login", "shenhe"), ("password", PASSWORD), ("then", then)];
        let seen = Desk::new().send(&world, "/console/login", &fields).await;
        assert_eq!((seen.status, seen.leads_to()), (StatusCode::SEE_OTHER, leads), "{then}");
        let cookie = seen.headers[header::SET_COOKIE].to_str().unwrap();
        for part in ["__Host-fp-session=", "; Path=/;", "Secure", "HttpOnly", "SameSite=Lax"] {
            assert!(cookie.contains(part) && !cookie.contains("Domain"), "{cookie}");
        }
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server_too() {
    let world = World::start(83, None).await;
    world.found_city().await;
    let desk = Desk::sign_in(&world, "shenhe").await;
    let stolen = desk.clone();
    let seen = desk.post(&world, "/console/logout", &[]).await;
    assert_eq!((seen.status, seen.leads_to()), (StatusCode::SEE_OTHER, "/console/login?left=1"));
    assert!(seen.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    let seen = stolen.get(&world, "/console").await;
    assert_eq!((seen.status, seen.leads_to()), (StatusCode::SEE_OTHER, "/console/login?then=%2Fconsole"));
    // A session that has ended can be left once more.
    assert_eq!(stolen.post(&world, "/console/logout", &[]).await.status, StatusCode::SEE_OTHER);
    // Whoever signs in again in one browser leaves no session behind.
    let first = Desk::sign_in(&world, "shenhe").await;
    let fields = [("login", "guanli"), ("password", PASSWORD)];
    assert_eq!(first.send(&world, "/console/login", &fields).await.status, StatusCode::SEE_OTHER);
    assert_eq!(first.get(&world, "/console").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn forged_forms_decide_nothing() {
    let scene = Scene::open(84).await;
    let world = &scene.world;
    let desk = scene.desk("shenhe").await;
    let other = scene.desk("shenhe").await;
    assert_ne!(desk.token, other.token);
    let path = format!("{}/return", scene.review.page());
    let forged = |origin: Option<&str>, site: Option<&str>, token: &str| {
        let mut request = Request::builder().method("POST").uri(&path);
        for (name, value) in [("origin", origin), ("sec-fetch-site", site)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        (request, Body::from(format!("token={token}&comment=forged")))
    };
    let own = format!("https://{HOST}");
    for (origin, site) in [
        (None, None),
        (None, Some("none")),
        (Some("null"), None),
        (Some("https://evil.example"), None),
        (Some("https://evil.example"), Some("same-origin")),
        (Some(own.as_str()), Some("cross-site")),
        (Some(own.as_str()), Some("same-site")),
    ] {
        let (request, body) = forged(origin, site, &desk.token);
        let seen = desk.ask(world, request, body).await;
        assert_eq!(seen.status, StatusCode::FORBIDDEN, "{origin:?} {site:?}");
        assert!(seen.text.contains("<h2>"), "a page says so");
    }
    // From our own page, but not with this session's token: asked once more, nothing decided.
    for token in ["", "0", other.token.as_str()] {
        let (request, body) = forged(Some(&own), Some("same-origin"), token);
        let seen = desk.ask(world, request, body).await;
        assert_eq!(seen.status, StatusCode::OK);
        assert_eq!(seen.field("comment").as_deref(), Some("forged"));
        assert_eq!(seen.field("token"), Some(desk.token.clone()));
    }
    let page = desk.get(world, &scene.review.page()).await;
    assert!(!page.text.contains("forged"), "nothing was decided");
    let seen = Desk::new().send(world, "/console/login", &[]).await;
    assert_eq!(seen.status, StatusCode::UNAUTHORIZED, "an empty form signs nobody in");
}

#[tokio::test]
async fn a_session_that_ends_in_the_middle_of_a_decision_loses_no_word() {
    let scene = Scene::open(85).await;
    let world = &scene.world;
    let mut desk = scene.desk("shenhe").await;
    let (path, item) = (format!("{}/return", scene.review.page()), format!("item.{}", scene.review.items[0]));
    world.clock.advance_seconds(CONSOLE_IDLE_SECONDS + 1);
    let said = "  第一行 <b>\n\"第二行\" & 其余  ";
    let typed = [("comment", said), (item.as_str(), "请补拍\u{202E}许可证")];
    let asked = desk.post(world, &path, &typed).await;
    assert_eq!(asked.status, StatusCode::UNAUTHORIZED);
    assert_eq!(asked.field("waiting.comment").as_deref(), Some(said));
    assert!(asked.field("waiting.token").is_none(), "an old token is worth nothing");
    // A wrong password on the way loses nothing either.
    let waiting: Vec<(String, String)> = ["then", "posted", "waiting.comment", &format!("waiting.{item}")]
        .iter()
        .map(|name| ((*name).to_owned(), asked.field(name).unwrap()))
        .collect();
    let form = |password: &'static str| {
        let mut form: Vec<(String, String)> = waiting.clone();
        form.extend([
            ("login".to_owned(), "shenhe".to_owned()),
            ("password".to_owned(), password.to_owned()),
        ]);
        form
    };
    let send = async |desk: &Desk, form: Vec<(String, String)>, path: &str| {
        let fields: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        desk.send(world, path, &fields).await
    };
    let wrong = send(&desk, form("不是这个密码不是这个密码"), "/console/login").await;
    assert_eq!(wrong.field("waiting.comment").as_deref(), Some(said));
    let confirm = send(&desk, form(PASSWORD), "/console/login").await;
    assert_eq!(confirm.status, StatusCode::OK);
    desk.keep(&confirm);
    assert!(confirm.text.contains(&format!("action=\"{path}\"")));
    let go_on = ["token", "comment", &item].map(|name| (name.to_owned(), confirm.field(name).unwrap()));
    let done = send(&desk, go_on.to_vec(), &path).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let reader = Person::sign_in(world, "guanli").await;
    let shown = reader.get(world, &format!("/api/v1/inspections/{}", scene.review.id)).await;
    let decision = &shown["row"]["decisions"][0];
    assert_eq!(decision["comment"], said.trim());
    assert_eq!(decision["items"][&scene.review.items[0]], "请补拍\u{202E}许可证");
}

#[tokio::test]
async fn a_part_of_a_page_sends_the_whole_page_to_the_door() {
    let world = World::start(86, None).await;
    world.found_city().await;
    let desk = Desk::new();
    let part = Request::builder()
        .uri("/console/cases")
        .header("hx-request", "true")
        .header("hx-current-url", format!("https://{HOST}/console/cases?state=sealed"));
    let seen = desk.ask(&world, part, Body::empty()).await;
    assert_eq!(seen.status, StatusCode::UNAUTHORIZED);
    assert_eq!(seen.headers["hx-redirect"], "/console/login?then=%2Fconsole%2Fcases%3Fstate%3Dsealed");
}

#[tokio::test]
async fn language_and_appearance_are_chosen_also_before_signing_in() {
    let world = World::start(87, None).await;
    world.found_city().await;
    let mut desk = Desk::new();
    let fields = [("language", "en"), ("theme", "dark"), ("then", "/console/login")];
    let seen = desk.send(&world, "/console/look", &fields).await;
    assert_eq!((seen.status, seen.leads_to()), (StatusCode::SEE_OTHER, "/console/login"));
    let cookies = seen.headers.get_all(header::SET_COOKIE).iter();
    let cookies: Vec<_> = cookies.map(|set| set.to_str().unwrap().split(';').next().unwrap()).collect();
    desk.cookie = cookies.join("; ");
    let page = desk.get(&world, "/console/login").await;
    assert!(page.text.contains("lang=\"en\" data-fp-theme=\"dark\""));
}
