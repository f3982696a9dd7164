//! The gate in processes of its own: what opens bytes that nobody has judged can use up memory or time, or end, and takes
//! nothing with it but the one item (ADR 0018).
//!
//! [`pool`] is the server's side, [`process`] the worker's; [`message`] is what they say to each other. Workers of a second pool
//! decode photos ([`picture`]).

pub mod message;
pub mod picture;
pub mod pool;
pub mod process;

use crate::error::ApiError;
use pool::Pool;
use serde::Serialize;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Where the gate is.
#[derive(Debug, Clone)]
pub enum Gate {
    /// In this process: panics are caught, memory and time are not limited.
    InProcess,
    /// In worker processes.
    Workers(Arc<Pool>),
}

/// How the gate does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Health {
    /// How many workers there are at most; 0 when the gate is in the server's own process.
    pub workers: usize,
    /// How many are alive.
    pub alive: usize,
    /// How many of them are at work.
    pub busy: usize,
    /// How many died, or were ended because they were late, since the server started.
    pub died: u64,
}

impl Gate {
    /// How it does.
    pub fn health(&self) -> Health {
        match self {
            Self::InProcess => Health { workers: 0, alive: 0, busy: 0, died: 0 },
            Self::Workers(pool) => pool.health(),
        }
    }
}

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No worker can be started; says nothing about the job.
    #[error("no worker can be started")]
    NoWorker(#[source] io::Error),
    /// The worker ended while it was at the job.
    #[error("the worker died")]
    Died(#[source] io::Error),
    /// The worker was ended, because it took too long.
    #[error("the worker did not answer within {0:?}")]
    Late(Duration),
    /// The worker's answer has not the form of one.
    #[error("the worker's answer cannot be read")]
    Strange,
    /// What the job is about cannot be opened.
    #[error("{0}")]
    Refused(String),
}

impl Fault {
    /// The fault behind an error.
    pub fn of(error: &ApiError) -> Option<&Self> {
        error.source()?.downcast_ref()
    }

    /// Whether it may come of what is in the job, and the worker did not survive it.
    pub fn is_of_the_job(&self) -> bool {
        match self {
            Self::Died(_) | Self::Late(_) | Self::Strange => true,
            Self::NoWorker(_) | Self::Refused(_) => false,
        }
    }
}
