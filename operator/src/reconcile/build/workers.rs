//! The workers.

use k8s_openapi::api::apps::v1::Deployment;
use kube::core::ApiResource;
use serde_json::json;

use super::{
    child::{Child, Wanted},
    network,
    objects::{account, disruption_budget, object, pod_monitor, selector},
    pods::{self, Pod},
    resources, settings,
};
use crate::reconcile::{SETTINGS_FILE, names::Part};

const PORT: u16 = 8081;
/// A worker gives back its partitions when the flush under way has ended, for which it waits up to 20 s, then 2 s for the
/// database; closing the consumer tells the group. Killed earlier it would lose nothing, but its partitions would wait for
/// the session to time out.
const GRACE_SECONDS: u32 = 45;
/// So long after a worker is ready the next one is replaced: two heartbeats of the group (a quarter of the session's 10 s
/// each), in which a cooperative rebalance takes and gives.
const SETTLING_SECONDS: u32 = 5;

/// All objects of the workers.
pub(super) fn objects(wanted: &Wanted<'_>, replicas: i32) -> Vec<Child> {
    let part = Part::Worker;
    let mut objects = vec![
        account(wanted, part),
        settings::config_map(wanted, part),
        network::workers(wanted, PORT),
        disruption_budget(wanted, part),
        deployment(wanted, replicas),
    ];
    objects.extend(wanted.has_pod_monitor.then(|| pod_monitor(wanted, part)));
    objects
}

/// `replicas` is always said: nobody but the operator scales this Deployment. People and autoscalers scale the pipeline,
/// through its `scale`; whoever moves the Deployment itself finds it put right.
///
/// A new worker comes before an old one goes (`maxUnavailable: 0`). The other way round each step would have one worker
/// less, a pipeline of one would stand still while its image is pulled, and a new template that cannot start would end
/// good workers. Since partitions are handed over cooperatively, the one more that there is meanwhile takes its share from
/// the others without their stopping; beyond the number of partitions it idles. One at a time, since each
/// costs the group a rebalance that moves only its own share.
fn deployment(wanted: &Wanted<'_>, replicas: i32) -> Child {
    let part = Part::Worker;
    let spec = &wanted.pipeline.spec.workers;
    let template = pods::template(
        wanted,
        &Pod {
            part,
            port: PORT,
            args: [part.name(), "--config", SETTINGS_FILE, "--listen", &pods::listen(PORT)].map(Into::into).into(),
            variables: settings::variables(wanted, part),
            // Not ready while a flush takes long: that needs no more than a look.
            ready_timeout_seconds: 3,
            grace_seconds: GRACE_SECONDS,
            secrets: &wanted.validated.worker_secrets,
            secrets_checksum: &wanted.validated.worker_secrets_checksum,
            resources: resources::merged(&spec.resources, &resources::WORKER),
            overrides: &spec.pod_template,
        },
    );
    let body = json!({ "spec": {
        "replicas": replicas,
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": 300,
        "minReadySeconds": SETTLING_SECONDS,
        "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } },
        "selector": selector(wanted, part),
        "template": template,
    } });
    object(wanted, part, ApiResource::erase::<Deployment>(&()), body)
}
