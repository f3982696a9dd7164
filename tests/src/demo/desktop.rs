//! Opens addresses in the person's browser, where there is a desktop. Without one, or without the program that opens,
//! nothing happens: the addresses were printed.

use std::process::{Command, Stdio};

/// Opens them, each in a tab of its own.
pub(super) fn open(addresses: &[String]) {
    let Some(program) = program() else { return };
    for address in addresses {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(address);
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        if let Ok(mut opener) = started {
            // Some stay as long as the browser does.
            std::thread::spawn(move || opener.wait());
        }
    }
}

/// What opens an address here.
fn program() -> Option<&'static [&'static str]> {
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if cfg!(target_os = "macos") {
        Some(&["open"])
    } else if cfg!(windows) {
        Some(&["cmd", "/c", "start", ""])
    } else if has_display {
        Some(&["xdg-open"])
    } else {
        None
    }
}
