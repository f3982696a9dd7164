//! Listening for wake-ups: the server says that rows wait; a sync fetches them, as ever.
//!
//! Nothing is stored and nothing is believed: a wake-up that is made up costs a sync that finds nothing.

use super::call;
use crate::client::Client;
use crate::error::ClientError;
use crate::store::{meta, rows};
use crate::transport::{Method, Opened, Pieces, Transport, WireRequest};
use bytes::Bytes;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::events::{self, EVENTS_MEDIA_TYPE, EVENTS_PATH, LAST_EVENT_HEADER, Woken};

/// Bytes of one event at most; ours have a hundred.
const EVENT_BYTES_MAX: usize = 8 * 1024;

/// The server's word that rows wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wake {
    /// The state of the feeds that it speaks of.
    pub mark: String,
    /// Within how many milliseconds to sync.
    pub within_ms: u64,
}

/// An open stream of wake-ups.
pub struct Wakes {
    pieces: Box<dyn Pieces>,
    parser: Parser,
}

impl Client {
    /// Listens for wake-ups; none where the transport cannot.
    ///
    /// # Errors
    /// As [`Self::sync`].
    pub async fn listen(&self, transport: &dyn Transport) -> Result<Option<Wakes>, ClientError> {
        if self.desk()?.who.is_none() {
            return Err(ClientError::NotEnrolled);
        }
        let mut ended: Option<String> = None;
        loop {
            let token = self.session(transport, ended.as_deref()).await?;
            let mut headers =
                vec![("accept", EVENTS_MEDIA_TYPE.to_owned()), ("authorization", format!("Bearer {token}"))];
            headers.extend(self.mark()?.map(|mark| (LAST_EVENT_HEADER, mark)));
            let (method, path) = (Method::Get, EVENTS_PATH.to_owned());
            let request = WireRequest { method, path, headers, body: Bytes::new() };
            let Some(opening) = transport.open(request) else { return Ok(None) };
            let response = match opening.await? {
                Opened::Stream(pieces) => return Ok(Some(Wakes { pieces, parser: Parser::default() })),
                Opened::Answer(response) => response,
            };
            match call::succeeded(response) {
                Err(error) if error.code() == ErrorCode::SignInRequired && ended.is_none() => {
                    ended = Some(token);
                }
                Err(error) => return Err(error),
                Ok(_) => {
                    return Err(ClientError::ServerStrange { what: "the answer is no stream".to_owned() });
                }
            }
        }
    }

    /// Whether a wake-up speaks of something that is not here yet.
    pub fn is_behind(&self, wake: &Wake) -> Result<bool, ClientError> {
        Ok(self.mark()?.is_none_or(|mark| mark != wake.mark))
    }

    /// The name of the state that this terminal has reached; none before the first sync.
    fn mark(&self) -> Result<Option<String>, ClientError> {
        let reader = self.reader();
        let Some(epoch) = meta::epoch(&reader)? else { return Ok(None) };
        Ok(Some(events::mark_of(epoch, &rows::cursors(&reader)?)))
    }
}

impl Wakes {
    /// The next wake-up; none when the server ended the stream.
    ///
    /// # Errors
    /// When the stream was cut, or what comes is no stream of events.
    pub async fn next(&mut self) -> Result<Option<Wake>, ClientError> {
        loop {
            if let Some(wake) = self.parser.wake()? {
                return Ok(Some(wake));
            }
            match self.pieces.next().await? {
                Some(piece) => self.parser.bytes.extend_from_slice(&piece),
                None => return Ok(None),
            }
        }
    }
}

/// Reads events out of pieces that are cut anywhere. Understands what this protocol needs: `id`, `data`, comments, and
/// lines that end in LF.
#[derive(Debug, Default)]
struct Parser {
    bytes: Vec<u8>,
    id: String,
    data: String,
}

impl Parser {
    fn wake(&mut self) -> Result<Option<Wake>, ClientError> {
        let strange = |what: &str| ClientError::ServerStrange { what: what.to_owned() };
        while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            let line = std::str::from_utf8(&line[..end]).map_err(|_| strange("an event is not text"))?;
            if let Some(id) = line.strip_prefix("id:") {
                id.trim().clone_into(&mut self.id);
            } else if let Some(data) = line.strip_prefix("data:") {
                data.trim().clone_into(&mut self.data);
            } else if line.is_empty() && !self.data.is_empty() {
                let (mark, data) = (std::mem::take(&mut self.id), std::mem::take(&mut self.data));
                let Woken { within_ms } =
                    serde_json::from_str(&data).map_err(|_| strange("an event cannot be read"))?;
                return Ok(Some(Wake { mark, within_ms }));
            }
        }
        if self.bytes.len() > EVENT_BYTES_MAX {
            return Err(strange("an event does not end"));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut() {
        let text = b":\n\nid: a1\ndata: {\"within_ms\":500}\n\n:\n\nunknown: x\nid: b2\ndata: {\"within_ms\":7,\"new\":1}\n\n";
        for size in 1..text.len() {
            let (mut parser, mut wakes) = (Parser::default(), Vec::new());
            for piece in text.chunks(size) {
                parser.bytes.extend_from_slice(piece);
                while let Some(wake) = parser.wake().unwrap() {
                    wakes.push((wake.mark, wake.within_ms));
                }
            }
            assert_eq!(wakes, [("a1".to_owned(), 500), ("b2".to_owned(), 7)], "{size}");
        }
    }

    #[test]
    fn what_is_no_event_ends_the_stream() {
        for text in [vec![b'x'; EVENT_BYTES_MAX + 1], b"data: {}\n\n".to_vec(), b"\xff\n".to_vec()] {
            let mut parser = Parser { bytes: text, ..Parser::default() };
            assert!(parser.wake().is_err());
        }
    }
}
