//! Every address of the console, walked: nobody enters without a session, and no form is taken from elsewhere.

use super::{ALL, gate};
use crate::routes;
use crate::testing::{self, World};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

const HOST: &str = "fieldproof.example.cn";

/// Every address, with something that is no id in place of each parameter.
fn addresses() -> Vec<String> {
    let parts = |path: &str| {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "nothing" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    ALL.iter().copied().flatten().map(|route| parts(route.path)).collect()
}

async fn ask(
    world: &World,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, String, String) {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, HOST);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let answer = routes::router(world.app.clone()).oneshot(request).await.unwrap();
    let leads =
        answer.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
    let status = answer.status();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, leads, String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn nobody_reads_a_page_without_a_session() {
    let world = testing::world().await;
    for path in addresses() {
        for cookie in ["", "__Host-fp-session=u_0000", "fp-session=u_0000"] {
            let (status, leads, _) = ask(&world, "GET", &path, &[("cookie", cookie)], "").await;
            assert_eq!(status, StatusCode::SEE_OTHER, "{path}");
            assert!(leads.starts_with("/console/login?then=%2Fconsole"), "{path}: {leads}");
        }
    }
}

#[tokio::test]
async fn no_address_takes_a_form_from_elsewhere_or_without_the_sessions_own_token() {
    let world = testing::city().await;
    let session = world.sign_in("admin").await;
    let cookie = format!("{}={session}", gate::SESSION);
    let own = format!("https://{HOST}");
    let other = gate::token("u_another");
    for path in addresses() {
        let cookie = ("cookie", cookie.as_str());
        let token = format!("token={}&mark=typed-here", gate::token(&session));
        for foreign in [
            &[cookie] as &[_],
            &[cookie, ("origin", "null")],
            &[cookie, ("origin", "https://evil.example")],
            &[cookie, ("origin", &own), ("sec-fetch-site", "cross-site")],
            &[cookie, ("sec-fetch-site", "none")],
        ] {
            let (status, _, text) = ask(&world, "POST", &path, foreign, &token).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path} {foreign:?}");
            assert!(text.contains("</html>"), "{path} says so on a page");
        }
        // Our own page with no token, or that of another session: nothing happens but a question, with what was typed.
        let ours = [cookie, ("origin", own.as_str()), ("sec-fetch-site", "same-origin")];
        for token in ["", "token=&", &format!("token={other}&")] {
            let (status, _, text) =
                ask(&world, "POST", &path, &ours, &format!("{token}mark=typed-here")).await;
            assert_eq!(status, StatusCode::OK, "{path} {token}");
            assert!(text.contains("value=\"typed-here\"") && text.contains(&gate::token(&session)), "{path}");
        }
        // A session that has ended: signing in, with what was typed.
        let ended = [("cookie", "__Host-fp-session=u_ended"), ("origin", own.as_str())];
        let (status, _, text) = ask(&world, "POST", &path, &ended, &token).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(text.contains("name=\"waiting.mark\" value=\"typed-here\""), "{path}");
        assert!(!text.contains("waiting.token"), "{path}");
    }
}
