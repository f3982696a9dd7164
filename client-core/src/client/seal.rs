//! Sealing (定稿): drawing up the statement, signing it, signing a colleague's.

use super::detail::{EvidenceItem, ItemState, judged};
use super::edits::line;
use super::recovery::is_registered;
use super::{Client, Desk, Who, directory};
use crate::documents;
use crate::error::{ClientError, Obstacle};
use crate::journal_writer::Clocks;
use crate::keys;
use crate::sealing::{self, SealBook, SealState};
use crate::store::unsent::{self, Unsent};
use crate::store::{evidence as captures, rows};
use fieldproof_schema::conflict::{Conflict, answer_conflicts};
use fieldproof_schema::document::{Document, View};
use fieldproof_schema::ids::{DecisionId, InspectionId, OfficerId};
use fieldproof_schema::journal::{Kind, body};
use fieldproof_schema::limits::REASON_CHARS_MAX;
use fieldproof_schema::reference::{InspectionRow, OfficerRow};
use fieldproof_schema::seal::{self, Capture, Party, Statement, Unsettled};
use fieldproof_schema::suite::{Digest, Signer};
use fieldproof_schema::wire::row::RowKind;
use std::collections::BTreeSet;

/// What an officer sees before signing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealPreview {
    /// What would be signed now.
    pub statement: Statement,
    /// Its canonical text.
    pub text: String,
    /// What of the inspection the server does not hold yet; signing does not wait for it.
    pub unsent: Unsent,
    /// Open conflicts; while there are any, signing is refused unless the officer says why it cannot wait.
    pub conflicts: Vec<Conflict>,
}

/// What is known about the next seal before anybody says how the party took the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealOutlook {
    /// The version that would be sealed.
    pub version: u32,
    /// The return that it would answer.
    pub answers_return: Option<DecisionId>,
    /// Team members of whom nothing is merged here.
    pub unmerged: Vec<OfficerId>,
    /// The seal that waits for signatures, by its name.
    pub pending: Option<Digest>,
    /// Why the seal that waits cannot be signed here now; none when it can, or none waits.
    pub obstacle: Option<Obstacle>,
    /// False when a signature under the seal that waits is by a key that is not its officer's.
    pub trusted: bool,
}

/// The content that a seal names: the document as it was at the sealed heads.
#[derive(Debug, Clone)]
pub struct SealedContent {
    /// What the document said.
    pub view: View,
    /// The items of the checklist in order; empty until it arrives.
    pub items: Vec<ItemState>,
    /// The captures that the statement lists, used or not.
    pub captures: Vec<EvidenceItem>,
}

impl Client {
    /// What the next seal would be, and whether a colleague's can be signed.
    pub fn seal_outlook(&self, inspection: InspectionId) -> Result<SealOutlook, ClientError> {
        let mut desk = self.desk()?;
        let who = desk.ready()?;
        desk.visible(inspection)?;
        let document = desk.document(inspection)?;
        let book = sealing::book(&desk.conn, inspection, who.device, who.member.officer)?;
        let row: Option<InspectionRow> = rows::about_inspection(&desk.conn, RowKind::Inspection, inspection)?;
        let team = sealing::team(row.as_ref(), &document.identity()?);
        let pending = book.pending();
        let (obstacle, trusted) = match pending.map(|pending| may_cosign(&desk, &who, &document, pending)) {
            Some(Err(ClientError::StateWrong { why })) => (Some(why), true),
            Some(Err(ClientError::SealInvalid)) => (None, false),
            Some(Err(other)) => return Err(other),
            Some(Ok(())) | None => (None, true),
        };
        Ok(SealOutlook {
            version: book.next_version(),
            answers_return: supplement(&book).1,
            unmerged: unmerged(&desk, &who, (inspection, &document), &team)?,
            pending: pending.map(|pending| pending.digest),
            obstacle,
            trusted,
        })
    }

    /// The content that a statement names; none while its changes are not all here.
    pub fn sealed_content(
        &self,
        inspection: InspectionId,
        statement: &Statement,
    ) -> Result<Option<SealedContent>, ClientError> {
        let document = {
            let mut desk = self.desk()?;
            desk.visible(inspection)?;
            desk.document(inspection)?
        };
        if statement.heads.is_empty() || !statement.heads.iter().all(|head| document.contains(*head)) {
            return Ok(None);
        }
        let view = document.view_at(&statement.heads)?;
        let law = self.law()?;
        let template = self.template(&view.identity.template)?;
        let reader = self.reader();
        let items = match template {
            Some(template) => judged(&reader, &template, &law, (&document, &view), self.host.now())?,
            None => Vec::new(),
        };
        let row: Option<InspectionRow> = rows::about_inspection(&reader, RowKind::Inspection, inspection)?;
        let named: BTreeSet<_> = statement.captures.iter().map(|capture| capture.record).collect();
        let mut captures = self.evidence_items(&reader, inspection, &view, row.as_ref())?;
        captures.retain(|item| named.contains(&item.record));
        Ok(Some(SealedContent { view, items, captures }))
    }

