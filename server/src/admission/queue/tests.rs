//! Fairness, on virtual time.

use super::*;

/// Numbers by chance, the same in every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

const MIB: u64 = 1024 * 1024;
const LIMITS: Limits = Limits { in_flight: 32, weight: 64 * MIB, waiting: 256 };
/// What a request may wait in the queue.
const PATIENCE_MS: u64 = 8_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Asks(usize),
    Answered(usize),
    Tires(usize, Ticket),
}

/// Terminals that have requests to make, each after the last one, and a server that answers at one pace.
struct Play {
    queue: Queue<usize>,
    events: BTreeMap<(u64, u64), Event>,
    order: u64,
    /// Weights that each terminal has left.
    left: Vec<Vec<u64>>,
    tickets: HashMap<Ticket, usize>,
    asked_ms: Vec<u64>,
    begun_ms: Vec<u64>,
    done_ms: Vec<u64>,
    /// How long each request waited, from the first try to being let in.
    waits: Vec<Vec<u64>>,
    /// Milliseconds for a mebibyte on one of the server's places.
    pace_ms: u64,
    dice: Dice,
    refusals: u64,
    most: (usize, u64),
}

impl Play {
    fn new(left: Vec<Vec<u64>>, arrive_within_ms: u64, pace_ms: u64) -> Self {
        let count = left.len();
        let mut play = Self {
            queue: Queue::new(LIMITS, 1),
            events: BTreeMap::new(),
            order: 0,
            left,
            tickets: HashMap::new(),
            asked_ms: vec![0; count],
            begun_ms: vec![0; count],
            done_ms: vec![0; count],
            waits: vec![Vec::new(); count],
            pace_ms,
            dice: Dice(7),
            refusals: 0,
            most: (0, 0),
        };
        for terminal in 0..count {
            let at = play.dice.next() % arrive_within_ms.max(1);
            (play.asked_ms[terminal], play.begun_ms[terminal]) = (at, at);
            play.at(at, Event::Asks(terminal));
        }
        play
    }

    fn at(&mut self, ms: u64, event: Event) {
        self.order += 1;
        self.events.insert((ms, self.order), event);
    }

    fn run(&mut self) {
        while let Some(((now, _), event)) = self.events.pop_first() {
            match event {
                Event::Asks(terminal) => {
                    let weight = *self.left[terminal].last().unwrap();
                    let (answer, moved) = self.queue.ask(now, terminal, weight);
                    self.take(now, moved);
                    match answer {
                        Answer::Enter => self.enter(now, terminal),
                        Answer::Return => self.refuse(now, terminal),
                        Answer::Wait(ticket) => {
                            self.tickets.insert(ticket, terminal);
                            self.at(now + PATIENCE_MS, Event::Tires(terminal, ticket));
                        }
                    }
                }
                Event::Tires(terminal, ticket) => {
                    if self.queue.leave(ticket) {
                        self.tickets.remove(&ticket);
                        self.refuse(now, terminal);
                    }
                }
                Event::Answered(terminal) => {
                    let weight = *self.left[terminal].last().unwrap();
                    let moved = self.queue.done(now, terminal, weight);
                    self.take(now, moved);
                    self.left[terminal].pop();
                    self.done_ms[terminal] = now;
                    if !self.left[terminal].is_empty() {
                        self.asked_ms[terminal] = now;
                        self.at(now, Event::Asks(terminal));
                    }
                }
            }
            let (count, weight) = self.queue.load();
            self.most = (self.most.0.max(count), self.most.1.max(weight));
        }
        assert!(self.left.iter().all(Vec::is_empty), "somebody starves");
        assert!(self.most.0 <= LIMITS.in_flight && self.most.1 <= LIMITS.weight, "{:?}", self.most);
    }

    fn take(&mut self, now: u64, moved: Moved) {
        for ticket in moved.entered {
            let terminal = self.tickets.remove(&ticket).unwrap();
            self.enter(now, terminal);
        }
        for ticket in moved.dropped {
            let terminal = self.tickets.remove(&ticket).unwrap();
            self.refuse(now, terminal);
        }
    }

    fn enter(&mut self, now: u64, terminal: usize) {
        self.waits[terminal].push(now - self.asked_ms[terminal]);
        let weight = *self.left[terminal].last().unwrap();
        self.at(now + (weight * self.pace_ms / MIB).max(1), Event::Answered(terminal));
    }

    fn refuse(&mut self, now: u64, terminal: usize) {
        self.refusals += 1;
        let weight = *self.left[terminal].last().unwrap();
        let random = self.dice.next();
        let wait = self.queue.return_ms(now, weight, random);
        // What a terminal adds of its own.
        let wait = wait + self.dice.next() % (1_000 + wait / 8);
        self.at(now + wait, Event::Asks(terminal));
    }

    /// From first asking to the end of all requests: the middle one, and the longest.
    fn spans(&self) -> (u64, u64) {
        let mut spans: Vec<_> =
            self.done_ms.iter().zip(&self.begun_ms).map(|(done, begun)| done - begun).collect();
        spans.sort_unstable();
        (spans[spans.len() / 2], spans[spans.len() - 1])
    }
}

