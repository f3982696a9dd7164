//! The store's key in shares: two for each pair of custodians, of which either alone is chance.
//!
//! A pair's first share is drawn at random, its second is the key combined with it. A custodian has one for each of the others, so
//! any two can put the key together, and all that one has tells nothing.

use super::StoreKey;
use crate::error::ClientError;
use argon2::{Algorithm, Argon2, Params, Version};
use fieldproof_cipher::boxes::{self, Opener};
use fieldproof_cipher::files::{KEY_BYTES, derive};
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::ids::DeviceId;
use fieldproof_schema::recovery::{Answer, Custodian, Request, ShareBox};
use fieldproof_schema::suite::{CustodyKey, Digest, Suite};
use zeroize::Zeroizing;

/// What one custodian has: a share for each other custodian, in the order of their terminals.
type Shares = Zeroizing<Vec<u8>>;

/// What making a number to compare costs.
const CHECK_MEMORY_KIB: u32 = 64 * 1024;
const CHECK_SALT: &[u8] = b"fieldproof/1/check-number";

const SHARES: &str = "fieldproof/1/recovery-shares";
const ANSWER: &str = "fieldproof/1/recovery-answer";

/// What opens the shares that were made for a terminal's officer. It comes of the store's key, so that it is there whenever the store
/// is open, and nowhere else.
pub(crate) fn custody(store: &StoreKey, device: DeviceId) -> Opener {
    Opener::from_secret(&derive(store.bytes(), "fieldproof/1/custody", device.as_bytes()))
}

/// The key with which others seal for it.
pub(crate) fn public(opener: &Opener) -> CustodyKey {
    CustodyKey { suite: Suite::Std, value: opener.public() }
}

/// Twelve digits that stand on both screens: who answers compares them, and so answers to the terminal before her and not to somebody on the
/// way. Each guess at a request that shows the same ones costs as much as one at a passphrase.
pub(crate) fn check_number(request: &Request) -> String {
    let mut made = [0; 8];
    let params =
        Params::new(CHECK_MEMORY_KIB, 1, 1, Some(made.len())).expect("these are parameters of argon2id");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(&request.digest().to_bytes(), CHECK_SALT, &mut made)
        .expect("a digest and a salt of this length can be hashed");
    let number = u64::from_be_bytes(made) % 1_000_000_000_000;
    format!("{:04} {:04} {:04}", number / 100_000_000, number / 10_000 % 10_000, number % 10_000)
}

/// Whether an answer is sealed to this request's key, whatever is in it.
pub(crate) fn opens(opener: &Opener, request: &Request, answer: &Answer) -> bool {
    opener.open(ANSWER, &answer_about(&request.digest(), answer.custodian), &answer.sealed).is_ok()
}

/// Cuts the key of a terminal's store into shares, sealed to its custodians, who are ordered by their terminals.
pub(crate) fn cut(
    store: &StoreKey,
    device: DeviceId,
    custodians: &[Custodian],
    host: &dyn Host,
) -> Result<Vec<ShareBox>, ClientError> {
    let others = custodians.len().saturating_sub(1);
    let mut shares: Vec<Shares> =
        custodians.iter().map(|_| Zeroizing::new(vec![0; others * KEY_BYTES])).collect();
    for first in 0..custodians.len() {
        for second in first + 1..custodians.len() {
            let chance: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(random(host));
            place(&mut shares[first], first, second).copy_from_slice(&*chance);
            place(&mut shares[second], second, first).copy_from_slice(&*combine(store.bytes(), &*chance));
        }
    }
    let sealed = custodians.iter().zip(&shares).map(|(custodian, shares)| {
        let about = about(device, custodian.device);
        let sealed = boxes::seal(&custodian.key.value, SHARES, &about, shares, &Zeroizing::new(random(host)));
        let sealed = sealed
            .map_err(|_| ClientError::ServerStrange { what: "a custodian's key is none".to_owned() })?;
        Ok(ShareBox { custodian: custodian.device, sealed })
    });
    sealed.collect()
}

/// A custodian's answer: her shares, opened here and sealed to the key of the request. `None` for shares that are not hers or were
/// changed.
pub(crate) fn answer(
    opener: &Opener,
    request: &Request,
    custodian: DeviceId,
    host: &dyn Host,
) -> Option<Answer> {
    let mine = request.boxes.iter().find(|shares| shares.custodian == custodian)?;
    let shares = opener.open(SHARES, &about(request.device, custodian), &mine.sealed).ok()?;
    let digest = request.digest();
    let about = answer_about(&digest, custodian);
    let sealed =
        boxes::seal(&request.key.value, ANSWER, &about, &shares, &Zeroizing::new(random(host))).ok()?;
    Some(Answer { format: Answer::FORMAT, request: digest, custodian, sealed })
}

/// Puts the key together from the answers of two custodians; `None` where one is not what a custodian of the request answered.
pub(crate) fn join(opener: &Opener, request: &Request, [a, b]: [&Answer; 2]) -> Option<StoreKey> {
    let digest = request.digest();
    let opened = |answer: &Answer| {
        let shares = opener.open(ANSWER, &answer_about(&digest, answer.custodian), &answer.sealed).ok()?;
        let at = request.boxes.iter().position(|shares| shares.custodian == answer.custodian)?;
        (shares.len() == request.boxes.len().saturating_sub(1) * KEY_BYTES).then_some((at, shares))
    };
    let ((first, mut one), (second, mut other)) = (opened(a)?, opened(b)?);
    if first == second {
        return None;
    }
    let key = combine(place(&mut one, first, second), place(&mut other, second, first));
    Some(StoreKey::from_bytes(*key))
}

