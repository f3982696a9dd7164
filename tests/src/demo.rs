//! The demo: a working day with the product's own programs, over sockets, with stores on disk.
//!
//! Nothing is simulated: programs are started and killed, links are cut by closing a TCP proxy, photos are files. Each
//! step says what it checked; a step that finds something else than it should fails the demo by name.

pub mod api;
pub(crate) mod city;
mod desktop;
pub(crate) mod field;
pub(crate) mod leave;
pub(crate) mod office;
mod pictures;
pub mod process;

use crate::proxy::Proxy;
use api::{Api, Failure};
use fieldproof_presentation::texts::{Language, text};
use process::Service;
use std::future::Future;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What the demo was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Ends when the day is over; otherwise everything stays open.
    pub headless: bool,
    /// A new folder for everything that the day leaves behind.
    pub data: PathBuf,
    /// Where the pictures of the documentation go, when they are to be taken.
    pub pictures: Option<PathBuf>,
}

/// The day's cast and stage.
pub(crate) struct Day {
    /// Where everything is.
    data: PathBuf,
    /// Where the programs are.
    programs: PathBuf,
    pub(crate) server: Option<Service>,
    pub(crate) server_url: String,
    /// The link between terminals and server.
    pub(crate) link: Option<Proxy>,
    pub(crate) administrator: Option<Api>,
    pub(crate) supervisor: Option<Api>,
    /// What the two officers have to do; the first is what the day is about.
    pub(crate) tasks: Vec<city::Task>,
    pub(crate) terminals: Vec<field::Terminal>,
    shared: field::Shared,
    public_url: String,
}

/// Prints steps and remembers them.
struct Board<'a> {
    out: &'a mut dyn Write,
    steps: Vec<(String, Duration, String)>,
}

impl Board<'_> {
    /// Plays one step; what it returns is shown beside its name.
    async fn step<F>(&mut self, key: &str, step: F) -> Result<(), Failure>
    where
        F: Future<Output = Result<String, Failure>>,
    {
        let number = self.steps.len() + 1;
        let [chinese, english] = [Language::Chinese, Language::English].map(|l| text(l, key, &[]));
        writeln!(self.out, "{number:>2}  {chinese}  {english}")?;
        self.out.flush()?;
        let start = Instant::now();
        let result = step.await;
        let took = start.elapsed();
        match result {
            Ok(found) => {
                writeln!(self.out, "    {found}  [{:.2} s]", took.as_secs_f64())?;
                self.steps.push((chinese, took, found));
                Ok(())
            }
            Err(failure) => {
                writeln!(self.out, "    {failure}  [{:.2} s]", took.as_secs_f64())?;
                Err(format!("step {number} failed: {english}").into())
            }
        }
    }

    fn table(&mut self) -> io::Result<()> {
        writeln!(self.out)?;
        let mut total = Duration::ZERO;
        for (number, (name, took, found)) in self.steps.iter().enumerate() {
            total += *took;
            writeln!(self.out, "{:>2}  {:>7.2} s  {name}: {found}", number + 1, took.as_secs_f64())?;
        }
        writeln!(self.out, "    {:>7.2} s", total.as_secs_f64())
    }
}

/// Plays the day.
///
/// # Errors
/// The step that failed, by its number and name; what went wrong was printed before.
pub async fn play(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let mut day = Day::new(&options.data)?;
    steps(&mut day, out).await?;
    if let Some(folder) = &options.pictures {
        pictures::take(&day, folder).await?;
    }
    if options.headless {
        return day.end();
    }
    day.hand_over()?;
    day.show(out)?;
    desktop::open(&day.addresses());
    tokio::signal::ctrl_c().await?;
    day.end()
}

/// Plays all steps and prints a table of them.
pub(crate) async fn steps(day: &mut Day, out: &mut dyn Write) -> Result<(), Failure> {
    let mut board = Board { out, steps: Vec::new() };
    board.step("demo.step.server", city::start(day)).await?;
    board.step("demo.step.draw", city::draw(day)).await?;
    board.step("demo.step.enrol", field::enrol(day)).await?;
    board.step("demo.step.offline", field::work_offline(day)).await?;
    board.step("demo.step.kill", field::kill(day)).await?;
    board.step("demo.step.sync", field::converge(day)).await?;
    board.step("demo.step.conflict", office::decide(day)).await?;
    board.step("demo.step.seal", office::seal_and_review(day)).await?;
    board.step("demo.step.disclose", office::disclose(day)).await?;
    board.step("demo.step.leave", leave::work(day)).await?;
    Ok(board.table()?)
}

