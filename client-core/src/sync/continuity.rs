//! Whether the server's idea of this terminal's journal fits ours: a pure decision over both ends.

use fieldproof_schema::journal::Tip;
use fieldproof_schema::suite::Digest;

/// How the two ends stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Continuity {
    /// The server holds a beginning of our chain, and everything that its receipts say.
    Fits,
    /// The server holds a beginning of our chain, but less than its receipts say: it came back older.
    ServerBehind,
    /// The server's chain goes on where ours does not: this store came back older.
    StoreBehind,
}

/// Compares the server's tip with our chain: its length, the hash that we have in the tip's place, and the last place
/// that a receipt names.
pub(crate) fn compare(
    server: Tip,
    last_here: u64,
    hash_here: Option<Digest>,
    last_received: u64,
) -> Continuity {
    let server_has_any = server.seq > 0;
    if server_has_any && (server.seq > last_here || hash_here != server.hash) {
        return Continuity::StoreBehind;
    }
    if server.seq < last_received {
        return Continuity::ServerBehind;
    }
    Continuity::Fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_compared_like_this() {
        let hash = |n: u8| Some(Digest::of(&[n]));
        let tip = |seq, n| Tip { seq, hash: hash(n) };
        for (name, server, last_here, here, received, expected) in [
            ("both empty", Tip::default(), 0, None, 0, Continuity::Fits),
            ("nothing sent yet", Tip::default(), 5, None, 0, Continuity::Fits),
            ("an answer was lost", tip(5, 1), 7, hash(1), 3, Continuity::Fits),
            ("all sent", tip(7, 1), 7, hash(1), 7, Continuity::Fits),
            ("the server was restored", tip(3, 1), 7, hash(1), 7, Continuity::ServerBehind),
            ("the server was emptied", Tip::default(), 7, None, 7, Continuity::ServerBehind),
            ("the store was restored", tip(7, 1), 3, None, 3, Continuity::StoreBehind),
            ("the store was restored and written to", tip(7, 1), 9, hash(2), 3, Continuity::StoreBehind),
        ] {
            assert_eq!(compare(server, last_here, here, received), expected, "{name}");
        }
    }
}
