//! Where people act in a browser: the product's own programs with the sample city, a dispatched draw and two enrolled
//! terminals, as the demo starts them. The server can be stopped and comes back, terminals can lose power.

use crate::demo::api::{Api, Failure};
use crate::demo::process::Service;
use crate::demo::{self, Day, city, field, office};
use crate::workspace;
use fieldproof_schema::ids::{InspectionId, OfficerId};
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

pub use crate::demo::city::{ADMINISTRATOR, PASSWORD, SUPERVISOR};
pub use crate::demo::field::PASSPHRASE;

/// A stage of its own for one story. Dropping it ends its programs.
pub struct Stage {
    pub(crate) day: Day,
    folder: TempDir,
}

impl Stage {
    /// Sets it up.
    ///
    /// # Panics
    /// When it does not come about, as every act on it.
    pub async fn open() -> Self {
        Self::set_up(async |day| {
            city::start(day).await?;
            city::draw(day).await?;
            field::enrol(day).await
        })
        .await
    }

    /// Sets it up and plays the demo's day on it: there is something of everything.
    ///
    /// # Panics
    /// When a step fails.
    pub async fn after_the_day() -> Self {
        Self::set_up(async |day| demo::steps(day, &mut io::sink()).await).await
    }

    /// Sets it up without anything: a bureau with one administrator, who has imported nothing, and no terminal.
    ///
    /// # Panics
    /// When it does not come about.
    pub async fn bare() -> Self {
        Self::set_up(async |day| city::found(day).await).await
    }

    async fn set_up<T>(play: impl AsyncFnOnce(&mut Day) -> Result<T, Failure>) -> Self {
        build();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut day = Day::new(&folder.path().join("day")).expect("a folder for the day");
        done(play(&mut day).await);
        Self { day, folder }
    }

    /// Starts a terminal that is nobody's yet; its address.
    pub fn blank_terminal(&mut self) -> String {
        let server = self.server();
        let terminal = done(field::Terminal::start(&self.day, "blank", "", &server));
        self.day.terminals.push(terminal);
        self.terminal(self.day.terminals.len() - 1)
    }

    /// Starts another terminal of the first officer, which has not synced yet; its address.
    pub async fn unsynced_terminal(&mut self) -> String {
        let address = self.blank_terminal();
        let (officer, _) = self.day.tasks[0].team[0];
        let terminal = self.day.terminals.last().expect("it was just started");
        done(terminal.enrol(&self.day, officer, "unsynced").await);
        address
    }

    /// Names two custodians of the first officer's terminal: her colleague, and an officer who gets a terminal for it. Which
    /// terminals they have.
    pub async fn name_custodians(&mut self) -> [usize; 2] {
        let address = self.blank_terminal();
        let third = self.day.terminals.len() - 1;
        let team: Vec<OfficerId> = self.day.tasks[0].team.iter().map(|(officer, _)| *officer).collect();
        let named = async {
            let listed = self.administrator().get("/api/v1/officers").await?;
            let ids = listed["rows"].as_array().into_iter().flatten().filter(|row| row["active"] == true);
            let mut ids = ids.filter_map(|row| row["id"].as_str()?.parse::<OfficerId>().ok());
            let other = ids.find(|id| !team.contains(id)).ok_or("nobody else is in service")?;
            self.day.terminals[third].enrol(&self.day, other, &address).await?;
            let user = json!({"login": "guanli2", "name": "管理员丙（虚构）", "role": "administrator", "unit": "ORG-C", "password": PASSWORD});
            self.administrator().post("/api/v1/users", &user).await?;
            let signed_in = json!({"login": "guanli2", "password": PASSWORD});
            let session = Api::new(&self.server())?.post("/api/v1/session", &signed_in).await?;
            let second = Api::new(&self.server())?.with_token(session["token"].as_str().ok_or("no session")?);
            for (officer, terminal) in [(team[1], 1), (other, third)] {
                self.day.terminals[terminal].sync().await?;
                let proposed = json!({"officer": officer, "unit": "ORG-C"});
                self.administrator().post("/api/v1/custodians", &proposed).await?;
                second.post(&format!("/api/v1/custodians/{officer}/confirm"), &json!({})).await?;
            }
            Ok::<_, Failure>(())
        };
        done(named.await);
        [1, third]
    }

    /// A one-time code for the officer of a terminal.
    pub async fn code_for(&self, which: usize) -> String {
        let (officer, _) = &self.day.tasks[0].team[which];
        let path = format!("/api/v1/officers/{officer}/enrolment-codes");
        let code = done(self.administrator().post(&path, &json!({})).await);
        code["code"].as_str().expect("a code").to_owned()
    }

