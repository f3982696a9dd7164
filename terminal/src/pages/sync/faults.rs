//! What does not hold of what is kept here, in words.

use fieldproof_client_core::Fault;
use fieldproof_presentation::page::Page;

/// One fault; what the program says about it stays as it is.
pub(super) fn fault_words(p: &Page, fault: &Fault) -> String {
    match fault {
        Fault::Entry { seq, error } => p.t2("terminal.verify.entry", "seq", seq, "why", error),
        Fault::Misfiled { seq } => p.t1("terminal.verify.misfiled", "seq", seq),
        Fault::Changes { inspection } => p.t1("terminal.verify.changes", "inspection", inspection),
        Fault::Uncovered { change } => p.t1("terminal.verify.uncovered", "change", change),
        Fault::Miscounted { inspection } => p.t1("terminal.verify.miscounted", "inspection", inspection),
        Fault::EvidenceMissing { record } => p.t1("terminal.verify.missing", "record", record),
        Fault::EvidenceDiffers { record } => p.t1("terminal.verify.differs", "record", record),
    }
}
