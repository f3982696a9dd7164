//! The program as it is started: what it prints, how it ends.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// The address of a server that hangs up on everyone.
fn away() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the system has a free port");
    let address = format!("http://{}", listener.local_addr().expect("it listens"));
    std::thread::spawn(move || listener.incoming().for_each(drop));
    address
}

fn program(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldproof-terminal"));
    command.env_clear().args(arguments).arg("--data").arg(data).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str], data: &Path) -> Output {
    program(arguments, data).output().expect("the program starts")
}

fn get(authority: &str, path: &str, secret: Option<&str>) -> String {
    let mut stream = TcpStream::connect(authority).expect("somebody listens");
    let bearer = secret.map(|secret| format!("Authorization: Bearer {secret}\r\n")).unwrap_or_default();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\n{bearer}Connection: close\r\n\r\n")
        .expect("the request is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer is text and ends");
    answer
}

/// A program that does not outlive a test that fails: it would hold the test's output open for ever.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_served_terminal_says_where_it_is_keeps_its_store_and_ends_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let (data, ready_file) = (dir.path().join("data"), dir.path().join("ready.json"));
    let serving = program(&["serve", "--server", &away()], &data)
        .args(["--ready-file", ready_file.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let Running(serving) = &mut Running(serving);
    let mut line = String::new();
    let mut stdout = BufReader::new(serving.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert_eq!(std::fs::read_to_string(&ready_file).unwrap(), line);
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let (listening, secret) = (ready["listening"].as_str().unwrap(), ready["secret"].as_str().unwrap());
    let authority = listening.strip_prefix("http://").unwrap();

    assert!(get(authority, "/api/v1/healthz", None).starts_with("HTTP/1.1 200 "));
    assert!(get(authority, "/api/v1/status", None).starts_with("HTTP/1.1 403 "));
    assert!(get(authority, "/api/v1/status", Some(secret)).starts_with("HTTP/1.1 200 "));
    let open = ready["open"].as_str().unwrap().strip_prefix(listening).unwrap();
    assert!(
        get(authority, open, None).starts_with("HTTP/1.1 303 "),
        "an unenrolled terminal leads to its enrolment"
    );
    assert!(get(authority, "/", None).starts_with("HTTP/1.1 403 "));

    let refused = run(&["status"], &data);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("[store_in_use]"));

    let told = Command::new("kill").args(["-TERM", &serving.id().to_string()]).status().unwrap();
    assert!(told.success());
    assert!(serving.wait().unwrap().success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "one line is all that is printed");
    assert!(!ready_file.exists());

    let status = run(&["status", "--json"], &data);
    assert!(status.status.success());
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert!(status["enrolled"].is_null());
    assert!(run(&["--lang", "en", "verify"], &data).status.success());
}

#[test]
fn a_service_for_other_machines_is_not_started() {
    let dir = tempfile::tempdir().unwrap();
    let refused = run(&["serve", "--server", &away(), "--listen", "0.0.0.0:0"], dir.path());
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stdout.is_empty());
    assert!(String::from_utf8(refused.stderr).unwrap().contains("[field_invalid]"));
}

#[test]
fn enrolling_reads_the_passphrase_from_standard_input() {
    let dir = tempfile::tempdir().unwrap();
    let enroll = ["enroll", "--server", &away(), "--code", "c", "--name", "n"];
    for (passphrase, code) in [("short\n", "[passphrase_too_short]"), ("long enough\n", "[offline]")] {
        let mut child =
            program(&enroll, dir.path()).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(passphrase.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().contains(code), "{code}");
    }
}
