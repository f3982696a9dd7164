//! `status`: whose terminal it is, and what the server does not hold yet.

use super::output::{Output, local, megabytes};
use super::{StatusArgs, open};
use crate::error::StartError;
use fieldproof_client_core::{Status, Unsent};
use std::process::ExitCode;

pub(super) fn run(args: &StatusArgs, output: &Output) -> Result<ExitCode, StartError> {
    let status = open(&args.store, output)?.status()?;
    if args.json {
        let json = serde_json::to_string(&status).expect("a status is plain data with text keys");
        output.line(&json)?;
    } else {
        for line in lines(&status, output) {
            output.line(&line)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(status: &Status, output: &Output) -> Vec<String> {
    let Some(whose) = &status.enrolled else { return vec![output.text("status.not_enrolled", &[])] };
    let mut lines = vec![
        output.text("status.enrolled", &[("officer", &whose.officer_name), ("device", &whose.device_name)]),
        match status.last_contact {
            Some(at) => output.text("status.contact", &[("at", &local(at))]),
            None => output.text("status.no_contact", &[]),
        },
        unsent(&status.unsent, output),
    ];
    let apart = status.quarantined + status.refused + status.waiting;
    if apart > 0 {
        let values = [
            ("quarantined", &*status.quarantined.to_string()),
            ("refused", &status.refused.to_string()),
            ("waiting", &status.waiting.to_string()),
        ];
        lines.push(output.text("status.apart", &values));
    }
    if status.recovering {
        lines.push(output.text("status.recovering", &[]));
    }
    lines
}

fn unsent(unsent: &Unsent, output: &Output) -> String {
    if unsent.is_empty() {
        return output.text("status.all_held", &[]);
    }
    output.text(
        "status.unsent",
        &[
            ("entries", &unsent.entries.to_string()),
            ("changes", &unsent.changes.to_string()),
            ("evidence", &unsent.evidence.to_string()),
            ("size", &megabytes(unsent.evidence_bytes)),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_presentation::texts::Language;

    #[test]
    fn every_text_of_the_status_is_in_the_catalogue() {
        for language in Language::ALL {
            let output = Output::new(*language);
            let some = Unsent { entries: 1, changes: 2, evidence: 3, evidence_bytes: 4_000_000 };
            for text in [unsent(&some, &output), unsent(&Unsent::default(), &output)] {
                assert!(!text.starts_with("terminal.cli."), "{text}");
            }
            assert!(unsent(&some, &output).contains("4.0 MB"));
        }
    }
}
