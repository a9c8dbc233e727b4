use kube::core::cel;
use stockstream_model::settings::{FilesInUri, TopicPolicy, Topics};

use super::*;
use crate::{
    reconcile::examples::{example, files, validated},
    resource::SecretRef,
};

type Bytes = Vec<u8>;

/// The least example, with another content of one key.
fn with_uri(uri: &[u8]) -> Validated {
    let (pipeline, mut secrets) = example("minimal");
    secrets.0.get_mut("mongo").unwrap().insert("uri".into(), uri.to_vec());
    validate(&pipeline, &secrets, &files())
}

fn content<'a>(secrets: &'a mut Secrets, secret: &str, key: &str) -> &'a mut Bytes {
    secrets.0.get_mut(secret).unwrap().get_mut(key).unwrap()
}

#[test]
fn every_example_passes_the_rules_and_is_complete_with_its_secrets() {
    for name in ["minimal", "production", "forms"] {
        let (pipeline, _, validated) = validated(name);
        cel::validate_cel(&pipeline).unwrap_or_else(|errors| panic!("{name}: {errors}"));
        assert_eq!((validated.kafka, validated.mongodb, validated.dashboard_problem), (None, None, None), "{name}");
        for settings in [&validated.worker, &validated.dashboard, &validated.operator] {
            settings.validate().unwrap();
        }
    }
}

#[test]
fn workers_find_their_credentials_where_pods_mount_them_and_the_operator_where_it_wrote_them() {
    let (_, _, validated) = validated("production");
    let paths = |settings: &Settings| {
        let Settings { kafka, mongodb, .. } = settings;
        let (sasl, tls) = (kafka.security.sasl.as_ref().unwrap(), kafka.security.tls.as_ref().unwrap());
        let authority = &mongodb.tls.as_ref().unwrap().ca_file;
        [
            &sasl.username_file,
            &sasl.password_file,
            &tls.ca_file,
            &tls.cert_file,
            &tls.key_file,
            &mongodb.uri_file,
            authority,
        ]
        .map(|path| path.as_ref().unwrap().display().to_string())
    };
    let expected = [
        "kafka-login/username",
        "kafka-login/password",
        "kafka-ca/ca.crt",
        "kafka-client/tls.crt",
        "kafka-client/tls.key",
        "mongo/uri",
        "mongo-ca/ca.crt",
    ];
    assert_eq!(paths(&validated.worker), expected.map(|path| format!("/etc/stockstream/credentials/{path}")));
    assert_eq!(paths(&validated.operator), expected.map(|path| format!("/tmp/operator/uid/{path}")));
}

#[test]
fn a_pipeline_is_named_with_its_namespace_and_so_is_its_group_unless_it_says_another() {
    let (_, _, minimal) = validated("minimal");
    assert_eq!(minimal.worker.pipeline.name, "shop/stock");
    assert_eq!(minimal.worker.group_id(), "stockstream.shop.stock");
    let (_, _, production) = validated("production");
    assert_eq!(production.worker.kafka.group_id.as_deref(), Some("stock-analytics"));
}

#[test]
fn topics_are_made_by_the_operator_and_never_by_workers() {
    let (_, _, validated) = validated("minimal");
    assert_eq!(validated.operator.kafka.topic_policy, TopicPolicy::Create);
    assert_eq!(validated.worker.kafka.topic_policy, TopicPolicy::Require);
    assert_eq!(validated.worker.kafka.topics, Topics::default());
}

