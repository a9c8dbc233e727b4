use std::collections::{HashMap, HashSet};

use stockstream_model::{
    Money,
    event::{EventKind, Reason, Rejection, Sale, decode_client, decode_inventory, decode_sale},
};

use super::*;

const DAY: i64 = 86_400_000;
const START: Timestamp = Timestamp::from_millis(20_000 * DAY);

fn options(seed: u64) -> GeneratorOptions {
    GeneratorOptions::new(seed, START)
}

/// Steps a second apart.
fn steps(options: GeneratorOptions, count: u64) -> Vec<(Kind, OutboundEvent)> {
    let mut generator = Generator::new(options);
    let count = count + generator.initial_events();
    (0..count).map(|n| generator.step(START.plus_millis(n as i64 * 1_000))).collect()
}

fn decoded(event: &OutboundEvent) -> Result<String, Rejection> {
    Ok(match event.stream {
        EventKind::Sales => decode_sale(&event.payload)?.invoice_id.to_string(),
        EventKind::Inventory => decode_inventory(&event.payload)?.product_id.to_string(),
        EventKind::Clients => decode_client(&event.payload)?.client_id.to_string(),
    })
}

fn sales(steps: &[(Kind, OutboundEvent)], kind: Kind) -> Vec<Sale<'_>> {
    steps.iter().filter(|step| step.0 == kind).map(|step| decode_sale(&step.1.payload).unwrap()).collect()
}

#[test]
fn every_valid_event_is_accepted_under_its_key_and_every_invalid_one_refused() {
    for (seed, products, clients) in [(1, 200, 1_000), (2, 3, 2), (3, 1, 0), (4, 2_500, 40), (u64::MAX, 0, 1)] {
        for (kind, event) in steps(GeneratorOptions { products, clients, ..options(seed) }, 6_000) {
            let text = String::from_utf8_lossy(&event.payload);
            match decoded(&event) {
                Ok(id) => assert!(kind != Kind::Invalid && id == event.key, "seed {seed}, {kind:?}: {text}"),
                Err(rejection) => assert!(kind == Kind::Invalid, "seed {seed}, {kind:?}: {rejection}: {text}"),
            }
        }
    }
}

#[test]
fn the_same_seed_and_times_give_the_same_bytes_and_another_seed_another_shop() {
    let events = |seed| steps(options(seed), 5_000).into_iter().map(|step| step.1).collect::<Vec<_>>();
    assert_eq!(events(5), events(5));
    assert_ne!(events(5), events(6));
}

#[test]
fn the_mix_is_mostly_sales_with_a_few_of_everything_else() {
    let steps = steps(options(7), 20_000);
    let mut counts = HashMap::new();
    for (kind, _) in &steps {
        *counts.entry(*kind).or_insert(0) += 1;
    }
    let share = |kind| f64::from(counts[&kind]) / 20_000.0;
    assert!((0.80..0.90).contains(&share(Kind::Sale)), "{counts:?}");
    assert!((0.025..0.045).contains(&share(Kind::Return)), "{counts:?}");
    assert!((0.002..0.009).contains(&share(Kind::Invalid)), "{counts:?}");
    assert!(share(Kind::Stock) > 0.05 && share(Kind::Client) > 0.02, "{counts:?}");
    let refused: HashSet<_> =
        steps.iter().filter_map(|step| decoded(&step.1).err()).map(|rejection| rejection.reason).collect();
    assert_eq!(refused, HashSet::from([Reason::NotJson, Reason::MissingField, Reason::BadValue]));
}

