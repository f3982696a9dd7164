use super::*;
use axum::http::HeaderValue;

const SECRET: &str = "sesame";
const OWN: &str = "127.0.0.1:4000";

fn guard() -> Guard {
    Guard::new(OWN.parse().unwrap(), SECRET)
}

/// The headers of an honest request with `changes` put over them.
fn judge(path: &str, changes: &[(&'static str, Option<&str>)]) -> Result<(), ErrorCode> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static(OWN));
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer sesame"));
    for (name, value) in changes {
        headers.remove(*name);
        if let Some(value) = value {
            headers.insert(*name, HeaderValue::from_str(value).unwrap());
        }
    }
    guard().judge(&path.parse().unwrap(), &headers)
}

#[test]
fn the_own_page_may_ask_under_both_of_its_names() {
    assert_eq!(judge("/x", &[]), Ok(()));
    assert_eq!(judge("/x", &[("host", Some("localhost:4000"))]), Ok(()));
    assert_eq!(judge("/x", &[("origin", Some("http://127.0.0.1:4000"))]), Ok(()));
    for site in ["same-origin", "none"] {
        assert_eq!(judge("/x", &[("sec-fetch-site", Some(site))]), Ok(()));
    }
}

#[test]
fn any_other_host_is_foreign() {
    let hosts = [
        None,
        Some(""),
        Some("127.0.0.1"),
        Some("127.0.0.1:4001"),
        Some("evil.example:4000"),
        Some("localhost"),
        Some("LOCALHOST:4000"),
        Some("127.0.0.1:4000, evil.example"),
        Some("[::1]:4000"),
    ];
    for host in hosts {
        assert_eq!(judge("/x", &[("host", host)]), Err(ErrorCode::ForeignOrigin), "{host:?}");
        assert_eq!(judge(HEALTH, &[("host", host)]), Err(ErrorCode::ForeignOrigin), "{host:?}");
    }
}

#[test]
fn two_hosts_are_none() {
    let mut headers = HeaderMap::new();
    for host in [OWN, OWN] {
        headers.append(HOST, HeaderValue::from_static(host));
    }
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer sesame"));
    assert_eq!(guard().judge(&"/x".parse().unwrap(), &headers), Err(ErrorCode::ForeignOrigin));
}

#[test]
fn an_absolute_address_names_the_host_too() {
    assert_eq!(judge("http://127.0.0.1:4000/x", &[]), Ok(()));
    assert_eq!(judge("http://evil.example/x", &[]), Err(ErrorCode::ForeignOrigin));
}

#[test]
fn foreign_pages_are_refused_even_with_the_secret() {
    for origin in [
        "http://evil.example",
        "null",
        "https://127.0.0.1:4000",
        "http://127.0.0.1:4001",
        "http://localhost:4000",
        "http://127.0.0.1:4000/",
        "",
    ] {
        assert_eq!(judge("/x", &[("origin", Some(origin))]), Err(ErrorCode::ForeignOrigin), "{origin:?}");
    }
    for site in ["cross-site", "same-site", ""] {
        assert_eq!(judge("/x", &[("sec-fetch-site", Some(site))]), Err(ErrorCode::ForeignOrigin), "{site:?}");
    }
}

#[test]
fn without_the_exact_secret_everything_is_foreign() {
    for given in [
        None,
        Some("Bearer "),
        Some("Bearer sesam"),
        Some("Bearer sesame2"),
        Some("bearer sesame"),
        Some("sesame"),
        Some("Basic sesame"),
    ] {
        assert_eq!(judge("/x", &[("authorization", given)]), Err(ErrorCode::ForeignOrigin), "{given:?}");
    }
}

#[test]
fn the_secret_may_stand_at_the_beginning_of_the_address() {
    let judge = |path: &str| judge(path, &[("authorization", None)]);
    for path in ["/sesame", "/sesame/", "/sesame/tasks", "/sesame?x=1"] {
        assert_eq!(judge(path), Ok(()), "{path}");
    }
    for path in
        ["/", "/sesam/tasks", "/sesame2", "//sesame", "/x/sesame", "/tasks?secret=sesame", "/%73esame"]
    {
        assert_eq!(judge(path), Err(ErrorCode::ForeignOrigin), "{path}");
    }
}

#[test]
fn only_the_health_address_answers_without_the_secret() {
    assert_eq!(judge(HEALTH, &[("authorization", None)]), Ok(()));
    for near in ["/api/v1/healthz/", "/api/v1/healthz/x", "//api/v1/healthz", "/api/v1/health"] {
        assert_eq!(judge(near, &[("authorization", None)]), Err(ErrorCode::ForeignOrigin), "{near}");
    }
}

#[test]
fn each_start_has_another_secret_of_32_bytes() {
    let host = fieldproof_client_core::SystemHost::new();
    let (one, two) = (draw_secret(&host), draw_secret(&host));
    assert_ne!(one, two);
    assert_eq!(hex::decode(one).unwrap().len(), 32);
}
