//! What goes wrong, and when.

use std::fmt;

/// Something that SQLite does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reads a database.
    Read,
    /// Reads a log or journal.
    ReadLog,
    /// Writes.
    Write,
    /// Cuts a file off.
    Truncate,
    /// Asks that what was written be safe.
    Sync,
    /// Makes a file.
    Create,
    /// Deletes one.
    Delete,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The power fails at an operation that changes something; nothing succeeds afterwards, until the disk recovers.
    PowerCut,
    /// A read fails.
    Read,
    /// A read of a log gives the first half of what was asked for, as if the file ended there. Of a database SQLite takes that
    /// for granted and reads zeros: that is damage, not an error.
    ShortRead,
    /// A write fails, and nothing of it is there.
    Write,
    /// A sync fails. What it should have kept is never kept: later syncs know nothing of it, but where something is written
    /// into the same sector again.
    Sync,
    /// The disk is full.
    Full,
    /// The disk is full, and half of the write is there.
    FullTorn,
}

impl Fault {
    /// Those that an operation reports and a program survives.
    pub const ERRORS: [Self; 6] =
        [Self::Read, Self::ShortRead, Self::Write, Self::Sync, Self::Full, Self::FullTorn];

    /// Whether it can happen at such an operation.
    pub fn meets(self, operation: Operation) -> bool {
        match self {
            Self::PowerCut => !matches!(operation, Operation::Read | Operation::ReadLog),
            Self::Read => matches!(operation, Operation::Read | Operation::ReadLog),
            Self::ShortRead => operation == Operation::ReadLog,
            Self::Write => matches!(operation, Operation::Write | Operation::Truncate),
            Self::Sync => operation == Operation::Sync,
            Self::Full | Self::FullTorn => operation == Operation::Write,
        }
    }

    /// A name.
    pub fn name(self) -> &'static str {
        match self {
            Self::PowerCut => "power-cut",
            Self::Read => "read",
            Self::ShortRead => "short-read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Full => "full",
            Self::FullTorn => "full-torn",
        }
    }
}

/// One fault and its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What happens.
    pub fault: Fault,
    /// At which of the operations that it can meet; the first is 1.
    pub at: u64,
    /// At all such operations afterwards, too.
    pub sticky: bool,
}

impl Plan {
    /// The power fails at the operation `at` of those that change something.
    pub fn cut(at: u64) -> Self {
        Self { fault: Fault::PowerCut, at, sticky: true }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Reads.
    pub reads: u64,
    /// Those of them that read a log.
    pub log_reads: u64,
    /// Writes.
    pub writes: u64,
    /// Files cut off.
    pub truncates: u64,
    /// Syncs.
    pub syncs: u64,
    /// Files made or deleted.
    pub names: u64,
}

impl Counts {
    /// How many of them a fault can meet.
    pub fn met_by(self, fault: Fault) -> u64 {
        match fault {
            Fault::PowerCut => self.writes + self.truncates + self.syncs + self.names,
            Fault::Read => self.reads,
            Fault::ShortRead => self.log_reads,
            Fault::Write => self.writes + self.truncates,
            Fault::Sync => self.syncs,
            Fault::Full | Fault::FullTorn => self.writes,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reads, log_reads, writes, truncates, syncs, names } = self;
        write!(f, "{reads} {log_reads} {writes} {truncates} {syncs} {names}")
    }
}

/// A plan being carried out.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    plan: Option<Plan>,
    pub(super) counts: Counts,
    pub(super) struck: bool,
}

impl Schedule {
    pub(super) fn of(plan: Option<Plan>) -> Self {
        Self { plan, ..Self::default() }
    }

    /// Counts an operation; what happens at it.
    pub(super) fn next(&mut self, operation: Operation) -> Option<Fault> {
        let counts = &mut self.counts;
        match operation {
            Operation::Read => counts.reads += 1,
            Operation::ReadLog => {
                counts.reads += 1;
                counts.log_reads += 1;
            }
            Operation::Write => counts.writes += 1,
            Operation::Truncate => counts.truncates += 1,
            Operation::Sync => counts.syncs += 1,
            Operation::Create | Operation::Delete => counts.names += 1,
        }
        let plan = self.plan.filter(|plan| plan.fault.meets(operation))?;
        let met = counts.met_by(plan.fault);
        let strikes = met == plan.at || (plan.sticky && met > plan.at);
        self.struck |= strikes;
        strikes.then_some(plan.fault)
    }
}
