//! How new this terminal must be to be given rows: the server's word, kept while it only rises.

use crate::client::Client;
use crate::error::ClientError;
use crate::store::meta;
use fieldproof_schema::suite::PublicKey;
use fieldproof_schema::wire::PROTOCOL;
use fieldproof_schema::wire::floor::{Floor, ProgramVersion, SignedFloor};
use rusqlite::Connection;
use serde::Serialize;

/// What this terminal is too old for: it is given nothing more until its program is a newer one. What it holds goes up as
/// ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UpdateNeeded {
    /// The least version of the protocol.
    pub protocol: u16,
    /// The least version of the program, where one was named.
    pub program: Option<ProgramVersion>,
}

/// Takes over what an answer says, when it is the pinned server's word and in nothing lower than what is known.
pub(super) fn take(
    tx: &Connection,
    said: Option<&SignedFloor>,
    server: &PublicKey,
) -> Result<(), ClientError> {
    let Some(signed) = said else { return Ok(()) };
    let told = read(signed, server).map_err(|what| ClientError::ServerStrange { what })?;
    // What was kept and does not hold any more was not written by this program: the server's word replaces it.
    let known = meta::floor(tx)?.and_then(|known| read(&known, server).ok());
    if known.is_none_or(|known| told.replaces(&known)) {
        meta::put_floor(tx, signed)?;
    }
    Ok(())
}

fn read(signed: &SignedFloor, server: &PublicKey) -> Result<Floor, String> {
    signed.verify(server).map_err(|error| error.to_string())
}

impl Client {
    /// Whether the server's floor is above this terminal, and what it asks for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn update_needed(&self) -> Result<Option<UpdateNeeded>, ClientError> {
        let Some(server) = self.desk()?.who.as_ref().map(|who| who.member.server_key) else {
            return Ok(None);
        };
        let known = meta::floor(&self.reader())?.and_then(|signed| read(&signed, &server).ok());
        let too_high = known.filter(|floor| !floor.admits(PROTOCOL, self.options.version.parse().ok()));
        Ok(too_high.map(|floor| UpdateNeeded { protocol: floor.protocol, program: floor.program }))
    }
}