    /// A folder for what a story needs besides.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The server's data.
    pub(crate) fn server_folder(&self) -> PathBuf {
        self.day.folder().join("server")
    }

    /// Where the server is reached, also after it was away.
    pub fn server(&self) -> String {
        format!("http://{}", done(self.day.link()).addr())
    }

    /// The address with which a terminal is opened.
    pub fn terminal(&self, which: usize) -> String {
        let (address, secret) = self.day.terminals[which].address();
        format!("{address}/{secret}")
    }

    /// A terminal's JSON service.
    pub fn terminal_api(&self, which: usize) -> &Api {
        &self.day.terminals[which].api
    }

    /// The administrator's JSON interface.
    pub fn administrator(&self) -> &Api {
        done(self.day.administrator())
    }

    /// The supervisor's JSON interface.
    pub fn supervisor(&self) -> &Api {
        done(self.day.supervisor())
    }

    /// The name of the officer of a terminal.
    pub fn officer(&self, which: usize) -> &str {
        &self.day.terminals[which].officer_name
    }

    /// How many visits the two officers have.
    pub fn visits(&self) -> usize {
        self.day.tasks.len()
    }

    /// A visit of the two officers.
    pub fn visit(&self, which: usize) -> InspectionId {
        self.day.tasks[which].inspection
    }

    /// Whom a visit is to.
    pub fn entity(&self, which: usize) -> &str {
        &self.day.tasks[which].entity
    }

    /// Stops the server; from then on connections are refused.
    pub async fn stop_server(&mut self) {
        if let Some(mut server) = self.day.server.take() {
            done(server.stop());
        }
        done(self.day.link()).close_link().await;
    }

    /// Kills the server; from then on connections are refused.
    pub(crate) async fn kill_server(&mut self) {
        if let Some(mut server) = self.day.server.take() {
            done(server.kill());
        }
        done(self.day.link()).close_link().await;
    }

    /// Starts the server again. It is reached as before.
    pub async fn start_server(&mut self) {
        done(self.day.start_server());
        let upstream = self.day.server_url.trim_start_matches("http://").parse();
        let link = done(self.day.link());
        link.turn_to(upstream.expect("an address"));
        done(link.open_link().await);
    }

    /// Takes a terminal's power away and gives it back; it listens elsewhere then.
    pub fn cut_power(&mut self, which: usize) {
        let terminal = &mut self.day.terminals[which];
        done(terminal.service.kill());
        done(terminal.restart());
    }

    /// Has the officers answer a return: a note by one, signed by both.
    pub async fn supplement(&self, which: usize) {
        let task = &self.day.tasks[which];
        let result = async {
            office::sync_all(&self.day).await?;
            let narrative = json!({"text": "已按要求补充。"});
            self.terminal_api(0).put(&format!("{}/narrative", task.path()), &narrative).await?;
            office::sync_all(&self.day).await?;
            office::seal(&self.day, &task.path(), 0, Some("已补充")).await
        };
        done(result.await);
    }

    /// Has an officer write into a visit after she was taken off its team: what she wrote is held apart.
    pub async fn leave_apart(&self, which: usize) {
        let task = &self.day.tasks[which];
        let result = async {
            let database = rusqlite::Connection::open(self.folder.path().join("day/server/fieldproof.db"))?;
            let names = [task.inspection.to_string(), task.team[1].0.to_string()];
            let taken = database.execute(
                "DELETE FROM inspection_officers WHERE inspection = ?1 AND officer = ?2",
                rusqlite::params_from_iter(&names),
            )?;
            let narrative = json!({"text": "离开小组之后补写的检查情况。"});
            self.terminal_api(1).put(&format!("{}/narrative", task.path()), &narrative).await?;
            self.day.terminals[1].sync().await?;
            if taken == 1 { Ok::<_, Failure>(()) } else { Err("nobody was taken off".into()) }
        };
        done(result.await);
    }

