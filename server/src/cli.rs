//! The command line: what an operator can ask for, and how an answer or an error is said.
//!
//! Results go to stdout as JSON, sentences and logs to stderr. An error is a sentence in Chinese and in English with its
//! code, and an exit code other than 0.

mod admin;
mod draw;
mod import;
mod serve;

use crate::blobs::bucket::BucketError;
use crate::db::DbUrlError;
use crate::error::{ApiError, chain};
use crate::workers::process;
use clap::{Parser, Subcommand};
use fieldproof_presentation::texts::{Language, error_messages, text};
use serde_json::Value;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// 巡证服务器 Fieldproof: the server for offline field inspections.
#[derive(Debug, Parser)]
#[command(name = "fieldproof", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves terminals, the API and the public results.
    Serve(serve::Serve),
    /// Judges what the server hands it on stdin; only the server starts this.
    #[command(hide = true)]
    GateWorker,
    /// Initialises a server; adds users; gives enrolment codes.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Imports directories, checklists and the register of laws.
    #[command(subcommand)]
    Import(import::Import),
    /// Checks draws.
    #[command(subcommand)]
    Draw(draw::Draw),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The server's own part refused or failed.
    #[error(transparent)]
    Server(#[from] ApiError),
    /// A file or a socket.
    #[error("{}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was typed or piped in.
    #[error("the input cannot be read")]
    Input(#[source] io::Error),
    /// What should be written out.
    #[error("the result cannot be written")]
    Output(#[source] io::Error),
    /// The address of the database.
    #[error(transparent)]
    DatabaseUrl(DbUrlError),
    /// The bucket for evidence.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The server was not initialised.
    #[error("{} does not exist", .0.display())]
    KeyMissing(PathBuf),
    /// The key's file holds something else.
    #[error("{} is not a server key", .0.display())]
    KeyMalformed(PathBuf),
    /// No officer has the code.
    #[error("no officer {0}")]
    OfficerUnknown(String),
    /// Originals that should be there are not, or are something else.
    #[error("{0} originals are not what they should be")]
    OriginalsLost(usize),
    /// Not one original is there: the store is not.
    #[error("the store of originals is empty")]
    OriginalsAway,
    /// No unit has the code.
    #[error("no unit {0}")]
    UnitUnknown(String),
}

impl CliError {
    /// The error of a file at `path`.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    /// What it says, in both languages, Chinese first, and the code.
    fn lines(&self) -> Vec<String> {
        let why = std::error::Error::source(self).map(chain).unwrap_or_else(|| self.to_string());
        let (key, value): (&str, (&str, String)) = match self {
            Self::Server(error) => {
                let mut lines: Vec<_> =
                    Language::ALL.iter().filter_map(|l| error_messages(error.code).remove(l.tag())).collect();
                lines.push(error.to_string());
                return lines;
            }
            Self::File { path, .. } => {
                let path = path.display().to_string();
                let mut lines = said("cli.file", &[("path", &path), ("why", &why)]);
                lines.push("cli.file".to_owned());
                return lines;
            }
            Self::Bucket(error) => return bucket_lines(error),
            Self::Input(_) => ("cli.input", ("why", why)),
            Self::Output(_) => ("cli.output", ("why", why)),
            Self::DatabaseUrl(error) => ("cli.database_url", ("why", error.to_string())),
            Self::KeyMissing(path) => ("cli.key_missing", ("path", path.display().to_string())),
            Self::KeyMalformed(path) => ("cli.key_malformed", ("path", path.display().to_string())),
            Self::OfficerUnknown(code) => ("cli.officer_unknown", ("code", code.clone())),
            Self::OriginalsAway => ("cli.originals_away", ("", String::new())),
            Self::OriginalsLost(count) => ("cli.originals_lost", ("count", count.to_string())),
            Self::UnitUnknown(code) => ("cli.unit_unknown", ("code", code.clone())),
        };
        let mut lines = said(key, &[(value.0, &value.1)]);
        lines.push(key.to_owned());
        lines
    }
}

/// What is said of a bucket.
fn bucket_lines(error: &BucketError) -> Vec<String> {
    let (key, bucket, why) = match error {
        BucketError::Address(address) => ("cli.bucket_address", address, None),
        BucketError::Setting(why) => {
            let mut lines = said("cli.bucket_setting", &[("why", &why.to_string())]);
            lines.push("cli.bucket_setting".to_owned());
            return lines;
        }
        BucketError::Missing { bucket, .. } => ("cli.bucket_missing", bucket, None),
        BucketError::Refused { bucket, source } => ("cli.bucket_refused", bucket, Some(source)),
        BucketError::Silent { bucket, source } => ("cli.bucket_silent", bucket, Some(source)),
    };
    let why = why.map(ToString::to_string).unwrap_or_default();
    let mut lines = said(key, &[("bucket", bucket), ("why", &why)]);
    lines.push(key.to_owned());
    lines
}

/// A sentence in every language, Chinese first.
fn said(key: &str, values: &[(&str, &str)]) -> Vec<String> {
    Language::ALL.iter().map(|language| text(*language, key, values)).collect()
}

/// Writes sentences to stderr.
pub(crate) fn tell(lines: &[String]) {
    let mut out = io::stderr().lock();
    for line in lines {
        // Whoever closed stderr does not want to be told.
        writeln!(out, "{line}").ok();
    }
}

/// Writes a result to stdout as one line of JSON.
fn answer(result: &Value) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{result}").and_then(|()| out.flush()).map_err(CliError::Output)
}

/// Reads the arguments and does what they ask for.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if matches!(arguments.command, Command::GateWorker) {
        // Before there are threads, a log or anything else that takes memory.
        return process::main();
    }
    let filter = EnvFilter::try_from_env("FIELDPROOF_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(ApiError::internal).map_err(CliError::from).and_then(|runtime| {
        runtime.block_on(async {
            match arguments.command {
                Command::Serve(serve) => serve.run().await,
                Command::GateWorker => Ok(()),
                Command::Admin(admin) => admin.run().await,
                Command::Import(import) => import.run().await,
                Command::Draw(draw) => draw.run(),
            }
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error.lines());
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use fieldproof_schema::wire::error::ErrorCode;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_error_is_a_sentence_in_both_languages_and_a_code() {
        let io = || io::Error::from(io::ErrorKind::NotFound);
        let bucket = || "evidence".to_owned();
        let source = || object_store::Error::NotSupported { source: Box::new(io()) };
        let errors = [
            CliError::Server(ErrorCode::LoginTaken.into()),
            CliError::file(Path::new("/x"))(io()),
            CliError::Input(io()),
            CliError::Output(io()),
            CliError::DatabaseUrl(DbUrlError::Form),
            CliError::Bucket(BucketError::Address("evidence".to_owned())),
            CliError::Bucket(BucketError::Setting(source())),
            CliError::Bucket(BucketError::Missing { bucket: bucket(), source: source() }),
            CliError::Bucket(BucketError::Refused { bucket: bucket(), source: source() }),
            CliError::Bucket(BucketError::Silent { bucket: bucket(), source: source() }),
            CliError::KeyMissing("/x".into()),
            CliError::KeyMalformed("/x".into()),
            CliError::OfficerUnknown("OFF-99".into()),
            CliError::OriginalsLost(2),
            CliError::OriginalsAway,
            CliError::UnitUnknown("ORG-X".into()),
        ];
        for error in errors {
            let lines = error.lines();
            assert!(lines[0].chars().any(|c| c > '\u{4e00}'), "{lines:?}");
            assert!(lines[1].is_ascii(), "{lines:?}");
            assert!(lines.iter().all(|line| !line.contains('{')), "{lines:?}");
        }
    }
}
