//! What the browser's pages asked for, and what they complained about.

use super::Browser;
use serde_json::Value;
use std::collections::BTreeSet;

/// Everything so far.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Addresses that were asked for, in order.
    asked: Vec<String>,
    /// What scripts and policies complained about.
    complaints: Vec<String>,
}

impl Traffic {
    fn read(&mut self, line: &str) {
        let Ok(said) = serde_json::from_str::<Value>(line) else { return };
        let message = &said["message"];
        let address = match message["method"].as_str() {
            Some("Network.requestWillBeSent") => &message["params"]["request"]["url"],
            Some("Network.webSocketCreated" | "Network.webTransportCreated") => &message["params"]["url"],
            _ => return,
        };
        self.asked.extend(address.as_str().map(str::to_owned));
    }

    /// The origins that were asked, apart from what a page carries within itself and the browser's own first page.
    fn origins(&self) -> BTreeSet<String> {
        let inside = ["data:", "blob:", "about:", "chrome:", "chrome-untrusted:"];
        let outside = self.asked.iter().filter(|address| !inside.iter().any(|own| address.starts_with(own)));
        outside.map(|address| origin(address)).collect()
    }
}

/// Whether a script or a policy complains. That a page was answered with an error, or not at all while its program was
/// gone, is the page's business: pages ask again by themselves, at any moment. A policy that forbids to ask says so in a
/// line of its own.
fn complains(source: Option<&str>, message: &str) -> bool {
    source != Some("network") && !message.contains("htmx:error: Failed to fetch")
}

/// Scheme, host and port.
fn origin(address: &str) -> String {
    address.split('/').take(3).collect::<Vec<_>>().join("/")
}

impl Browser {
    /// Takes over what the driver recorded since the last time.
    async fn listen(&self) {
        let requests = self.web.get_log("performance").await.expect("requests are recorded");
        let console = self.web.get_log("browser").await.expect("complaints are recorded");
        let mut traffic = self.traffic.lock().expect("no test goes on after a panic");
        requests.iter().for_each(|entry| traffic.read(&entry.message));
        // The browser's own pages complain, too.
        let own = |entry: &str| entry.starts_with("chrome://");
        let severe = console.into_iter().filter(|entry| entry.level == "SEVERE" && !own(&entry.message));
        let complaints = severe.filter(|entry| complains(entry.source.as_deref(), &entry.message));
        traffic.complaints.extend(complaints.map(|entry| entry.message));
    }

    /// Asserts that pages asked nobody but `own` for anything, and that no script or policy complained.
    ///
    /// # Panics
    /// When one did.
    pub async fn kept_to_itself(&self, own: &[&str]) {
        self.listen().await;
        let traffic = self.traffic.lock().expect("no test goes on after a panic");
        let own: BTreeSet<String> = own.iter().map(|address| origin(address)).collect();
        let origins = traffic.origins();
        assert!(!origins.is_empty(), "nothing was recorded");
        let outside: Vec<_> = origins.difference(&own).collect();
        assert!(outside.is_empty(), "pages asked {outside:?}");
        assert!(traffic.complaints.is_empty(), "{:#?}", traffic.complaints);
    }

    /// What scripts and policies complained about so far.
    pub async fn complaints(&self) -> Vec<String> {
        self.listen().await;
        std::mem::take(&mut self.traffic.lock().expect("no test goes on after a panic").complaints)
    }

    /// Waits until so many requests went to addresses that begin so.
    pub async fn until_asked(&self, beginning: &str, times: usize) {
        let end = tokio::time::Instant::now() + super::PATIENCE;
        while self.asked(beginning).await < times {
            assert!(tokio::time::Instant::now() < end, "{beginning} was not asked for");
            tokio::time::sleep(super::act::BLINK).await;
        }
    }

    /// How many requests went to an address that begins so.
    pub async fn asked(&self, beginning: &str) -> usize {
        self.listen().await;
        let traffic = self.traffic.lock().expect("no test goes on after a panic");
        traffic.asked.iter().filter(|address| address.starts_with(beginning)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> String {
        serde_json::json!({"message": {"method": "Network.requestWillBeSent", "params": {"request": {"url": url}}}})
            .to_string()
    }

    #[test]
    fn an_origin_is_scheme_host_and_port_and_what_a_page_carries_is_none() {
        let mut traffic = Traffic::default();
        for url in ["http://127.0.0.1:1/a/b?c", "https://x.example", "data:,x", "blob:http://127.0.0.1:1/d"] {
            traffic.read(&request(url));
        }
        traffic.read("no JSON");
        assert_eq!(traffic.asked.len(), 4);
        assert_eq!(Vec::from_iter(traffic.origins()), ["http://127.0.0.1:1", "https://x.example"]);
    }

    #[test]
    fn nobody_there_is_no_complaint_and_a_broken_script_is_one() {
        assert!(!complains(Some("network"), "http://127.0.0.1:1/a - Failed to load resource: 500"));
        let asked = r#"http://127.0.0.1:1/htmx.js 0:9 "htmx: htmx:error: Failed to fetch" TypeError: Failed to fetch"#;
        assert!(!complains(Some("console-api"), asked));
        assert!(complains(Some("javascript"), "http://127.0.0.1:1/app.js 3:1 Uncaught TypeError: x is null"));
        assert!(complains(
            Some("security"),
            "Connecting to 'http://x/' violates the Content Security Policy"
        ));
    }

    #[test]
    fn a_socket_counts_as_a_request() {
        let mut traffic = Traffic::default();
        traffic
            .read(r#"{"message":{"method":"Network.webSocketCreated","params":{"url":"ws://x.example/y"}}}"#);
        assert_eq!(Vec::from_iter(traffic.origins()), ["ws://x.example"]);
    }
}
