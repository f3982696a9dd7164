//! Peers that mean no good, against the real server: they hold on to connections in every way that costs them nothing, while
//! an honest terminal syncs.
//!
//! Looked at is that each is let go within the time that the server's limits promise, that the terminal's syncs all succeed
//! meanwhile, and that the server has its file descriptors and its memory back afterwards.

use crate::crash::Failure;
use crate::measure::memory;
use crate::measure::times::Times;
use crate::stage::Stage;
use clap::Args;
use fieldproof_presentation::http::Limits;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// What a busy machine may add to a limit.
const SLACK: Duration = Duration::from_secs(15);
/// Between two bytes of a peer that sends one at a time.
const DRIP: Duration = Duration::from_secs(1);
/// Syncs without anybody else, to compare with.
const QUIET_SYNCS: usize = 20;
/// Memory that the server may keep, in MiB.
const KEPT_MIB: f64 = 64.0;

/// What a peer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Connects and says nothing.
    Silent,
    /// Sends a head, a byte at a time.
    SlowHead,
    /// Sends a body, a byte at a time.
    SlowBody,
    /// Asks, reads the answer, and stays.
    Idle,
    /// Asks for much and reads nothing.
    SlowReader,
    /// Says half of something and that there will be no more.
    HalfClosed,
    /// Begins and resets the connection.
    Reset,
    /// Speaks another protocol.
    Garbage,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Silent,
        Self::SlowHead,
        Self::SlowBody,
        Self::Idle,
        Self::SlowReader,
        Self::HalfClosed,
        Self::Reset,
        Self::Garbage,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::SlowHead => "slow_head",
            Self::SlowBody => "slow_body",
            Self::Idle => "idle",
            Self::SlowReader => "slow_reader",
            Self::HalfClosed => "half_closed",
            Self::Reset => "reset",
            Self::Garbage => "garbage",
        }
    }

    /// How long the server's limits let it be.
    fn limit(self, limits: &Limits) -> Duration {
        match self {
            Self::Silent => limits.first_byte,
            Self::SlowHead => limits.header,
            Self::SlowBody => limits.body,
            // What waits in the kernel's buffers counts as taken.
            Self::SlowReader => limits.write,
            Self::Idle => limits.idle,
            Self::HalfClosed | Self::Reset | Self::Garbage => Duration::ZERO,
        }
    }

    /// Does it until the server has let go.
    async fn play(self, server: SocketAddr) -> io::Result<()> {
        let mut peer = TcpStream::connect(server).await?;
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: server\r\n\r\n").into_bytes();
        match self {
            Self::Silent => {}
            Self::SlowHead => return drip(peer, b"GET /ping HTTP/1.1\r\nx-pad: ").await,
            Self::SlowBody => {
                let head = "POST /api/v1/session HTTP/1.1\r\nhost: server\r\ncontent-type: application/json\r\n\
                    content-length: 100000\r\n\r\n";
                return drip(peer, head.as_bytes()).await;
            }
            Self::Idle => peer.write_all(&get("/ping")).await?,
            Self::SlowReader => {
                // Requests until the answers fill every buffer on the way, and the server reads no more.
                let ask = get("/api/v1/openapi.json");
                while let Ok(sent) = timeout(DRIP, peer.write_all(&ask)).await {
                    sent?;
                }
                // A peer that reads nothing cannot read the end either, but writing tells of it.
                return drip(peer, b"").await;
            }
            Self::HalfClosed => {
                peer.write_all(b"GET /ping HTTP/1.1\r\nho").await?;
                peer.shutdown().await?;
            }
            Self::Reset => {
                peer.write_all(
                    b"POST /api/v1/session HTTP/1.1\r\nhost: server\r\ncontent-length: 9\r\n\r\n{",
                )
                .await?;
                return peer.set_zero_linger();
            }
            Self::Garbage => peer.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").await?,
        }
        peer.read_to_end(&mut Vec::new()).await.map(drop)
    }
}

/// Sends this, and then a byte at a time, until the server has let go.
async fn drip(mut peer: TcpStream, first: &[u8]) -> io::Result<()> {
    peer.write_all(first).await?;
    loop {
        sleep(DRIP).await;
        peer.write_all(b"x").await?;
    }
}

