//! What server and worker say to each other: CBOR behind its length in four bytes, the highest first.

use crate::sync::job::{Done, Job};
use crate::sync::look::{Look, Seen};
use crate::workers::picture::Original;
use fieldproof_schema::suite::Digest;
use minicbor::{Decode, Encode};
use std::io::{self, ErrorKind, Read, Write};

/// The longest message in bytes. A visit's pending changes come together, each of at most a few MiB.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Checklists that a worker keeps. With one more it forgets all; the server counts alike, so neither asks the other.
pub const TEMPLATES_MAX: usize = 16;

/// What a worker is asked for.
#[derive(Debug, Encode, Decode)]
pub enum Ask {
    /// A judgement.
    #[n(0)]
    Judge {
        /// The hash of the pinned checklist.
        #[n(0)]
        template: Digest,
        /// Its canonical text, when the worker does not have it.
        #[n(1)]
        text: Option<String>,
        /// What is to be judged.
        #[n(2)]
        job: Box<Job>,
    },
    /// What something says that is held apart.
    #[n(1)]
    Look(#[n(0)] Look),
    /// A small picture of a photo.
    #[n(2)]
    Preview(#[n(0)] Original),
}

/// What a worker answers.
#[derive(Debug, Encode, Decode)]
pub enum Answer {
    /// The job was done.
    #[n(0)]
    Done(#[n(0)] Done),
    /// The document as it was, the checklist, or the original of a preview cannot be opened.
    #[n(1)]
    Refused(#[n(0)] String),
    /// What was seen.
    #[n(2)]
    Seen(#[n(0)] Seen),
    /// A JPEG.
    #[n(3)]
    Preview(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
}

/// A message with its length.
///
/// # Errors
/// When it is longer than [`MESSAGE_BYTES_MAX`].
pub fn framed<T: Encode<()>>(message: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    minicbor::encode(message, &mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let length = bytes.len() - 4;
    if length > MESSAGE_BYTES_MAX {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "the message is too long"));
    }
    let length = u32::try_from(length).map_err(io::Error::other)?;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

/// The length in front of a message.
///
/// # Errors
/// When it is more than [`MESSAGE_BYTES_MAX`].
pub fn length(head: [u8; 4]) -> io::Result<usize> {
    let length = usize::try_from(u32::from_be_bytes(head)).unwrap_or(usize::MAX);
    if length > MESSAGE_BYTES_MAX {
        return Err(io::Error::new(ErrorKind::InvalidData, "the message is too long"));
    }
    Ok(length)
}

/// Reads a message; none at the end.
pub(super) fn read<T: for<'b> Decode<'b, ()>>(input: &mut impl Read) -> io::Result<Option<T>> {
    let mut head = [0; 4];
    match input.read_exact(&mut head) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut bytes = vec![0; length(head)?];
    input.read_exact(&mut bytes)?;
    let message = minicbor::decode(&bytes);
    message.map(Some).map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string()))
}

/// Writes a message.
pub(super) fn write<T: Encode<()>>(output: &mut impl Write, message: &T) -> io::Result<()> {
    output.write_all(&framed(message)?)?;
    output.flush()
}
