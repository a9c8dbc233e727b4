use stockstream_model::settings::{Deduplicate, HumanDuration, Sales, StartFrom, TopicPolicy};

use super::*;

const WORKERS: &str = "Deployment/stock-worker.spec";
const SETTINGS_CHECKSUM: &str = "template.metadata.annotations.stockstream.dev/settings-checksum";
const SECRETS_CHECKSUM: &str = "template.metadata.annotations.stockstream.dev/secrets-checksum";

/// The next generation of a resource.
fn changed(case: &Case, change: impl FnOnce(&mut Case)) -> Vec<String> {
    let mut after = case.clone();
    after.pipeline.metadata.generation = case.pipeline.metadata.generation.map(|generation| generation + 1);
    change(&mut after);
    differences(&case.build(), &after.build())
}

#[test]
fn what_is_unchanged_is_the_same_to_the_byte() {
    for case in Case::all() {
        let bytes = |children: Vec<Child>| children.iter().map(|child| child.object.to_string()).collect::<String>();
        assert_eq!(bytes(case.build()), bytes(case.clone().build()));
    }
}

#[test]
fn a_changed_secret_changes_only_the_checksum_of_the_pods_that_mount_it() {
    let case = Case::of("production");
    for (secret, key, deployments) in [
        ("kafka-login", "password", &["stock-worker"][..]),
        ("mongo-reader", "uri", &["stock-dashboard"]),
        ("mongo-ca", "ca.crt", &["stock-worker", "stock-dashboard"]),
    ] {
        let mut after = case.clone();
        after.secrets.0.get_mut(secret).unwrap().get_mut(key).unwrap().extend(b"&retryWrites=true");
        let expected: Vec<String> =
            deployments.iter().map(|name| format!("Deployment/{name}.spec.{SECRETS_CHECKSUM}")).collect();
        assert_eq!(differences(&case.build(), &after.build()), expected, "{secret}");
    }
}

