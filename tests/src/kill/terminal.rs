//! A terminal is killed while its officer works and it syncs.

use super::moment::{Pulse, answers, staged};
use super::{Chance, Tally};
use crate::crash::Failure;
use crate::demo::api::Api;
use crate::stage::Stage;
use fieldproof_schema::checklist::{Answer, Item, ItemKind, Outcome, Template};
use fieldproof_schema::suite::Digest;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// The terminal that is killed.
const WHICH: usize = 0;
/// Answers before the kill, at most.
const ANSWERS_MAX: u64 = 12;
/// Moments between the last of them and the kill, at most.
const BEATS_MAX: u64 = 24;
/// In one cycle of so many an original is on its way that takes several parts.
const LARGE_EVERY: u64 = 3;
/// Bytes of such an original.
const LARGE_BYTES: usize = 5 * 1024 * 1024 + 7;
/// Bytes of others, at most.
const SMALL_BYTES_MAX: u64 = 200 * 1024;
/// What a sync sends besides originals, at most.
const WITHOUT_ORIGINALS: u64 = 256 * 1024;

/// What the terminal answered for.
#[derive(Default)]
struct Known {
    /// What stands where.
    stands: BTreeMap<Place, String>,
    /// What was asked for and not answered: it may stand.
    asked: Option<(Place, String)>,
    /// Captures by their record.
    captures: BTreeMap<String, Digest>,
    answered: u64,
    /// How many changes that makes, at least.
    changes: u64,
}

