//! The ciphers of a terminal: those of its files ([`files`]), of what one holder of a key can open ([`boxes`]), and what SQLCipher calls for each page of a database
//! ([`database`] tells how one is opened).
//!
//! SQLCipher is given AES-256-CBC, HMAC-SHA-512 over it, PBKDF2 for the key of that, and random numbers of the system. All are
//! RustCrypto's, which use the processor's instructions where it has them (AES-NI, the ARMv8 extensions) and need no OpenSSL
//! (docs/adr/0032). It finds them by the name that `.cargo/config.toml` gives it (`SQLCIPHER_CRYPTO_CUSTOM`). Every program that
//! links SQLite links them, whether it encrypts or not.

pub mod boxes;
pub mod database;
pub mod files;
mod provider;
#[cfg(test)]
mod tests;

/// Keeps the ciphers among what is linked. A linker that looks into each library once would pass over them otherwise: what
/// asks for them, SQLite, comes after.
///
/// Call it where connections are opened.
pub fn link() {
    std::hint::black_box(provider::fieldproof_cipher_setup as *const ());
}
