//! Disks that fail: what they promise to the tests that use them.

use fieldproof_tests::faults::{Counts, Disk, Fault, Pattern, Plan, Tear};
use rusqlite::{Connection, ErrorCode};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const KEEPS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
const NEVER_SYNCS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;";
const MAY_LOSE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;";

fn disk() -> (TempDir, Disk) {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::under(folder.path()).unwrap();
    (folder, disk)
}

fn connect(folder: &Path, how: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(folder.join("test.db"))?;
    connection.execute_batch(how)?;
    Ok(connection)
}

/// Writes numbers until something fails; how many were said to be saved.
fn count_up(folder: &Path, how: &str, upto: i64) -> i64 {
    let Ok(connection) = connect(folder, how) else { return 0 };
    // A small log, so that it is emptied into the database now and then.
    let made =
        "PRAGMA wal_autocheckpoint = 8; CREATE TABLE IF NOT EXISTS n (n INTEGER PRIMARY KEY, text TEXT)";
    if connection.execute_batch(made).is_err() {
        return 0;
    }
    let text = "x".repeat(1500);
    let insert = |n: i64| connection.execute("INSERT INTO n VALUES (?1, ?2)", (n, &text));
    (1..=upto).take_while(|n| insert(*n).is_ok()).last().unwrap_or(0)
}

/// How many numbers are there; none when the database cannot be used.
fn counted(folder: &Path) -> Option<i64> {
    let connection = connect(folder, KEEPS).ok()?;
    let whole: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).ok()?;
    let all = connection.query_row("SELECT COUNT(*), COALESCE(MAX(n), 0) FROM n", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    });
    match all {
        Ok((count, last)) => (whole == "ok" && count == last).then_some(count),
        // The table is not there yet.
        Err(rusqlite::Error::SqliteFailure(_, _)) => (whole == "ok").then_some(0),
        Err(_) => None,
    }
}

/// What happened at all moments of a count with all patterns: points, lost, unusable.
fn every_cut(how: &str, honest: bool) -> (u64, u64, u64) {
    let (folder, disk) = disk();
    count_up(folder.path(), how, 6);
    let operations = disk.counts().met_by(Fault::PowerCut);
    assert!(operations > 40, "{operations}");
    let (mut points, mut lost, mut unusable) = (0, 0, 0);
    for at in 1..=operations {
        for pattern in Pattern::ALL {
            for name in ["test.db", "test.db-wal", "test.db-shm"] {
                fs::remove_file(folder.path().join(name)).ok();
            }
            disk.replaced().unwrap();
            disk.honest(honest);
            disk.plan(Plan::cut(at));
            let said = count_up(folder.path(), how, 6);
            assert!(disk.struck() && disk.is_dead());
            disk.recover(Tear { pattern, seed: at }).unwrap();
            disk.honest(true);
            points += 1;
            match counted(folder.path()) {
                // One more may be there than was said: its commit was on its way.
                Some(there) => lost += u64::from(there < said || there > said + 1),
                None => unusable += 1,
            }
        }
    }
    (points, lost, unusable)
}

#[test]
fn what_was_synced_survives_every_cut_with_every_pattern() {
    let (points, lost, unusable) = every_cut(KEEPS, true);
    assert_eq!((lost, unusable), (0, 0), "of {points}");
}

#[test]
fn what_was_not_synced_is_lost_at_times() {
    let (points, lost, _) = every_cut(MAY_LOSE, true);
    assert!(lost > points / 20, "{lost} of {points}");
}

#[test]
fn a_disk_that_lies_loses_or_ruins() {
    let (points, lost, unusable) = every_cut(KEEPS, false);
    assert!(lost + unusable > points / 10, "{lost} and {unusable} of {points}");
    assert!(unusable > 0, "of {points}");
}

#[test]
fn a_disk_that_promises_more_is_used_otherwise_and_keeps_as_much() {
    let (folder, disk) = disk();
    count_up(folder.path(), KEEPS, 6);
    let padded = disk.counts().writes;
    for name in ["test.db", "test.db-wal", "test.db-shm"] {
        fs::remove_file(folder.path().join(name)).ok();
    }
    disk.replaced().unwrap();
    disk.powersafe(true);
    count_up(folder.path(), KEEPS, 6);
    assert!(disk.counts().writes < padded);
}

