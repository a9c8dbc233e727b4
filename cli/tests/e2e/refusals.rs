//! A database that answers with errors: waited out at work whatever they are, told loudly, and said by exit code where they
//! are wrong from the start.

use serde_json::json;
use stockstream_model::event::EventKind;
use stockstream_relay::{Answer, Relay};

use crate::harness::{
    Process, TestEnv, database_host,
    events::{sale, stock},
    eventually, holds, http,
};

/// A test environment, and a relay before its database.
async fn environment() -> Option<(TestEnv, Relay)> {
    let env = TestEnv::new(json!({})).await?;
    let relay = Relay::to(&database_host(&env)).await.unwrap();
    Some((env, relay))
}

fn start(env: &TestEnv, relay: &Relay) -> Process {
    env.start("worker", json!({ "mongodb": { "uri": relay.uri(env.setting("/mongodb/uri")) } }))
}

/// Sells one unit of the product by each of so many invoices.
async fn sell(env: &TestEnv, invoices: std::ops::Range<i32>) {
    for invoice in invoices {
        env.kafka.produce(EventKind::Sales, &sale(&invoice.to_string(), "2026-01-01", "a", 1, "2.00")).await;
    }
}

/// Waits until a worker tells of all of these, in its status and where readiness is asked for.
async fn tells(address: &str, words: &[&str]) {
    eventually("the worker tells what fails", async || {
        let status = http::json(address, "/status").await?;
        let problems = status["problems"].to_string();
        holds(words.iter().all(|word| problems.contains(word)), || problems)?;
        let (code, said) = http::get(address, "/readyz").await?;
        holds(code == 503, || format!("{code}: {said}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_nobody_knows_and_a_right_that_is_taken_away_are_waited_out_and_told() {
    let Some((env, relay)) = environment().await else { return };
    let mut worker = start(&env, &relay);
    let address = worker.ready().await;
    env.kafka.produce(EventKind::Inventory, &stock("a", "2026-01-01", 1)).await;
    sell(&env, 0..5).await;
    env.applied().await;
    relay.fail(u64::MAX, |request| request.is("update", "sales_daily"), Answer::code(365));
    relay.fail(u64::MAX, |request| request.is("update", "workers"), Answer::code(13).afterwards());
    sell(&env, 5..20).await;
    // The heartbeat works again meanwhile, or the views are published: that says nothing of what does not.
    tells(&address, &["365", "update sales_daily", "heartbeat", "readWrite"]).await;
    assert_eq!(http::get(&address, "/healthz").await.map(|answer| answer.0), Ok(200), "a restart would not help");
    relay.heal();
    let checkpoints = env.applied().await;
    assert_eq!(checkpoints.iter().map(|checkpoint| checkpoint.events).sum::<i64>(), 21);
    let snapshot = env.snapshot().await;
    assert_eq!((snapshot.products[0].units, snapshot.daily[0].1.units), (20, 20));
    worker.ready().await;
    eventually("nothing is told any more", async || {
        let status = http::json(&address, "/status").await?;
        holds(status["problems"] == json!([]), || status["problems"].to_string())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_waited_for_at_the_start_and_what_is_wrong_ends_with_a_sentence() {
    let Some((env, relay)) = environment().await else { return };
    for (code, words) in [(13, ["createIndexes", "readWrite"]), (59, ["code 59", "failed to make index"])] {
        relay.heal();
        let message = "not allowed to createIndexes";
        relay.fail(u64::MAX, |request| request.command() == "createIndexes", Answer::error(code, message));
        start(&env, &relay).refused(&words).await;
    }
    relay.heal();
    relay.fail(u64::MAX, |request| request.is("insert", "meta"), Answer::code(365));
    let mut worker = start(&env, &relay);
    worker.waits_for(&["365", "insert meta", relay.address()]).await;
    relay.heal();
    worker.ready().await;
    sell(&env, 0..3).await;
    env.applied().await;
}
