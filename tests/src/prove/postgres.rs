//! The PostgreSQL server programs that tests start for themselves.

use super::{Outcome, apt};
use crate::postgres::find_programs;

/// Makes sure of the server programs.
pub(super) fn provide() -> Outcome {
    apt::provide(
        || find_programs().is_some(),
        &["postgresql"],
        "the PostgreSQL server (initdb, pg_ctl, postgres), on PATH or in /usr/lib/postgresql/*/bin. \
         Debian, Ubuntu: sudo apt-get install --no-install-recommends postgresql; \
         Fedora: sudo dnf install postgresql-server; macOS: brew install postgresql",
    )
}
