//! A partition that does not move while its log grows is a problem that names the cause, and none once that is gone. (What
//! is broken in a log, and leaders that are away: the worker's own tests.)

use serde_json::json;
use stockstream_model::event::EventKind;

use crate::harness::{
    TestEnv, database_host,
    events::{sale, stock},
    eventually, holds, http,
    relay::Relay,
    secured::{Login, Secured},
};

async fn sell(env: &TestEnv, invoice: &str) {
    env.kafka.produce(EventKind::Sales, &sale(invoice, "2026-01-01", "a", 1, "2.00")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_taken_away_is_named_with_the_command_that_gives_it_back() {
    let (Some(secured), Some(env)) = (Secured::new(), TestEnv::new(json!({})).await) else { return };
    let login = Login::new(&env);
    login.at_the_broker("Word-1");
    login.in_the_file("Word-1");
    login.allow("Read", true);
    let mut worker = env.start("worker", login.settings(&secured));
    worker.ready().await;
    sell(&env, "1").await;
    env.applied().await;
    // What is left may be described, not read.
    login.allow("Describe", false);
    login.forbid("Read");
    let (address, mut sold) = (worker.ready().await, 1);
    // What is read until the broker has learnt of it counts.
    eventually("what is sold is not read any more", async || {
        sold += 1;
        sell(&env, &sold.to_string()).await;
        let problems = http::json(&address, "/status").await?["problems"].to_string();
        holds(problems.contains("does not let this user read"), || problems.clone())
    })
    .await;
    let topic = env.setting("/kafka/topics/sales/name");
    let grant = format!("--operation Read --topic {topic}");
    worker.is_stalled(&["does not move", "does not let this user read topic", topic, &grant]).await;
    login.allow("Read", false);
    worker.moves_again().await;
    env.applied().await;
    assert_eq!(env.snapshot().await.products[0].units, sold);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_answer_is_named_with_the_partition_that_waits_for_it() {
    let Some(env) = TestEnv::new(json!({})).await else { return };
    let relay = Relay::to(&database_host(&env), true).await;
    let uri = env.setting("/mongodb/uri").replace(&database_host(&env), &relay.address);
    let mut worker = env.start("worker", json!({ "mongodb": { "uri": uri } }));
    let address = worker.ready().await;
    env.kafka.produce(EventKind::Inventory, &stock("a", "2026-01-01", 1)).await;
    env.applied().await;
    relay.set_open(false);
    sell(&env, "1").await;
    eventually("the partition is named", async || {
        let said = http::json(&address, "/status").await?["problems"].to_string();
        let words = ["does not move: a flush to the database is under way since", "failed to reach MongoDB"];
        holds(said.contains("sales/") && words.iter().all(|word| said.contains(word)), || said.clone())?;
        let (status, said) = http::get(&address, "/readyz?progress").await?;
        holds(status == 503 && said.contains("does not move"), || format!("{status}: {said}"))
    })
    .await;
    relay.set_open(true);
    worker.moves_again().await;
    env.applied().await;
    assert_eq!(env.snapshot().await.products[0].units, 1);
}