/// Where the share of the custodian at `own` lies that belongs with the one at `other`.
fn place(shares: &mut [u8], own: usize, other: usize) -> &mut [u8] {
    let at = if other < own { other } else { other - 1 };
    &mut shares[at * KEY_BYTES..][..KEY_BYTES]
}

fn combine(a: &[u8], b: &[u8]) -> Zeroizing<[u8; KEY_BYTES]> {
    let mut combined = Zeroizing::new([0; KEY_BYTES]);
    for ((to, a), b) in combined.iter_mut().zip(a).zip(b) {
        *to = a ^ b;
    }
    combined
}

fn about(device: DeviceId, custodian: DeviceId) -> Vec<u8> {
    [*device.as_bytes(), *custodian.as_bytes()].concat()
}

fn answer_about(request: &Digest, custodian: DeviceId) -> Vec<u8> {
    [request.to_bytes().as_slice(), custodian.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestHost;
    use fieldproof_schema::ids::OfficerId;
    use fieldproof_schema::moment::Moment;

    const DEVICE: DeviceId = DeviceId::from_bytes([90; 16]);

    fn custodian(number: u8) -> (Opener, Custodian) {
        let device = DeviceId::from_bytes([number; 16]);
        let opener = custody(&StoreKey::from_bytes([number; 32]), device);
        let (key, officer) = (public(&opener), OfficerId::from_bytes([number; 16]));
        (opener, Custodian { device, officer, name: String::new(), key })
    }

    fn request(boxes: Vec<ShareBox>, key: &Opener) -> Request {
        Request {
            format: Request::FORMAT,
            device: DEVICE,
            device_name: "T".into(),
            officer: OfficerId::from_bytes([91; 16]),
            officer_name: "李敏".into(),
            made_at: Moment::from_micros(1),
            key: public(key),
            boxes,
        }
    }

    #[test]
    fn any_two_custodians_open_it_and_no_one_does_alone() {
        let (host, store) = (TestHost::new(1), StoreKey::from_bytes([42; 32]));
        for count in 2..=8_u8 {
            let (openers, custodians): (Vec<_>, Vec<_>) = (1..=count).map(custodian).unzip();
            let own = Opener::from_secret(&[77; 32]);
            let request = request(cut(&store, DEVICE, &custodians, &host).unwrap(), &own);
            let answers: Vec<_> = openers
                .iter()
                .zip(&custodians)
                .map(|(opener, custodian)| answer(opener, &request, custodian.device, &host).unwrap())
                .collect();
            for (place, first) in answers.iter().enumerate() {
                for second in &answers[..place] {
                    for pair in [[first, second], [second, first]] {
                        assert_eq!(join(&own, &request, pair).unwrap().bytes(), store.bytes());
                    }
                }
                assert!(join(&own, &request, [first, first]).is_none());
            }
        }
    }

    #[test]
    fn what_one_custodian_has_is_chance() {
        let (store, custodians) =
            (StoreKey::from_bytes([42; 32]), [custodian(1), custodian(2), custodian(3)]);
        let list: Vec<_> = custodians.iter().map(|(_, custodian)| custodian.clone()).collect();
        for (opener, custodian) in &custodians {
            let mut seen = Vec::new();
            for seed in 0..4 {
                let boxes = cut(&store, DEVICE, &list, &TestHost::new(seed)).unwrap();
                let mine = boxes.iter().find(|shares| shares.custodian == custodian.device).unwrap();
                let shares = opener.open(SHARES, &about(DEVICE, custodian.device), &mine.sealed).unwrap();
                seen.extend(shares.chunks(KEY_BYTES).map(<[u8]>::to_vec));
            }
            for (place, share) in seen.iter().enumerate() {
                assert_ne!(share, store.bytes());
                // Neither do two of them make it.
                for other in &seen[..place] {
                    assert_ne!(*combine(share, other), *store.bytes());
                    assert_ne!(share, other);
                }
            }
        }
    }

    #[test]
    fn answers_to_another_request_or_of_others_are_refused() {
        let (host, store) = (TestHost::new(1), StoreKey::from_bytes([42; 32]));
        let (openers, custodians): (Vec<_>, Vec<_>) = (1..=3).map(custodian).unzip();
        let own = Opener::from_secret(&[77; 32]);
        let asked = request(cut(&store, DEVICE, &custodians, &host).unwrap(), &own);
        let other = Request { made_at: Moment::from_micros(2), ..asked.clone() };
        let [a, b, c] = [0, 1, 2].map(|n| answer(&openers[n], &asked, custodians[n].device, &host).unwrap());
        assert!(join(&own, &asked, [&a, &b]).is_some());
        assert!(join(&own, &other, [&a, &b]).is_none());
        assert!(join(&Opener::from_secret(&[78; 32]), &asked, [&a, &b]).is_none());
        let claimed = Answer { custodian: custodians[1].device, ..c.clone() };
        assert!(join(&own, &asked, [&a, &claimed]).is_none());
        // Nobody opens another one's, nor her own of another terminal.
        assert!(answer(&openers[0], &asked, custodians[1].device, &host).is_none());
        let elsewhere = Request { device: custodians[2].device, ..asked };
        assert!(answer(&openers[0], &elsewhere, custodians[0].device, &host).is_none());
    }
}
