//! How working state is spelled in MongoDB. Money and counts are 64-bit integers (money in 1/10,000), times are dates.

pub(crate) mod kafka_ids;
pub(crate) mod views;

use std::collections::BTreeMap;

use bson::{Bson, DateTime, Document, doc};
use stockstream_model::{
    Day, Money, Timestamp,
    analytics::Tier,
    documents::{
        ClientRecordFields, ClientState, DayTotals, InventoryState, LeaderEpoch, PartitionId, ProductRecord,
        ProductState, StartPositions, Version,
    },
    settings::HumanDuration,
};
use stockstream_protocol::{
    product_days::{Block, BlockDays, Days, Ledger, Moving},
    risk::StockKey,
};

use crate::{
    StoreError,
    mongo::{Result, names},
};

/// A projection that leaves out the marks of lanes, and those that versions before lanes left.
pub(crate) fn without_marks() -> Document {
    doc! { "m": 0, "o": 0 }
}

pub(crate) fn date(at: Timestamp) -> Bson {
    Bson::DateTime(DateTime::from_millis(at.millis()))
}

pub(crate) fn maybe_date(at: Option<Timestamp>) -> Bson {
    at.map_or(Bson::Null, date)
}

pub(crate) fn money(amount: Money) -> Bson {
    Bson::Int64(amount.units())
}

/// An integer however the server typed it; 0 where it is missing.
pub(crate) fn integer(document: &Document, field: &str) -> i64 {
    maybe_integer(document, field).unwrap_or(0)
}

pub(crate) fn maybe_integer(document: &Document, field: &str) -> Option<i64> {
    match document.get(field)? {
        Bson::Int64(number) => Some(*number),
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Double(number) => Some(*number as i64),
        _ => None,
    }
}

pub(crate) fn maybe_double(document: &Document, field: &str) -> Option<f64> {
    match document.get(field)? {
        Bson::Double(number) => Some(*number),
        Bson::Int64(number) => Some(*number as f64),
        Bson::Int32(number) => Some(f64::from(*number)),
        _ => None,
    }
}

pub(crate) fn maybe_text(document: &Document, field: &str) -> Option<String> {
    document.get_str(field).ok().map(str::to_owned)
}

pub(crate) fn text(document: &Document, field: &str) -> String {
    maybe_text(document, field).unwrap_or_default()
}

pub(crate) fn maybe_time(document: &Document, field: &str) -> Option<Timestamp> {
    document.get_datetime(field).ok().map(|at| Timestamp::from_millis(at.timestamp_millis()))
}

/// A length of time in milliseconds.
pub(crate) fn maybe_span(document: &Document, field: &str) -> Option<HumanDuration> {
    maybe_integer(document, field).map(|millis| HumanDuration::from_millis(millis as u64))
}

pub(crate) fn span(span: Option<HumanDuration>) -> Bson {
    span.map(|span| span.millis() as i64).into()
}

fn amount(document: &Document, field: &str) -> Money {
    Money::from_units(integer(document, field))
}

fn maybe_amount(document: &Document, field: &str) -> Option<Money> {
    maybe_integer(document, field).map(Money::from_units)
}

pub(crate) fn malformed(collection: &str, document: &Document, message: &str) -> StoreError {
    let id = document.get("_id").map_or_else(|| "without id".to_owned(), ToString::to_string);
    // Whoever wrote the document chose how long it is.
    let id = id.chars().take(200).collect();
    StoreError::Malformed { collection: collection.into(), id, message: message.into() }
}

pub(crate) fn record_document(version: &Version, record: &ProductRecord) -> Document {
    doc! {
        "v": version.sortable(),
        "name": record.name.clone(),
        "category": record.category.clone(),
        "buy": record.buy_price.map(money),
        "sell": record.sell_price.map(money),
        "min_margin": record.min_margin_threshold.map(money),
    }
}

