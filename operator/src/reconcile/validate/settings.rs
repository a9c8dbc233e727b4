//! The settings files that a resource comes to.

use std::path::PathBuf;

use kube::ResourceExt;
use stockstream_model::settings::{
    FilesInUri, Kafka, MongoDb, MongoTls, Pipeline, Sasl, Security, Settings, Tls, Topic, TopicPolicy, Topics,
};

use crate::{
    reconcile::CredentialFiles,
    resource::{AnalyticsPipeline, KafkaConnection, MongoDbWay},
};

/// More than any resource has: see [`order`].
const GENERATIONS_PER_SECOND: i64 = 1_000_000;

/// The settings of the operator itself: as the workers', and with all that it needs to check topics and to make them.
pub(super) fn operator(pipeline: &AnalyticsPipeline, files: &CredentialFiles) -> Settings {
    let spec = &pipeline.spec;
    Settings {
        pipeline: Pipeline {
            name: full_name(pipeline),
            generation: order(pipeline),
            uid: pipeline.uid(),
            database_id: None,
        },
        kafka: Kafka {
            bootstrap_servers: spec.kafka.bootstrap_servers.clone(),
            group_id: spec.kafka.group_id.clone(),
            security: security(spec.kafka.security.way(), files),
            topic_policy: spec.kafka.topic_policy,
            topics: spec.kafka.topics.clone(),
            start_from: spec.kafka.start_from,
            on_lost_offsets: spec.kafka.on_lost_offsets,
            on_recreated_topic: spec.kafka.on_recreated_topic,
        },
        mongodb: mongodb(spec.mongodb_way(), files),
        sales: spec.sales,
        analytics: spec.analytics.clone(),
        ..Settings::default()
    }
}

/// The settings of the workers. They begin once the operator has found the topics good, and made them if it was to: how
/// many partitions they should have is not for a worker to judge, nor a reason to replace it.
pub(super) fn worker(pipeline: &AnalyticsPipeline, files: &CredentialFiles) -> Settings {
    let mut settings = operator(pipeline, files);
    settings.kafka.topic_policy = TopicPolicy::Require;
    settings.kafka.topics = names_only(&settings.kafka.topics);
    settings
}

/// The settings of the dashboard: what it uses, and nothing else, so that nothing else replaces its pods. It reads MongoDB
/// only, and names the topics to people; Kafka it reaches where Accountants enter events.
pub(super) fn dashboard(pipeline: &AnalyticsPipeline, files: &CredentialFiles) -> Settings {
    let spec = &pipeline.spec.kafka;
    let mut kafka = Kafka { topics: names_only(&spec.topics), ..Kafka::default() };
    if let Some(way) = pipeline.spec.event_entry_security() {
        kafka.bootstrap_servers.clone_from(&spec.bootstrap_servers);
        kafka.security = security(way, files);
    }
    Settings {
        pipeline: Pipeline { name: full_name(pipeline), ..Pipeline::default() },
        kafka,
        mongodb: mongodb(pipeline.spec.dashboard_mongodb_way(), files),
        ..Settings::default()
    }
}

fn full_name(pipeline: &AnalyticsPipeline) -> String {
    format!("{}/{}", pipeline.namespace().unwrap_or_default(), pipeline.name_any())
}

/// The number that orders settings: a worker of a lower one never recomputes what one of a higher one derived.
///
/// The resource's generation alone does not do: it begins at 1 again when a pipeline is deleted and made anew, while the
/// database remembers the number from before, and new thresholds would then never come into force. So the time of creation
/// comes first: as (creation, generation), in one number, since no resource has a million generations per second of its
/// life.
///
/// It grows with every change of `spec`, also with one of `replicas`, and is in the workers' settings file. That replaces no
/// pod, because the checksum which does leaves it out (see `build::settings`). A worker that was started before such a change
/// has a lower number and the same thresholds, and then the number does not matter: the store compares it only where
/// thresholds differ.
fn order(pipeline: &AnalyticsPipeline) -> Option<i64> {
    let created = pipeline.creation_timestamp().map_or(0, |time| time.0.as_second());
    pipeline
        .metadata
        .generation
        .map(|generation| created.saturating_mul(GENERATIONS_PER_SECOND).saturating_add(generation))
}

fn names_only(topics: &Topics) -> Topics {
    let name = |topic: &Topic| Topic { name: topic.name.clone(), ..Topic::default() };
    Topics { sales: name(&topics.sales), inventory: name(&topics.inventory), clients: name(&topics.clients) }
}

fn security(way: KafkaConnection<'_>, files: &CredentialFiles) -> Security {
    let KafkaConnection { protocol, sasl, ca, client } = way;
    let sasl = sasl.map(|sasl| Sasl {
        mechanism: sasl.mechanism,
        username: None,
        password: None,
        username_file: Some(file(files, &sasl.secret_ref.name, "username")),
        password_file: Some(file(files, &sasl.secret_ref.name, "password")),
    });
    let client = |key: &str| client.map(|client| file(files, &client.name, key));
    let tls = Tls {
        ca_file: ca.map(|ca| file(files, &ca.name, &ca.key)),
        cert_file: client("tls.crt"),
        key_file: client("tls.key"),
    };
    Security { protocol, sasl, tls: (tls != Tls::default()).then_some(tls) }
}

fn mongodb(way: MongoDbWay<'_>, files: &CredentialFiles) -> MongoDb {
    let client = |key: &str| way.client.map(|client| file(files, &client.name, key));
    let tls = MongoTls {
        ca_file: way.ca.map(|ca| file(files, &ca.name, &ca.key)),
        cert_file: client("tls.crt"),
        key_file: client("tls.key"),
    };
    MongoDb {
        uri: None,
        uri_file: Some(file(files, &way.uri.name, &way.uri.key)),
        // Whoever writes the Secret may not read what operator and pods have in files.
        files_in_uri: FilesInUri::Refuse,
        tls: (tls != MongoTls::default()).then_some(tls),
    }
}

fn file(files: &CredentialFiles, secret: &str, key: &str) -> PathBuf {
    files.root.join(secret).join(key)
}
