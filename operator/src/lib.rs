//! The custom resource `AnalyticsPipeline`, and the operator that runs what it describes.

mod api_errors;
mod backoff;
mod children;
mod context;
mod controller;
mod credentials;
mod dns;
mod events;
mod health;
mod http;
pub(crate) mod key;
mod leader_election;
mod metadata_digest;
mod metrics;
mod options;
pub mod reconcile;
pub mod resource;
mod run;
mod socks;
mod watch;

pub use dns::ClusterDns;
pub use options::{Election, Options, PodDefaults, PodUser};
pub use run::{OperatorError, connect, run};
