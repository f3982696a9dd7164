//! Kinds of conflicts, by their released names.

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        /// What kind of disagreement it is.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum ConflictKind {
            $($(#[doc = $doc])* $name,)*
            /// A kind that this version does not know; kept and shown by its name.
            Other(String),
        }

        impl ConflictKind {
            /// Every kind that this version knows.
            pub const ALL: &[ConflictKind] = &[$(ConflictKind::$name),*];

            /// The released name; never changes.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<String> for ConflictKind {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$name,)*
                    _ => Self::Other(text),
                }
            }
        }
    };
}

kinds! {
    /// Two live values for one legally material field.
    Answer = "answer";
    /// Changes outside the sealed heads.
    LateChange = "late_change";
    /// A device or officer that is not, or no longer, on the task.
    Assignment = "assignment";
    /// A forked journal, or a key revoked before the entry.
    Identity = "identity";
    /// Two proposals for one directory field, or one against a changed row.
    Entity = "entity";
    /// Filled on a withdrawn revision of the checklist.
    Template = "template";
    /// Evidence missing past its deadline, or with another hash.
    Evidence = "evidence";
    /// A document number used twice, or outside its lease.
    Number = "number";
}

impl From<ConflictKind> for String {
    fn from(kind: ConflictKind) -> Self {
        kind.as_str().to_owned()
    }
}

impl ConflictKind {
    /// Whether a review waits until it is decided: what is reviewed could still turn out to be something else. Who was on the
    /// task, which terminal is trusted and which revision was used are questions beside the content.
    pub fn blocks(&self) -> bool {
        match self {
            Self::Answer | Self::LateChange | Self::Evidence | Self::Number => true,
            Self::Assignment | Self::Identity | Self::Entity | Self::Template => false,
            // What this version does not know may be about the content.
            Self::Other(_) => true,
        }
    }
}
