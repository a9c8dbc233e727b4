//! The broker and the database as processes, by the scripts that started them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tokio::task::block_in_place;

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
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hack").join(script);
        let output = block_in_place(|| Command::new(&script).args(arguments).output()).unwrap();
        assert!(
            output.status.success(),
            "{} {arguments:?}: {}",
            script.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Kills a service's process, and waits until it is gone: its script would take it for running.
    fn kill(&self, pid: &str) {
        let file = self.run.join(pid);
        let kill =
            format!("p=$(cat '{}'); kill -KILL $p; while [ -e /proc/$p/cwd ]; do sleep 0.01; done", file.display());
        let status = block_in_place(|| Command::new("sh").args(["-c", &kill]).status());
        assert!(status.unwrap().success(), "{kill}");
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
