//! Further servers on the world's database.

use super::World;
use super::host::SimHost;
use super::link::{Link, Reach};
use fieldproof_server::app::App;
use fieldproof_server::routes;
use std::path::Path;

/// A second server on the same database, with the same key and the same folder of evidence, and a memory of its own.
pub struct Node {
    /// The server.
    pub app: App,
    reach: Reach,
}

impl World {
    /// Starts one more server.
    pub async fn another_node(&self, name: &str) -> Node {
        self.node_at(name, self.folder.path()).await
    }
}

impl World {
    /// Starts one more server that shares database, key and originals, but not the uploads under way.
    ///
    /// # Panics
    /// When its folder cannot be made.
    #[cfg(unix)]
    pub async fn node_of_its_own(&self, name: &str) -> Node {
        let own = self.folder.path().join(name);
        std::fs::create_dir_all(own.join("evidence")).expect("a folder for the node");
        let blobs = self.folder.path().join("evidence").join("blobs");
        std::os::unix::fs::symlink(blobs, own.join("evidence").join("blobs"))
            .expect("the originals are shared");
        self.node_at(name, &own).await
    }

    async fn node_at(&self, name: &str, folder: &Path) -> Node {
        let host = SimHost::new(&self.clock, self.seed_of(name), 0);
        let app = self.manner.serve(&self.url, folder, self.key_seed, host).await;
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
