//! The broker and the database as processes, by the scripts that started them.

use std::path::PathBuf;

use crate::harness::scripts;

/// The services of a campaign: those that `hack/chaos.sh` started, and nobody else uses.
pub struct Services {
    run: PathBuf,
}

impl Services {
    /// As the environment names them.
    pub fn of_environment() -> Self {
        Self { run: std::env::var_os("STOCKSTREAM_RUN").expect("hack/chaos.sh names its run folder").into() }
    }

    /// Runs one of the scripts.
    fn hack(script: &str, arguments: &[&str]) {
        scripts::hack(script, arguments, &[]);
    }

    /// Kills a service's process.
    fn kill(&self, pid: &str) {
        scripts::kill(&self.run.join(pid));
    }

    pub fn kill_broker(&self) {
        self.kill("kafka/kafka.pid");
    }

    pub fn stop_broker(&self) {
        Self::hack("kafka.sh", &["down"]);
    }

    pub fn start_broker(&self) {
        Self::hack("kafka.sh", &["up"]);
    }

    /// Deletes all that the broker holds, while it is down.
    pub fn wipe_broker(&self) {
        std::fs::remove_dir_all(self.run.join("kafka/data")).unwrap();
    }

    pub fn kill_front(&self) {
        self.kill("mongodb/ferretdb.pid");
    }

    pub fn kill_postgres(&self) {
        self.kill("mongodb/postgres.pid");
    }

    pub fn stop_database(&self) {
        Self::hack("mongodb.sh", &["down"]);
    }

    pub fn start_database(&self) {
        Self::hack("mongodb.sh", &["up"]);
    }
}
