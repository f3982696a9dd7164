//! What the server writes into a visit itself, decisions of conflicts, signed like the work of a terminal.
//!
//! Whoever is given such a change is given the server's signature under it as well, and can bring it back to a server that
//! lost it, or hand it to a colleague. It needs no journal: each entry stands for itself.

use crate::certificate::Certificate;
use crate::document::Actor;
use crate::ids::{DeviceId, InspectionId, OfficerId};
use crate::journal::body::{self, Run};
use crate::journal::{Entry, Kind};
use crate::moment::Moment;
use crate::suite::{Digest, PublicKey};

/// The name under which the server signs. No terminal is enrolled under it.
pub const SERVER: DeviceId = DeviceId::from_bytes([0; 16]);

/// Nobody in particular: who decided is said in the change.
pub const NOBODY: OfficerId = OfficerId::from_bytes([0; 16]);

/// The server's word about itself.
pub fn certificate(key: PublicKey) -> Certificate {
    Certificate {
        format: 1,
        device: SERVER,
        device_name: String::new(),
        officer: NOBODY,
        officer_name: String::new(),
        device_key: key,
        officer_keys: Vec::new(),
        enrolled_at: Moment::from_micros(0),
    }
}

/// Whether a certificate that `server` signed is about the server itself. One that says so with another key is of nobody.
pub fn is_own(certificate: &Certificate, server: &PublicKey) -> bool {
    certificate.device == SERVER && certificate.device_key == *server
}

/// What the server says about a change that it wrote at `at`: it declares the writer and covers the change.
pub fn entry(inspection: InspectionId, digest: Digest, (actor, seq): (Actor, u64), at: Moment) -> Entry {
    let run = Run { actor, first: seq, last: seq };
    Entry {
        device: SERVER,
        seq: 1,
        prev: None,
        kind: Kind::Saved,
        officer: None,
        inspection: Some(inspection),
        content: Some(digest),
        device_at: at,
        monotonic_ms: 0,
        server_at: Some(at),
        session: 0,
        body: body::write(&body::Saved { change: None, run: Some(run) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{MemoryKey, Signer};

    #[test]
    fn what_the_server_signed_of_its_own_keeps_its_released_form() {
        let key = MemoryKey::from_secret(&[7; 32]);
        let visit = InspectionId::from_bytes([1; 16]);
        let at = Moment::from_micros(5);
        let signed = entry(visit, Digest::of(b"change"), (Actor([2; 16]), 1), at).sign(&key);
        insta::assert_snapshot!(signed.hash().to_string(), @"std-e4ace1c3bd71ea962503dbf3792c2cf13acff34c5f4edc5c72de8fbd54e16389");
        let whose = certificate(key.public_key()).sign(&key);
        insta::assert_snapshot!(whose.text, @r#"{"device":"00000000-0000-0000-0000-000000000000","device_key":"std-ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c","device_name":"","enrolled_at":"1970-01-01T00:00:00.000000Z","format":1,"officer":"00000000-0000-0000-0000-000000000000","officer_keys":[],"officer_name":""}"#);
    }

    #[test]
    fn only_the_servers_own_key_signs_under_its_name() {
        let (own, other) = (MemoryKey::from_secret(&[7; 32]), MemoryKey::from_secret(&[8; 32]));
        assert!(is_own(&certificate(own.public_key()), &own.public_key()));
        assert!(!is_own(&certificate(other.public_key()), &own.public_key()));
    }
}