pub(crate) fn record(document: &Document) -> ProductRecord {
    ProductRecord {
        name: maybe_text(document, "name"),
        category: maybe_text(document, "category"),
        buy_price: maybe_amount(document, "buy"),
        sell_price: maybe_amount(document, "sell"),
        min_margin_threshold: maybe_amount(document, "min_margin"),
    }
}

fn version(text: &str) -> Option<Version> {
    let mut parts = text.split('.');
    let at = u64::from_str_radix(parts.next()?, 16).ok()?;
    let incarnation = i64::from_str_radix(parts.next()?, 16).ok()?;
    let partition = i32::from_str_radix(parts.next()?, 16).ok()?;
    let offset = i64::from_str_radix(parts.next()?, 16).ok()?;
    Some(Version { at: Timestamp::from_millis((at ^ (1 << 63)) as i64), incarnation, partition, offset })
}

/// Days by their names.
fn days(document: &Document, of: &Document, collection: &str) -> Result<Days> {
    let mut days = Days::new();
    for (day, totals) in of {
        let parsed = day.parse::<Day>().map_err(|_| malformed(collection, document, "a day is none"))?;
        days.extend(totals.as_document().map(|totals| (parsed, day_totals(totals))));
    }
    Ok(days)
}

/// What a product says of its days.
pub(crate) fn ledger(document: &Document) -> Result<Ledger> {
    let wrong = |what: &str| malformed(names::PRODUCTS, document, what);
    let days = |of: &Document| days(document, of, names::PRODUCTS);
    let moving = |of: &Document| -> Result<Moving> {
        let number = maybe_integer(of, "number").ok_or_else(|| wrong("its move of days has no number"))?;
        Ok(Moving { number, days: of.get_document("days").map_or_else(|_| Ok(Days::new()), days)? })
    };
    let mut moved = BTreeMap::new();
    for (block, number) in document.get_document("moved").into_iter().flatten() {
        let number = number.as_i64().or_else(|| number.as_i32().map(i64::from));
        let (Ok(block), Some(number)) = (block.parse(), number) else { return Err(wrong("a block of days is none")) };
        moved.insert(Block(block), number);
    }
    let kept_from = document.get_str("kept_from").ok().map(str::parse::<Day>).transpose();
    Ok(Ledger {
        live: document.get_document("days").map_or_else(|_| Ok(Days::new()), days)?,
        last_sale: maybe_time(document, "last_sale").map(Timestamp::day),
        moves: integer(document, "moves"),
        moving: document.get_document("moving").ok().map(moving).transpose()?,
        moved,
        kept_from: kept_from.map_err(|_| wrong("the day from which it keeps days is none"))?,
    })
}

/// A block's id.
pub(crate) fn block_id(product: &str, block: Block) -> Document {
    doc! { "product_id": product, "block": block.0 }
}

/// A block of days, and of which product.
pub(crate) fn block(document: &Document) -> Result<(String, Block, BlockDays)> {
    let wrong = |what: &str| malformed(names::PRODUCT_DAYS, document, what);
    let id = document.get_document("_id").map_err(|_| wrong("its id is no product and block"))?;
    let number = maybe_integer(id, "block").and_then(|number| i32::try_from(number).ok());
    let number = number.ok_or_else(|| wrong("its block is no number"))?;
    let days = match document.get_document("days") {
        Ok(of) => days(document, of, names::PRODUCT_DAYS)?,
        Err(_) => Days::new(),
    };
    let mark = document.get_document("moves").map_or(0, |moves| integer(moves, "number"));
    Ok((text(id, "product_id"), Block(number), BlockDays { number: mark, days }))
}

