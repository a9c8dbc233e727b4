//! The Accountants' forms, as the resource says them: as whom the dashboard sends events to Kafka.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::resource::{
    AnalyticsPipelineSpec,
    kafka::{KafkaConnection, SaslSpec},
    refs::SecretRef,
};

/// As whom the dashboard sends what Accountants enter. Brokers, protocol, authorities and topics are those of
/// `spec.kafka`; only who comes is said here. `{}`: nobody in particular, where brokers ask for no sign-in.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormsKafka {
    /// Sign-in by name and password, for the SASL protocols. A user of its own needs no more than to write to the three
    /// topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sasl: Option<SaslSpec>,
    /// A Secret with a client's certificate and key, in the keys `tls.crt` and `tls.key`, for the SSL protocols.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert_secret_ref: Option<SecretRef>,
}

impl AnalyticsPipelineSpec {
    /// How the dashboard comes to Kafka; `None` where nothing may be entered.
    pub(crate) fn event_entry_security(&self) -> Option<KafkaConnection<'_>> {
        let forms = self.dashboard.kafka.as_ref()?;
        Some(KafkaConnection {
            sasl: forms.sasl.as_ref(),
            client: forms.client_cert_secret_ref.as_ref(),
            ..self.kafka.security.way()
        })
    }
}