impl Day {
    /// A day that leaves everything behind in a new folder.
    pub(crate) fn new(data: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(data)?;
        Ok(Self {
            data: data.to_owned(),
            programs: process::programs()?,
            server: None,
            server_url: String::new(),
            link: None,
            administrator: None,
            supervisor: None,
            tasks: Vec::new(),
            terminals: Vec::new(),
            shared: field::Shared::default(),
            public_url: String::new(),
        })
    }

    /// Starts the server on its folder, where it listens this time.
    pub(crate) fn start_server(&mut self) -> Result<(), Failure> {
        let folder = self.data.join("server");
        let folder = folder.to_str().ok_or("the data folder's name is not UTF-8")?;
        let serve = ["serve", "--data", folder, "--listen", "127.0.0.1:0"];
        let server = Service::start(&self.program("fieldproof"), &serve, &self.data.join("server.log"))?;
        self.server_url = server.says("listening");
        for signed_in in [&mut self.administrator, &mut self.supervisor] {
            *signed_in = signed_in.as_ref().map(|api| api.at(&self.server_url));
        }
        self.server = Some(server);
        Ok(())
    }

    /// Where everything is.
    pub(crate) fn folder(&self) -> &Path {
        &self.data
    }

    fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    pub(crate) fn administrator(&self) -> Result<&Api, Failure> {
        self.administrator.as_ref().ok_or_else(|| "nobody signed in as administrator".into())
    }

    pub(crate) fn supervisor(&self) -> Result<&Api, Failure> {
        self.supervisor.as_ref().ok_or_else(|| "nobody signed in as supervisor".into())
    }

    fn task(&self) -> Result<&city::Task, Failure> {
        self.tasks.first().ok_or_else(|| "no task was dispatched".into())
    }

    pub(crate) fn link(&self) -> Result<&Proxy, Failure> {
        self.link.as_ref().ok_or_else(|| "there is no link".into())
    }

    /// Says where everything is that stays open.
    fn show(&self, out: &mut dyn Write) -> io::Result<()> {
        let both =
            |key| format!("{} {}", text(Language::Chinese, key, &[]), text(Language::English, key, &[]));
        writeln!(out, "\n{}\n", both("demo.open"))?;
        writeln!(out, "{}: {}/console", both("demo.open.console"), self.server_url)?;
        for (key, login) in
            [("demo.open.administrator", city::ADMINISTRATOR), ("demo.open.supervisor", city::SUPERVISOR)]
        {
            writeln!(out, "    {}: {login} / {}", both(key), city::PASSWORD)?;
        }
        writeln!(out, "{}: {}/", both("demo.open.public"), self.server_url)?;
        for terminal in &self.terminals {
            let (url, secret) = terminal.address();
            let label = both("demo.open.terminal");
            let name = &terminal.officer_name;
            writeln!(out, "{label} {name}: {url}/{secret}")?;
        }
        writeln!(out, "    {}: {}", both("demo.open.passphrase"), field::PASSPHRASE)?;
        writeln!(out, "{}: {}/api/v1/openapi.json", both("demo.open.api"), self.server_url)?;
        writeln!(out, "{}: {}", both("demo.open.data"), self.data.display())
    }

    /// Where everything begins that a person looks at.
    fn addresses(&self) -> Vec<String> {
        let terminals = self.terminals.iter().map(|terminal| {
            let (url, secret) = terminal.address();
            format!("{url}/{secret}")
        });
        [format!("{}/console", self.server_url), format!("{}/", self.server_url)]
            .into_iter()
            .chain(terminals)
            .collect()
    }

    /// From here on people act: terminals sync by themselves.
    fn hand_over(&mut self) -> Result<(), Failure> {
        self.terminals.iter_mut().try_for_each(field::Terminal::hand_over)
    }

    /// Stops everything as an operator would.
    fn end(mut self) -> Result<(), Failure> {
        for terminal in &mut self.terminals {
            terminal.stop()?;
        }
        if let Some(server) = &mut self.server {
            server.stop()?;
        }
        Ok(())
    }
}
