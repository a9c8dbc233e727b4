//! Documents of every stream, built from values of which it is known whether the contract allows them.

use proptest::{option, prelude::*, sample::select};
use stockstream_model::event::EventKind;

use super::json::{Json, number, text};

/// A value, and whether the contract allows it in its place.
pub type Judged = (Json, bool);

/// A document, and whether it is an event.
pub fn document(stream: EventKind) -> BoxedStrategy<Judged> {
    match stream {
        EventKind::Sales => sale(),
        EventKind::Inventory => object(vec![
            needed("product_id", id()),
            left_out("name", words()),
            left_out("category", words()),
            left_out("buy_price", price()),
            left_out("sell_price", price()),
            left_out("min_margin_threshold", price()),
            needed("quantity", quantity(true)),
            left_out("last_movement", time()),
            left_out("expiry_date", time()),
            left_out("batch_no", id()),
            left_out("created_at", time()),
            left_out("updated_at", time()),
            unknown(),
        ]),
        EventKind::Clients => object(vec![
            needed("client_id", id()),
            left_out("name", words()),
            left_out("email", words()),
            left_out("phone", words()),
            left_out("total_revenue_generated", revenue()),
            left_out("loyalty_tier", tier()),
            left_out("updated_at", time()),
            unknown(),
        ]),
    }
}

/// Only events.
pub fn event(stream: EventKind) -> BoxedStrategy<Json> {
    document(stream).prop_filter_map("it is no event", |(document, allowed)| allowed.then_some(document)).boxed()
}

pub fn stream() -> impl Strategy<Value = EventKind> {
    select(EventKind::ALL.to_vec())
}

fn sale() -> BoxedStrategy<Judged> {
    let line = object(vec![
        needed("product_id", id()),
        needed("quantity", quantity(false)),
        left_out("unit_price", cheap()),
        left_out("unit_cost", cheap()),
        unknown(),
    ]);
    let odd =
        select(vec![Json::List(vec![]), text("a"), Json::Word("null"), number("1")]).prop_map(|item| (item, false));
    let lines = prop::collection::vec(prop_oneof![60 => line, 1 => odd], 0..5);
    let head = vec![
        needed("invoice_id", id()),
        left_out("client_id", id()),
        needed("timestamp", time()),
        left_out("total_amount", revenue()),
        unknown(),
    ];
    (object(head), lines)
        .prop_map(|((head, allowed), lines)| {
            let Json::Object(mut fields) = head else { unreachable!("a head is an object") };
            let all_priced = lines.iter().all(|(line, _)| says(line, "unit_price"));
            let is_amount_known =
                fields.iter().any(|(name, value)| name == "total_amount" && *value != Json::Word("null"));
            let allowed = allowed
                && !lines.is_empty()
                && lines.iter().all(|(_, allowed)| *allowed)
                && (all_priced || is_amount_known);
            fields.push(("items".into(), Json::List(lines.into_iter().map(|(line, _)| line).collect())));
            (Json::Object(fields), allowed)
        })
        .boxed()
}

fn says(object: &Json, field: &str) -> bool {
    let Json::Object(fields) = object else { return false };
    fields.iter().any(|(name, value)| name == field && *value != Json::Word("null"))
}

