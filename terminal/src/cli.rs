//! The command line. A command does its work, says in one or a few lines what came of it, and fails with a code.

mod enroll;
mod output;
mod package;
mod passphrase;
mod serve;
mod status;
mod sync;
mod verify;

use crate::config::{self, LanguageChoice, ServeSettings, ServerSettings, StoreSettings};
use crate::error::StartError;
use clap::{Args, Parser, Subcommand};
use fieldproof_client_core::{Client, ClientError, HttpTransport, Options, SystemHost, Timeouts, Unlock};
use fieldproof_schema::ids::InspectionId;
use output::Output;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tracing_subscriber::EnvFilter;

/// How long the process waits for threads that hang in the system once the work is done.
const END: Duration = Duration::from_secs(5);

/// The handheld terminal of Fieldproof: inspections without a network, synced when one appears.
///
/// Every option can also be given by the environment variable that its line names.
#[derive(Debug, Parser)]
#[command(name = "fieldproof-terminal", version, after_help = PASSPHRASE_HELP)]
pub struct Cli {
    /// The language of what is printed; the locale's by default, else Chinese.
    #[arg(long, global = true, env = "FIELDPROOF_LANG", value_name = "LANGUAGE")]
    lang: Option<LanguageChoice>,
    /// What is logged to standard error, for instance `info` or `fieldproof_client_core=debug`.
    #[arg(long, global = true, env = "FIELDPROOF_LOG", value_name = "FILTER", default_value = "info")]
    log: String,
    #[command(subcommand)]
    command: Command,
}

const PASSPHRASE_HELP: &str = "The passphrase of the officer's key is read from the environment variable \
    FIELDPROOF_PASSPHRASE or, without it, from the first line of standard input; never from an option, which other \
    programs could see.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the terminal's pages and its JSON interface to this machine; prints one line of JSON with address and secret.
    Serve(ServeSettings),
    /// Makes this data directory an officer's terminal.
    Enroll(EnrollArgs),
    /// Syncs once.
    Sync(SyncArgs),
    /// Says whose terminal it is and what the server does not hold yet.
    Status(StatusArgs),
    /// Writes an inspection into a file, for a terminal without a network.
    Export(ExportArgs),
    /// Takes in what a colleague's terminal exported.
    Import(ImportArgs),
    /// Checks the journal, every change and every original on this terminal.
    Verify(StoreSettings),
}

#[derive(Debug, Args)]
struct EnrollArgs {
    #[command(flatten)]
    store: StoreSettings,
    #[command(flatten)]
    server: ServerSettings,
    /// The one-time code that the administrator showed.
    #[arg(long, env = "FIELDPROOF_ENROLMENT_CODE")]
    code: String,
    /// What people will call this terminal.
    #[arg(long, env = "FIELDPROOF_DEVICE_NAME")]
    name: String,
}

#[derive(Debug, Args)]
struct SyncArgs {
    #[command(flatten)]
    store: StoreSettings,
    #[command(flatten)]
    server: ServerSettings,
}

#[derive(Debug, Args)]
struct ExportArgs {
    #[command(flatten)]
    store: StoreSettings,
    /// Which inspection, by its id.
    #[arg(long, value_name = "ID", env = "FIELDPROOF_INSPECTION")]
    inspection: InspectionId,
    /// The file to write; it must not exist.
    #[arg(long, value_name = "FILE", env = "FIELDPROOF_EXPORT_TO")]
    to: PathBuf,
    /// Leaves the originals of evidence out.
    #[arg(long, env = "FIELDPROOF_WITHOUT_ORIGINALS")]
    without_originals: bool,
}

#[derive(Debug, Args)]
struct ImportArgs {
    #[command(flatten)]
    store: StoreSettings,
    /// The file.
    #[arg(value_name = "FILE", env = "FIELDPROOF_IMPORT_FROM")]
    from: PathBuf,
}

#[derive(Debug, Args)]
struct StatusArgs {
    #[command(flatten)]
    store: StoreSettings,
    /// Prints JSON.
    #[arg(long, env = "FIELDPROOF_JSON")]
    json: bool,
}

/// Does what the command line says.
pub fn run(cli: Cli) -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::builder().parse_lossy(&cli.log))
        .init();
    let output = Output::new(config::language(cli.lang, locale()));
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(source) => return output.failed(&StartError::File { what: "starting threads", source }),
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Serve(settings) => serve::run(&settings, &output).await,
            Command::Enroll(args) => enroll::run(&args, &output).await,
            Command::Sync(args) => sync::run(&args, &output).await,
            Command::Status(args) => status::run(&args, &output),
            Command::Export(args) => package::export(&args, &output),
            Command::Import(args) => package::import(&args, &output),
            Command::Verify(store) => verify::run(&store, &output),
        }
    });
    runtime.shutdown_timeout(END);
    match done {
        Ok(code) => code,
        Err(error) => output.failed(&error),
    }
}

/// The locale for messages, by the order that POSIX sets.
fn locale() -> Option<std::ffi::OsString> {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(std::env::var_os);
    set.into_iter().find(|value| !value.is_empty())
}

/// Opens the store of an existing data directory; asks for the passphrase where that is needed.
fn open(store: &StoreSettings, output: &Output) -> Result<Client, StartError> {
    if !store.data.is_dir() {
        return Err(StartError::NoData(store.data.clone()));
    }
    match open_or_make(store, Unlock::Nothing) {
        Err(StartError::Client(ClientError::StoreLocked)) => {
            let passphrase = passphrase::read(output)?;
            if passphrase.is_empty() {
                // Nobody typed anything: not a try, after some of which the officer would have to wait.
                return Err(ClientError::StoreLocked.into());
            }
            open_or_make(store, Unlock::Passphrase(&passphrase))
        }
        opened => opened,
    }
}

fn open_or_make(store: &StoreSettings, unlock: Unlock<'_>) -> Result<Client, StartError> {
    Ok(Client::open(&store.data, Arc::new(SystemHost::new()), Options::default(), unlock)?)
}

fn transport(server: &ServerSettings) -> Result<HttpTransport, StartError> {
    HttpTransport::new(&server.server, Timeouts::default()).map_err(StartError::Server)
}

#[cfg(test)]
mod tests;
