//! A reconcile, phase by phase, a file each:
//!
//! 1. `dereference` reads the Secrets that the resource names (IO).
//! 2. `validate` turns resource and Secrets into [`Validated`]: the settings of workers and dashboard, or what is wrong (pure).
//! 3. `observe` asks Kafka for the topics and MongoDB for owner, positions and heartbeats, and pins where a new pipeline
//!    starts (IO); what it saw are [`observed::Observed`].
//! 4. `decide` says what is to run: whether workers may, and how many (pure).
//! 5. `build` makes the children from that, whole (pure, cannot fail).
//! 6. `apply` writes what differs and removes what is not wanted any more (IO).
//! 7. `status` says what is so, and is written when it changed (pure, then IO).

pub(crate) mod apply;
pub mod build;
pub(crate) mod cache;
pub(crate) mod clients;
mod condition_reasons;
mod database;
pub mod decide;
pub(crate) mod dereference;
#[cfg(test)]
pub(crate) mod examples;
mod field_names;
#[cfg(test)]
pub(crate) mod fixtures;
mod identity;
mod lag;
pub mod names;
pub mod observe;
pub mod observed;
mod owner_liveness;
mod phases;
mod pool;
pub(crate) mod report;
mod scale;
pub mod status;
pub mod topics;
pub mod validate;

use std::collections::BTreeMap;

use observed::Problem;
pub(crate) use phases::{ReconcileError, reconcile};
use stockstream_model::settings::Settings;

/// The contents of the Secrets that a resource names, by Secret and key. A Secret that is not there is left out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(pub BTreeMap<String, BTreeMap<String, Vec<u8>>>);

/// Contents stay out of logs.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// Where a process finds the files that Secrets became. Workers and the dashboard find them where the pods mount them,
/// the operator where it wrote them itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialFiles {
    /// The folder of the Secrets: the key `username` of Secret `login` is `<root>/login/username`.
    pub root: std::path::PathBuf,
}

/// What a resource and its Secrets come to.
#[derive(Clone, Debug, Default)]
pub struct Validated {
    /// The settings of the workers, with credentials by file at [`WORKER_CREDENTIALS`].
    pub worker: Settings,
    /// The settings of the dashboard, with credentials by file at [`WORKER_CREDENTIALS`].
    pub dashboard: Settings,
    /// The operator's own, with credentials by file where the operator wrote them.
    pub operator: Settings,
    /// The dashboard's, with credentials by file where the operator wrote them; `None` where it has no user of MongoDB of its
    /// own, or does not run.
    pub reader: Option<Settings>,
    /// What is wrong with the part about Kafka; workers do not run.
    pub kafka: Option<Problem>,
    /// What is wrong with the part about MongoDB; workers do not run.
    pub mongodb: Option<Problem>,
    /// What keeps the dashboard from running: its way into MongoDB, its own or the workers', or a Secret of those who may see
    /// it; workers run nevertheless.
    pub dashboard_problem: Option<Problem>,
    /// Secrets and keys that workers mount, in order; none that is missing.
    pub worker_secrets: Vec<(String, Vec<String>)>,
    /// Secrets and keys that the dashboard mounts.
    pub dashboard_secrets: Vec<(String, Vec<String>)>,
    /// Of the contents of those Secrets: changes when one of them changes, and then the workers roll.
    pub worker_secrets_checksum: String,
    /// The same for the dashboard.
    pub dashboard_secrets_checksum: String,
}

/// Where pods mount Secrets, each in a folder of its name.
pub const WORKER_CREDENTIALS: &str = "/etc/stockstream/credentials";
/// Where pods mount the settings file.
pub const SETTINGS_FILE: &str = "/etc/stockstream/settings.yaml";

/// What is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Replicas of the worker Deployment. `None`: it is not made yet (and if it stands, it stays as it is), since topics,
    /// database or credentials were never found good for this pipeline.
    pub workers: Option<i32>,
    /// Replicas of the dashboard Deployment; `None`: there is none.
    pub dashboard: Option<i32>,
    /// Whether the dashboard that stands is left as it is: what was changed leads to a database that is not the pipeline's.
    pub holds_dashboard: bool,
}
