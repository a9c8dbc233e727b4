use std::{collections::BTreeSet, path::Path};

use serde_json::json;
use stockstream_model::settings::Settings;

use super::*;

const DEPLOYMENTS: [&str; 2] = ["stock-worker", "stock-dashboard"];

#[test]
fn every_pod_is_restricted() {
    for case in Case::all() {
        let children = case.build();
        for name in DEPLOYMENTS {
            let pod = pod_spec(&children, name);
            let security = &pod["securityContext"];
            assert_eq!(security["runAsNonRoot"], true);
            assert_eq!(security["seccompProfile"], json!({ "type": "RuntimeDefault" }));
            assert_eq!((&security["runAsUser"], &security["fsGroup"]), (&json!(65_532), &json!(65_532)));
            assert_eq!(pod["automountServiceAccountToken"], false);
            for field in ["hostNetwork", "hostPID", "hostIPC", "initContainers", "hostUsers"] {
                assert!(pod.get(field).is_none(), "{field}");
            }
            for container in pod["containers"].as_array().unwrap() {
                let expected = json!({
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] },
                });
                assert_eq!(container["securityContext"], expected);
                assert!(container["ports"].as_array().unwrap().iter().all(|port| port.get("hostPort").is_none()));
            }
            for volume in pod["volumes"].as_array().unwrap() {
                let kinds: BTreeSet<&str> = volume.as_object().unwrap().keys().map(String::as_str).collect();
                assert!(kinds.contains("projected") || kinds.contains("emptyDir"), "{volume}");
            }
        }
    }
}

/// The files that a settings file names.
fn named(settings: &Value, found: &mut BTreeSet<String>) {
    match settings {
        Value::Object(fields) => fields.values().for_each(|value| named(value, found)),
        Value::String(text) if text.starts_with('/') => drop(found.insert(text.clone())),
        _ => {}
    }
}

/// The files that a pod has of Secrets.
fn mounted(pod: &Value) -> BTreeSet<String> {
    let mount = &pod["containers"][0]["volumeMounts"][0];
    assert_eq!((&mount["name"], &mount["readOnly"]), (&pod["volumes"][0]["name"], &json!(true)));
    let folder = mount["mountPath"].as_str().unwrap();
    let sources = pod["volumes"][0]["projected"]["sources"].as_array().unwrap();
    let items = sources.iter().flat_map(|source| source["secret"]["items"].as_array().into_iter().flatten());
    items.map(|item| Path::new(folder).join(item["path"].as_str().unwrap()).display().to_string()).collect()
}

#[test]
fn pods_mount_exactly_the_files_that_their_settings_and_flags_name() {
    for case in Case::all() {
        let children = case.build();
        for name in DEPLOYMENTS {
            let text = find(&children, &format!("ConfigMap/{name}"))["data"]["settings.yaml"].as_str().unwrap();
            let mut files = BTreeSet::new();
            named(&serde_yaml_ng::from_str(text).unwrap(), &mut files);
            let pod = pod_spec(&children, name);
            let flags = pod["containers"][0]["args"].as_array().unwrap().iter().filter_map(Value::as_str);
            files.extend(flags.filter_map(|flag| flag.split_once("-file=")).map(|(_, file)| file.to_owned()));
            assert!(!files.is_empty());
            assert_eq!(mounted(pod), files, "{name}");
        }
    }
}

#[test]
fn the_settings_file_is_where_the_arguments_say_and_reads_back_as_it_was_meant() {
    for case in Case::all() {
        let children = case.build();
        case.with(|wanted| {
            for (name, meant) in DEPLOYMENTS.into_iter().zip([&wanted.validated.worker, &wanted.validated.dashboard]) {
                let pod = pod_spec(&children, name);
                let source = &pod["volumes"][0]["projected"]["sources"][0]["configMap"];
                assert_eq!(
                    *source,
                    json!({ "name": name, "items": [{ "key": "settings.yaml", "path": "settings.yaml" }] })
                );
                assert_eq!(pod["containers"][0]["args"][2], "/etc/stockstream/settings.yaml");
                let text = find(&children, &format!("ConfigMap/{name}"))["data"]["settings.yaml"].as_str().unwrap();
                let variable = |name: &str| {
                    let variables = pod["containers"][0]["env"].as_array().into_iter().flatten();
                    let mut found = variables.filter(|variable| variable["name"] == name);
                    Some(found.next()?["value"].as_str()?.to_owned())
                };
                assert_eq!(Settings::load(Some(text), variable).unwrap(), *meant, "{text}");
            }
        });
    }
}

