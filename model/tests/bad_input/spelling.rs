//! The order of keys, white space, escapes and the spelling of numbers change nothing.

use proptest::prelude::*;
use stockstream_model::event::EventKind;

use super::{
    cases, decode,
    hostile::{event, stream},
    json::{Hand, hand},
    shown,
};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn an_event_is_the_same_however_it_is_written(
        (stream, event) in stream().prop_flat_map(|stream| (Just(stream), event(stream))),
        hand in hand(),
    ) {
        let (plain, other) = (event.written(Hand::plain()), event.written(hand));
        prop_assert_eq!(decode(stream, &plain), decode(stream, &other), "{}\n{}", shown(&plain), shown(&other));
    }
}

#[test]
fn whole_numbers_are_the_same_with_a_point_or_an_exponent() {
    let of = |id: &str, quantity: &str, price: &str| {
        format!(
            r#"{{"invoice_id":{id},"client_id":{id},"timestamp":"2026-01-01","items":[{{"product_id":{id},"quantity":{quantity},"unit_price":{price}}}]}}"#
        )
    };
    let plain = of("10", "10", "10");
    let plain = decode(EventKind::Sales, plain.as_bytes()).unwrap();
    for ten in ["10.0", "1e1", "1E+1", "100e-1", "10.000", "0.1e2"] {
        let other = of(ten, ten, ten);
        assert_eq!(decode(EventKind::Sales, other.as_bytes()).as_ref(), Ok(&plain), "{ten}");
    }
}
