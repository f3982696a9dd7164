//! Stories that bad luck alone would need long to tell: some steps in their order, about one visit, with others in between.

use super::plan::{Profile, Step, events};
use super::stage::VISITS;

/// A story.
pub struct Theme {
    /// Which kinds of bad luck it belongs to.
    pub profile: Option<Profile>,
    /// Its steps.
    pub steps: &'static [Cast],
}

/// One step of it.
pub struct Cast {
    event: &'static str,
    /// Who or what: of terminals, the place among those in use.
    at: u32,
    /// Which of the numbers that a step may have it has to have.
    fits: fn(Step) -> bool,
}

impl Cast {
    /// The step, of whatever numbers fit, about the visit where it is about one.
    pub fn draw(&self, visit: usize, mut dice: impl FnMut() -> u32) -> Step {
        let event = events().find(|event| event.name == self.event).expect("stories tell of what can happen");
        loop {
            let step = Step { event, at: self.at, dice: dice() };
            if step.roll(0, VISITS) == visit % VISITS && (self.fits)(step) {
                return step;
            }
        }
    }
}

/// The terminals: the first officer's, her colleague's, and her second one.
const ONE: u32 = 0;
const TWO: u32 = 1;
const CAR: u32 = 2;
/// The first copy of one of them.
const COPY: u32 = 3;

const fn step(event: &'static str, at: u32) -> Cast {
    Cast { event, at, fits: |_| true }
}

const fn which(event: &'static str, at: u32, fits: fn(Step) -> bool) -> Cast {
    Cast { event, at, fits }
}

/// So much that it goes as a whole document.
fn long(step: Step) -> bool {
    step.roll(1, 5) == 0
}

/// Answers of one item that differ.
fn passes(step: Step) -> bool {
    step.roll(1, 4) == 0 && step.roll(2, 2) == 0
}

fn fails(step: Step) -> bool {
    step.roll(1, 4) == 0 && step.roll(2, 2) == 1
}

/// A decision that somebody else takes, too.
fn twice(step: Step) -> bool {
    step.roll(4, 3) == 0
}

/// A write or a sync that fails soon.
fn soon(step: Step) -> bool {
    step.roll(0, 60) < 12
}

