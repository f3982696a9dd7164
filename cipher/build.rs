//! Gives `libsqlite3-sys` the library called `crypto` that it asks for, and refuses a SQLCipher whose interface is another.

use std::env;
use std::fs;

/// What SQLCipher calls, in its order: `Provider` in `src/provider.rs` is laid out so.
const INTERFACE: [&str; 17] = [
    "init",
    "shutdown",
    "get_provider_name",
    "add_random",
    "random",
    "hmac",
    "kdf",
    "cipher",
    "get_cipher",
    "get_key_sz",
    "get_iv_sz",
    "get_block_sz",
    "get_hmac_sz",
    "ctx_init",
    "ctx_free",
    "fips_status",
    "get_provider_version",
];

fn main() {
    // `libsqlite3-sys` means OpenSSL by `crypto` and would take the system's. What SQLCipher calls is Rust, so this one is empty.
    cc::Build::new().file("src/crypto.c").cargo_metadata(false).compile("crypto");
    let out = env::var("OUT_DIR").expect("cargo says where to build");
    println!("cargo:rustc-link-search=native={out}");

    // The interface stands in no header, only in the amalgamation.
    let source = fs::read(sqlcipher_src::source_dir().join(sqlcipher_src::SOURCE_FILE))
        .expect("the sources of SQLCipher are there");
    let source = String::from_utf8_lossy(&source);
    let (_, interface) =
        source.split_once("struct sqlcipher_provider {").expect("SQLCipher has an interface for providers");
    let (interface, _) = interface.split_once("};").expect("the interface ends");
    let names: Vec<&str> = interface.split("(*").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert_eq!(names, INTERFACE, "SQLCipher has another interface: compare src/provider.rs with it");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/crypto.c");
}
