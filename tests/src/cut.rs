//! The link between the real HTTP client and the real accept loop is cut at any byte of what goes over it, either way.
//!
//! A terminal writes something and syncs over a link that is cut; the next sync, over a whole one, must bring both sides to
//! the same end: everything is there once, in the record and with its receipt.

pub mod cli;
mod many;

use crate::crash::{Failure, is_small};
use crate::proxy::Proxy;
use crate::world::World;
use crate::world::device::Device;
use fieldproof_client_core::{CaptureFacts, CaptureSource, HttpTransport, SyncReport, Timeouts};
use fieldproof_presentation::http::{self, Limits};
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::limits::DEVICE_SESSION_SECONDS;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_server::db::{DbError, Tx, Value};
use fieldproof_server::documents;
use fieldproof_server::store::changes;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::{fmt, fs};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Bytes of the original that goes with each exchange: one part.
const SMALL_BYTES: usize = 600;
/// Bytes of the originals that are cut at random: several parts.
const LARGE_BYTES: usize = 2 * 1024 * 1024 + 321;
/// What a sync sends besides originals, at most.
const WITHOUT_ORIGINALS: u64 = 64 * 1024;
/// After so many cuts another visit is written into: documents stay as long as those of people.
const CUTS_A_VISIT: u64 = 300;

/// Which way what is cut goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the terminal to the server.
    Up,
    /// From the server to the terminal.
    Down,
}

impl Way {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Up, Self::Down];
}

/// Where a link was cut, and what was wrong afterwards.
#[derive(Debug, Clone)]
pub struct Finding {
    way: Way,
    at: usize,
    why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} cut after {} bytes: {}", self.way, self.at, self.why)
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Tally {
    /// Cuts that the exchange met.
    pub cuts: u64,
    /// Syncs that succeeded although the link was cut: the terminal had all of the answer.
    pub unharmed: u64,
    /// Where the sides differed afterwards.
    pub diverged: Vec<Finding>,
}

impl Tally {
    /// Adds what came of more cuts.
    pub fn add(&mut self, more: Self) {
        self.cuts += more.cuts;
        self.unharmed += more.unharmed;
        self.diverged.extend(more.diverged);
    }
}

/// A terminal and a server with a link between them that can be cut.
pub struct Line {
    world: World,
    device: Device,
    /// With the items of their checklists.
    visits: Vec<(InspectionId, Vec<String>)>,
    proxy: Proxy,
    /// A link that is never cut: it is there before anything is to be.
    whole: HttpTransport,
    serving: JoinHandle<()>,
    chance: ChaCha8Rng,
    /// Exchanges so far.
    count: u64,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A link of its own, so that a cut meets the beginning of an exchange, too.
fn connect(proxy: &Proxy) -> Result<HttpTransport, Failure> {
    Ok(HttpTransport::new(&format!("http://{}", proxy.addr()), Timeouts::default())?)
}

impl Line {
    /// Sets it up: a small city, one terminal that has pulled what it needs.
    ///
    /// # Errors
    /// When there is no port, or the terminal cannot read what it pulled.
    pub async fn lay(seed: u64) -> Result<Self, Failure> {
        let world = World::start(seed, None).await;
        let (administrator, _) = world.found_city_with(is_small).await;
        let task = administrator.draw_and_dispatch(&world).await.swap_remove(0);
        let device = administrator.terminal(&world, task.team[0], "one").await;
        device.sync().await;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let proxy = Proxy::start(listener.local_addr()?).await?;
        let whole = connect(&proxy)?;
        let router = world.router();
        let serving = tokio::spawn(async move {
            drop(http::serve(listener, router, Limits::default(), std::future::pending()).await);
        });
        device.client().sync(&whole).await?;
        let mut visits = Vec::new();
        for visit in device.client().inspections()? {
            let template =
                device.client().inspection(visit.id)?.template.ok_or("the checklist is not here")?;
            visits.push((visit.id, template.items.iter().map(|item| item.id.clone()).collect()));
        }
        let chance = ChaCha8Rng::seed_from_u64(seed);
        Ok(Self { world, device, visits, proxy, whole, serving, chance, count: 0 })
    }

    /// Cuts one exchange after each `step`-th byte from `first` on, until it is shorter than that. A terminal that is
    /// `away` for longer than its session signs in anew in it.
    ///
    /// # Errors
    /// When something fails that nobody cut.
    pub async fn at_every(
        &mut self,
        way: Way,
        away: bool,
        (first, step): (usize, usize),
    ) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        for at in (first..).step_by(step) {
            if away {
                self.world.clock.advance_seconds(DEVICE_SESSION_SECONDS + 1);
            }
            if !self.cut(way, at, SMALL_BYTES, &mut tally).await? {
                break;
            }
        }
        self.compare(&mut tally).await?;
        Ok(tally)
    }

