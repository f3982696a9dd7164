//! A terminal whose passphrase is forgotten: asked for here while its store is locked, opened with the answers of two custodians.
//!
//! Three files beside the store. `store.recovery` holds the shares of its key, made anew whenever the server names other custodians;
//! `recovery.request` holds what was asked and who answered, with a key of its own under the *new* passphrase. A step that was cut
//! short is done again. What was recorded is not touched by any of it.

use crate::error::ClientError;
use crate::files;
use crate::identity::{Identity, Member};
use crate::keys::{self, KeyCost, PASSPHRASE_CHARS_MIN, SealedKey, StoreKey, shares};
use fieldproof_cipher::boxes::Opener;
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::ids::DeviceId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::recovery::{Answer, CUSTODIANS_MIN, Custodian, Custodians, Request, ShareBox};
use fieldproof_schema::suite::PublicKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use zeroize::Zeroizing;

const SHARES: &str = "store.recovery";
const REQUEST: &str = "recovery.request";
/// The form of both files.
const FORMAT: u32 = 1;

/// The shares of the store's key.
#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    /// Of which key they are.
    store: PublicKey,
    custodians: Vec<Custodian>,
    boxes: Vec<ShareBox>,
}

/// A request that waits for answers.
#[derive(Clone, Serialize, Deserialize)]
struct Waiting {
    format: u32,
    /// What opens the answers, under the passphrase that the officer chose anew.
    key: SealedKey,
    request: String,
    /// What stands on the screen for the custodians to compare.
    check_number: String,
    /// Of which key the shares are, and who has them.
    store: PublicKey,
    custodians: Vec<Custodian>,
    answers: Vec<Answer>,
}

/// What can be done about a forgotten passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Who can open the terminal, any two of them; nobody until the server has named some.
    pub custodians: Vec<String>,
    /// What was asked and not used yet.
    pub asked: Option<Asked>,
}

/// A request for the custodians.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What they are given: one line of capitals and digits.
    pub text: String,
    /// What they compare.
    pub check_number: String,
    /// When it was made, by this terminal's clock.
    pub made_at: Moment,
    /// Who answered.
    pub answered: Vec<String>,
    /// Whether these are enough.
    pub is_enough: bool,
}

/// What can be done about a forgotten passphrase of the terminal in `dir`.
///
/// # Errors
/// Those of the disk; [`ClientError::Damaged`].
pub fn look(dir: &Path) -> Result<Recovery, ClientError> {
    let kept: Option<Kept> = read(dir, SHARES)?;
    let custodians = kept.map(|kept| kept.custodians).unwrap_or_default();
    let asked = waiting(dir)?.map(|(waiting, request)| {
        let Waiting { custodians, answers, .. } = &waiting;
        let answered =
            custodians.iter().filter(|c| answers.iter().any(|answer| answer.custodian == c.device));
        Asked {
            answered: answered.map(|custodian| custodian.name.clone()).collect(),
            is_enough: answers.len() >= CUSTODIANS_MIN,
            made_at: request.made_at,
            check_number: waiting.check_number,
            text: waiting.request,
        }
    });
    Ok(Recovery { custodians: custodians.into_iter().map(|custodian| custodian.name).collect(), asked })
}

/// Asks the custodians, in the place of what was asked before. `passphrase` is the new one, which counts once two have answered.
///
/// # Errors
/// [`ClientError::RecoveryUnavailable`] where nobody could answer; [`ClientError::PassphraseTooShort`].
pub fn ask(dir: &Path, host: &dyn Host, passphrase: &str, cost: KeyCost) -> Result<Asked, ClientError> {
    if passphrase.chars().count() < PASSPHRASE_CHARS_MIN {
        return Err(ClientError::PassphraseTooShort { min: PASSPHRASE_CHARS_MIN });
    }
    let kept: Kept = read(dir, SHARES)?.ok_or(ClientError::RecoveryUnavailable)?;
    let (device, member) = member(dir)?;
    let secret: Zeroizing<[u8; 32]> = Zeroizing::new(random(host));
    let request = Request {
        format: Request::FORMAT,
        device,
        device_name: member.device_name,
        officer: member.officer,
        officer_name: member.officer_name,
        made_at: host.now(),
        key: shares::public(&Opener::from_secret(&secret)),
        boxes: kept.boxes,
    };
    let key = SealedKey::seal(&secret, passphrase, cost, host)?;
    let waiting = Waiting {
        format: FORMAT,
        key,
        request: request.to_string(),
        check_number: shares::check_number(&request),
        store: kept.store,
        custodians: kept.custodians,
        answers: Vec::new(),
    };
    write(dir, REQUEST, &waiting)?;
    look(dir)?.asked.ok_or(ClientError::Damaged { what: REQUEST })
}

/// Takes what a custodian answered, and keeps it.
///
/// # Errors
/// [`ClientError::RecoveryText`] for anything that is no answer to what was asked.
pub fn take_answer(dir: &Path, text: &str) -> Result<Asked, ClientError> {
    let answer: Answer = text.parse().map_err(|_| ClientError::RecoveryText)?;
    let (mut waiting, request) = waiting(dir)?.ok_or(ClientError::RecoveryText)?;
    let is_asked = request.boxes.iter().any(|shares| shares.custodian == answer.custodian);
    if answer.request != request.digest() || !is_asked {
        return Err(ClientError::RecoveryText);
    }
    // Given again, it is the later one that counts.
    waiting.answers.retain(|known| known.custodian != answer.custodian);
    waiting.answers.push(answer);
    write(dir, REQUEST, &waiting)?;
    look(dir)?.asked.ok_or(ClientError::Damaged { what: REQUEST })
}

