//! The custom resource `AnalyticsPipeline`, and the operator that runs what it describes.

mod backoff;
mod children;
mod context;
mod credentials;
mod dns;
mod events;
mod explain;
mod health;
mod http;
pub(crate) mod key;
mod lead;
mod leader;
mod marks;
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
