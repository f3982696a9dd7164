use super::*;
use crate::suite::Digest;
use proptest::prelude::*;
use serde_json::Map;

fn series(form: &str) -> Series {
    Series { unit: "ORG-A-SUP".into(), form: form.into(), year: 2026 }
}

fn block(n: u8, first: u32, last: u32) -> Block {
    Block { id: BlockId::from_bytes([n; 16]), series: series("DOC-03"), first, last, at_entry: 5 }
}

fn used(visit: u8, record: u8, serial: u32, block: Option<u8>) -> Use {
    Use {
        inspection: InspectionId::from_bytes([visit; 16]),
        record: RecordId::from_bytes([record; 16]),
        number: Number { series: series("DOC-03"), serial },
        text: format!("2026-{serial:03}"),
        block: block.map(|n| BlockId::from_bytes([n; 16])),
        state: UseState::Standing,
        origin: Origin::default(),
    }
}

fn at(seconds: i64) -> Moment {
    Moment::from_micros(1_767_225_600_000_000).plus_seconds(seconds)
}

fn ended(conflict: Option<Digest>) -> Ended {
    Ended { reason: "重号".into(), by: "周主任".into(), at: at(0), conflict }
}

fn issued(serial: u32) -> Issued {
    let (unit, text) = ("ORG-A-SUP".into(), format!("2026-{serial:03}"));
    Issued { unit, year: 2026, serial, category: String::new(), text, block: None }
}

fn paper(serial: u32) -> Paper {
    Paper {
        form: "DOC-03".into(),
        number: Some(issued(serial)),
        note: String::new(),
        at: at(0),
        void: None,
        former: Vec::new(),
        rest: Map::new(),
    }
}

#[test]
fn the_lowest_free_number_of_the_lowest_block_is_next() {
    let blocks = [block(2, 11, 12), block(1, 1, 3)];
    let next = |taken: &[u32]| {
        let taken = taken.iter().copied().collect();
        let free = free_count(&blocks, &series("DOC-03"), &taken);
        (next_free(&blocks, &series("DOC-03"), &taken).map(|(_, serial)| serial), free)
    };
    assert_eq!(next(&[]), (Some(1), 5));
    assert_eq!(next(&[1, 3]), (Some(2), 3));
    assert_eq!(next(&[1, 2, 3]), (Some(11), 2));
    assert_eq!(next(&[1, 2, 3, 11, 12]), (None, 0));
    assert_eq!(next_free(&blocks, &series("DOC-04"), &BTreeSet::new()), None);
}

#[test]
fn blocks_are_cut_around_what_was_used_without_a_lease() {
    let cut = |last, size, taken: &[u32]| cut(last, size, &taken.iter().copied().collect());
    assert_eq!(cut(0, 20, &[]), Some((1, 20)));
    assert_eq!(cut(20, 10, &[25]), Some((21, 24)));
    assert_eq!(cut(24, 10, &[25, 26]), Some((27, 36)));
    assert_eq!(cut(20, 0, &[]), Some((21, 21)));
    assert_eq!(cut(SERIAL_MAX - 1, 10, &[]), Some((SERIAL_MAX, SERIAL_MAX)));
    assert_eq!(cut(SERIAL_MAX, 10, &[]), None);
    assert_eq!(cut(u32::MAX, 10, &[]), None);
}

#[test]
fn blocks_from_before_a_store_was_lost_are_left_alone() {
    let block = block(1, 1, 3);
    assert!(block.is_trusted(None) && block.is_trusted(Some(4)));
    assert!(!block.is_trusted(Some(5)) && !block.is_trusted(Some(9)));
}

#[test]
fn a_number_that_stands_twice_is_a_conflict_with_one_name() {
    let (one, two) = (used(1, 1, 7, Some(1)), used(2, 2, 7, Some(1)));
    let leased = |_: &Use| true;
    let [found] = &number_conflicts(&[one.clone(), two.clone()], leased)[..] else { panic!() };
    assert_eq!((found.sides.len(), found.inspection), (2, NO_VISIT));
    assert_eq!(number_conflicts(&[two.clone(), one.clone(), two.clone()], leased)[0].id, found.id);
    assert_eq!(Number::placed(&found.path), Some(one.number.clone()));
    let mut at: Vec<_> = found.sides.iter().map(|side| used_at(side).unwrap()).collect();
    at.sort();
    assert_eq!(at, [(one.inspection, one.record), (two.inspection, two.record)]);
    for state in [UseState::Void, UseState::Corrected] {
        let gone = Use { state, ..two.clone() };
        assert_eq!(number_conflicts(&[one.clone(), gone], leased), []);
    }
}

