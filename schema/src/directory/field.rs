//! The facts of an entity that may be corrected from the field, and what each may say.

use super::RowProblem;
use crate::limits::DIRECTORY_FIELD_CHARS_MAX;
use crate::reference::EntityRow;
use crate::uscc;
use serde_json::Value;

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        /// A fact of an entity that may be corrected from the field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EntityField {
            $($(#[doc = $doc])* $name,)*
        }

        impl EntityField {
            /// Every such fact, in the order in which people read them.
            pub const ALL: &[EntityField] = &[$(EntityField::$name),*];

            /// The released name, the same as in directory files; never changes.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Finds a fact by its name.
            pub fn find(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|field| field.as_str() == name)
            }
        }
    };
}

fields! {
    /// 单位名称.
    Name = "name";
    /// 统一社会信用代码.
    Uscc = "uscc";
    /// 地址.
    Address = "address";
    /// 法定代表人或负责人.
    LegalRepresentative = "legalRepresentative";
    /// 联系电话.
    Phone = "phone";
}

impl EntityField {
    /// What a row says; none where it says nothing.
    pub fn of(self, row: &EntityRow) -> Option<&str> {
        let said = match self {
            Self::Name => Some(row.name.as_str()),
            Self::Uscc => row.uscc.as_deref(),
            Self::Address => Some(row.address.as_str()),
            Self::LegalRepresentative | Self::Phone => row.fields.get(self.as_str()).and_then(Value::as_str),
        };
        said.filter(|text| !text.is_empty())
    }

    /// Makes a row say it; `None` empties the fact, where a row can be without it.
    pub fn put(self, row: &mut EntityRow, value: Option<&str>) {
        match (self, value) {
            (Self::Name, value) => row.name = value.unwrap_or_default().to_owned(),
            (Self::Address, value) => row.address = value.unwrap_or_default().to_owned(),
            (Self::Uscc, value) => row.uscc = value.map(str::to_owned),
            (Self::LegalRepresentative | Self::Phone, Some(value)) => {
                row.fields.insert(self.as_str().to_owned(), value.into());
            }
            (Self::LegalRepresentative | Self::Phone, None) => {
                row.fields.remove(self.as_str());
            }
        }
    }

    /// Whether the directory takes a text: as in a file that is imported, and of a length that people read.
    pub fn check(self, value: &str) -> Result<(), RowProblem> {
        if value.trim().is_empty() {
            return Err(RowProblem::Missing);
        }
        if value.chars().count() > DIRECTORY_FIELD_CHARS_MAX || value.chars().any(char::is_control) {
            return Err(RowProblem::TooLong);
        }
        match self {
            Self::Uscc => uscc::check(value).map(|_| ()).map_err(RowProblem::BadUscc),
            Self::Name | Self::Address | Self::LegalRepresentative | Self::Phone => Ok(()),
        }
    }
}
