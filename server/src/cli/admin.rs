//! `fieldproof admin`: what is done at the machine itself, as `system`.

use super::{CliError, answer, said, tell};
use crate::accounts::{self, NewUser};
use crate::api::{openapi, reason};
use crate::app::App;
use crate::codes;
use crate::config::Place;
use crate::floor::{self, Standing, Wanted};
use crate::fsck::{self, Care, Fault};
use crate::policy::Role;
use crate::restore;
use crate::setup::{self, Beginning};
use crate::store::floors::Alike;
use crate::store::{officers, units};
use clap::{Args, Subcommand};
use fieldproof_schema::host::Host;
use fieldproof_schema::wire::PROTOCOL_MIN;
use fieldproof_schema::wire::floor::{Floor, ProgramVersion};
use serde_json::json;
use std::io::{self, BufRead};

/// Who does what is done here.
pub(super) const ACTOR: &str = "system";

#[derive(Debug, Subcommand)]
pub(super) enum Admin {
    /// Makes key, organisation and first administrator. Once.
    Init(Init),
    /// Users of the console.
    #[command(subcommand)]
    User(User),
    /// Gives a one-time code that enrols a terminal.
    DeviceCode(DeviceCode),
    /// How new terminals must be to be given rows.
    #[command(subcommand)]
    Floor(FloorOf),
    /// Begins a new epoch after a backup was put back, so that terminals offer again what it lacks.
    Restored(Restored),
    /// Looks whether every original is there and is what it was; with a reason, asks terminals for those that are not.
    Fsck(Fsck),
    /// Prints the description of the JSON API.
    Openapi,
}

#[derive(Debug, Args)]
pub(super) struct Init {
    #[command(flatten)]
    place: Place,
    /// The organisation's code.
    #[arg(long)]
    code: String,
    /// The organisation's name.
    #[arg(long)]
    name: String,
    /// The first administrator's login.
    #[arg(long)]
    login: String,
    /// The first administrator's name.
    #[arg(long)]
    administrator_name: String,
    #[command(flatten)]
    password: Password,
}

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Adds a user.
    Add(AddUser),
}

#[derive(Debug, Args)]
pub(super) struct AddUser {
    #[command(flatten)]
    place: Place,
    #[arg(long)]
    login: String,
    #[arg(long)]
    name: String,
    /// inspector, supervisor or administrator.
    #[arg(long, value_parser = role)]
    role: Role,
    /// The code of the unit whose records the user may see; the whole organisation where it is absent.
    #[arg(long)]
    unit: Option<String>,
    #[command(flatten)]
    password: Password,
}

#[derive(Debug, Args)]
pub(super) struct DeviceCode {
    #[command(flatten)]
    place: Place,
    /// The officer's code in the directory.
    #[arg(long)]
    officer: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum FloorOf {
    /// Says what it is, what terminals say that they are, and how many are below it.
    Show(ShowFloor),
    /// Raises it, for good: terminals below it still hand over everything, and are given nothing until they are updated.
    Raise(RaiseFloor),
}

#[derive(Debug, Args)]
pub(super) struct ShowFloor {
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(super) struct RaiseFloor {
    #[command(flatten)]
    place: Place,
    /// The least version of the protocol; as before, where it is absent.
    #[arg(long, required_unless_present = "program")]
    protocol: Option<u16>,
    /// The least version of the terminal's program, for instance 1.4.0; as before, where it is absent.
    #[arg(long)]
    program: Option<ProgramVersion>,
    /// Why; people read it in the console and in the audit trail.
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Args)]
pub(super) struct Restored {
    #[command(flatten)]
    place: Place,
    /// Why, and which backup; people read it in the console and in the audit trail.
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Args)]
pub(super) struct Fsck {
    #[command(flatten)]
    place: Place,
    /// Looks only whether they are there, and reads none.
    #[arg(long)]
    quick: bool,
    /// Asks terminals again for what is missing or altered, and says why; people read it in the audit trail.
    #[arg(long)]
    ask_again: Option<String>,
}

#[derive(Debug, Args)]
struct Password {
    /// Reads the password from the first line of stdin; otherwise one is made up and shown once.
    #[arg(long)]
    password_stdin: bool,
}

fn role(text: &str) -> Result<Role, String> {
    let names: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let [chinese, english] = [0, 1].map(|language| {
        said("cli.role_unknown", &[("role", text), ("roles", &names.join(", "))]).swap_remove(language)
    });
    Role::find(text).ok_or_else(|| format!("{chinese} {english}"))
}

impl Password {
    /// The password, and whether it was made up here.
    fn take(&self, host: &dyn Host) -> Result<(String, bool), CliError> {
        if !self.password_stdin {
            return Ok((codes::made_up_password(host), true));
        }
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map_err(CliError::Input)?;
        Ok((line.trim_end_matches(['\r', '\n']).to_owned(), false))
    }
}

fn show_once(login: &str, password: &str) {
    tell(&said("cli.password", &[("login", login), ("password", password)]));
}

impl Admin {
    pub(super) async fn run(self) -> Result<(), CliError> {
        match self {
            Self::Init(init) => init.run().await,
            Self::User(User::Add(add)) => add.run().await,
            Self::DeviceCode(code) => code.run().await,
            Self::Floor(FloorOf::Show(show)) => show.run().await,
            Self::Floor(FloorOf::Raise(raise)) => raise.run().await,
            Self::Restored(restored) => restored.run().await,
            Self::Fsck(fsck) => fsck.run().await,
            Self::Openapi => answer(&serde_json::to_value(openapi::description()).unwrap_or_default()),
        }
    }
}