#[test]
fn a_change_of_replicas_changes_only_replicas_and_the_number_that_orders_settings() {
    let case = Case::of("minimal");
    let mut after = case.clone();
    after.pipeline.spec.workers.replicas = 3;
    after.pipeline.metadata.generation = Some(4);
    after.decision.workers = Some(3);
    let (before, after) = (case.build(), after.build());
    let settings = "ConfigMap/stock-worker.data.settings.yaml";
    assert_eq!(differences(&before, &after), [settings.to_owned(), format!("{WORKERS}.replicas")]);
    let lines = |children: &[Child]| {
        let text = find(children, "ConfigMap/stock-worker")["data"]["settings.yaml"].as_str().unwrap().to_owned();
        text.lines().filter(|line| !line.starts_with("  generation: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(&before), lines(&after));
}

#[test]
fn what_workers_use_replaces_workers_and_leaves_the_dashboard_alone() {
    let case = Case::of("minimal");
    let expected = ["ConfigMap/stock-worker.data.settings.yaml".to_owned(), format!("{WORKERS}.{SETTINGS_CHECKSUM}")];
    let changes: [fn(&mut Case); 4] = [
        |case| case.pipeline.spec.analytics.clients.gold = stockstream_model::Money::from_whole(50_000),
        |case| case.pipeline.spec.sales.future_tolerance = HumanDuration::from_millis(7 * 86_400_000),
        |case| case.pipeline.spec.kafka.bootstrap_servers.push("kafka-1:9092".into()),
        |case| case.pipeline.spec.kafka.start_from = StartFrom::Earliest,
    ];
    for change in changes {
        assert_eq!(changed(&case, change), expected);
    }
}

#[test]
fn of_how_sales_are_taken_in_workers_are_told_what_is_changed() {
    let sales = |change: fn(&mut Sales)| {
        let mut case = Case::of("minimal");
        change(&mut case.pipeline.spec.sales);
        let children = case.build();
        let text = find(&children, "ConfigMap/stock-worker")["data"]["settings.yaml"].as_str().unwrap().to_owned();
        serde_yaml_ng::from_str::<serde_json::Value>(&text).unwrap()["sales"].clone()
    };
    assert!(sales(|_| ()).is_null(), "an older image may not know the setting");
    let tolerance = sales(|sales| sales.future_tolerance = HumanDuration::from_millis(7 * 86_400_000));
    assert_eq!(tolerance, serde_json::json!({ "futureTolerance": "7d" }));
    let window =
        sales(|sales| sales.deduplicate = Some(Deduplicate { within: HumanDuration::from_millis(86_400_000) }));
    assert_eq!(window, serde_json::json!({ "deduplicate": { "within": "1d" } }));
}

#[test]
fn what_only_the_operator_uses_replaces_no_pod() {
    let case = Case::of("minimal");
    let changes: [fn(&mut Case); 3] = [
        |case| case.pipeline.spec.kafka.topic_policy = TopicPolicy::Require,
        |case| case.pipeline.spec.kafka.topics.sales.partitions = Some(12),
        |case| case.pipeline.spec.kafka.topics.sales.replication_factor = Some(3),
    ];
    for change in changes {
        assert_eq!(changed(&case, change), ["ConfigMap/stock-worker.data.settings.yaml"]);
    }
}

#[test]
fn a_suspended_pipeline_keeps_everything_but_its_workers_pods() {
    let case = Case::of("production");
    let differs = changed(&case, |case| {
        case.pipeline.spec.suspend = true;
        case.decision.workers = Some(0);
    });
    assert_eq!(differs, ["ConfigMap/stock-worker.data.settings.yaml".to_owned(), format!("{WORKERS}.replicas")]);
}

#[test]
fn workers_that_may_not_start_are_neither_made_nor_removed() {
    let mut case = Case::of("minimal");
    case.decision.workers = None;
    assert!(names_of(&case.build()).iter().all(|name| name.ends_with("/stock-dashboard")));
    let kept = case.keeps();
    assert_eq!(kept.len(), kinds(true).len());
    assert!(kept.contains(&"Deployment/stock-worker".to_owned()), "{kept:?}");
}

#[test]
fn pods_that_lack_a_credential_do_not_replace_good_ones() {
    let mut case = Case::of("production");
    case.secrets.0.remove("kafka-login");
    assert!(!names_of(&case.build()).contains(&"Deployment/stock-worker".to_owned()));
    assert!(case.keeps().contains(&"ConfigMap/stock-worker".to_owned()));
    assert!(!case.keeps().contains(&"Deployment/stock-dashboard".to_owned()), "it mounts no such Secret");

    case.secrets.0.remove("mongo-reader");
    assert!(case.keeps().contains(&"Deployment/stock-dashboard".to_owned()));
    assert_eq!(names_of(&case.build()), Vec::<String>::new());

    case.decision.workers = Some(0);
    assert!(names_of(&case.build()).contains(&"Deployment/stock-worker".to_owned()), "to suspend is always possible");
}

#[test]
fn a_dashboard_that_would_show_another_database_stays_as_it_is() {
    let mut case = Case::of("production");
    case.decision.holds_dashboard = true;
    assert!(!names_of(&case.build()).iter().any(|name| name.ends_with("/stock-dashboard")));
    assert!(case.keeps().contains(&"Deployment/stock-dashboard".to_owned()));
}

#[test]
fn workers_know_by_variables_which_database_is_theirs_and_older_images_read_the_same_file() {
    let mut case = Case::of("minimal");
    case.pipeline.metadata.uid = Some("one".into());
    let of_worker = |case: &Case| {
        let children = case.build();
        let find =
            |name: &str| children.iter().find(|child| names_of(&[(*child).clone()]) == [name]).unwrap().object.clone();
        let file = find("ConfigMap/stock-worker")["data"]["settings.yaml"].to_string();
        (find("Deployment/stock-worker")["spec"]["template"]["spec"]["containers"][0]["env"].clone(), file)
    };
    let (variables, file) = of_worker(&case);
    let of_identity: Vec<_> = variables.as_array().unwrap().iter().filter(|v| is_of_identity(v)).collect();
    assert_eq!(of_identity, [&serde_json::json!({ "name": "STOCKSTREAM_PIPELINE_UID", "value": "one" })]);
    assert!(!file.contains("uid") && !file.contains("databaseId"), "{file}");
    let known = case.with(|wanted| {
        let mut validated = wanted.validated.clone();
        validated.worker.pipeline.database_id = Some("two".into());
        build(&Wanted { validated: &validated, ..*wanted })
    });
    let deployment = known.iter().find(|child| names_of(&[(*child).clone()]) == ["Deployment/stock-worker"]).unwrap();
    let text = deployment.object.to_string();
    assert!(text.contains(r#"{"name":"STOCKSTREAM_PIPELINE_DATABASE_ID","value":"two"}"#), "{text}");
}

fn is_of_identity(variable: &serde_json::Value) -> bool {
    variable["name"].as_str().unwrap().starts_with("STOCKSTREAM_PIPELINE_")
}

#[test]
fn a_dashboard_that_is_switched_off_leaves_nothing_behind() {
    let mut case = Case::of("production");
    case.decision.dashboard = None;
    assert!(names_of(&case.build()).iter().all(|name| name.ends_with("/stock-worker")));
    assert_eq!(case.keeps(), Vec::<String>::new());
}

#[test]
fn a_budget_is_made_for_a_dashboard_of_several_pods_only() {
    let mut case = Case::of("production");
    let budget = "PodDisruptionBudget/stock-dashboard".to_owned();
    assert!(names_of(&case.build()).contains(&budget));
    case.decision.dashboard = Some(1);
    assert!(!names_of(&case.build()).contains(&budget) && !case.keeps().contains(&budget));
}
