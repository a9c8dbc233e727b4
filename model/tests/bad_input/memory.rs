//! Memory is bound by the size of the input, whatever it says.

use stockstream_model::event::EventKind;

use super::{agreement::judged, decode, shown};

const MIB: usize = 1 << 20;
/// How many bytes are held at most for each byte of a payload. A line of thirty bytes becomes one of eighty, and a list that
/// grows is there twice for a moment.
const FOR_EACH_BYTE: usize = 12;
const FOR_NONE: usize = 16 << 10;

fn held(stream: EventKind, payload: &[u8]) -> usize {
    let memory = allocation_counter::measure(|| drop(decode(stream, payload)));
    usize::try_from(memory.bytes_max).unwrap()
}

/// Payloads of a mebibyte that ask for much.
fn large() -> Vec<Vec<u8>> {
    let fill = |head: &str, part: &str, tail: &str| {
        let parts = part.repeat((MIB - head.len() - tail.len()) / part.len());
        [head.as_bytes(), parts.as_bytes(), tail.as_bytes()].concat()
    };
    let line = r#"{"product_id":"a","quantity":1},"#;
    let sale = r#"{"invoice_id":1,"timestamp":"2026-01-01","total_amount":1,"items":["#;
    vec![
        vec![b' '; MIB],
        vec![b'0'; MIB],
        vec![0; MIB],
        vec![0xff; MIB],
        fill("\"", "a", "\""),
        fill("", "[", ""),
        fill("", "{\"a\":", ""),
        fill("[", "[],", "[]]"),
        fill("{", "\"a\":0,", "\"b\":0}"),
        fill("{\"invoice_id\":\"", "\\u0061", "\"}"),
        fill("{\"client_id\":1,\"name\":\"", "\\n", "\"}"),
        fill("{\"product_id\":1,\"quantity\":", "9", "}"),
        fill("{\"product_id\":1,\"quantity\":1,\"buy_price\":1.", "1", "}"),
        fill("{\"product_id\":1,\"quantity\":1,\"buy_price\":\"", "1", "\"}"),
        fill("{\"product_id\":1,\"quantity\":1,\"expiry_date\":\"2026-01-01", " ", "\"}"),
        fill("{\"client_id\":1,\"loyalty_tier\":\"", "x", "\"}"),
        fill("{\"client_id\":1,\"x\":", "1e9", "}"),
        fill(sale, line, r#"{"product_id":"a","quantity":1}]}"#),
        fill(sale, line, r#"{"product_id":"a"}]}"#),
        fill(sale, "0,", "0]}"),
        [b"{\"items\":", &b"[".repeat(127)[..]].concat(),
    ]
}

#[test]
fn a_payload_is_held_in_memory_of_its_own_size_and_little_is_told_of_it() {
    for payload in large() {
        for stream in EventKind::ALL {
            judged(stream, &payload).unwrap();
            let (held, most) = (held(stream, &payload), FOR_NONE + FOR_EACH_BYTE * payload.len());
            let start = &shown(&payload)[..60];
            assert!(held <= most, "{stream}: {held} bytes, not {most}, for {} of {start}", payload.len());
            let told = decode(stream, &payload).err().map_or(0, |told| told.message.len() + told.path.len());
            assert!(told < 2_000, "{stream}: {told} bytes are told of {start}");
        }
    }
}
