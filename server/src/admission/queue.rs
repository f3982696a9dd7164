//! Whose turn it is: a pure decision over weights and virtual time, so that a test can play an hour in a second.
//!
//! Start-time fair queuing: every request has a place on a common scale of weight served, and a device's next one stands
//! behind its last one by that one's weight. Who was refused keeps the place, and is given a moment at which its turn will
//! have come, one after another: a thousand terminals that return together are spread over the time that serving them
//! takes.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

/// How much is let in.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests at work at the same time.
    pub in_flight: usize,
    /// Their weights together, in bytes. One that is heavier by itself is let in alone.
    pub weight: u64,
    /// Requests that wait for a place; each holds a connection and no memory.
    pub waiting: usize,
}

/// The earliest that somebody is asked to return, in milliseconds.
const RETURN_MS_MIN: u64 = 1_000;
/// The latest. Whoever returns too early is refused again and costs little; whoever returns too late leaves the server idle.
const RETURN_MS_MAX: u64 = 180_000;
/// Over how long the rate of service is measured.
const RATE_MS: f64 = 15_000.0;
/// Bytes per millisecond that are taken for granted while little was measured: 16 MiB in a second. Rather too much than too
/// little, for the same reason.
const RATE_MIN: f64 = 16_777.0;
/// Places that are remembered for devices of which nothing waits.
const PLACES_MAX: usize = 65_536;
/// How long the place of a device is kept that was asked to return and did not.
const KEPT_MS: u64 = 30 * 60_000;

/// The name of a request that waits.
pub type Ticket = u64;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is let in.
    Enter,
    /// It waits.
    Wait(Ticket),
    /// Too much waits already.
    Return,
}

/// What changed for requests that wait.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// These are let in now.
    pub entered: Vec<Ticket>,
    /// These have to return: others have waited for longer.
    pub dropped: Vec<Ticket>,
}

/// Where a device stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// Where its next request begins at the earliest.
    next: u64,
    /// The request that was refused, or that waits before its others: where it begins, and its ticket, which decides between
    /// equals.
    asked: Option<(u64, Ticket)>,
    seen_ms: u64,
}

#[derive(Debug, Clone)]
struct Waiting<K> {
    key: K,
    weight: u64,
}

/// Requests at work and in wait, by device.
#[derive(Debug)]
pub struct Queue<K> {
    limits: Limits,
    /// Requests of one device at work at the same time, and as many more in wait.
    each: usize,
    /// How many of each device are at work, of those that have any.
    at_work: HashMap<K, usize>,
    at_work_count: usize,
    weight: u64,
    waiting: BTreeMap<(u64, Ticket), Waiting<K>>,
    waiting_weight: u64,
    places: HashMap<K, Place>,
    now_served: u64,
    last_ticket: Ticket,
    /// Bytes served, fading.
    served: f64,
    served_ms: u64,
    /// Until when the time is given away to those who were asked to return.
    booked_ms: u64,
}

impl<K: Copy + Eq + std::hash::Hash> Queue<K> {
    /// An empty one that lets in so many requests of `each` device at a time.
    pub fn new(limits: Limits, each: usize) -> Self {
        Self {
            limits,
            each,
            at_work: HashMap::new(),
            at_work_count: 0,
            weight: 0,
            waiting: BTreeMap::new(),
            waiting_weight: 0,
            places: HashMap::new(),
            now_served: 0,
            last_ticket: 0,
            served: 0.0,
            served_ms: 0,
            booked_ms: 0,
        }
    }

    /// A request of a device with its weight in bytes. One device has so many requests at work as each may, and so many in
    /// wait.
    pub fn ask(&mut self, now_ms: u64, key: K, weight: u64) -> (Answer, Moved) {
        let mut moved = Moved::default();
        let own = self.waiting.iter().filter(|(_, waiting)| waiting.key == key);
        let own: Vec<u64> = own.map(|((start, _), waiting)| start.saturating_add(waiting.weight)).collect();
        if own.len() >= self.each {
            return (Answer::Return, moved);
        }
        let (start, ticket) = match own.last() {
            // Behind the last one that waits; when it is refused it keeps no place of its own.
            Some(behind) => {
                self.last_ticket += 1;
                (*behind, self.last_ticket)
            }
            None => self.place(now_ms, key),
        };
        if self.waiting.is_empty() && self.fits(key, weight) {
            self.enter(now_ms, key, (start, ticket), weight);
            return (Answer::Enter, moved);
        }
        if self.waiting.len() >= self.limits.waiting {
            let last = self.waiting.last_key_value().map(|(place, _)| *place);
            match last.filter(|last| *last > (start, ticket)) {
                // Somebody who was asked to return has waited for longer than the last one here.
                Some(last) => {
                    self.forget(last);
                    moved.dropped.push(last.1);
                }
                None => return (Answer::Return, moved),
            }
        }
        self.waiting.insert((start, ticket), Waiting { key, weight });
        self.waiting_weight += weight;
        self.advance(now_ms, &mut moved);
        match moved.entered.iter().position(|entered| *entered == ticket) {
            Some(at) => {
                moved.entered.swap_remove(at);
                (Answer::Enter, moved)
            }
            None => (Answer::Wait(ticket), moved),
        }
    }

