//! Bugs that the simulator must find: each is planted where the product does the right thing, and is there only with the
//! feature `planted`, which no crate that people run asks for. Without it [`is`] is false and leaves nothing behind.

/// What can be planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A terminal's commits may be lost with the power.
    TerminalSyncsLess,
    /// The server's commits may be lost with the power.
    ServerSyncsLess,
    /// The server answers before it commits.
    AnsweredBeforeCommit,
    /// What was sent counts as received.
    SentIsReceived,
    /// A terminal does not notice that the server was restored.
    EpochIgnored,
    /// A terminal writes under one actor for ever.
    ActorReused,
    /// Nobody is told of a journal with two branches.
    ForkUnnoticed,
    /// Whoever comes back older is taken for a copy.
    ForkPresumed,
    /// A terminal keeps how far it read before what it read.
    CursorFirst,
    /// The server keeps a snapshot that lacks the newest changes.
    SnapshotBehind,
    /// What was written after a seal shows in what was sealed.
    LateShowsInSeal,
    /// The server does not sign what it writes into a visit.
    ServerUnsigned,
    /// Terminals do not bring back what colleagues wrote.
    ColleaguesForgotten,
    /// A terminal that once came back older waits for what it went on behind, when the server has lost that.
    ChainSevered,
    /// A restored server keeps its epoch.
    EpochKept,
    /// Nobody looks at a branch again that was ahead of the chain.
    ForkAheadUnnoticed,
    /// An entry in a place that is taken counts as the one that is there.
    KnownByPlace,
    /// What a revoked terminal sends is receipted and thrown away.
    RevokedDropped,
    /// What a revoked terminal sends counts.
    RevokedCounts,
    /// One item that cannot count stops all that came with it.
    OneStopsAll,
    /// A writer that another terminal declared may be anybody's.
    WritersShared,
    /// An entry that comes later than what it covers gives it no other chance.
    NoSecondChance,
    /// A visit that was left is deleted once it was received, not once no backup lacks it.
    FreedTooEarly,
    /// A terminal that came back older goes on with its numbers.
    NumbersReused,
    /// A conflict that is decided can be decided again, past the decision that stands.
    DecidedTwice,
    /// Views that are made anew lack the directory.
    RebuildForgets,
    /// Originals are held without a look at their hash.
    OriginalUnchecked,
    /// A restored server does not learn the floor that its terminals know.
    FloorFalls,
    /// What a terminal wrote into a visit is deleted when its officer leaves it, whoever else has it.
    UnsentFreed,
    /// A visit is judged by the newest revision of its checklist.
    TemplateUnpinned,
    /// A visit is folded while a conflict is open in it.
    OpenFolded,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 31] = [
        Self::TerminalSyncsLess,
        Self::ServerSyncsLess,
        Self::AnsweredBeforeCommit,
        Self::SentIsReceived,
        Self::EpochIgnored,
        Self::ActorReused,
        Self::ForkUnnoticed,
        Self::ForkPresumed,
        Self::CursorFirst,
        Self::SnapshotBehind,
        Self::LateShowsInSeal,
        Self::ServerUnsigned,
        Self::ColleaguesForgotten,
        Self::ChainSevered,
        Self::EpochKept,
        Self::ForkAheadUnnoticed,
        Self::KnownByPlace,
        Self::RevokedDropped,
        Self::RevokedCounts,
        Self::OneStopsAll,
        Self::WritersShared,
        Self::NoSecondChance,
        Self::FreedTooEarly,
        Self::NumbersReused,
        Self::DecidedTwice,
        Self::RebuildForgets,
        Self::OriginalUnchecked,
        Self::FloorFalls,
        Self::UnsentFreed,
        Self::TemplateUnpinned,
        Self::OpenFolded,
    ];
}

#[cfg(feature = "planted")]
mod switch {
    use super::Bug;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// The one that is planted in this process, counted from 1; 0 for none.
    static PLANTED: AtomicU32 = AtomicU32::new(0);

    /// Whether this one is planted.
    pub fn is(bug: Bug) -> bool {
        PLANTED.load(Ordering::Relaxed) == bug as u32 + 1
    }

    /// Plants one in this process in place of another; with none, all is well again.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.store(bug.map_or(0, |bug| bug as u32 + 1), Ordering::Relaxed);
    }
}

#[cfg(feature = "planted")]
pub use switch::{is, plant};

/// Nothing is planted.
#[cfg(not(feature = "planted"))]
pub const fn is(_: Bug) -> bool {
    false
}
