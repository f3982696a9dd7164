//! Steps 3 to 6: two officers, two terminals, no link, a dead battery, and everything together again.

use super::Day;
use super::api::{Api, Failure};
use super::city::Task;
use super::process::Service;
use crate::photo;
use fieldproof_schema::checklist::{Answer, Item, ItemKind, Outcome, Template};
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::suite::Digest;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// The passphrase of both officers.
pub const PASSPHRASE: &str = "demo-passphrase";
/// Enough for the kill to come while the next one is on its way.
const WRITES_BEFORE_THE_KILL: usize = 40;
/// The day says itself when a terminal syncs.
const NO_AUTO_SYNC: &str = "--no-auto-sync";
const NARRATIVE_ONE: &str = "上午检查公示情况、更衣室和泳池现场。";
const NARRATIVE_TWO: &str = "下午检查水处理机房和消毒记录。";

/// One terminal and the officer who holds it.
pub(crate) struct Terminal {
    program: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    pub(crate) service: Service,
    pub(crate) api: Api,
    /// As printed.
    pub(crate) officer_name: String,
}

/// What both terminals must show in the end.
#[derive(Default)]
pub(crate) struct Shared {
    answered: BTreeSet<String>,
    photos: Vec<(Digest, Vec<u8>)>,
    /// The item that terminal one answers again and again until it dies.
    rewritten: String,
    /// The item that both answered.
    pub(crate) contested: String,
}

impl Terminal {
    /// A terminal with a folder of its own.
    pub(crate) fn start(day: &Day, name: &str, officer_name: &str, server: &str) -> Result<Self, Failure> {
        let folder = day.data.join(name);
        let folder = folder.to_str().ok_or("the data folder's name is not UTF-8")?.to_owned();
        let arguments: Vec<String> =
            ["serve", "--data", &folder, "--server", server, "--listen", "127.0.0.1:0", NO_AUTO_SYNC]
                .map(str::to_owned)
                .into();
        let (program, log) = (day.program("fieldproof-terminal"), day.data.join(format!("{name}.log")));
        let (service, api) = open(&program, &arguments, &log)?;
        Ok(Self { program, arguments, log, service, api, officer_name: officer_name.to_owned() })
    }

    /// Makes it an officer's, with a one-time code. It has synced nothing yet.
    pub(crate) async fn enrol(&self, day: &Day, officer: OfficerId, name: &str) -> Result<(), Failure> {
        let path = format!("/api/v1/officers/{officer}/enrolment-codes");
        let code = day.administrator()?.post(&path, &json!({})).await?;
        let code = code["code"].as_str().ok_or("no enrolment code")?;
        let enrol = json!({"code": code, "device_name": name, "passphrase": PASSPHRASE});
        self.post("/api/v1/enrol", &enrol).await.map(drop)
    }

    /// Starts it again where it was stopped; locked, as it is after every start.
    pub(crate) fn restart(&mut self) -> Result<(), Failure> {
        (self.service, self.api) = open(&self.program, &self.arguments, &self.log)?;
        Ok(())
    }

    /// The officer gives the passphrase.
    pub(crate) async fn unlock(&self) -> Result<(), Failure> {
        self.post("/api/v1/unlock", &json!({"passphrase": PASSPHRASE})).await.map(drop)
    }

    /// Starts it again for somebody's hands: it syncs by itself.
    pub(crate) fn hand_over(&mut self) -> Result<(), Failure> {
        self.stop()?;
        self.arguments.retain(|argument| argument != NO_AUTO_SYNC);
        self.restart()
    }

    /// Where it listens, and its secret.
    pub(crate) fn address(&self) -> (String, String) {
        let (listening, open) = (self.service.says("listening"), self.service.says("open"));
        (listening, open.rsplit('/').next().unwrap_or_default().to_owned())
    }

    /// Stops it as an officer would.
    pub(crate) fn stop(&mut self) -> Result<(), Failure> {
        Ok(self.service.stop()?)
    }

    /// One sync, which must succeed.
    pub(crate) async fn sync(&self) -> Result<Value, Failure> {
        self.api.post("/api/v1/sync", &json!({})).await
    }

    /// A `POST` about the visit, which must succeed.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.api.post(path, body).await
    }

    /// A `PUT` about the visit, which must succeed.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.api.put(path, body).await
    }

    /// What the terminal shows about the visit.
    pub(crate) async fn detail(&self, day: &Day) -> Result<Value, Failure> {
        self.api.get(&visit(day)?).await
    }
}

fn open(program: &Path, arguments: &[String], log: &Path) -> Result<(Service, Api), Failure> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let service = Service::start(program, &arguments, log)?;
    let api = Api::new(&service.says("listening"))?.with_token(&service.says("secret"));
    Ok((service, api))
}

/// The address of the visit on a terminal.
pub(crate) fn visit(day: &Day) -> Result<String, Failure> {
    Ok(format!("/api/v1/inspections/{}", day.task()?.inspection))
}

fn item_path(day: &Day, what: &str, item: &str) -> Result<String, Failure> {
    Ok(format!("{}/{what}/{item}", visit(day)?))
}

