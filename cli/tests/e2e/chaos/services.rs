//! The broker and the database as processes, by the scripts that started them.

use std::{path::PathBuf, process::Command};

use tokio::task::block_in_place;

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

    /// Keeps what the broker holds elsewhere, while it is down: it comes back empty, as another cluster.
    pub fn set_broker_aside(&self) {
        std::fs::rename(self.run.join("kafka/data"), self.run.join("kafka/aside")).unwrap();
    }

    /// Puts back what was set aside, while the broker is down.
    pub fn put_broker_back(&self) {
        self.wipe_broker();
        std::fs::rename(self.run.join("kafka/aside"), self.run.join("kafka/data")).unwrap();
    }

    /// Keeps a copy of a partition's log, while the broker is down.
    pub fn copy_log(&self, partition: &str, copy: &str) {
        self.copy(&format!("data/{partition}"), &format!("{copy}-{partition}"));
    }

    /// Puts a copy of a partition's log in its place, while the broker is down.
    pub fn restore_log(&self, partition: &str, copy: &str) {
        std::fs::remove_dir_all(self.run.join("kafka/data").join(partition)).unwrap();
        self.copy(&format!("{copy}-{partition}"), &format!("data/{partition}"));
    }

    fn copy(&self, from: &str, to: &str) {
        let (from, to) = (self.run.join("kafka").join(from), self.run.join("kafka").join(to));
        let _ = std::fs::remove_dir_all(&to);
        let status = block_in_place(|| Command::new("cp").arg("-a").args([&from, &to]).status()).unwrap();
        assert!(status.success(), "cp -a {} {}", from.display(), to.display());
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