/// A field that may be absent, and whether it may.
type Field = BoxedStrategy<(&'static str, Option<Judged>, bool)>;

fn needed(name: &'static str, value: BoxedStrategy<Judged>) -> Field {
    let null = (Json::Word("null"), false);
    prop_oneof![80 => value.prop_map(Some), 1 => Just(None), 1 => Just(Some(null))]
        .prop_map(move |value| (name, value, false))
        .boxed()
}

fn left_out(name: &'static str, value: BoxedStrategy<Judged>) -> Field {
    let null = (Json::Word("null"), true);
    option::of(prop_oneof![12 => value, 1 => Just(null)]).prop_map(move |value| (name, value, true)).boxed()
}

/// Names of fields that no event has.
const UNKNOWN: [&str; 6] = ["till", "", "$where", "Invoice_id", "items ", "invoice_id\0"];

/// What no event has, and nobody minds.
fn unknown() -> Field {
    let far = ["1e999", "-0", "123456789012345678901234567890123456789012", "1E-400", "18446744073709551616"];
    let value = prop_oneof![
        select(far.to_vec()).prop_map(number),
        hostile_text().prop_map(text),
        Just(Json::List(vec![Json::Object(vec![("a".into(), Json::Word("true"))]), Json::Word("null")])),
    ];
    let name = select(UNKNOWN.to_vec());
    (name, option::weighted(0.2, value.prop_map(|value| (value, true))))
        .prop_map(|(name, value)| (name, value, true))
        .boxed()
}

/// An object of these fields. It is allowed when each value is and none is missing; seldom is a field there twice.
fn object(fields: Vec<Field>) -> BoxedStrategy<Judged> {
    (fields, option::weighted(0.02, any::<prop::sample::Index>()))
        .prop_map(|(fields, twice)| {
            let allowed =
                fields.iter().all(|(_, value, absent)| value.as_ref().map_or(*absent, |(_, allowed)| *allowed));
            let is_known = |name: &str| !UNKNOWN.contains(&name);
            let mut fields: Vec<_> =
                fields.into_iter().filter_map(|(name, value, _)| Some((name.to_owned(), value?.0))).collect();
            let twice = twice.filter(|_| !fields.is_empty()).map(|index| index.get(&fields).clone());
            let once = twice.as_ref().is_none_or(|(name, _)| !is_known(name));
            fields.extend(twice);
            (Json::Object(fields), allowed && once)
        })
        .boxed()
}

fn hostile_text() -> BoxedStrategy<String> {
    prop_oneof![
        4 => select(vec!["", "$where", "a.b", "\0", "a\0b", "o.s0", "é\u{1f600}", "\u{feff}", "\"\\\u{7f}\u{2028}", "null"]).prop_map(str::to_owned),
        1 => "\\PC{0,20}",
        1 => select(vec![511, 512, 513, 4_095, 4_096, 4_097]).prop_map(|length| "x".repeat(length)),
        1 => select(vec![256, 257, 2_048, 2_049]).prop_map(|count| "é".repeat(count)),
    ]
    .boxed()
}

/// Mostly what is allowed, seldom what is not; more seldom what is none of the type.
fn mostly(good: BoxedStrategy<Json>, bad: Vec<Json>) -> BoxedStrategy<Judged> {
    let strange = vec![Json::Word("true"), Json::List(vec![]), Json::Object(vec![]), number("1e999")];
    prop_oneof![
        60 => good.prop_map(|value| (value, true)),
        1 => select([bad, strange].concat()).prop_map(|value| (value, false)),
    ]
    .boxed()
}

fn numbers(digits: &[&str]) -> Vec<Json> {
    digits.iter().map(|digits| number(*digits)).collect()
}

fn id() -> BoxedStrategy<Judged> {
    let named = hostile_text().prop_map(|id| {
        let allowed = (1..=512).contains(&id.len());
        (text(id), allowed)
    });
    let whole =
        numbers(&["0", "7", "-12", "536365", "9223372036854775808", "18446744073709551615", "-9223372036854775808"]);
    let bad = numbers(&["1.5", "18446744073709551616", "-9223372036854775809", "1e30"]);
    prop_oneof![1 => named, 6 => mostly(prop_oneof![select(whole), Just(text("85123A"))].boxed(), bad)].boxed()
}

fn words() -> BoxedStrategy<Judged> {
    let said = hostile_text().prop_map(|said| {
        let allowed = said.len() <= 4_096;
        (text(said), allowed)
    });
    prop_oneof![1 => said, 6 => mostly(Just(text("Lantern")).boxed(), numbers(&["7"]))].boxed()
}

fn quantity(zero: bool) -> BoxedStrategy<Judged> {
    let few = (1..1_000_i64).prop_map(|few| number(few.to_string()));
    let good = prop_oneof![8 => few, 1 => select(numbers(&["-1", "1000000000", "-1000000000"]))];
    let far = [
        "1000000001",
        "-1000000001",
        "1.5",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "1e30",
        "-9.3e18",
    ];
    let mut bad = [numbers(&far), vec![text("1"), text("")]].concat();
    if !zero {
        bad.extend(numbers(&["0", "-0", "0.0"]));
    }
    mostly(good.boxed(), bad)
}

fn amount(most: &'static str, beyond: &[&'static str]) -> BoxedStrategy<Judged> {
    let cents = (0..100_000_i64, 0..10_000_i64).prop_map(|(whole, part)| format!("{whole}.{part:04}"));
    let good = prop_oneof![8 => cents, 1 => select(vec!["0", "-0", "2.55", "1e2", "1E-7", "0.00005"]).prop_map(str::to_owned), 1 => Just(most.to_owned())];
    let good = (good, any::<bool>()).prop_map(|(digits, quoted)| {
        let plain = !digits.contains(['e', 'E']);
        if quoted && plain { text(digits) } else { number(digits) }
    });
    let odd =
        ["NaN", "Infinity", "-Infinity", "1,5", "", " 1", "1e2", "0x10", "12345678901234567890123456789012345678901"];
    let bad = odd.into_iter().map(text).chain(numbers(beyond)).chain(beyond.iter().copied().map(text));
    mostly(good.boxed(), bad.collect())
}

fn price() -> BoxedStrategy<Judged> {
    amount("1000000000", &["-0.0001", "1000000000.0001", "-1", "9223372036854775807", "99999999999999999999999999"])
}

/// A price that no quantities of four lines take beyond the bound of a sale.
fn cheap() -> BoxedStrategy<Judged> {
    price()
        .prop_map(|(price, allowed)| match &price {
            Json::Number(digits) | Json::Text(digits)
                if digits.parse().is_ok_and(|price: f64| price > 2.5) && allowed =>
            {
                (number("2.4999"), true)
            }
            _ => (price, allowed),
        })
        .boxed()
}

fn revenue() -> BoxedStrategy<Judged> {
    amount("10000000000", &["10000000000.0001", "-10000000001", "922337203685478", "99999999999999999999999999"])
}

fn tier() -> BoxedStrategy<Judged> {
    mostly(select(["Bronze", "Silver", "Gold"].map(text).to_vec()).boxed(), ["gold", "", "Platinum"].map(text).to_vec())
}

fn time() -> BoxedStrategy<Judged> {
    let good = [
        "2026-05-01T12:30:00Z",
        "2026-05-01 12:30:00",
        "2026-05-01",
        "1900-01-01",
        "9999-12-31T23:59:59.9999Z",
        "2024-02-29T23:59:59+14:00",
    ];
    let bad = [
        "2026-02-30",
        "2025-02-29",
        "1899-12-31T23:59:59Z",
        "10000-01-01",
        "2026-05-01T25:00:00Z",
        "yesterday",
        "",
        "2026-05-01T12:30:00[UTC]",
        "2026-13-01",
        "1900-01-01T00:00:00+01:00",
        "12:30",
    ];
    mostly(
        select(good.map(text).to_vec()).boxed(),
        [bad.map(text).to_vec(), numbers(&["1767225600", "0", "-1"])].concat(),
    )
}
