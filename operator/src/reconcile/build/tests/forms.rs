use serde_json::json;

use super::*;
use crate::resource::FormsKafka;

fn dashboard(case: &Case) -> Value {
    find(&case.build(), "Deployment/stock-dashboard")["spec"].clone()
}

fn args(case: &Case) -> String {
    dashboard(case)["template"]["spec"]["containers"][0]["args"].to_string()
}

fn settings(case: &Case) -> Value {
    let children = case.build();
    let text = find(&children, "ConfigMap/stock-dashboard")["data"]["settings.yaml"].as_str().unwrap();
    serde_yaml_ng::from_str(text).unwrap()
}

#[test]
fn nothing_can_be_entered_and_kafka_is_not_reached_unless_the_resource_says_so() {
    for case in ["minimal", "production"].map(Case::of) {
        assert!(!args(&case).contains("--enter"), "{}", args(&case));
        assert_eq!(settings(&case)["kafka"].as_object().unwrap().keys().collect::<Vec<_>>(), ["topics"]);
    }
}

#[test]
fn where_brokers_ask_for_no_sign_in_an_empty_block_is_enough() {
    let mut case = Case::of("minimal");
    let without = case.build();
    case.pipeline.spec.dashboard.kafka = Some(FormsKafka::default());
    let kafka = settings(&case)["kafka"].clone();
    assert_eq!(kafka["bootstrapServers"], json!(["kafka:9092"]));
    assert_eq!(kafka["security"], json!({ "protocol": "PLAINTEXT" }));
    assert!(args(&case).contains("\"--enter\""));
    let changed = differences(&without, &case.build());
    assert!(changed.iter().all(|path| path.contains("/stock-dashboard")), "workers stay: {changed:?}");
}

#[test]
fn the_forms_come_as_a_user_of_their_own_to_the_brokers_of_the_workers() {
    let mut case = Case::of("forms");
    let (workers, forms) =
        case.with(|wanted| (wanted.validated.worker.kafka.clone(), wanted.validated.dashboard.kafka.clone()));
    assert_eq!(forms.bootstrap_servers, workers.bootstrap_servers);
    assert_eq!(forms.topics, workers.topics);
    assert_eq!(forms.security.protocol, workers.security.protocol);
    assert_eq!(forms.security.tls, workers.security.tls, "the authorities are those of the brokers");
    let user = |kafka: &stockstream_model::settings::Kafka| kafka.security.sasl.clone().unwrap().username_file.unwrap();
    assert!(user(&workers).ends_with("kafka-workers/username") && user(&forms).ends_with("kafka-forms/username"));
    let children = case.build();
    assert!(!pod_spec(&children, "stock-dashboard").to_string().contains("kafka-workers"));
    assert!(!pod_spec(&children, "stock-worker").to_string().contains("kafka-forms"));
    case.secrets.0.get_mut("kafka-forms").unwrap().insert("password".into(), b"rotated".to_vec());
    let changed = differences(&children, &case.build());
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert!(changed[0].contains("stock-dashboard") && changed[0].contains("secrets-checksum"), "{changed:?}");
}

#[test]
fn a_certificate_of_the_forms_is_theirs_alone() {
    let mut case = Case::of("production");
    case.pipeline.spec.dashboard.kafka =
        Some(serde_json::from_value(json!({ "clientCertSecretRef": { "name": "kafka-login" } })).unwrap());
    let keys = [("tls.crt".to_owned(), b"certificate".to_vec()), ("tls.key".to_owned(), b"key".to_vec())];
    case.secrets.0.insert("kafka-login".into(), keys.into());
    let tls = settings(&case)["kafka"]["security"]["tls"].clone();
    let folder = "/etc/stockstream/credentials";
    assert_eq!(
        tls,
        json!({
            "caFile": format!("{folder}/kafka-ca/ca.crt"),
            "certFile": format!("{folder}/kafka-login/tls.crt"),
            "keyFile": format!("{folder}/kafka-login/tls.key"),
        })
    );
    assert!(!pod_spec(&case.build(), "stock-dashboard").to_string().contains("kafka-client"));
}

#[test]
fn a_user_of_the_forms_that_is_missing_keeps_the_page_as_it_is_and_the_workers_working() {
    let mut case = Case::of("forms");
    case.secrets.0.remove("kafka-forms");
    let problem = case.with(|wanted| wanted.validated.dashboard_problem.clone()).unwrap();
    assert_eq!((problem.reason, problem.stalled), ("SecretMissing", false));
    let command = "create secret generic kafka-forms --from-literal=username=… --from-literal=password=…";
    assert!(
        problem.message.contains("the Kafka user of the forms") && problem.message.ends_with(command),
        "{problem:?}"
    );
    assert!(case.with(|wanted| wanted.validated.kafka.clone()).is_none());
    assert!(names_of(&case.build()).contains(&"Deployment/stock-worker".to_owned()));
    assert!(case.keeps().contains(&"Deployment/stock-dashboard".to_owned()));
}

#[test]
fn two_pods_never_share_the_forms_also_while_one_replaces_the_other() {
    let forms = dashboard(&Case::of("forms"));
    assert_eq!((&forms["replicas"], &forms["strategy"]), (&json!(1), &json!({ "type": "Recreate" })));
    assert_eq!(dashboard(&Case::of("minimal"))["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
}
