//! Stands in until resources are validated.

use stockstream_model::settings::Settings;

use super::{CredentialFiles, Secrets, Validated};
use crate::resource::AnalyticsPipeline;

/// What a resource comes to.
pub fn validate(_: &AnalyticsPipeline, _: &Secrets, _: &CredentialFiles) -> Validated {
    Validated {
        worker: Settings::default(),
        dashboard: Settings::default(),
        operator: Settings::default(),
        kafka: None,
        mongodb: None,
        worker_secrets: Vec::new(),
        dashboard_secrets: Vec::new(),
        worker_secrets_checksum: String::new(),
        dashboard_secrets_checksum: String::new(),
    }
}
