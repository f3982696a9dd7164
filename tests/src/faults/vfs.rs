//! The layer between SQLite and the system's own: unsafe, as what speaks with C is.
//!
//! It is a copy of the system's layer with three functions of ours. A file on a [`Disk`](super::Disk) is a [`Handle`] with the
//! system's own file behind it in the same piece of memory; all other files are the system's from their opening. Reads,
//! locks and the shared memory of the write-ahead log are the system's, so that many connections work as they do anywhere;
//! syncs are ours alone: what is safe is counted in memory, and tests do not wait for a real disk.
//!
//! What each block relies on, besides what stands at it: SQLite calls these functions as `sqlite3.h` promises. Pointers to
//! files are ones that it gave to `open` and that were not closed since, of `szOsFile` bytes and aligned for eight;
//! buffers have the length that is said; names end with a zero; and one file is used by one thread at a time.
//! Our own functions do not panic across C: a panic here ends the process, as Rust does by itself.

#![allow(unsafe_code)]

use super::medium::SECTOR;
use super::plan::{Fault, Operation};
use super::state::Fate;
use super::{Inner, disk_of};
use rusqlite::ffi;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::sync::{Arc, Once, OnceLock};
use std::{ptr, slice};

/// What our layer is called.
const NAME: &CStr = c"fieldproof-faults";

/// The system's layer.
struct System(*mut ffi::sqlite3_vfs);

// SAFETY: the layer is a static of SQLite's own, made for all threads, and is only read.
unsafe impl Send for System {}
// SAFETY: as above.
unsafe impl Sync for System {}

static SYSTEM: OnceLock<System> = OnceLock::new();

/// A file on a disk. The system's file follows it in memory.
#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    open: *mut Open,
}

