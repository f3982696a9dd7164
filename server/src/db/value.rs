//! Values that go into statements and come out of rows: integers, texts, bytes and nothing else.
//!
//! Both engines hold exactly these without a difference. What the product's own types look like in a column is said
//! here once: ids are texts, moments integers (µs), digests, keys, signatures, change ids and actors bytes, flags 0/1.

use super::error::DbError;
use fieldproof_schema::document::{Actor, ChangeId};
use fieldproof_schema::ids::{
    BlockId, CaseId, DecisionId, DeviceId, DisclosureId, DrawId, EntityId, IdError, InspectionId, OfficerId,
    OrgId, PlanId, ReceiptId, RecordId, TaskId, UserId,
};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::{CustodyKey, Digest, PublicKey, Signature, SuiteError};
use std::fmt;

/// One value of a parameter or a column.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// No value.
    Null,
    /// A `BIGINT`.
    Int(i64),
    /// A `TEXT`; must not hold U+0000, which PostgreSQL cannot store.
    Text(String),
    /// A `BYTEA`.
    Bytes(Vec<u8>),
}

impl Value {
    /// The column type, as an error names it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Int(_) => "BIGINT",
            Self::Text(_) => "TEXT",
            Self::Bytes(_) => "BYTEA",
        }
    }
}

/// Shows the kind and size only: values are people's names and answers, and end up in logs through `Debug`.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null | Self::Int(_) => f.write_str(self.kind()),
            Self::Text(text) => write!(f, "TEXT({} bytes)", text.len()),
            Self::Bytes(bytes) => write!(f, "BYTEA({} bytes)", bytes.len()),
        }
    }
}

/// The parameters of a statement, each converted into a [`Value`]; `$1` is the first.
macro_rules! params {
    () => { ::std::vec::Vec::<$crate::db::Value>::new() };
    ($($value:expr),+ $(,)?) => { ::std::vec::Vec::from([$($crate::db::Value::from($value)),+]) };
}
pub(crate) use params;

/// Why a column's value is not what the caller asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeProblem {
    /// The row is shorter.
    #[error("the row has no such column")]
    NoColumn,
    /// The value is of another kind.
    #[error("expected {wanted}, found {found}")]
    Kind {
        /// What was asked for.
        wanted: &'static str,
        /// What the row holds.
        found: &'static str,
    },
    /// The engine's type is not one of the three columns may have.
    #[error("its type is {0}; write CAST(… AS BIGINT), or store BIGINT, TEXT or BYTEA")]
    EngineType(String),
    /// The bytes of a text are not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// A count below zero.
    #[error("{0} is negative")]
    Negative(i64),
    /// A flag other than 0 or 1.
    #[error("{0} is neither 0 nor 1")]
    Flag(i64),
    /// Bytes of another length than the type has.
    #[error("expected {wanted} bytes, found {found}")]
    Length {
        /// The type's length.
        wanted: usize,
        /// The value's length.
        found: usize,
    },
    /// A text that is no id.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A text that is none of the values it may have.
    #[error("{0:?} is not a value that it may have")]
    Text(String),
    /// Bytes that are no digest, key or signature.
    #[error(transparent)]
    Suite(#[from] SuiteError),
}

/// What can be read from a column.
pub trait FromValue: Sized {
    /// Converts the column's value.
    ///
    /// # Errors
    /// When the value is of another kind or out of the type's range.
    fn from_value(value: &Value) -> Result<Self, DecodeProblem>;
}

/// One row of an answer.
#[derive(Debug, Clone)]
pub struct Row {
    sql: &'static str,
    values: Vec<Value>,
}

impl Row {
    pub(super) fn new(sql: &'static str, values: Vec<Value>) -> Self {
        Self { sql, values }
    }

    /// The value of column `index`, counted from 0.
    ///
    /// # Errors
    /// [`DbError::Decode`] when there is no such column or its value is not a `T`.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T, DbError> {
        let value = self.values.get(index).ok_or(DecodeProblem::NoColumn);
        value.and_then(T::from_value).map_err(|problem| DbError::Decode {
            sql: self.sql,
            column: format!("{index}"),
            problem,
        })
    }
}

impl Row {
    /// The error for a column whose value the caller cannot make sense of.
    pub fn invalid(&self, index: usize, value: impl Into<String>) -> DbError {
        DbError::Decode {
            sql: self.sql,
            column: format!("{index}"),
            problem: DecodeProblem::Text(value.into()),
        }
    }
}

fn other_kind<T>(wanted: &'static str, found: &Value) -> Result<T, DecodeProblem> {
    Err(DecodeProblem::Kind { wanted, found: found.kind() })
}

fn bytes(value: &Value) -> Result<&[u8], DecodeProblem> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        Value::Null | Value::Int(_) | Value::Text(_) => other_kind("BYTEA", value),
    }
}

fn text(value: &Value) -> Result<&str, DecodeProblem> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Null | Value::Int(_) | Value::Bytes(_) => other_kind("TEXT", value),
    }
}

impl FromValue for Value {
    fn from_value(value: &Value) -> Result<Self, DecodeProblem> {
        Ok(value.clone())
    }
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Result<Self, DecodeProblem> {
        match value {
            Value::Int(number) => Ok(*number),
            Value::Null | Value::Text(_) | Value::Bytes(_) => other_kind("BIGINT", value),
        }
    }
}

