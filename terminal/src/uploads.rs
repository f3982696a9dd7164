//! What may go over the network of the originals: the officer's choices, and what is known about the network.
//!
//! The choices are kept in a file beside the store, whole or not at all, and in force again after a start. What the network
//! is like is not kept: it may be another one then. Sending is the library's business, which is given [`UploadRules`].

use crate::error::ApiError;
use fieldproof_client_core::UploadRules;
use fieldproof_schema::ids::RecordId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The file in the data directory.
const FILE: &str = "uploads.json";
/// As sizes are shown.
const MEGABYTE: u64 = 1_000_000;
/// Originals that an officer has sent at once whatever the rules say, which are remembered; more than anybody taps on.
const REGARDLESS_MAX: usize = 1000;

/// What may go over a metered network: originals of at most so many megabytes, none with 0, all without a number.
pub const METERED_MEGABYTES: [Option<u32>; 5] = [None, Some(20), Some(5), Some(1), Some(0)];

/// What the officer chose.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// Originals stay here until she lets them go on.
    pub paused: bool,
    /// See [`METERED_MEGABYTES`].
    pub metered_megabytes_max: Option<u32>,
    /// These captures go whatever is said otherwise.
    pub regardless: BTreeSet<RecordId>,
}

/// What is known about the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// Nothing.
    #[default]
    Unknown,
    /// What goes over it costs.
    Metered,
    /// What goes over it does not.
    Unmetered,
}

impl Network {
    /// What a page's browser says: the kind of its connection, where it knows one, and whether its user wants data saved.
    pub fn of_browser(kind: &str, saves_data: bool) -> Self {
        match kind {
            _ if saves_data => Self::Metered,
            "cellular" | "wimax" | "bluetooth" => Self::Metered,
            "wifi" | "ethernet" => Self::Unmetered,
            _ => Self::Unknown,
        }
    }
}

/// The choices that hold, and the network as it was told last.
#[derive(Debug)]
pub struct Uploads {
    file: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    choices: Choices,
    /// What the platform said; it knows better than a page.
    platform: Network,
    page: Network,
}

impl Known {
    fn network(&self) -> Network {
        match self.platform {
            Network::Unknown => self.page,
            told => told,
        }
    }
}

impl Uploads {
    /// Reads the choices of a data directory; a missing or damaged file means the defaults.
    pub fn open(data: &Path) -> Self {
        let file = data.join(FILE);
        let choices: Choices =
            fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { file, known: Mutex::new(Known { choices, ..Known::default() }) }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the officer chose.
    pub fn choices(&self) -> Choices {
        self.known().choices.clone()
    }

    /// What is known about the network.
    pub fn network(&self) -> Network {
        self.known().network()
    }

    /// The platform says what the network is like; unknown takes its word back.
    pub fn tell_by_platform(&self, network: Network) {
        self.known().platform = network;
    }

    /// A page says what its browser knows about the network.
    pub fn tell_by_page(&self, network: Network) {
        self.known().page = network;
    }

    /// What may go now. A network of which nothing is known counts as not metered.
    pub fn rules(&self) -> UploadRules {
        let known = self.known();
        let metered = known.network() == Network::Metered;
        let max = known.choices.metered_megabytes_max.filter(|_| metered);
        UploadRules {
            paused: known.choices.paused,
            size_bytes_max: max.map(|megabytes| u64::from(megabytes) * MEGABYTE),
            regardless: known.choices.regardless.clone(),
        }
    }

    /// Changes the choices and keeps them; one that cannot be kept does not hold.
    pub fn choose(&self, change: impl FnOnce(&mut Choices)) -> Result<(), ApiError> {
        let mut known = self.known();
        let mut choices = known.choices.clone();
        change(&mut choices);
        while choices.regardless.len() > REGARDLESS_MAX {
            choices.regardless.pop_first();
        }
        if choices != known.choices {
            keep(&self.file, &choices)?;
            known.choices = choices;
        }
        Ok(())
    }
}

fn keep(file: &Path, choices: &Choices) -> Result<(), ApiError> {
    let failed = |source| ApiError::File { what: "keeping what is chosen about uploads", source };
    let text = serde_json::to_vec(choices).map_err(ApiError::malformed)?;
    let fresh = file.with_extension("json.partial");
    let write = || {
        let mut written = File::create(&fresh)?;
        written.write_all(&text)?;
        written.sync_all()?;
        fs::rename(&fresh, file)
    };
    write().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_in_force_after_a_start_and_damaged_ones_are_the_defaults() {
        let data = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(data.path());
        assert_eq!((uploads.choices(), uploads.rules()), (Choices::default(), UploadRules::default()));
        let record = RecordId::from_bytes([7; 16]);
        uploads
            .choose(|choices| {
                choices.paused = true;
                choices.metered_megabytes_max = Some(5);
                choices.regardless.insert(record);
            })
            .unwrap();
        uploads.tell_by_page(Network::Metered);
        let again = Uploads::open(data.path());
        assert_eq!(again.choices(), uploads.choices());
        assert!(again.rules().paused && again.rules().let_go(record, u64::MAX));
        assert_eq!(again.network(), Network::Unknown, "it may be another network");
        fs::write(data.path().join(FILE), "{\"paused\": 3}").unwrap();
        assert_eq!(Uploads::open(data.path()).choices(), Choices::default());
        // A later version knows more.
        fs::write(data.path().join(FILE), "{\"paused\": true, \"at_night\": 1}").unwrap();
        assert!(Uploads::open(data.path()).choices().paused);
    }

    #[test]
    fn a_metered_network_holds_back_what_the_officer_says() {
        let data = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(data.path());
        let record = RecordId::from_bytes([1; 16]);
        for (megabytes, network, size, goes) in [
            (None, Network::Metered, u64::MAX, true),
            (Some(5), Network::Metered, 5 * MEGABYTE, true),
            (Some(5), Network::Metered, 5 * MEGABYTE + 1, false),
            (Some(0), Network::Metered, 1, false),
            (Some(0), Network::Unmetered, u64::MAX, true),
            (Some(0), Network::Unknown, u64::MAX, true),
        ] {
            uploads.choose(|choices| choices.metered_megabytes_max = megabytes).unwrap();
            uploads.tell_by_page(network);
            assert_eq!(uploads.rules().let_go(record, size), goes, "{megabytes:?} {network:?} {size}");
        }
        // The platform knows better, until it does not know.
        uploads.tell_by_page(Network::Unmetered);
        uploads.tell_by_platform(Network::Metered);
        assert_eq!(uploads.network(), Network::Metered);
        uploads.tell_by_platform(Network::Unknown);
        assert_eq!(uploads.network(), Network::Unmetered);
    }

    #[test]
    fn browsers_are_understood() {
        for (kind, saves, network) in [
            ("cellular", false, Network::Metered),
            ("wifi", false, Network::Unmetered),
            ("wifi", true, Network::Metered),
            ("ethernet", false, Network::Unmetered),
            ("", false, Network::Unknown),
            ("none", false, Network::Unknown),
            ("", true, Network::Metered),
        ] {
            assert_eq!(Network::of_browser(kind, saves), network, "{kind} {saves}");
        }
    }
}
