//! Compiles the ciphers that SQLCipher needs, from the sources that come with it.
//!
//! `libsqlite3-sys` links SQLCipher with a library called `crypto` and means OpenSSL by that; here it finds libtomcrypt
//! under that name (`.cargo/config.toml` says so to the compiler). OpenSSL would have to be on every machine, or be
//! built, which needs Perl and minutes.

use std::env;

fn main() {
    let sources = sqlcipher_src::source_dir();
    cc::Build::new()
        .files(sqlcipher_src::LIBTOMCRYPT_SOURCES.iter().map(|file| sources.join(file)))
        .include(sources.join(sqlcipher_src::LIBTOMCRYPT_INCLUDE_DIR))
        .define("LTC_SOURCE", None)
        // Its randomness is the system's. `LTC_NO_FILE` must not be defined: the seed would be drawn from the clock then.
        .define("LTC_TRY_URANDOM_FIRST", None)
        // Every page is encrypted and authenticated by it, also while developing.
        .opt_level(3)
        .warnings(false)
        .cargo_metadata(false)
        .compile("crypto");
    let out = env::var("OUT_DIR").expect("cargo says where to build");
    println!("cargo:rustc-link-search=native={out}");
    println!("cargo:rerun-if-changed=build.rs");
}
