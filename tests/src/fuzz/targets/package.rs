//! Packages as files, and whose a terminal is.

use crate::fuzz::corpus::key;
use fieldproof_schema::certificate::SignedCertificate;
use fieldproof_schema::limits::{PACKAGE_FILES_MAX, SYNC_BODY_PLAIN_BYTES_MAX};
use fieldproof_schema::package::{Package, Reading, Writing};
use fieldproof_schema::suite::{Digest, Signer};
use std::io::{Cursor, Read};

/// A file that says it is a package: within bounds, and written anew it says the same.
pub(super) fn package(bytes: &[u8]) {
    let Ok(mut reading) = Reading::open(Cursor::new(bytes)) else { return };
    let package = reading.package.clone();
    let held: usize = package.server.iter().map(|raw| raw.0.len()).sum();
    assert!(held <= SYNC_BODY_PLAIN_BYTES_MAX, "{held} bytes from a smaller body");
    let mut whole = Package { originals: Vec::new(), ..package.clone() };
    let mut found = Vec::new();
    for original in &package.originals {
        let mut read = Vec::new();
        let Ok(Ok(length)) = reading.original(original.digest).map(|mut r| r.read_to_end(&mut read)) else {
            continue;
        };
        assert!(length <= bytes.len(), "nothing unfolds");
        let is_new = !whole.originals.iter().any(|known| known.digest == original.digest);
        if is_new && Digest::of(&read) == original.digest {
            whole.originals.push(original.clone());
            found.push(read);
        }
    }
    if whole.originals.len() >= PACKAGE_FILES_MAX {
        return;
    }
    let Ok(mut writing) = Writing::begin(Cursor::new(Vec::new()), &whole) else { return };
    for (original, read) in whole.originals.iter().zip(&found) {
        writing.original(original, read.as_slice()).expect("memory takes it");
    }
    let written = writing.finish().expect("memory takes it");
    let again = Reading::open(written).expect("what was written can be read");
    assert_eq!(again.package, whole);
}

/// A certificate as it travels in JSON.
pub(super) fn certificate(bytes: &[u8]) {
    let Ok(signed) = serde_json::from_slice::<SignedCertificate>(bytes) else { return };
    let read = signed.read();
    if let Ok(whose) = signed.verify(&key().public_key()) {
        assert_eq!(read.as_ref(), Ok(&whose), "what is believed is what is read");
    }
    if let Ok(whose) = read {
        let again = whose.clone().sign(&key());
        assert_eq!(again.verify(&key().public_key()), Ok(whose));
    }
}
