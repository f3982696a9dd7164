//! What the façade tells its callers: what to do, with the cause kept.
//!
//! Every error has a code of the product's one table; the words for people are in the catalogues.

use crate::transport::TransportError;
use crate::trouble;
use fieldproof_schema::checklist::AnswerError;
use fieldproof_schema::document::{DocumentError, EditError};
use fieldproof_schema::package::PackageError;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::{Value, json};
use std::io;
use std::path::PathBuf;

/// An officer who finds a link again does not wait for longer because of a header.
const RETRY_AFTER_SECONDS_MAX: u64 = 3600;

/// Why an act was not done. Nothing of it was kept, and nothing that was stored before is lost.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The terminal is not enrolled.
    #[error("the terminal is not enrolled")]
    NotEnrolled,
    /// The terminal is enrolled already.
    #[error("the terminal is enrolled already")]
    AlreadyEnrolled,
    /// Another process has the data directory open.
    #[error("another process has {} open", dir.display())]
    StoreInUse {
        /// The data directory.
        dir: PathBuf,
    },
    /// The store is encrypted, and nothing was given that opens it.
    #[error("the store is locked: unlock it with the officer's passphrase")]
    StoreLocked,
    /// No space is left, or the storage refuses to be written.
    #[error("the storage is full or cannot be written")]
    StorageFull {
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is left of the storage is kept for answers and signatures.
    #[error("{free_bytes} bytes are free: they are kept for answers and signatures")]
    StorageLow {
        /// How much is free.
        free_bytes: u64,
    },
    /// The store was written by a later version.
    #[error("the store has version {found}, this program knows {known}")]
    StoreNewer {
        /// Its version.
        found: i64,
        /// The latest that this program knows.
        known: i64,
    },
    /// The server does not understand what this terminal sends yet.
    #[error("the server is older than this terminal")]
    ServerOlder,
    /// The store failed.
    #[error("the store failed")]
    Store {
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// A file beside the store failed.
    #[error("{what} failed")]
    File {
        /// Which.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something in the store is not what was written.
    #[error("{what} in the store is damaged")]
    Damaged {
        /// Which.
        what: &'static str,
    },
    /// A document could not be read.
    #[error("the inspection's document cannot be read")]
    Document {
        /// Why.
        #[source]
        source: DocumentError,
    },
    /// The store was damaged and set aside; connect once, then go on.
    #[error("the store was set aside as damaged: connect to the server once")]
    Recovering,
    /// Nothing by that name here.
    #[error("no such {what} on this terminal")]
    NotFound {
        /// Which.
        what: &'static str,
    },
    /// The inspection is sealed.
    #[error("the inspection is sealed")]
    Sealed,
    /// The act needs another state first.
    #[error("not now: {why}")]
    StateWrong {
        /// What stands in the way; see [`Obstacle`].
        why: Obstacle,
    },
    /// Open conflicts stand in the way.
    #[error("{count} conflicts are open")]
    ConflictsOpen {
        /// How many.
        count: usize,
    },
    /// The choice is none of the conflict's sides.
    #[error("the choice is none of those offered")]
    ChoiceUnknown,
    /// A reason is missing or too long.
    #[error("the reason is missing or too long")]
    ReasonMissing,
    /// A value cannot be what it is.
    #[error("{field} is not valid")]
    FieldInvalid {
        /// Which.
        field: &'static str,
    },
    /// The checklist has no such item.
    #[error("the checklist has no item {item:?}")]
    AnswerUnknownItem {
        /// Which.
        item: String,
    },
    /// The answer does not fit its item.
    #[error("the answer does not fit item {item:?}")]
    AnswerUnfit {
        /// Which.
        item: String,
        /// Why.
        #[source]
        source: AnswerError,
    },
    /// A text is too long, or the document refused it.
    #[error("the edit was refused")]
    Edit {
        /// Why.
        #[source]
        source: EditError,
    },
    /// The file is empty or not of the declared kind.
    #[error("the file is empty or not {media_type}")]
    CaptureInvalid {
        /// What it was declared as.
        media_type: String,
    },
    /// The passphrase is shorter than the minimum.
    #[error("the passphrase is shorter than {min} characters")]
    PassphraseTooShort {
        /// The minimum.
        min: usize,
    },
    /// The passphrase is wrong.
    #[error("the passphrase is wrong")]
    PassphraseWrong,
    /// Too many wrong passphrases.
    #[error("too many tries: wait {retry_after_seconds} s")]
    TooManyTries {
        /// How long to wait.
        retry_after_seconds: u64,
    },
    /// No number is free on this terminal.
    #[error("no number of the form is free on this terminal")]
    NumbersUsedUp,
    /// A signature or key does not hold.
    #[error("a signature or key of the seal does not hold")]
    SealInvalid,
    /// A file is no package, or none that can be read or written.
    #[error("the package cannot be used")]
    Package {
        /// Why.
        #[source]
        source: PackageError,
    },
    /// Something in a package is not what was signed.
    #[error("something in the package is not what was signed")]
    PackageAltered,
    /// No custodians are known who could open this terminal.
    #[error("nobody is named who could open this terminal")]
    RecoveryUnavailable,
    /// A text is no request or answer of a recovery, or none that belongs here.
    #[error("the text is no request or answer of a recovery that belongs here")]
    RecoveryText,
    /// This terminal keeps no share of that one's key.
    #[error("this terminal keeps no share of that one's key")]
    NotCustodian,
    /// The officer's key was made anew and the server does not know it.
    #[error("the officer's key was made anew and is not registered with the server")]
    OfficerKeyUnregistered,
    /// No server has said yet whose terminal this is, so nobody could believe a package of it.
    #[error("no server has said yet whose terminal this is")]
    CertificateMissing,
    /// The server cannot be reached; nothing is lost.
    #[error("the server cannot be reached")]
    Offline {
        /// Why.
        #[source]
        source: TransportError,
    },
    /// The answer did not come from a server of ours: a portal, a proxy, another product.
    #[error("the server's answer is not of this protocol: {what}")]
    ServerStrange {
        /// What was wrong with it.
        what: String,
    },
    /// The server refused, with a code of its own.
    #[error("the server refused: {code}")]
    Refused {
        /// The code; may be one that this version does not know.
        code: String,
        /// Facts that belong to it.
        details: Value,
    },
}

/// What stands in the way of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// The officer is not on the inspection's team.
    #[error("the officer is not on the team")]
    NotOnTeam,
    /// The first change of the inspection has not arrived.
    #[error("the inspection has not arrived as a whole")]
    NotArrived,
    /// There is no statement of a colleague to sign.
    #[error("no statement waits for this officer's signature")]
    NothingToSign,
    /// The officer has signed it already.
    #[error("the officer has signed already")]
    SignedAlready,
    /// The statement names changes that are not here: sync first.
    #[error("the statement names changes that are not on this terminal")]
    ChangesMissing,
    /// The content at the statement's heads is not what it says.
    #[error("the content is not what the statement says")]
    ContentDiffers,
    /// Changes of this terminal came after the statement: sync, and have the colleague seal again.
    #[error("changes of this terminal are not part of the statement")]
    OwnChangesOutside,
    /// Captures of this terminal are not listed: sync, and have the colleague seal again.
    #[error("captures of this terminal are not listed in the statement")]
    OwnCapturesMissing,
    /// The statement is longer than a journal entry can hold.
    #[error("the statement is too long for one journal entry")]
    StatementTooLong,
    /// The directory says already what is proposed.
    #[error("the directory says so already")]
    DirectorySaysSo,
    /// Somebody decided about the proposal: another one can be made.
    #[error("the proposal was decided")]
    ProposalDecided,
    /// The paper form is void already.
    #[error("the paper form is void already")]
    PaperVoid,
}

impl Obstacle {
    /// A stable name for `details.obstacle`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotOnTeam => "not_on_team",
            Self::NotArrived => "not_arrived",
            Self::NothingToSign => "nothing_to_sign",
            Self::SignedAlready => "signed_already",
            Self::ChangesMissing => "changes_missing",
            Self::ContentDiffers => "content_differs",
            Self::OwnChangesOutside => "own_changes_outside",
            Self::OwnCapturesMissing => "own_captures_missing",
            Self::StatementTooLong => "statement_too_long",
            Self::DirectorySaysSo => "directory_says_so",
            Self::ProposalDecided => "proposal_decided",
            Self::PaperVoid => "paper_void",
        }
    }
}

