//! `fieldproof import`.

use super::admin::ACTOR;
use super::{CliError, answer};
use crate::app::App;
use crate::config::Place;
use crate::imports::{self, Importer};
use clap::{Args, Subcommand};
use fieldproof_schema::data;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// A file of organisations, officers and entities.
    Organisation(Organisation),
    /// Checklists, one file each.
    Checklists(Checklists),
    /// The register of laws.
    Laws(Laws),
}

#[derive(Debug, Args)]
pub(super) struct Organisation {
    #[command(flatten)]
    place: Place,
    /// The file.
    #[arg(required_unless_present = "sample", conflicts_with = "sample")]
    file: Option<PathBuf>,
    /// The fictitious sample city that comes with the product.
    #[arg(long)]
    sample: bool,
}

#[derive(Debug, Args)]
pub(super) struct Checklists {
    #[command(flatten)]
    place: Place,
    /// The files.
    #[arg(required_unless_present = "bundled", conflicts_with = "bundled")]
    files: Vec<PathBuf>,
    /// The checklists that come with the product.
    #[arg(long)]
    bundled: bool,
}

#[derive(Debug, Args)]
pub(super) struct Laws {
    #[command(flatten)]
    place: Place,
    /// The file.
    #[arg(required_unless_present = "bundled", conflicts_with = "bundled")]
    file: Option<PathBuf>,
    /// The register that comes with the product.
    #[arg(long)]
    bundled: bool,
}

fn read(path: &Path) -> Result<String, CliError> {
    fs::read_to_string(path).map_err(CliError::file(path))
}

/// The file's text, or what comes with the product where none is named.
fn text(file: Option<&Path>, bundled: &str) -> Result<String, CliError> {
    file.map_or_else(|| Ok(bundled.to_owned()), read)
}

impl Import {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let place = match &self {
            Self::Organisation(Organisation { place, .. })
            | Self::Checklists(Checklists { place, .. })
            | Self::Laws(Laws { place, .. }) => place,
        };
        let app = place.open().await?;
        match self {
            Self::Organisation(import) => import.run(&app).await?,
            Self::Checklists(import) => import.run(&app).await?,
            Self::Laws(import) => import.run(&app).await?,
        }
        app.db.clone().close().await;
        Ok(())
    }
}

impl Organisation {
    async fn run(self, app: &App) -> Result<(), CliError> {
        let text = text(self.file.as_deref(), data::sample_org())?;
        let importer = Importer { actor: ACTOR.to_owned(), scope: None };
        let imported = imports::organisation(app, app.org().await?, importer, text).await?;
        answer(&json!(imported))
    }
}

impl Checklists {
    async fn run(self, app: &App) -> Result<(), CliError> {
        let texts = if self.bundled {
            data::checklists().iter().map(|(_, text)| (*text).to_owned()).collect()
        } else {
            self.files.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?
        };
        let org = app.org().await?;
        for text in texts {
            let (template, new) = imports::checklist(app, org, ACTOR, text).await?;
            answer(&json!({"template": template, "new": new}))?;
        }
        Ok(())
    }
}

impl Laws {
    async fn run(self, app: &App) -> Result<(), CliError> {
        let text = text(self.file.as_deref(), data::legal_basis())?;
        let (hash, new) = imports::law_register(app, app.org().await?, ACTOR, text).await?;
        answer(&json!({"hash": hash, "new": new}))
    }
}