    /// Cuts so many uploads of originals of several parts at random, on the way up.
    ///
    /// # Errors
    /// As for [`Self::at_every`].
    pub async fn at_random(&mut self, cuts: u64) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        for _ in 0..cuts {
            let at = self.chance.next_u64() as usize % LARGE_BYTES;
            self.cut(Way::Up, at, LARGE_BYTES, &mut tally).await?;
        }
        self.compare(&mut tally).await?;
        Ok(tally)
    }

    /// Writes, and syncs over a link that is cut, and again; false when the exchange was over before the cut.
    async fn cut(&mut self, way: Way, at: usize, bytes: usize, tally: &mut Tally) -> Result<bool, Failure> {
        let (visit, items) = &self.visits[(self.count / CUTS_A_VISIT) as usize % self.visits.len()];
        self.count += 1;
        let (client, visit) = (self.device.client(), *visit);
        client.note(
            visit,
            &items[self.count as usize % items.len()],
            None,
            &format!("第{}笔。", self.count),
        )?;
        let mut photo = vec![0xff, 0xd8, 0xff, 0xe0];
        photo.resize(bytes, 0);
        self.chance.fill_bytes(&mut photo[4..]);
        let facts = CaptureFacts { caption: "大厅", ..CaptureFacts::PHOTO };
        client.capture(visit, CaptureSource::Bytes(&photo), &facts)?;

        let before = self.proxy.cuts();
        match way {
            Way::Up => self.proxy.cut_after(at),
            Way::Down => self.proxy.cut_answer_after(at),
        }
        let struck = client.sync(&connect(&self.proxy)?).await;
        let met = self.proxy.cuts() > before;
        let mut differ = |why: String| tally.diverged.push(Finding { way, at, why });
        match &struck {
            Err(error) if !met || error.code() != ErrorCode::Offline => {
                differ(format!("the sync failed otherwise: {error}"));
            }
            _ => {}
        }
        let left = client.status()?.unsent.evidence_bytes.saturating_sub(self.staged()?);
        let report = client.sync(&self.whole).await?;
        if let Err(why) = self.holds(visit, &Digest::of(&photo), &report, left).await {
            differ(why);
        }
        tally.cuts += u64::from(met);
        tally.unharmed += u64::from(met && struck.is_ok());
        Ok(met)
    }

    /// Bytes of originals that the server has begun to receive.
    fn staged(&self) -> Result<u64, Failure> {
        let mut bytes = 0;
        for file in fs::read_dir(self.world.folder().join("evidence").join("staging"))? {
            bytes += file?.metadata()?.len();
        }
        Ok(bytes)
    }

    /// Whether the second sync brought everything to the server, and sent no more of originals than was `left`.
    async fn holds(
        &self,
        visit: InspectionId,
        original: &Digest,
        report: &SyncReport,
        left: u64,
    ) -> Result<(), String> {
        let client = self.device.client();
        let status = client.status().map_err(|error| error.to_string())?;
        if !status.unsent.is_empty() || status.quarantined + status.refused + status.waiting > 0 {
            return Err(format!("not everything is held: {status:?}"));
        }
        if report.rolled_back || report.server_restored || !report.refused.is_empty() {
            return Err(format!("the sides do not know each other: {report:?}"));
        }
        if report.bytes_sent > left + WITHOUT_ORIGINALS {
            return Err(format!("{} bytes were sent where {left} were left", report.bytes_sent));
        }
        let held = self.held(visit).await?;
        if held.originals.iter().filter(|held| *held == original).count() != 1 {
            return Err(format!("original {original} is held {} times", held.originals.len()));
        }
        let here = client.changes(visit, 0, u64::MAX).map_err(|error| error.to_string())?.rows;
        if here.iter().map(|line| line.change).collect::<BTreeSet<_>>() != held.changes {
            return Err(format!("{} changes here, {} there", here.len(), held.changes.len()));
        }
        Ok(())
    }

    async fn held(&self, visit: InspectionId) -> Result<Held, String> {
        let org = self.world.app.org().await.map_err(|error| format!("{error:?}"))?;
        let read = move |tx: &mut Tx<'_>| {
            let sql = "SELECT digest FROM captures WHERE inspection = $1 AND held_at IS NOT NULL";
            let originals = tx.query(sql, &[Value::Text(visit.to_string())])?;
            Ok::<_, DbError>(Held {
                changes: changes::names(tx, org, visit)?,
                originals: originals.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?,
            })
        };
        self.world.app.db.read(read).await.map_err(|error| error.to_string())
    }

    /// Looks at all that a look at one visit does not show: journals, originals, what documents say.
    async fn compare(&self, tally: &mut Tally) -> Result<(), Failure> {
        let client = self.device.client();
        let found = client.verify()?;
        let mut wrong: Vec<String> = found.faults.iter().map(ToString::to_string).collect();
        let entries = self.world.app.db.read(|tx: &mut Tx<'_>| {
            let rows = tx.query("SELECT seq, on_chain FROM journal_entries ORDER BY seq", &[])?;
            rows.iter()
                .map(|row| Ok((row.get(0)?, row.get(1)?)))
                .collect::<Result<Vec<(i64, i64)>, DbError>>()
        });
        let entries = entries.await?;
        let whole = entries.iter().zip(1..).all(|(entry, seq)| *entry == (seq, 1));
        if !whole || entries.len() as u64 != found.entries {
            wrong.push(format!("{} entries here, {} there", found.entries, entries.len()));
        }
        let org = self.world.app.org().await?;
        for (visit, _) in &self.visits {
            for original in self.held(*visit).await?.originals {
                let name = original.to_string();
                let blobs = self.world.folder().join("evidence").join("blobs").join(org.to_string());
                if Digest::of(&fs::read(blobs.join(&name[4..6]).join(&name))?) != original {
                    wrong.push(format!("original {original} is not what was taken"));
                }
            }
            if documents::view(&self.world.app, org, *visit).await? != client.inspection(*visit)?.view {
                wrong.push(format!("{visit} says different things here and there"));
            }
        }
        let finding = |why| Finding { way: Way::Up, at: usize::MAX, why };
        tally.diverged.extend(wrong.into_iter().map(finding));
        Ok(())
    }
}

/// What the server holds of a visit.
struct Held {
    changes: BTreeSet<ChangeId>,
    originals: Vec<Digest>,
}