#[test]
fn sales_have_one_to_six_products_some_of_them_far_more_popular_than_others() {
    let steps = steps(options(8), 10_000);
    let sales = sales(&steps, Kind::Sale);
    let mut bought: HashMap<&str, i64> = HashMap::new();
    for sale in &sales {
        let products: HashSet<_> = sale.items.iter().map(|item| item.product_id.as_str()).collect();
        assert!((1..=6).contains(&sale.items.len()) && products.len() == sale.items.len());
        assert!(sale.items.iter().all(|item| item.quantity > 0 && item.unit_price > item.unit_cost));
        sale.items.iter().for_each(|item| *bought.entry(item.product_id.as_str()).or_default() += item.quantity);
    }
    let mut counts: Vec<_> = bought.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    assert!(counts.len() > 150 && counts[0] > 5 * counts[counts.len() / 2], "{counts:?}");
    let part = |what: fn(&Sale<'_>) -> bool| sales.iter().filter(|sale| what(sale)).count() * 100 / sales.len();
    assert!((78..86).contains(&part(|sale| sale.client_id.is_some())));
    assert!((12..18).contains(&part(|sale| sale.total_amount.is_some())));
}

#[test]
fn a_return_brings_back_what_a_sale_before_it_sold_at_its_price() {
    let steps = steps(options(9), 10_000);
    let mut sold: HashMap<(String, String, Money), i64> = HashMap::new();
    for (kind, event) in steps.iter().filter(|step| matches!(step.0, Kind::Sale | Kind::Return)) {
        let sale = decode_sale(&event.payload).unwrap();
        let client = sale.client_id.as_ref().map(ToString::to_string).unwrap_or_default();
        for item in &sale.items {
            assert_eq!(item.quantity < 0, *kind == Kind::Return);
            let left = sold.entry((client.clone(), item.product_id.to_string(), item.unit_price.unwrap())).or_default();
            *left += item.quantity;
            assert!(*left >= 0, "{item:?}");
        }
    }
}

#[test]
fn the_shop_opens_with_goods_that_expire_goods_that_expired_and_goods_nobody_buys() {
    let mut generator = Generator::new(options(10));
    let opening: Vec<_> = (0..generator.initial_events()).map(|_| generator.next(START)).collect();
    let records: Vec<_> = opening
        .iter()
        .filter(|event| event.stream == EventKind::Inventory)
        .map(|event| decode_inventory(&event.payload).unwrap())
        .collect();
    assert_eq!(opening.len() - records.len(), 1_000);
    let distinct = |of: fn(&stockstream_model::event::InventoryRecord<'_>) -> String| {
        records.iter().map(of).collect::<HashSet<_>>().len()
    };
    assert_eq!((distinct(|r| r.product_id.to_string()), distinct(|r| format!("{:?}", r.name))), (200, 200));
    assert_eq!(distinct(|r| format!("{:?}", r.category)), 10);
    assert_eq!(distinct(|r| format!("{:?}{:?}", r.product_id, r.batch_no)), records.len());
    let days_left =
        |r: &&stockstream_model::event::InventoryRecord<'_>| r.expiry_date.map(|day| day.day().since(START.day()));
    let expired = records.iter().filter(|r| days_left(r).is_some_and(|days| days < 0)).count();
    let soon = records.iter().filter(|r| days_left(r).is_some_and(|days| (0..7).contains(&days))).count();
    let idle = records.iter().filter(|r| START.day().since(r.last_movement.unwrap().day()) > 30).count();
    assert!(
        (3..30).contains(&expired) && (5..60).contains(&soon) && (3..20).contains(&idle),
        "{expired} {soon} {idle}"
    );
    for record in &records {
        let margin = 1.0 - record.buy_price.unwrap().to_f64() / record.sell_price.unwrap().to_f64();
        assert!((0.15..0.75).contains(&margin) && record.quantity > 0, "{record:?}");
        assert!(record.created_at <= record.last_movement && record.last_movement <= record.updated_at, "{record:?}");
    }
}

#[test]
fn deliveries_keep_up_with_sales_and_the_last_record_of_a_forgotten_batch_says_zero() {
    let mut generator = Generator::new(options(11));
    let mut last: HashMap<(String, Option<String>), i64> = HashMap::new();
    let mut now = START;
    for _ in 0..60_000 {
        now = now.plus_millis(50_000);
        let event = generator.next(now);
        if let (EventKind::Inventory, Ok(record)) = (event.stream, decode_inventory(&event.payload)) {
            let batch = record.batch_no.as_ref().map(ToString::to_string);
            last.insert((record.product_id.to_string(), batch), record.quantity);
        }
    }
    let empty = generator.shop.products.iter().filter(|product| product.available(now.day()) == 0).count();
    assert!(empty < 60, "{empty} products are sold out");
    for product in &generator.shop.products {
        for batch in &product.batches {
            let key = (product.id().to_string(), batch.number.clone());
            assert_eq!(last.remove(&key), Some(i64::from(batch.reported)), "{key:?}");
        }
    }
    assert!(last.len() > 100 && last.values().all(|quantity| *quantity == 0), "{last:?}");
}
