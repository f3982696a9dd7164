//! The tests that need more than one crate, or a PostgreSQL server.

// Marked so that the lints know their helpers for tests too.
#[cfg(test)]
mod photo;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod tidy;
