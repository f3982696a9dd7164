//! Everything that needs more than one crate, in one test binary.

// Marked so that the lints know their helpers for tests too.
#[cfg(test)]
mod at_rest;
#[cfg(test)]
mod batches;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod carried;
#[cfg(test)]
mod conflicts;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod cut;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod database;
#[cfg(test)]
mod day;
#[cfg(test)]
mod documentation;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod floor;
#[cfg(test)]
mod fresh;
#[cfg(test)]
mod fsck;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod herd;
#[cfg(test)]
mod history;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod judging;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod officers;
#[cfg(test)]
mod packages;
#[cfg(test)]
mod packages_console;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod pages_console;
#[cfg(test)]
mod pages_terminal;
#[cfg(test)]
mod photo;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod previews;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod pulling;
#[cfg(test)]
mod quarantine;
#[cfg(test)]
mod quota;
#[cfg(test)]
mod record;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod release;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod scope;
#[cfg(test)]
mod scrub;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod support;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod uploads;
#[cfg(test)]
mod wake;
#[cfg(test)]
mod workers;
