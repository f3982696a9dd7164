//! The handheld app: client-core behind a loopback service and a command line.
//!
//! What officers may do and what is kept is decided in client-core; here it is reached: by an authenticated service on
//! the machine's own loopback address, and by commands. Nothing here is reachable from another machine.

#![forbid(unsafe_code)]

pub mod api;
pub mod app;
mod captures;
pub mod cli;
pub mod config;
pub mod error;
pub mod guard;
pub mod incoming;
pub mod listen;
pub mod officers;
mod original;
pub mod pages;
pub mod qr;
pub mod service;
pub mod sync_loop;
pub mod syncs;
pub mod uploads;

#[cfg(test)]
mod testing;
