//! Plans: lists of steps, drawn from a seed, written and read as one line.

use super::stage::Sim;
use super::themes::{self, Theme};
use super::{acts, faults, hostile, office};
use futures::future::LocalBoxFuture;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::fmt;
use std::str::FromStr;

/// Steps of one plan.
const STEPS: usize = 60;
/// Stories of one plan, at most. Each has its part of the steps, and others among its own.
const STORIES: usize = 2;

/// Something that can happen: an act of somebody or a fault.
pub struct Event {
    /// Its name in plans.
    pub name: &'static str,
    /// How often it is drawn, in relation to the others.
    pub weight: u32,
    /// Which kinds of bad luck it belongs to; none for what happens in every plan.
    pub profile: Option<Profile>,
    /// What happens; what is said of it belongs to the trace.
    pub happen: for<'a> fn(&'a mut Sim, Step) -> LocalBoxFuture<'a, String>,
}

/// Which bad luck there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// None.
    Calm,
    /// Links that lose, repeat and break.
    Network,
    /// Disks of terminals and server that fail, and power that does.
    Disk,
    /// Clocks that are wrong.
    Clock,
    /// Terminals that come back older, and copies of terminals.
    Copies,
    /// A server that comes back older.
    Restore,
    /// Teams that change, terminals that are revoked.
    People,
    /// A stranger with a terminal.
    Hostile,
    /// All of it.
    Mixed,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Calm,
        Self::Network,
        Self::Disk,
        Self::Clock,
        Self::Copies,
        Self::Restore,
        Self::People,
        Self::Hostile,
        Self::Mixed,
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Network => "network",
            Self::Disk => "disk",
            Self::Clock => "clock",
            Self::Copies => "copies",
            Self::Restore => "restore",
            Self::People => "people",
            Self::Hostile => "hostile",
            Self::Mixed => "mixed",
        }
    }

    /// Finds one by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// The one that a seed gets where nobody chose.
    pub fn of(seed: u64) -> Self {
        Self::ALL[(seed % Self::ALL.len() as u64) as usize]
    }

    /// Whether something of this kind happens in it.
    pub fn has(self, kind: Option<Self>) -> bool {
        kind.is_none_or(|kind| self == kind || self == Self::Mixed)
    }
}

/// All that can happen.
pub fn events() -> impl Iterator<Item = &'static Event> {
    acts::ALL.iter().chain(office::ALL).chain(faults::ALL).chain(hostile::ALL)
}

/// One step. What its numbers point to is found when it is played, whatever is there by then: so steps can be left out.
#[derive(Clone, Copy)]
pub struct Step {
    pub(super) event: &'static Event,
    /// Who or what.
    pub at: u32,
    /// Everything else.
    pub dice: u32,
}

impl Step {
    /// Lets it happen.
    pub async fn play(self, sim: &mut Sim) -> String {
        (self.event.happen)(sim, self).await
    }

    /// One of `count` things, by the step's first number.
    pub fn among(self, count: usize) -> usize {
        self.at as usize % count.max(1)
    }

    /// A number below `count` of the step's second number, another for every `nth`.
    pub fn roll(self, nth: u32, count: usize) -> usize {
        let mut dice = ChaCha8Rng::seed_from_u64(u64::from(self.dice) << 8 | u64::from(nth));
        (dice.next_u64() % count.max(1) as u64) as usize
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.event.name, self.at, self.dice)
    }
}

/// Steps in order.
#[derive(Debug, Clone)]
pub struct Plan(pub Vec<Step>);

impl Plan {
    /// The plan of a seed: steps by their weights, and mostly the steps of one or two stories among them, in their order.
    pub fn draw(seed: u64, profile: Profile) -> Self {
        let mut dice = Dice(ChaCha8Rng::seed_from_u64(seed));
        let events: Vec<&'static Event> = events().filter(|event| profile.has(event.profile)).collect();
        let mut steps: Vec<Step> = (0..STEPS)
            .map(|_| {
                let event = dice.one_of(&events, |event| event.weight);
                Step { event, at: dice.below(1000), dice: dice.below(100_000) }
            })
            .collect();
        let told: Vec<&'static Theme> =
            themes::ALL.iter().filter(|theme| profile.has(theme.profile)).collect();
        for part in 0..STORIES {
            if dice.below(4) == 0 || told.is_empty() {
                continue;
            }
            let (theme, visit) = (dice.one_of(&told, |_| 1), dice.below(1000) as usize);
            let room = STEPS / STORIES;
            let mut at = part * room + dice.below((room + 1 - 2 * theme.steps.len()) as u32) as usize;
            for cast in theme.steps {
                steps[at] = cast.draw(visit, || dice.below(100_000));
                at += 1 + dice.below(2) as usize;
            }
        }
        Self(steps)
    }
}

struct Dice(ChaCha8Rng);

impl Dice {
    fn below(&mut self, bound: u32) -> u32 {
        (self.0.next_u64() % u64::from(bound)) as u32
    }

    fn one_of<T: Copy>(&mut self, all: &[T], weight: impl Fn(T) -> u32) -> T {
        let mut left = self.below(all.iter().map(|one| weight(*one)).sum());
        let found = all.iter().find(|one| {
            let here = left < weight(**one);
            left = left.saturating_sub(weight(**one));
            here
        });
        *found.expect("weights are counted")
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<String> = self.0.iter().map(Step::to_string).collect();
        f.write_str(&steps.join("; "))
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let step = |text: &str| {
            let wrong = || format!("{text:?} is not a step: a name and two numbers");
            let [name, at, dice] = text.split_whitespace().collect::<Vec<_>>()[..] else {
                return Err(wrong());
            };
            let event = events().find(|event| event.name == name);
            Ok(Step {
                event: event.ok_or_else(wrong)?,
                at: at.parse().map_err(|_| wrong())?,
                dice: dice.parse().map_err(|_| wrong())?,
            })
        };
        text.split(';').filter(|part| !part.trim().is_empty()).map(step).collect::<Result<_, _>>().map(Self)
    }
}
