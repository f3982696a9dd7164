//! Which units belong to whom: a unit contains everything below it.
//!
//! Statements about records of units begin with [`in_scope`], so that the database leaves out what the asker may not see.

/// A statement that may read `scope`, the codes of the unit of user `$2` and of everything below it.
macro_rules! in_scope {
    ($sql:literal) => {
        concat!(
            "WITH RECURSIVE scope (code) AS (SELECT unit_code FROM users WHERE org = $1 AND id = $2
             UNION SELECT u.code FROM units u JOIN scope s ON u.parent_code = s.code WHERE u.org = $1) ",
            $sql
        )
    };
}

/// A statement that may read `scope`, the codes of the unit `$2` and of everything below it.
macro_rules! below {
    ($sql:literal) => {
        concat!(
            "WITH RECURSIVE scope (code) AS (SELECT code FROM units WHERE org = $1 AND code = $2
             UNION SELECT u.code FROM units u JOIN scope s ON u.parent_code = s.code WHERE u.org = $1) ",
            $sql
        )
    };
}

pub(crate) use {below, in_scope};
