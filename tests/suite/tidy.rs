//! The workspace keeps its rules, and the check of them would notice if it did not.

use std::fs;
use std::path::Path;

use fieldproof_tests::tidy;
use tempfile::TempDir;

#[test]
fn the_workspace_keeps_its_rules() {
    let found = tidy::check_own().unwrap();
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

const CRATES: [&str; 5] = ["schema", "client-core", "terminal", "server", "presentation"];

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn manifest(name: &str, dependencies: &str) -> String {
    format!("[package]\nname = \"fieldproof-{name}\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n")
}

/// A small workspace that keeps every rule, close to the edge of some.
fn tidy_workspace() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "Cargo.toml", &format!("[workspace]\nresolver = \"3\"\nmembers = {CRATES:?}\n"));
    for name in CRATES {
        write(root.path(), &format!("{name}/Cargo.toml"), &manifest(name, ""));
        write(
            root.path(),
            &format!("{name}/src/lib.rs"),
            "//! 说明 can be Chinese.\n\n/// `SELECT 1` 也可以。\nfn f() {}\n",
        );
    }
    write(root.path(), "schema/Cargo.toml", &manifest("schema", "automerge = \"0.12\""));
    write(root.path(), "schema/src/document/view.rs", "//! Job.\nuse automerge::{AutoCommit, ReadDoc};\n");
    write(root.path(), "server/src/clock.rs", "//! Job.\nfn now() { std::time::SystemTime::now(); }\n");
    write(root.path(), "server/src/store/rows.rs", "//! Job.\nconst Q: &str = \"SELECT 1\";\n");
    write(
        root.path(),
        "server/src/time.rs",
        "//! Job.\n#[cfg(test)]\nmod tests {\n    fn now() { Instant::now(); \"SELECT '中'\"; }\n}\n",
    );
    write(root.path(), "server/src/time/tests.rs", "fn now() { Instant::now(); }\n");
    root
}

#[test]
fn what_keeps_the_rules_passes() {
    assert_eq!(tidy::check(tidy_workspace().path()).unwrap(), []);
}

#[test]
fn a_planted_violation_is_found_where_it_stands() {
    let long = format!("//! Job.\n{}", "\n".repeat(500));
    let path = |name: &str| manifest("server", &format!("fieldproof-{name} = {{ path = \"../{name}\" }}"));
    let from_schema = manifest("schema", "fieldproof-server = { path = \"../server\" }");
    let cases: &[(&str, &str, usize, &str)] = &[
        ("schema/Cargo.toml", &from_schema, 6, "depends on fieldproof-server"),
        ("schema/Cargo.toml", &manifest("schema", "tokio = \"1\""), 6, "depends on tokio"),
        ("server/Cargo.toml", &path("client-core"), 6, "depends on fieldproof-client-core"),
        (
            "server/Cargo.toml",
            &manifest("server", "crdt = { package = \"automerge\", version = \"0.12\" }"),
            1,
            "depends on automerge",
        ),
        ("client-core/Cargo.toml", &manifest("client-core", "axum = \"0.8\""), 6, "depends on axum"),
        ("schema/src/disk.rs", "//! Job.\nuse std::{fmt, fs as disk};\n", 2, "names std::fs"),
        ("schema/src/disk.rs", "//! Job.\nuse std::{\n  fmt,\n  fs::{self, File},\n};\n", 4, "names std::fs"),
        ("schema/src/disk.rs", "//! Job.\nuse std::fs::*;\n", 2, "names std::fs"),
        (
            "schema/src/time.rs",
            "//! Job.\nfn f(_: std::time::SystemTime) {}\n",
            2,
            "names std::time::SystemTime",
        ),
        ("server/src/a.rs", "//! Job.\nfn f(_: automerge::ObjId) {}\n", 2, "names automerge::ObjId"),
        ("server/src/a.rs", "//! Job.\nuse automerge as a;\n", 2, "names automerge"),
        (
            "terminal/src/a.rs",
            "//! Job.\nfn f() {\n    vec![jiff::Timestamp::now()];\n}\n",
            3,
            "Timestamp::now",
        ),
        (
            "server/src/api.rs",
            "//! Job.\nfn f() {\n    q(r#\"\n  select a from b\"#);\n}\n",
            3,
            "SQL stands in",
        ),
        ("server/src/api.rs", "//! Job.\n#[error(\"没有\")]\nstruct E;\n", 2, "stand in the catalogues"),
        (
            "server/src/api.rs",
            "//! Job.\n#[cfg(test)]\nmod t { }\nconst C: char = '中';\n",
            4,
            "stand in the catalogues",
        ),
        (
            "server/src/api.rs",
            "//! Job.\n#[cfg(not(test))]\nconst C: char = '中';\n",
            3,
            "stand in the catalogues",
        ),
        ("server/src/api/tests.rs", "//! Job.\nfn f() { todo!() }\n", 2, "calls todo!"),
        ("server/src/api.rs", "//! Job.\nfn f() { std::unimplemented!(\"x\") }\n", 2, "calls unimplemented!"),
        ("server/src/api.rs", "/// Not the module's.\nfn f() {}\n", 1, "no module documentation"),
        ("server/src/api.rs", "//! Job.\nfn f() {\n", 2, "is not Rust"),
        ("server/src/api.rs", &long, 501, "501 lines"),
    ];
    for (file, text, line, what) in cases {
        let root = tidy_workspace();
        write(root.path(), file, text);
        let found = tidy::check(root.path()).unwrap();
        assert!(!found.is_empty(), "nothing found in {file}:\n{text}");
        for violation in found {
            assert_eq!((violation.file.as_str(), violation.line), (*file, *line), "{violation}");
            assert!(violation.what.contains(what), "{violation}");
        }
    }
}

/// The small workspace with a face.
fn workspace_with_a_face() -> TempDir {
    let root = tidy_workspace();
    for language in ["zh-CN", "en"] {
        let texts = r#"{"kit.save": "x", "kit.state.sealed": "x"}"#;
        write(root.path(), &format!("presentation/texts/{language}/kit.json"), texts);
    }
    let code = "//! Job.\nfn f(p: P) { p.t(format!(\"kit.state.{}\", 1)); }\n#[cfg(test)]\nmod t { const K: &str = \"kit.no\"; }\n";
    write(root.path(), "server/src/page.rs", code);
    write(root.path(), "server/templates/a/page.html", "<p>{{ p.t(\"kit.save\") }}</p>\n");
    root
}

const OPEN: &[&str] = &["kit.state.*"];

#[test]
fn a_planted_gap_in_the_texts_is_found() {
    assert_eq!(tidy::check_faces(workspace_with_a_face().path(), OPEN, &[]).unwrap(), []);
    let page = "server/templates/a/page.html";
    for (file, text, what) in [
        (page, "<p>{{ p.t(\"kit.save\") }} Save</p>", "says"),
        (page, "<p>{{ p.t(\"kit.save\") }}</p>{{ p.t(\"kit.lost\") }}", "no text under kit.lost"),
        (page, "<p></p>", "nothing uses kit.save"),
        (page, "{{ p.t(\"kit.save\") }}{{ p.t(\"kit.{}\"|format(x)) }}", "not declared"),
        ("server/src/page.rs", "//! Job.\n", "nothing uses kit.state"),
        ("presentation/texts/en/kit.json", r#"{"kit.save": "x"}"#, "has no text in en"),
    ] {
        let root = workspace_with_a_face();
        write(root.path(), file, text);
        let found = tidy::check_faces(root.path(), OPEN, &[]).unwrap();
        assert!(found.iter().any(|violation| violation.what.contains(what)), "{text}: {found:?}");
    }
}
