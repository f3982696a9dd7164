//! Tests that need more than one crate, built as one program.

mod photo;
mod prove;
mod proxy;
mod tidy;
