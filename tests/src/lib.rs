//! What needs more than one crate: the in-process world, stories, demo and proof.

pub mod bench;
pub mod browser;
pub mod crash;
pub mod cut;
pub mod demo;
pub mod faults;
pub mod fixtures;
pub mod fuzz;
pub mod hostile;
pub mod kill;
pub mod measure;
pub mod photo;
pub mod postgres;
pub mod prove;
pub mod proxy;
pub mod sim;
pub mod stage;
pub mod statements;
pub mod store;
pub mod tidy;
mod workspace;
pub mod world;
