//! Recovery seen from an open terminal: who keeps the shares of its key, helping a colleague, registering a key that was made anew.

use super::Client;
use crate::error::ClientError;
use crate::keys::{self, shares};
use crate::recovery;
use crate::store::{carried, rows};
use crate::sync::call;
use crate::transport::Transport;
use fieldproof_schema::certificate::SignedCertificate;
use fieldproof_schema::ids::DeviceId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::recovery::{Request, SignedCustodians};
use fieldproof_schema::reference::OfficerRow;
use fieldproof_schema::suite::{PublicKey, Purpose, Signer};
use fieldproof_schema::wire::device::{CustodyRequest, EnrolRequest, HelpRequest, OfficerKeyRequest};
use fieldproof_schema::wire::row::RowKind;
use rusqlite::Connection;

/// What a colleague's terminal asks of this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plea {
    /// The officer's name: from the directory, where it is known there.
    pub officer_name: String,
    /// What the terminal is called, as the request says.
    pub device_name: String,
    /// When it was made, by that terminal's clock.
    pub made_at: Moment,
    /// What stands on that terminal's screen, too.
    pub check_number: String,
}

/// Whether a key is one of those that the server vouches for on this terminal.
pub(super) fn is_registered(
    conn: &Connection,
    device: DeviceId,
    key: &PublicKey,
) -> Result<bool, ClientError> {
    let certificate = carried::certificate(conn, device)?.and_then(|signed| signed.read().ok());
    // Servers of the first versions gave none, and no key was made anew then.
    Ok(certificate.is_none_or(|certificate| certificate.officer_keys.contains(key)))
}

impl Client {
    /// Whether the server knows the officer's key; a key that was made anew has to be registered before it signs.
    pub fn is_officer_key_known(&self) -> Result<bool, ClientError> {
        let device = self.desk()?.who.as_ref().ok_or(ClientError::NotEnrolled)?.device;
        match keys::officer_public_key(&self.dir)? {
            Some(key) => is_registered(&self.reader(), device, &key),
            None => Ok(false),
        }
    }

    /// Reads what a colleague's terminal asks.
    ///
    /// # Errors
    /// [`ClientError::RecoveryText`] for a text that is none; [`ClientError::NotCustodian`] when this terminal has no share of that
    /// one's key.
    pub fn read_plea(&self, text: &str) -> Result<Plea, ClientError> {
        let request = self.plea(text)?;
        let known: Option<OfficerRow> =
            rows::get(&self.reader(), RowKind::Officer, &request.officer.to_string())?;
        Ok(Plea {
            check_number: shares::check_number(&request),
            officer_name: known.map_or(request.officer_name, |officer| officer.name),
            device_name: request.device_name,
            made_at: request.made_at,
        })
    }

    /// Answers a colleague's terminal, after the server has written down that this is done, and why. The answer is of use to that
    /// terminal alone.
    ///
    /// # Errors
    /// Those of [`Self::read_plea`]; [`ClientError::PassphraseWrong`]; [`ClientError::ReasonMissing`]; what the server refuses: a terminal
    /// that was revoked is not opened.
    pub async fn help(
        &self,
        transport: &dyn Transport,
        text: &str,
        passphrase: &str,
        reason: &str,
    ) -> Result<String, ClientError> {
        let request = self.plea(text)?;
        if reason.trim().is_empty() {
            return Err(ClientError::ReasonMissing);
        }
        self.unlock(passphrase)?;
        let who = self.desk()?.who.clone().ok_or(ClientError::NotEnrolled)?;
        let store = self.desk()?.key.clone().ok_or(ClientError::NotEnrolled)?;
        let opener = shares::custody(&store, who.device);
        let answer = shares::answer(&opener, &request, who.device, &*self.host);
        let answer = answer.ok_or(ClientError::RecoveryText)?;
        let asked = HelpRequest {
            device: request.device,
            officer: request.officer,
            request: request.digest(),
            reason: reason.trim().to_owned(),
        };
        self.authorized(transport, call::post(call::HELP, &asked)).await?;
        Ok(answer.to_string())
    }

    fn plea(&self, text: &str) -> Result<Request, ClientError> {
        let request: Request = text.parse().map_err(|_| ClientError::RecoveryText)?;
        let own = self.desk()?.who.as_ref().ok_or(ClientError::NotEnrolled)?.device;
        let is_custodian = request.boxes.iter().any(|shares| shares.custodian == own);
        if is_custodian { Ok(request) } else { Err(ClientError::NotCustodian) }
    }

    /// Registers the officer's key, which was made anew, with a one-time code of an administrator. It can be repeated.
    ///
    /// # Errors
    /// [`ClientError::PassphraseWrong`]; what the server refuses about the code.
    pub async fn register_officer_key(
        &self,
        transport: &dyn Transport,
        code: &str,
        passphrase: &str,
    ) -> Result<(), ClientError> {
        let officer = keys::unlock_officer(&self.dir, &*self.host, passphrase)?;
        let who = self.desk()?.who.clone().ok_or(ClientError::NotEnrolled)?;
        let key = officer.public_key();
        let proof = EnrolRequest::proof_text(code, who.device, &who.key.public_key(), &key);
        let request = OfficerKeyRequest {
            code: code.to_owned(),
            officer_key: key,
            device_proof: who.key.sign(Purpose::Enrolment, &proof),
            officer_proof: officer.sign(Purpose::Enrolment, &proof),
        };
        let answer = self.authorized(transport, call::post(call::OFFICER_KEY, &request)).await?;
        let certificate: SignedCertificate = serde_json::from_slice(&answer.body)
            .map_err(|_| ClientError::ServerStrange { what: "the answer is not a certificate".to_owned() })?;
        self.keep_certificate(&who, &certificate)
    }

    /// Says with what shares for this officer are sealed, and makes those of this terminal's own key for the custodians that the
    /// server names. It is of no use to the sync that it comes with, which goes on without it.
    pub(crate) async fn exchange_custody(&self, transport: &dyn Transport, spoken_in: &mut Option<String>) {
        let Ok(token) = self.session(transport, None).await else { return };
        if spoken_in.as_ref() == Some(&token) {
            return;
        }
        let exchanged = self.try_exchange_custody(transport, &token).await;
        *spoken_in = Some(token);
        match exchanged {
            // A server of an earlier version knows nothing of it.
            Ok(()) | Err(ClientError::Refused { .. } | ClientError::Offline { .. }) => {}
            Err(error) => tracing::warn!(error = %error, "the shares of the store's key are not made"),
        }
    }

    async fn try_exchange_custody(&self, transport: &dyn Transport, token: &str) -> Result<(), ClientError> {
        let (who, store) = {
            let desk = self.desk()?;
            let (Some(who), Some(store)) = (desk.who.clone(), desk.key.clone()) else { return Ok(()) };
            (who, store)
        };
        let key = shares::public(&shares::custody(&store, who.device));
        let answer =
            self.call_as(transport, token, &call::post(call::CUSTODY, &CustodyRequest { key })).await?;
        let strange = |what: String| ClientError::ServerStrange { what };
        let named: SignedCustodians = serde_json::from_slice(&answer.body)
            .map_err(|_| strange("the answer does not name custodians".to_owned()))?;
        let named = named.verify(&who.member.server_key).map_err(|error| strange(error.to_string()))?;
        if named.device != who.device {
            return Err(strange("the custodians are another terminal's".to_owned()));
        }
        recovery::share(&self.dir, &*self.host, &store, named)
    }
}
