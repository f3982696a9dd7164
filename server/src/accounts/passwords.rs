//! Passwords as they are kept: hashed with Argon2id.
//!
//! All hashing is done by one thread, one after another: a flood of tries takes one core and 19 MiB, not all of them, and
//! the memory that a hash needs stays resident once, not once for each thread that has ever hashed.

use crate::error::ApiError;
use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{LazyLock, mpsc};
use std::thread;
use tokio::sync::oneshot;

/// Characters of a password, at least.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Characters of a password, at most: hashing more only costs.
pub(super) const PASSWORD_CHARS_MAX: usize = 200;

/// What an unknown login is checked against.
static NOBODY: LazyLock<Result<String, ApiError>> = LazyLock::new(|| hash("no password has this hash"));

type Work = Box<dyn FnOnce() + Send>;

/// Where work for the hashing thread is put.
static DESK: LazyLock<std::io::Result<mpsc::Sender<Work>>> = LazyLock::new(|| {
    let (desk, works) = mpsc::channel::<Work>();
    let serve = move || {
        for work in works {
            // Whoever waits for it is told by the answer that does not come.
            if catch_unwind(AssertUnwindSafe(work)).is_err() {
                tracing::error!("hashing a password panicked");
            }
        }
    };
    thread::Builder::new().name("passwords".to_owned()).spawn(serve)?;
    Ok(desk)
});

/// Does work on the hashing thread.
async fn hashing<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    let (done, answer) = oneshot::channel();
    let desk = DESK.as_ref().map_err(ApiError::internal)?;
    // Nobody waits any more when the asker went away.
    desk.send(Box::new(move || drop(done.send(work()))))
        .map_err(|gone| ApiError::internal(gone.to_string()))?;
    answer.await.map_err(ApiError::internal)
}

/// Hashes a new password for keeping.
///
/// # Errors
/// [`ErrorCode::PasswordTooShort`]; [`ErrorCode::FieldInvalid`] when it is too long.
pub async fn hashed(password: String) -> Result<String, ApiError> {
    let chars = password.chars().count();
    if chars < PASSWORD_CHARS_MIN {
        return Err(ApiError::new(ErrorCode::PasswordTooShort).with(json!({"shortest": PASSWORD_CHARS_MIN})));
    }
    if chars > PASSWORD_CHARS_MAX {
        return Err(ApiError::field("password", format!("longer than {PASSWORD_CHARS_MAX} characters")));
    }
    hashing(move || hash(&password)).await?
}

/// Whether a password fits what is known of a login; for an unknown one it takes as long to say no.
pub(super) async fn fits(password: String, known: Option<String>) -> Result<bool, ApiError> {
    hashing(move || verify(&password, known.as_deref())).await
}

fn hash(password: &str) -> Result<String, ApiError> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| ApiError::internal(error.to_string()))
}

fn verify(password: &str, known: Option<&str>) -> bool {
    let fits = |hash: &str| Argon2::default().verify_password(password.as_bytes(), hash).is_ok();
    match (known, LazyLock::force(&NOBODY)) {
        (Some(hash), _) => fits(hash),
        (None, Ok(nobody)) => {
            fits(nobody);
            false
        }
        (None, Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let short = hashed("short".to_owned()).await.unwrap_err();
        assert_eq!(short.code, ErrorCode::PasswordTooShort);
        let hash = hashed("correct horse battery".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        let try_with = |password: &str, known: Option<&String>| fits(password.to_owned(), known.cloned());
        assert!(try_with("correct horse battery", Some(&hash)).await.unwrap());
        assert!(!try_with("correct horse batterz", Some(&hash)).await.unwrap());
        assert!(!try_with("no password has this hash", None).await.unwrap());
    }

    #[tokio::test]
    async fn a_panic_ends_one_work_and_not_the_thread() {
        assert!(hashing(|| panic!("this work only")).await.is_err());
        assert_eq!(hashing(|| 7).await.unwrap(), 7);
    }
}
