//! Every error that leaves the product, one table: code and HTTP status.
//!
//! Codes are released: they are added, never changed. What a code says to people is in the catalogues of `presentation`;
//! what to do about it is in `docs/ERRORS.md`. Tests walk all three.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, $status:literal;)*) => {
        /// A stable error code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[doc = $doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$name),*];

            /// The released text.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)*
                }
            }

            /// Finds a code by its text.
            pub fn find(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == text)
            }
        }
    };
}

codes! {
    // Any request.
    /// The body cannot be read.
    BodyMalformed = "body_malformed", 400;
    /// The body is larger than its bound.
    BodyTooLarge = "body_too_large", 413;
    /// A field has a value that it cannot have; `details.field` names it.
    FieldInvalid = "field_invalid", 422;
    /// Nothing by that name in the asker's scope.
    NotFound = "not_found", 404;
    /// The address does not know that method.
    MethodNotAllowed = "method_not_allowed", 405;
    /// No session, or one that has ended.
    SignInRequired = "sign_in_required", 401;
    /// The asker's role does not include this act.
    NotAllowed = "not_allowed", 403;
    /// Too many failures; `details.retry_after_seconds` says when to try again.
    TooManyTries = "too_many_tries", 429;
    /// The record is not in the state that the act needs; `details.state` says in which it is.
    StateWrong = "state_wrong", 409;
    /// The team would have too few or too many officers; `details.least` and `details.most` say how many it may have.
    TeamSize = "team_size", 409;
    /// The reason is missing or too long.
    ReasonMissing = "reason_missing", 422;
    /// Something failed that should not have; the log has the cause.
    Internal = "internal", 500;
    /// The server cannot answer just now.
    Unavailable = "unavailable", 503;
    /// Too many ask at once; `details.retry_after_seconds` says when to return.
    Busy = "busy", 503;

    // Console sign-in.
    /// Login and password do not belong together.
    SignInFailed = "sign_in_failed", 401;
    /// A password is shorter than the minimum.
    PasswordTooShort = "password_too_short", 422;
    /// The login is taken.
    LoginTaken = "login_taken", 409;

    // Enrolment and device sessions.
    /// No such enrolment code.
    EnrolmentCodeUnknown = "enrolment_code_unknown", 403;
    /// The code has been used by another device.
    EnrolmentCodeUsed = "enrolment_code_used", 409;
    /// The code is too old.
    EnrolmentCodeExpired = "enrolment_code_expired", 410;
    /// The proof of the keys does not hold.
    EnrolmentProofInvalid = "enrolment_proof_invalid", 422;
    /// The device is not enrolled here.
    DeviceUnknown = "device_unknown", 401;
    /// The device was revoked.
    DeviceRevoked = "device_revoked", 403;
    /// The server's word about whose a device is does not hold.
    CertificateInvalid = "certificate_invalid", 422;
    /// The challenge is unknown, used or too old, or its signature does not hold.
    ChallengeInvalid = "challenge_invalid", 401;

    // Sync.
    /// The server does not speak that version of the protocol.
    ProtocolUnsupported = "protocol_unsupported", 426;
    /// The floor of versions would fall, or stay as it is; `details` says what it is.
    FloorFalls = "floor_falls", 409;
    /// The server is older than the terminal and would not understand what it sends.
    ServerOlder = "server_older", 426;
    /// A journal entry cannot be read.
    EntryUnreadable = "entry_unreadable", 422;
    /// A journal entry is not signed by the device.
    EntrySignature = "entry_signature", 422;
    /// A journal entry does not follow what the server holds.
    EntryGap = "entry_gap", 409;
    /// The journal forks: another entry stands in this place.
    EntryFork = "entry_fork", 409;
    /// The declared writer of changes is somebody else's.
    ActorTaken = "actor_taken", 409;
    /// No journal entry covers the change.
    ChangeUncovered = "change_uncovered", 422;
    /// The inspection is outside the device's scope.
    ChangeOutOfScope = "change_out_of_scope", 403;
    /// The bytes are not one Automerge change.
    ChangeUnreadable = "change_unreadable", 422;
    /// The chunk is compressed or of a kind that is not accepted.
    ChangeCompressed = "change_compressed", 422;
    /// The change is larger than its bound.
    ChangeTooLarge = "change_too_large", 413;
    /// The change does not survive decoding and encoding.
    ChangeNotCanonical = "change_not_canonical", 422;
    /// The change was written by an actor that the device did not declare.
    ChangeForeignActor = "change_foreign_actor", 422;
    /// The change cannot be applied.
    ChangeNotApplicable = "change_not_applicable", 422;
    /// The change touches the frame of the document.
    ChangeFrame = "change_frame", 422;
    /// The document with the change does not survive saving and loading.
    ChangeNotReloadable = "change_not_reloadable", 422;
    /// The change builds upon changes that are not here yet.
    ChangeWaiting = "change_waiting", 202;
    /// The server holds too much of this device that is not part of the record; the rest stays on the device.
    QuotaExceeded = "quota_exceeded", 429;
    /// The inspection cannot be judged with this change.
    ChangeUnjudgeable = "change_unjudgeable", 422;
    /// The change answers an item that is not in the checklist.
    AnswerUnknownItem = "answer_unknown_item", 422;
    /// The answer does not fit its item.
    AnswerUnfit = "answer_unfit", 422;
    /// The seal's statement or signature does not hold.
    SealInvalid = "seal_invalid", 422;

    // Evidence.
    /// No journal entry of the device declares this capture.
    EvidenceUndeclared = "evidence_undeclared", 403;
    /// The bytes do not have the declared hash.
    EvidenceHashMismatch = "evidence_hash_mismatch", 422;
    /// The upload continues elsewhere; `details.offset` says where.
    EvidenceOffset = "evidence_offset", 409;
    /// Larger than the declared size or the bound.
    EvidenceTooLarge = "evidence_too_large", 413;
    /// There is no preview of this original; `details.why` says why not.
    PreviewNone = "preview_none", 404;

    // Imports.
    /// Rows of an import were refused; `details.rows` lists each with its reason.
    ImportRowsRefused = "import_rows_refused", 422;
    /// A unified social credit code is wrong.
    UsccInvalid = "uscc_invalid", 422;
    /// A checklist violates its schema; `details.violations` lists where.
    TemplateInvalid = "template_invalid", 422;
    /// The revision exists with other content.
    TemplateRevisionTaken = "template_revision_taken", 409;

    // Plans and draws.
    /// The plan cannot be drawn from.
    PlanInvalid = "plan_invalid", 422;
    /// The entropy for the draw is missing or too long.
    DrawEntropyInvalid = "draw_entropy_invalid", 422;
    /// Too few officers can be drawn for a task.
    DrawTooFewOfficers = "draw_too_few_officers", 409;
    /// The recusal names nobody who was drawn.
    RecusalInvalid = "recusal_invalid", 422;
    /// The draw's record does not hold.
    DrawRecordInvalid = "draw_record_invalid", 422;

    // Review.
    /// Another decision came first; `details` shows it.
    AlreadyDecided = "already_decided", 409;
    /// The choice is none of those offered.
    ChoiceUnknown = "choice_unknown", 422;
    /// The decision has had its effect and cannot be taken back; `details.choice` says which.
    DecisionTookEffect = "decision_took_effect", 409;
    /// The directory says something else by now than the decision wrote; `details.field` and `details.present` say what.
    DirectoryChanged = "directory_changed", 409;
    /// Open conflicts stand in the way.
    ConflictsOpen = "conflicts_open", 409;
    /// Evidence is missing on the server.
    EvidenceIncomplete = "evidence_incomplete", 409;

    // The terminal.
    /// The terminal is not enrolled.
    NotEnrolled = "not_enrolled", 409;
    /// The terminal is enrolled already.
    AlreadyEnrolled = "already_enrolled", 409;
    /// The passphrase is wrong.
    PassphraseWrong = "passphrase_wrong", 403;
    /// The terminal has no custodians who could open it.
    RecoveryUnavailable = "recovery_unavailable", 409;
    /// The text is no request or answer of a recovery, or none that belongs here.
    RecoveryTextInvalid = "recovery_text_invalid", 422;
    /// This terminal keeps no share of that one's key.
    RecoveryNotCustodian = "recovery_not_custodian", 403;
    /// The officer's key was made anew and the server does not know it yet.
    OfficerKeyUnregistered = "officer_key_unregistered", 409;
    /// The passphrase is shorter than the minimum.
    PassphraseTooShort = "passphrase_too_short", 422;
    /// Another process has the store open.
    StoreInUse = "store_in_use", 409;
    /// The terminal's store is encrypted, and nobody has unlocked it since the program started.
    StoreLocked = "store_locked", 423;
    /// The terminal's storage is full or cannot be written.
    StorageFull = "storage_full", 507;
    /// What the terminal has left of its storage is kept for answers and signatures.
    StorageLow = "storage_low", 507;
    /// The server cannot be reached; nothing is lost.
    Offline = "offline", 503;
    /// The server answered with something that is not the protocol.
    ServerStrange = "server_strange", 502;
    /// The inspection is sealed.
    Sealed = "sealed", 409;
    /// The request did not come from the terminal's own page.
    ForeignOrigin = "foreign_origin", 403;
    /// The file is empty or not of the declared kind.
    CaptureInvalid = "capture_invalid", 422;

    // Packages.
    /// The file is not an inspection's package, or it is damaged.
    PackageInvalid = "package_invalid", 422;
    /// The package is of a later form.
    PackageNewer = "package_newer", 422;
    /// The package is larger than packages may be.
    PackageTooLarge = "package_too_large", 413;
    /// Something in the package is not what was signed.
    PackageAltered = "package_altered", 422;
    /// The package names whose the terminals are by the word of another server.
    PackageForeign = "package_foreign", 422;
    /// The visit of the package is not known here, or not in the asker's scope.
    PackageVisitUnknown = "package_visit_unknown", 404;
    /// No server has said yet whose terminal this is.
    CertificateMissing = "certificate_missing", 409;
    /// No number of the form is free on this terminal.
    NumbersUsedUp = "numbers_used_up", 409;
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<C> minicbor::Encode<C> for ErrorCode {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(self.as_str())?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for ErrorCode {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::find(d.str()?).ok_or_else(|| minicbor::decode::Error::message("no error code"))
    }
}

/// The one form in which an HTTP error leaves the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// A code of [`ErrorCode`]; kept as a text because a later server may know more.
    pub code: String,
    /// What happened and what to do, by language (`zh-CN`, `en`).
    pub message: BTreeMap<String, String>,
    /// Facts that belong to the code.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub details: serde_json::Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_found_again() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::find(code.as_str()), Some(*code));
            assert!((200..600).contains(&code.status()));
        }
    }
}
