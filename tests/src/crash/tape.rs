//! What was said on a link, and a link that says it again.

use fieldproof_client_core::{Answering, Transport, TransportError, WireRequest, WireResponse};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A request and its answer.
pub(super) type Exchange = (WireRequest, WireResponse);

/// A link that remembers what is said on it.
pub(super) struct Recorder<T> {
    link: T,
    tape: Mutex<Vec<Exchange>>,
}

impl<T: Transport> Recorder<T> {
    /// Listens to a link.
    pub(super) fn new(link: T) -> Self {
        Self { link, tape: Mutex::default() }
    }

    /// What was said.
    pub(super) fn tape(self) -> Vec<Exchange> {
        self.tape.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Transport> Transport for Recorder<T> {
    fn call(&self, request: WireRequest) -> Answering<'_> {
        Box::pin(async move {
            let answer = self.link.call(request.clone()).await?;
            let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
            tape.push((request, answer.clone()));
            Ok(answer)
        })
    }
}

/// Answers the requests of a tape in their order; there is no link for anything else.
pub(super) struct Player<'t> {
    tape: &'t [Exchange],
    asked: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    next: usize,
    strange: bool,
}

impl<'t> Player<'t> {
    /// From the beginning.
    pub(super) fn new(tape: &'t [Exchange]) -> Self {
        Self { tape, asked: Mutex::default() }
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something was asked that is not on the tape.
    pub(super) fn is_astray(&self) -> bool {
        self.asked().strange
    }
}

impl Transport for Player<'_> {
    fn call(&self, request: WireRequest) -> Answering<'_> {
        let mut asked = self.asked();
        let known = self.tape.get(asked.next).filter(|(expected, _)| *expected == request && !asked.strange);
        let answer = known.map(|(_, answer)| answer.clone());
        asked.next += 1;
        asked.strange |= answer.is_none();
        drop(asked);
        Box::pin(async move {
            let gone = || TransportError::Unreachable {
                source: io::Error::from(io::ErrorKind::ConnectionReset).into(),
            };
            answer.ok_or_else(gone)
        })
    }
}
