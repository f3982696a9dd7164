//! The sync service: one round with one device.
//!
//! 1. [`receive`]: what came is checked for its form, made durable and receipted. Nothing is merged.
//! 2. [`settle`]: what passes the gate is merged, the rest is held apart; conflicts and seals are assessed.
//! 3. [`pull`]: what is new in the device's scope.
//!
//! Each step commits before the next begins, and every step may be repeated. A receipt never waits for step two: what is
//! not judged in time, or cannot be, is left to [`judge`].

pub mod assess;
pub mod carry;
pub mod cover;
pub mod declare;
pub mod gate;
pub mod intake;
pub mod job;
pub mod judge;
pub mod look;
mod now;
pub mod offer;
pub mod pull;
pub mod receive;
pub mod settle;

use crate::app::App;
use crate::auth::DeviceActor;
use crate::error::ApiError;
use crate::floor;
use crate::numbers;
use crate::store::devices::Said;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::sync::{SyncAnswer, SyncRequest};
use fieldproof_schema::wire::{PROTOCOL, PROTOCOL_MIN};
use serde_json::json;

/// Plays one round.
pub async fn round(app: &App, device: &DeviceActor, request: SyncRequest) -> Result<SyncAnswer, ApiError> {
    if request.protocol < PROTOCOL_MIN {
        return Err(ApiError::new(ErrorCode::ProtocolUnsupported).with(json!({"oldest": PROTOCOL_MIN})));
    }
    // Every opening of a store, and everything that an officer does, leaves an entry.
    let is_idle = request.entries.is_empty();
    let (entries, chunks) = (request.entries, request.chunks);
    let said = Said {
        unsent: request.still_unsent,
        protocol: request.protocol,
        program: request.program,
        epoch: request.epoch,
    };
    let wants = request.wants.unwrap_or_default();
    let checked = {
        let (id, key) = (device.id, device.key);
        let server = app.key.public_key();
        let sent = receive::Sent { entries, chunks, carried: request.carried.unwrap_or_default() };
        app.judging.at_a_desk(move || receive::check((id, &key), &server, sent)).await?
    };
    judge::look_back(app, device.org).await?;
    let received = receive::receive(app, device, checked, said).await?;
    // Whoever has more to send is not kept waiting for judgements.
    let more_follows = said.unsent.is_some_and(|unsent| unsent.changes > 0);
    let answered = received.answered();
    judge::within_round(app, device.org, &received.touched, &answered, more_follows).await;
    if received.is_late {
        // Whoever still speaks in it opens a session and says it again.
        return Err(ErrorCode::SignInRequired.into());
    }
    let verdicts = receive::verdicts(app, device.org, &received).await?;
    if !is_idle || request.numbers_since.is_some() {
        numbers::top_up(app, device, request.numbers_since).await?;
    }
    let knows = request.floor.clone();
    floor::learn(app, device, request.floor).await?;
    let asked = pull::Asked {
        cursors: request.cursors,
        given_in: request.epoch,
        wants,
        protocol: request.protocol,
        program: request.program,
        own_through: request.numbers_since.unwrap_or(0),
    };
    let pulled = pull::pull(app, device, asked).await?;
    let lacks = match request.holds {
        Some(holds) => Some(carry::lacks(app, device, holds).await?),
        None => None,
    };
    if pulled.epoch != received.epoch {
        // A new epoch began in between. The receipt belongs to one and the rows to the other: the device asks again.
        return Err(
            ApiError::new(ErrorCode::Unavailable).with(json!({"why": "the server was restored just now"}))
        );
    }
    Ok(SyncAnswer {
        protocol: PROTOCOL.min(request.protocol),
        server_at: app.now(),
        epoch: pulled.epoch,
        receipt: received.receipt,
        verdicts,
        tip: received.tip,
        rows: pulled.rows,
        cursors: pulled.cursors,
        more: pulled.more,
        revoked_at: received.revoked_at,
        floor: pulled.floor.filter(|floor| Some(floor) != knows.as_ref()),
        lacks,
    })
}
