//! Chains against a reference: whoever holds a journal's end believes exactly what was signed upon it, entry by entry, and is
//! moved by nothing else.

use super::tests::{chain_upon, device, key};
use super::*;
use crate::suite::{MemoryKey, Signature};
use proptest::prelude::*;
use proptest::sample::Index;
use std::sync::LazyLock;

/// Entries of the device before it was copied.
const TRUNK: usize = 24;
/// Entries that each copy wrote.
const BRANCH: usize = 6;

/// Everything that a device and copies of it signed; each entry with the place of the one before it.
struct Wood {
    entries: Vec<SignedEntry>,
    before: Vec<Option<usize>>,
}

impl Wood {
    fn grow(&mut self, upon: Option<usize>, length: usize, salt: u64) -> usize {
        let tip = upon.map_or(Tip::default(), |place| self.tip(place));
        let first = self.entries.len();
        for (place, signed) in (first..).zip(chain_upon(&key(), tip, length, salt)) {
            self.before.push(if place == first { upon } else { Some(place - 1) });
            self.entries.push(signed);
        }
        self.entries.len() - 1
    }

    fn tip(&self, place: usize) -> Tip {
        let depth = std::iter::successors(self.before[place], |place| self.before[*place]).count() as u64;
        Tip { seq: depth + 1, hash: Some(self.entries[place].hash()) }
    }
}

/// A trunk, and a copy's branch from each fourth of its entries.
static WOOD: LazyLock<Wood> = LazyLock::new(|| {
    let mut wood = Wood { entries: Vec::new(), before: Vec::new() };
    let end = wood.grow(None, TRUNK, 0);
    for place in (0..end).step_by(4) {
        wood.grow(Some(place), BRANCH, place as u64 + 1);
    }
    wood
});

/// What is done with entries before they are shown.
#[derive(Debug, Clone)]
enum Bend {
    Nothing,
    /// One bit of an entry is another.
    Bit(Index, Index),
    /// Two that follow each other change places.
    Swap(Index),
    /// One is left out.
    Gap(Index),
    /// One is shown twice.
    Twice(Index),
    /// One is signed by somebody else, in the same words.
    Signed(Index),
}

#[derive(Debug, Clone)]
enum Step {
    /// Some entries are shown, as they follow each other.
    Show { from: Index, length: usize, bend: Bend },
    /// The next of a branch of the end are shown.
    Next { length: usize, bend: Bend },
    /// Whoever holds the end comes back older.
    Back(Index),
}

fn bend() -> impl Strategy<Value = Bend> {
    let any = any::<Index>;
    prop_oneof![
        6 => Just(Bend::Nothing),
        1 => (any(), any()).prop_map(|(entry, bit)| Bend::Bit(entry, bit)),
        1 => any().prop_map(Bend::Swap),
        1 => any().prop_map(Bend::Gap),
        1 => any().prop_map(Bend::Twice),
        1 => any().prop_map(Bend::Signed),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (any::<Index>(), 0_usize..5, bend())
            .prop_map(|(from, length, bend)| Step::Show { from, length, bend }),
        4 => (1_usize..5, bend()).prop_map(|(length, bend)| Step::Next { length, bend }),
        1 => any::<Index>().prop_map(Step::Back),
    ]
}

impl Bend {
    /// Does it; what is shown then, with the place of what is still as it was signed.
    fn apply(&self, run: &[usize]) -> Vec<(SignedEntry, Option<usize>)> {
        let mut shown: Vec<_> =
            run.iter().map(|place| (WOOD.entries[*place].clone(), Some(*place))).collect();
        match self {
            _ if shown.is_empty() => {}
            Self::Nothing => {}
            Self::Bit(entry, bit) => {
                let (entry, place) = entry.get_mut(&mut shown);
                let bit = bit.index(entry.bytes.len() * 8);
                entry.bytes[bit / 8] ^= 1 << (bit % 8);
                *place = None;
            }
            Self::Swap(first) if shown.len() > 1 => {
                let first = first.index(shown.len() - 1);
                shown.swap(first, first + 1);
            }
            Self::Swap(_) => {}
            Self::Gap(entry) => drop(shown.remove(entry.index(shown.len()))),
            Self::Twice(entry) => {
                let at = entry.index(shown.len());
                shown.insert(at, shown[at].clone());
            }
            Self::Signed(entry) => {
                let (entry, place) = entry.get_mut(&mut shown);
                let signature: Signature =
                    MemoryKey::from_secret(&[8; 32]).sign(Purpose::Journal, &entry.bytes);
                entry.signature = signature;
                *place = None;
            }
        }
        shown
    }
}

/// Entries from a place on, as they follow each other on one branch.
fn run(from: usize, length: usize) -> Vec<usize> {
    let follows =
        |place: &usize| Some(place + 1).filter(|next| WOOD.before.get(*next) == Some(&Some(*place)));
    std::iter::successors(Some(from), follows).take(length).collect()
}

proptest! {
    #[test]
    fn only_what_was_signed_upon_the_end_is_believed(steps in prop::collection::vec(step(), 1..100)) {
        let mut end: Option<usize> = None;
        for step in &steps {
            let (from, length, bend) = match step {
                Step::Back(to) => {
                    let path: Vec<_> = std::iter::successors(end, |place| WOOD.before[*place]).collect();
                    end = if path.is_empty() { None } else { Some(*to.get(&path)) };
                    continue;
                }
                Step::Show { from, length, bend } => (from.index(WOOD.entries.len()), *length, bend),
                Step::Next { length, bend } => {
                    let Some(next) = WOOD.before.iter().position(|before| *before == end) else { continue };
                    (next, *length, bend)
                }
            };
            let shown = bend.apply(&run(from, length));
            let mut last = end;
            let follows = shown.iter().all(|(_, place)| {
                let fits = place.is_some_and(|place| WOOD.before[place] == last);
                last = *place;
                fits
            });
            let tip = end.map_or(Tip::default(), |place| WOOD.tip(place));
            let entries: Vec<_> = shown.into_iter().map(|(entry, _)| entry).collect();
            match verify_chain(device(), &key().public_key(), tip, &entries) {
                Ok((read, reached)) => {
                    prop_assert!(follows, "believed what does not follow: {step:?}");
                    prop_assert_eq!(read.len(), entries.len());
                    end = last;
                    prop_assert_eq!(reached, end.map_or(Tip::default(), |place| WOOD.tip(place)));
                }
                Err(why) => prop_assert!(!follows, "refused what follows: {why}"),
            }
        }
    }
}
