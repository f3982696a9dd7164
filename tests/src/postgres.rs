//! A PostgreSQL server of the tests' own: made in a temporary folder, reached through a socket in it, gone afterwards.
//!
//! A small shell script starts the server, waits, and removes everything when its standard input ends. That end of the
//! pipe is held by the test process alone, so the server ends with it in whatever way it ends.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, io};

/// Arguments: the folder of the programs, the folder of the cluster. Prints a line once the server accepts connections.
const SCRIPT: &str = r#"
trap '' PIPE
bin=$1; dir=$2
start() {
    "$bin/initdb" -D "$dir/data" --locale=C --encoding=UTF8 --auth=trust --username=fieldproof --no-sync &&
    cat >>"$dir/data/postgresql.conf" <<SETTINGS &&
listen_addresses = ''
unix_socket_directories = '$dir'
max_connections = 200
# The data dies with the tests.
fsync = off
# A deadlock is found at once instead of after a second.
deadlock_timeout = 20ms
SETTINGS
    "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w start
}
stop() {
    "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop
}
if start </dev/null >>"$dir/log" 2>&1; then
    echo ready
    read -r _
    stop </dev/null >/dev/null 2>&1
    cd / && rm -rf "$dir"
else
    stop </dev/null >/dev/null 2>&1
fi
"#;

/// The longest path of a socket that every system takes is 103 bytes; this leaves room for its name.
const FOLDER_BYTES_MAX: usize = 80;

/// Why there is no server for the tests.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The programs are not on this machine.
    #[error(
        "the tests need PostgreSQL, and neither PATH nor /usr/lib/postgresql/*/bin has initdb and pg_ctl; \
         install it, for instance with: apt-get install postgresql"
    )]
    NotInstalled,
    /// PostgreSQL refuses to run as root, and there is no other user to run it as.
    #[error("PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody")]
    NoUser,
    /// The temporary folder's path is too long for a socket, or has characters that PostgreSQL's settings do not take.
    #[error("a socket in {} is not possible; set TMPDIR to a short plain path", .0.display())]
    Folder(PathBuf),
    /// A folder or a process could not be made, or the folder is closed to the user that PostgreSQL runs as.
    #[error("PostgreSQL cannot be started in {}: {}", env::temp_dir().display(), .0)]
    Io(#[from] io::Error),
    /// The server did not start; its own words.
    #[error("PostgreSQL did not start:\n{0}")]
    NotStarted(String),
}

/// A running server. Dropping it stops the server and removes its data.
#[derive(Debug)]
pub struct PrivateCluster {
    programs: PathBuf,
    folder: PathBuf,
    script: Child,
}

