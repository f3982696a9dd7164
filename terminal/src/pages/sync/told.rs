//! What a sync did, and why something was kept apart, in words.

use super::Said;
use crate::syncs::Last;
use fieldproof_presentation::page::Page;
use fieldproof_presentation::texts;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::wire::error::ErrorCode;

/// How the last sync ended.
pub(super) struct Ended {
    pub(super) at: Moment,
    /// What it did; none when it failed.
    pub(super) done: Option<String>,
    /// Why it failed.
    pub(super) failed: Option<String>,
    /// True when there was no server to talk to.
    pub(super) offline: bool,
    /// What else the officer should know.
    pub(super) notices: Vec<String>,
}

pub(super) fn ended(p: &Page, last: Last) -> Ended {
    let Last { at, result } = last;
    match result {
        Ok(report) => {
            let notices = [
                (report.recovered, "terminal.sync.recovered"),
                (report.rolled_back, "terminal.sync.rolled_back"),
                (report.server_restored, "terminal.sync.server_restored"),
            ];
            let counts = [
                ("changes", report.changes_sent.to_string()),
                ("rows", report.rows_received.to_string()),
                ("size", p.size(&report.bytes_sent)),
            ];
            let counts = counts.each_ref().map(|(name, count)| (*name, count.as_str()));
            Ended {
                at,
                done: Some(texts::text(p.language, "terminal.sync.did", &counts)),
                failed: None,
                offline: false,
                notices: notices.iter().filter(|(said, _)| *said).map(|(_, key)| p.t(key)).collect(),
            }
        }
        Err(error) => Ended {
            at,
            done: None,
            offline: error.code == ErrorCode::Offline.as_str(),
            failed: Some(Said::new(p, &error).sentence),
            notices: Vec::new(),
        },
    }
}

/// Why an item was not simply accepted; a code of a later version is shown as it is.
pub(super) fn code_words(p: &Page, code: &str) -> String {
    let key = format!("error.{code}");
    match (code.is_empty(), texts::has(&key)) {
        (true, _) => p.t("terminal.sync.no_reason"),
        (false, true) => p.t(key),
        (false, false) => p.t1("kit.error.code", "code", code),
    }
}

/// What an item is: an entry of the journal by its kind, or a change.
pub(super) fn kind_words(p: &Page, kind: Option<&str>) -> String {
    let key = format!("terminal.journal.{}", kind.unwrap_or("saved"));
    if texts::has(&key) { p.t(key) } else { kind.unwrap_or_default().to_owned() }
}
