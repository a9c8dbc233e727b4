//! Events at random, of few keys, times and amounts: they meet in the same documents and are often equal.

use proptest::{option, prelude::*, sample::select};
use stockstream_model::{
    Money, Timestamp,
    analytics::Tier,
    event::{ClientRecord, EventKind, InventoryRecord, Item, Sale},
    sum,
};

use crate::store::events::{Body, client, id, stock};

const PRODUCTS: [&str; 7] = ["a", "b", "A", "$set", "a.b", "é", "\"quoted\""];
const CLIENTS: [&str; 5] = ["ann", "bob", "Ann", "$inc", "o.s0"];
const BATCHES: [&str; 3] = ["1", "2", "null"];
const TEXTS: [&str; 4] = ["", "$name", "a.b", "Tea"];

/// A record of that stream's topic, sometimes one that is no event.
pub fn body(stream: EventKind) -> BoxedStrategy<Body> {
    let event = match stream {
        EventKind::Sales => sale().prop_map(Body::Sale).boxed(),
        EventKind::Inventory => stock_record().prop_map(Body::Stock).boxed(),
        EventKind::Clients => client_record().prop_map(Body::Client).boxed(),
    };
    prop_oneof![19 => event, 1 => select(vec!["", "no event"]).prop_map(|text| Body::Bad(text.into()))].boxed()
}

/// Within some weeks, seldom far away; to the millisecond.
fn time() -> impl Strategy<Value = Timestamp> {
    let of = |day: i64, part: i64| Timestamp::from_millis((20_480 + day) * 86_400_000 + part);
    let part = select(vec![0, 1, 43_200_000, 86_399_999]);
    prop_oneof![30 => (0..45_i64, part).prop_map(move |(day, part)| of(day, part)), 1 => select(vec![of(-27_000, 0), of(9_000, 7)])]
}

/// Of few, so that versions are often equal.
fn version() -> impl Strategy<Value = Option<Timestamp>> {
    option::of(
        select(vec![-1, 0, 1_767_225_600_000, 1_767_225_600_001, 1_767_225_602_000]).prop_map(Timestamp::from_millis),
    )
}

fn price() -> impl Strategy<Value = Option<Money>> {
    let few = select(vec![0, 1, 3_333, 10_000, 25_500, 9_999_999, 10_000_000_000_000]);
    option::of(prop_oneof![4 => few, 1 => 0..100_000_000_i64].prop_map(Money::from_units))
}

fn quantity() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 1..6_i64, 3 => -5..0_i64, 1 => select(vec![1_000_000_000, -1_000_000_000])]
}

fn text() -> impl Strategy<Value = Option<std::borrow::Cow<'static, str>>> {
    option::of(select(TEXTS.to_vec()).prop_map(Into::into))
}

/// One is sold more often than others, on more days than it keeps.
fn product() -> impl Strategy<Value = &'static str> {
    prop_oneof![1 => Just(PRODUCTS[0]), 2 => select(PRODUCTS.to_vec())]
}

fn item() -> impl Strategy<Value = Item<'static>> {
    (product(), quantity(), price(), price()).prop_map(|(product, quantity, unit_price, unit_cost)| Item {
        product_id: id(product),
        quantity,
        unit_price,
        unit_cost,
    })
}

/// Two of these bring a sum to its limit, and nothing else comes near: in whatever order they are added, it ends there.
const GREAT: Money = Money::from_units(sum::LIMIT / 4 * 3);

fn line() -> impl Strategy<Value = Item<'static>> {
    let great = (select(PRODUCTS.to_vec()), any::<bool>()).prop_map(|(product, costly)| Item {
        product_id: id(product),
        quantity: 1,
        unit_price: Some(GREAT),
        unit_cost: costly.then_some(GREAT),
    });
    prop_oneof![30 => item(), 1 => great]
}

fn sale() -> impl Strategy<Value = Sale<'static>> {
    let lines = prop::collection::vec(line(), 1..4);
    let total = prop_oneof![15 => price(), 1 => Just(Some(GREAT))];
    (option::of(select(CLIENTS.to_vec())), time(), total, lines).prop_map(|(client, timestamp, total_amount, items)| {
        Sale { invoice_id: id("i"), client_id: client.map(id), timestamp, total_amount, items }
    })
}

fn stock_record() -> impl Strategy<Value = InventoryRecord<'static>> {
    let key = (select(PRODUCTS.to_vec()), option::of(select(BATCHES.to_vec())), -2..9_i64);
    let texts = (text(), text());
    let prices = (price(), price(), price());
    let times = (option::of(time()), option::of(time()), option::of(time()), version());
    (key, texts, prices, times).prop_map(
        |((product, batch, quantity), (name, category), (buy_price, sell_price, min), times)| {
            let (last_movement, expiry_date, created_at, updated_at) = times;
            InventoryRecord {
                name,
                category,
                buy_price,
                sell_price,
                min_margin_threshold: min,
                last_movement,
                expiry_date,
                batch_no: batch.map(id),
                created_at,
                updated_at,
                ..stock(product, quantity)
            }
        },
    )
}

fn client_record() -> impl Strategy<Value = ClientRecord<'static>> {
    let revenue =
        option::of(select(vec![0, -70_000, 99_999_999, 100_000_000, 200_000_000]).prop_map(Money::from_units));
    let fields =
        (select(CLIENTS.to_vec()), text(), text(), text(), revenue, option::of(select(Tier::ALL.to_vec())), version());
    fields.prop_map(|(of, name, email, phone, total_revenue_generated, loyalty_tier, updated_at)| ClientRecord {
        name,
        email,
        phone,
        total_revenue_generated,
        loyalty_tier,
        updated_at,
        ..client(of)
    })
}
