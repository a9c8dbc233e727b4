//! One worker, from an empty database to everything that the oracle says.

use std::path::Path;

use serde_json::json;

use crate::harness::{Process, TestEnv, compare, data_set, oracle, sample};

/// What is imported counts to the day of its own end.
fn history() -> serde_json::Value {
    json!({ "analytics": { "asOf": "LatestEvent" } })
}

async fn imported(env: &TestEnv, file: &Path) {
    let _worker: Process = env.worker();
    let expected = oracle::expected(file);
    let (code, said) = env.import(file).outcome().await;
    assert_eq!(code, oracle::exit_code(&expected), "{said}");
    let checkpoints = env.applied().await;
    compare::whole(env, &expected, &checkpoints).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_a_real_shop_is_what_the_oracle_says() {
    let Some(file) = data_set() else { return };
    let Some(env) = TestEnv::new(history()).await else { return };
    imported(&env, &file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_rows_are_what_the_oracle_says() {
    let file = sample("data/odd-rows.csv");
    let Some(env) = TestEnv::new(history()).await else { return };
    imported(&env, &file).await;
}