    /// Takes an officer off a visit while her photo of it is on its way: it is here, and in other hands. Until [`Self::mend_link`]
    /// the way carries rounds and no originals, whoever syncs: the terminal does so by itself, too.
    pub async fn reassign_half_sent(&self, terminal: usize, which: usize) {
        let task = &self.day.tasks[which];
        let result = async {
            let link = self.day.link()?;
            link.close_link().await;
            let administrator = self.administrator();
            let officers = administrator.get("/api/v1/officers").await?;
            let mut others = officers["rows"].as_array().into_iter().flatten().filter(|row| {
                row["active"] != false && task.team.iter().all(|(id, _)| row["id"] != id.to_string())
            });
            let joiner = others.next().ok_or("no officer of another team")?["id"].clone();
            let team = format!("{}/team", task.path());
            for (officer, change) in [(joiner, "joins"), (task.team[terminal].0.to_string().into(), "leaves")]
            {
                let body = json!({"officer": officer, "change": change, "reason": "抽调支援"});
                administrator.post(&team, &body).await?;
            }
            let photo = crate::photo::jpeg(9, Some("gate"), 3200, 2400);
            let path = format!("{}/evidence?kind=photo&caption=gate", task.path());
            self.terminal_api(terminal).send(reqwest::Method::POST, &path, "image/jpeg", photo).await?;
            link.cut_each_after(Some(48 * 1024));
            link.open_link().await?;
            let cut = self.day.terminals[terminal].sync().await;
            match cut {
                Err(_) => Ok::<_, Failure>(()),
                Ok(report) => Err(format!("the sync was not cut: {report}").into()),
            }
        };
        done(result.await);
    }

    /// Lets everything pass again.
    pub async fn mend_link(&self) {
        let link = done(self.day.link());
        link.cut_each_after(None);
        // What is open would still be cut.
        link.close_link().await;
        done(link.open_link().await);
    }

    /// Has an officer write into a visit and export it, without a sync: where the file is.
    pub async fn export(&self, terminal: usize, which: usize, text: &str) -> PathBuf {
        let path = self.day.tasks[which].path();
        let file = self.folder().join(format!("exported-{terminal}-{which}.zip"));
        let result = async {
            let narrative = json!({"text": text});
            self.terminal_api(terminal).put(&format!("{path}/narrative"), &narrative).await?;
            let wanted = format!("{path}/package?originals=true");
            let package = self.terminal_api(terminal).bytes_by(reqwest::Method::POST, &wanted).await?;
            Ok::<_, Failure>(std::fs::write(&file, package)?)
        };
        done(result.await);
        file
    }

    /// Revokes a terminal; it hears of it at its next sync.
    pub async fn revoke(&self, terminal: usize) {
        self.revoke_unheard(terminal).await;
        self.sync(terminal).await;
    }

    /// Revokes a terminal that does not hear of it.
    pub async fn revoke_unheard(&self, terminal: usize) {
        let result = async {
            let status = self.terminal_api(terminal).get("/api/v1/status").await?;
            let device = status["enrolled"]["device"].as_str().ok_or("the terminal is nobody's")?.to_owned();
            let reason = json!({"reason": "终端遗失"});
            self.administrator().post(&format!("/api/v1/devices/{device}/revoke"), &reason).await
        };
        done(result.await);
    }

    /// Has an officer propose a correction of the directory, and sync.
    pub async fn propose(&self, terminal: usize, which: usize, field: &str, value: &str) {
        let path = format!("{}/proposals", self.day.tasks[which].path());
        let body = json!({"field": field, "value": value, "reason": "现场核对门牌和营业执照。"});
        done(self.terminal_api(terminal).post(&path, &body).await);
        self.sync(terminal).await;
    }

    /// Has an officer register a paper form, with a number of the terminal's or with one that stands on the paper, and sync.
    pub async fn register(&self, terminal: usize, which: usize, form: &str, serial: Option<u32>) {
        let path = format!("{}/papers", self.day.tasks[which].path());
        let body = json!({"form": form, "category": "公", "note": "一式两份", "serial": serial});
        done(self.terminal_api(terminal).post(&path, &body).await);
        self.sync(terminal).await;
    }

    /// The server's process.
    pub(crate) fn server_process(&self) -> &Service {
        self.day.server.as_ref().expect("the server runs")
    }

    /// A terminal's process.
    pub(crate) fn terminal_process(&self, which: usize) -> &Service {
        &self.day.terminals[which].service
    }

    /// Syncs a terminal.
    pub async fn sync(&self, which: usize) {
        done(self.day.terminals[which].sync().await);
    }
}

/// A program of the workspace, built.
///
/// # Panics
/// When it cannot be built.
pub fn program(name: &str) -> PathBuf {
    build();
    done(demo::process::programs()).join(name)
}

/// Builds the programs that the tests start, once: whoever runs a single test has built only that.
pub(crate) fn build() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut command = workspace::cargo(workspace::root());
        command.args(["build", "--quiet", "--workspace", "--bins"]);
        // What is measured is what is shipped.
        let command = if cfg!(debug_assertions) { &mut command } else { command.arg("--release") };
        let status = command.status();
        assert!(status.is_ok_and(|status| status.success()), "the programs can be built");
    });
}

fn done<T>(result: Result<T, impl Into<Failure>>) -> T {
    result.unwrap_or_else(|error| panic!("{}", error.into()))
}
