//! Checklists and laws as the server released them: found by pin, read once, applied to a view.

use crate::error::ClientError;
use crate::store::rows;
use fieldproof_schema::checklist::{Answer, Judgement, Template, TemplateError, Verdict, check, judge};
use fieldproof_schema::document::TemplatePin;
use fieldproof_schema::law::{LawRegister, Released};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::RowKind;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What was read so far.
#[derive(Default)]
pub(crate) struct Shelf {
    read: Mutex<Read>,
}

#[derive(Default)]
struct Read {
    templates: BTreeMap<Digest, Arc<Template>>,
    /// True when `templates` holds everything that the store holds.
    whole: bool,
    law: Option<Law>,
}

impl Read {
    fn keep(&mut self, template: &Arc<Template>) {
        self.templates.insert(template.hash(), Arc::clone(template));
    }
}

/// A checklist as the server released it; nothing when this version cannot read it.
fn read_released(body: &str) -> Option<Arc<Template>> {
    let read = Template::parse_released(body);
    let warn =
        |error: &TemplateError| tracing::warn!(error = %error, "a checklist cannot be read by this version");
    read.inspect_err(warn).ok().map(Arc::new)
}

/// The text of a pinned checklist as it came; `None` until it arrives.
pub(crate) fn text(conn: &Connection, pin: &TemplatePin) -> Result<Option<String>, ClientError> {
    rows::text(conn, RowKind::Template, &format!("{}@{}", pin.id, pin.revision))
}

/// What answers are judged by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Law {
    /// None until it arrives.
    pub(crate) register: Option<Arc<LawRegister>>,
    released: Arc<Released>,
}

impl Shelf {
    /// The pinned checklist; `None` until it arrives.
    pub(crate) fn template(
        &self,
        conn: &Connection,
        pin: &TemplatePin,
    ) -> Result<Option<Arc<Template>>, ClientError> {
        // A visit needs its own checklist: reading all that are here takes longer than everything else about opening one.
        let mut read = self.lock();
        if let Some(known) = read.templates.get(&pin.hash) {
            return Ok(Some(Arc::clone(known)));
        }
        let named = text(conn, pin)?.and_then(|body| read_released(&body));
        if let Some(template) = named.filter(|template| template.hash() == pin.hash) {
            read.keep(&template);
            return Ok(Some(template));
        }
        drop(read);
        // What a checklist is called is the server's business; what is in it is what was pinned.
        Ok(self.whole(conn)?.templates.get(&pin.hash).cloned())
    }

    /// Every checklist that is here, by title and revision.
    pub(crate) fn templates(&self, conn: &Connection) -> Result<Vec<Arc<Template>>, ClientError> {
        let mut templates: Vec<_> = self.whole(conn)?.templates.values().cloned().collect();
        templates.sort_by(|a, b| (&a.title, &a.revision).cmp(&(&b.title, &b.revision)));
        Ok(templates)
    }

    /// What was read, with every checklist of the store.
    fn whole(&self, conn: &Connection) -> Result<std::sync::MutexGuard<'_, Read>, ClientError> {
        let mut read = self.lock();
        if !read.whole {
            for body in rows::bodies(conn, RowKind::Template)? {
                if let Some(template) = read_released(&body) {
                    read.keep(&template);
                }
            }
            read.whole = true;
        }
        Ok(read)
    }

    /// The register of laws, and what of it the bureau has released.
    pub(crate) fn law(&self, conn: &Connection) -> Result<Law, ClientError> {
        let mut read = self.lock();
        if let Some(law) = &read.law {
            return Ok(law.clone());
        }
        let mut law = Law::default();
        for body in rows::bodies(conn, RowKind::Laws)? {
            match LawRegister::parse(&body) {
                Ok(register) => law.register = Some(Arc::new(register)),
                Err(error) => tracing::warn!(error = %error, "a register of laws cannot be read"),
            }
        }
        for body in rows::bodies(conn, RowKind::Released)? {
            match serde_json::from_str(&body) {
                Ok(released) => law.released = Arc::new(released),
                Err(error) => {
                    tracing::warn!(error = %error, "the list of released provisions cannot be read");
                }
            }
        }
        read.law = Some(law.clone());
        Ok(law)
    }

    /// New rows came: read again when next asked.
    pub(crate) fn forget(&self) {
        *self.lock() = Read::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks an answer against its item.
pub(crate) fn check_answer(template: &Template, item: &str, answer: &Answer) -> Result<(), ClientError> {
    let known =
        template.item(item).ok_or_else(|| ClientError::AnswerUnknownItem { item: item.to_owned() })?;
    check(known, answer).map_err(|source| ClientError::AnswerUnfit { item: item.to_owned(), source })
}

impl Law {
    /// Judges an answer by the law of the day on which it was given; without a register, what the officer stated counts.
    pub(crate) fn judge(&self, template: &Template, item: &str, answer: &Answer, at: Moment) -> Judgement {
        match (template.item(item), &self.register) {
            (Some(item), Some(register)) => judge(item, answer, register, &self.released, at.date_in_china()),
            _ => stated(answer),
        }
    }
}

/// What an answer states by itself.
fn stated(answer: &Answer) -> Judgement {
    let verdict = match answer {
        Answer::Conformity { result } => (*result).into(),
        Answer::NotApplicable { .. } => Verdict::NotApplicable,
        Answer::Number { result, .. } | Answer::Choice { result, .. } => {
            result.map_or(Verdict::NotDecided, Verdict::from)
        }
        Answer::Text { .. } | Answer::Date { .. } | Answer::Photo { .. } => Verdict::Recorded,
        Answer::Other(_) => Verdict::NotDecided,
    };
    Judgement { verdict, automatic: false, why: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_schema::data;
    use fieldproof_schema::migrations::DEVICE;

    #[test]
    fn a_pinned_checklist_is_read_alone_and_found_under_any_name() {
        let conn = Connection::open_in_memory().unwrap();
        DEVICE.iter().for_each(|migration| conn.execute_batch(migration.sql).unwrap());
        let mut released = data::checklists().iter().map(|(_, json)| Template::parse(json).unwrap());
        let (named, other) = (released.next().unwrap(), released.next().unwrap());
        let subject = format!("{}@{}", named.id, named.revision);
        for (template, subject) in [(&named, subject.as_str()), (&other, "elsewhere")] {
            rows::put(&conn, RowKind::Template.as_str(), subject, template.canonical().as_bytes()).unwrap();
        }
        let shelf = Shelf::default();
        assert_eq!(shelf.template(&conn, &named.pin()).unwrap().unwrap().hash(), named.hash());
        assert_eq!(shelf.lock().templates.len(), 1);
        assert_eq!(shelf.template(&conn, &other.pin()).unwrap().unwrap().hash(), other.hash());
        let gone = TemplatePin { hash: Digest::of(b"another"), ..named.pin() };
        assert!(shelf.template(&conn, &gone).unwrap().is_none());
    }
}
