//! How a terminal is enrolled: a one-time code, proof that it holds both keys, one transaction. And how a server that was
//! restored knows those again that were enrolled since.

use crate::app::App;
use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::store::audit::Record;
use crate::store::devices::Device;
use crate::store::enrolment::Code;
use crate::store::{audit, devices, enrolment, failures, feeds, officers, tenants};
use crate::sync::carry;
use fieldproof_schema::certificate::{Certificate, SignedCertificate};
use fieldproof_schema::ids::{DecisionId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::server::SERVER;
use fieldproof_schema::suite::{Digest, Purpose};
use fieldproof_schema::wire::device::{EnrolRequest, Enrolled, OfficerKeyRequest, normal_code};
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::RowKind;
use serde_json::{Value, json};

/// Characters of a device's name.
const NAME_CHARS_MAX: usize = 100;

/// Why an enrolment was refused, with what belongs to the code.
type Refused = (ErrorCode, Value);

/// Enrols a terminal. A repeated request of the same terminal gets the same answer.
pub async fn enrol(app: &App, mut request: EnrolRequest, peer: String) -> Result<Enrolled, ApiError> {
    request.name = request.name.trim().to_owned();
    if request.name.is_empty() || request.name.chars().count() > NAME_CHARS_MAX {
        return Err(ApiError::field("name", format!("1 to {NAME_CHARS_MAX} characters")));
    }
    let (org, now) = (app.org().await?, app.now());
    let decision = DecisionId::new(now, app.random());
    let device = request.device;
    // A refusal is a result here, not an error: the count of failures must be committed with it.
    let (known, epoch) = app
        .db
        .write(move |tx| {
            if let Some(seconds) = failures::wait_seconds(tx, org, &peer, now)? {
                return Ok(Err((ErrorCode::TooManyTries, json!({"retry_after_seconds": seconds}))));
            }
            let result = admit(tx, org, &request, decision, now)?;
            match &result {
                Ok(_) => failures::forget(tx, org, &peer)?,
                Err(_) => failures::count(tx, org, &peer, now)?,
            }
            let epoch = tenants::epoch(tx, org)?;
            Ok::<_, DbError>(result.map(|known| (known, epoch)))
        })
        .await?
        .map_err(|(code, details): Refused| ApiError::new(code).with(details))?;
    Ok(Enrolled {
        device,
        officer: known.officer,
        officer_name: known.officer_name,
        server_key: app.key.public_key(),
        epoch,
        server_at: now,
    })
}

/// Registers a new key of a terminal's officer: the one before is under a passphrase that nobody knows any more. A repeated request
/// gets the same answer; what was signed with earlier keys stays what it is.
///
/// # Errors
/// Those of a code that is not good, or another officer's.
pub async fn register_officer_key(
    app: &App,
    actor: &DeviceActor,
    request: OfficerKeyRequest,
) -> Result<Certificate, ApiError> {
    let (org, now, actor) = (actor.org, app.now(), actor.clone());
    let decision = DecisionId::new(now, app.random());
    let write = move |tx: &mut Tx<'_>| {
        let subject = format!("device:{}", actor.id);
        if let Some(seconds) = failures::wait_seconds(tx, org, &subject, now)? {
            return Ok(Err((ErrorCode::TooManyTries, json!({"retry_after_seconds": seconds}))));
        }
        match renew(tx, &actor, &request, decision, now)? {
            Ok(()) => failures::forget(tx, org, &subject)?,
            Err(refused) => {
                failures::count(tx, org, &subject, now)?;
                return Ok(Err((refused, Value::Null)));
            }
        }
        Ok::<_, DbError>(Ok(carry::certify(tx, org, actor.id)?))
    };
    let certificate =
        app.db.write(write).await?.map_err(|(code, details): Refused| ApiError::new(code).with(details))?;
    certificate.ok_or_else(|| ErrorCode::DeviceUnknown.into())
}

fn renew(
    tx: &mut Tx<'_>,
    actor: &DeviceActor,
    request: &OfficerKeyRequest,
    decision: DecisionId,
    now: Moment,
) -> Result<Result<(), ErrorCode>, DbError> {
    let (org, key) = (actor.org, &request.officer_key);
    let code = Digest::of(normal_code(&request.code).as_bytes());
    // Another officer's code is as good as none.
    let known = enrolment::find(tx, org, &code)?.filter(|known| known.officer == actor.officer);
    let Some(known) = known else { return Ok(Err(ErrorCode::EnrolmentCodeUnknown)) };
    if let Some(used_by) = known.used_by {
        let keys = devices::officer_keys_of(tx, org, actor.officer, actor.id)?;
        let same = used_by == actor.id && keys.contains(key);
        return Ok(if same { Ok(()) } else { Err(ErrorCode::EnrolmentCodeUsed) });
    }
    if known.expires_at <= now {
        return Ok(Err(ErrorCode::EnrolmentCodeExpired));
    }
    let proof = EnrolRequest::proof_text(&request.code, actor.id, &actor.key, key);
    let proven = actor.key.verify(Purpose::Enrolment, &proof, &request.device_proof).is_ok()
        && key.verify(Purpose::Enrolment, &proof, &request.officer_proof).is_ok();
    if !proven {
        return Ok(Err(ErrorCode::EnrolmentProofInvalid));
    }
    if !enrolment::mark_used(tx, org, &code, actor.id, now)? {
        return Ok(Err(ErrorCode::EnrolmentCodeUsed));
    }
    devices::insert_officer_key(tx, org, actor.officer, key, actor.id, now)?;
    // Colleagues check each other's seals with these keys.
    tx.publish(org, feeds::EVERYONE, RowKind::Officer.as_str(), &actor.officer.to_string());
    let record = Record {
        id: decision,
        at: now,
        actor: format!("device:{}", actor.id),
        act: "officer_key.registered".into(),
        subject: format!("officer:{}", actor.officer),
        details: json!({"officer_key": key}),
    };
    audit::insert(tx, org, &record)?;
    Ok(Ok(()))
}

