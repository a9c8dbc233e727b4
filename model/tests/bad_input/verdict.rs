//! What the contract allows is taken, and nothing else; however it is written.

use proptest::prelude::*;

use super::{
    cases, decode,
    hostile::{document, stream},
    json::hand,
    shown,
};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn exactly_what_the_contract_allows_is_taken(
        (stream, (document, allowed)) in stream().prop_flat_map(|stream| (Just(stream), document(stream))),
        hand in hand(),
    ) {
        let payload = document.written(hand);
        let verdict = decode(stream, &payload);
        prop_assert_eq!(verdict.is_ok(), allowed, "{}: {:?}: {}", stream, verdict, shown(&payload));
    }
}