#[test]
fn ten_thousand_terminals_that_return_together_are_all_served_in_time() {
    // An hour's backlog of 2 MiB each; the server answers 40 MiB in a second, so that 500 s is the least.
    let mut play = Play::new(vec![vec![MIB, MIB]; 10_000], 5_000, 800);
    play.run();
    let (middle, longest) = play.spans();
    let end = play.done_ms.iter().max().unwrap();
    println!("middle {middle} ms, longest {longest} ms, end {end} ms, {} refusals", play.refusals);
    assert!(longest <= 3 * middle, "{longest} > 3 × {middle}");
    assert!(*end <= 15 * 60 * 1000, "{end}");
    assert!(play.refusals < 10 * 20_000, "{} refusals", play.refusals);
}

#[test]
fn one_very_heavy_terminal_does_not_slow_the_others() {
    let light = || vec![vec![MIB; 8]; 400];
    let mut without = Play::new(light(), 10_000, 800);
    without.run();
    let mut with = Play::new([light(), vec![vec![8 * MIB; 100]]].concat(), 10_000, 800);
    with.run();
    let slowest = |play: &Play| {
        let mut waits: Vec<_> = play.waits[..400].iter().flatten().copied().collect();
        waits.sort_unstable();
        waits[waits.len() * 99 / 100]
    };
    println!("p99 {} ms without, {} ms with", slowest(&without), slowest(&with));
    assert!(slowest(&with) <= slowest(&without) * 3 / 2 + 100);
}

#[test]
fn a_device_that_is_served_much_stands_behind_one_that_is_served_little() {
    let mut queue = Queue::new(Limits { in_flight: 1, weight: MIB, waiting: 8 }, 1);
    assert_eq!(queue.ask(0, 'a', 10).0, Answer::Enter);
    let (Answer::Wait(again), _) = queue.ask(1, 'a', 10) else { panic!("one at a time") };
    assert_eq!(queue.ask(2, 'a', 10).0, Answer::Return, "one in wait");
    let (Answer::Wait(other), _) = queue.ask(3, 'b', 10) else { panic!("there is no room") };
    assert_eq!(queue.done(4, 'a', 10), Moved { entered: vec![other], dropped: vec![] });
    assert_eq!(queue.done(5, 'b', 10), Moved { entered: vec![again], dropped: vec![] });
    assert_eq!(queue.done(6, 'a', 10), Moved::default());
    assert_eq!(queue.load(), (0, 0));
}

#[test]
fn a_device_has_a_few_at_work_and_a_few_in_wait_where_it_may() {
    let mut queue = Queue::new(Limits { in_flight: 3, weight: MIB, waiting: 8 }, 2);
    assert_eq!([queue.ask(0, 'a', 10).0, queue.ask(0, 'a', 10).0], [Answer::Enter; 2]);
    let (Answer::Wait(third), _) = queue.ask(0, 'a', 10) else { panic!("two at a time") };
    let (Answer::Wait(fourth), _) = queue.ask(0, 'a', 10) else { panic!("two in wait") };
    assert_eq!(queue.ask(0, 'a', 10).0, Answer::Return);
    // Who has all at work that it may does not keep others from the room that is left.
    assert_eq!(queue.ask(1, 'b', 10).0, Answer::Enter);
    assert_eq!(queue.done(2, 'a', 10).entered, [third]);
    assert_eq!(queue.load(), (3, 30));
    // One that waits in the middle may go; what was behind it stays.
    assert!(queue.leave(fourth));
    let (Answer::Wait(last), _) = queue.ask(3, 'a', 10) else { panic!("there is room to wait") };
    assert_eq!(queue.done(4, 'a', 10).entered, [last]);
    for _ in 0..2 {
        assert_eq!(queue.done(5, 'a', 10), Moved::default());
    }
    assert_eq!(queue.done(6, 'b', 10), Moved::default());
    assert_eq!(queue.load(), (0, 0));
}

#[test]
fn whoever_was_refused_keeps_the_place() {
    let mut queue = Queue::new(Limits { in_flight: 1, weight: MIB, waiting: 1 }, 1);
    assert_eq!(queue.ask(0, 0, 10).0, Answer::Enter);
    let (Answer::Wait(_), _) = queue.ask(1, 1, 10) else { panic!("one may wait") };
    assert_eq!(queue.ask(2, 2, 10).0, Answer::Return);
    assert_eq!(queue.done(3, 0, 10).entered.len(), 1);
    let (Answer::Wait(late), _) = queue.ask(4, 3, 10) else { panic!("one may wait") };
    let (Answer::Wait(early), moved) = queue.ask(5, 2, 10) else { panic!("it was there before") };
    assert_eq!(moved.dropped, [late]);
    assert!(queue.leave(early) && !queue.leave(early));
}

#[test]
fn what_is_heavier_than_all_that_fits_is_let_in_alone() {
    let mut queue = Queue::new(Limits { in_flight: 4, weight: 100, waiting: 8 }, 1);
    assert_eq!(queue.ask(0, 'a', 1000).0, Answer::Enter);
    let (Answer::Wait(light), _) = queue.ask(1, 'b', 1) else { panic!("there is no room") };
    assert_eq!(queue.done(2, 'a', 1000).entered, [light]);
}

#[test]
fn moments_to_return_are_bounded_and_one_after_another() {
    let mut queue: Queue<u8> = Queue::new(LIMITS, 1);
    let moments: Vec<_> = (0..2_000).map(|_| queue.return_ms(0, MIB, 0)).collect();
    assert!(moments.is_sorted());
    assert!(moments.iter().all(|ms| (RETURN_MS_MIN..=RETURN_MS_MAX * 9 / 8).contains(ms)));
    assert!(queue.return_ms(0, MIB, u64::MAX) <= RETURN_MS_MAX * 9 / 8);
}
