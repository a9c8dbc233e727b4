//! Events whose bytes were changed, cut, spliced or doubled, and bytes that never were an event.

use proptest::{prelude::*, sample::select};

use super::{
    agreement::judged,
    cases,
    hostile::{document, stream},
    json::hand,
};

/// What a careless hand leaves in JSON.
const PIECES: [&[u8]; 48] = [
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\\u0061",
    b"\\x",
    b"\0",
    b"\x1f",
    b"\n",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b",,",
    b"null",
    b"NaN",
    b"Infinity",
    b"-",
    b"-0",
    b"-0.0",
    b"+1",
    b"01",
    b"1.",
    b".5",
    b"1e",
    b"1e999",
    b"1e-999",
    b"18446744073709551616",
    b"-9223372036854775808",
    b"9007199254740993",
    b"0.1e1",
    b"//",
    b"/**/",
    b"1111111111111111111111111111111111.",
    b"1111111111111111111111111111111111.1",
    b"1.11111111111111111111111111111111.1",
    b"1.1111111111111111111111111111111111e",
    b"1111111111111111111111111111111e1111e1",
    b"-11111111111111111111111111111111111-1",
    b"2.6750000000000000000000000000000001",
    b"0.00004999999999999999999999999999",
];

/// A change to a payload; places are shares of its length.
#[derive(Clone, Debug)]
enum Change {
    Put(u16, u8),
    Flip(u16, u8),
    Insert(u16, &'static [u8]),
    Replace(u16, u16, &'static [u8]),
    Cut(u16),
    Remove(u16, u16),
    Double(u16, u16),
    Splice(u16, u16, u16),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<u16>;
    let short = || 0..600_u16;
    prop_oneof![
        1 => (at(), any::<u8>()).prop_map(|(place, byte)| Change::Put(place, byte)),
        1 => (at(), 0..8_u8).prop_map(|(place, bit)| Change::Flip(place, bit)),
        3 => (at(), select(PIECES.to_vec())).prop_map(|(place, piece)| Change::Insert(place, piece)),
        3 => (at(), short(), select(PIECES.to_vec())).prop_map(|(place, length, piece)| Change::Replace(place, length, piece)),
        1 => at().prop_map(Change::Cut),
        1 => (at(), short()).prop_map(|(place, length)| Change::Remove(place, length)),
        1 => (at(), at()).prop_map(|(place, length)| Change::Double(place, length)),
        1 => (at(), at(), at()).prop_map(|(place, from, to)| Change::Splice(place, from, to)),
    ]
}

impl Change {
    fn make(&self, payload: &mut Vec<u8>, other: &[u8]) {
        let place = |share: u16, length: usize| usize::from(share) * length / usize::from(u16::MAX);
        let length = payload.len();
        let from = |share: u16, extent: u16| {
            let start = place(share, length);
            start..(start + place(extent, length)).min(length)
        };
        match *self {
            Self::Put(at, byte) => payload.iter_mut().skip(place(at, length)).take(1).for_each(|old| *old = byte),
            Self::Flip(at, bit) => payload.iter_mut().skip(place(at, length)).take(1).for_each(|old| *old ^= 1 << bit),
            Self::Insert(at, piece) => insert(payload, place(at, length), piece),
            Self::Replace(at, extent, piece) => _ = payload.splice(from(at, extent), piece.iter().copied()),
            Self::Cut(at) => payload.truncate(place(at, length)),
            Self::Remove(at, extent) => _ = payload.drain(from(at, extent)),
            Self::Double(at, extent) => {
                let part = payload[from(at, extent)].to_vec();
                insert(payload, place(at, length), &part);
            }
            Self::Splice(at, one, two) => {
                let (one, two) = (place(one, other.len()), place(two, other.len()));
                insert(payload, place(at, length), &other[one.min(two)..one.max(two)]);
            }
        }
    }
}

fn insert(payload: &mut Vec<u8>, at: usize, piece: &[u8]) {
    payload.splice(at..at, piece.iter().copied());
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn an_event_that_was_damaged_is_refused_or_still_keeps_the_contract(
        (stream, one, other) in stream().prop_flat_map(|stream| (Just(stream), document(stream), document(stream))),
        (hand, changes) in (hand(), prop::collection::vec(change(), 1..5)),
    ) {
        let mut payload = one.0.written(hand);
        let other = other.0.plain();
        for change in &changes {
            change.make(&mut payload, &other);
            judged(stream, &payload)?;
        }
    }

    #[test]
    fn bytes_that_never_were_an_event_are_refused_with_a_reason(
        stream in stream(),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        signs in "[\\[\\]{}:,\"\\\\0-9eE.+\\- a-z\n]{0,60}",
    ) {
        for payload in [&bytes[..], signs.as_bytes()] {
            prop_assert!(!judged(stream, payload)?);
        }
    }
}