/// What we know of it; made at its opening, freed at its closing.
struct Open {
    disk: Arc<Inner>,
    content: usize,
    is_log: bool,
    /// Its first sync makes the names of the folder safe, too, as the system's layer does for logs and journals it made.
    syncs_names: bool,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // No memory maps: what is read through one is seen by nobody.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Puts our layer before the system's, once for the process.
pub(super) fn install() {
    static REGISTERED: Once = Once::new();
    // Known before anybody can come through our layer.
    // SAFETY: it may be called at any time and from any thread.
    let system = SYSTEM.get_or_init(|| System(unsafe { ffi::sqlite3_vfs_find(ptr::null()) })).0;
    assert!(!system.is_null(), "SQLite has a default layer");
    REGISTERED.call_once(|| {
        // SAFETY: as above. The copy differs from the system's layer only in what is set here, lives as long as the process,
        // and refers to data of the layer that does so, too.
        unsafe {
            let mut ours = *system;
            ours.iVersion = ours.iVersion.min(2);
            ours.szOsFile += size_of::<Handle>() as c_int;
            ours.pNext = ptr::null_mut();
            ours.zName = NAME.as_ptr();
            ours.xOpen = Some(open);
            ours.xDelete = Some(delete);
            ours.xAccess = Some(access);
            let registered = ffi::sqlite3_vfs_register(Box::into_raw(Box::new(ours)), 1);
            assert_eq!(registered, ffi::SQLITE_OK, "SQLite takes the layer");
        }
    });
}

fn system() -> *mut ffi::sqlite3_vfs {
    SYSTEM.get().map_or(ptr::null_mut(), |system| system.0)
}

/// The function of the system's layer; every layer has these.
macro_rules! of_system {
    ($name:ident) => {
        (*system()).$name.expect("the system's layer has all functions")
    };
}

/// The system's file behind ours.
///
/// # Safety
/// `file` is a `Handle` of ours with a system's file behind it.
unsafe fn inner(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: the memory is that long, and a handle's size keeps the alignment.
    unsafe { file.byte_add(size_of::<Handle>()) }
}

/// Calls the same function of the system's file behind ours.
macro_rules! pass {
    ($file:expr, $name:ident $(, $argument:expr)*) => {
        ((*(*inner($file)).pMethods).$name.expect("the system's file has all functions"))(inner($file) $(, $argument)*)
    };
}

/// What we know of a file.
///
/// # Safety
/// `file` is an open handle of ours; what is returned is not used after its closing.
unsafe fn known<'a>(file: *mut ffi::sqlite3_file) -> &'a Open {
    // SAFETY: as the caller promises; `open` was made from a box and is freed in `close` only.
    unsafe { &*(*file.cast::<Handle>()).open }
}

fn is_dead(open: &Open) -> bool {
    open.disk.state().dead
}

/// Databases, their logs and journals; everything else is not meant to survive anything.
const KEPT: c_int = ffi::SQLITE_OPEN_MAIN_DB
    | ffi::SQLITE_OPEN_MAIN_JOURNAL
    | ffi::SQLITE_OPEN_SUPER_JOURNAL
    | ffi::SQLITE_OPEN_WAL;

/// The disk that a file is on, and its name there.
///
/// # Safety
/// `name` is null or ends with a zero.
unsafe fn place(name: *const c_char) -> Option<(Arc<Inner>, String)> {
    if name.is_null() {
        return None;
    }
    // SAFETY: as the caller promises.
    let path = Path::new(unsafe { CStr::from_ptr(name) }.to_str().ok()?);
    let disk = disk_of(path)?;
    let name = disk.name(path)?;
    Some((disk, name))
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    given: *mut c_int,
) -> c_int {
    // SAFETY: the file's memory is SQLite's, long enough for ours with the system's behind it, or for the system's alone.
    unsafe {
        let place = if flags & KEPT == 0 { None } else { place(name) };
        let Some((disk, short)) = place else {
            return of_system!(xOpen)(system(), name, file, flags, given);
        };
        (*file).pMethods = ptr::null();
        let mut state = disk.state();
        if state.dead {
            return ffi::SQLITE_CANTOPEN;
        }
        state.reconcile(&disk.folder, &short);
        let makes = state.medium.content(&short).is_none() && flags & ffi::SQLITE_OPEN_CREATE != 0;
        if makes {
            match state.fate(Operation::Create) {
                Fate::Done => {}
                struck => {
                    if matches!(struck, Fate::Struck(Fault::PowerCut)) {
                        state.medium.create(&short);
                    }
                    return ffi::SQLITE_CANTOPEN;
                }
            }
        }
        let behind = inner(file);
        (*behind).pMethods = ptr::null();
        let opened = of_system!(xOpen)(system(), name, behind, flags, given);
        if opened != ffi::SQLITE_OK {
            if !(*behind).pMethods.is_null() {
                pass!(file, xClose);
            }
            return opened;
        }
        let content = match state.medium.content(&short) {
            Some(content) => content,
            None => state.medium.create(&short),
        };
        state.open += 1;
        drop(state);
        let is_log = flags & ffi::SQLITE_OPEN_MAIN_DB == 0;
        let known = Box::new(Open { disk, content, is_log, syncs_names: makes && is_log });
        file.cast::<Handle>()
            .write(Handle { base: ffi::sqlite3_file { pMethods: &METHODS }, open: Box::into_raw(known) });
        ffi::SQLITE_OK
    }
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: the name is SQLite's.
    unsafe {
        let Some((disk, short)) = place(name) else {
            return of_system!(xDelete)(system(), name, sync);
        };
        let mut state = disk.state();
        match state.fate(Operation::Delete) {
            Fate::Done => {}
            Fate::Struck(Fault::PowerCut) => {
                state.medium.delete(&short);
                return ffi::SQLITE_IOERR_DELETE;
            }
            Fate::Struck(_) | Fate::Dead => return ffi::SQLITE_IOERR_DELETE,
        }
        let deleted = of_system!(xDelete)(system(), name, 0);
        if deleted == ffi::SQLITE_OK {
            state.medium.delete(&short);
            if sync != 0 && state.honest {
                state.medium.sync_names();
                state.witness();
            }
        }
        deleted
    }
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    answer: *mut c_int,
) -> c_int {
    // SAFETY: name and answer are SQLite's.
    unsafe {
        if place(name).is_some_and(|(disk, _)| disk.state().dead) {
            return ffi::SQLITE_IOERR_ACCESS;
        }
        of_system!(xAccess)(system(), name, flags, answer)
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the file is open, and SQLite does not use it after this.
    unsafe {
        let closed = pass!(file, xClose);
        let known = Box::from_raw((*file.cast::<Handle>()).open);
        let mut state = known.disk.state();
        state.open -= 1;
        if state.open == 0 {
            known.disk.closed.notify_all();
        }
        drop(state);
        (*file).pMethods = ptr::null();
        closed
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open and the buffer that long.
    unsafe {
        let known = known(file);
        let operation = if known.is_log { Operation::ReadLog } else { Operation::Read };
        let fate = known.disk.state().fate(operation);
        match fate {
            Fate::Done => pass!(file, xRead, buffer, length, at),
            Fate::Struck(Fault::ShortRead) => {
                let read = pass!(file, xRead, buffer, length, at);
                let bytes = slice::from_raw_parts_mut(buffer.cast::<u8>(), size(length));
                bytes[size(length) / 2..].fill(0);
                if read == ffi::SQLITE_OK { ffi::SQLITE_IOERR_SHORT_READ } else { read }
            }
            Fate::Struck(_) | Fate::Dead => ffi::SQLITE_IOERR_READ,
        }
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open and the buffer that long.
    unsafe {
        let known = known(file);
        let bytes = slice::from_raw_parts(buffer.cast::<u8>(), size(length));
        let place = usize::try_from(at).expect("places in files are not negative");
        let mut state = known.disk.state();
        match state.fate(Operation::Write) {
            Fate::Done => {
                let written = pass!(file, xWrite, buffer, length, at);
                if written == ffi::SQLITE_OK {
                    state.medium.write(known.content, place, bytes);
                }
                written
            }
            Fate::Struck(Fault::PowerCut) => {
                state.medium.write(known.content, place, bytes);
                ffi::SQLITE_IOERR_WRITE
            }
            Fate::Struck(Fault::FullTorn) => {
                let written = pass!(file, xWrite, buffer, length / 2, at);
                if written == ffi::SQLITE_OK {
                    state.medium.write(known.content, place, &bytes[..bytes.len() / 2]);
                }
                ffi::SQLITE_FULL
            }
            Fate::Struck(Fault::Full) => ffi::SQLITE_FULL,
            Fate::Struck(_) | Fate::Dead => ffi::SQLITE_IOERR_WRITE,
        }
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    unsafe {
        let known = known(file);
        let left = usize::try_from(length).expect("lengths are not negative");
        let mut state = known.disk.state();
        match state.fate(Operation::Truncate) {
            Fate::Done => {
                let cut = pass!(file, xTruncate, length);
                if cut == ffi::SQLITE_OK {
                    state.medium.truncate(known.content, left);
                }
                cut
            }
            Fate::Struck(Fault::PowerCut) => {
                state.medium.truncate(known.content, left);
                ffi::SQLITE_IOERR_TRUNCATE
            }
            Fate::Struck(_) | Fate::Dead => ffi::SQLITE_IOERR_TRUNCATE,
        }
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open.
    let known = unsafe { known(file) };
    let mut state = known.disk.state();
    match state.fate(Operation::Sync) {
        Fate::Done if state.honest => {
            state.medium.sync(known.content);
            if known.syncs_names {
                state.medium.sync_names();
            }
            state.witness();
            ffi::SQLITE_OK
        }
        Fate::Done => ffi::SQLITE_OK,
        Fate::Struck(Fault::Sync) => {
            state.medium.give_up(known.content);
            ffi::SQLITE_IOERR_FSYNC
        }
        Fate::Struck(_) | Fate::Dead => ffi::SQLITE_IOERR_FSYNC,
    }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, length: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open, the answer SQLite's.
    unsafe {
        if is_dead(known(file)) {
            return ffi::SQLITE_IOERR_FSTAT;
        }
        pass!(file, xFileSize, length)
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe { if is_dead(known(file)) { ffi::SQLITE_IOERR_LOCK } else { pass!(file, xLock, level) } }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open. What a dead process had locked is free.
    unsafe { pass!(file, xUnlock, level) }
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, answer: *mut c_int) -> c_int {
    // SAFETY: the file is open, the answer SQLite's.
    unsafe {
        if is_dead(known(file)) {
            return ffi::SQLITE_IOERR_CHECKRESERVEDLOCK;
        }
        pass!(file, xCheckReservedLock, answer)
    }
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, which: c_int, about: *mut c_void) -> c_int {
    // SAFETY: the file is open, and what it is about is what SQLite says for this control; none of them writes. For a pragma
    // that is four texts, of which the second is its name and the third what it is set to, if anything: a copy that SQLite
    // made to read it from, of which the first letter is replaced and the rest cut off.
    unsafe {
        if which == ffi::SQLITE_FCNTL_PRAGMA && known(file).disk.state().careless {
            let texts = slice::from_raw_parts(about.cast::<*mut c_char>(), 3);
            let (name, value) = (texts[1], texts[2]);
            let is_set = !name.is_null() && !value.is_null() && CStr::from_ptr(name) == c"synchronous";
            if is_set && !CStr::from_ptr(value).is_empty() {
                value.write(b'1' as c_char);
                value.add(1).write(0);
            }
        }
        pass!(file, xFileControl, which, about)
    }
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    SECTOR as c_int
}

unsafe extern "C" fn characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the file is open.
    let known = unsafe { known(file) };
    if known.disk.state().powersafe { ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE } else { 0 }
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    length: c_int,
    extend: c_int,
    map: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open, the answer SQLite's.
    unsafe {
        if is_dead(known(file)) {
            return ffi::SQLITE_IOERR_SHMMAP;
        }
        pass!(file, xShmMap, page, length, extend, map)
    }
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    from: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: the file is open.
    unsafe {
        if flags & ffi::SQLITE_SHM_UNLOCK == 0 && is_dead(known(file)) {
            return ffi::SQLITE_IOERR_SHMLOCK;
        }
        pass!(file, xShmLock, from, count, flags)
    }
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: the file is open.
    unsafe { pass!(file, xShmBarrier) }
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: the file is open. A dead process tidies nothing away.
    unsafe {
        let delete = if is_dead(known(file)) { 0 } else { delete };
        pass!(file, xShmUnmap, delete)
    }
}

fn size(length: c_int) -> usize {
    usize::try_from(length).expect("lengths are not negative")
}

const _: () = assert!(size_of::<Handle>().is_multiple_of(8), "what follows a handle is aligned as it is");
