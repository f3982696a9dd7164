//! Panics that are expected: caught, and not printed.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// How many guards stand around the running code of this thread.
    static GUARDS: Cell<usize> = const { Cell::new(0) };
    /// What the last guarded panic said, with its place.
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `work`; a panic becomes what it said.
///
/// The hook stays for the whole program but is silent for guarded threads only: other tests print as ever.
///
/// # Errors
/// When `work` panicked.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if GUARDS.get() > 0 {
                SAID.set(panic.to_string());
            } else {
                usual(panic);
            }
        }));
    });
    GUARDS.set(GUARDS.get() + 1);
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDS.set(GUARDS.get() - 1);
    done.map_err(|_| SAID.take())
}
