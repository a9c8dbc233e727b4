//! One worker, from an empty database to everything that the oracle says.

use std::path::Path;

use serde_json::json;

use crate::harness::{Bed, Process, compare, data_set, oracle, sample};

/// What is imported counts to the day of its own end.
fn history() -> serde_json::Value {
    json!({ "analytics": { "asOf": "LatestEvent" } })
}

async fn imported(bed: &Bed, file: &Path) {
    let _worker: Process = bed.worker();
    let expected = oracle::expected(file);
    let (code, said) = bed.import(file).outcome().await;
    assert_eq!(code, oracle::exit_code(&expected), "{said}");
    let checkpoints = bed.applied().await;
    compare::whole(bed, &expected, &checkpoints).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_a_real_shop_is_what_the_oracle_says() {
    let Some(file) = data_set() else { return };
    let Some(bed) = Bed::new(history()).await else { return };
    imported(&bed, &file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_rows_are_what_the_oracle_says() {
    let file = sample("data/odd-rows.csv");
    let Some(bed) = Bed::new(history()).await else { return };
    imported(&bed, &file).await;
}