impl PrivateCluster {
    /// Makes and starts a server: locale C, UTF-8, a socket and no port. Returns when it accepts connections.
    ///
    /// # Errors
    /// [`ClusterError`], which says what to install where that is the reason.
    pub fn start() -> Result<Self, ClusterError> {
        let programs = find_programs().ok_or(ClusterError::NotInstalled)?;
        let folder = tempfile::Builder::new().prefix("fp-pg-").tempdir()?;
        let path = folder.path().as_os_str().as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
        if path.len() > FOLDER_BYTES_MAX || !path.iter().all(plain) {
            return Err(ClusterError::Folder(folder.path().to_owned()));
        }
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(SCRIPT).arg("sh").arg(&programs).arg(folder.path());
        command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
        command.current_dir(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // Interrupting the tests must leave the script alive to clean up.
        command.process_group(0);
        // Whoever owns what this process makes is who it runs as.
        if fs::metadata(folder.path())?.uid() == 0 {
            let (user, group) =
                unprivileged_user(&fs::read_to_string("/etc/passwd")?).ok_or(ClusterError::NoUser)?;
            chown(folder.path(), Some(user), Some(group))?;
            command.uid(user).gid(group);
        }
        let mut script = command.spawn()?;
        let mut ready = String::new();
        if let Some(output) = script.stdout.take() {
            BufReader::new(output).read_line(&mut ready)?;
        }
        if ready.is_empty() {
            script.wait()?;
            let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            return Err(ClusterError::NotStarted(log));
        }
        Ok(Self { programs, folder: folder.keep(), script })
    }

    /// Makes an empty database called `name` and returns its address.
    ///
    /// # Panics
    /// When the server refuses, for instance because the name is taken; the server's own words are shown.
    pub fn create_database(&self, name: &str) -> String {
        self.run("createdb", &["--", name]);
        self.url(name)
    }

    /// Makes `to` what the database `from` is; nobody may be connected to that one. What `to` was is gone.
    ///
    /// # Panics
    /// When the server refuses; its own words are shown.
    pub fn copy_database(&self, from: &str, to: &str) {
        self.drop_database(to);
        self.run("createdb", &["--template", from, "--", to]);
    }

    fn drop_database(&self, name: &str) {
        self.run("dropdb", &["--if-exists", "--force", "--", name]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        command
            .env_clear()
            .arg("--host")
            .arg(&self.folder)
            .args(["--username", "fieldproof"])
            .args(arguments);
        let done = command.output().expect("the programs are installed beside initdb");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// The address of the database `name`, for `tokio_postgres` and the server alike.
    pub fn url(&self, name: &str) -> String {
        let mut host = String::new();
        for byte in self.folder.as_os_str().as_bytes() {
            if byte.is_ascii_alphanumeric() {
                host.push(char::from(*byte));
            } else {
                write!(host, "%{byte:02X}").expect("a string takes everything");
            }
        }
        format!("postgresql://fieldproof@{host}/{name}")
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        drop(self.script.wait());
    }
}

/// The server that all tests of this process share, started by the first that asks.
///
/// # Panics
/// When it cannot be started: tests that need PostgreSQL fail without it, they are never skipped.
pub fn shared() -> &'static PrivateCluster {
    static SHARED: OnceLock<PrivateCluster> = OnceLock::new();
    SHARED.get_or_init(|| PrivateCluster::start().unwrap_or_else(|error| panic!("{error}")))
}

/// A database in the shared server that goes when this does.
#[derive(Debug)]
pub struct Database(String);

impl Database {
    /// One that is what the database `from` is, to which nobody may be connected; of a name that no other has.
    pub fn like(from: &str) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let name = format!("copy_{}", MADE.fetch_add(1, Ordering::Relaxed));
        shared().copy_database(from, &name);
        Self(name)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        shared().drop_database(&self.0);
    }
}

/// The folder of PostgreSQL's programs: from `PATH`, else the newest where the distributions put them.
pub(crate) fn find_programs() -> Option<PathBuf> {
    let on_path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&on_path).collect();
    let mut installed = Vec::new();
    for (base, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")] {
        for entry in fs::read_dir(base).into_iter().flatten().flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            if let Some(version) = name.strip_prefix(prefix).and_then(|version| version.parse::<u32>().ok()) {
                installed.push((version, entry.path().join("bin")));
            }
        }
    }
    installed.sort();
    folders.extend(installed.into_iter().rev().map(|(_, folder)| folder));
    folders.into_iter().find(|folder| has_programs(folder))
}

fn has_programs(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "createdb", "postgres"].iter().all(|program| folder.join(program).is_file())
}

/// User and group of the first of `postgres` and `nobody` that the machine has.
fn unprivileged_user(passwd: &str) -> Option<(u32, u32)> {
    let find = |wanted: &str| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(wanted))?;
        let mut ids = line.split(':').skip(2).map(str::parse);
        Some((ids.next()?.ok()?, ids.next()?.ok()?))
    };
    find("postgres").or_else(|| find("nobody"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_user_is_preferred() {
        let nobody = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/:/usr/sbin/nologin\n";
        assert_eq!(unprivileged_user(nobody), Some((65534, 65533)));
        assert_eq!(unprivileged_user(&format!("{nobody}postgres:x:101:104::/:/bin/bash")), Some((101, 104)));
        assert_eq!(unprivileged_user("root:x:0:0:root:/root:/bin/bash"), None);
    }

    #[test]
    fn a_dropped_cluster_leaves_nothing() {
        let cluster = PrivateCluster::start().unwrap_or_else(|error| panic!("{error}"));
        let folder = cluster.folder.clone();
        assert!(folder.join("data").is_dir());
        drop(cluster);
        assert!(!folder.exists());
    }
}
