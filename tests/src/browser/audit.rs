//! What can be measured of a page: accessibility by axe, contrast, sizes of what one touches, nothing beyond the edge.
//!
//! axe-core is vendored in `tests/assets` (see `vendored.json` there) and runs in the page through the driver, which the
//! page's content policy does not concern.

use super::{Browser, Look, Size};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt;

/// axe-core, as it was published.
const AXE: &str = include_str!("../../assets/axe.min.js");

/// Runs axe on the page and answers with what is wrong.
const RUN: &str = r#"
const done = arguments[arguments.length - 1]
axe.run(document, { resultTypes: ['violations'], rules: arguments[0] }).then(
    result => done(result.violations.flatMap(v => v.nodes.map(n => ({
        rule: v.id, target: String(n.target), why: n.failureSummary ?? v.help, html: n.html.slice(0, 200) })))),
    error => done([{ rule: 'axe', target: '', why: String(error), html: '' }]))
"#;

/// What one touches and is lower than it should be: all that act, and what is pressed most, as the style sheets mark it.
const TOUCH: &str = r#"
const shown = e => e.getClientRects().length > 0 && getComputedStyle(e).visibility === 'visible'
const box = e => e.getBoundingClientRect()
const found = []
const low = (css, height) => {
    for (const e of document.querySelectorAll(css)) {
        const { width, height: tall } = box(e)
        if (shown(e) && width > 0 && tall > 1 && tall < height - 0.5) {
            found.push({ rule: 'touch-height', target: css, why: `${tall.toFixed(1)} px instead of ${height}`,
                html: e.outerHTML.slice(0, 200) })
        }
    }
}
low('main .btn-primary, .fp-actions .btn, .fp-answer label, a.fp-row', 56)
low('main .btn, main summary, main select, main input:not([type=hidden],[type=checkbox],[type=radio],[type=file])', 44)
return found
"#;

/// What stands beyond the right edge.
const WIDE: &str = r#"
const edge = document.documentElement.clientWidth
if (document.documentElement.scrollWidth <= edge) return []
const wide = [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > edge + 0.5)
return wide.slice(-3).map(e => ({ rule: 'beyond-the-edge', target: e.tagName, why:
    `${Math.round(e.getBoundingClientRect().right)} px on a page of ${edge}`, html: e.outerHTML.slice(0, 200) }))
"#;

/// Something wrong with a page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Finding {
    /// What it breaks.
    pub rule: String,
    /// Where.
    pub target: String,
    /// How.
    pub why: String,
    /// The element's beginning.
    pub html: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = self.why.replace('\n', " ");
        write!(f, "{} {}: {why}\n    {}", self.rule, self.target, self.html)
    }
}

impl Browser {
    /// What axe finds on the page. With `outdoors` contrast must be 7:1.
    pub async fn axe(&self, outdoors: bool) -> Vec<Finding> {
        let is_here = self.script("return typeof axe === 'object'", Vec::new()).await;
        if is_here != true {
            self.script(&format!("{AXE}; window.axe = axe"), Vec::new()).await;
        }
        // All of the page at once: what lies under a bar now is not under it when somebody gets there.
        let look = self.look();
        let tall = self.script("return document.documentElement.scrollHeight", Vec::new()).await;
        let height = tall.as_u64().and_then(|tall| u32::try_from(tall).ok()).unwrap_or_default();
        let size = Size { height: look.size.height.max(height), ..look.size };
        self.set(Look { size, ..look }).await;
        let rules =
            json!({"color-contrast-enhanced": {"enabled": outdoors}, "target-size": {"enabled": true}});
        let found = self.web.execute_async(RUN, vec![rules]).await.expect("axe runs");
        self.set(look).await;
        read(found.json().clone())
    }

    /// What is too low to be touched with a glove.
    pub async fn too_low(&self) -> Vec<Finding> {
        read(self.script(TOUCH, Vec::new()).await)
    }

    /// What makes the page wider than the screen.
    pub async fn too_wide(&self) -> Vec<Finding> {
        read(self.script(WIDE, Vec::new()).await)
    }
}

fn read(found: Value) -> Vec<Finding> {
    serde_json::from_value(found).expect("findings have their form")
}
