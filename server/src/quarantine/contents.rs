//! What a change that is held apart says, as far as it can be read without trusting it.
//!
//! Bytes are looked at where the gate is, in a copy of the document: the decoder is not safe against hostile bytes (ADR
//! 0018). Nothing that is found here is stored.

use crate::app::App;
use crate::auth::UserActor;
use crate::documents::{self, Stored};
use crate::error::{ApiError, chain};
use crate::policy::Act;
use crate::store::quarantine::{self, Listed, Name};
use crate::store::{audit, devices, inbox};
use crate::sync::cover::{self, Covers};
pub(crate) use crate::sync::look::Place;
use crate::sync::look::{Look, Seen, Written};
use fieldproof_schema::checklist::Template;
use fieldproof_schema::cover::Cover;
use fieldproof_schema::document::{ChangeHeader, ChangeId, RawChange};
use fieldproof_schema::limits::{QUARANTINE_BESIDE_BYTES_MAX, QUARANTINE_BESIDE_MAX};
use fieldproof_schema::server::SERVER;
use fieldproof_schema::suite::PublicKey;
use fieldproof_schema::wire::error::ErrorCode;
use std::sync::Arc;

/// A change that is held apart, with everything that helps to decide about it.
pub(crate) struct Contents {
    /// Which one, from whom, and what was decided.
    pub(crate) listed: Listed,
    /// As it came.
    pub(crate) bytes: Vec<u8>,
    /// The journal entry that vouches for it.
    pub(crate) cover: Option<Cover>,
    /// The key of the terminal that sent it.
    pub(crate) device_key: PublicKey,
    /// What was decided, oldest first.
    pub(crate) history: Vec<audit::Listed>,
    /// How many others wait for the same decision.
    pub(crate) alike: usize,
    /// The pinned checklist; none for a visit that is not known here.
    pub(crate) template: Option<Arc<Template>>,
    /// What it says about itself; none for what is no readable change.
    pub(crate) header: Option<ChangeHeader>,
    /// What it builds upon and is not here at all.
    pub(crate) missing: Vec<ChangeId>,
    /// How many changes that are held apart, too, it builds upon.
    pub(crate) upon: usize,
    /// What it writes; none where that cannot be read.
    pub(crate) written: Option<Written>,
}

struct Raw {
    contents: Contents,
    covers: Covers,
    stored: Option<Stored>,
    beside: Vec<Vec<u8>>,
}

/// Reads one change of the asker's scope.
///
/// # Errors
/// [`ErrorCode::NotFound`] when it is not there for the asker.
pub(crate) async fn contents(app: &App, actor: &UserActor, name: Name) -> Result<Contents, ApiError> {
    actor.user.may(Act::DecideQuarantine)?;
    let (reader, org, asker) = (app.clone(), actor.org, actor.user.id);
    let raw = app
        .db
        .read(move |tx| {
            let Name { inspection, device, digest } = name;
            let listed = quarantine::find(tx, org, asker, &name)?.ok_or(ErrorCode::NotFound)?;
            let item = inbox::find(tx, org, inspection, &digest, device)?.ok_or(ErrorCode::NotFound)?;
            let device_key = match device {
                SERVER => reader.key.public_key(),
                device => devices::find(tx, org, device)?.ok_or(ErrorCode::NotFound)?.key,
            };
            // Without its document a change is shown as far as it goes; a failing database fails below, too.
            let stored = documents::read(tx, &reader, org, inspection).ok();
            let (bytes_max, most) = (QUARANTINE_BESIDE_BYTES_MAX, QUARANTINE_BESIDE_MAX);
            let beside = inbox::beside(tx, org, inspection, device, bytes_max, most)?;
            let alike = quarantine::alike(tx, org, asker, &listed, super::TOGETHER_MAX)?.len();
            let contents = Contents {
                bytes: item.bytes,
                cover: None,
                device_key,
                history: super::history(tx, org, &name)?,
                alike,
                template: stored.as_ref().map(|stored| Arc::clone(&stored.template)),
                header: None,
                missing: Vec::new(),
                upon: 0,
                written: None,
                listed,
            };
            Ok::<_, ApiError>(Raw { contents, covers: cover::read(tx, org, inspection)?, stored, beside })
        })
        .await?;
    let Some(look) = raw.look() else { return Ok(raw.contents) };
    // Whoever dies of looking says nothing: then the change is shown as one that cannot be read.
    let Seen { header, missing, upon, written } = app.judging.look(look).await.unwrap_or_else(|error| {
        tracing::warn!(error.cause = chain(&error), "a change that is held apart cannot be looked at");
        Seen::default()
    });
    let Raw { mut contents, covers, .. } = raw;
    let last = header.as_ref().map_or(contents.listed.name.digest, |(digest, _)| *digest);
    contents.header = header.map(|(_, header)| header);
    contents.cover = covers.naming(contents.listed.name.device, last, contents.header.as_ref()).cloned();
    (contents.missing, contents.upon, contents.written) = (missing, upon, written);
    Ok(contents)
}

impl Raw {
    /// What is to be looked at. None when nothing may: judging failed over it, and looking would, too.
    fn look(&self) -> Option<Look> {
        if self.contents.listed.code.as_deref() == Some(ErrorCode::ChangeUnjudgeable.as_str()) {
            return None;
        }
        let (snapshot, changes) = self.stored.as_ref().map(Stored::saved).unwrap_or_default();
        let raw = RawChange(self.contents.bytes.clone());
        Some(Look { snapshot, changes, raw, beside: self.beside.iter().cloned().map(RawChange).collect() })
    }
}