#[test]
fn errors_are_what_was_planned_once_or_for_ever() {
    for fault in Fault::ERRORS {
        for sticky in [false, true] {
            let (folder, disk) = disk();
            assert_eq!(count_up(folder.path(), KEEPS, 3), 3);
            let connection = connect(folder.path(), KEEPS).unwrap();
            connection.execute_batch("PRAGMA cache_size = 0; PRAGMA wal_autocheckpoint = 0").unwrap();
            let write = || connection.execute("INSERT INTO n VALUES (NULL, ?1)", ["x".repeat(9000)]);
            write().unwrap();
            disk.plan(Plan { fault, at: 1, sticky });
            let read = || connection.query_row("SELECT COUNT(*) FROM n", [], |row| row.get::<_, i64>(0));
            let reads = matches!(fault, Fault::Read | Fault::ShortRead);
            let failed = if reads { read().map(|_| 0) } else { write() };
            let code = failed.unwrap_err().sqlite_error_code();
            let expected = if matches!(fault, Fault::Full | Fault::FullTorn) {
                ErrorCode::DiskFull
            } else {
                ErrorCode::SystemIoFailure
            };
            assert!(disk.struck());
            assert_eq!(code, Some(expected), "{fault:?}");
            let again = if reads { read().map(|_| 0) } else { write() };
            assert_eq!(again.is_err(), sticky, "{fault:?}");
            disk.calm();
            drop(connection);
            let there = counted(folder.path());
            assert!(there >= Some(4), "{fault:?}: {there:?}");
        }
    }
}

#[test]
fn what_a_failed_sync_should_have_kept_is_never_kept() {
    let (folder, disk) = disk();
    assert_eq!(count_up(folder.path(), KEEPS, 3), 3);
    let connection = connect(folder.path(), KEEPS).unwrap();
    disk.plan(Plan { fault: Fault::Sync, at: 1, sticky: false });
    connection.execute("INSERT INTO n VALUES (4, 'x')", []).unwrap_err();
    // What follows is written where it stood, and synced.
    connection.execute("INSERT INTO n VALUES (4, 'y')", []).unwrap();
    disk.cut();
    drop(connection);
    disk.recover(Tear { pattern: Pattern::Nothing, seed: 0 }).unwrap();
    assert_eq!(counted(folder.path()), Some(4));
}

#[test]
fn nothing_works_without_power_and_two_connections_with_it() {
    let (folder, disk) = disk();
    let one = connect(folder.path(), KEEPS).unwrap();
    one.execute_batch("CREATE TABLE n (n INTEGER PRIMARY KEY, text TEXT)").unwrap();
    let two = connect(folder.path(), KEEPS).unwrap();
    one.execute("INSERT INTO n VALUES (1, 'x')", []).unwrap();
    let seen = |connection: &Connection| {
        connection.query_row("SELECT COUNT(*) FROM n", [], |row| row.get::<_, i64>(0))
    };
    assert_eq!(seen(&two).unwrap(), 1);
    assert_eq!(disk.open_files(), 4);
    assert!(disk.recover(Tear { pattern: Pattern::Nothing, seed: 0 }).is_err(), "it is in use");
    disk.cut();
    assert!(one.execute("INSERT INTO n VALUES (2, 'x')", []).is_err());
    assert!(seen(&two).is_err());
    assert!(connect(folder.path(), KEEPS).is_err());
    drop((one, two));
    disk.recover(Tear { pattern: Pattern::Nothing, seed: 0 }).unwrap();
    assert_eq!(counted(folder.path()), Some(1));
}

#[test]
fn disks_know_nothing_of_each_other() {
    let ((first, one), (second, two)) = (disk(), disk());
    one.plan(Plan::cut(30));
    let said = count_up(first.path(), KEEPS, 100);
    assert!(said < 100 && one.is_dead());
    assert_eq!(count_up(second.path(), KEEPS, 10), 10);
    assert!(!two.is_dead());
    // A folder that is no disk is the system's.
    let third = tempfile::tempdir().unwrap();
    assert_eq!(count_up(third.path(), KEEPS, 10), 10);
    assert!(Disk::under(second.path()).is_err(), "it is one already");
    drop(two);
    let again = Disk::under(second.path()).unwrap();
    assert_eq!(again.counts(), Counts::default());
    assert_eq!(counted(second.path()), Some(10));
}

#[test]
fn the_same_seed_leaves_the_same_files() {
    // Lengths, for the log's salt is SQLite's own chance.
    let leave = |pattern, seed| {
        let (folder, disk) = disk();
        disk.plan(Plan::cut(90));
        count_up(folder.path(), NEVER_SYNCS, 50);
        disk.recover(Tear { pattern, seed }).unwrap();
        ["test.db", "test.db-wal"]
            .map(|name| fs::metadata(folder.path().join(name)).map_or(0, |file| file.len()))
    };
    for pattern in Pattern::ALL {
        assert_eq!(leave(pattern, 7), leave(pattern, 7), "{pattern:?}");
    }
    let others = |seed| leave(Pattern::Prefix, seed) != leave(Pattern::Prefix, 0);
    assert!((1..9).any(others));
}