#[test]
fn a_number_outside_its_lease_is_a_conflict_until_it_is_void() {
    let typed = used(1, 1, 7, None);
    let leased = |one: &Use| one.block.is_some();
    let [found] = &number_conflicts(std::slice::from_ref(&typed), leased)[..] else { panic!() };
    assert_eq!(found.sides.len(), 1);
    assert_eq!(number_conflicts(&[used(1, 1, 7, Some(1))], leased), []);
    assert_eq!(number_conflicts(&[Use { state: UseState::Void, ..typed }], leased), []);
}

#[test]
fn a_place_names_its_number_whatever_the_unit_is_called() {
    let strange =
        Number { series: Series { unit: "a/b".into(), form: "DOC-03".into(), year: 2026 }, serial: 9 };
    assert_eq!(Number::placed(&strange.place()), Some(strange));
    for text in ["number/", "number/u/f/2026/x", "number/f/2026/1", "entity/u/f/2026/1"] {
        assert_eq!(Number::placed(text), None, "{text}");
    }
}

#[test]
fn a_lease_covers_its_own_terminal_until_it_is_closed() {
    let device = DeviceId::from_bytes([1; 16]);
    let leased = Leased { block: block(1, 1, 3), device: Some(device), closed_at: Some(at(10)) };
    let number = |serial| Number { series: series("DOC-03"), serial };
    assert!(leased.covers(&number(3), Some(device), at(10)));
    assert!(!leased.covers(&number(3), Some(device), at(11)));
    assert!(!leased.covers(&number(4), Some(device), at(0)));
    assert!(!leased.covers(&number(3), Some(DeviceId::from_bytes([2; 16])), at(0)));
    assert!(!leased.covers(&number(3), None, at(0)));
    let own = Leased { device: None, closed_at: None, ..leased };
    assert!(own.covers(&number(3), Some(device), at(11)));
}

#[test]
fn decisions_about_a_paper_form_are_taken_back() {
    let conflict = Digest::of(b"conflict");
    let undone = || ended(None);
    let whole = paper(7);
    let void = whole.clone().voided(ended(Some(conflict)));
    assert_eq!(void.clone().taken_back(conflict, undone()), Some(whole.clone()));
    assert_eq!(void.taken_back(Digest::of(b"another"), undone()), None);
    assert_eq!(whole.clone().taken_back(conflict, undone()), None);

    let moved = whole.clone().renumbered(issued(9), ended(Some(conflict)));
    assert_eq!((moved.number().unwrap().serial, moved.former[0].number.serial), (9, 7));
    let back = moved.clone().taken_back(conflict, undone()).unwrap();
    assert_eq!((back.number().unwrap().serial, back.former[0].number.serial), (7, 9));
    // What officers made void meanwhile stays void.
    assert_eq!(moved.voided(ended(None)).taken_back(conflict, undone()), None);
    let read = Paper::from_register(&back.to_register()).unwrap();
    assert_eq!(read, back);
}

