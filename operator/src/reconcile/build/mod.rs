//! The objects that a pipeline consists of, made from what was decided. Pure, and cannot fail.
//!
//! What a part's pods use is in the part's pod template, or its checksum is; what they do not use is not. So whatever
//! changes replaces exactly the pods that it concerns, and what is the same is the same to the byte.

mod access;
mod child;
mod dashboard;
mod network;
mod objects;
mod pods;
mod quantity;
mod resources;
mod settings;
#[cfg(test)]
mod tests;
mod workers;

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};
use kube::{ResourceExt, core::ApiResource};

pub use self::child::{Child, Wanted};
use super::names::{self, Part};

/// All objects that are to be as they are returned. A part whose objects must stay as they stand has none here: see
/// [`keeps`]. All else that belongs to the pipeline and is of one of the [`kinds`] is an orphan.
pub fn build(wanted: &Wanted<'_>) -> Vec<Child> {
    let mut children = Vec::new();
    if let (Some(replicas), false) = (wanted.decision.workers, is_kept(wanted, Part::Worker)) {
        children.extend(workers::objects(wanted, replicas));
    }
    if let (Some(replicas), false) = (wanted.decision.dashboard, is_kept(wanted, Part::Dashboard)) {
        children.extend(dashboard::objects(wanted, replicas));
    }
    children
}

/// Objects, by kind and name, that are no orphans although [`build`] does not return them: they may stand or not, and are
/// left as they are.
pub fn keeps(wanted: &Wanted<'_>) -> Vec<(ApiResource, String)> {
    let parts = [Part::Worker, Part::Dashboard].into_iter().filter(|part| is_kept(wanted, *part));
    let name = wanted.pipeline.name_any();
    parts
        .flat_map(|part| {
            let name = names::of(&name, part);
            kinds(wanted.has_pod_monitor).into_iter().map(move |kind| (kind, name.clone()))
        })
        .collect()
}

/// Every kind that [`build`] can make: what is watched, and searched for orphans.
pub fn kinds(has_pod_monitor: bool) -> Vec<ApiResource> {
    let mut kinds = vec![
        ApiResource::erase::<ServiceAccount>(&()),
        ApiResource::erase::<ConfigMap>(&()),
        ApiResource::erase::<NetworkPolicy>(&()),
        ApiResource::erase::<PodDisruptionBudget>(&()),
        ApiResource::erase::<Service>(&()),
        ApiResource::erase::<Deployment>(&()),
    ];
    kinds.extend(has_pod_monitor.then(objects::pod_monitor_kind));
    kinds
}

/// Whether a part's objects stay as they stand: pods made now would not start, and replacing good ones by them gains
/// nothing. The settings file stays too, since a pod that is restarted reads it. No pods at all (suspended) can always be had.
fn is_kept(wanted: &Wanted<'_>, part: Part) -> bool {
    let Wanted { validated, decision, .. } = wanted;
    match part {
        Part::Worker => match decision.workers {
            None => true,
            Some(0) => false,
            Some(_) => validated.kafka.is_some() || validated.mongodb.is_some(),
        },
        Part::Dashboard => {
            let held = validated.dashboard_problem.is_some() || decision.holds_dashboard;
            decision.dashboard.is_some_and(|pods| pods > 0) && held
        }
    }
}
