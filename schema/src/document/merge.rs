//! Joining two edits of one text: what an officer wrote upon a page, and what arrived beneath it meanwhile.
//!
//! Pure, and only about texts. What is joined here is then written as one change by [`super::Edit`].

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Characters that differ, removed and inserted together, up to which the difference is looked for one by one. Texts that
/// have less in common count as replaced there as a whole: finding more would take minutes.
pub(super) const COMPARED_CHARS_MAX: usize = 4000;

/// A stretch of the base and what stands in its place.
#[derive(Debug)]
struct Hunk {
    start: usize,
    end: usize,
    text: Vec<char>,
}

/// Joins `mine` and `current`, both of which were made out of `base`.
///
/// Nothing that either of them put in is lost. Where both wrote at one place, what stands already comes first, and what
/// one contains of the other is not repeated: a page that never heard that its text was kept sends it again.
pub fn merge(base: &str, mine: &str, current: &str) -> String {
    if base == current || mine == current {
        return mine.to_owned();
    }
    let [base, mine, current] = [base, mine, current].map(|text| text.chars().collect::<Vec<char>>());
    let (mut ours, mut theirs) = (hunks(&base, &mine), hunks(&base, &current));
    ours.reverse();
    theirs.reverse();
    let (mut merged, mut at) = (String::new(), 0);
    while let Some(start) = [ours.last(), theirs.last()].into_iter().flatten().map(|hunk| hunk.start).min() {
        merged.extend(&base[at..start]);
        let (end, mine, current) = region(&base, start, &mut ours, &mut theirs);
        merged.push_str(&join(&base[start..end], mine, current));
        at = end;
    }
    merged.extend(&base[at..]);
    merged
}

/// How one text came out of another, in order.
fn hunks(base: &[char], other: &[char]) -> Vec<Hunk> {
    let start = base.iter().zip(other).take_while(|(a, b)| a == b).count();
    let tails = base[start..].iter().rev().zip(other[start..].iter().rev());
    let tail = tails.take_while(|(a, b)| a == b).count();
    let (old, new) = (&base[start..base.len() - tail], &other[start..other.len() - tail]);
    let hunk = |from: usize, removed: usize, inserted: &[char]| Hunk {
        start: start + from,
        end: start + from + removed,
        text: inserted.to_vec(),
    };
    if old.is_empty() && new.is_empty() {
        return Vec::new();
    }
    if old.len() + new.len() > COMPARED_CHARS_MAX {
        return vec![hunk(0, old.len(), new)];
    }
    let mut found: Vec<Hunk> = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, old, new) {
        let next = match op {
            DiffOp::Equal { .. } => continue,
            DiffOp::Delete { old_index, old_len, .. } => hunk(old_index, old_len, &[]),
            DiffOp::Insert { old_index, new_index, new_len } => {
                hunk(old_index, 0, &new[new_index..new_index + new_len])
            }
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                hunk(old_index, old_len, &new[new_index..new_index + new_len])
            }
        };
        match found.last_mut() {
            // A removal and an insertion at one place are one hunk.
            Some(last) if last.end == next.start => {
                last.end = next.end;
                last.text.extend(next.text);
            }
            _ => found.push(next),
        }
    }
    found
}

/// Takes every hunk that meets the one at `start`: where the region ends, and what each side made of it. The hunks are
/// in reverse order.
fn region(
    base: &[char],
    start: usize,
    ours: &mut Vec<Hunk>,
    theirs: &mut Vec<Hunk>,
) -> (usize, Vec<char>, Vec<char>) {
    let mut end = start;
    let mut taken = [Vec::new(), Vec::new()];
    loop {
        let mut grown = false;
        for (side, hunks) in [&mut *ours, &mut *theirs].into_iter().enumerate() {
            while let Some(hunk) = hunks.pop_if(|hunk| hunk.start == start || hunk.start < end) {
                end = end.max(hunk.end);
                taken[side].push(hunk);
                grown = true;
            }
        }
        if !grown {
            break;
        }
    }
    let [mine, current] = taken.map(|hunks| {
        let (mut text, mut at) = (Vec::new(), start);
        for hunk in hunks {
            text.extend(&base[at..hunk.start]);
            text.extend(hunk.text);
            at = hunk.end;
        }
        text.extend(&base[at..end]);
        text
    });
    (end, mine, current)
}

