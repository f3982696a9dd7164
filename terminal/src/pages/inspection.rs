//! One inspection: what is asked, what was answered, what shows it, and where the team differs.
//!
//! A page shows what was committed before; an act answers with the part of the page that it changed (for scripts) or
//! leads back to the place on the page (without). Nothing that somebody writes in is ever replaced under their hands:
//! what an act swaps stands beside the field.

pub(super) mod answer;
mod brought;
mod card;
mod control;
pub(super) mod evidence;
pub(super) mod fresh;
pub(super) mod law;
pub(super) mod narrative;
mod next;
pub(super) mod note;
pub(super) mod overview;
pub(super) mod papers;
pub(super) mod party;
mod phrases;
pub(super) mod place;
pub(super) mod proposals;
mod questions;
pub(super) mod recording;
mod region;
pub(super) mod section;
mod settle;
mod shots;
pub(super) mod signature;
pub(super) mod team;
#[cfg(test)]
mod tests;
mod typed;
pub(super) mod upload;
mod visit;
pub(super) mod words;
