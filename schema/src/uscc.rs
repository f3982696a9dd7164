//! The unified social credit code (统一社会信用代码, GB 32100-2015).
//!
//! A code is checked, never corrected: a transposed pair in a penalty decision names somebody else. Entities without a
//! code exist; that is for the directory to know.

use std::fmt;

/// The characters of a code, each standing for its position; `I`, `O`, `S`, `V` and `Z` are left out by the standard.
pub const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
/// Characters of a code.
pub const LENGTH: usize = 18;

const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
/// Weights of the organisation code inside (GB 11714-1997).
const INNER_WEIGHTS: [usize; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// A code whose length, characters and check character are right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uscc(String);

/// Why a text is not a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsccError {
    /// It does not have eighteen characters.
    #[error("the code has {found} characters, {LENGTH} are required")]
    Length {
        /// How many it has.
        found: usize,
    },
    /// A character is outside [`ALPHABET`]; lower-case letters are, too.
    #[error("character {position} is {found:?}, which such codes do not use")]
    Character {
        /// Counted from 1.
        position: usize,
        /// What stands there.
        found: char,
    },
    /// The division code (行政区划码, characters 3 to 8) holds a letter.
    #[error("character {position} is {found:?}, a digit is required")]
    Digit {
        /// Counted from 1.
        position: usize,
        /// What stands there.
        found: char,
    },
    /// The last character does not belong to the others: something was mistyped or swapped.
    #[error("the check character is {found:?}, the others give {expected:?}")]
    CheckDigit {
        /// What the others give.
        expected: char,
        /// What stands there.
        found: char,
    },
}

/// The check character inside the organisation code is not the one that GB 11714 gives. Some genuine codes have this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the organisation code ends in {found:?}, its own rule gives {expected:?}")]
pub struct InnerMismatch {
    /// What the rule gives.
    pub expected: char,
    /// What stands there.
    pub found: char,
}

/// Checks a code. Surrounding spaces and lower-case letters are errors: what is stored is what was checked.
pub fn check(code: &str) -> Result<Uscc, UsccError> {
    let characters: Vec<char> = code.chars().collect();
    if characters.len() != LENGTH {
        return Err(UsccError::Length { found: characters.len() });
    }
    let mut values = Vec::with_capacity(LENGTH);
    for (index, &found) in characters.iter().enumerate() {
        let position = index + 1;
        values.push(ALPHABET.find(found).ok_or(UsccError::Character { position, found })?);
        if (3..=8).contains(&position) && !found.is_ascii_digit() {
            return Err(UsccError::Digit { position, found });
        }
    }
    let sum: usize = values.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
    let expected = char::from(ALPHABET.as_bytes()[(31 - sum % 31) % 31]);
    let found = characters[LENGTH - 1];
    if found != expected {
        return Err(UsccError::CheckDigit { expected, found });
    }
    Ok(Uscc(code.to_owned()))
}

impl Uscc {
    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The administrative division (行政区划码), six digits.
    pub fn division(&self) -> &str {
        &self.0[2..8]
    }

    /// The organisation code (主体标识码), nine characters.
    pub fn organisation(&self) -> &str {
        &self.0[8..17]
    }

    /// Checks the organisation code by its own rule. A mismatch is worth a warning, not a refusal.
    pub fn check_inner(&self) -> Result<(), InnerMismatch> {
        let (body, found) = self.organisation().split_at(8);
        let value = |c: char| c.to_digit(36).expect("the alphabet consists of digits and letters") as usize;
        let sum: usize = body.chars().zip(INNER_WEIGHTS).map(|(c, weight)| value(c) * weight).sum();
        let expected = match 11 - sum % 11 {
            10 => 'X',
            11 => '0',
            digit => char::from(b"0123456789"[digit]),
        };
        let found = found.chars().next().expect("an organisation code has nine characters");
        if found == expected { Ok(()) } else { Err(InnerMismatch { expected, found }) }
    }
}

impl fmt::Display for Uscc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data;
    use serde_json::Value;

    fn sample() -> Value {
        serde_json::from_str(data::sample_org()).unwrap()
    }

    #[test]
    fn the_published_and_the_worked_example_hold() {
        for code in ["91350100M000100Y43", "92390121MA8P3MR10A"] {
            let uscc = check(code).unwrap();
            assert_eq!(uscc.check_inner(), Ok(()), "{code}");
        }
        let note = &sample()["usccNote"];
        assert_eq!(note["workedExample"]["code"], "92390121MA8P3MR10A");
        assert_eq!(note["alphabet"], ALPHABET);
        assert_eq!(note["weights"], serde_json::json!(WEIGHTS));
        let uscc = check("91350100M000100Y43").unwrap();
        assert_eq!((uscc.division(), uscc.organisation()), ("350100", "M000100Y4"));
    }

    #[test]
    fn each_invalid_example_says_what_is_wrong() {
        let examples = sample()["usccNote"]["invalidExamples"].clone();
        let found: Vec<_> =
            examples.as_array().unwrap().iter().map(|e| check(e["code"].as_str().unwrap())).collect();
        assert_eq!(
            found,
            [
                Err(UsccError::CheckDigit { expected: 'A', found: 'B' }),
                Err(UsccError::Character { position: 18, found: 'I' }),
                Err(UsccError::Length { found: 17 }),
                check("92390121M8AP3MR10A"),
            ]
        );
        assert!(matches!(check("92390121M8AP3MR10A"), Err(UsccError::CheckDigit { found: 'A', .. })));
    }

    #[test]
    fn all_entities_of_the_sample_have_right_codes() {
        let sample = sample();
        let entities = sample["entities"].as_array().unwrap();
        for entity in entities {
            let uscc = check(entity["uscc"].as_str().unwrap()).unwrap();
            assert_eq!(uscc.check_inner(), Ok(()));
        }
        assert_eq!(entities.len(), 200);
    }

    #[test]
    fn every_mistyped_character_and_every_swap_of_neighbours_is_found() {
        let code = "92390121MA8P3MR10A";
        for position in 0..LENGTH {
            for other in ALPHABET.chars().filter(|c| !code[position..].starts_with(*c)) {
                let mut typed: Vec<char> = code.chars().collect();
                typed[position] = other;
                assert!(check(&typed.iter().collect::<String>()).is_err(), "{position} {other}");
            }
        }
        for position in 0..LENGTH - 1 {
            let mut typed: Vec<char> = code.chars().collect();
            typed.swap(position, position + 1);
            let typed: String = typed.into_iter().collect();
            assert!(typed == code || check(&typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn letters_in_the_division_lower_case_and_full_width_are_refused() {
        assert_eq!(check("9239A121MA8P3MR10A"), Err(UsccError::Digit { position: 5, found: 'A' }));
        assert_eq!(check("92390121ma8P3MR10A"), Err(UsccError::Character { position: 9, found: 'm' }));
        assert_eq!(check("９2390121MA8P3MR10A"), Err(UsccError::Character { position: 1, found: '９' }));
        assert_eq!(check(""), Err(UsccError::Length { found: 0 }));
    }

    #[test]
    fn a_wrong_inner_check_is_reported_beside() {
        // The outer check character is recomputed, so only the inner rule is broken.
        let body = "92390121MA8P3MR11";
        let code = ALPHABET.chars().find_map(|c| check(&format!("{body}{c}")).ok()).unwrap();
        assert_eq!(code.check_inner(), Err(InnerMismatch { expected: '0', found: '1' }));
    }
}
