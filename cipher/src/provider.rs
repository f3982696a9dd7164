//! What SQLCipher calls: the one place where its pointers become slices.
#![allow(unsafe_code)]

use aes::Aes256;
use aes::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use std::ffi::{CStr, c_char, c_int, c_uchar, c_void};
use std::slice;

const OK: c_int = 0;
const ERROR: c_int = 1;

const KEY_BYTES: usize = 32;
const BLOCK_BYTES: usize = 16;
const HMAC_BYTES: usize = 64;

/// SQLCipher's numbers for what it asks.
const ENCRYPT: c_int = 1;
const SHA512: c_int = 2;

const NAME: &CStr = c"fieldproof";
const VERSION: &CStr = c"1";
const CIPHER: &CStr = c"aes-256-cbc";

type Context = *mut c_void;

/// `sqlcipher_provider`; `build.rs` compares the order.
#[repr(C)]
pub(crate) struct Provider {
    init: Option<extern "C" fn() -> c_int>,
    shutdown: Option<extern "C" fn()>,
    get_provider_name: extern "C" fn(Context) -> *const c_char,
    add_random: extern "C" fn(Context, *const c_void, c_int) -> c_int,
    random: unsafe extern "C" fn(Context, *mut c_void, c_int) -> c_int,
    hmac: unsafe extern "C" fn(
        Context,
        c_int,
        *const c_uchar,
        c_int,
        *const c_uchar,
        c_int,
        *const c_uchar,
        c_int,
        *mut c_uchar,
    ) -> c_int,
    kdf: unsafe extern "C" fn(
        Context,
        c_int,
        *const c_uchar,
        c_int,
        *const c_uchar,
        c_int,
        c_int,
        c_int,
        *mut c_uchar,
    ) -> c_int,
    cipher: unsafe extern "C" fn(
        Context,
        c_int,
        *const c_uchar,
        c_int,
        *const c_uchar,
        *const c_uchar,
        c_int,
        *mut c_uchar,
    ) -> c_int,
    get_cipher: extern "C" fn(Context) -> *const c_char,
    get_key_sz: extern "C" fn(Context) -> c_int,
    get_iv_sz: extern "C" fn(Context) -> c_int,
    get_block_sz: extern "C" fn(Context) -> c_int,
    get_hmac_sz: extern "C" fn(Context, c_int) -> c_int,
    ctx_init: extern "C" fn(*mut Context) -> c_int,
    ctx_free: extern "C" fn(*mut Context) -> c_int,
    fips_status: extern "C" fn(Context) -> c_int,
    get_provider_version: extern "C" fn(Context) -> *const c_char,
    /// SQLCipher's own: it keeps its providers in a list.
    next: *mut Provider,
}

/// Fills in what SQLCipher calls. It is the first thing that SQLCipher calls, once in the life of a process.
///
/// # Safety
///
/// `provider` points to memory for one `sqlcipher_provider`.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn fieldproof_cipher_setup(provider: *mut Provider) -> c_int {
    let ours = Provider {
        init: None,
        shutdown: None,
        get_provider_name,
        add_random,
        random,
        hmac,
        kdf,
        cipher,
        get_cipher,
        get_key_sz,
        get_iv_sz: block_sz,
        get_block_sz: block_sz,
        get_hmac_sz,
        ctx_init: nothing,
        ctx_free: nothing,
        fips_status,
        get_provider_version,
        next: std::ptr::null_mut(),
    };
    // SAFETY: the caller's promise.
    unsafe { provider.write(ours) };
    OK
}

/// # Safety
///
/// `length` bytes can be read at `start`, or one of the two says that there are none.
unsafe fn read<'a>(start: *const c_uchar, length: c_int) -> Option<&'a [u8]> {
    let length = usize::try_from(length).ok()?;
    // SAFETY: the caller's promise; an address that is none is turned away.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start, length) })
}

/// # Safety
///
/// `length` bytes can be written at `start`, and nothing else looks at them meanwhile.
unsafe fn written<'a>(start: *mut c_uchar, length: usize) -> Option<&'a mut [u8]> {
    // SAFETY: the caller's promise; an address that is none is turned away.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts_mut(start, length) })
}

fn code(done: Option<()>) -> c_int {
    if done.is_some() { OK } else { ERROR }
}

unsafe extern "C" fn random(_: Context, buffer: *mut c_void, length: c_int) -> c_int {
    let Ok(length) = usize::try_from(length) else { return ERROR };
    // SAFETY: SQLCipher hands over a buffer of that length.
    code(unsafe { written(buffer.cast(), length) }.and_then(|buffer| getrandom::fill(buffer).ok()))
}

