//! A draw can be repeated, checked and not bent; one file per side of that.

mod build;
mod golden;
mod public;
mod recusal;
mod sample;
mod selection;
mod tampering;
mod teams;
