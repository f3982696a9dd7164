//! The rules. A new one is a line in one of these tables.

/// Crates that people run; the rest is tests and demo.
const PRODUCT: &[&str] = &["schema/", "client-core/", "terminal/", "server/", "presentation/"];
const EVERYWHERE: &[&str] = &[""];

/// The longest source file, in lines.
pub(super) const FILE_LINES_MAX: usize = 500;

/// Where a rule holds.
pub(super) struct Scope {
    /// Beginnings of the paths that it concerns.
    pub(super) within: &'static [&'static str],
    /// Beginnings of paths that it leaves out, or file names.
    pub(super) except: &'static [&'static str],
    /// Whether it binds test code too.
    pub(super) test_code: bool,
}

/// Names that must not be used somewhere.
pub(super) struct Ban {
    pub(super) scope: Scope,
    /// Packages (`x-` stands for all that begin with it), paths (`a::b`, wherever in a longer path) or macros.
    pub(super) names: &'static [&'static str],
    pub(super) reason: &'static str,
}

/// String literals that must not stand somewhere.
pub(super) struct TextBan {
    pub(super) scope: Scope,
    pub(super) is_banned: fn(&str) -> bool,
    pub(super) reason: &'static str,
}

const fn in_all(within: &'static [&'static str], except: &'static [&'static str]) -> Scope {
    Scope { within, except, test_code: true }
}

const fn in_product_code(within: &'static [&'static str], except: &'static [&'static str]) -> Scope {
    Scope { within, except, test_code: false }
}

/// Packages that a crate must not depend on, not even in its tests.
pub(super) const DEPENDENCIES: &[Ban] = &[
    Ban {
        scope: in_all(&["schema/"], &[]),
        names: &["fieldproof-", "tokio", "axum", "reqwest", "rusqlite"],
        reason: "schema is vocabulary: it knows nobody and does nothing",
    },
    Ban {
        scope: in_all(&["client-core/"], &[]),
        names: &[
            "fieldproof-server",
            "fieldproof-presentation",
            "fieldproof-terminal",
            "fieldproof-tests",
            "axum",
        ],
        reason: "client-core knows schema alone, and has no face",
    },
    Ban {
        scope: in_all(&["terminal/"], &[]),
        names: &["fieldproof-server", "fieldproof-tests"],
        reason: "the terminal meets the server on the wire only",
    },
    Ban {
        scope: in_all(&["server/"], &[]),
        names: &["fieldproof-client-core", "fieldproof-terminal", "fieldproof-tests"],
        reason: "the server meets devices on the wire only",
    },
    Ban {
        scope: in_all(&["presentation/"], &[]),
        names: &["fieldproof-client-core", "fieldproof-terminal", "fieldproof-server", "fieldproof-tests"],
        reason: "presentation is used by terminal and server, not the other way round",
    },
    Ban {
        scope: in_all(EVERYWHERE, &["schema/"]),
        names: &["automerge"],
        reason: "schema::document is the only home of Automerge",
    },
];

/// Paths that must not be named.
pub(super) const PATHS: &[Ban] = &[
    Ban {
        scope: in_product_code(&["schema/"], &[]),
        names: &["std::fs", "std::net", "std::time::SystemTime", "std::time::Instant", "std::process"],
        reason: "schema touches neither disk, network, clock nor processes",
    },
    Ban {
        scope: in_all(EVERYWHERE, &["schema/src/document"]),
        names: &["automerge"],
        reason: "schema::document is the only home of Automerge types",
    },
    Ban {
        scope: in_product_code(PRODUCT, &["clock.rs"]),
        names: &["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "Utc::now"],
        reason: "the clock is read in clock.rs; below, time is an argument",
    },
];

/// Macros that must not be called.
pub(super) const MACROS: &[Ban] = &[Ban {
    scope: in_all(EVERYWHERE, &[]),
    names: &["todo", "unimplemented"],
    reason: "what is not there is not promised",
}];

/// String literals that must not stand in code.
pub(super) const TEXTS: &[TextBan] = &[
    TextBan {
        scope: in_product_code(PRODUCT, &["client-core/src/store", "server/src/store", "server/src/db"]),
        is_banned: is_sql,
        reason: "SQL stands in the stores and in migrations",
    },
    TextBan {
        // Checklists and plans are official data whose own words are matched; the contract is a test by content.
        scope: in_product_code(
            PRODUCT,
            &["schema/src/checklist", "server/src/db/contract", "server/src/plans"],
        ),
        is_banned: has_chinese,
        reason: "texts for people stand in the catalogues",
    },
];

/// What an SQL statement begins with, and a word that must follow somewhere.
const STATEMENTS: &[(&str, &str)] = &[
    ("select ", ""),
    ("insert ", "into "),
    ("replace into ", ""),
    ("update ", " set "),
    ("delete ", "from "),
    ("with ", " as ("),
    ("create table ", ""),
    ("create index ", ""),
    ("create unique index ", ""),
    ("create view ", ""),
    ("create trigger ", ""),
    ("alter table ", ""),
    ("drop table ", ""),
    ("drop index ", ""),
    ("pragma ", ""),
];

fn is_sql(text: &str) -> bool {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase() + " ";
    STATEMENTS.iter().any(|(start, later)| text.starts_with(start) && text.contains(later))
}

fn has_chinese(text: &str) -> bool {
    // Ideographs with their punctuation and full-width forms.
    text.chars().any(|c| matches!(c, '\u{2E80}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{FF00}'..='\u{FFEF}' | '\u{20000}'..='\u{3FFFF}'))
}
