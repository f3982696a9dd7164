//! The browser that the pages are tried in.

use super::{Outcome, apt};
use crate::browser::Programs;

/// Makes sure of Chromium and its driver. The fonts are for the pictures: without them Chinese is boxes.
pub(super) fn provide() -> Outcome {
    apt::provide(
        || Programs::find().is_ok(),
        &["chromium", "chromium-driver", "fonts-noto-cjk"],
        "Chromium (chromium, chromium-browser or google-chrome) and chromedriver of the same version, on PATH or in \
         /usr/bin. Debian: sudo apt-get install chromium chromium-driver fonts-noto-cjk; \
         Fedora: sudo dnf install chromium chromedriver google-noto-sans-cjk-fonts; \
         macOS: brew install --cask google-chrome chromedriver",
    )
}
