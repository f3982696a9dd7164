//! Enrolment: a one-time code turns a data directory into an officer's terminal.

use super::status::Status;
use super::{Client, Who, open};
use crate::error::ClientError;
use crate::identity::Identity;
use crate::journal_writer::Clocks;
use crate::keys;
use crate::store::meta;
use crate::sync::call;
use crate::transport::Transport;
use fieldproof_schema::suite::{Purpose, Signer};
use fieldproof_schema::wire::device::{EnrolRequest, Enrolled};

/// What an officer types to enrol a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Enrolment<'a> {
    /// The one-time code that an administrator showed; spaces, hyphens and case do not count.
    pub code: &'a str,
    /// What people will call the terminal.
    pub device_name: &'a str,
    /// Protects the officer's key from now on; at least eight characters.
    pub passphrase: &'a str,
}

impl Client {
    /// Enrols the terminal; its store begins now, under the passphrase. After a lost answer it is called again with the same code and passphrase: name and keys are
    /// kept before the request, so the server sees the same terminal.
    pub async fn enrol(
        &self,
        transport: &dyn Transport,
        enrolment: &Enrolment<'_>,
    ) -> Result<Status, ClientError> {
        let _link = self.link.lock().await;
        if self.desk()?.who.is_some() {
            return Err(ClientError::AlreadyEnrolled);
        }
        if enrolment.device_name.trim().is_empty() {
            return Err(ClientError::FieldInvalid { field: "device_name" });
        }
        let officer = keys::officer_key(&self.dir, &*self.host, enrolment.passphrase, self.options.key_cost)?;
        let under = (enrolment.passphrase, self.options.key_cost);
        let kept = self.desk()?.key.clone();
        let store = keys::seal_store(&self.dir, &*self.host, under, kept)?;
        let key = keys::device_key(&self.dir, &*self.host, &store)?;
        let mut identity = Identity::read_or_choose(&self.dir, &*self.host)?;

        let (device, device_key, officer_key) = (identity.device, key.public_key(), officer.public_key());
        let proof = EnrolRequest::proof_text(enrolment.code, device, &device_key, &officer_key);
        let request = EnrolRequest {
            code: enrolment.code.to_owned(),
            device,
            name: enrolment.device_name.to_owned(),
            device_key,
            officer_key,
            device_proof: key.sign(Purpose::Enrolment, &proof),
            officer_proof: officer.sign(Purpose::Enrolment, &proof),
        };
        let answer: Enrolled = call::json(transport, call::ENROL, &request).await?;
        if answer.device != device {
            return Err(ClientError::ServerStrange { what: "the enrolment names another device".to_owned() });
        }
        {
            let mut desk = self.desk()?;
            let clocks = Clocks::read(&*self.host);
            if desk.key.is_none() {
                self.keep_originals_under(&store);
                desk.key = Some(store);
                self.take_place(&mut desk)?;
            }
            // The identity comes first: without it the journal's first entry would have no owner.
            identity.join(&self.dir, enrolment.device_name, &answer)?;
            let member = identity.member.clone().expect("it has just joined");
            let who = Who { device, key, member };
            let tx = desk.conn.transaction()?;
            meta::put_epoch(&tx, answer.epoch)?;
            meta::put_contact(&tx, answer.server_at, clocks.now)?;
            open::write_opened(&tx, &who.pen(clocks), &self.options.version)?;
            tx.commit()?;
            desk.clocks = Some(clocks);
            desk.who = Some(who);
        }
        self.status()
    }
}