/// All of them.
pub const ALL: &[Theme] = &[
    // A decision of which only terminals know after a restore, and what was written upon it.
    Theme {
        profile: Some(Profile::Restore),
        steps: &[
            which("answer", ONE, passes),
            which("answer", TWO, fails),
            step("sync", ONE),
            step("sync", TWO),
            step("back-up", 0),
            step("decide", 0),
            step("sync", ONE),
            which("write", ONE, long),
            step("sync", ONE),
            step("restore", 999),
            step("sync", ONE),
        ],
    },
    // What a lost terminal wrote is on a colleague's alone, who wrote on.
    Theme {
        profile: Some(Profile::Restore),
        steps: &[
            step("sync", TWO),
            step("back-up", 0),
            step("write", CAR),
            step("sync", CAR),
            step("sync", TWO),
            which("write", TWO, long),
            step("sync", TWO),
            step("lose", CAR),
            step("restore", 999),
            step("sync", TWO),
        ],
    },
    // A terminal goes on behind what the server held of it, and then the server holds that no more.
    Theme {
        profile: Some(Profile::Restore),
        steps: &[
            step("sync", ONE),
            step("back-up", 0),
            step("keep", ONE),
            step("write", ONE),
            step("sync", ONE),
            step("roll-back", 999),
            step("sync", ONE),
            step("write", ONE),
            step("sync", ONE),
            step("restore", 999),
            step("sync", ONE),
        ],
    },
    // A server that was restored writes on, past the place up to which a terminal has read.
    Theme {
        profile: Some(Profile::Restore),
        steps: &[
            step("back-up", 0),
            step("write", ONE),
            step("sync", ONE),
            step("restore", 999),
            step("write", TWO),
            step("sync", TWO),
            step("write", TWO),
            step("sync", TWO),
            step("write", CAR),
            step("sync", CAR),
        ],
    },
    // An original that came after the backup, of a capture that came before.
    Theme {
        profile: Some(Profile::Restore),
        steps: &[
            step("hold-up", ONE),
            step("capture", ONE),
            step("sync", ONE),
            step("back-up", 0),
            which("link", ONE, |step| step.roll(40, 5) == 1),
            step("sync", ONE),
            step("restore", 999),
            step("sync", TWO),
        ],
    },
    // Two people decide one conflict.
    Theme {
        profile: None,
        steps: &[
            which("answer", ONE, passes),
            which("answer", TWO, fails),
            step("sync", ONE),
            step("sync", TWO),
            which("decide", 0, twice),
        ],
    },
    // Somebody writes who has not heard that the visit is sealed.
    Theme {
        profile: Some(Profile::Calm),
        steps: &[
            step("sync", ONE),
            step("sync", TWO),
            step("seal", ONE),
            step("sync", ONE),
            step("sync", TWO),
            step("cosign", TWO),
            step("sync", TWO),
            step("write", CAR),
            step("sync", CAR),
        ],
    },
    // A long visit in which a conflict is open.
    Theme {
        profile: Some(Profile::Calm),
        steps: &[
            which("answer", ONE, passes),
            which("answer", TWO, fails),
            step("sync", ONE),
            step("sync", TWO),
            step("sync", ONE),
            which("write", ONE, long),
            which("write", ONE, long),
            which("write", ONE, long),
            step("sync", ONE),
        ],
    },
    // What was under way when power was lost arrives behind the return.
    Theme {
        profile: Some(Profile::Copies),
        steps: &[
            step("sync", ONE),
            step("keep", ONE),
            which("delay", ONE, |step| step.roll(1, 5) == 3),
            step("sync", ONE),
            step("roll-back", 999),
            step("sync", ONE),
            step("arrive", ONE),
        ],
    },
    // The server's disk fails at what it is about to answer.
    Theme {
        profile: Some(Profile::Disk),
        steps: &[
            which("answer", ONE, passes),
            which("answer", TWO, fails),
            step("sync", ONE),
            step("sync", TWO),
            which("server-disk", 0, soon),
            step("decide", 0),
            which("server-power", 0, |step| step.roll(0, 120) < 12),
            step("decide", 0),
        ],
    },
    // Somebody leaves a team with work that nobody has.
    Theme {
        profile: Some(Profile::People),
        steps: &[
            step("sync", ONE),
            step("write", ONE),
            step("capture", ONE),
            which("reassign", 0, |step| step.roll(1, 4) == 0),
            which("reassign", 0, |step| step.roll(1, 4) == 1),
            step("write", ONE),
            step("sync", ONE),
            step("sync", TWO),
        ],
    },
    // Somebody left a team, and the server forgets what came before it.
    Theme {
        profile: Some(Profile::People),
        steps: &[
            step("back-up", 0),
            step("write", ONE),
            step("capture", ONE),
            step("sync", ONE),
            which("reassign", 0, |step| step.roll(1, 4) == 0),
            which("reassign", 0, |step| step.roll(1, 4) == 1),
            step("sync", ONE),
            step("restore", 999),
            step("sync", ONE),
        ],
    },
    // A terminal is revoked with work that nobody has.
    Theme {
        profile: Some(Profile::People),
        steps: &[
            step("sync", CAR),
            step("write", CAR),
            step("capture", CAR),
            step("revoke", CAR),
            step("write", CAR),
            step("sync", CAR),
            step("sync", TWO),
        ],
    },
    // Numbers are given on a terminal that came back older.
    Theme {
        profile: Some(Profile::Copies),
        steps: &[
            step("paper", ONE),
            step("keep", ONE),
            step("paper", ONE),
            step("roll-back", 999),
            step("paper", ONE),
            step("sync", ONE),
            step("paper", ONE),
        ],
    },
    // A terminal and its copy sign in turn, until what the one signs is ahead of what the other did; then that one catches up.
    Theme {
        profile: Some(Profile::Copies),
        steps: &[
            step("clone", ONE),
            step("write", COPY),
            step("sync", ONE),
            step("sync", COPY),
            step("sync", ONE),
            step("sync", COPY),
            step("capture", ONE),
            step("write", ONE),
            step("sync", ONE),
        ],
    },
    // A restored server meets what a terminal wrote since before what the terminal signed until then.
    Theme {
        profile: Some(Profile::Restore),
        steps: &[
            step("back-up", 0),
            step("write", CAR),
            step("sync", CAR),
            step("restore", 999),
            which("write", CAR, long),
            step("sync", CAR),
        ],
    },
    // Terminals know of a floor that the server forgets.
    Theme {
        profile: Some(Profile::Restore),
        steps: &[
            step("back-up", 0),
            step("raise", 0),
            step("sync", ONE),
            step("restore", 999),
            step("sync", ONE),
        ],
    },
    // A terminal of an old program hands over what it has, and is given nothing.
    Theme {
        profile: Some(Profile::Restore),
        steps: &[
            which("install", ONE, |step| step.roll(1, 3) != 0),
            which("raise", 0, |step| step.roll(2, 2) == 0),
            step("write", TWO),
            step("sync", TWO),
            which("write", ONE, long),
            step("sync", ONE),
            step("restart", 0),
            step("sync", ONE),
        ],
    },
    // Somebody left a team with work that nobody has, and hears of it before the work is sent.
    Theme {
        profile: Some(Profile::People),
        steps: &[
            step("sync", ONE),
            which("reassign", 0, |step| step.roll(1, 4) == 0),
            which("reassign", 0, |step| step.roll(1, 4) == 1),
            step("write", ONE),
            step("reopen", ONE),
            step("sync", ONE),
            step("sync", TWO),
        ],
    },
    // A new revision of the checklist comes while a visit is under way.
    Theme {
        profile: Some(Profile::People),
        steps: &[
            which("answer", ONE, passes),
            step("sync", ONE),
            step("revise", 0),
            which("answer", TWO, fails),
            step("sync", TWO),
            step("sync", ONE),
        ],
    },
    // An original changes on the way.
    Theme {
        profile: Some(Profile::Network),
        steps: &[step("capture", ONE), step("spoil-part", ONE), step("sync", ONE), step("sync", ONE)],
    },
];
