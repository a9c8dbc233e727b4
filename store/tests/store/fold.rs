//! Events folded to what they change, by the definitions and without regard for speed.

use stockstream_model::{
    Money, Timestamp,
    documents::{
        ClientRecordFields, DayTotals, InventoryChange, InventoryState, PartitionId, ProductRecord, RejectedEvent,
        Version,
    },
    event::{ClientRecord, InventoryRecord, Item, Reason, Sale},
};
use stockstream_protocol::claim::ClaimedRange;
use stockstream_store::{Changes, batch::Key};

use super::events::Body;

/// Events are refused so long after they were produced: what is older than the setting says is deleted by the server.
pub const CENTURY: i64 = 36_525 * 86_400_000;

/// An event at its place in the log.
#[derive(Clone, Debug)]
pub struct Record {
    pub offset: i64,
    /// The Kafka timestamp.
    pub produced_at: Timestamp,
    pub body: Body,
}

/// What the claimed range of a partition changes, folded from its events of that incarnation.
pub fn fold(id: PartitionId, range: &ClaimedRange, records: &[Record]) -> Changes {
    let (incarnation, claimed) = (range.incarnation, range.start..range.end);
    let mut changes = Changes::default();
    for record in records.iter().filter(|record| claimed.contains(&record.offset)) {
        let place = Version { at: record.produced_at, incarnation, partition: id.partition, offset: record.offset };
        match &record.body {
            Body::Sale(sale) => fold_sale(&mut changes, sale),
            Body::Stock(stock) => fold_stock(&mut changes, place, stock),
            Body::Client(client) => fold_client(&mut changes, place, client),
            Body::Bad(payload) => changes.rejections.push(rejected(id, place, payload)),
        }
    }
    changes
}

fn fold_sale(changes: &mut Changes, sale: &Sale<'_>) {
    let (at, amount) = (sale.timestamp, sale.amount());
    let is_invoice = sale.items.iter().any(|item| item.quantity > 0);
    if let Some(client) = &sale.client_id {
        let client = changes.clients.entry(Key::from(client.as_str())).or_default();
        if is_invoice { client.bought(amount, at) } else { client.returned(amount) }
    }
    let units = sale.items.iter().map(|item| item.quantity).sum();
    changes.daily.entry(at.day()).or_default().totals.add(&DayTotals {
        invoices: is_invoice.into(),
        units,
        revenue: amount,
        unpriced: 0,
    });
    for (index, item) in sale.items.iter().enumerate() {
        let sells = |other: &&Item<'_>| other.product_id == item.product_id && other.quantity > 0;
        let first = item.quantity > 0 && !sale.items[..index].iter().any(|other| sells(&other));
        let times = |price: Option<Money>| price.and_then(|price| price.checked_mul_int(item.quantity));
        let (revenue, cost) = (times(item.unit_price), times(item.unit_cost));
        let product = changes.products.entry(Key::from(item.product_id.as_str())).or_default();
        product.cost = plus(product.cost, cost);
        let (unpriced, uncosted) = (left(item.quantity, revenue), left(item.quantity, cost));
        product.uncosted += uncosted;
        if item.quantity > 0 {
            product.sold_at(at);
        }
        product.day(at.day()).add(&DayTotals {
            invoices: first.into(),
            units: item.quantity,
            revenue: revenue.unwrap_or_default(),
            unpriced,
        });
    }
}

fn plus(sum: Money, amount: Option<Money>) -> Money {
    sum.summed(amount.unwrap_or_default())
}

/// The units that are not valued.
fn left(quantity: i64, amount: Option<Money>) -> i64 {
    if amount.is_some() { 0 } else { quantity }
}

fn fold_stock(changes: &mut Changes, place: Version, stock: &InventoryRecord<'_>) {
    let version = Version { at: stock.updated_at.unwrap_or(place.at), ..place };
    let record = ProductRecord {
        name: stock.name.as_deref().map(str::to_owned),
        category: stock.category.as_deref().map(str::to_owned),
        buy_price: stock.buy_price,
        sell_price: stock.sell_price,
        min_margin_threshold: stock.min_margin_threshold,
    };
    let (product_id, batch_number) = (stock.product_id.to_string(), stock.batch_no.as_ref().map(ToString::to_string));
    changes.products.entry(Key::from(product_id.as_str())).or_default().apply_record(
        version,
        record.clone(),
        stock.quantity,
    );
    let change = InventoryChange {
        record: InventoryState {
            product_id: product_id.clone(),
            batch_number: batch_number.clone(),
            quantity: stock.quantity,
            expiry_date: stock.expiry_date,
            movement: stock.last_movement.or(stock.created_at).unwrap_or(version.at),
            record,
            version,
        },
    };
    changes
        .inventory
        .entry((product_id, batch_number))
        .and_modify(|standing| standing.merge(&change))
        .or_insert_with(|| change.clone());
}

fn fold_client(changes: &mut Changes, place: Version, client: &ClientRecord<'_>) {
    let version = Version { at: client.updated_at.unwrap_or(place.at), ..place };
    let fields = ClientRecordFields {
        name: client.name.as_deref().map(str::to_owned),
        email: client.email.as_deref().map(str::to_owned),
        phone: client.phone.as_deref().map(str::to_owned),
        base_revenue: client.total_revenue_generated.unwrap_or_default(),
        tier: client.loyalty_tier,
    };
    changes.clients.entry(Key::from(client.client_id.as_str())).or_default().apply_record(version, fields);
}

fn rejected(id: PartitionId, place: Version, payload: &str) -> RejectedEvent {
    RejectedEvent {
        topic: format!("topic-{}", id.stream),
        incarnation: place.incarnation,
        partition: id.partition,
        offset: place.offset,
        reason: if payload.is_empty() { Reason::Empty } else { Reason::NotJson },
        path: String::new(),
        message: "no event".into(),
        payload: payload.as_bytes().to_vec(),
        produced_at: Some(place.at),
        rejected_at: place.at.plus_millis(CENTURY),
    }
}
