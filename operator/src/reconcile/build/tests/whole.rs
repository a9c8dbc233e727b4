use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
    },
    serde::{Serialize, de::DeserializeOwned},
};

use super::*;

fn through<T: DeserializeOwned + Serialize>(object: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(object.clone()).unwrap()).unwrap()
}

#[test]
fn every_object_is_one_that_kubernetes_knows_to_the_last_field() {
    for Child { kind, object } in Case::all().iter().flat_map(Case::build) {
        let known = match kind.kind.as_str() {
            "Deployment" => through::<Deployment>(&object),
            "ConfigMap" => through::<ConfigMap>(&object),
            "Service" => through::<Service>(&object),
            "ServiceAccount" => through::<ServiceAccount>(&object),
            "NetworkPolicy" => through::<NetworkPolicy>(&object),
            "PodDisruptionBudget" => through::<PodDisruptionBudget>(&object),
            "PodMonitor" => object.clone(), // not Kubernetes' own
            other => panic!("{other}"),
        };
        assert_eq!(known, object);
    }
}

#[test]
fn every_object_is_of_a_watched_kind_labelled_and_owned_by_the_pipeline() {
    for case in Case::all() {
        for Child { kind, object } in case.build() {
            assert!(kinds(case.has_pod_monitor).contains(&kind));
            assert_eq!((&object["apiVersion"], &object["kind"]), (&kind.api_version.into(), &kind.kind.into()));
            let metadata = &object["metadata"];
            assert_eq!(metadata["namespace"], "shop");
            assert_eq!(metadata["labels"]["app.kubernetes.io/managed-by"], "stockstream-operator");
            let owner = &metadata["ownerReferences"][0];
            assert_eq!((&owner["kind"], &owner["name"]), (&"AnalyticsPipeline".into(), &"stock".into()));
            assert_eq!(owner["uid"], case.pipeline.uid().unwrap());
            assert!(owner["controller"] == true && owner["blockOwnerDeletion"] == true);
        }
    }
    let mut case = Case::of("minimal");
    case.has_pod_monitor = false;
    assert!(!names_of(&case.build()).iter().any(|name| name.starts_with("PodMonitor/")));
    assert!(!kinds(false).iter().any(|kind| kind.kind == "PodMonitor"));
}

#[test]
fn no_object_holds_what_a_secret_holds() {
    for case in Case::all() {
        let text: String = case.build().iter().map(|child| child.object.to_string()).collect();
        let lines = case.secrets.0.values().flat_map(|keys| keys.values()).flat_map(|content| {
            String::from_utf8(content.clone()).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
        });
        let mut looked_for = 0;
        for line in lines {
            assert!(!text.contains(&line), "{line}");
            looked_for += 1;
        }
        assert!(looked_for > 0 && text.contains("credentials"));
    }
}

#[test]
fn names_and_labels_fit_for_the_longest_name_of_a_pipeline() {
    let mut case = Case::of("production");
    case.pipeline.metadata.name = Some("a".repeat(40));
    for Child { object, .. } in case.build() {
        let metadata = &object["metadata"];
        assert!(metadata["name"].as_str().unwrap().len() <= 63);
        let pods = &object["spec"]["template"]["metadata"]["labels"];
        for labels in [&metadata["labels"], pods].into_iter().filter_map(Value::as_object) {
            assert!(labels.values().all(|value| value.as_str().unwrap().len() <= 63), "{labels:?}");
        }
    }
}
