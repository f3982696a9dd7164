//! Walks a face from link to link: every page that can be reached is looked at, and every address of the face must be
//! reached or be known to be none that one looks at.

use fieldproof_presentation::texts::Language;
use fieldproof_tests::browser::{Browser, Finding, Look, Scheme, Size};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What is walked, and how it is looked at.
pub(crate) struct Face<'a> {
    /// What stands before every address.
    pub(crate) root: String,
    /// Every address of the face, as patterns.
    pub(crate) addresses: Vec<&'static str>,
    /// Those that answer with something that is no page, or lead to another.
    pub(crate) no_pages: &'a [&'a str],
    /// The sizes of its pictures.
    pub(crate) sizes: &'a [Size],
    /// Whether it is read outdoors and touched.
    pub(crate) outdoors: bool,
    /// Where the walk begins.
    pub(crate) starts: &'a [&'a str],
    /// How many pages of one address are looked at.
    pub(crate) each: usize,
}

/// What a walk found.
#[derive(Default)]
pub(crate) struct Walked {
    seen: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
    pictures: usize,
}

impl Face<'_> {
    /// Walks, from page to page in the order of their links.
    pub(crate) async fn walk(&self, browser: &Browser, walked: &mut Walked) {
        let mut queue: VecDeque<String> = self.starts.iter().map(ToString::to_string).collect();
        let mut known: BTreeSet<String> = queue.iter().cloned().collect();
        while let Some(path) = queue.pop_front() {
            let Some(pattern) = self.pattern(&path) else { continue };
            let count = walked.seen.entry(pattern).or_default();
            if self.no_pages.contains(&pattern) || *count >= self.each {
                continue;
            }
            *count += 1;
            let name = format!("{}-{count}", if pattern == "/" { "start" } else { pattern });
            self.look(browser, &path, &name, walked).await;
            for link in self.links(browser).await {
                if known.insert(link.clone()) {
                    queue.push_back(link);
                }
            }
        }
    }

    /// The addresses that the page links to, within the face.
    async fn links(&self, browser: &Browser) -> Vec<String> {
        let links = browser.script("return [...document.links].map(link => link.href)", Vec::new()).await;
        let links = links.as_array().cloned().unwrap_or_default();
        let below = links.iter().filter_map(|link| Some(link.as_str()?.strip_prefix(&self.root)?.to_owned()));
        below.map(|link| link.split('#').next().unwrap_or_default().to_owned()).collect()
    }

    /// The pattern that a path fits; one without places goes first.
    fn pattern(&self, path: &str) -> Option<&'static str> {
        let path = path.split('?').next().unwrap_or_default();
        let fits = |pattern: &&&'static str| {
            let (parts, places): (Vec<&str>, Vec<&str>) =
                (path.split('/').collect(), pattern.split('/').collect());
            let same = |(part, place): (&&str, &&str)| {
                part == place || (place.starts_with('{') && place.ends_with('}') && !part.is_empty())
            };
            parts.len() == places.len() && parts.iter().zip(&places).all(same)
        };
        self.addresses.iter().filter(fits).min_by_key(|pattern| pattern.matches('{').count()).copied()
    }

    /// Looks at one page in every way.
    pub(crate) async fn look(&self, browser: &Browser, path: &str, name: &str, walked: &mut Walked) {
        for language in [Language::English, Language::Chinese] {
            let usual = Look { size: self.sizes[0], language, scheme: Scheme::Light };
            browser.set(usual).await;
            browser.goto(&format!("{}{path}", self.root)).await;
            browser.hold_still().await;
            self.look_at_shown(browser, name, language, walked).await;
        }
    }

    /// Looks at the page that is shown, in its language.
    pub(crate) async fn look_at_shown(
        &self,
        browser: &Browser,
        name: &str,
        language: Language,
        walked: &mut Walked,
    ) {
        for scheme in Scheme::ALL {
            for size in self.sizes {
                browser.set(Look { size: *size, language, scheme }).await;
                browser.picture(name).await;
                walked.pictures += 1;
                let place = format!("{name} {}x{}", size.width, size.height);
                walked.note(&place, browser.too_wide().await);
                if self.outdoors && scheme == Scheme::Light {
                    walked.note(&place, browser.too_low().await);
                }
            }
            if language == Language::Chinese {
                let found = browser.axe(self.outdoors).await;
                walked.note(&format!("{name} {}", scheme.as_str()), found);
            }
        }
        let shown = browser.script(WORDS, Vec::new()).await;
        let shown = shown.as_str().unwrap_or_default().to_owned();
        let keys = shown.split_whitespace().filter(|word| is_key(word));
        walked.wrong.extend(keys.map(|key| format!("{name}: shows the key {key}")));
    }

    /// Looks at a page that no other leads to.
    pub(crate) async fn look_alone(&self, browser: &Browser, path: &str, walked: &mut Walked) {
        let pattern = self.pattern(path).unwrap_or_else(|| panic!("{path} is no address of the face"));
        *walked.seen.entry(pattern).or_default() += 1;
        self.look(browser, path, pattern, walked).await;
    }

    /// Asserts that every address was reached and nothing was wrong.
    pub(crate) async fn verdict(&self, browser: &Browser, walked: &Walked) {
        browser.goto(&format!("{}/nowhere", self.root)).await;
        let mut unseen = Vec::new();
        for address in &self.addresses {
            let expected = !walked.seen.contains_key(address) && !self.no_pages.contains(address);
            if expected && !self.is_act(browser, address).await {
                unseen.push(address);
            }
        }
        assert!(unseen.is_empty(), "no link leads to {unseen:?}");
        walked.verdict();
    }

    /// Whether an address is only posted to.
    async fn is_act(&self, browser: &Browser, address: &str) -> bool {
        let script = "const [address, done] = arguments; fetch(address).then(answer => done(answer.status), () => done(0))";
        browser.script_to_end(script, vec![json!(format!("{}{address}", self.root))]).await == 405
    }
}

/// What one reads; codes, which look like keys, left aside.
const WORDS: &str = "for (const code of document.querySelectorAll('.fp-code')) code.remove(); \
                     return document.documentElement.innerText";

/// A key that stands where its text should.
fn is_key(word: &str) -> bool {
    let areas =
        ["admin.", "console.", "error.", "inspection.", "kit.", "law.", "public.", "review.", "terminal."];
    areas.iter().any(|area| {
        word.strip_prefix(area).is_some_and(|rest| rest.contains(|c: char| c.is_ascii_lowercase()))
    })
}

impl Walked {
    /// Asserts that nothing was wrong.
    pub(crate) fn verdict(&self) {
        let mut wrong = self.wrong.clone();
        wrong.dedup();
        assert!(wrong.is_empty(), "{} things wrong:\n{}", wrong.len(), wrong.join("\n"));
        assert!(self.pictures > 0);
    }

    fn note(&mut self, place: &str, found: Vec<Finding>) {
        self.wrong.extend(found.into_iter().map(|finding| format!("{place}: {finding}")));
    }
}
