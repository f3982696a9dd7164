//! What goes wrong.

use super::acts::reopen;
use super::hand::{Copy, Hand};
use super::plan::{Event, Profile, Step};
use super::stage::{Sim, error};
use crate::faults::{Fault, Plan};
use crate::world::backup::copy_all;
use crate::world::link::Fate;
use fieldproof_schema::wire::frame;
use fieldproof_schema::wire::sync::SyncRequest;
use fieldproof_server::restore;
use std::fs;

const NETWORK: Option<Profile> = Some(Profile::Network);
const DISK: Option<Profile> = Some(Profile::Disk);
const CLOCK: Option<Profile> = Some(Profile::Clock);
const COPIES: Option<Profile> = Some(Profile::Copies);
const RESTORE: Option<Profile> = Some(Profile::Restore);

/// All faults.
pub const ALL: &[Event] = &[
    Event { name: "link", weight: 14, profile: NETWORK, happen: |sim, step| Box::pin(link(sim, step)) },
    Event { name: "hold-up", weight: 2, profile: NETWORK, happen: |sim, step| Box::pin(hold_up(sim, step)) },
    Event { name: "spoil-part", weight: 2, profile: NETWORK, happen: |sim, step| Box::pin(spoil(sim, step)) },
    Event { name: "delay", weight: 3, profile: NETWORK, happen: |sim, step| Box::pin(delay(sim, step)) },
    Event { name: "arrive", weight: 3, profile: NETWORK, happen: |sim, step| Box::pin(arrive(sim, step)) },
    Event { name: "power", weight: 8, profile: DISK, happen: |sim, step| Box::pin(power(sim, step)) },
    Event { name: "disk", weight: 6, profile: DISK, happen: |sim, step| Box::pin(disk(sim, step)) },
    Event {
        name: "server-power",
        weight: 5,
        profile: DISK,
        happen: |sim, step| Box::pin(server_power(sim, step)),
    },
    Event {
        name: "server-disk",
        weight: 3,
        profile: DISK,
        happen: |sim, step| Box::pin(server_disk(sim, step)),
    },
    Event { name: "restart", weight: 2, profile: None, happen: |sim, step| Box::pin(restart(sim, step)) },
    Event { name: "clock", weight: 10, profile: CLOCK, happen: |sim, step| Box::pin(clock(sim, step)) },
    Event { name: "keep", weight: 5, profile: COPIES, happen: |sim, step| Box::pin(keep(sim, step)) },
    Event {
        name: "roll-back",
        weight: 5,
        profile: COPIES,
        happen: |sim, step| Box::pin(roll_back(sim, step)),
    },
    Event { name: "clone", weight: 2, profile: COPIES, happen: |sim, step| Box::pin(clone(sim, step)) },
    Event { name: "lose", weight: 2, profile: COPIES, happen: |sim, step| Box::pin(lose(sim, step)) },
    Event { name: "back-up", weight: 6, profile: RESTORE, happen: |sim, step| Box::pin(back_up(sim, step)) },
    Event { name: "restore", weight: 5, profile: RESTORE, happen: |sim, step| Box::pin(restore(sim, step)) },
    Event { name: "install", weight: 2, profile: RESTORE, happen: |sim, step| Box::pin(install(sim, step)) },
];

/// The program that terminals have.
pub const NEWEST: &str = env!("CARGO_PKG_VERSION");
/// One before it.
const OLDER: &str = "0.0.1";

/// The next requests of a terminal meet with something.
async fn link(sim: &mut Sim, step: Step) -> String {
    let hand = sim.hand(step);
    let fates: Vec<Fate> = (0..=step.roll(0, 4))
        .map(|nth| [Fate::Answered, Fate::Lost, Fate::AnswerLost, Fate::Twice][step.roll(nth as u32 + 1, 4)])
        .collect();
    let link = &sim.hands[hand].device.link;
    match step.roll(40, 5) {
        0 => link.down(),
        1 => link.up(),
        _ => link.next(&fates),
    }
    format!("{fates:?}")
}