impl Init {
    async fn run(self) -> Result<(), CliError> {
        let app = self.place.open_new().await?;
        let (password, made_up) = self.password.take(app.host.as_ref())?;
        let Self { code, name, login, administrator_name: administrator, .. } = self;
        let beginning = Beginning { code, name, login, administrator, password: password.clone() };
        let account = setup::begin(&app, beginning).await?;
        if made_up {
            show_once(&account.login, &password);
        }
        let tenant = app.tenant().await?;
        answer(&json!({
            "organisation": tenant.code, "administrator": account.login, "server_key": app.key.public_key(),
        }))?;
        app.db.clone().close().await;
        Ok(())
    }
}

impl AddUser {
    async fn run(self) -> Result<(), CliError> {
        let app = self.place.open().await?;
        let tenant = app.tenant().await?;
        let (org, unit_code) = (tenant.org, self.unit.unwrap_or_else(|| tenant.code.clone()));
        let known = app.db.read(move |tx| units::all(tx, org)).await.map_err(crate::error::ApiError::from)?;
        if !known.contains_key(&unit_code) {
            return Err(CliError::UnitUnknown(unit_code));
        }
        let (password, made_up) = self.password.take(app.host.as_ref())?;
        let Self { login, name, role, .. } = self;
        let new = NewUser { login, name, role, unit_code, password: password.clone() };
        let account = accounts::add(&app, org, ACTOR.to_owned(), new).await?;
        if made_up {
            show_once(&account.login, &password);
        }
        answer(&json!({"id": account.id, "login": account.login, "unit": account.unit_code}))?;
        app.db.clone().close().await;
        Ok(())
    }
}

impl DeviceCode {
    async fn run(self) -> Result<(), CliError> {
        let app = self.place.open().await?;
        let org = app.org().await?;
        let code = self.officer.clone();
        let found = app.db.read(move |tx| officers::by_code(tx, org, &code)).await;
        let found = found.map_err(crate::error::ApiError::from)?;
        let officer = found.ok_or(CliError::OfficerUnknown(self.officer))?;
        let issued = codes::issue(&app, org, &officer, ACTOR.to_owned()).await?;
        answer(
            &json!({"officer": officer.facts.code, "code": issued.code, "expires_at": issued.expires_at}),
        )?;
        app.db.clone().close().await;
        Ok(())
    }
}

async fn floor_standing(app: &App) -> Result<Standing, CliError> {
    let org = app.org().await?;
    let standing = app.db.read(move |tx| Standing::read(tx, org)).await;
    Ok(standing.map_err(crate::error::ApiError::from)?)
}

fn answer_floor(standing: &Standing) -> Result<(), CliError> {
    let set = standing.set.as_ref().map(|set| {
        let Floor { version, protocol, program, .. } = set.floor;
        json!({"version": version, "protocol": protocol, "program": program, "at": set.at, "by": set.by, "reason": set.reason})
    });
    let said = standing.said.iter().map(|Alike { protocol, program, terminals }| {
        json!({"protocol": protocol, "program": program, "terminals": terminals})
    });
    answer(&json!({"floor": set, "below": standing.below(), "said": said.collect::<Vec<_>>()}))
}

impl ShowFloor {
    async fn run(self) -> Result<(), CliError> {
        let app = self.place.open().await?;
        answer_floor(&floor_standing(&app).await?)?;
        app.db.clone().close().await;
        Ok(())
    }
}

impl RaiseFloor {
    async fn run(self) -> Result<(), CliError> {
        let app = self.place.open().await?;
        let known = floor_standing(&app).await?.set.map(|set| set.floor.protocol);
        let protocol = self.protocol.or(known).unwrap_or(PROTOCOL_MIN);
        floor::raise(&app, ACTOR, Wanted { protocol, program: self.program }, &self.reason).await?;
        let standing = floor_standing(&app).await?;
        tell(&said("cli.floor", &[("below", &standing.below().to_string())]));
        answer_floor(&standing)?;
        app.db.clone().close().await;
        Ok(())
    }
}

impl Restored {
    async fn run(self) -> Result<(), CliError> {
        let app = self.place.open().await?;
        let begun = restore::begin_anew(&app, ACTOR, &self.reason).await?;
        tell(&said("cli.restored", &[("missing", &begun.originals_missing.to_string())]));
        answer(&json!({
            "epoch": begun.epoch.epoch, "began_at": begun.epoch.began_at, "originals_missing": begun.originals_missing,
        }))?;
        app.db.clone().close().await;
        Ok(())
    }
}

impl Fsck {
    async fn run(self) -> Result<(), CliError> {
        let app = self.place.open().await?;
        // Before hours of reading.
        self.ask_again.as_deref().map(reason).transpose()?;
        let care = if self.quick { Care::Presence } else { Care::Contents };
        let report = fsck::look(&app, care).await?;
        let lost = report.lost.len();
        let counted = [("originals", report.originals.to_string()), ("lost", lost.to_string())];
        tell(&said("cli.fsck", &counted.each_ref().map(|(name, count)| (*name, count.as_str()))));
        answer(
            &json!({"originals": report.originals, "bytes_read": report.bytes_read, "lost": report.lost}),
        )?;
        if let Some(why) = self.ask_again.filter(|_| lost > 0) {
            let is_away = report.originals > 1 && lost as u64 == report.originals;
            if is_away && report.lost.iter().all(|original| original.fault == Fault::Missing) {
                return Err(CliError::OriginalsAway);
            }
            let asked = fsck::ask_again(&app, ACTOR, &why, &report.lost).await?;
            tell(&said("cli.fsck_asked", &[("asked", &asked.to_string())]));
        }
        app.db.clone().close().await;
        if lost == 0 { Ok(()) } else { Err(CliError::OriginalsLost(lost)) }
    }
}
