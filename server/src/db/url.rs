//! Where a database is, as an operator writes it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use tokio_postgres::config::Host;

/// The address of a database.
#[derive(Debug, Clone, PartialEq)]
pub enum DbUrl {
    /// `sqlite:PATH`: a file, made when it is absent.
    Sqlite(PathBuf),
    /// `postgres://…` or `postgresql://…`, as `libpq` understands it.
    Postgres(Box<tokio_postgres::Config>),
}

/// A text that is no address of a database. It never repeats the text, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum DbUrlError {
    /// Neither of the two forms.
    #[error("a database is given as sqlite:PATH or postgresql://USER@HOST/DATABASE")]
    Form,
    /// `sqlite:` without a path.
    #[error("sqlite: needs the path of a file")]
    NoPath,
    /// Not a PostgreSQL connection string.
    #[error("the PostgreSQL address is not valid")]
    Postgres(#[source] tokio_postgres::Error),
}

impl FromStr for DbUrl {
    type Err = DbUrlError;

    fn from_str(text: &str) -> Result<Self, DbUrlError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return if path.is_empty() { Err(DbUrlError::NoPath) } else { Ok(Self::Sqlite(path.into())) };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return text.parse().map(|config| Self::Postgres(Box::new(config))).map_err(DbUrlError::Postgres);
        }
        Err(DbUrlError::Form)
    }
}

/// Without the password, so that it can be logged.
impl fmt::Display for DbUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = match self {
            Self::Sqlite(path) => return write!(f, "sqlite:{}", path.display()),
            Self::Postgres(config) => config,
        };
        f.write_str("postgresql://")?;
        if let Some(user) = config.get_user() {
            write!(f, "{user}@")?;
        }
        for (index, host) in config.get_hosts().iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}")?,
                Host::Unix(path) => write!(f, "{comma}{}", path.display().to_string().replace('/', "%2F"))?,
            }
            // One port can stand for all hosts.
            let ports = config.get_ports();
            if let Some(port) = ports.get(index).or(ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", config.get_dbname().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (given, shown) in [
            ("sqlite:/var/lib/fieldproof/data.db", "sqlite:/var/lib/fieldproof/data.db"),
            ("postgres://fp:secret@db.example:6432/cases", "postgresql://fp@db.example:6432/cases"),
            ("postgresql://fp@%2Frun%2Fpg/cases?password=secret", "postgresql://fp@%2Frun%2Fpg:5432/cases"),
            ("postgresql://fp@a,b:5433/cases", "postgresql://fp@a:5432,b:5433/cases"),
        ] {
            let url: DbUrl = given.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("secret"));
        }
    }

    #[test]
    fn other_texts_are_refused_without_repeating_them() {
        for wrong in ["", "sqlite:", "mysql://fp:secret@db/cases", "postgres://fp:secret@db:port/cases"] {
            let error = wrong.parse::<DbUrl>().unwrap_err();
            assert!(!format!("{error:?} {error}").contains("secret"));
        }
    }
}