/// `cargo sim hostile`: one line of JSON.
#[derive(Args)]
pub struct Hostile {
    /// Connections at a time, of all kinds together.
    #[arg(long, default_value_t = 200)]
    connections: usize,
}

impl Hostile {
    /// Does it; true when all were let go in time, everything honest was done, and nothing is kept of it.
    ///
    /// # Errors
    /// When the stage does not stand.
    pub async fn carry_out(&self) -> Result<bool, Failure> {
        let stage = Stage::open().await;
        let limits = Limits::default();
        let process = stage.server_process().id();
        let server: SocketAddr = stage.day.server_url.trim_start_matches("http://").parse()?;
        let quiet = honest(&stage, |done| done < QUIET_SYNCS).await?;
        let before = (descriptors(process), memory::resident(process));

        let mut peers = JoinSet::new();
        for kind in Kind::ALL.into_iter().cycle().take(self.connections) {
            peers.spawn(async move {
                let begun = Instant::now();
                let most = kind.limit(&Limits::default()) + SLACK;
                // However it ended: the server has let go.
                let let_go = timeout(most, kind.play(server)).await.is_ok();
                (kind, let_go, begun.elapsed())
            });
        }
        let mut ends: BTreeMap<Kind, (usize, Duration)> = BTreeMap::new();
        let mut held = 0;
        let mut syncs = Vec::new();
        while !peers.is_empty() {
            syncs.push(one_sync(&stage).await?);
            while let Some(ended) = peers.try_join_next() {
                let (kind, let_go, took) = ended?;
                held += usize::from(!let_go);
                let end = ends.entry(kind).or_default();
                *end = (end.0 + 1, end.1.max(took));
            }
        }
        let busy = Times::taken(syncs);
        // What the system still has to close.
        sleep(DRIP).await;
        honest(&stage, |done| done < 1).await?;
        let after = (descriptors(process), memory::resident(process));
        let grown = after.1.zip(before.1).map(|(after, before)| after - before);
        let kinds: serde_json::Map<String, Value> = ends
            .iter()
            .map(|(kind, (count, slowest))| {
                let limit = kind.limit(&limits).as_secs();
                let figures = json!({"count": count, "slowest_seconds": round(slowest.as_secs_f64()),
                    "limit_seconds": limit});
                (kind.name().to_owned(), figures)
            })
            .collect();
        let back = after.0 <= before.0 && grown.is_none_or(|grown| grown <= KEPT_MIB);
        let line = json!({
            "command": "hostile", "connections": self.connections, "held": held, "kinds": kinds,
            "honest_syncs": busy.count(), "quiet_p50_ms": millis(quiet.at(50)), "quiet_p99_ms": millis(quiet.at(99)),
            "busy_p50_ms": millis(busy.at(50)), "busy_p99_ms": millis(busy.at(99)),
            "descriptors_before": before.0, "descriptors_after": after.0, "grown_mib": grown.map(f64::round),
        });
        writeln!(io::stdout(), "{line}")?;
        Ok(held == 0 && back)
    }
}

/// One act of an honest officer that reaches the server.
async fn one_sync(stage: &Stage) -> Result<Duration, Failure> {
    let terminal = stage.terminal_api(0);
    let visit = stage.day.tasks[0].path();
    terminal.put(&format!("{visit}/narrative"), &json!({"text": "池水清澈。"})).await?;
    let begun = Instant::now();
    terminal.post("/api/v1/sync", &json!({})).await?;
    Ok(begun.elapsed())
}

async fn honest(stage: &Stage, goes_on: impl Fn(usize) -> bool) -> Result<Times, Failure> {
    let mut times = Vec::new();
    while goes_on(times.len()) {
        times.push(one_sync(stage).await?);
    }
    Ok(Times::taken(times))
}

/// How many files and sockets a process has open; none where the system does not say it.
fn descriptors(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count)
}

fn millis(time: Duration) -> f64 {
    round(time.as_secs_f64() * 1000.0)
}

fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