    /// A device's request of this weight has been answered.
    pub fn done(&mut self, now_ms: u64, key: K, weight: u64) -> Moved {
        if let Entry::Occupied(mut own) = self.at_work.entry(key) {
            match own.get() - 1 {
                0 => {
                    own.remove();
                }
                left => *own.get_mut() = left,
            }
            self.at_work_count -= 1;
            self.weight -= weight;
            self.fade(now_ms);
            self.served += weight as f64;
        }
        let mut moved = Moved::default();
        self.advance(now_ms, &mut moved);
        moved
    }

    /// A request does not wait any longer; its device keeps its place. False when it was let in or dropped already.
    pub fn leave(&mut self, ticket: Ticket) -> bool {
        let place = self.waiting.keys().find(|(_, known)| *known == ticket).copied();
        place.is_some_and(|place| self.forget(place))
    }

    /// In how many milliseconds a device that was refused shall return, given an unpredictable number.
    pub fn return_ms(&mut self, now_ms: u64, weight: u64, random: u64) -> u64 {
        self.fade(now_ms);
        let rate = (self.served / RATE_MS).max(RATE_MIN);
        let time = |bytes: u64| (bytes as f64 / rate) as u64;
        let first = now_ms + time(self.waiting_weight + self.weight);
        self.booked_ms = self.booked_ms.max(first).min(now_ms + RETURN_MS_MAX) + time(weight);
        let wait = self.booked_ms.saturating_sub(now_ms);
        // Spread also where the estimate is the same for all.
        (wait + random % (RETURN_MS_MIN + wait / 8)).clamp(RETURN_MS_MIN, RETURN_MS_MAX + RETURN_MS_MAX / 8)
    }

    /// Requests at work, and their weights together.
    pub fn load(&self) -> (usize, u64) {
        (self.at_work_count, self.weight)
    }

    fn place(&mut self, now_ms: u64, key: K) -> (u64, Ticket) {
        if self.places.len() >= PLACES_MAX {
            let served = self.now_served;
            self.places.retain(|_, place| match place.asked {
                Some(_) => now_ms.saturating_sub(place.seen_ms) < KEPT_MS,
                None => place.next > served,
            });
        }
        let place = self.places.entry(key).or_default();
        place.seen_ms = now_ms;
        if place.asked.is_none() {
            self.last_ticket += 1;
            place.asked = Some((place.next.max(self.now_served), self.last_ticket));
        }
        place.asked.unwrap_or_default()
    }

    /// Whether as many requests of a device are at work as may be.
    fn is_full(&self, key: &K) -> bool {
        self.at_work.get(key).is_some_and(|count| *count >= self.each)
    }

    fn fits(&self, key: K, weight: u64) -> bool {
        let room = self.at_work_count == 0 || self.weight.saturating_add(weight) <= self.limits.weight;
        room && self.at_work_count < self.limits.in_flight && !self.is_full(&key)
    }

    fn enter(&mut self, now_ms: u64, key: K, (start, ticket): (u64, Ticket), weight: u64) {
        *self.at_work.entry(key).or_default() += 1;
        self.at_work_count += 1;
        self.weight += weight;
        self.now_served = self.now_served.max(start);
        let place = self.places.entry(key).or_default();
        place.next = place.next.max(start.saturating_add(weight));
        place.seen_ms = now_ms;
        if place.asked.is_some_and(|(_, asked)| asked == ticket) {
            place.asked = None;
        }
    }

    /// Lets in who waits, in order; a device that has all at work that it may is passed over, one that is too heavy is not.
    fn advance(&mut self, now_ms: u64, moved: &mut Moved) {
        while let Some((place, Waiting { key, weight })) =
            self.waiting.iter().find(|(_, w)| !self.is_full(&w.key)).map(|(p, w)| (*p, w.clone()))
            && self.fits(key, weight)
        {
            self.forget(place);
            self.enter(now_ms, key, place, weight);
            moved.entered.push(place.1);
        }
    }

    fn forget(&mut self, place: (u64, Ticket)) -> bool {
        let known = self.waiting.remove(&place);
        self.waiting_weight -= known.as_ref().map_or(0, |waiting| waiting.weight);
        known.is_some()
    }

    fn fade(&mut self, now_ms: u64) {
        let passed = now_ms.saturating_sub(self.served_ms);
        self.served *= (-(passed as f64) / RATE_MS).exp();
        self.served_ms = self.served_ms.max(now_ms);
    }
}

#[cfg(test)]
mod tests;