fn admit(
    tx: &mut Tx<'_>,
    org: OrgId,
    request: &EnrolRequest,
    decision: DecisionId,
    now: Moment,
) -> Result<Result<Code, Refused>, DbError> {
    let refuse = |code: ErrorCode| Ok(Err((code, Value::Null)));
    let code = Digest::of(normal_code(&request.code).as_bytes());
    let Some(known) = enrolment::find(tx, org, &code)? else {
        return refuse(ErrorCode::EnrolmentCodeUnknown);
    };
    let device = devices::find(tx, org, request.device)?;
    if let Some(used_by) = known.used_by {
        let same = used_by == request.device && device.is_some_and(|d| d.key == request.device_key);
        return if same { Ok(Ok(known)) } else { refuse(ErrorCode::EnrolmentCodeUsed) };
    }
    if known.expires_at <= now {
        return refuse(ErrorCode::EnrolmentCodeExpired);
    }
    let EnrolRequest { device_key, officer_key, .. } = request;
    let proof = EnrolRequest::proof_text(&request.code, request.device, device_key, officer_key);
    let proven = device_key.verify(Purpose::Enrolment, &proof, &request.device_proof).is_ok()
        && officer_key.verify(Purpose::Enrolment, &proof, &request.officer_proof).is_ok();
    if !proven || device.is_some() || request.device == SERVER {
        return refuse(ErrorCode::EnrolmentProofInvalid);
    }
    let device = Device::enrolled(request.device, known.officer, &request.name, *device_key, now);
    if !enrolment::mark_used(tx, org, &code, device.id, now)? {
        return refuse(ErrorCode::EnrolmentCodeUsed);
    }
    devices::insert(tx, org, &device)?;
    devices::insert_officer_key(tx, org, known.officer, officer_key, device.id, now)?;
    // Colleagues check each other's seals with these keys.
    tx.publish(org, feeds::EVERYONE, RowKind::Officer.as_str(), &known.officer.to_string());
    let record = Record {
        id: decision,
        at: now,
        actor: format!("device:{}", device.id),
        act: "device.enrolled".into(),
        subject: format!("officer:{}", known.officer),
        details: json!({"device_key": device_key, "officer_key": officer_key}),
    };
    audit::insert(tx, org, &record)?;
    Ok(Ok(known))
}

/// A terminal that says who it is by this server's word.
///
/// # Errors
/// [`ErrorCode::CertificateInvalid`] when the word is not this server's; [`ErrorCode::DeviceUnknown`] when its officer is not
/// in the directory.
pub async fn readmit(app: &App, signed: &SignedCertificate) -> Result<(), ApiError> {
    let certificate = signed.verify(&app.key.public_key()).map_err(|_| ErrorCode::CertificateInvalid)?;
    let (org, now) = (app.org().await?, app.now());
    let decision = DecisionId::new(now, app.random());
    let readmitted = move |tx: &mut Tx<'_>| known_again(tx, org, &certificate, decision, now);
    app.db.write(readmitted).await?.ok_or(ErrorCode::DeviceUnknown)?;
    Ok(())
}

/// The terminal of a certificate that this server signed. One that is not known was enrolled after the backup from which
/// the server was restored: it is known from now on. None when its officer is not in the directory.
pub fn known_again(
    tx: &mut Tx<'_>,
    org: OrgId,
    certificate: &Certificate,
    decision: DecisionId,
    now: Moment,
) -> Result<Option<Device>, DbError> {
    if let Some(known) = devices::find(tx, org, certificate.device)? {
        return Ok(Some(known));
    }
    if officers::find(tx, org, certificate.officer)?.is_none() {
        return Ok(None);
    }
    let Certificate { device, officer, device_name, device_key, enrolled_at, .. } = certificate;
    let device = Device::enrolled(*device, *officer, device_name, *device_key, *enrolled_at);
    devices::insert(tx, org, &device)?;
    for key in &certificate.officer_keys {
        devices::insert_officer_key(tx, org, device.officer, key, device.id, certificate.enrolled_at)?;
    }
    tx.publish(org, feeds::EVERYONE, RowKind::Officer.as_str(), &device.officer.to_string());
    let record = Record {
        id: decision,
        at: now,
        actor: format!("device:{}", device.id),
        act: "device.known_again".into(),
        subject: format!("officer:{}", device.officer),
        details: json!({"device_key": device.key, "enrolled_at": certificate.enrolled_at}),
    };
    audit::insert(tx, org, &record)?;
    Ok(Some(device))
}
