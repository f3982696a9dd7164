//! What a terminal is told when it is started. Every option can come from the environment.

use clap::{Args, ValueEnum};
use fieldproof_presentation::texts::Language;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where the store is.
#[derive(Debug, Clone, Args)]
pub struct StoreSettings {
    /// The data directory.
    #[arg(long, value_name = "DIR", env = "FIELDPROOF_DATA")]
    pub data: PathBuf,
}

/// Which server it belongs to.
#[derive(Debug, Clone, Args)]
pub struct ServerSettings {
    /// The address of the server, for instance <https://fieldproof.example.cn>.
    #[arg(long, value_name = "URL", env = "FIELDPROOF_SERVER")]
    pub server: String,
}

/// How the loopback service is run.
#[derive(Debug, Clone, Args)]
pub struct ServeSettings {
    /// The data directory; made when there is none.
    #[arg(long, value_name = "DIR", env = "FIELDPROOF_DATA")]
    pub data: PathBuf,
    /// The address of the server, for instance <https://fieldproof.example.cn>.
    #[arg(long, value_name = "URL", env = "FIELDPROOF_SERVER")]
    pub server: String,
    /// Where to listen; a loopback address. Port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS", env = "FIELDPROOF_LISTEN", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Also writes the line with address and secret to this file, readable by its owner alone.
    #[arg(long, value_name = "PATH", env = "FIELDPROOF_READY_FILE")]
    pub ready_file: Option<PathBuf>,
    /// Syncs only when asked.
    #[arg(long = "no-auto-sync", env = "FIELDPROOF_NO_AUTO_SYNC", action = clap::ArgAction::SetFalse)]
    pub auto_sync: bool,
}

/// A language, as it is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LanguageChoice {
    /// Simplified Chinese.
    #[value(name = "zh-CN", alias = "zh")]
    Chinese,
    /// English.
    #[value(name = "en")]
    English,
}

impl From<LanguageChoice> for Language {
    fn from(choice: LanguageChoice) -> Self {
        match choice {
            LanguageChoice::Chinese => Self::Chinese,
            LanguageChoice::English => Self::English,
        }
    }
}

/// The language to speak: what was chosen, else what the system's locale says, else Chinese.
pub fn language(choice: Option<LanguageChoice>, locale: Option<OsString>) -> Language {
    if let Some(choice) = choice {
        return choice.into();
    }
    match locale {
        Some(locale) if locale.to_string_lossy().starts_with("en") => Language::English,
        _ => Language::Chinese,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_comes_before_the_locale_and_chinese_is_the_rest() {
        let locale = |text: &str| Some(OsString::from(text));
        assert_eq!(language(Some(LanguageChoice::Chinese), locale("en_GB.UTF-8")), Language::Chinese);
        assert_eq!(language(Some(LanguageChoice::English), None), Language::English);
        assert_eq!(language(None, locale("en_GB.UTF-8")), Language::English);
        assert_eq!(language(None, locale("C.UTF-8")), Language::Chinese);
        assert_eq!(language(None, None), Language::Chinese);
    }
}
