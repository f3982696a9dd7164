//! A body that fails when it comes too slowly.
//!
//! Whoever sends a byte at a time, or promises bytes that never come, would hold a connection for ever, and needs nobody's
//! leave for it: a body is read before anybody knows who asks.

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

use super::Limits;

/// A request's body with its time.
pub(super) struct Paced {
    body: Incoming,
    pace: u32,
    /// Ends when the next bytes had to be here; each that comes puts it off.
    time: Pin<Box<Sleep>>,
}

impl Paced {
    /// The time begins to run now.
    pub(super) fn new(body: Incoming, limits: &Limits) -> Self {
        Self { body, pace: limits.pace.max(1), time: Box::pin(sleep(limits.body)) }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                let later = Duration::from_secs_f64(bytes as f64 / f64::from(self.pace));
                let deadline = self.time.deadline() + later;
                self.time.as_mut().reset(deadline);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(ended) => Poll::Ready(ended.map(|read| read.map_err(Into::into))),
            Poll::Pending => self
                .time
                .as_mut()
                .poll(cx)
                .map(|()| Some(Err(io::Error::from(io::ErrorKind::TimedOut).into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
