//! The memory limit of the process bounds a batch.

use std::path::PathBuf;

use stockstream_store::{StateStore, inspect::Inspect};
use stockstream_worker::MemoryLimit;

use crate::{batch::Batch, test_env::TestEnv};

/// So many sales in each of two partitions.
const SALES: usize = 110;
/// Each of so many products.
const PRODUCTS: usize = 1_000;
/// A batch of all of them would take several times the share of a batch under this limit.
const LIMIT: u64 = 64 << 20;

/// By time a batch would be flushed only after a minute, and by the settings it would hold everything. With one thread to fold, what
/// is read and not folded yet is a fifth of it at most.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_flushed_when_it_takes_its_share_of_the_memory_limit() {
    let limit = MemoryLimit { bytes: LIMIT, file: PathBuf::from("memory.max") };
    let env =
        TestEnv::with("{kafka: {startFrom: earliest}, limits: {flushEvery: 60s, foldingThreads: 1}}", Some(limit))
            .await;
    let memory = env.status().await["memory"].clone();
    assert_eq!((memory["limit_bytes"].as_u64(), memory["batch_bytes"].as_u64()), (Some(LIMIT), Some(8 << 20)));
    for partition in 0..2 {
        let first = partition as usize * SALES;
        let sale = |n: usize| Batch::of_new_products(n * PRODUCTS..(n + 1) * PRODUCTS);
        env.produce(partition, &(first..first + SALES).map(sale).collect::<Vec<_>>()).await;
    }
    env.eventually("three batches are flushed", async || {
        let metrics = env.get("/metrics").await.1;
        let count = metrics.lines().find_map(|line| line.strip_prefix("stockstream_batch_keys_count "));
        let count = count.and_then(|count| count.parse::<usize>().ok());
        if count >= Some(3) { Ok(()) } else { Err(format!("{count:?}")) }
    })
    .await;
    let store = env.end().await;
    let applied: i64 = store.checkpoints().await.unwrap().iter().map(|checkpoint| checkpoint.next).sum();
    assert_eq!(store.snapshot().await.unwrap().products.len(), applied as usize * PRODUCTS);
}