/// Where in the view something stands.
type Place = (&'static str, String);

/// What the officer does.
enum Act {
    Answer(String, Outcome),
    Note(String, String),
    Narrative(String),
    Capture(Vec<u8>),
}

impl Act {
    fn draw(chance: &mut Chance, items: &[String]) -> Self {
        let item = items[chance.below(items.len() as u64) as usize].clone();
        let words = format!("第{}笔。", chance.below(u64::MAX));
        match chance.below(8) {
            0..=2 => Self::Answer(item, if chance.below(2) == 0 { Outcome::Pass } else { Outcome::Fail }),
            3..=5 => Self::Note(item, words),
            6 => Self::Narrative(words),
            _ => {
                let bytes = chance.below(SMALL_BYTES_MAX) as usize;
                Self::Capture(chance.photo(bytes))
            }
        }
    }

    /// What stands where when it is done.
    fn leaves(&self) -> Option<(Place, String)> {
        match self {
            Self::Answer(item, result) => {
                let register = Answer::Conformity { result: *result }.to_register();
                Some((("answers", item.clone()), register))
            }
            Self::Note(item, text) => Some((("notes", item.clone()), text.clone())),
            Self::Narrative(text) => Some((("narrative", String::new()), text.clone())),
            Self::Capture(_) => None,
        }
    }

    /// Does it; the record of a capture.
    async fn play(&self, api: &Api, visit: &str) -> Result<Option<String>, Failure> {
        match self {
            Self::Answer(item, result) => {
                let body = json!({"answer": Answer::Conformity { result: *result }});
                api.put(&format!("{visit}/answers/{item}"), &body).await.map(|_| None)
            }
            Self::Note(item, text) => {
                api.put(&format!("{visit}/notes/{item}"), &json!({"text": text})).await.map(|_| None)
            }
            Self::Narrative(text) => {
                api.put(&format!("{visit}/narrative"), &json!({"text": text})).await.map(|_| None)
            }
            Self::Capture(bytes) => {
                let path = format!("{visit}/evidence?kind=photo");
                let taken = api.send(Method::POST, &path, "image/jpeg", bytes.clone()).await?;
                if !taken.status.is_success() {
                    return Err(format!("a capture was refused: {}", taken.body).into());
                }
                let record = taken.body["record"].as_str().ok_or("a capture without a record")?;
                Ok(Some(record.to_owned()))
            }
        }
    }
}

/// The officer and what she was told.
#[derive(Clone)]
struct Officer {
    visit: String,
    items: Vec<String>,
    /// What the server calls the terminal.
    device: String,
    known: Arc<Mutex<Known>>,
}

/// Kills the terminal so many times.
pub(super) async fn kill(stage: &mut Stage, cycles: u64, mut chance: Chance) -> Result<Tally, Failure> {
    let officer = Officer::at(stage).await?;
    let mut tally = Tally::default();
    for cycle in 0..cycles {
        officer.live(stage, &mut chance, cycle % LARGE_EVERY == LARGE_EVERY - 1).await?;
        stage.day.terminals[WHICH].restart()?;
        stage.day.terminals[WHICH].unlock().await?;
        stage.day.terminals[WHICH].unlock().await?;
        tally.cycles += 1;
        officer.look(stage, &mut tally).await?;
        // At times what is not sent waits for longer than one life.
        if chance.below(2) == 0 {
            officer.sync(stage, &mut tally).await?;
        }
    }
    officer.sync(stage, &mut tally).await?;
    officer.compare(stage, &mut tally).await?;
    tally.answered = officer.with(|known| known.answered);
    let mut forgetful = Tally::default();
    officer.live(stage, &mut chance, false).await?;
    fs::remove_file(log(stage))?;
    stage.day.terminals[WHICH].restart()?;
    stage.day.terminals[WHICH].unlock().await?;
    officer.look(stage, &mut forgetful).await?;
    tally.teeth = forgetful.lost.len();
    Ok(tally)
}

/// The log of the terminal's database.
fn log(stage: &Stage) -> PathBuf {
    stage.day.folder().join("terminal-1").join("store.db-wal")
}

impl Officer {
    async fn at(stage: &Stage) -> Result<Self, Failure> {
        let (task, api) = (&stage.day.tasks[0], stage.terminal_api(WHICH));
        let path = format!("/api/v1/templates/{}/{}", task.template, task.revision);
        let template = Template::parse_released(&api.get(&path).await?.to_string())?;
        let plain =
            |item: &&Item| matches!(item.kind, ItemKind::Conformity { .. }) && item.condition.is_none();
        let items = template.items.iter().filter(plain).map(|item| item.id.clone()).collect();
        let status = api.get("/api/v1/status").await?;
        let device = status["enrolled"]["device"].as_str().ok_or("the terminal is nobody's")?.to_owned();
        Ok(Self { visit: task.path(), items, device, known: Arc::default() })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        act(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does something and remembers what the terminal said to it.
    async fn act(&self, api: &Api, act: &Act) -> Result<(), Failure> {
        self.with(|known| known.asked = act.leaves());
        let record = act.play(api, &self.visit).await?;
        self.with(|known| {
            known.answered += 1;
            // An answer that stands already makes no change.
            known.changes += u64::from(!matches!(act, Act::Answer(..)));
            known.stands.extend(known.asked.take());
            if let (Some(record), Act::Capture(bytes)) = (record, act) {
                known.captures.insert(record, Digest::of(bytes));
            }
        });
        Ok(())
    }

    /// Works until the terminal answers no more, and says why. A sync sends originals when it has nothing else to say: who
    /// waits for that lays the terminal aside after so many acts.
    async fn work(
        self,
        api: Api,
        mut chance: Chance,
        acts: Option<u64>,
        tell: mpsc::UnboundedSender<()>,
    ) -> Failure {
        let mut left = acts;
        loop {
            if left == Some(0) {
                return std::future::pending().await;
            }
            left = left.map(|left| left - 1);
            if let Err(why) = self.act(&api, &Act::draw(&mut chance, &self.items)).await {
                return why;
            }
            tell.send(()).ok();
        }
    }

    /// Works and syncs until the terminal is killed.
    async fn live(&self, stage: &mut Stage, chance: &mut Chance, large: bool) -> Result<(), Failure> {
        let api = stage.terminal_api(WHICH).clone();
        if large {
            self.act(&api, &Act::Capture(chance.photo(LARGE_BYTES))).await?;
        }
        let server = stage.server_folder();
        let link = stage.day.link()?;
        let up = || link.bytes_up();
        let begun = up();
        let pulse = Pulse { log: log(stage), link: &|| link.bytes_up() + link.bytes_down() };
        let (tell, mut told) = mpsc::unbounded_channel();
        let acts = 1 + chance.below(ANSWERS_MAX);
        let work = self.clone().work(api.clone(), chance.another(), large.then_some(acts), tell);
        let working = tokio::spawn(work);
        let syncing = tokio::spawn(async move {
            loop {
                if let Err(why) = api.post("/api/v1/sync", &json!({})).await {
                    return why;
                }
            }
        });
        if !answers(&mut told, acts).await {
            return Err(working.await?);
        }
        let works = || !working.is_finished() && !syncing.is_finished();
        if large {
            let begins = || staged(&server, &self.device) == 0 && up() < begun + LARGE_BYTES as u64;
            pulse.beats(u64::MAX, || works() && begins()).await;
        }
        pulse.beats(chance.below(BEATS_MAX), works).await;
        let early = !works();
        stage.day.terminals[WHICH].service.kill()?;
        let sync = syncing.await?;
        if early {
            return Err(format!("the terminal refused something before the kill: {sync}").into());
        }
        if large {
            working.abort();
        } else {
            drop(working.await?);
        }
        Ok(())
    }

    /// Whether all that was answered for is there.
    async fn look(&self, stage: &Stage, tally: &mut Tally) -> Result<(), Failure> {
        let api = stage.terminal_api(WHICH);
        let cycle = tally.cycles;
        let mut miss = |what: String| tally.lost.push(format!("after kill {cycle}: {what}"));
        let found = api.get("/api/v1/verify").await?;
        for fault in found["faults"].as_array().into_iter().flatten() {
            miss(fault.to_string());
        }
        let detail = api.get(&self.visit).await?;
        let history = api.get(&format!("{}/history", self.visit)).await?;
        let changes = history["changes"].as_array().map_or(0, Vec::len) as u64;
        self.with(|known| {
            let asked = known.asked.take();
            for (place, text) in &known.stands {
                let stands = standing(&detail["view"], place);
                let may = asked.as_ref().is_some_and(|(at, text)| at == place && stands == text);
                if stands != text && !may {
                    miss(format!("{place:?} is {stands:?} and not {text:?}"));
                }
            }
            if let Some((place, text)) = asked
                && standing(&detail["view"], &place) == text
            {
                known.stands.insert(place, text);
            }
            for (record, digest) in &known.captures {
                let mut evidence = detail["evidence"].as_array().into_iter().flatten();
                let is = |held: &Value| held["record"] == **record && held["digest"] == digest.to_string();
                if !evidence.any(is) {
                    miss(format!("capture {record} of {digest}"));
                }
            }
            if changes < known.changes {
                miss(format!("{changes} changes instead of {}", known.changes));
            }
        });
        Ok(())
    }

    /// Syncs, which must succeed, and goes on where the server stands with each original.
    async fn sync(&self, stage: &Stage, tally: &mut Tally) -> Result<(), Failure> {
        let api = stage.terminal_api(WHICH);
        let unsent = api.get("/api/v1/status").await?["unsent"]["evidence_bytes"].as_u64().unwrap_or(0);
        let staged = staged(&stage.server_folder(), &self.device);
        let report = api.post("/api/v1/sync", &json!({})).await?;
        let sent = report["bytes_sent"].as_u64().unwrap_or(u64::MAX);
        tally.resumed += u64::from(staged > 0);
        if sent > unsent.saturating_sub(staged) + WITHOUT_ORIGINALS {
            let cycle = tally.cycles;
            tally.lost.push(format!("after kill {cycle}: sent {sent} where {staged} of {unsent} were there"));
        }
        Ok(())
    }

    /// Whether a colleague's terminal and the server have it all.
    async fn compare(&self, stage: &Stage, tally: &mut Tally) -> Result<(), Failure> {
        stage.sync(1 - WHICH).await;
        let (one, two) = (stage.terminal_api(WHICH), stage.terminal_api(1 - WHICH));
        let (here, there) = (one.get(&self.visit).await?, two.get(&self.visit).await?);
        if here["view"] != there["view"] || here["heads"] != there["heads"] {
            tally.lost.push("the terminals show different things in the end".to_owned());
        }
        let status = one.get("/api/v1/status").await?;
        if ["entries", "changes", "evidence"].iter().any(|what| status["unsent"][what] != 0) {
            tally.lost.push(format!("not all was sent in the end: {status}"));
        }
        for digest in self.with(|known| known.captures.values().copied().collect::<Vec<_>>()) {
            let held = stage.supervisor().bytes(&format!("/api/v1/evidence/{digest}")).await;
            if held.map(|bytes| Digest::of(&bytes)).ok() != Some(digest) {
                tally.lost.push(format!("the server has not got original {digest}"));
            }
        }
        Ok(())
    }
}

/// What stands at a place of a view; nothing where it is empty.
fn standing<'a>(view: &'a Value, (part, item): &Place) -> &'a str {
    let standing = match *part {
        "answers" => &view["answers"][item]["value"],
        "notes" => &view["notes"][item],
        part => &view[part],
    };
    standing.as_str().unwrap_or_default()
}