#[test]
fn workers_and_dashboard_see_only_their_own_secrets() {
    let (_, _, validated) = validated("production");
    let owned = |list: &[(&str, &[&str])]| {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        list.iter().map(|(secret, of)| ((*secret).to_owned(), keys(of))).collect::<Vec<_>>()
    };
    let workers: &[(&str, &[&str])] = &[
        ("kafka-ca", &["ca.crt"]),
        ("kafka-client", &["tls.crt", "tls.key"]),
        ("kafka-login", &["password", "username"]),
        ("mongo", &["uri"]),
        ("mongo-ca", &["ca.crt"]),
    ];
    assert_eq!(validated.worker_secrets, owned(workers));
    assert_eq!(validated.dashboard_secrets, owned(&[("mongo-ca", &["ca.crt"]), ("mongo-reader", &["uri"])]));
    assert_eq!(validated.dashboard.kafka.security, stockstream_model::settings::Security::default());
}

#[test]
fn without_an_address_of_its_own_the_dashboard_uses_the_workers() {
    let (_, _, validated) = validated("minimal");
    assert_eq!(validated.dashboard.mongodb.uri_file, validated.worker.mongodb.uri_file);
    assert_eq!(validated.dashboard_secrets, vec![("mongo".to_owned(), vec!["uri".to_owned()])]);
}

#[test]
fn a_secret_that_is_missing_is_named_with_the_command_that_makes_it() {
    let (pipeline, mut secrets) = example("production");
    secrets.0.remove("kafka-login");
    secrets.0.remove("mongo-reader");
    let validated = validate(&pipeline, &secrets, &files());
    let kafka = validated.kafka.unwrap();
    assert_eq!((kafka.reason, kafka.stalled), ("SecretMissing", false));
    let command = "kubectl --namespace shop create secret generic kafka-login --from-literal=username=… --from-literal=password=…";
    assert!(kafka.message.contains("secret shop/kafka-login") && kafka.message.ends_with(command), "{}", kafka.message);
    assert_eq!(validated.mongodb, None, "the dashboard's secret is no matter of the workers");
    assert_eq!(validated.dashboard_problem.unwrap().reason, "SecretMissing");
    assert!(!validated.worker_secrets.iter().any(|(secret, _)| secret == "kafka-login"));
}

#[test]
fn a_key_that_is_missing_or_empty_is_named() {
    let (pipeline, mut secrets) = example("production");
    secrets.0.get_mut("kafka-client").unwrap().remove("tls.key");
    *content(&mut secrets, "kafka-login", "password") = b" \n".to_vec();
    let kafka = validate(&pipeline, &secrets, &files()).kafka.unwrap();
    assert!(
        kafka
            .message
            .contains("secret shop/kafka-client, which holds the client certificate for Kafka, has no key tls.key")
    );
    assert!(kafka.message.contains("has nothing in key password"), "{}", kafka.message);
    assert_eq!((kafka.reason, kafka.stalled), ("SecretKeyEmpty", false));
}

#[test]
fn an_address_that_cannot_be_used_says_what_to_write_and_never_itself() {
    for (uri, reason) in [
        (&b"mongodb://shop:hunter2@mongo:27017"[..], "DatabaseNotNamed"),
        (b"mongodb://shop:hunter2@mongo:27017/", "DatabaseNotNamed"),
        (b"mongodb://shop:hunter2@mongo:27017/?authSource=admin/x", "DatabaseNotNamed"),
        (b"mongodb+srv://shop:hunter2@mongo?tls=true", "DatabaseNotNamed"),
        (b"mongodb://shop:hunter2@mongo:27017/admin", "DatabaseReserved"),
        (b"mongodb://shop:hunter2@mongo:27017/Config?tls=true", "DatabaseReserved"),
        (b"postgres://shop:hunter2@mongo/stock", "AddressInvalid"),
        (b"shop:hunter2@mongo/stock", "AddressInvalid"),
        (b"mongodb://shop:hunter2\xff@mongo/stock", "AddressInvalid"),
    ] {
        let validated = with_uri(uri);
        let problem = validated.mongodb.unwrap();
        assert_eq!((problem.reason, problem.stalled), (reason, true), "{uri:?}");
        assert!(problem.message.contains("secret shop/mongo, key uri"), "{}", problem.message);
        assert!(problem.message.contains("mongodb://user:password@host:27017/stock_management"), "{}", problem.message);
        assert!(!problem.message.contains("hunter2"), "{}", problem.message);
    }
    for uri in ["mongodb://mongo/stock\n", "mongodb+srv://u:p@mongo/stock?tls=true", "mongodb://a:1,b:2/stock"] {
        assert_eq!(with_uri(uri.as_bytes()).mongodb, None, "{uri}");
    }
}

