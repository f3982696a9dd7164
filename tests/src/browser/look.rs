//! How a page is looked at: size, language, light or dark.

use super::Browser;
use fieldproof_presentation::texts::Language;
use serde_json::json;

/// The part of the screen that a page has, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

impl Size {
    /// The sizes at which the terminal is looked at: a small phone, a usual one, an 8-inch tablet.
    pub const TERMINAL: [Self; 3] = [Self::of(360, 780), Self::of(412, 915), Self::of(800, 1280)];
    /// The sizes at which the console is looked at.
    pub const CONSOLE: [Self; 2] = [Self::of(1280, 800), Self::of(1920, 1080)];

    const fn of(width: u32, height: u32) -> Self {
        Self { width, height }
    }
}

/// Light or dark, as the system wishes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Scheme {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];

    /// Its name in media queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// How a page is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The size.
    pub size: Size,
    /// What the browser asks for.
    pub language: Language,
    /// Light or dark.
    pub scheme: Scheme,
}

impl Look {
    /// As most officers see it.
    pub const TERMINAL: Self =
        Self { size: Size::TERMINAL[1], language: Language::Chinese, scheme: Scheme::Light };
    /// As most supervisors see it.
    pub const CONSOLE: Self =
        Self { size: Size::CONSOLE[0], language: Language::Chinese, scheme: Scheme::Light };
}

impl Browser {
    /// Looks differently from now on; a language is asked for with the next request.
    pub async fn set(&self, look: Look) {
        *self.look.lock().expect("no test goes on after a panic") = look;
        // A window cannot be as narrow as a phone; the page's own metrics can.
        let Size { width, height } = look.size;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = json!([
            {"name": "prefers-color-scheme", "value": look.scheme.as_str()},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": scheme })).await;
        let agent = &self.devtools("Browser.getVersion", json!({})).await["userAgent"];
        let agent = json!({"userAgent": agent, "acceptLanguage": look.language.tag()});
        self.devtools("Emulation.setUserAgentOverride", agent).await;
    }

    /// How it looks now.
    pub fn look(&self) -> Look {
        *self.look.lock().expect("no test goes on after a panic")
    }
}