impl FromValue for u64 {
    fn from_value(value: &Value) -> Result<Self, DecodeProblem> {
        let number = i64::from_value(value)?;
        number.try_into().map_err(|_| DecodeProblem::Negative(number))
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Result<Self, DecodeProblem> {
        match i64::from_value(value)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(DecodeProblem::Flag(other)),
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Result<Self, DecodeProblem> {
        text(value).map(str::to_owned)
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Result<Self, DecodeProblem> {
        bytes(value).map(<[u8]>::to_vec)
    }
}

impl FromValue for Moment {
    fn from_value(value: &Value) -> Result<Self, DecodeProblem> {
        i64::from_value(value).map(Self::from_micros)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Result<Self, DecodeProblem> {
        match value {
            Value::Null => Ok(None),
            Value::Int(_) | Value::Text(_) | Value::Bytes(_) => T::from_value(value).map(Some),
        }
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Conversions from a value and from a reference to it.
macro_rules! into_value {
    ($($kind:ty: |$value:ident| $into:expr;)*) => {$(
        impl From<$kind> for Value {
            fn from($value: $kind) -> Self {
                $into
            }
        }

        impl From<&$kind> for Value {
            fn from($value: &$kind) -> Self {
                let $value = *$value;
                $into
            }
        }
    )*};
}

into_value! {
    i64: |n| Self::Int(n);
    i32: |n| Self::Int(n.into());
    u32: |n| Self::Int(n.into());
    u16: |n| Self::Int(n.into());
    u8: |n| Self::Int(n.into());
    // A count that no column can hold is one that nothing stored equals: the largest stands for it.
    u64: |n| Self::Int(i64::try_from(n).unwrap_or(i64::MAX));
    bool: |flag| Self::Int(flag.into());
    Moment: |moment| Self::Int(moment.as_micros());
}

impl From<&Self> for Value {
    fn from(value: &Self) -> Self {
        value.clone()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&Vec<u8>> for Value {
    fn from(bytes: &Vec<u8>) -> Self {
        Self::Bytes(bytes.clone())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

macro_rules! text_ids {
    ($($id:ty),* $(,)?) => {$(
        into_value! { $id: |id| Self::Text(id.to_string()); }

        impl FromValue for $id {
            fn from_value(value: &Value) -> Result<Self, DecodeProblem> {
                Ok(text(value)?.parse()?)
            }
        }
    )*};
}

text_ids!(
    OrgId,
    OfficerId,
    EntityId,
    UserId,
    PlanId,
    DrawId,
    TaskId,
    InspectionId,
    CaseId,
    DecisionId,
    DeviceId,
    RecordId,
    ReceiptId,
    BlockId,
    DisclosureId,
);

macro_rules! suite_values {
    ($($kind:ty),*) => {$(
        into_value! { $kind: |value| Self::Bytes(value.to_bytes()); }

        impl FromValue for $kind {
            fn from_value(value: &Value) -> Result<Self, DecodeProblem> {
                Ok(Self::from_bytes(bytes(value)?)?)
            }
        }
    )*};
}

suite_values!(CustodyKey, Digest, PublicKey, Signature);

macro_rules! fixed_bytes {
    ($($kind:ident: $len:literal),*) => {$(
        into_value! { $kind: |value| Self::Bytes(value.0.to_vec()); }

        impl FromValue for $kind {
            fn from_value(value: &Value) -> Result<Self, DecodeProblem> {
                let bytes = bytes(value)?;
                let length = DecodeProblem::Length { wanted: $len, found: bytes.len() };
                bytes.try_into().map(Self).map_err(|_| length)
            }
        }
    )*};
}

fixed_bytes!(ChangeId: 32, Actor: 16);

#[cfg(test)]
mod tests {
    use super::*;

    fn back<T: FromValue>(value: impl Into<Value>) -> Result<T, DecodeProblem> {
        T::from_value(&value.into())
    }

    #[test]
    fn the_products_own_types_survive_a_column() {
        let org = OrgId::from_bytes([7; 16]);
        let key = PublicKey { suite: fieldproof_schema::suite::Suite::Std, value: [3; 32] };
        assert_eq!(back(org), Ok(org));
        assert_eq!(back(Some(&org)), Ok(Some(org)));
        assert_eq!(back::<Option<OrgId>>(None::<OrgId>), Ok(None));
        assert_eq!(back(Moment::from_micros(-5)), Ok(Moment::from_micros(-5)));
        assert_eq!(back(Digest::of(b"x")), Ok(Digest::of(b"x")));
        assert_eq!(back(key), Ok(key));
        assert_eq!(back(ChangeId([9; 32])), Ok(ChangeId([9; 32])));
        assert_eq!(back(Actor([8; 16])), Ok(Actor([8; 16])));
        assert_eq!(back(true), Ok(true));
        assert_eq!(back(7_i64), Ok(7_u64));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_reason() {
        assert_eq!(back::<u64>(-1_i64), Err(DecodeProblem::Negative(-1)));
        assert_eq!(back::<bool>(2_i64), Err(DecodeProblem::Flag(2)));
        assert_eq!(back::<Actor>([1; 3]), Err(DecodeProblem::Length { wanted: 16, found: 3 }));
        assert!(matches!(back::<OrgId>("ENT-001"), Err(DecodeProblem::Id(_))));
        assert!(matches!(back::<Digest>([9; 33]), Err(DecodeProblem::Suite(_))));
        assert_eq!(back::<String>(Value::Null), Err(DecodeProblem::Kind { wanted: "TEXT", found: "NULL" }));
    }

    #[test]
    fn debug_shows_no_content() {
        assert_eq!(
            format!("{:?}", params!["张三", 7_i64, [1, 2]]),
            "[TEXT(6 bytes), BIGINT, BYTEA(2 bytes)]"
        );
    }
}
