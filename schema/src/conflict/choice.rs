//! What can be decided about a conflict: one list, from which interface, pages and history derive.

use super::ConflictKind;

macro_rules! choices {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        /// What somebody chose.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ChoiceKind {
            $($(#[doc = $doc])* $name,)*
        }

        impl ChoiceKind {
            /// Every choice.
            pub const ALL: &[ChoiceKind] = &[$(ChoiceKind::$name),*];

            /// The released name; never changes.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Finds a choice by its name.
            pub fn find(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|choice| choice.as_str() == name)
            }
        }
    };
}

choices! {
    /// One of the sides stands.
    Side = "side";
    /// Another value stands.
    Value = "value";
    /// One side stands, the others are kept as observations of their own.
    Both = "both";
    /// Late changes stay beside the seal.
    Beside = "beside";
    /// The whole record goes back to the officers, who work through it and sign anew.
    Reopen = "reopen";
    /// Only what came late goes back to the officers, who check it and sign it as a supplement.
    Supplement = "supplement";
    /// It counts, with the reason.
    Accept = "accept";
    /// The writer joins the team, and what was held apart counts.
    Reassign = "reassign";
    /// It is kept and does not count.
    Quarantine = "quarantine";
    /// The visits belong to one case.
    Link = "link";
    /// The visits have nothing to do with each other.
    Separate = "separate";
    /// The terminal is revoked, and its officer gets a code for a new one.
    Reenrol = "reenrol";
    /// The visit goes back to its officers for the items that are affected.
    Return = "return";
    /// The officers are asked for it again.
    Request = "request";
    /// Nothing of it is taken over: what stands stays.
    Reject = "reject";
    /// The document of one side is void.
    Void = "void";
    /// The document of one side gets another number, and keeps the one before as corrected.
    Renumber = "renumber";
    /// An earlier decision is taken back; the conflict is open again.
    Undo = "undo";
}

impl ChoiceKind {
    /// What may be chosen for a kind of conflict. Which of them a certain conflict offers can be fewer.
    pub fn of(kind: &ConflictKind) -> &'static [ChoiceKind] {
        use ChoiceKind::*;
        match kind {
            ConflictKind::Answer => &[Side, Both, Value],
            ConflictKind::LateChange => &[Beside, Supplement, Reopen],
            ConflictKind::Assignment => &[Accept, Reassign, Quarantine, Link, Separate],
            ConflictKind::Identity => &[Accept, Quarantine, Reenrol],
            ConflictKind::Template => &[Accept, Return],
            ConflictKind::Evidence => &[Request, Accept, Quarantine],
            ConflictKind::Entity => &[Side, Value, Reject],
            ConflictKind::Number => &[Accept, Void, Renumber],
            ConflictKind::Other(_) => &[],
        }
    }
}
