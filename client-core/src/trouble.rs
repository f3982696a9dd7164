//! Errors of the disk under the store, noted where they turn up and heard of where the store is let go.
//!
//! They turn up deep in statements that know no façade. Whoever holds the store works on one thread until she lets go of it,
//! so the note is left there.

use rusqlite::ErrorCode;
use std::cell::Cell;

thread_local! {
    static MET: Cell<bool> = const { Cell::new(false) };
}

/// Notes an error when it is one of the disk, or of a page that is not what was encrypted: after that SQLCipher reads nothing
/// right and writes nothing on the connection, which it calls damaged or not to be written.
pub(crate) fn note(error: &rusqlite::Error) {
    let of_the_disk = [
        ErrorCode::SystemIoFailure,
        ErrorCode::DatabaseCorrupt,
        ErrorCode::NotADatabase,
        ErrorCode::ReadOnly,
    ];
    if error.sqlite_error_code().is_some_and(|code| of_the_disk.contains(&code)) {
        MET.set(true);
    }
}

/// Whether there was one on this thread since this was last asked.
pub(crate) fn met() -> bool {
    MET.replace(false)
}