    /// Draws up the statement that [`Self::seal`] would sign now; with `despite`, the one of [`Self::seal_despite`].
    pub fn seal_statement(
        &self,
        inspection: InspectionId,
        party: &Party,
        comment: Option<&str>,
        despite: Option<&str>,
    ) -> Result<SealPreview, ClientError> {
        let mut desk = self.desk()?;
        let who = desk.ready()?;
        desk.visible(inspection)?;
        let document = desk.document(inspection)?;
        let clocks = Clocks::read(&*self.host);
        let statement = self.draw_up(&desk, &who, &document, (party, comment, despite), clocks)?;
        Ok(SealPreview {
            text: statement.to_text(),
            statement,
            unsent: unsent::by_inspection(&desk.conn)?.remove(&inspection).unwrap_or_default(),
            conflicts: answer_conflicts(&*document.view()?),
        })
    }

    /// Signs the inspection as it is now with the officer's key; returns the seal's name.
    ///
    /// # Errors
    /// [`ClientError::ConflictsOpen`] while the team has not settled what its officers wrote differently.
    pub fn seal(
        &self,
        inspection: InspectionId,
        passphrase: &str,
        party: &Party,
        comment: Option<&str>,
    ) -> Result<Digest, ClientError> {
        self.sign_now(inspection, passphrase, (party, comment, None))
    }

    /// The same although conflicts are open, with the reason why it cannot wait: the statement names them and says it.
    pub fn seal_despite(
        &self,
        inspection: InspectionId,
        passphrase: &str,
        party: &Party,
        comment: Option<&str>,
        reason: &str,
    ) -> Result<Digest, ClientError> {
        self.sign_now(inspection, passphrase, (party, comment, Some(reason)))
    }

    fn sign_now(
        &self,
        inspection: InspectionId,
        passphrase: &str,
        said: Said<'_>,
    ) -> Result<Digest, ClientError> {
        self.end_recordings_of(inspection)?;
        let mut desk = self.desk()?;
        let who = desk.ready()?;
        desk.visible(inspection)?;
        let document = desk.document(inspection)?;
        let open = answer_conflicts(&*document.view()?).len();
        if open > 0 && said.2.is_none() {
            return Err(ClientError::ConflictsOpen { count: open });
        }
        let clocks = Clocks::read(&*self.host);
        let statement = self.draw_up(&desk, &who, &document, said, clocks)?;
        self.sign_statement(&mut desk, &who, inspection, &statement.to_text(), passphrase, clocks)
    }

    /// Signs the statement that a colleague drew up, when everything it names is here as it says.
    pub fn cosign(&self, inspection: InspectionId, passphrase: &str) -> Result<Digest, ClientError> {
        self.end_recordings_of(inspection)?;
        let mut desk = self.desk()?;
        let who = desk.ready()?;
        desk.visible(inspection)?;
        let document = desk.document(inspection)?;
        let book = sealing::book(&desk.conn, inspection, who.device, who.member.officer)?;
        let pending = book.pending().ok_or(wrong(Obstacle::NothingToSign))?;
        may_cosign(&desk, &who, &document, pending)?;
        let text = pending.text.clone();
        self.sign_statement(&mut desk, &who, inspection, &text, passphrase, Clocks::read(&*self.host))
    }

    fn draw_up(
        &self,
        desk: &Desk,
        who: &Who,
        document: &Document,
        (party, comment, despite): Said<'_>,
        clocks: Clocks,
    ) -> Result<Statement, ClientError> {
        check_words(party, comment)?;
        let heads = document.heads();
        let view = document.view_at(&heads)?;
        let unsettled = unsettled(&view, despite)?;
        let inspection = view.identity.inspection;
        let row: Option<InspectionRow> = rows::about_inspection(&desk.conn, RowKind::Inspection, inspection)?;
        let team = sealing::team(row.as_ref(), &view.identity);
        if !team.contains(&who.member.officer) {
            return Err(wrong(Obstacle::NotOnTeam));
        }
        let book = sealing::book(&desk.conn, inspection, who.device, who.member.officer)?;
        if !book.editable() {
            return Err(ClientError::Sealed);
        }
        let items = self.evidence_items(&desk.conn, inspection, &view, row.as_ref())?;
        let captures = items
            .into_iter()
            .map(|item| Capture { record: item.record, digest: item.digest, used: item.listed })
            .collect();
        let (supplements, answers_return) = supplement(&book);
        Ok(Statement {
            format: 1,
            inspection,
            version: book.next_version(),
            supplements,
            answers_return,
            comment: comment.map(str::to_owned),
            heads,
            content: view.digest(),
            captures,
            unmerged: unmerged(desk, who, (inspection, document), &team)?,
            team,
            unsettled,
            party: party.clone(),
            at: clocks.now,
        })
    }

