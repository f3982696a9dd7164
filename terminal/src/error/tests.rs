use super::*;
use fieldproof_client_core::Obstacle;
use fieldproof_schema::checklist::AnswerError;
use fieldproof_schema::document::{DocumentError, EditError};
use http_body_util::BodyExt;

fn boxed() -> Box<dyn Error + Send + Sync> {
    io::Error::other("cause").into()
}

/// One error of each kind, with the status that it is answered with.
fn all() -> Vec<(ClientError, u16)> {
    vec![
        (ClientError::NotEnrolled, 409),
        (ClientError::AlreadyEnrolled, 409),
        (ClientError::StoreInUse { dir: "x".into() }, 409),
        (ClientError::StorageFull { source: boxed() }, 507),
        (ClientError::StoreNewer { found: 2, known: 1 }, 426),
        (ClientError::File { what: "x", source: io::Error::other("cause") }, 500),
        (ClientError::Damaged { what: "x" }, 500),
        (ClientError::Document { source: DocumentError::NoContainer("x") }, 500),
        (ClientError::Recovering, 503),
        (ClientError::NotFound { what: "x" }, 404),
        (ClientError::Sealed, 409),
        (ClientError::StateWrong { why: Obstacle::NotArrived }, 409),
        (ClientError::ConflictsOpen { count: 2 }, 409),
        (ClientError::ChoiceUnknown, 422),
        (ClientError::ReasonMissing, 422),
        (ClientError::FieldInvalid { field: "x" }, 422),
        (ClientError::AnswerUnknownItem { item: "x".into() }, 422),
        (ClientError::AnswerUnfit { item: "x".into(), source: AnswerError::UnknownCase("x".into()) }, 422),
        (ClientError::Edit { source: EditError::UnknownItem("x".into()) }, 422),
        (ClientError::CaptureInvalid { media_type: "x".into() }, 422),
        (ClientError::PassphraseTooShort { min: 8 }, 422),
        (ClientError::PassphraseWrong, 403),
        (ClientError::TooManyTries { retry_after_seconds: 4 }, 429),
        (ClientError::SealInvalid, 422),
        (ClientError::Offline { source: TransportError::Cut { source: boxed() } }, 503),
        (ClientError::ServerStrange { what: "x".into() }, 502),
        (ClientError::Refused { code: "device_revoked".into(), details: Value::Null }, 403),
        (ClientError::Refused { code: "of_tomorrow".into(), details: Value::Null }, 502),
    ]
}

#[tokio::test]
async fn every_error_of_the_store_is_answered_with_its_code_and_status() {
    for (error, status) in all() {
        let (code, details) = (error.code(), error.details());
        let response = ApiError::from(error).into_response();
        assert_eq!(response.status().as_u16(), status, "{}", code.as_str());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body: ErrorBody = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(body.code, code.as_str());
        assert_eq!(body.details, details);
        assert_eq!(body.message, texts::error_messages(code));
    }
}

#[test]
fn every_code_of_the_table_has_a_status_that_http_knows() {
    for code in ErrorCode::ALL {
        let response = ApiError::from(*code).into_response();
        assert_eq!(response.status().as_u16(), code.status(), "{}", code.as_str());
    }
}

#[test]
fn who_must_wait_is_told_how_long_in_a_header_too() {
    let response = ApiError::from(ClientError::TooManyTries { retry_after_seconds: 4 }).into_response();
    assert_eq!(response.headers()[header::RETRY_AFTER], "4");
}

#[test]
fn a_full_disk_is_no_internal_failure() {
    let file = |kind| ApiError::File { what: "x", source: io::Error::from(kind) };
    assert_eq!(file(io::ErrorKind::StorageFull).code(), ErrorCode::StorageFull);
    assert_eq!(file(io::ErrorKind::NotFound).code(), ErrorCode::Internal);
}

#[test]
fn a_chain_says_every_cause_once() {
    let error = ApiError::from(ClientError::File { what: "reading", source: io::Error::other("broken") });
    assert_eq!(chain(&error), "reading failed: broken");
}