#[test]
fn an_address_that_asks_for_an_identity_or_a_file_is_used_by_nobody() {
    for (uri, words) in [
        ("mongodb://h/x?authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:k8s", "MONGODB-OIDC"),
        ("mongodb+srv://h/x?authMechanism=MONGODB-AWS", "MONGODB-AWS"),
        ("mongodb://h/x?tlsCAFile=/run/token", "spec.mongodb.tls.caSecretRef"),
        ("mongodb://h/x?tls=true&tlsCertificateKeyFile=/run/token", "spec.mongodb.tls.clientCertSecretRef"),
        ("mongodb://h/x?unheardOf=1", "unheardOf"),
    ] {
        let problem = with_uri(uri.as_bytes()).mongodb.expect(uri);
        assert_eq!((problem.reason, problem.stalled), ("AddressNotAllowed", true), "{uri}");
        for words in ["secret shop/mongo, key uri", words] {
            assert!(problem.message.contains(words) && !problem.message.contains("/run/token"), "{}", problem.message);
        }
        let (pipeline, mut secrets) = example("production");
        *content(&mut secrets, "mongo-reader", "uri") = uri.as_bytes().to_vec();
        let validated = validate(&pipeline, &secrets, &files());
        assert_eq!(validated.dashboard_problem.expect(uri).reason, "AddressNotAllowed");
    }
    let (_, _, validated) = validated("minimal");
    for settings in [&validated.worker, &validated.dashboard, &validated.operator] {
        assert_eq!(settings.mongodb.files_in_uri, FilesInUri::Refuse, "they read a changed Secret by themselves");
    }
}

#[test]
fn a_client_certificate_for_mongodb_comes_from_a_secret_and_the_dashboard_may_have_its_own() {
    let (mut pipeline, mut secrets) = example("production");
    let certificate = || ["tls.crt", "tls.key"].map(|key| (key.to_owned(), key.as_bytes().to_vec())).into();
    let tls = pipeline.spec.mongodb.tls.as_mut().unwrap();
    tls.client_cert_secret_ref = Some(SecretRef { name: "mongo-client".into() });
    let problem = validate(&pipeline, &secrets, &files()).mongodb.unwrap();
    assert_eq!(problem.reason, "SecretMissing");
    assert!(problem.message.contains("shop/mongo-client, which holds the client certificate for MongoDB"));

    secrets.0.insert("mongo-client".into(), certificate());
    let key = |settings: &Settings| settings.mongodb.tls.clone().unwrap().key_file.unwrap().display().to_string();
    let both = validate(&pipeline, &secrets, &files());
    assert_eq!((&both.mongodb, &both.dashboard_problem), (&None, &None));
    assert_eq!(key(&both.worker), "/etc/stockstream/credentials/mongo-client/tls.key");
    assert_eq!(key(&both.dashboard), key(&both.worker));
    assert_eq!(key(&both.operator), "/tmp/operator/uid/mongo-client/tls.key");
    let mount = ("mongo-client".to_owned(), vec!["tls.crt".to_owned(), "tls.key".to_owned()]);
    assert!(both.worker_secrets.contains(&mount) && both.dashboard_secrets.contains(&mount));

    let own = pipeline.spec.dashboard.mongodb.as_mut().unwrap();
    own.client_cert_secret_ref = Some(SecretRef { name: "mongo-reader-client".into() });
    secrets.0.insert("mongo-reader-client".into(), certificate());
    let own = validate(&pipeline, &secrets, &files());
    assert_eq!(key(&own.dashboard), "/etc/stockstream/credentials/mongo-reader-client/tls.key");
    assert!(own.worker_secrets.contains(&mount) && !own.dashboard_secrets.contains(&mount));
    pipeline.spec.mongodb.tls = None;
    assert_eq!(validate(&pipeline, &secrets, &files()).worker.mongodb.tls, None);
}