/// A product with these days.
pub(crate) fn product(document: &Document, days: Days) -> ProductState {
    let rec = document.get_document("rec").ok();
    ProductState {
        product_id: text(document, "_id"),
        units: integer(document, "units"),
        revenue: amount(document, "revenue"),
        cost: amount(document, "cost"),
        unpriced: integer(document, "unpriced"),
        uncosted: integer(document, "uncosted"),
        first_sale: maybe_time(document, "first_sale"),
        last_sale: maybe_time(document, "last_sale"),
        days,
        record: rec.map(record),
        version: rec.and_then(|rec| version(rec.get_str("v").ok()?)),
        stock_sum: integer(document, "stock_sum"),
        stock_count: integer(document, "stock_count"),
    }
}

pub(crate) fn day_totals(document: &Document) -> DayTotals {
    DayTotals {
        invoices: integer(document, "invoices"),
        units: integer(document, "units"),
        revenue: amount(document, "revenue"),
        unpriced: integer(document, "unpriced"),
    }
}

pub(crate) fn stock_id(product: &str, batch: Option<&str>) -> Document {
    doc! { "product_id": product, "batch_number": batch }
}

/// The product and batch of an id of stock.
pub(crate) fn stock_key(id: &Document) -> Option<StockKey> {
    Some((maybe_text(id, "product_id")?, maybe_text(id, "batch_number")))
}

pub(crate) fn inventory_document(state: &InventoryState) -> Document {
    let mut document = record_document(&state.version, &state.record);
    document.insert("quantity", state.quantity);
    document.insert("expiry_date", maybe_date(state.expiry_date));
    document.insert("movement", date(state.movement));
    document
}

pub(crate) fn inventory(document: &Document) -> Result<InventoryState> {
    let wrong = |what: &str| malformed(names::INVENTORY, document, what);
    let key = document.get_document("_id").ok().and_then(stock_key);
    let (product_id, batch_number) = key.ok_or_else(|| wrong("its id is no product and batch"))?;
    let rec = document.get_document("rec").map_err(|_| wrong("it has no record"))?;
    Ok(InventoryState {
        product_id,
        batch_number,
        quantity: integer(rec, "quantity"),
        expiry_date: maybe_time(rec, "expiry_date"),
        movement: maybe_time(rec, "movement").ok_or_else(|| wrong("it has no movement"))?,
        record: record(rec),
        version: rec.get_str("v").ok().and_then(version).ok_or_else(|| wrong("its version is none"))?,
    })
}

pub(crate) fn client(document: &Document) -> ClientState {
    ClientState {
        client_id: text(document, "_id"),
        revenue: amount(document, "revenue"),
        invoices: integer(document, "invoices"),
        last_purchase: maybe_time(document, "last_purchase_date"),
        record: ClientRecordFields {
            name: maybe_text(document, "name"),
            email: maybe_text(document, "email"),
            phone: maybe_text(document, "phone"),
            base_revenue: amount(document, "base_revenue"),
            tier: maybe_integer(document, "stated_tier").and_then(|rank| Tier::ALL.get(rank as usize).copied()),
        },
        version: document.get_str("v").ok().and_then(version),
    }
}

pub(crate) fn leader_epoch(document: &Document) -> Option<LeaderEpoch> {
    let value = maybe_integer(document, "value").and_then(|value| i32::try_from(value).ok())?;
    Some(LeaderEpoch { at: maybe_integer(document, "at")?, value })
}

pub(crate) fn start_document(start: &StartPositions) -> Document {
    let next: Document = start.next.iter().map(|(id, next)| (id.to_string(), Bson::Int64(*next))).collect();
    doc! { "_id": "start", "next": next }
}

pub(crate) fn start(document: &Document) -> Result<StartPositions> {
    let wrong = || malformed(names::META, document, "it does not hold offsets by partition");
    let positions = document.get_document("next").map_err(|_| wrong())?;
    let pair = |key: &String| Some((PartitionId::from_text(key)?, maybe_integer(positions, key)?));
    let next = positions.keys().map(|key| pair(key).ok_or_else(wrong)).collect::<Result<_>>()?;
    Ok(StartPositions { next })
}
