//! Who builds upon whom.

use super::ChangeId;
use std::collections::BTreeSet;

/// Which of `wanted` a change builds upon, itself included. `parents` gives what a change was written upon; walking ends
/// where all of `wanted` are found or nothing is left.
pub fn ancestors_among(
    change: ChangeId,
    wanted: &BTreeSet<ChangeId>,
    parents: &dyn Fn(ChangeId) -> Vec<ChangeId>,
) -> BTreeSet<ChangeId> {
    let mut found = BTreeSet::new();
    let (mut seen, mut next) = (BTreeSet::from([change]), vec![change]);
    while let Some(id) = next.pop() {
        if wanted.contains(&id) {
            found.insert(id);
        }
        if found.len() == wanted.len() {
            break;
        }
        next.extend(parents(id).into_iter().filter(|parent| seen.insert(*parent)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_builds_upon_what_it_names_and_what_that_names() {
        let id = |n: u8| ChangeId([n; 32]);
        // 1 <- 2 <- 4, 1 <- 3 <- 4, 5 beside them.
        let parents = |change: ChangeId| match change.0[0] {
            4 => vec![id(2), id(3)],
            2 | 3 | 5 => vec![id(1)],
            _ => Vec::new(),
        };
        let all: BTreeSet<_> = (1..=5).map(id).collect();
        for (change, upon) in [(4, vec![1, 2, 3, 4]), (2, vec![1, 2]), (1, vec![1]), (5, vec![1, 5])] {
            let expected: BTreeSet<_> = upon.into_iter().map(id).collect();
            assert_eq!(ancestors_among(id(change), &all, &parents), expected, "{change}");
        }
        assert_eq!(ancestors_among(id(4), &BTreeSet::from([id(5)]), &parents), BTreeSet::new());
    }
}