impl ClientError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotEnrolled => ErrorCode::NotEnrolled,
            Self::AlreadyEnrolled => ErrorCode::AlreadyEnrolled,
            Self::StoreInUse { .. } => ErrorCode::StoreInUse,
            Self::StoreLocked => ErrorCode::StoreLocked,
            Self::StorageFull { .. } => ErrorCode::StorageFull,
            Self::StorageLow { .. } => ErrorCode::StorageLow,
            Self::StoreNewer { .. } => ErrorCode::ProtocolUnsupported,
            Self::ServerOlder => ErrorCode::ServerOlder,
            Self::Store { .. } | Self::File { .. } | Self::Damaged { .. } | Self::Document { .. } => {
                ErrorCode::Internal
            }
            Self::Recovering | Self::Offline { .. } => ErrorCode::Offline,
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::Sealed => ErrorCode::Sealed,
            Self::StateWrong { .. } => ErrorCode::StateWrong,
            Self::ConflictsOpen { .. } => ErrorCode::ConflictsOpen,
            Self::ChoiceUnknown => ErrorCode::ChoiceUnknown,
            Self::ReasonMissing => ErrorCode::ReasonMissing,
            Self::FieldInvalid { .. } => ErrorCode::FieldInvalid,
            Self::AnswerUnknownItem { .. } => ErrorCode::AnswerUnknownItem,
            Self::AnswerUnfit { .. } => ErrorCode::AnswerUnfit,
            Self::Edit { source: EditError::UnknownItem(_) } => ErrorCode::AnswerUnknownItem,
            Self::Edit { source: EditError::TooLong { .. } } => ErrorCode::FieldInvalid,
            Self::Edit { source: EditError::TooMuch } => ErrorCode::ChangeTooLarge,
            Self::Edit { source: EditError::Refused(_) } => ErrorCode::Internal,
            Self::CaptureInvalid { .. } => ErrorCode::CaptureInvalid,
            Self::PassphraseTooShort { .. } => ErrorCode::PassphraseTooShort,
            Self::PassphraseWrong => ErrorCode::PassphraseWrong,
            Self::TooManyTries { .. } => ErrorCode::TooManyTries,
            Self::NumbersUsedUp => ErrorCode::NumbersUsedUp,
            Self::SealInvalid => ErrorCode::SealInvalid,
            Self::Package { source: PackageError::TooLarge } => ErrorCode::PackageTooLarge,
            Self::Package { source: PackageError::Later(_) } => ErrorCode::PackageNewer,
            Self::Package { .. } => ErrorCode::PackageInvalid,
            Self::PackageAltered => ErrorCode::PackageAltered,
            Self::RecoveryUnavailable => ErrorCode::RecoveryUnavailable,
            Self::RecoveryText => ErrorCode::RecoveryTextInvalid,
            Self::NotCustodian => ErrorCode::RecoveryNotCustodian,
            Self::OfficerKeyUnregistered => ErrorCode::OfficerKeyUnregistered,
            Self::CertificateMissing => ErrorCode::CertificateMissing,
            Self::ServerStrange { .. } => ErrorCode::ServerStrange,
            Self::Refused { code, .. } => ErrorCode::find(code).unwrap_or(ErrorCode::ServerStrange),
        }
    }

    /// Facts that belong to the code; null where there are none.
    pub fn details(&self) -> Value {
        match self {
            Self::StoreNewer { found, known } => json!({"found": found, "known": known}),
            Self::Recovering => json!({"recovering": true}),
            Self::NotFound { what } => json!({"what": what}),
            Self::StateWrong { why } => json!({"obstacle": why.as_str()}),
            Self::ConflictsOpen { count } => json!({"count": count}),
            Self::FieldInvalid { field } => json!({"field": field}),
            Self::AnswerUnknownItem { item } => json!({"item": item}),
            Self::AnswerUnfit { item, source } => json!({"item": item, "why": source.to_string()}),
            Self::Edit { source } => json!({"why": source.to_string()}),
            Self::CaptureInvalid { media_type } => json!({"media_type": media_type}),
            Self::PassphraseTooShort { min } => json!({"min": min}),
            Self::TooManyTries { retry_after_seconds } => json!({"retry_after_seconds": retry_after_seconds}),
            Self::ServerStrange { what } => json!({"what": what}),
            Self::Refused { code, details } if ErrorCode::find(code).is_none() => {
                json!({"code": code, "details": details})
            }
            Self::Refused { details, .. } => details.clone(),
            Self::StorageLow { free_bytes } => json!({"free_bytes": free_bytes}),
            Self::NotEnrolled
            | Self::AlreadyEnrolled
            | Self::ServerOlder
            | Self::StoreInUse { .. }
            | Self::StoreLocked
            | Self::StorageFull { .. }
            | Self::Store { .. }
            | Self::File { .. }
            | Self::Damaged { .. }
            | Self::Document { .. }
            | Self::Sealed
            | Self::ChoiceUnknown
            | Self::ReasonMissing
            | Self::PassphraseWrong
            | Self::NumbersUsedUp
            | Self::SealInvalid
            | Self::Package { .. }
            | Self::PackageAltered
            | Self::RecoveryUnavailable
            | Self::RecoveryText
            | Self::NotCustodian
            | Self::OfficerKeyUnregistered
            | Self::CertificateMissing
            | Self::Offline { .. } => Value::Null,
        }
    }

    /// After how many seconds to return, where the server said so; at most an hour, whatever it said.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let said = self.details().get("retry_after_seconds").and_then(Value::as_u64);
        said.map(|seconds| seconds.min(RETRY_AFTER_SECONDS_MAX))
    }

    pub(crate) fn file(what: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::QuotaExceeded => {
                Self::StorageFull { source: source.into() }
            }
            _ => Self::File { what, source },
        }
    }

    /// True when the database file itself is damaged.
    pub(crate) fn is_corruption(&self) -> bool {
        use rusqlite::ffi::ErrorCode as Sqlite;
        match self {
            Self::Store { source } => {
                matches!(source.sqlite_error_code(), Some(Sqlite::DatabaseCorrupt | Sqlite::NotADatabase))
            }
            _ => false,
        }
    }
}

impl From<PackageError> for ClientError {
    fn from(source: PackageError) -> Self {
        match source {
            PackageError::File(source) => Self::file("reading or writing a package", source),
            source => Self::Package { source },
        }
    }
}

impl From<rusqlite::Error> for ClientError {
    fn from(source: rusqlite::Error) -> Self {
        trouble::note(&source);
        use rusqlite::ffi::ErrorCode as Sqlite;
        match source.sqlite_error_code() {
            Some(Sqlite::DiskFull | Sqlite::ReadOnly) => Self::StorageFull { source: source.into() },
            _ => Self::Store { source },
        }
    }
}

impl From<DocumentError> for ClientError {
    fn from(source: DocumentError) -> Self {
        Self::Document { source }
    }
}

impl From<EditError> for ClientError {
    fn from(source: EditError) -> Self {
        Self::Edit { source }
    }
}
