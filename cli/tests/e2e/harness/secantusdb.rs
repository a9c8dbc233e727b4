//! SecantusDB, of the test's own: it may be killed.

use std::path::PathBuf;

use super::{needed, ports::free_port, scripts};

/// A server of its own, stopped and deleted when dropped.
pub struct SecantusDb {
    run: PathBuf,
    port: String,
}

impl SecantusDb {
    /// Starts it. None where `hack/services.sh` started none.
    pub fn start() -> Option<Self> {
        needed("SECANTUSDB_URI")?;
        let port = free_port().to_string();
        let run = std::env::temp_dir().join(format!("stockstream-secantusdb-{}-{port}", std::process::id()));
        std::fs::create_dir(&run).unwrap();
        let server = Self { run, port };
        server.up();
        Some(server)
    }

    /// Its address.
    pub fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}/stock_management", self.port)
    }

    /// Starts it again, with what it holds.
    pub fn up(&self) {
        self.hack(&["up"]);
    }

    /// Ends it as a power cut would end the process.
    pub fn kill(&self) {
        scripts::kill(&self.run.join("secantusdb/secantusdb.pid"));
    }

    fn hack(&self, arguments: &[&str]) {
        let run = self.run.to_str().unwrap();
        let variables =
            [("STOCKSTREAM_RUN", run), ("SECANTUSDB_PORT", self.port.as_str()), ("SECANTUSDB_BIND", "127.0.0.1")];
        scripts::hack("secantusdb.sh", arguments, &variables);
    }
}

impl Drop for SecantusDb {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- what SecantusDB held and said is in {}", self.run.display());
            self.hack(&["down"]);
        } else {
            self.hack(&["down", "--wipe"]);
            let _ = std::fs::remove_dir(&self.run);
        }
    }
}
