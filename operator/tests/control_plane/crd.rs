//! The definition of the resource, in the API server's eyes.

use kube::{
    Api,
    api::{DeleteParams, PostParams},
    core::{ApiResource, DynamicObject},
};
use serde_json::Value;
use stockstream_operator::resource::AnalyticsPipeline;

use crate::{harness::TestNamespace, validation_cases};

fn pipelines(place: &TestNamespace) -> Api<DynamicObject> {
    Api::namespaced_with(place.admin(), &place.namespace, &ApiResource::erase::<AnalyticsPipeline>(&()))
}

fn object(pipeline: &Value) -> DynamicObject {
    serde_json::from_value(pipeline.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_that_can_be_said_is_accepted_and_what_cannot_be_used_is_refused_with_its_sentence() {
    let Some(place) = TestNamespace::find().await else { return };
    let created = pipelines(&place).create(&PostParams::default(), &object(&validation_cases::least())).await.unwrap();
    assert_eq!(created.data["spec"]["kafka"]["topics"]["sales"]["name"], "topic-raw-sales", "defaults are filled in");
    assert_eq!(created.data["spec"]["dashboard"]["enabled"], true);
    pipelines(&place).delete("stock", &DeleteParams::default()).await.unwrap();
    let unreadable = validation_cases::unreadable()
        .into_iter()
        .map(|(path, value, words)| (validation_cases::with(path, value), words));
    for (pipeline, words) in validation_cases::refused().into_iter().chain(unreadable) {
        let refused = pipelines(&place).create(&PostParams::default(), &object(&pipeline)).await;
        let said = refused.expect_err(&format!("{words}: accepted: {pipeline}")).to_string();
        assert!(said.contains(words), "{pipeline}: {said:?}");
    }
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_and_group_change_only_while_suspended() {
    let Some(place) = TestNamespace::find().await else { return };
    place.pipeline("stock", |_| {}).await;
    for (path, value, words) in validation_cases::fixed_while_running() {
        let replace = async |pipeline: Value| {
            let standing = pipelines(&place).get("stock").await.unwrap();
            let mut pipeline = object(&pipeline);
            pipeline.metadata.resource_version = standing.metadata.resource_version;
            pipelines(&place).replace("stock", &PostParams::default(), &pipeline).await.map(drop)
        };
        let running = validation_cases::with(path, value.clone());
        let said = replace(running.clone()).await.expect_err(path).to_string();
        assert!(said.contains(words) && said.contains("suspend"), "{path}: {said:?}");
        let suspended = validation_cases::with("/spec/suspend", Value::Bool(true));
        replace(suspended.clone()).await.unwrap();
        replace(validation_cases::put(suspended.clone(), path, value)).await.unwrap();
        replace(suspended).await.unwrap();
        replace(validation_cases::least()).await.unwrap();
    }
    place.leave().await;
}