/// Step 3: two terminals behind the link, each enrolled with a one-time code, both holding what they need.
pub(crate) async fn enrol(day: &mut Day) -> Result<String, Failure> {
    let server = format!("http://{}", day.link()?.addr());
    let team = day.task()?.team.clone();
    let mut shown = Vec::new();
    for ((officer, name), folder) in team.iter().zip(["terminal-1", "terminal-2"]) {
        let terminal = Terminal::start(day, folder, name, &server)?;
        terminal.enrol(day, *officer, folder).await?;
        terminal.sync().await?;
        let detail = terminal.detail(day).await?;
        if detail["task"].is_null() || detail["entity"].is_null() || detail["template_here"] != true {
            return Err(format!("{name}'s terminal lacks the task, the entity or the checklist").into());
        }
        let template = template(day.task()?, &terminal).await?;
        for reference in template.items.iter().flat_map(|item| &item.provisions) {
            terminal.api.get(&format!("/api/v1/provisions/{}", encode(&reference.provision))).await?;
        }
        shown.push(format!("{name} {}", terminal.address().0));
        day.terminals.push(terminal);
    }
    Ok(shown.join("; "))
}

/// Text inside an address.
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// The checklist of a task.
pub(crate) async fn template(task: &Task, terminal: &Terminal) -> Result<Template, Failure> {
    let path = format!("/api/v1/templates/{}/{}", task.template, task.revision);
    Ok(Template::parse_released(&terminal.api.get(&path).await?.to_string())?)
}

/// An answer that fits the item. Numbers with an upper bound are on it, others far above: both verdicts show at once.
pub(crate) fn answer(item: &Item) -> Option<Answer> {
    match &item.kind {
        ItemKind::Conformity { .. } => Some(Answer::Conformity { result: Outcome::Pass }),
        ItemKind::Number(number) => Some(Answer::Number {
            value: number.limit.as_ref().and_then(|l| l.bounds.max).or("9999".parse().ok())?,
            unit: number.unit.clone(),
            case: None,
            result: None,
        }),
        ItemKind::Choice { options, multiple: false, .. } => {
            Some(Answer::Choice { options: options.iter().take(1).cloned().collect(), result: None })
        }
        ItemKind::Text => Some(Answer::Text { text: "见现场记录".into() }),
        ItemKind::Choice { .. } | ItemKind::Date | ItemKind::Photo { .. } | ItemKind::Other(_) => None,
    }
}

/// Step 4: the link is cut; both work, and both answer one item.
pub(crate) async fn work_offline(day: &mut Day) -> Result<String, Failure> {
    day.link()?.close_link().await;
    let [one, two] = terminals(day)?;
    let offline = one.api.send(Method::POST, "/api/v1/sync", "application/json", b"{}".to_vec()).await?;
    if offline.body["code"] != "offline" {
        return Err(format!("a sync without a link was answered with {}", offline.body).into());
    }
    let template = template(day.task()?, one).await?;
    let answers: Vec<_> = template
        .items
        .iter()
        .filter(|item| item.condition.is_none())
        .filter_map(|item| Some((item.clone(), answer(item)?)))
        .collect();
    let contested = answers.iter().position(|(item, _)| matches!(item.kind, ItemKind::Conformity { .. }));
    let contested = contested.ok_or("the checklist has no item to disagree about")?;
    let plain = |(n, (item, _)): &(usize, &(Item, Answer))| {
        *n != contested && matches!(item.kind, ItemKind::Conformity { .. })
    };
    let rewritten = answers.iter().enumerate().find(plain).ok_or("the checklist has too few plain items")?;
    let mut shared = Shared {
        contested: answers[contested].0.id.clone(),
        rewritten: rewritten.1.0.id.clone(),
        ..Shared::default()
    };
    let (mut judged, mut above) = (0, 0);
    for (n, (item, answer)) in answers.iter().enumerate().filter(|(n, _)| *n != contested) {
        let terminal = if n < answers.len() / 2 { one } else { two };
        let path = item_path(day, "answers", &item.id)?;
        let judgement = terminal.put(&path, &json!({ "answer": answer })).await?;
        let comparison = judgement["judgement"]["reading"]["comparison"].as_str();
        judged += usize::from(comparison.is_some());
        above += usize::from(comparison == Some("above"));
        shared.answered.insert(item.id.clone());
    }
    let path = item_path(day, "answers", &shared.contested)?;
    for (terminal, result) in [(one, Outcome::Pass), (two, Outcome::Fail)] {
        terminal.put(&path, &json!({"answer": Answer::Conformity { result }})).await?;
    }
    shared.answered.insert(shared.contested.clone());
    if template.items.iter().any(|item| item.limit().is_some()) && judged == 0 {
        return Err("no measurement was judged by its limit".into());
    }
    one.put(&format!("{}/narrative", visit(day)?), &json!({"text": NARRATIVE_ONE})).await?;
    two.put(&format!("{}/narrative", visit(day)?), &json!({"text": NARRATIVE_TWO})).await?;
    for (seed, caption) in [(1, "pool"), (2, "meter")] {
        let photo = photo::jpeg(seed, Some(caption), 1600, 1200);
        let path = format!(
            "{}/evidence?kind=photo&item={}&caption={caption}",
            visit(day)?,
            encode(&shared.contested)
        );
        let taken = one.api.send(Method::POST, &path, "image/jpeg", photo.clone()).await?;
        if !taken.status.is_success() {
            return Err(format!("a photo was not taken: {}", taken.body).into());
        }
        shared.photos.push((Digest::of(&photo), photo));
    }
    let summary =
        format!("{} answers, {judged} judged by a limit ({above} above it), 2 photos", shared.answered.len());
    day.shared = shared;
    Ok(summary)
}

