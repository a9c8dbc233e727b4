//! Records of any bytes: each is counted once, the refused ones are kept whole, and only the accepted ones leave a trace.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::fmt::Debug;

use proptest::{prelude::*, sample::select};
use stockstream_model::{
    Timestamp,
    documents::{FoldRules, PartitionId},
    event::{EventKind, decode_client, decode_inventory, decode_sale},
};
use stockstream_protocol::positions::Counters;
use stockstream_store::Changes;
use stockstream_worker::core::fold::{Folder, Record};

const IDS: [&str; 9] = ["\"a\"", "\"$where\"", "\"a.b\"", "\"\\u0000\"", "7", "7.0", "\"\"", "null", "{}"];
const NUMBERS: [&str; 9] = ["1", "-1", "1e0", "0", "1000000000", "-9223372036854775808", "1e999", "\"1\"", "1.5"];
const TIMES: [&str; 4] = ["\"2026-05-01\"", "\"9999-12-31\"", "\"1899-01-01\"", "1"];

/// A payload that may be an event of that stream, or nothing of the kind.
fn payload(stream: EventKind) -> BoxedStrategy<Vec<u8>> {
    let (id, number, time) = (|| select(IDS.to_vec()), || select(NUMBERS.to_vec()), || select(TIMES.to_vec()));
    let line = (id(), number(), number()).prop_map(|(id, quantity, price)| {
        format!(r#"{{"product_id":{id},"quantity":{quantity},"unit_price":{price}}}"#)
    });
    let text = match stream {
        EventKind::Sales => (id(), id(), time(), prop::collection::vec(line, 0..3))
            .prop_map(|(id, client, time, lines)| {
                format!(r#"{{"invoice_id":{id},"client_id":{client},"timestamp":{time},"items":[{}]}}"#, lines.join(","))
            })
            .boxed(),
        EventKind::Inventory => (id(), id(), number(), number(), time())
            .prop_map(|(id, batch, quantity, price, time)| {
                format!(r#"{{"product_id":{id},"batch_no":{batch},"quantity":{quantity},"buy_price":{price},"updated_at":{time}}}"#)
            })
            .boxed(),
        EventKind::Clients => (id(), number(), time())
            .prop_map(|(id, revenue, time)| {
                format!(r#"{{"client_id":{id},"total_revenue_generated":{revenue},"updated_at":{time}}}"#)
            })
            .boxed(),
    };
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![6 => text.prop_map(String::into_bytes), 1 => bytes].boxed()
}

fn is_accepted(stream: EventKind, payload: &[u8]) -> bool {
    match stream {
        EventKind::Sales => decode_sale(payload).is_ok(),
        EventKind::Inventory => decode_inventory(payload).is_ok(),
        EventKind::Clients => decode_client(payload).is_ok(),
    }
}

fn folded<'a>(stream: EventKind, payloads: impl IntoIterator<Item = (usize, &'a Vec<u8>)>) -> (Changes, Counters) {
    let (mut changes, mut counters) = <(Changes, Counters)>::default();
    let mut folder = Folder::new(&mut changes, FoldRules::default());
    for (offset, payload) in payloads {
        let id = PartitionId { stream, partition: 3 };
        let record = Record { id, incarnation: 0, topic: "t", offset: offset as i64, produced_at: None, payload };
        folder.fold(&record, &mut counters, Timestamp::default());
    }
    folder.finish();
    (changes, counters)
}

/// All that accepted events leave, in an order of its own.
fn trace((changes, counters): &(Changes, Counters)) -> Vec<String> {
    fn of<T: Debug>(changes: impl IntoIterator<Item = T>) -> impl Iterator<Item = String> {
        changes.into_iter().map(|change| format!("{change:?}"))
    }
    let keyed = of(&changes.products).chain(of(&changes.inventory)).chain(of(&changes.clients));
    let mut trace: Vec<_> = keyed.chain(of(&changes.daily)).chain(of([counters.latest_event])).collect();
    trace.sort();
    trace
}

proptest! {
    #[test]
    fn each_record_counts_once_and_only_accepted_ones_leave_a_trace(
        (stream, payloads) in select(EventKind::ALL.to_vec())
            .prop_flat_map(|stream| (Just(stream), prop::collection::vec(payload(stream), 1..20))),
    ) {
        let (good, bad): (Vec<_>, Vec<_>) =
            payloads.iter().enumerate().partition(|(_, payload)| is_accepted(stream, payload));
        let all = folded(stream, payloads.iter().enumerate());
        let (changes, counters) = &all;
        prop_assert_eq!((counters.events, counters.rejected), (payloads.len() as i64, bad.len() as i64));
        let kept: Vec<_> = changes.rejections.iter().map(|kept| (kept.offset as usize, &kept.payload)).collect();
        prop_assert_eq!(kept, bad);
        prop_assert!(changes.rejections.iter().all(|kept| !kept.message.is_empty() && kept.partition == 3));
        prop_assert_eq!(trace(&all), trace(&folded(stream, good)));
    }
}

/// A megabyte of lines, each of a product of its own, becomes so many times its size.
#[test]
fn what_is_folded_is_held_in_memory_of_the_size_of_its_events() {
    let lines = |of: std::ops::Range<u32>| {
        of.map(|n| format!(r#"{{"product_id":"{n}","quantity":1,"unit_price":1}}"#)).collect::<Vec<_>>().join(",")
    };
    let sale = |of| format!(r#"{{"invoice_id":1,"timestamp":"2026-05-01","items":[{}]}}"#, lines(of)).into_bytes();
    let refused = vec![b'x'; 1 << 20];
    for payloads in [vec![sale(0..10_000), sale(10_000..20_000)], vec![refused; 2]] {
        let size: usize = payloads.iter().map(Vec::len).sum();
        let memory = allocation_counter::measure(|| drop(folded(EventKind::Sales, payloads.iter().enumerate())));
        assert!(memory.bytes_max < 24 * size as u64, "{} bytes for {size}", memory.bytes_max);
    }
}
