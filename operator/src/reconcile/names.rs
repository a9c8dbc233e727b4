//! Names and labels of a pipeline's parts.

use std::collections::BTreeMap;

/// Who writes: the field manager of every server-side apply.
pub const FIELD_MANAGER: &str = "stockstream-operator";
/// The label that marks what the operator made; watches select by it.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", FIELD_MANAGER);

/// A part of a pipeline that has pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The workers.
    Worker,
    /// The dashboard.
    Dashboard,
}

impl Part {
    /// As in names and in the label `app.kubernetes.io/component`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Dashboard => "dashboard",
        }
    }
}

/// The name of a part's Deployment, Service, ServiceAccount, and of all else that belongs to it: `<pipeline>-<part>`.
pub fn of(pipeline: &str, part: Part) -> String {
    format!("{pipeline}-{}", part.name())
}

/// The labels by which a part's pods are selected; never changed, since a Deployment's selector cannot be.
pub fn selector(pipeline: &str, part: Part) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", "stockstream"),
        ("app.kubernetes.io/instance", pipeline),
        ("app.kubernetes.io/component", part.name()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

/// All labels of a part's objects.
pub fn labels(pipeline: &str, part: Part) -> BTreeMap<String, String> {
    let mut labels = selector(pipeline, part);
    labels.insert(MANAGED_BY.0.into(), MANAGED_BY.1.into());
    labels.insert("app.kubernetes.io/part-of".into(), "stockstream".into());
    labels
}

/// Labels as a selector's text, as `scale` wants it.
pub fn selector_text(pipeline: &str, part: Part) -> String {
    selector(pipeline, part).iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}
