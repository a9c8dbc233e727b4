//! Times as Kubernetes keeps them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use stockstream_model::Timestamp;

/// To the second, as Kubernetes keeps it: else what was written would differ from what is read.
pub(super) fn time(now: Timestamp) -> Time {
    Time(k8s_openapi::jiff::Timestamp::from_second(now.millis().div_euclid(1_000)).unwrap_or_default())
}
