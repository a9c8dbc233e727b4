//! Sums that go beyond what is counted.

use std::iter::{once, repeat_n};

use serde_json::{Value, json};

use crate::{
    chaos::{
        expected_state::ExpectedState,
        feed::{Feed, Item},
        load_generator::LoadGenerator,
    },
    harness::{EventKind, TestEnv, compare, events::sale, eventually, holds, http},
};

/// So many of the greatest sales bring a sum to its limit.
const ENOUGH: usize = 40_000;

fn item(event: &Value) -> Item {
    Item { stream: EventKind::Sales, payload: event.to_string().into(), refused: false }
}

/// A sale to somebody else, of something else, on another day.
fn other(number: usize) -> Item {
    let mut event = sale(&format!("o{number}"), "2026-01-02", "tea", 2, "1.50");
    event["client_id"] = "bob".into();
    item(&event)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sum_that_goes_beyond_its_limit_stays_there_is_named_and_stops_nothing_else() {
    let Some(env) = TestEnv::new(json!({ "analytics": { "asOf": "LatestEvent" } })).await else { return };
    let mut worker = env.worker();
    let address = worker.ready().await;
    let (mut load, mut expected) =
        (LoadGenerator::new(&env, Feed::new(1, None, (1, 1), false), 1), ExpectedState::new());
    let great = item(&sale("g", "2026-01-01", "gold", 1_000_000_000, "10"));
    let too_great = item(&sale("t", "2026-01-01", "gold", 1_000_000_000, "10.01"));
    let back = item(&sale("r", "2026-01-01", "gold", -1_000_000_000, "10"));
    let steps: [Vec<Item>; 3] = [
        repeat_n(great.clone(), ENOUGH - 1).chain([other(0), too_great]).collect(),
        once(great).chain([other(1)]).collect(),
        once(back).chain([other(2)]).collect(),
    ];
    for (step, items) in steps.into_iter().enumerate() {
        load.extra.lock().unwrap().extend(items);
        load.produce(0).await;
        expected.tell(load.fresh.drain(..), 0);
        env.applied().await;
        let (expected, snapshot) = (expected.answer(), env.snapshot().await);
        compare::totals(&expected, &snapshot).unwrap();
        let revenue = expected["clients"]["c1"]["revenue"].as_str().unwrap();
        assert_eq!(revenue == "400000000000000.0000", step > 0, "{revenue}");
        assert_eq!((&expected["rejected"], snapshot.rejected.len()), (&json!(1), 1), "one sale is beyond its bound");
        let bob = snapshot.clients.iter().find(|client| client.client_id == "bob").unwrap();
        assert_eq!(bob.revenue.to_string(), (3 * (step + 1)).to_string());
    }
    eventually("each sum at its limit is named with its key", async || {
        let problems = http::json(&address, "/status").await?["problems"].to_string();
        let named = ["of product \\\"gold\\\"", "revenue of client \\\"c1\\\"", "revenue of day \\\"2026-01-01\\\""];
        holds(named.iter().all(|name| problems.contains(name)) && !problems.contains("bob"), || problems)
    })
    .await;
    for path in ["/readyz", "/readyz?progress"] {
        assert_eq!(http::get(&address, path).await.map(|answer| answer.0), Ok(200), "{path}: it stops nothing");
    }
    let told = worker.said().iter().filter(|line| line.contains("revenue of client \\\"c1\\\"")).count();
    assert_eq!(told, 1, "the log says it once");
}