    fn sign_statement(
        &self,
        desk: &mut Desk,
        who: &Who,
        inspection: InspectionId,
        statement: &str,
        passphrase: &str,
        clocks: Clocks,
    ) -> Result<Digest, ClientError> {
        let key = keys::unlock_officer(&self.dir, &*self.host, passphrase)?;
        if !is_registered(&desk.conn, who.device, &key.public_key())? {
            // Nobody would believe it, and what is sealed stays sealed.
            return Err(ClientError::OfficerKeyUnregistered);
        }
        let sealed = body::Sealed {
            statement: statement.to_owned(),
            key: key.public_key(),
            signature: seal::sign(statement, &key),
        };
        let digest = Digest::of(statement.as_bytes());
        let pen = who.pen(clocks);
        let tx = desk.conn.transaction()?;
        pen.note_clock(&tx, desk.clocks)?;
        pen.write(&tx, line(&pen, Kind::Sealed, inspection, Some(digest), &sealed))?;
        tx.commit()?;
        desk.clocks = Some(clocks);
        Ok(digest)
    }
}

/// What an officer says when signing: how the party took it, an answer to a return, and why it cannot wait for what is open.
type Said<'a> = (&'a Party, Option<&'a str>, Option<&'a str>);

/// What a statement says of the conflicts that are open; nothing where none is.
fn unsettled(view: &View, despite: Option<&str>) -> Result<Option<Unsettled>, ClientError> {
    let mut conflicts: Vec<_> = answer_conflicts(view).into_iter().map(|conflict| conflict.id).collect();
    let Some(reason) = despite.map(str::trim).filter(|_| !conflicts.is_empty()) else { return Ok(None) };
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        return Err(ClientError::ReasonMissing);
    }
    conflicts.sort_unstable();
    Ok(Some(Unsettled { conflicts, reason: reason.to_owned() }))
}

/// What a supplement names: the statement before, and the return that it answers.
fn supplement(book: &SealBook) -> (Option<Digest>, Option<DecisionId>) {
    match book.last_complete() {
        Some(last) => (Some(last.digest), book.returned.map(|(decision, _)| decision)),
        None => (None, None),
    }
}

/// Team members of whom nothing is merged here.
fn unmerged(
    desk: &Desk,
    who: &Who,
    (inspection, document): (InspectionId, &Document),
    team: &[OfficerId],
) -> Result<Vec<OfficerId>, ClientError> {
    let origins = documents::origins(&desk.conn, inspection, document)?;
    let heard: BTreeSet<OfficerId> = origins.into_iter().filter_map(|origin| origin.officer).collect();
    let silent = team.iter().filter(|officer| **officer != who.member.officer && !heard.contains(officer));
    Ok(silent.copied().collect())
}

/// Refuses to sign a statement that does not hold here.
fn may_cosign(desk: &Desk, who: &Who, document: &Document, pending: &SealState) -> Result<(), ClientError> {
    if pending.mine {
        return Err(wrong(Obstacle::SignedAlready));
    }
    if !pending.statement.team.contains(&who.member.officer) {
        return Err(wrong(Obstacle::NotOnTeam));
    }
    for signed in &pending.signatures {
        let officer: Option<OfficerRow> = directory(&desk.conn, RowKind::Officer, signed.officer)?;
        if officer.is_some_and(|officer| !officer.keys.contains(&signed.key)) {
            return Err(ClientError::SealInvalid);
        }
    }
    check_against(desk, document, pending.statement.inspection, &pending.statement)
}

/// Everything that a colleague's statement names is here as it says, and nothing of this terminal is left out.
fn check_against(
    desk: &Desk,
    document: &Document,
    inspection: InspectionId,
    statement: &Statement,
) -> Result<(), ClientError> {
    if statement.heads.is_empty() || !statement.heads.iter().all(|head| document.contains(*head)) {
        return Err(wrong(Obstacle::ChangesMissing));
    }
    let view = document.view_at(&statement.heads)?;
    if view.digest() != statement.content || !statement.admits(&answer_conflicts(&view)) {
        return Err(wrong(Obstacle::ContentDiffers));
    }
    let outside: BTreeSet<_> = document.changes_outside(&statement.heads).into_iter().collect();
    let outside = documents::origins_of(&desk.conn, inspection, document, &outside)?;
    if outside.iter().any(|origin| origin.own) {
        return Err(wrong(Obstacle::OwnChangesOutside));
    }
    let listed: BTreeSet<_> = statement.captures.iter().map(|c| (c.record, c.digest)).collect();
    let own = captures::of_inspection(&desk.conn, inspection)?;
    if !own.iter().all(|held| listed.contains(&(held.record, held.digest))) {
        return Err(wrong(Obstacle::OwnCapturesMissing));
    }
    Ok(())
}

fn check_words(party: &Party, comment: Option<&str>) -> Result<(), ClientError> {
    let fits = |text: &str| !text.trim().is_empty() && text.chars().count() <= REASON_CHARS_MAX;
    let named = match party {
        Party::Signed { name } => fits(name),
        Party::Refused { witness, reason } => fits(witness) && fits(reason),
    };
    if !named {
        return Err(ClientError::FieldInvalid { field: "party" });
    }
    if !comment.is_none_or(fits) {
        return Err(ClientError::FieldInvalid { field: "comment" });
    }
    Ok(())
}

fn wrong(why: Obstacle) -> ClientError {
    ClientError::StateWrong { why }
}
