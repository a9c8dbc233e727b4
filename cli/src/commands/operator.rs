use std::process;

use stockstream_operator::{ClusterDns, Election, Options, PodDefaults};

use super::listen::listen;
use crate::{
    args::Operator,
    exit::{Failure, Outcome},
    logging, settings, signals,
};

/// Runs the operator until a signal ends it.
pub(crate) async fn run(args: Operator) -> Result<Outcome, Failure> {
    // That a pipeline's broker is away is in its status; here it would be said again every few seconds.
    logging::start_with("info", "librdkafka=off,rdkafka=off");
    settings::refuse_unknown_variables()?;
    let image = args.image.filter(|image| !image.is_empty()).ok_or_else(|| Failure::Usage {
        message: "no image is given for the pods of pipelines that name none: set --image or STOCKSTREAM_IMAGE, \
                  as in --image stockstream:0.1.0"
            .into(),
    })?;
    let shutdown = signals::shutdown()?;
    let election = Election { lease: args.lease_name, namespace: args.lease_namespace };
    let options = Options {
        namespaces: args.namespaces.into_iter().filter(|name| !name.is_empty()).collect(),
        pods: PodDefaults {
            image,
            image_pull_secrets: args.image_pull_secrets.into_iter().filter(|name| !name.is_empty()).collect(),
            user: args.pods_user,
        },
        election: (!args.no_leader_election).then_some(election),
        identity: args.identity.unwrap_or_else(identity),
        listener: Some(listen(args.listen).await?),
        credentials: args.credentials_dir,
        dns: ClusterDns::of_this_pod(),
        concurrency: args.concurrency,
        shutdown,
    };
    stockstream_operator::run(stockstream_operator::connect().await?, options).await?;
    Ok(Outcome::Done)
}

fn identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match host.trim() {
        "" => format!("operator-{}", process::id()),
        host => format!("{host}-{}", process::id()),
    }
}