#[test]
fn registers_keep_their_released_form() {
    let void = paper(7).renumbered(issued(9), ended(Some(Digest::of(b"c")))).voided(ended(None));
    insta::assert_snapshot!(void.to_register(), @r#"{"at":"2026-01-01T00:00:00.000000Z","form":"DOC-03","former":[{"ended":{"at":"2026-01-01T00:00:00.000000Z","by":"周主任","conflict":"std-2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6","reason":"重号"},"number":{"serial":7,"text":"2026-007","unit":"ORG-A-SUP","year":2026}}],"number":{"serial":9,"text":"2026-009","unit":"ORG-A-SUP","year":2026},"void":{"at":"2026-01-01T00:00:00.000000Z","by":"周主任","reason":"重号"}}"#);
    let later = r#"{"at":"2026-01-01T00:00:00.000000Z","form":"DOC-01","signed":true}"#;
    assert_eq!(Paper::from_register(later).unwrap().to_register(), later);
    let row = NumbersRow {
        epoch: Digest::of(b"e"),
        unit: "U".into(),
        prefix: "棠卫".into(),
        blocks: vec![block(1, 1, 20)],
    };
    insta::assert_snapshot!(serde_json::to_string(&row).unwrap(), @r#"{"epoch":"std-3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea","unit":"U","prefix":"棠卫","blocks":[{"id":"01010101-0101-0101-0101-010101010101","unit":"ORG-A-SUP","form":"DOC-03","year":2026,"first":1,"last":20,"at_entry":5}]}"#);
}

#[test]
fn the_next_year_is_carried_when_it_is_near() {
    let december = |day: i64| at(-(32 - day) * 24 * 3600);
    assert_eq!(years_carried(at(0)), [2026]);
    assert_eq!(years_carried(december(10)), [2025]);
    assert_eq!(years_carried(december(28)), [2025, 2026]);
    let carried = carried_by(FormRegister::shipped(), "U", "棠卫", at(0));
    assert_eq!(carried.len(), 14);
    assert_eq!(carried_by(FormRegister::shipped(), "U", "", at(0)).len(), 9);
}

/// A server and its terminals, as far as numbers go.
#[derive(Debug, Default)]
struct World {
    last: u32,
    leased: Vec<Leased>,
    /// What the server has heard of, from whom and when.
    known: Vec<(Use, DeviceId, Moment)>,
    /// How long it holds the terminals' journals to be.
    tips: [u64; 3],
    terminals: [Terminal; 3],
    /// Every number that a terminal gave, whatever became of the record.
    given: Vec<u32>,
    now: i64,
}

#[derive(Debug, Clone, Default)]
struct Terminal {
    blocks: Vec<Block>,
    uses: Vec<Use>,
    /// How long its journal is.
    entries: u64,
    /// Where its journal ended when it lost sight of what it had given.
    since: Option<u64>,
    /// False from a restore until the next sync.
    unproved: bool,
    backup: Option<Box<Terminal>>,
}

#[derive(Debug, Clone)]
enum Act {
    Give(usize),
    Type(usize, u32),
    Void(usize),
    Sync(usize),
    Backup(usize),
    Restore(usize),
    Return(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let who = 0..3_usize;
    let act = prop_oneof![
        6 => who.clone().prop_map(Act::Give),
        1 => (who.clone(), 1..40_u32).prop_map(|(who, serial)| Act::Type(who, serial)),
        1 => who.clone().prop_map(Act::Void),
        4 => who.clone().prop_map(Act::Sync),
        1 => who.clone().prop_map(Act::Backup),
        1 => who.clone().prop_map(Act::Restore),
        1 => who.prop_map(Act::Return),
    ];
    prop::collection::vec(act, 0..80)
}

fn device(who: usize) -> DeviceId {
    DeviceId::from_bytes([u8::try_from(who).unwrap() + 1; 16])
}

impl World {
    fn play(&mut self, act: &Act) {
        self.now += 1;
        let n = u8::try_from(self.now).unwrap();
        match *act {
            Act::Give(who) => self.given.extend(self.terminals[who].give(u8::try_from(who).unwrap(), n)),
            Act::Type(who, serial) => {
                self.terminals[who].uses.push(used(u8::try_from(who).unwrap(), n, serial, None));
                self.terminals[who].entries += 1;
            }
            Act::Void(who) => {
                if let Some(last) = self.terminals[who].uses.last_mut() {
                    last.state = UseState::Void;
                }
            }
            Act::Sync(who) => self.sync(who),
            Act::Backup(who) => {
                let copy = Terminal { backup: None, ..self.terminals[who].clone() };
                self.terminals[who].backup = Some(Box::new(copy));
            }
            Act::Restore(who) => {
                if let Some(copy) = self.terminals[who].backup.clone() {
                    self.terminals[who] = Terminal { unproved: true, ..*copy };
                }
            }
            Act::Return(who) => self.close(who, u64::MAX),
        }
    }

    /// Closes what was leased to a terminal when its journal was at most so long.
    fn close(&mut self, who: usize, until: u64) {
        let now = at(self.now);
        let theirs = |leased: &&mut Leased| {
            leased.device == Some(device(who)) && leased.closed_at.is_none() && leased.block.at_entry <= until
        };
        self.leased.iter_mut().filter(theirs).for_each(|leased| leased.closed_at = Some(now));
    }

    /// Everything is sent; a store that came back older goes on behind the server's end of its journal, with new blocks.
    fn sync(&mut self, who: usize) {
        let now = at(self.now);
        let terminal = &mut self.terminals[who];
        if std::mem::take(&mut terminal.unproved) {
            let since = terminal.entries.max(self.tips[who]);
            terminal.since = Some(since);
            terminal.entries = since + 1;
        }
        self.tips[who] = terminal.entries;
        for one in &terminal.uses {
            let same = |known: &&mut (Use, DeviceId, Moment)| known.0.record == one.record;
            match self.known.iter_mut().find(same) {
                Some(known) => known.0.state = known.0.state.max(one.state),
                None => self.known.push((one.clone(), device(who), now)),
            }
        }
        // What the server had heard before comes down again with the documents.
        for (one, by, _) in &self.known {
            if *by == device(who) && terminal.uses.iter().all(|here| here.record != one.record) {
                terminal.uses.push(one.clone());
            }
        }
        if let Some(since) = self.terminals[who].since {
            self.close(who, since);
        }
        let taken: BTreeSet<u32> = self.known.iter().map(|(one, ..)| one.number.serial).collect();
        if free_count(&self.open(who), &series("DOC-03"), &taken) <= 2
            && let Some((first, last)) = cut(self.last, 5, &taken)
        {
            let id = BlockId::from_bytes([u8::try_from(self.leased.len()).unwrap() + 1; 16]);
            let block = Block { id, series: series("DOC-03"), first, last, at_entry: self.tips[who] };
            self.leased.push(Leased { block, device: Some(device(who)), closed_at: None });
            self.last = last;
        }
        self.terminals[who].blocks = self.open(who);
    }

    fn open(&self, who: usize) -> Vec<Block> {
        let open = |leased: &&Leased| leased.device == Some(device(who)) && leased.closed_at.is_none();
        self.leased.iter().filter(open).map(|leased| leased.block.clone()).collect()
    }

    fn found(&self) -> Vec<Conflict> {
        let uses: Vec<Use> = self.known.iter().map(|(one, ..)| one.clone()).collect();
        number_conflicts(&uses, |one| {
            let known = self.known.iter().find(|(known, ..)| known == one).unwrap();
            let block = self.leased.iter().find(|leased| Some(leased.block.id) == one.block);
            block.is_some_and(|block| block.covers(&one.number, Some(known.1), known.2))
        })
    }
}

impl Terminal {
    fn give(&mut self, who: u8, record: u8) -> Option<u32> {
        let taken: BTreeSet<u32> = self.uses.iter().map(|one| one.number.serial).collect();
        let trusted = self.blocks.iter().filter(|block| !self.unproved && block.is_trusted(self.since));
        let (block, serial) = next_free(trusted, &series("DOC-03"), &taken)?;
        self.uses.push(Use { block: Some(block), ..used(who, record, serial, None) });
        self.entries += 1;
        Some(serial)
    }
}

proptest! {
    #[test]
    fn no_number_is_given_twice_and_no_gap_is_without_a_reason(acts in acts()) {
        let mut world = World::default();
        for act in &acts {
            world.play(act);
        }
        (0..3).for_each(|who| world.sync(who));
        // Whatever was restored: no terminal gives what was given, not even what nobody knows of any more.
        let distinct: BTreeSet<u32> = world.given.iter().copied().collect();
        prop_assert_eq!(distinct.len(), world.given.len(), "{:?}", world.given);

        let found = world.found();
        let mut count: BTreeMap<&Number, usize> = BTreeMap::new();
        for (one, ..) in world.known.iter().filter(|(one, ..)| one.state == UseState::Standing) {
            *count.entry(&one.number).or_default() += 1;
        }
        for (number, times) in count {
            let is_found = found.iter().any(|conflict| conflict.path == number.place());
            prop_assert!(times == 1 || is_found, "{number:?} stands {times} times");
        }
        let uses: Vec<Use> = world.known.iter().map(|(one, ..)| one.clone()).collect();
        let ledger = ledger(world.last, &world.leased, &uses);
        prop_assert_eq!(ledger.count(Stand::Unexplained), 0);
        prop_assert!(ledger.places.len() >= world.last as usize);
        let is_plain = |act: &Act| matches!(act, Act::Give(_) | Act::Void(_) | Act::Sync(_));
        if acts.iter().all(is_plain) {
            prop_assert_eq!(found, []);
        }
    }
}