/// Puts the store's key together and under the new passphrase, with a new key for the officer; the terminal then unlocks with it.
///
/// # Errors
/// [`ClientError::PassphraseWrong`] and [`ClientError::TooManyTries`] for another passphrase than the one that was chosen;
/// [`ClientError::RecoveryText`] while two have not answered, or where what they answered does not open this store: what is
/// wrong of it is then forgotten, and they can answer again.
pub fn finish(dir: &Path, host: &dyn Host, passphrase: &str, cost: KeyCost) -> Result<(), ClientError> {
    let (mut waiting, request) = waiting(dir)?.ok_or(ClientError::RecoveryText)?;
    let mut key = waiting.key.clone();
    let opened = key.try_open(passphrase, host, |key| {
        write(dir, REQUEST, &Waiting { key: key.clone(), ..waiting.clone() })
    });
    let opener = Opener::from_secret(&*opened?);
    waiting.key = key;
    if waiting.answers.len() < CUSTODIANS_MIN {
        return Err(ClientError::RecoveryText);
    }
    let Some(store) = joined(&opener, &request, &waiting.answers, waiting.store) else {
        // Anybody can make one up who saw the request: those that were sealed for it stay, unless they are what is wrong.
        waiting.answers.retain(|answer| shares::opens(&opener, &request, answer));
        if waiting.answers.len() >= CUSTODIANS_MIN {
            waiting.answers.clear();
        }
        write(dir, REQUEST, &waiting)?;
        return Err(ClientError::RecoveryText);
    };
    // The store's key comes last: as long as it does not open with the new passphrase, this can be done again.
    keys::renew_officer_key(dir, host, passphrase, cost)?;
    keys::seal(dir, host, (passphrase, cost), store)?;
    forget(dir, REQUEST)
}

/// Forgets what was asked: the officer remembered her passphrase, and a second way in is one too many.
///
/// # Errors
/// Those of the disk.
pub fn withdraw(dir: &Path) -> Result<(), ClientError> {
    if dir.join(REQUEST).exists() { forget(dir, REQUEST) } else { Ok(()) }
}

/// What any two of the answers make, when it is the key that the shares were made of.
fn joined(opener: &Opener, request: &Request, answers: &[Answer], store: PublicKey) -> Option<StoreKey> {
    let pairs = answers.iter().enumerate().flat_map(|(n, a)| answers[..n].iter().map(move |b| [a, b]));
    let mut keys = pairs.filter_map(|pair| shares::join(opener, request, pair));
    keys.find(|key| key.public() == store)
}

/// Makes the shares anew when the custodians are others than those that have some, or the key is another one.
pub(crate) fn share(
    dir: &Path,
    host: &dyn Host,
    store: &StoreKey,
    named: Custodians,
) -> Result<(), ClientError> {
    let kept: Option<Kept> = match read(dir, SHARES) {
        // They are made again of the key, which is here.
        Err(ClientError::Damaged { .. }) => None,
        kept => kept?,
    };
    let Custodians { device, custodians, .. } = named;
    if custodians.len() < CUSTODIANS_MIN {
        return if kept.is_some() { forget(dir, SHARES) } else { Ok(()) };
    }
    if kept.is_some_and(|kept| kept.custodians == custodians && kept.store == store.public()) {
        return Ok(());
    }
    let boxes = shares::cut(store, device, &custodians, host)?;
    write(dir, SHARES, &Kept { format: FORMAT, store: store.public(), custodians, boxes })
}

fn waiting(dir: &Path) -> Result<Option<(Waiting, Request)>, ClientError> {
    let Some(waiting) = read::<Waiting>(dir, REQUEST)? else { return Ok(None) };
    let request = waiting.request.parse().map_err(|_| ClientError::Damaged { what: REQUEST })?;
    Ok(Some((waiting, request)))
}

fn member(dir: &Path) -> Result<(DeviceId, Member), ClientError> {
    let identity = Identity::read(dir)?.ok_or(ClientError::NotEnrolled)?;
    Ok((identity.device, identity.member.ok_or(ClientError::NotEnrolled)?))
}

fn read<T: DeserializeOwned>(dir: &Path, file: &'static str) -> Result<Option<T>, ClientError> {
    let bytes =
        files::read_optional(&dir.join(file)).map_err(|e| ClientError::file("reading about recovery", e))?;
    bytes
        .map(|bytes| serde_json::from_slice(&bytes).map_err(|_| ClientError::Damaged { what: file }))
        .transpose()
}

fn write(dir: &Path, file: &str, value: &impl Serialize) -> Result<(), ClientError> {
    let text = serde_json::to_vec(value).expect("plain data with text keys");
    files::write_whole(&dir.join(file), &text).map_err(|e| ClientError::file("writing about recovery", e))
}

fn forget(dir: &Path, file: &str) -> Result<(), ClientError> {
    match fs::remove_file(dir.join(file)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(ClientError::file("removing what a recovery no longer needs", error))
        }
        Ok(()) | Err(_) => {
            files::sync_dir(dir).map_err(|e| ClientError::file("removing what a recovery no longer needs", e))
        }
    }
}

#[cfg(test)]
mod tests;