/// Both terminals.
pub(crate) fn terminals(day: &Day) -> Result<[&Terminal; 2], Failure> {
    match day.terminals.as_slice() {
        [one, two] => Ok([one, two]),
        _ => Err("there are not two terminals".into()),
    }
}

/// Step 5: terminal one loses power in the middle of an answer.
pub(crate) async fn kill(day: &mut Day) -> Result<String, Failure> {
    let before = terminals(day)?[0].detail(day).await?;
    let item = day.shared.rewritten.clone();
    let (answer, note) = (item_path(day, "answers", &item)?, item_path(day, "notes", &item)?);
    let api = terminals(day)?[0].api.clone();
    let (tell, mut told) = mpsc::unbounded_channel();
    let writing = tokio::spawn(async move {
        // Answers and counts until the terminal dies; remembers what was confirmed.
        let mut confirmed = 0_usize;
        loop {
            let result = if confirmed.is_multiple_of(2) { Outcome::Fail } else { Outcome::Pass };
            let answered = api.put(&answer, &json!({"answer": Answer::Conformity { result }})).await;
            let noted = api.put(&note, &json!({"text": format!("note {}", confirmed + 1)})).await;
            if answered.is_err() || noted.is_err() {
                return confirmed;
            }
            confirmed += 1;
            tell.send(()).ok();
        }
    });
    for _ in 0..WRITES_BEFORE_THE_KILL {
        told.recv().await.ok_or("the terminal stopped answering by itself")?;
    }
    day.terminals[0].service.kill()?;
    let confirmed = writing.await?;
    day.terminals[0].restart()?;
    day.terminals[0].unlock().await?;
    let mut after = terminals(day)?[0].detail(day).await?;
    let note = after["view"]["notes"][&item].as_str().unwrap_or_default().to_owned();
    let found: usize = note.strip_prefix("note ").and_then(|n| n.parse().ok()).unwrap_or(0);
    if found != confirmed && found != confirmed + 1 {
        return Err(format!("{confirmed} answers were confirmed, but {found} stands").into());
    }
    // All but the answer that was being written is as it was.
    after["view"]["answers"][&item] = before["view"]["answers"][&item].clone();
    if after["view"]["answers"] != before["view"]["answers"] || after["evidence"] != before["evidence"] {
        return Err("answers or evidence changed by the kill".into());
    }
    Ok(format!("SIGKILL after {confirmed} confirmed answers; number {found} stands, nothing is missing"))
}

/// Step 6: the link is back, and everybody has everything.
pub(crate) async fn converge(day: &mut Day) -> Result<String, Failure> {
    day.link()?.open_link().await?;
    let [one, two] = terminals(day)?;
    let mut bytes = 0;
    for terminal in [one, two, one, two] {
        bytes += terminal.sync().await?["bytes_sent"].as_u64().unwrap_or(0);
    }
    let (here, there) = (one.detail(day).await?, two.detail(day).await?);
    let same = here["view"] == there["view"] && here["heads"] == there["heads"];
    let narrative = here["view"]["narrative"].as_str().unwrap_or_default();
    let answered: BTreeSet<String> =
        here["view"]["answers"].as_object().map(|a| a.keys().cloned().collect()).unwrap_or_default();
    if !same {
        return Err("the terminals do not show the same".into());
    }
    if !narrative.contains(NARRATIVE_ONE) || !narrative.contains(NARRATIVE_TWO) {
        return Err(format!("the narrative lacks an officer's words: {narrative}").into());
    }
    if answered != day.shared.answered {
        return Err("an answer is missing".into());
    }
    let open = day.administrator()?.get("/api/v1/conflicts").await?;
    let conflict = &open["conflicts"][0]["id"];
    let alike = [&here, &there].iter().all(|d| &d["conflicts"][0]["id"] == conflict);
    if !conflict.is_string() || !alike {
        return Err("terminals and server do not name the same conflict".into());
    }
    for (digest, photo) in &day.shared.photos {
        if &day.supervisor()?.bytes(&format!("/api/v1/evidence/{digest}")).await? != photo {
            return Err(format!("photo {digest} is not on the server as it was taken").into());
        }
    }
    let (answers, photos) = (answered.len(), day.shared.photos.len());
    Ok(format!(
        "{answers} answers, both narratives, {photos} photos by their hash, 1 conflict; {bytes} bytes up"
    ))
}
