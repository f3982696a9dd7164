use crate::link;
use rusqlite::Connection;
use std::fs;
use std::path::Path;

/// Written by SQLCipher 4.12.0 with OpenSSL 3.5.4: a hundred rows, under [`KEY`].
const OPENSSL: &[u8] = include_bytes!("../fixtures/openssl.db");
const KEY: &str = "x'0707070707070707070707070707070707070707070707070707070707070707'";

fn open(path: &Path, key: &str) -> Connection {
    link();
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "cipher_log_level", "NONE").unwrap();
    connection.pragma_update(None, "key", key).unwrap();
    connection
}

fn text(connection: &Connection, id: i64) -> rusqlite::Result<String> {
    connection.query_row("SELECT text FROM notes WHERE id = ?1", [id], |row| row.get(0))
}

#[test]
fn what_openssl_encrypted_is_read_and_written_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.db");
    fs::write(&path, OPENSSL).unwrap();
    let connection = open(&path, KEY);
    for id in 1..=100 {
        assert_eq!(text(&connection, id).unwrap(), format!("第 {id} 条：供水卫生"));
    }
    connection.execute("UPDATE notes SET text = text || ?1", ["，已改"]).unwrap();
    connection.execute("VACUUM", []).unwrap();
    drop(connection);
    assert_eq!(text(&open(&path, KEY), 100).unwrap(), "第 100 条：供水卫生，已改");
    let stored = fs::read(&path).unwrap();
    assert!(!stored.windows("供水".len()).any(|part| part == "供水".as_bytes()), "a page lies in the clear");
}

/// It is ours, not one that a system brought along; the version is the last thing in the interface.
#[test]
fn sqlcipher_calls_these_ciphers() {
    let dir = tempfile::tempdir().unwrap();
    let connection = open(&dir.path().join("notes.db"), KEY);
    let asked = |name: &str| {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!(
        (asked("cipher_provider").as_str(), asked("cipher_provider_version").as_str()),
        ("fieldproof", "1")
    );
    assert_eq!(asked("cipher_hmac_algorithm"), "HMAC_SHA512");
}

#[test]
fn another_key_and_a_changed_page_are_seen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.db");
    fs::write(&path, OPENSSL).unwrap();
    assert!(text(&open(&path, &KEY.replace('7', "8")), 1).is_err());
    // The second page holds the rows; its first byte is encrypted, its last are of the hash over it.
    for place in [4096, 8191 - 20] {
        let mut changed = OPENSSL.to_vec();
        changed[place] ^= 1;
        fs::write(&path, changed).unwrap();
        assert!(text(&open(&path, KEY), 1).is_err(), "a change of byte {place} is not seen");
    }
}

/// A passphrase of its own, as the tools of others open a database: the key is derived in many rounds then.
#[test]
fn a_passphrase_does_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.db");
    let connection = open(&path, "巡证");
    connection.execute_batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL); INSERT INTO notes VALUES (1, 'a')").unwrap();
    drop(connection);
    assert!(text(&open(&path, "巡查"), 1).is_err());
    assert_eq!(text(&open(&path, "巡证"), 1).unwrap(), "a");
}

mod files {
    use crate::files::{Altered, KEY_BYTES, Pieces, TAG_BYTES, derive};

    /// Computed by HKDF-SHA256 of another implementation (Python's `cryptography`).
    #[test]
    fn keys_are_derived_as_they_were() {
        let derived = derive(&[7; KEY_BYTES], "purpose", b"thing");
        assert_eq!(derived[..8], DERIVED);
        assert_ne!(derived, derive(&[7; KEY_BYTES], "purposet", b"hing"));
        assert_ne!(derived, derive(&[8; KEY_BYTES], "purpose", b"thing"));
    }

    const DERIVED: [u8; 8] = [73, 167, 18, 37, 184, 190, 237, 245];

    #[test]
    fn a_piece_decrypts_at_its_place_in_its_file_and_nowhere_else() {
        let (one, other) =
            (derive(&[1; KEY_BYTES], "file", b"one"), derive(&[1; KEY_BYTES], "file", b"other"));
        let encrypted = |place, is_last| {
            let mut piece = b"piece".to_vec();
            Pieces::new(&one).encrypt(place, is_last, &mut piece);
            assert_eq!(piece.len(), 5 + TAG_BYTES);
            piece
        };
        let decrypted = |key, place, is_last, piece: &[u8]| {
            let mut piece = piece.to_vec();
            Pieces::new(key).decrypt(place, is_last, &mut piece).map(|()| piece)
        };
        let piece = encrypted(3, false);
        assert_eq!(decrypted(&one, 3, false, &piece), Ok(b"piece".to_vec()));
        assert_eq!(decrypted(&one, 3, true, &piece), Err(Altered));
        assert_eq!(decrypted(&one, 4, false, &piece), Err(Altered));
        assert_eq!(decrypted(&other, 3, false, &piece), Err(Altered));
        assert_eq!(decrypted(&one, 3, false, &piece[..piece.len() - 1]), Err(Altered));
        for byte in 0..piece.len() {
            let mut piece = piece.clone();
            piece[byte] ^= 1;
            assert_eq!(decrypted(&one, 3, false, &piece), Err(Altered), "byte {byte}");
        }
    }
}
