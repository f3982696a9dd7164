//! What somebody at the page does and sees. Everything waits until it can be done or seen.

use super::{Browser, PATIENCE};
use serde_json::{Value, json};
use std::time::Duration;
use thirtyfour::error::WebDriverResult;
use thirtyfour::{By, WebElement};
use tokio::time::{Instant, sleep};

/// Between two looks at the page.
pub(super) const BLINK: Duration = Duration::from_millis(20);

/// Set on a document to notice that another one took its place.
const MARK: &str = "document.documentElement.dataset.fpSeen = 'yes'";
/// Whether it has, and is whole.
const REPLACED: &str =
    "return document.readyState === 'complete' && !('fpSeen' in document.documentElement.dataset)";

/// Nothing that a page asks for by itself is asked for any more. A page that shows a sync running loads itself anew when that
/// ends, so it is not held before.
const STILL: &str = "if (document.querySelector('[hx-get$=\"/sync/state?running\"]')) return false; \
                     addEventListener('htmx:before:request', event => event.preventDefault(), true); return true";

impl Browser {
    /// Opens an address.
    pub async fn goto(&self, address: &str) {
        self.web.goto(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    }

    /// Waits until the page that was opened is at rest, and keeps it so: it does not change under whoever looks at it.
    pub async fn hold_still(&self) {
        self.until("the page comes to rest", STILL, Vec::new()).await;
    }

    /// The address of the page.
    pub async fn address(&self) -> String {
        self.web.current_url().await.expect("a page has an address").to_string()
    }

    /// Loads the page anew.
    pub async fn reload(&self) {
        self.web.refresh().await.expect("a page can be loaded anew");
    }

    /// Runs a script in the page, also where pages' own scripts are off: it belongs to the driver.
    pub async fn script(&self, script: &str, arguments: Vec<Value>) -> Value {
        let answer = self.web.execute(script, arguments).await;
        answer.unwrap_or_else(|error| panic!("{script}: {error}")).json().clone()
    }

    /// Runs a script that says itself when it is done: its last argument takes the answer.
    pub async fn script_to_end(&self, script: &str, arguments: Vec<Value>) -> Value {
        let answer = self.web.execute_async(script, arguments).await;
        answer.unwrap_or_else(|error| panic!("{script}: {error}")).json().clone()
    }

    /// Goes on in a new tab; the page that was open stays open.
    pub async fn new_tab(&self) {
        let tab = self.web.new_tab().await.expect("a tab opens");
        self.web.switch_to_window(tab).await.expect("the tab is there");
        self.set(self.look()).await;
    }

    /// Waits until a script answers with something that holds.
    pub async fn until(&self, what: &str, script: &str, arguments: Vec<Value>) {
        self.wait(what, async || {
            let answer = self.web.execute(script, arguments.clone()).await?;
            let answer = answer.json();
            let holds = !answer.is_null() && answer != false && answer != 0 && answer != "";
            Ok(holds.then_some(()))
        })
        .await;
    }

    /// Waits until something that matches is shown; returns what one reads there.
    pub async fn see(&self, css: &str) -> String {
        self.wait(css, async || match self.shown(css).await? {
            Some(element) => element.text().await.map(Some),
            None => Ok(None),
        })
        .await
    }

    /// Waits until something that matches shows a text.
    pub async fn read(&self, css: &str, text: &str) {
        self.until(
            &format!("{css} says {text}"),
            "return [...document.querySelectorAll(arguments[0])].some(e => e.textContent.includes(arguments[1]))",
            vec![json!(css), json!(text)],
        )
        .await;
    }

    /// How many elements match.
    pub async fn count(&self, css: &str) -> usize {
        self.web.find_all(By::Css(css)).await.expect("the selector is right").len()
    }

    /// The value of a field.
    pub async fn value(&self, css: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.value ?? null";
        self.until(css, "return document.querySelector(arguments[0]) !== null", vec![json!(css)]).await;
        self.script(script, vec![json!(css)]).await.as_str().unwrap_or_default().to_owned()
    }

    /// Every value of an attribute, in the order of the page.
    pub async fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(e => e.getAttribute(arguments[1])).filter(Boolean)";
        let found = self.script(script, vec![json!(css), json!(name)]).await;
        serde_json::from_value(found).expect("attributes are texts")
    }

    /// Presses something.
    pub async fn click(&self, css: &str) {
        self.wait(css, async || match self.shown(css).await? {
            Some(element) => self.press(&element).await.map(Some),
            None => Ok(None),
        })
        .await;
    }

    /// Presses something and waits for the page that comes of it.
    pub async fn follow(&self, css: &str) {
        self.script(MARK, Vec::new()).await;
        self.click(css).await;
        self.until(&format!("a page after {css}"), REPLACED, Vec::new()).await;
    }