fn join(base: &[char], mine: Vec<char>, current: Vec<char>) -> String {
    let (unchanged, untouched) = (mine == base, current == base);
    let [mine, current] = [mine, current].map(String::from_iter);
    match (unchanged, untouched) {
        (true, _) => current,
        (false, true) => mine,
        (false, false) if current.contains(&mine) => current,
        (false, false) if mine.contains(&current) => mine,
        (false, false) => current + &mine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_who_write_at_different_places_are_both_kept() {
        for (base, mine, current, merged) in [
            ("", "甲", "乙", "乙甲"),
            ("检查。", "上午检查。", "检查。无异议。", "上午检查。无异议。"),
            ("一二三", "一三", "一二三四", "一三四"),
            ("一二三", "一三", "一二三", "一三"),
            ("一二三", "一二三", "三", "三"),
            ("一二三", "一X三", "一Y三", "一YX三"),
            ("一二三", "", "一二X三", "一二X三"),
        ] {
            assert_eq!(merge(base, mine, current), merged, "{base} {mine} {current}");
        }
    }

    #[test]
    fn what_a_page_sends_again_is_not_repeated() {
        assert_eq!(merge("", "已复测，余氯合格", "已复测"), "已复测，余氯合格");
        assert_eq!(merge("池水", "池水浑浊，已拍照。", "池水浑浊"), "池水浑浊，已拍照。");
        assert_eq!(merge("池水", "池水浑浊", "池水浑浊"), "池水浑浊");
    }

    #[test]
    fn texts_with_nothing_in_common_are_joined_in_time() {
        let long = |c: char| c.to_string().repeat(300_000);
        let merged = merge(&long('一'), &long('二'), &long('三'));
        assert_eq!(merged.chars().count(), 600_000);
    }

    /// What one writer makes of a base: at each place letters are kept or left out, and the writer's own are put in.
    fn edited(base: &str, plan: &[(bool, u8)], own: std::ops::RangeInclusive<char>) -> String {
        let own: Vec<char> = own.collect();
        let mut text = String::new();
        for (n, c) in base.chars().enumerate() {
            let (keep, put) = plan.get(n).copied().unwrap_or((true, 0));
            text.extend(own.iter().cycle().skip(n).take(usize::from(put)));
            if keep {
                text.push(c);
            }
        }
        text
    }

    fn plan() -> impl Strategy<Value = Vec<(bool, u8)>> {
        prop::collection::vec((prop::bool::weighted(0.8), prop_oneof![4 => Just(0_u8), 1 => 1_u8..4]), 0..40)
    }

    proptest! {
        #[test]
        fn nothing_that_either_side_put_in_is_lost(base in "[a-e]{0,40}", one in plan(), other in plan()) {
            let (mine, current) = (edited(&base, &one, 'A'..='Z'), edited(&base, &other, '0'..='9'));
            let merged = merge(&base, &mine, &current);
            let only = |text: &str, of: fn(&char) -> bool| text.chars().filter(of).collect::<String>();
            prop_assert_eq!(only(&merged, char::is_ascii_uppercase), only(&mine, char::is_ascii_uppercase));
            prop_assert_eq!(only(&merged, char::is_ascii_digit), only(&current, char::is_ascii_digit));
            let common = only(&merged, char::is_ascii_lowercase).len();
            prop_assert!(common <= base.len());
        }

        #[test]
        fn one_who_wrote_alone_is_taken_at_their_word(base in "[a-c]{0,20}", text in "[a-c]{0,20}") {
            prop_assert_eq!(merge(&base, &text, &base), text.as_str());
            prop_assert_eq!(merge(&base, &base, &text), text.as_str());
            prop_assert_eq!(merge(&base, &text, &text), text.as_str());
        }
    }
}
