use super::*;

/// All objects as one YAML stream.
fn stream(case: &Case) -> String {
    case.build().iter().map(|child| format!("---\n{}", serde_yaml_ng::to_string(&child.object).unwrap())).collect()
}

#[test]
fn the_whole_of_the_least_pipeline() {
    insta::assert_snapshot!(stream(&Case { has_pod_monitor: false, ..Case::of("minimal") }));
}

#[test]
fn the_whole_of_a_pipeline_for_production() {
    insta::assert_snapshot!(stream(&Case::of("production")));
}

#[test]
fn the_whole_of_a_pipeline_with_a_provider() {
    insta::assert_snapshot!(stream(&Case { has_pod_monitor: false, ..Case::of("oidc") }));
}

#[test]
fn the_whole_of_a_pipeline_with_forms() {
    insta::assert_snapshot!(stream(&Case { has_pod_monitor: false, ..Case::of("forms") }));
}

#[test]
fn the_whole_of_a_suspended_pipeline() {
    let mut case = Case { has_pod_monitor: false, ..Case::of("minimal") };
    case.pipeline.spec.suspend = true;
    case.decision.workers = Some(0);
    insta::assert_snapshot!(stream(&case));
}

#[test]
fn the_whole_of_a_pipeline_without_a_dashboard() {
    let mut case = Case { has_pod_monitor: false, ..Case::of("minimal") };
    case.pipeline.spec.dashboard.enabled = false;
    case.decision.dashboard = None;
    insta::assert_snapshot!(stream(&case));
}