    /// Writes into a field in place of what stood there.
    pub async fn fill(&self, css: &str, text: &str) {
        self.wait(css, async || {
            let Some(element) = self.shown(css).await? else { return Ok(None) };
            element.clear().await?;
            element.send_keys(text).await.map(Some)
        })
        .await;
    }

    /// Writes into a field of a page that keeps what is typed, and waits until it has been kept.
    pub async fn write(&self, css: &str, text: &str) {
        self.fill(css, text).await;
        let kept = "const field = document.querySelector(arguments[0]); \
                    return field.value === arguments[1] && field.defaultValue === arguments[1]";
        self.until(&format!("{css} is kept"), kept, vec![json!(css), json!(text)]).await;
    }

    /// Waits until something holds that the page does not show.
    pub async fn until_so(&self, what: &str, holds: impl AsyncFn() -> bool) {
        self.wait(what, async || Ok(holds().await.then_some(()))).await;
    }

    /// Types on where the cursor is.
    pub async fn type_on(&self, text: &str) {
        self.devtools("Input.insertText", json!({ "text": text })).await;
    }

    /// Forgets the console's session, as a browser does when it ran out.
    pub async fn forget_session(&self) {
        let cookies = self.web.get_all_cookies().await.expect("cookies can be read");
        let session = cookies.into_iter().find(|cookie| cookie.name.ends_with("session"));
        let session = session.expect("there is a session");
        self.web.delete_cookie(&session.name).await.expect("a cookie can be forgotten");
    }

    /// Sets a field to a value, as somebody does who picks a date.
    pub async fn set_value(&self, css: &str, value: &str) {
        let script = "const field = document.querySelector(arguments[0]); if (!field) return false; \
                      field.focus(); field.value = arguments[1]; \
                      for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, { bubbles: true })); \
                      return true";
        self.until(css, script, vec![json!(css), json!(value)]).await;
    }

    /// Leaves a field, as the next touch elsewhere does.
    pub async fn leave(&self, css: &str) {
        self.script("document.querySelector(arguments[0])?.blur()", vec![json!(css)]).await;
    }

    /// Opens a part that can be folded, if it is not open.
    pub async fn open_details(&self, css: &str) {
        let script = "const part = document.querySelector(arguments[0]); if (!part) return false; \
                      part.open = true; return true";
        self.until(css, script, vec![json!(css)]).await;
    }

    /// Gives a file to a field that takes one, be it shown or not.
    pub async fn give(&self, css: &str, file: &std::path::Path) {
        self.wait(css, async || match self.web.find_all(By::Css(css)).await?.into_iter().next() {
            Some(field) => field.send_keys(file.to_string_lossy().as_ref()).await.map(Some),
            None => Ok(None),
        })
        .await;
    }

    /// Chooses an option by its value.
    pub async fn choose(&self, css: &str, value: &str) {
        let option = format!("{css} option[value='{value}']");
        self.wait(&option, async || match self.web.find_all(By::Css(&option)).await?.into_iter().next() {
            Some(option) => option.click().await.map(Some),
            None => Ok(None),
        })
        .await;
    }

    /// The first element that matches and is shown.
    async fn shown(&self, css: &str) -> WebDriverResult<Option<WebElement>> {
        for element in self.web.find_all(By::Css(css)).await? {
            if element.is_displayed().await? {
                return Ok(Some(element));
            }
        }
        Ok(None)
    }

    async fn press(&self, element: &WebElement) -> WebDriverResult<()> {
        let middle = "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})";
        self.web.execute(middle, vec![element.to_json()?]).await?;
        element.click().await
    }

    /// Tries until there is an answer. An element that is replaced meanwhile is looked for again.
    async fn wait<T>(&self, what: &str, attempt: impl AsyncFn() -> WebDriverResult<Option<T>>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < end {
            match attempt().await {
                Ok(Some(found)) => return found,
                Ok(None) => {}
                Err(error) => last = Some(error),
            }
            sleep(BLINK).await;
        }
        self.give_up(what, last.map(|error| error.to_string()).unwrap_or_default()).await
    }

    /// Says where the page stood.
    async fn give_up(&self, what: &str, error: String) -> ! {
        let address = self.address().await;
        let shown = self.script("return document.body?.innerText ?? ''", Vec::new()).await;
        let picture = self.keep_picture("failed", what).await;
        let shown: String = shown.as_str().unwrap_or_default().chars().take(2000).collect();
        panic!("{what} did not come about {error}\nat {address}\npicture {}\n{shown}", picture.display())
    }
}
