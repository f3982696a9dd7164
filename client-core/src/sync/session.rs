//! The device's session with the server: a token in memory, renewed by signing a challenge.

use super::budget::Budget;
use super::call;
use crate::client::Client;
use crate::error::ClientError;
use crate::transport::{Transport, WireRequest, WireResponse};
use fieldproof_schema::suite::{Purpose, Signer};
use fieldproof_schema::wire::device::{Challenge, ChallengeRequest, Session, SessionRequest};
use fieldproof_schema::wire::error::ErrorCode;

/// What is remembered between calls, and lost with the process: that costs a few more calls.
#[derive(Debug, Default)]
pub(crate) struct Link {
    token: Option<String>,
    /// True once the server's idea of the journal was seen since the opening. A store can only have come back older
    /// between two openings; pushing before that is known would put entries beside the chain.
    pub(super) greeted: bool,
    /// How much one push may carry.
    pub(super) budget: Budget,
    /// Bytes of one part of an original; none until a smaller one than usual was needed.
    pub(super) part_bytes: Option<usize>,
}

impl Client {
    /// Calls with the session's token; when the server does not know it, opens a session and calls once more.
    pub(super) async fn authorized(
        &self,
        transport: &dyn Transport,
        link: &mut Link,
        request: WireRequest,
    ) -> Result<WireResponse, ClientError> {
        if let Some(token) = &link.token {
            match self.call_as(transport, token, &request).await {
                Err(error) if error.code() == ErrorCode::SignInRequired => link.token = None,
                other => return other,
            }
        }
        let token = self.open_session(transport).await?;
        let answer = self.call_as(transport, &token, &request).await;
        link.token = Some(token);
        answer
    }

    /// The session's token, for calls that last; a new session when there is none, or when it is said to have ended.
    pub(super) async fn session(
        &self,
        transport: &dyn Transport,
        has_ended: bool,
    ) -> Result<String, ClientError> {
        let mut link = self.link.lock().await;
        match &link.token {
            Some(token) if !has_ended => Ok(token.clone()),
            _ => {
                let token = self.open_session(transport).await?;
                Ok(link.token.insert(token).clone())
            }
        }
    }

    async fn call_as(
        &self,
        transport: &dyn Transport,
        token: &str,
        request: &WireRequest,
    ) -> Result<WireResponse, ClientError> {
        let mut request = request.clone();
        request.headers.push(("authorization", format!("Bearer {token}")));
        call::succeeded(transport.call(request).await?)
    }

    async fn open_session(&self, transport: &dyn Transport) -> Result<String, ClientError> {
        let who = self.desk().who.clone().ok_or(ClientError::NotEnrolled)?;
        let device = who.device;
        let Challenge { challenge } =
            call::json(transport, call::CHALLENGE, &ChallengeRequest { device }).await?;
        let signature = who.key.sign(Purpose::Session, challenge.as_bytes());
        let session: Session =
            call::json(transport, call::SESSION, &SessionRequest { device, challenge, signature }).await?;
        Ok(session.token)
    }
}
