//! Three workers that come and go while the real data is imported; what comes out is what one would have made.

use std::path::Path;

use serde_json::json;
use stockstream_model::{documents::Checkpoint, event::EventKind};
use stockstream_store::StateStore;

use crate::harness::{Process, SeededRng, TestEnv, compare, data_set, eventually, oracle, process::claims};

const WORKERS: usize = 3;
const SEED: u64 = 20_101_201;

/// Small batches in small commands, one after the other: many flushes, long ones, and so most crashes inside one.
async fn env(batch_keys: u32) -> Option<TestEnv> {
    let env = TestEnv::without_topics(json!({
        "analytics": { "asOf": "LatestEvent" },
        "limits": { "batchKeys": batch_keys, "updatesPerCommand": 100, "writeConnections": 1 },
    }))
    .await?;
    for (stream, partitions) in [(EventKind::Sales, 6), (EventKind::Inventory, 3), (EventKind::Clients, 1)] {
        env.kafka.create(stream, partitions, &[]).await;
    }
    Some(env)
}

fn events(checkpoints: &[Checkpoint]) -> u64 {
    checkpoints.iter().map(|checkpoint| checkpoint.events as u64).sum()
}

/// Waits until a worker of ours has claimed a range, so many events on. Its place; none when all is applied.
async fn in_a_flush(env: &TestEnv, workers: &[Process], from: u64, all: u64) -> Option<(usize, u64)> {
    eventually("a worker is in a flush", async || {
        let checkpoints = env.store.checkpoints().await.unwrap();
        let applied = events(&checkpoints);
        if applied == all {
            return Ok(None);
        }
        let claimed = checkpoints.iter().filter(|checkpoint| checkpoint.pending.is_some());
        let place =
            claimed.filter_map(|checkpoint| workers.iter().position(|worker| claims(worker.id(), checkpoint))).next();
        let reached = place.filter(|_| applied >= from.min(all - 1));
        reached.map(|place| Some((place, applied))).ok_or_else(|| format!("{applied} of {all}: {checkpoints:?}"))
    })
    .await
}

async fn claimed_by(env: &TestEnv, worker: &Process) -> usize {
    let checkpoints = env.store.checkpoints().await.unwrap();
    checkpoints.iter().filter(|checkpoint| claims(worker.id(), checkpoint)).count()
}

async fn end(env: &TestEnv, file: &Path, import: Process) {
    let (code, said) = import.outcome().await;
    let expected = oracle::expected(file);
    assert_eq!(code, oracle::exit_code(&expected), "{said}");
    let checkpoints = env.applied().await;
    compare::whole(env, &expected, &checkpoints).await;
}

fn produced(expected: &serde_json::Value) -> u64 {
    let sales = expected["accepted"].as_u64().unwrap() + expected["rejected"].as_u64().unwrap();
    sales + expected["products"].as_object().unwrap().len() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_killed_inside_flushes_leave_no_trace() {
    let Some(file) = data_set() else { return };
    let Some(env) = env(2_000).await else { return };
    let all = produced(&oracle::expected(&file));
    let mut rng = SeededRng::new(SEED);
    let mut workers: Vec<Process> = (0..WORKERS).map(|_| env.worker()).collect();
    let import = env.import(&file);
    let (mut kills, mut interrupted, mut from) = (0, 0, 1);
    while let Some((place, applied)) = in_a_flush(&env, &workers, from, all).await {
        workers[place].kill();
        kills += 1;
        interrupted += usize::from(claimed_by(&env, &workers[place]).await > 0);
        workers[place] = env.worker();
        from = applied + rng.between(all / 12, all / 5); // a file may hold a month, or years
    }
    assert!(
        kills >= 4 && interrupted >= 2,
        "{kills} kills, {interrupted} of them inside a flush: too few to mean much"
    );
    end(&env, &file, import).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_leaves_no_claim_and_no_trace() {
    let Some(file) = data_set() else { return };
    // An orderly end waits 20 s for the flush under way; on a busy machine a large one would take longer.
    let Some(env) = env(800).await else { return };
    let mut workers: Vec<Process> = (0..WORKERS).map(|_| env.worker()).collect();
    let import = env.import(&file);
    let all = produced(&oracle::expected(&file));
    let mut from = 1;
    for place in 0..WORKERS {
        let Some((_, applied)) = in_a_flush(&env, &workers, from, all).await else { break };
        workers[place].signal("TERM");
        let status = workers[place].ended().await;
        assert_eq!(status.code(), Some(0), "{:?}", workers[place].said());
        assert_eq!(claimed_by(&env, &workers[place]).await, 0, "whoever ends in order finishes what it claimed");
        workers[place] = env.worker();
        workers[place].ready().await;
        from = applied + all / 10;
    }
    end(&env, &file, import).await;
}
