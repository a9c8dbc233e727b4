//! Events that break their schema are kept with reason and path, and touch nothing else.

use serde_json::json;
use stockstream_model::event::EventKind;
use stockstream_store::ViewStore;

use crate::harness::{
    TestEnv,
    events::{sale, stock},
    eventually, holds,
    kafka::Event,
};

const TOO_LONG: usize = 1 << 10;

/// Payload, reason, path. What is not text is a tombstone.
type Bad = (Option<Vec<u8>>, &'static str, &'static str);

fn text(payload: &str, reason: &'static str, path: &'static str) -> Bad {
    (Some(payload.as_bytes().to_vec()), reason, path)
}

/// What no topic takes.
fn anywhere() -> Vec<Bad> {
    vec![
        (None, "empty", ""),
        (Some(Vec::new()), "empty", ""),
        (Some(b"\xff\xfe{}".to_vec()), "not_json", ""),
        text("{", "not_json", ""),
        text("hello", "not_json", ""),
        text("[]", "wrong_type", ""),
        text("null", "wrong_type", ""),
        text("{}", "missing_field", ""),
    ]
}

fn bad(stream: EventKind) -> Vec<Bad> {
    let line = r#"{"product_id":"a","quantity":1,"unit_price":1}"#;
    let of = |items: &str| format!(r#"{{"invoice_id":"1","timestamp":"2026-01-01","items":[{items}]}}"#);
    let long = "a".repeat(TOO_LONG);
    match stream {
        EventKind::Sales => vec![
            text(&of(""), "bad_value", "items"),
            text(&of(&[line; 10_001].join(",")), "bad_value", "items"),
            text(&of(&format!("{line},{}", line.replace(":1,", ":0,"))), "bad_value", "items[1].quantity"),
            text(&of(&line.replace(":1,", ":1.5,")), "wrong_type", "items[0].quantity"),
            text(&of(&line.replace(":1,", ":2000000000,")), "bad_value", "items[0].quantity"),
            text(&of(&line.replace(":1}", ":-1}")), "bad_value", "items[0].unit_price"),
            text(&of(&line.replace(":1}", r#":"ten"}"#)), "bad_value", "items[0].unit_price"),
            text(&of(&line.replace(r#","unit_price":1"#, "")), "missing_field", "total_amount"),
            text(&of(&line.replace(r#""a""#, &format!(r#""{long}""#))), "bad_value", "items[0].product_id"),
            text(&of(line).replace("2026-01-01", "2026-02-30"), "bad_value", "timestamp"),
            text(&of(line).replace(r#""2026-01-01""#, "20260101"), "wrong_type", "timestamp"),
            text(&of(line).replace("2026-01-01", "9206-01-01"), "future", "timestamp"),
            text(&of(line).replace(r#""1""#, "true"), "wrong_type", "invoice_id"),
        ],
        EventKind::Inventory => vec![
            text(r#"{"product_id":"a"}"#, "missing_field", ""),
            text(r#"{"product_id":"a","quantity":"many"}"#, "wrong_type", "quantity"),
            text(r#"{"product_id":"a","quantity":1,"buy_price":-1}"#, "bad_value", "buy_price"),
            text(r#"{"product_id":"a","quantity":1,"sell_price":[]}"#, "wrong_type", "sell_price"),
            text(r#"{"product_id":"a","quantity":1,"expiry_date":"soon"}"#, "bad_value", "expiry_date"),
            text(r#"{"product_id":"a","quantity":1,"name":7}"#, "wrong_type", "name"),
            text(r#"{"product_id":"a","quantity":1,"last_movement":"2206-01-01"}"#, "future", "last_movement"),
            text(r#"{"product_id":"a","quantity":1,"created_at":"2206-01-01"}"#, "future", "created_at"),
            text(r#"{"product_id":"a","quantity":1,"updated_at":"2206-01-01"}"#, "future", "updated_at"),
        ],
        EventKind::Clients => vec![
            text(r#"{"name":"x"}"#, "missing_field", ""),
            text(r#"{"client_id":""}"#, "bad_value", "client_id"),
            text(r#"{"client_id":"c1","loyalty_tier":"Platinum"}"#, "bad_value", "loyalty_tier"),
            text(r#"{"client_id":"c1","total_revenue_generated":{}}"#, "wrong_type", "total_revenue_generated"),
            text(r#"{"client_id":"c1","updated_at":"yesterday"}"#, "bad_value", "updated_at"),
            text(r#"{"client_id":"c1","updated_at":"2206-01-01"}"#, "future", "updated_at"),
        ],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_bad_event_is_kept_with_its_reason_and_touches_nothing_else() {
    let Some(env) = TestEnv::new(json!({ "analytics": { "asOf": "2026-02-01" } })).await else { return };
    let _worker = env.worker();
    env.kafka.produce(EventKind::Inventory, &stock("a", "2025-12-01", 9)).await;
    env.kafka.produce(EventKind::Sales, &sale("1", "2025-12-31", "a", 10, "3.00")).await;
    env.kafka.produce(EventKind::Clients, &json!({ "client_id": "c1", "name": "one" })).await;
    env.applied().await;
    eventually("the views are published", async || {
        let status = env.store.status().await.unwrap();
        holds((status.winners, status.risks) == (1, 1), || format!("{status:?}"))
    })
    .await;
    let said_otherwise = ["rejected_events", "positions", "views", "workers"];
    let before = env.database.everything_but(&said_otherwise).await;

    let mut wanted = Vec::new();
    for stream in EventKind::ALL {
        for (payload, reason, path) in anywhere().into_iter().chain(bad(stream)) {
            let event = Event { payload: payload.as_deref(), ..Event::default() };
            let (partition, offset) = env.kafka.send(stream, &event).await;
            let topic = env.setting(&format!("/kafka/topics/{stream}/name"));
            let id = format!("{topic}/0/{partition}/{offset}");
            wanted.push((id, reason.to_owned(), path.to_owned(), payload.unwrap_or_default()));
        }
    }
    let checkpoints = env.applied().await;
    let rejected = env.database.documents("rejected_events").await;
    let mut found: Vec<_> = rejected
        .iter()
        .map(|event| {
            let text = |field| event.get_str(field).unwrap().to_owned();
            assert!(!text("message").is_empty(), "{event}");
            (text("_id"), text("reason"), text("path"), event.get_binary_generic("payload").unwrap().clone())
        })
        .collect();
    wanted.sort();
    found.sort();
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(&wanted) {
        assert_eq!(found, wanted, "{}", String::from_utf8_lossy(&wanted.3[..wanted.3.len().min(200)]));
    }
    assert_eq!(checkpoints.iter().map(|checkpoint| checkpoint.rejected).sum::<i64>(), wanted.len() as i64);
    assert_eq!(env.database.everything_but(&said_otherwise).await, before);
}
