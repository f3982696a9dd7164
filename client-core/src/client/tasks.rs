//! The officer's tasks in groups, a page at a time.

use super::Client;
use super::summary::InspectionSummary;
use crate::error::ClientError;
use crate::store::list::{self, TaskGroup};
use crate::store::standing::{self, Standing};
use crate::store::unsent;

/// Which tasks are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskQuery<'a> {
    /// Which group; the first that has any, where none is named.
    pub group: Option<TaskGroup>,
    /// Part of a name or of a task's number; empty for all.
    pub words: &'a str,
    /// The day on which it is asked (ISO date).
    pub today: &'a str,
    /// How many to skip.
    pub from: u64,
    /// How many at most.
    pub limit: u64,
}

/// A page of tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskPage {
    /// How many each group has, in the order of [`TaskGroup::ALL`].
    pub counts: Vec<(TaskGroup, u64)>,
    /// Which group the page shows.
    pub group: TaskGroup,
    /// The tasks, each with how far its own records got.
    pub rows: Vec<(InspectionSummary, Standing)>,
    /// True when others follow.
    pub more: bool,
}

impl Client {
    /// A page of tasks.
    pub fn tasks(&self, query: &TaskQuery<'_>) -> Result<TaskPage, ClientError> {
        let reader = self.reader();
        let found = list::groups(&reader, query.today, query.words)?;
        let count = |group: &TaskGroup| {
            (*group, found.iter().find(|(name, _)| name == group.as_str()).map_or(0, |(_, count)| *count))
        };
        let counts: Vec<_> = TaskGroup::ALL.iter().map(count).collect();
        let first = counts.iter().find(|(_, count)| *count > 0).map(|(group, _)| *group);
        let group = query.group.or(first).unwrap_or(TaskGroup::Today);
        let wanted = (group, query.today, query.words);
        let mut lines = list::page(&reader, wanted, query.from, query.limit.saturating_add(1))?;
        let more = lines.len() as u64 > query.limit;
        lines.truncate(usize::try_from(query.limit).unwrap_or(usize::MAX));
        let mut unsent = unsent::by_inspection(&reader)?;
        let mut rows = Vec::with_capacity(lines.len());
        for line in lines {
            let standing = standing::of(&reader, line.inspection)?;
            let waiting = unsent.remove(&line.inspection).unwrap_or_default();
            rows.push((InspectionSummary::new(line, waiting), standing));
        }
        Ok(TaskPage { counts, group, rows, more })
    }
}
