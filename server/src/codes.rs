//! Enrolment codes and first passwords: what one person reads to another. How one is used is in [`crate::enrol`].

use crate::app::App;
use crate::error::ApiError;
use crate::store::audit::{self, Record};
use crate::store::enrolment;
use crate::store::officers::Officer;
use fieldproof_schema::host::{self, Host};
use fieldproof_schema::ids::{DecisionId, OrgId};
use fieldproof_schema::limits::ENROLMENT_CODE_SECONDS;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::device::normal_code;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;

/// Letters and digits that nobody mistakes for one another, read or spoken: 32, so that each carries five bits.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Characters of a code: forty bits, tried five times in a quarter of an hour at most.
const CODE_CHARS: usize = 8;

/// A code that was given.
#[derive(Debug, Clone)]
pub struct Issued {
    /// As it is read out: `K7M2-9QXD`.
    pub code: String,
    /// Until when it counts.
    pub expires_at: Moment,
}

/// Random bytes as letters, in groups of four.
fn spell(random: &[u8]) -> String {
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    let groups: Vec<String> = random.chunks(4).map(|group| group.iter().map(letter).collect()).collect();
    groups.join("-")
}

/// A password that nobody guesses: a hundred bits.
pub fn made_up_password(host: &dyn Host) -> String {
    spell(&host::random::<20>(host))
}

/// Gives a one-time code for a terminal of `officer`. `by` is who gives it, as the audit trail names it.
///
/// # Errors
/// [`ErrorCode::StateWrong`] when the officer is not in service.
pub async fn issue(app: &App, org: OrgId, officer: &Officer, by: String) -> Result<Issued, ApiError> {
    if !officer.facts.active {
        return Err(ApiError::new(ErrorCode::StateWrong).with(json!({"state": "inactive"})));
    }
    let now = app.now();
    let issued = Issued {
        code: spell(&app.random::<CODE_CHARS>()),
        expires_at: now.plus_seconds(ENROLMENT_CODE_SECONDS),
    };
    let hash = Digest::of(normal_code(&issued.code).as_bytes());
    let (id, expires_at) = (officer.id, issued.expires_at);
    let record = Record {
        id: DecisionId::new(now, app.random()),
        at: now,
        actor: by.clone(),
        act: "enrolment_code.issued".to_owned(),
        subject: format!("officer:{id}"),
        details: json!({"expires_at": expires_at}),
    };
    app.db
        .write(move |tx| {
            enrolment::insert(tx, org, &hash, id, &by, now, expires_at)?;
            audit::insert(tx, org, &record)?;
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok(issued)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_two_groups_of_four_and_has_no_letters_that_are_mistaken() {
        assert_eq!(spell(&[0, 1, 31, 32, 63, 255, 7, 8]), "23Z2-ZZ9A");
        assert!(ALPHABET.iter().all(|c| !b"01IO".contains(c)));
        assert_eq!(normal_code(&spell(&[5; 8])).len(), CODE_CHARS);
    }
}