#[test]
fn a_dashboard_that_would_show_another_database_is_stopped() {
    let (pipeline, mut secrets) = example("production");
    *content(&mut secrets, "mongo-reader", "uri") = b"mongodb://reader:word@mongo/other".to_vec();
    let validated = validate(&pipeline, &secrets, &files());
    assert_eq!(validated.dashboard_problem.unwrap().reason, "DatabaseDiffers");
    assert_eq!(validated.mongodb, None);
}

#[test]
fn what_the_api_server_let_pass_is_said_where_it_belongs() {
    let (mut pipeline, secrets) = example("minimal");
    pipeline.spec.kafka.bootstrap_servers = vec!["kafka:99999".into()];
    pipeline.spec.analytics.reevaluate_every = stockstream_model::settings::HumanDuration::from_millis(10);
    let validated = validate(&pipeline, &secrets, &files());
    let (kafka, mongodb) = (validated.kafka.unwrap(), validated.mongodb.unwrap());
    assert_eq!((kafka.reason, kafka.stalled, mongodb.reason), ("SettingsInvalid", true, "SettingsInvalid"));
    assert!(kafka.message.contains("spec.kafka.bootstrapServers is \"kafka:99999\""), "{}", kafka.message);
    assert!(mongodb.message.contains("spec.analytics.reevaluateEvery"), "{}", mongodb.message);
}

#[test]
fn the_checksum_follows_the_mounted_keys_and_nothing_else() {
    let (pipeline, secrets, before) = validated("production");
    let sums = |secrets: &Secrets| {
        let validated = validate(&pipeline, secrets, &files());
        (validated.worker_secrets_checksum, validated.dashboard_secrets_checksum)
    };
    let standing = (before.worker_secrets_checksum, before.dashboard_secrets_checksum);
    assert_eq!(standing.0.len(), 64);
    let mut other = secrets.clone();
    other.0.get_mut("mongo").unwrap().insert("not-mounted".into(), b"new".to_vec());
    other.0.insert("unrelated".into(), [("key".to_owned(), b"new".to_vec())].into());
    assert_eq!(sums(&other), standing);

    *content(&mut other, "kafka-login", "password") = b"rotated".to_vec();
    let rotated = sums(&other);
    assert_ne!(rotated.0, standing.0);
    assert_eq!(rotated.1, standing.1, "the dashboard does not mount it");

    let mut swapped = secrets;
    let login = swapped.0.get_mut("kafka-login").unwrap();
    let (user, password) = (login["username"].clone(), login["password"].clone());
    login.insert("username".into(), password);
    login.insert("password".into(), user);
    assert_ne!(sums(&swapped).0, standing.0);
}

#[test]
fn a_pipeline_made_anew_comes_after_the_one_of_its_name_before() {
    let (mut pipeline, secrets) = example("minimal");
    let order =
        |pipeline: &AnalyticsPipeline| validate(pipeline, &secrets, &files()).worker.pipeline.generation.unwrap();
    let first = order(&pipeline);
    pipeline.metadata.generation = Some(70);
    let changed_often = order(&pipeline);
    pipeline.metadata.generation = Some(1);
    pipeline.metadata.creation_timestamp = serde_json::from_str("\"2026-05-01T08:00:01Z\"").unwrap();
    assert!(first < changed_often && changed_often < order(&pipeline));
    assert_eq!(validate(&pipeline, &secrets, &files()).operator.pipeline.generation, Some(order(&pipeline)));
}
