//! Mutants: valid inputs with a few edits, most of which know the form.

mod cbor;
mod change;
mod document;
mod json;
mod plain;
mod rows;

use fieldproof_schema::limits::SYNC_BODY_PLAIN_BYTES_MAX;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// What inputs look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A CBOR item.
    Cbor,
    /// A CBOR item, or one in a zstd stream.
    Frame,
    /// A plain change chunk of Automerge.
    Change,
    /// A plain document chunk of Automerge.
    Document,
    /// A JSON text.
    Json,
    /// Bytes of which nothing is known.
    Bytes,
}

/// The longest mutant: repeats of repeats grow fast, and length alone finds nothing.
const BYTES_MAX: usize = 128 * 1024;
/// Edits of one mutant at most.
const EDITS_MAX: usize = 4;

/// Makes one mutant.
pub struct Mutator<'a> {
    dice: Dice,
    form: Form,
    inputs: &'a [Vec<u8>],
}

impl<'a> Mutator<'a> {
    /// The maker of mutant number `iteration` of `seed`.
    pub fn new(seed: u64, iteration: u64, form: Form, inputs: &'a [Vec<u8>]) -> Self {
        Self { dice: Dice::new(seed, iteration), form, inputs }
    }

    /// Makes it.
    pub fn mutant(mut self) -> Vec<u8> {
        let mut bytes = self.dice.pick(self.inputs).cloned().unwrap_or_default();
        // Few edits more often than many: most of what is edited often is refused at once.
        let most = 1 + self.dice.below(EDITS_MAX);
        let edits = 1 + self.dice.below(most);
        for _ in 0..edits {
            let other = self.dice.pick(self.inputs).cloned().unwrap_or_default();
            bytes = edit(&mut self.dice, self.form, bytes, &other);
            bytes.truncate(BYTES_MAX);
        }
        if self.form == Form::Frame && self.dice.one_in(8) {
            bytes = self.framed(&bytes);
        }
        bytes
    }

    /// In a stream, which has an edit of its own once in a while.
    fn framed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut framed = zstd::encode_all(bytes, 1).expect("compressing memory to memory cannot fail");
        match self.dice.below(8) {
            0 => plain::edit(&mut self.dice, &mut framed, bytes),
            1 => framed.extend_from_within(..),
            2 => {
                // A bomb of the same item, at the bound of what may be unpacked and one beyond.
                let length = SYNC_BODY_PLAIN_BYTES_MAX + self.dice.below(2);
                let item = *self.dice.pick(&[0x40, 0x60, 0x80, 0x81, 0x9f, 0xf6, 0x00]).unwrap_or(&0);
                if self.dice.one_in(64) {
                    let all = vec![item; length];
                    framed = zstd::encode_all(all.as_slice(), 1).expect("compressing memory cannot fail");
                }
            }
            _ => {}
        }
        framed
    }
}

/// One edit.
fn edit(dice: &mut Dice, form: Form, mut bytes: Vec<u8>, other: &[u8]) -> Vec<u8> {
    if !matches!(form, Form::Change | Form::Document) && dice.one_in(4) {
        plain::edit(dice, &mut bytes, other);
        return bytes;
    }
    match form {
        Form::Cbor | Form::Frame => cbor::edit(dice, &bytes, other),
        Form::Change => change::edit(dice, &bytes, other),
        Form::Document => document::edit(dice, &bytes, other),
        Form::Json => json::edit(dice, &bytes, other),
        Form::Bytes => {
            plain::edit(dice, &mut bytes, other);
            bytes
        }
    }
}

/// Chance, all of it from one seed.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// Less than `bound`; 0 for an empty range.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.0.next_u64() % bound).unwrap_or(0)
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn byte(&mut self) -> u8 {
        self.0.next_u32().to_le_bytes()[0]
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> Option<&'t T> {
        from.get(self.below(from.len()))
    }

    /// A number at which something changes: small ones, powers of two and their neighbours, the ends.
    fn number(&mut self) -> u64 {
        match self.below(6) {
            0 => self.below(8) as u64,
            1 => self.below(300) as u64,
            2 => 1 << self.below(64),
            3 => (1 << self.below(64)) - 1,
            4 => u64::MAX - self.below(3) as u64,
            _ => self.0.next_u64() >> self.below(64),
        }
    }

    /// A piece of something `length` long: where it begins and ends.
    fn piece(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let longest = if self.one_in(2) { 16 } else { length };
        let end = start + self.below((length - start).min(longest) + 1);
        start..end
    }
}

#[cfg(test)]
mod tests;