/// A terminal's originals do not get through until its link is mended.
async fn hold_up(sim: &mut Sim, step: Step) -> String {
    sim.hands[sim.hand(step)].device.link.lose_evidence();
    "held up".to_owned()
}

/// A byte of a terminal's next original changes on the way.
async fn spoil(sim: &mut Sim, step: Step) -> String {
    sim.hands[sim.hand(step)].device.link.spoil_evidence();
    "to be spoiled".to_owned()
}

/// One of a terminal's next requests seems lost, and arrives much later.
async fn delay(sim: &mut Sim, step: Step) -> String {
    let before = step.roll(1, 5);
    let fates: Vec<Fate> = std::iter::repeat_n(Fate::Answered, before).chain([Fate::Late]).collect();
    sim.hands[sim.hand(step)].device.link.next(&fates);
    format!("the one after {before}")
}

/// What was held up of a terminal's requests arrives.
async fn arrive(sim: &mut Sim, step: Step) -> String {
    let link = sim.hands[sim.hand(step)].device.link.clone();
    format!("{} arrive", link.arrive().await)
}

/// A terminal loses power at one of its next writes.
async fn power(sim: &mut Sim, step: Step) -> String {
    let hand = sim.hand(step);
    sim.hands[hand].disk.plan(Plan::cut(step.roll(0, 60) as u64 + 1));
    "planned".to_owned()
}

/// A terminal's disk fails at one of its next operations.
async fn disk(sim: &mut Sim, step: Step) -> String {
    let hand = sim.hand(step);
    let plan = Plan { fault: error(step), at: step.roll(0, 30) as u64 + 1, sticky: step.roll(1, 2) == 0 };
    sim.hands[hand].disk.plan(plan);
    "planned".to_owned()
}

/// The server loses power at one of its next writes.
async fn server_power(sim: &mut Sim, step: Step) -> String {
    if let Some(disk) = sim.world.disk() {
        disk.plan(Plan::cut(step.roll(0, 120) as u64 + 1));
    }
    "planned".to_owned()
}

/// The server's disk fails at one of its next operations.
async fn server_disk(sim: &mut Sim, step: Step) -> String {
    if let Some(disk) = sim.world.disk() {
        let fault = if step.roll(3, 2) == 0 { Fault::Full } else { error(step) };
        disk.plan(Plan { fault, at: step.roll(0, 60) as u64 + 1, sticky: step.roll(1, 2) == 0 });
    }
    "planned".to_owned()
}

async fn restart(sim: &mut Sim, _: Step) -> String {
    sim.world.restart_calm().await;
    "restarted".to_owned()
}

/// A terminal's clock is set wrong, and the terminal may be started again.
async fn clock(sim: &mut Sim, step: Step) -> String {
    let hand = sim.hand(step);
    let years = 31_536_000;
    let skews = [0, 37, -37, 3600, -3600, 400_000, -400_000, 10 * years, -10 * years];
    sim.hands[hand].device.set_clock(skews[step.roll(0, skews.len())]);
    "set".to_owned()
}

/// An older program takes a terminal's store over, or the newest one again.
async fn install(sim: &mut Sim, step: Step) -> String {
    let hand = sim.hand(step);
    let version = if step.roll(1, 3) == 0 { NEWEST } else { OLDER };
    sim.hands[hand].device.install(version);
    format!("{version}: {}", reopen(sim, step).await)
}

/// Somebody keeps a copy of a terminal.
async fn keep(sim: &mut Sim, step: Step) -> String {
    let hand = sim.hand(step);
    let folder = sim.copy_of(hand, &format!("copy-{}", sim.copies.len()));
    let deeds = sim.has(hand).unwrap_or_else(|broken| panic!("{broken}"));
    sim.copies.push(Copy { hand, folder, deeds });
    "kept".to_owned()
}

