//! Whether the server's idea of this terminal's journal fits ours: a pure decision over both ends.

use fieldproof_schema::journal::Tip;
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::suite::Digest;

/// How the two ends stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Continuity {
    /// The server holds a beginning of our chain, and everything that its receipts say.
    Fits,
    /// The server holds a beginning of our chain, but less than its receipts say: it came back older.
    ServerBehind,
    /// The server's chain goes on where ours does not: this store came back older, or it once did, and then the server lost
    /// what the chain here went on behind.
    StoreBehind,
}

/// Our chain, as far as the server's tip needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain {
    /// Its length.
    pub(crate) last: u64,
    /// The hash that we have in the tip's place.
    pub(crate) hash: Option<Digest>,
    /// Whether we have the entry that follows the tip.
    pub(crate) follows: bool,
    /// The place behind which the chain went on when this store last came back older; 0 when it never did.
    pub(crate) base: u64,
    /// The last place that a receipt names.
    pub(crate) received: u64,
}

/// Compares the server's tip with our chain.
pub(crate) fn compare(server: Tip, here: Chain) -> Continuity {
    let server_has_any = server.seq > 0;
    if server_has_any && (server.seq > here.last || here.hash != server.hash) {
        return Continuity::StoreBehind;
    }
    if server.seq < here.base && !here.follows && !planted::is(Bug::ChainSevered) {
        // What lies between the tip and the base is on neither side: nothing behind it could ever be added.
        return Continuity::StoreBehind;
    }
    if server.seq < here.received {
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
        let chain = |last, hash, received| Chain { last, hash, follows: true, base: 0, received };
        let severed = |last, hash, base| Chain { last, hash, follows: false, base, received: 0 };
        for (name, server, here, expected) in [
            ("both empty", Tip::default(), chain(0, None, 0), Continuity::Fits),
            ("nothing sent yet", Tip::default(), chain(5, None, 0), Continuity::Fits),
            ("an answer was lost", tip(5, 1), chain(7, hash(1), 3), Continuity::Fits),
            ("all sent", tip(7, 1), severed(7, hash(1), 0), Continuity::Fits),
            ("the server was restored", tip(3, 1), chain(7, hash(1), 7), Continuity::ServerBehind),
            ("the server was emptied", Tip::default(), chain(7, None, 7), Continuity::ServerBehind),
            ("the store was restored", tip(7, 1), chain(3, None, 3), Continuity::StoreBehind),
            (
                "the store was restored and written to",
                tip(7, 1),
                chain(9, hash(2), 3),
                Continuity::StoreBehind,
            ),
            ("it went on and sent nothing yet", tip(7, 1), severed(7, hash(1), 7), Continuity::Fits),
            (
                "it went on and the server was restored",
                tip(3, 1),
                severed(9, hash(1), 7),
                Continuity::StoreBehind,
            ),
            (
                "it went on and the server was emptied",
                Tip::default(),
                severed(9, None, 7),
                Continuity::StoreBehind,
            ),
        ] {
            assert_eq!(compare(server, here), expected, "{name}");
        }
    }
}
