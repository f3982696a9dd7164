//! The device's session with the server: a token in memory, renewed by signing a challenge.

use super::budget::Budget;
use super::call;
use crate::client::{Client, Who};
use crate::error::ClientError;
use crate::store::carried;
use crate::transport::{Transport, WireRequest, WireResponse};
use fieldproof_schema::certificate::SignedCertificate;
use fieldproof_schema::suite::{Purpose, Signer};
use fieldproof_schema::wire::device::{Challenge, ChallengeRequest, Session, SessionRequest};
use fieldproof_schema::wire::error::ErrorCode;

/// What is remembered between rounds, and lost with the process: that costs a few more calls.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// True once the server's idea of the journal was seen since the opening. A store can only have come back older
    /// between two openings; pushing before that is known would put entries beside the chain.
    pub(super) greeted: bool,
    /// How much one push may carry.
    pub(super) budget: Budget,
    /// The session in which custody was spoken of.
    pub(super) custody_in: Option<String>,
}

impl Client {
    /// Calls with the session's token; when the server does not know it, opens a session and calls once more.
    pub(crate) async fn authorized(
        &self,
        transport: &dyn Transport,
        request: WireRequest,
    ) -> Result<WireResponse, ClientError> {
        let token = self.session(transport, None).await?;
        match self.call_as(transport, &token, &request).await {
            Err(error) if error.code() == ErrorCode::SignInRequired => {
                let token = self.session(transport, Some(&token)).await?;
                self.call_as(transport, &token, &request).await
            }
            other => other,
        }
    }

    /// The session's token; a new session when there is none, or when it is the one that `ended`.
    ///
    /// A new session ends the one before. So one is opened at a time, and who finds that another call has opened one meanwhile
    /// takes that.
    pub(crate) async fn session(
        &self,
        transport: &dyn Transport,
        ended: Option<&str>,
    ) -> Result<String, ClientError> {
        let mut known = self.session.lock().await;
        match &*known {
            Some(token) if ended != Some(token.as_str()) => Ok(token.clone()),
            _ => {
                *known = None;
                let token = self.open_session(transport).await?;
                Ok(known.insert(token).clone())
            }
        }
    }

    pub(crate) async fn call_as(
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
        let who = self.desk()?.who.clone().ok_or(ClientError::NotEnrolled)?;
        let device = who.device;
        let asked = ChallengeRequest { device };
        let challenge: Result<Challenge, _> = call::json(transport, call::CHALLENGE, &asked).await;
        let Challenge { challenge } = match challenge {
            Err(error) if error.code() == ErrorCode::DeviceUnknown => {
                // A server that was restored to before the enrolment knows its own word.
                let certificate = carried::certificate(&self.reader(), device)?.ok_or(error)?;
                call::done(transport, call::READMISSION, &certificate).await?;
                call::json(transport, call::CHALLENGE, &asked).await?
            }
            other => other?,
        };
        let signature = who.key.sign(Purpose::Session, challenge.as_bytes());
        let session: Session =
            call::json(transport, call::SESSION, &SessionRequest { device, challenge, signature }).await?;
        if let Some(certificate) = &session.certificate {
            self.keep_certificate(&who, certificate)?;
        }
        Ok(session.token)
    }

    /// Keeps the server's word about this terminal: colleagues take its work by it.
    pub(crate) fn keep_certificate(
        &self,
        who: &Who,
        certificate: &SignedCertificate,
    ) -> Result<(), ClientError> {
        let verified = certificate.verify(&who.member.server_key);
        if !verified.is_ok_and(|c| c.device == who.device && c.device_key == who.key.public_key()) {
            let what = "the certificate is not this terminal's".to_owned();
            return Err(ClientError::ServerStrange { what });
        }
        if carried::certificate(&self.reader(), who.device)?.as_ref() != Some(certificate) {
            carried::put_certificate(&self.desk()?.conn, who.device, certificate)?;
        }
        Ok(())
    }
}
