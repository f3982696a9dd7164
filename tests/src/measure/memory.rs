//! What the programs keep in memory after a day.

use super::pages;
use crate::browser::{Album, Browser, Look};
use crate::demo::api::Failure;
use crate::demo::process::Service;
use crate::stage::{self, Stage};
use crate::workspace;
use std::fs;
use std::io::Write;

/// Bytes in a KiB, in which the kernel counts.
const KIB: f64 = 1024.0;

/// Plays the demo's day, and prints what is resident then and what the console's first page weighs.
pub(super) async fn measure(out: &mut dyn Write) -> Result<(), Failure> {
    let stage = Stage::after_the_day().await;
    line(out, "resident memory of the server after the day", stage.server_process())?;
    for which in 0..2 {
        let label = format!("resident memory of terminal {} after the day", which + 1);
        line(out, &label, stage.terminal_process(which))?;
    }
    let album = Album::at(&workspace::target(workspace::root())?.join("pictures").join("measured"))?;
    let browser = Browser::open(album.clone(), Look::CONSOLE).await;
    browser.goto(&format!("{}/console", stage.server())).await;
    browser.fill("[name=login]", stage::SUPERVISOR).await;
    browser.fill("[name=password]", stage::PASSWORD).await;
    // What the sign-in page brought along counts as brought anew.
    browser.devtools("Network.clearBrowserCache", serde_json::json!({})).await;
    browser.follow("main form button").await;
    let kilobytes = pages::weight(&browser).await as f64 / 1000.0;
    writeln!(
        out,
        "{:<52} {kilobytes:8.0} KB  (goal: 400 KB)",
        "first console page with everything it needs"
    )?;
    Ok(())
}

/// Prints the memory of a program, where the system says it.
pub(super) fn line(out: &mut dyn Write, what: &str, service: &Service) -> Result<(), Failure> {
    match resident(service.id()) {
        Some(mebibytes) => writeln!(out, "{what:<52} {mebibytes:8.1} MiB  (goal: 80 MiB)")?,
        None => writeln!(out, "{what:<52} not told by this system")?,
    }
    Ok(())
}

/// What Linux counts processor time in, for every program that asks.
const TICKS: f64 = 100.0;

/// Mebibytes of a process that are in memory.
pub(crate) fn resident(process: u32) -> Option<f64> {
    said(process, "VmRSS:")
}

/// The most that was ever resident of a process, in MiB.
pub(crate) fn peak(process: u32) -> Option<f64> {
    said(process, "VmHWM:")
}

/// Lets the peak of this process begin anew, where the system can.
pub(crate) fn forget_peak() {
    // The figure is then the peak since the start, which is no less true.
    fs::write("/proc/self/clear_refs", "5").ok();
}

/// Seconds that all cores spent on a process and the children that it has waited for, in user and in system mode.
pub(crate) fn cpu_seconds(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the program's name, which may hold anything: the state is the first field, utime the twelfth.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_ascii_whitespace().skip(11).take(4).map(|ticks| ticks.parse::<f64>().ok());
    Some(ticks.collect::<Option<Vec<f64>>>()?.iter().sum::<f64>() / TICKS)
}

fn said(process: u32, name: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? / KIB)
}
