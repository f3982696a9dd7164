//! The kinds of journal entries, one list.

use minicbor::{Decode, Decoder, Encode, Encoder};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        /// What a journal entry records. Kinds of later versions survive as [`Kind::Other`].
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[doc = $doc])* $name,)*
            /// A kind that this version does not know; kept and passed on.
            Other(String),
        }

        impl Kind {
            /// Every kind that this version knows.
            pub const ALL: &[Kind] = &[$(Kind::$name),*];

            /// The released name; never changes.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for Kind {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$name,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }
    };
}

kinds! {
    /// The store was opened.
    Opened = "opened";
    /// A fresh writer of changes was drawn for an inspection.
    ActorDeclared = "actor";
    /// A change of an inspection was written.
    Saved = "saved";
    /// A capture (photo, video, …) was taken and hashed.
    Captured = "captured";
    /// An officer signed a seal's statement, first version or supplement.
    Sealed = "sealed";
    /// The wall clock moved against the monotonic one.
    ClockJumped = "clock_jumped";
    /// The store came back older than what the server has receipts for.
    RolledBack = "rolled_back";
    /// The device took back its own entries from the server.
    Adopted = "adopted";
    /// A damaged store was moved aside.
    SetAside = "set_aside";
    /// The inspection was written into a package.
    Exported = "exported";
    /// A package was taken in.
    Imported = "imported";
    /// A number was given to a document.
    Numbered = "numbered";
}

impl<C> Encode<C> for Kind {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(self.as_str())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Kind {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Ok(d.str()?.into())
    }
}
