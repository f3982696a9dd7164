//! Further servers on the world's database.

use super::host::SimHost;
use super::link::{Link, Reach};
use super::{World, serve};
use fieldproof_server::app::App;
use fieldproof_server::routes;
use fieldproof_server::sync::judge::Judging;

/// A second server on the same database, with the same key and the same folder of evidence, and a memory of its own.
pub struct Node {
    /// The server.
    pub app: App,
    reach: Reach,
}

impl World {
    /// Starts one more server.
    pub async fn another_node(&self, name: &str) -> Node {
        let host = SimHost::new(&self.clock, self.seed_of(name), 0);
        let judging = Judging::at(self.patience, self.gate.clone());
        let app = serve(&self.url, self.folder.path(), self.seed, host, (judging, self.limits)).await;
        let reach = Reach::new(routes::router(app.clone()));
        Node { app, reach }
    }
}

impl Node {
    /// A fresh link to this server.
    pub fn link(&self) -> Link {
        Link::new(self.reach.clone())
    }
}