#[test]
fn the_dashboard_answers_to_its_service_and_to_the_names_that_it_was_given() {
    let children = Case::of("production").build();
    let args = pod_spec(&children, "stock-dashboard")["containers"][0]["args"].as_array().unwrap();
    let hosts: Vec<&str> = args.iter().filter_map(|arg| arg.as_str()?.strip_prefix("--allow-host=")).collect();
    let expected = [
        "stock-dashboard",
        "stock-dashboard.shop",
        "stock-dashboard.shop.svc",
        "stock-dashboard.shop.svc.cluster.local",
        "stock.example.com",
    ];
    assert_eq!(hosts, expected);
}

#[test]
fn what_the_resource_says_of_pods_is_laid_under_the_operators_own() {
    let mut case = Case::of("production");
    let template = &mut case.pipeline.spec.workers.pod_template;
    template.labels = [("app.kubernetes.io/component", "mine"), ("team", "stock")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    template.annotations.insert("stockstream.dev/secrets-checksum".into(), "mine".into());
    let children = case.build();
    let metadata = &find(&children, "Deployment/stock-worker")["spec"]["template"]["metadata"];
    assert_eq!(
        (&metadata["labels"]["app.kubernetes.io/component"], &metadata["labels"]["team"]),
        (&json!("worker"), &json!("stock"))
    );
    assert_ne!(metadata["annotations"]["stockstream.dev/secrets-checksum"], "mine");
    assert_eq!(metadata["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"], "true");
    let pod = pod_spec(&children, "stock-worker");
    assert_eq!(
        (&pod["nodeSelector"]["workload"], &pod["priorityClassName"]),
        (&json!("analytics"), &json!("analytics"))
    );
    assert_eq!(pod["tolerations"][0]["key"], "workload");
}

#[test]
fn the_image_is_the_resources_or_else_the_operators() {
    let mut case = Case::of("minimal");
    let image = |case: &Case| pod_spec(&case.build(), "stock-worker")["containers"][0]["image"].clone();
    assert_eq!(image(&case), IMAGE);
    case.pipeline.spec.image = Some("stockstream:other".into());
    assert_eq!(image(&case), "stockstream:other");
}

#[test]
fn pods_listen_at_all_addresses_of_both_families() {
    for case in Case::all() {
        let children = case.build();
        for (name, port) in [("stock-worker", 8081), ("stock-dashboard", 8080)] {
            let container = &pod_spec(&children, name)["containers"][0];
            let args: Vec<&str> = container["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let at = args.iter().position(|arg| *arg == "--listen").unwrap();
            assert_eq!(args[at + 1], format!("[::]:{port}"));
            assert!(container["readinessProbe"]["httpGet"].get("host").is_none(), "the kubelet asks the pod's address");
        }
    }
}

#[test]
fn where_the_platform_assigns_a_user_pods_ask_for_none() {
    for case in Case::all() {
        let children = Case { pods: PodDefaults { user: PodUser::Platform, ..case.pods.clone() }, ..case }.build();
        for name in DEPLOYMENTS {
            let expected = json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } });
            assert_eq!(pod_spec(&children, name)["securityContext"], expected);
        }
    }
}

#[test]
fn images_are_pulled_with_the_resources_secrets_or_else_the_operators() {
    let mut case = Case::of("minimal");
    let secrets = |case: &Case| DEPLOYMENTS.map(|name| pod_spec(&case.build(), name).get("imagePullSecrets").cloned());
    assert_eq!(secrets(&case), [None, None]);
    case.pods.image_pull_secrets = vec!["registry".into(), "mirror".into()];
    let ours = Some(json!([{ "name": "registry" }, { "name": "mirror" }]));
    assert_eq!(secrets(&case), [ours.clone(), ours.clone()]);
    let own = crate::resource::SecretRef { name: "own".into() };
    case.pipeline.spec.workers.pod_template.image_pull_secrets.push(own);
    assert_eq!(secrets(&case), [Some(json!([{ "name": "own" }])), ours]);
}
