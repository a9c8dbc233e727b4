//! What the estimate of a batch's memory says is never less than what an allocator hands out for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

use stockstream_model::{
    Timestamp,
    documents::{FoldRules, PartitionId},
    event::EventKind,
};
use stockstream_protocol::positions::Counters;
use stockstream_store::Changes;
use stockstream_worker::core::{
    fold::{DeferredSale, Folder, Record},
    memory,
};

/// How maps grow: they double when they hold seven eighths of a power of two, and one more is when they take most for each key.
const SIZES: [usize; 3] = [100, 40_000, 7 * (1 << 13) + 1];

fn fold(stream: EventKind, is_held: bool, payloads: impl Iterator<Item = String>) -> (Changes, Vec<DeferredSale>) {
    let (mut changes, mut held, mut counters) = <(Changes, Vec<DeferredSale>, Counters)>::default();
    let mut folder = Folder::new(&mut changes, FoldRules::default());
    let id = PartitionId { stream, partition: 0 };
    for (offset, payload) in payloads.enumerate() {
        let (offset, payload) = (offset as i64, payload.as_bytes());
        let record = Record { id, incarnation: 0, topic: "t", offset, produced_at: None, payload };
        if is_held {
            folder.hold(&mut held, &record, &mut counters, Timestamp::default());
        } else {
            folder.fold(&record, &mut counters, Timestamp::default());
        }
    }
    folder.finish();
    (changes, held)
}

/// `keeps`: whether payloads are kept, too, which count by their bytes.
fn holds(what: &str, stream: EventKind, is_held: bool, keeps: bool, payload: impl Fn(usize) -> String) {
    for size in SIZES {
        let mut estimate = 0;
        let mut kept = None;
        let memory = allocation_counter::measure(|| {
            let (changes, held) = fold(stream, is_held, (0..size).map(&payload));
            estimate = memory::of_changes(&changes) + memory::of_held(&held);
            kept = Some((changes, held));
        });
        let payloads: usize = if keeps { (0..size).map(|n| payload(n).len()).sum() } else { 0 };
        let taken = memory.bytes_max as usize;
        let estimate = estimate + payloads;
        assert!(taken <= estimate + (64 << 10), "{what}: {size} take {taken} bytes, estimated {estimate}");
        // An estimate of many times as much would stop reading for nothing.
        let stands = memory.bytes_current as usize;
        assert!(estimate <= 6 * stands + (64 << 10), "{what}: {size} take {stands} bytes, estimated {estimate}");
    }
}

#[test]
fn products_and_clients_of_sales() {
    holds("products", EventKind::Sales, false, false, |n| {
        format!(
            r#"{{"invoice_id":{n},"timestamp":"2026-05-01","items":[{{"product_id":"product-{n:06}","quantity":1,"unit_price":1}}]}}"#
        )
    });
    holds("clients", EventKind::Sales, false, false, |n| {
        format!(
            r#"{{"invoice_id":{n},"client_id":"client-{n:06}","timestamp":"2026-05-01","items":[{{"product_id":"p","quantity":1,"unit_price":1}}]}}"#
        )
    });
}

#[test]
fn products_with_months_of_sales() {
    holds("days", EventKind::Sales, false, false, |n| {
        let (product, day) = (n / 100, n % 100);
        format!(
            r#"{{"invoice_id":{n},"timestamp":"2026-{:02}-{:02}","items":[{{"product_id":"p{product}","quantity":1,"unit_price":1}}]}}"#,
            1 + day / 25,
            1 + day % 25
        )
    });
}

#[test]
fn records_of_stock_and_clients() {
    holds("stock", EventKind::Inventory, false, true, |n| {
        format!(
            r#"{{"product_id":"product-{n:06}","batch_no":"batch-{n}","quantity":5,"name":"A name of usual length {n}","category":"groceries","buy_price":1,"updated_at":"2026-05-01"}}"#
        )
    });
    holds("client records", EventKind::Clients, false, true, |n| {
        format!(
            r#"{{"client_id":"client-{n:06}","name":"Somebody {n}","email":"somebody{n}@example.org","phone":"+1 555 {n}","updated_at":"2026-05-01"}}"#
        )
    });
}

#[test]
fn sales_that_are_held_and_events_that_are_rejected() {
    let sale = |n: usize| {
        format!(
            r#"{{"invoice_id":"invoice-{n}","timestamp":"2026-05-01","items":[{{"product_id":"p","quantity":1,"unit_price":1}}]}}"#
        )
    };
    holds("held", EventKind::Sales, true, true, sale);
    holds("rejected", EventKind::Sales, false, true, |n| format!("no event, but a text of some length, number {n}"));
}
