//! Forms: fields of any content are an event that workers take, or problems at their fields.

use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};
use stockstream_input::entry::{CLIENT, Field, LINE, PRODUCT, SALE, validate};
use stockstream_model::event::EventKind;

use super::cases;

fn typed() -> impl Strategy<Value = String> {
    let odd = [
        "",
        " ",
        "0",
        "1",
        "-1",
        "1.000",
        "6.0",
        "1e2",
        "9223372036854775807",
        "-9223372036854775808",
        "99999999999999999999",
        "2,50",
        "NaN",
        "2026-05-01",
        "9999-12-31",
        "2026-02-30",
        "Gold",
        "gold",
        "$where",
        "a.b",
        "\0",
        "\u{feff}",
        "=1+1",
        "<script>",
        "\\",
        "\"",
        " at line 1",
        ", expected x",
        "missing field `a`",
    ];
    prop_oneof![6 => select(odd.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,20}", 1 => select(vec![512, 513, 4_097]).prop_map(|n| "x".repeat(n))]
}

fn filled(fields: &'static [Field]) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec(prop::option::weighted(0.7, typed()), fields.len()).prop_map(move |texts| {
        let said =
            fields.iter().zip(texts).filter_map(|(field, text)| Some((field.name.to_owned(), field.value(&text?))));
        said.collect()
    })
}

fn form() -> impl Strategy<Value = (EventKind, Map<String, Value>)> {
    let sale = (filled(SALE), prop::collection::vec(filled(LINE), 0..4)).prop_map(|(mut sale, lines)| {
        sale.insert("items".into(), json!(lines));
        (EventKind::Sales, sale)
    });
    prop_oneof![
        sale,
        filled(PRODUCT).prop_map(|record| (EventKind::Inventory, record)),
        filled(CLIENT).prop_map(|record| (EventKind::Clients, record)),
    ]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_is_typed_is_an_event_or_problems_are_told_at_its_fields((stream, event) in form()) {
        match validate(stream, event.clone()) {
            Ok(sent) => {
                prop_assert!(sent.refusal().is_none() && !sent.key.is_empty(), "{:?}", sent.refusal());
                let payload: Value = serde_json::from_slice(&sent.payload).unwrap();
                let lost = event.iter().find(|(name, value)| name.as_str() != "items" && payload.get(name).is_none() && !value.is_null());
                prop_assert!(lost.is_none(), "{:?} is lost", lost);
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.message.trim().is_empty()));
                let mut paths: Vec<_> = problems.iter().map(|problem| &problem.path).collect();
                paths.dedup();
                prop_assert_eq!(paths.len(), problems.len());
            }
        }
    }
}
