//! From a resource and its Secrets to settings, or to what is wrong with them. Pure.

mod credentials;
mod settings;
#[cfg(test)]
mod tests;
mod uri;

use credentials::{Mounts, Need, Shape};
use kube::ResourceExt;
use stockstream_model::settings::{Settings, SettingsError};

use super::{CredentialFiles, Secrets, Validated, WORKER_CREDENTIALS};
use crate::{
    reconcile::observed::Problem,
    resource::{AnalyticsPipeline, KafkaConnection, MongoDbWay, SecretKeyRef},
};

/// The settings of workers, dashboard and operator, and what is wrong with them. `files` is where the operator itself
/// finds the Secrets' contents; pods find them at [`WORKER_CREDENTIALS`].
pub fn validate(pipeline: &AnalyticsPipeline, secrets: &Secrets, files: &CredentialFiles) -> Validated {
    let namespace = pipeline.namespace().unwrap_or_default();
    let pods = CredentialFiles { root: WORKER_CREDENTIALS.into() };
    let worker = settings::worker(pipeline, &pods);
    let dashboard = settings::dashboard(pipeline, &pods);

    let (mut worker_mounts, mut dashboard_mounts) = (Mounts::default(), Mounts::default());
    let way = pipeline.spec.kafka.security.way();
    let needs = kafka_needs(way, "the Kafka user", "the client certificate for Kafka");
    let mut kafka = needs.flat_map(|need| worker_mounts.take(secrets, &namespace, &need)).collect();
    let mut mongodb = Vec::new();
    let mut dashboard_problems = Vec::new();
    let (workers_way, dashboard_way) = (pipeline.spec.mongodb_way(), pipeline.spec.dashboard_mongodb_way());
    let needs = mongodb_needs(workers_way, "the client certificate for MongoDB");
    mongodb.extend(needs.flat_map(|need| worker_mounts.take(secrets, &namespace, &need)));
    let needs = mongodb_needs(dashboard_way, "the dashboard's client certificate for MongoDB");
    dashboard_problems.extend(needs.flat_map(|need| dashboard_mounts.take(secrets, &namespace, &need)));
    for (secret, key, what) in pipeline.spec.dashboard.auth.secrets() {
        let need = Need { secret, keys: vec![key], what, shape: Shape::File };
        dashboard_problems.extend(dashboard_mounts.take(secrets, &namespace, &need));
    }
    if let Some(way) = pipeline.spec.event_entry_security() {
        let needs = kafka_needs(way, "the Kafka user of the forms", "the forms' client certificate for Kafka");
        dashboard_problems.extend(needs.flat_map(|need| dashboard_mounts.take(secrets, &namespace, &need)));
    }
    let database = named_database(workers_way.uri, secrets, &namespace, &mut worker_mounts, &mut mongodb);
    let dashboard_uri = dashboard_way.uri;
    let shown = named_database(dashboard_uri, secrets, &namespace, &mut dashboard_mounts, &mut dashboard_problems);
    if let (Some(database), Some(shown)) = (database, shown)
        && database != shown
    {
        let SecretKeyRef { name, key } = dashboard_uri;
        dashboard_problems.push(Problem {
            reason: "DatabaseDiffers",
            message: format!(
                "the dashboard's MongoDB address in secret {namespace}/{name}, key {key}, names another database than the \
                 workers' address: name the same one in both"
            ),
            stalled: true,
        });
    }
    settings_problems(&worker, &mut kafka, &mut mongodb);

    let spec = &pipeline.spec.dashboard;
    let has_reader = spec.enabled && spec.mongodb.is_some() && dashboard_problems.is_empty();
    let salt = pipeline.uid().unwrap_or_default();
    Validated {
        operator: settings::operator(pipeline, files),
        reader: has_reader.then(|| settings::dashboard(pipeline, files)),
        worker,
        dashboard,
        kafka: as_one(&kafka),
        mongodb: as_one(&mongodb),
        dashboard_problem: as_one(&dashboard_problems),
        worker_secrets_checksum: worker_mounts.checksum(&salt),
        dashboard_secrets_checksum: dashboard_mounts.checksum(&salt),
        worker_secrets: worker_mounts.keys(),
        dashboard_secrets: dashboard_mounts.keys(),
    }
}

/// What a way into Kafka needs; `who` and `client` say whose it is, for sentences.
fn kafka_needs<'a>(
    way: KafkaConnection<'a>,
    who: &'static str,
    client: &'static str,
) -> impl Iterator<Item = Need<'a>> {
    let sign_in = way.sasl.map(|sasl| Need {
        secret: &sasl.secret_ref.name,
        keys: vec!["username", "password"],
        what: who,
        shape: Shape::Literal,
    });
    let authorities = way.ca.map(|ca| Need {
        secret: &ca.name,
        keys: vec![&ca.key],
        what: "Kafka's authorities",
        shape: Shape::File,
    });
    let client = way.client.map(|secret| Need {
        secret: &secret.name,
        keys: vec!["tls.crt", "tls.key"],
        what: client,
        shape: Shape::File,
    });
    [sign_in, authorities, client].into_iter().flatten()
}

/// What a way into MongoDB needs besides its address; `client` says whose certificate it is, for sentences.
fn mongodb_needs<'a>(way: MongoDbWay<'a>, client: &'static str) -> impl Iterator<Item = Need<'a>> {
    let authorities = way.ca.map(|ca| Need {
        secret: &ca.name,
        keys: vec![&ca.key],
        what: "MongoDB's authorities",
        shape: Shape::File,
    });
    let client = way.client.map(|secret| Need {
        secret: &secret.name,
        keys: vec!["tls.crt", "tls.key"],
        what: client,
        shape: Shape::File,
    });
    [authorities, client].into_iter().flatten()
}

/// The database that an address names.
fn named_database<'a>(
    uri: &'a SecretKeyRef,
    secrets: &'a Secrets,
    namespace: &str,
    mounts: &mut Mounts<'a>,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let need =
        Need { secret: &uri.name, keys: vec![&uri.key], what: "the address of MongoDB", shape: Shape::MongoAddress };
    let missing = mounts.take(secrets, namespace, &need);
    if !missing.is_empty() {
        problems.extend(missing);
        return None;
    }
    let content = secrets.0.get(&uri.name)?.get(&uri.key)?;
    uri::database(content, namespace, uri).map_err(|problem| problems.push(problem)).ok()
}

/// What the API server did not refuse, although a worker would.
fn settings_problems(settings: &Settings, kafka: &mut Vec<Problem>, mongodb: &mut Vec<Problem>) {
    let Err(error) = settings.validate() else { return };
    let as_problem = |message: String| Problem { reason: "SettingsInvalid", message, stalled: true };
    let SettingsError::Invalid { problems } = error else {
        return kafka.push(as_problem(error.to_string()));
    };
    for problem in problems {
        // There are two places to say it; what is computed is a matter of what is kept.
        let place = if problem.field.starts_with("kafka.") { &mut *kafka } else { &mut *mongodb };
        place.push(as_problem(format!("spec.{} is {}: {}", problem.field, problem.value, problem.allowed)));
    }
}

/// All of them under the reason of the worst.
fn as_one(problems: &[Problem]) -> Option<Problem> {
    let worst = problems.iter().find(|problem| problem.stalled).or(problems.first())?;
    let message = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ");
    Some(Problem { reason: worst.reason, message, stalled: worst.stalled })
}