/// A terminal comes back as one of its copies was.
async fn roll_back(sim: &mut Sim, step: Step) -> String {
    let copies = sim.copies.len();
    if copies == 0 {
        return "no copy".to_owned();
    }
    let copy = &sim.copies[step.among(copies)];
    let (hand, then, folder) = (copy.hand, copy.deeds.clone(), copy.folder.clone());
    if sim.hands[hand].lost {
        return "lost".to_owned();
    }
    let before = sim.all_have().await.unwrap_or_else(|broken| panic!("{broken}"));
    let Hand { device, disk, steady, .. } = &mut sim.hands[hand];
    *steady = false;
    device.die();
    fs::remove_dir_all(disk.folder()).expect("a terminal's files can be removed");
    copy_all(&folder, disk.folder()).expect("a terminal's files can be put back");
    disk.replaced().expect("nothing is open");
    // What is under way can be the last thing that it signed. Two entries that it does not know any more, and others in their
    // places, are what two terminals would sign: nobody can tell.
    device.link.keep_late(|request| {
        let sent = frame::unpack::<SyncRequest>(&request.body);
        sent.is_ok_and(|sent| sent.entries.len() == 1)
    });
    device.switch_on();
    sim.model.dropped(hand, |deed| !then.contains(deed));
    let after = sim.all_have().await.unwrap_or_else(|broken| panic!("{broken}"));
    sim.model.lost(&before, &after);
    if let Err(lost) = sim.keeps(hand) {
        sim.breaks("I1", lost);
    }
    "older".to_owned()
}

/// A terminal is copied, and both go on.
async fn clone(sim: &mut Sim, step: Step) -> String {
    let hand = sim.hand(step);
    if sim.hands.len() >= 6 {
        return "enough".to_owned();
    }
    let name = format!("clone-{}", sim.hands.len());
    sim.copy_of(hand, &name);
    sim.hands[hand].alone = false;
    let taken = Hand { alone: false, ..Hand::take(&sim.world, name) };
    sim.clones.push((hand, sim.hands.len(), sim.model.by(hand)));
    sim.hands.push(taken);
    "cloned".to_owned()
}

/// A terminal is lost for good; two are left at least.
async fn lose(sim: &mut Sim, step: Step) -> String {
    if sim.in_use().len() < 3 {
        return "too few".to_owned();
    }
    let hand = sim.hand(step);
    let before = sim.all_have().await.unwrap_or_else(|broken| panic!("{broken}"));
    sim.hands[hand].device.die();
    sim.hands[hand].lost = true;
    sim.model.dropped(hand, |_| true);
    let after = sim.all_have().await.unwrap_or_else(|broken| panic!("{broken}"));
    sim.model.lost(&before, &after);
    "lost".to_owned()
}

async fn back_up(sim: &mut Sim, _: Step) -> String {
    if let Some(disk) = sim.world.disk() {
        disk.calm();
    }
    let epoch = sim.epoch().await.unwrap_or_else(|broken| panic!("{broken}"));
    sim.model.epochs.insert(epoch);
    let name = sim.backups.len().to_string();
    let backup = sim.world.back_up(&name).await;
    sim.backups.push((backup, sim.revoked.clone(), sim.model.rulings.clone()));
    "kept".to_owned()
}

/// The server comes back as one of its backups was, and is told so.
async fn restore(sim: &mut Sim, step: Step) -> String {
    let backups = sim.backups.len();
    if backups == 0 {
        return "no backup".to_owned();
    }
    let before = sim.all_have().await.unwrap_or_else(|broken| panic!("{broken}"));
    let (backup, revoked, rulings) = &sim.backups[step.among(backups)];
    sim.world.put_back(backup).await;
    // Nobody has told it yet that they were revoked since, or what was decided.
    sim.revoked.clone_from(revoked);
    sim.model.rulings.clone_from(rulings);
    let after = sim.all_have().await.unwrap_or_else(|broken| panic!("{broken}"));
    sim.model.lost(&before, &after);
    if let Err(error) = restore::begin_anew(&sim.world.app, "system", "硬盘损坏，取回昨夜备份").await
    {
        return error.code.as_str().to_owned();
    }
    let epoch = sim.epoch().await.unwrap_or_else(|broken| panic!("{broken}"));
    if !sim.model.epochs.insert(epoch) {
        sim.breaks("I8", "the server began no new epoch".to_owned());
    }
    "restored".to_owned()
}