/// The system's random numbers need nothing added.
extern "C" fn add_random(_: Context, _: *const c_void, _: c_int) -> c_int {
    OK
}

unsafe extern "C" fn hmac(
    _: Context,
    algorithm: c_int,
    key: *const c_uchar,
    key_size: c_int,
    first: *const c_uchar,
    first_size: c_int,
    second: *const c_uchar,
    second_size: c_int,
    out: *mut c_uchar,
) -> c_int {
    if algorithm != SHA512 {
        return ERROR;
    }
    // SAFETY: SQLCipher hands over buffers of these lengths, and `out` with room for one hash of this algorithm. `out` is
    // written last: it may lie within what is hashed.
    let done = unsafe { read(key, key_size) }.and_then(|key| {
        let mut mac = Hmac::<Sha512>::new_from_slice(key).ok()?;
        mac.update(unsafe { read(first, first_size) }?);
        // There need not be a second part.
        if let Some(second) = unsafe { read(second, second_size) } {
            mac.update(second);
        }
        let hash = mac.finalize().into_bytes();
        unsafe { written(out, HMAC_BYTES) }?.copy_from_slice(&hash);
        Some(())
    });
    code(done)
}

unsafe extern "C" fn kdf(
    _: Context,
    algorithm: c_int,
    passphrase: *const c_uchar,
    passphrase_size: c_int,
    salt: *const c_uchar,
    salt_size: c_int,
    rounds: c_int,
    key_size: c_int,
    key: *mut c_uchar,
) -> c_int {
    let (Ok(rounds), Ok(key_size)) = (u32::try_from(rounds), usize::try_from(key_size)) else { return ERROR };
    if algorithm != SHA512 || rounds == 0 {
        return ERROR;
    }
    // SAFETY: SQLCipher hands over buffers of these lengths.
    let (passphrase, salt) = unsafe { (read(passphrase, passphrase_size), read(salt, salt_size)) };
    let (Some(passphrase), Some(salt), Some(key)) = (passphrase, salt, unsafe { written(key, key_size) })
    else {
        return ERROR;
    };
    pbkdf2::pbkdf2_hmac::<Sha512>(passphrase, salt, rounds, key);
    OK
}

unsafe extern "C" fn cipher(
    _: Context,
    mode: c_int,
    key: *const c_uchar,
    key_size: c_int,
    iv: *const c_uchar,
    from: *const c_uchar,
    size: c_int,
    out: *mut c_uchar,
) -> c_int {
    let Ok(bytes) = usize::try_from(size) else { return ERROR };
    if key_size != KEY_BYTES as c_int || bytes % BLOCK_BYTES != 0 || from.is_null() || out.is_null() {
        return ERROR;
    }
    // SAFETY: SQLCipher hands over a key and an initialisation vector of the sizes it asked for, and two buffers of `size` bytes. The
    // two may be the same one, so they are never two slices at once.
    let done = unsafe {
        let key = read(key, KEY_BYTES as c_int).and_then(|key| Array::try_from(key).ok());
        let iv = read(iv, BLOCK_BYTES as c_int).and_then(|iv| Array::try_from(iv).ok());
        key.zip(iv).and_then(|(key, iv)| {
            std::ptr::copy(from, out, bytes);
            let (blocks, _) = Array::slice_as_chunks_mut(written(out, bytes)?);
            if mode == ENCRYPT {
                cbc::Encryptor::<Aes256>::new(&key, &iv).encrypt_blocks(blocks);
            } else {
                cbc::Decryptor::<Aes256>::new(&key, &iv).decrypt_blocks(blocks);
            }
            Some(())
        })
    };
    code(done)
}

extern "C" fn get_provider_name(_: Context) -> *const c_char {
    NAME.as_ptr()
}

extern "C" fn get_provider_version(_: Context) -> *const c_char {
    VERSION.as_ptr()
}

extern "C" fn get_cipher(_: Context) -> *const c_char {
    CIPHER.as_ptr()
}

extern "C" fn get_key_sz(_: Context) -> c_int {
    KEY_BYTES as c_int
}

extern "C" fn block_sz(_: Context) -> c_int {
    BLOCK_BYTES as c_int
}

extern "C" fn get_hmac_sz(_: Context, algorithm: c_int) -> c_int {
    if algorithm == SHA512 { HMAC_BYTES as c_int } else { 0 }
}

/// There is nothing to keep between calls.
extern "C" fn nothing(_: *mut Context) -> c_int {
    OK
}

/// Not validated under FIPS 140.
extern "C" fn fips_status(_: Context) -> c_int {
    0
}
