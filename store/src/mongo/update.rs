//! The updates that apply changes: each an upsert, guarded by the document's own marks, with its derived fields.
//!
//! The same arithmetic stands in `stockstream_model::documents` (apply) and `stockstream_model::analytics` (derive);
//! the randomized test holds the two against each other.

use bson::{Bson, Document, doc};
use stockstream_model::{
    Day,
    decimal::SCALE,
    documents::{ClientChange, DailyChange, DayTotals, InventoryChange, ProductChange, Version},
    settings::{Analytics, ClientTiers, Weights},
};

use super::codec::{date, inventory_document, maybe_date, money, record_document};

/// The guard of one partition's range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Guard {
    pub mark: String,
    pub next: i64,
    pub end: i64,
}

fn filter(id: impl Into<Bson>, guards: &[Guard]) -> Document {
    let mut filter = doc! { "_id": id.into() };
    for guard in guards {
        // A mark that is missing passes; `$lt` would not match it.
        filter.insert(format!("o.{}", guard.mark), doc! { "$not": { "$gt": guard.next } });
    }
    filter
}

fn marks(guards: &[Guard]) -> Document {
    guards.iter().map(|guard| (format!("o.{}", guard.mark), Bson::Int64(guard.end))).collect()
}

fn upsert(filter: Document, update: impl Into<Bson>) -> Document {
    doc! { "q": filter, "u": update.into(), "upsert": true }
}

fn or_zero(field: &str) -> Bson {
    doc! { "$ifNull": [field, 0_i64] }.into()
}

fn plus(set: &mut Document, field: &str, amount: i64) {
    if amount != 0 {
        set.insert(field, doc! { "$add": [or_zero(&format!("${field}")), amount] });
    }
}

/// The field's new value where the change's record is the later one, else what stands.
fn if_later(standing: &str, version: &Version, value: impl Into<Bson>, field: &str) -> Document {
    let later = doc! { "$lt": [{ "$ifNull": [standing, ""] }, version.sortable()] };
    doc! { "$cond": [later, { "$literal": value.into() }, field] }
}

pub(super) fn product(id: &str, change: &ProductChange, guards: &[Guard], rules: &Analytics, stamp: i64) -> Document {
    let mut set = marks(guards);
    plus(&mut set, "units", change.units);
    plus(&mut set, "revenue", change.revenue.units());
    plus(&mut set, "cost", change.cost.units());
    plus(&mut set, "unpriced", change.unpriced);
    plus(&mut set, "uncosted", change.uncosted);
    plus(&mut set, "stock_sum", change.stock_sum);
    plus(&mut set, "stock_count", change.stock_count);
    if let Some((first, last)) = change.sales {
        set.insert("first_sale", doc! { "$min": ["$first_sale", date(first)] });
        set.insert("last_sale", doc! { "$max": ["$last_sale", date(last)] });
        set.insert("first_day", doc! { "$min": ["$first_day", first.day().number()] });
        set.insert("last_day", doc! { "$max": ["$last_day", last.day().number()] });
        // What is older than the history of the change alone is older than that of the product too.
        let within = |day: &Day| last.day().since(*day) < i64::from(rules.history_days);
        for (day, totals) in change.days.iter().filter(|(day, _)| within(day)) {
            add_totals(&mut set, &format!("days.{day}"), totals);
        }
    }
    if let Some((version, record)) = change.record.as_deref() {
        set.insert("rec", if_later("$rec.v", version, record_document(version, record), "$rec"));
    }
    let mut derive = product_derived(&rules.product_winners.weights, stamp);
    if change.sales.is_some() {
        derive.insert("days", pruned_days(rules.history_days));
    }
    upsert(filter(id, guards), vec![Bson::from(doc! { "$set": set }), doc! { "$set": derive }.into()])
}

fn add_totals(set: &mut Document, path: &str, totals: &DayTotals) {
    let invoices = format!("{path}.invoices");
    set.insert(&invoices, doc! { "$add": [or_zero(&format!("${invoices}")), totals.invoices] });
    for (name, amount) in [("units", totals.units), ("revenue", totals.revenue.units()), ("unpriced", totals.unpriced)]
    {
        plus(set, &format!("{path}.{name}"), amount);
    }
}

/// Sales by day without those behind the history, once there are enough of them to be worth it: readers leave them out.
fn pruned_days(history_days: u32) -> Document {
    let days = doc! { "$objectToArray": { "$ifNull": ["$days", {}] } };
    let oldest = doc! { "$subtract": ["$last_sale", i64::from(history_days) * 86_400_000] };
    let oldest = doc! { "$dateToString": { "format": "%Y-%m-%d", "date": oldest } };
    let kept = doc! { "$filter": { "input": days.clone(), "as": "day", "cond": { "$gt": ["$$day.k", oldest] } } };
    let full = doc! { "$gt": [{ "$size": days }, i64::from(history_days) + 30] };
    doc! { "$cond": [full, { "$arrayToObject": kept }, "$days"] }
}

/// The part of the score that does not move with the day; null for a product that is not ranked.
pub(super) fn product_derived(weights: &Weights, stamp: i64) -> Document {
    let valued = |units: &str, price: &str| doc! { "$multiply": [or_zero(units), or_zero(price)] };
    let known = |units: &str, price: &str| {
        doc! { "$or": [{ "$eq": [or_zero(units), 0_i64] }, { "$ne": [{ "$ifNull": [price, Bson::Null] }, Bson::Null] }] }
    };
    let revenue = doc! { "$add": [or_zero("$revenue"), valued("$unpriced", "$rec.sell")] };
    let cost = doc! { "$add": [or_zero("$cost"), valued("$uncosted", "$rec.buy")] };
    let profit = doc! { "$divide": [{ "$subtract": [revenue, cost] }, SCALE as f64] };
    let days = doc! { "$add": [{ "$subtract": ["$last_day", "$first_day"] }, 1] };
    let velocity = doc! { "$divide": [or_zero("$units"), days] };
    let weighed = |weight: f64, value: Bson| doc! { "$multiply": [weight, value] };
    // Sums of two at a time: the server may add three in another way than Rust does.
    let earned = doc! { "$add": [weighed(weights.profit.to_f64(), profit.into()), weighed(weights.velocity.to_f64(), velocity.into())] };
    let score = doc! { "$add": [earned, weighed(weights.idle_days.to_f64(), "$last_day".into())] };
    let sold = doc! { "$ne": [{ "$ifNull": ["$last_day", Bson::Null] }, Bson::Null] };
    let ranked = doc! { "$and": [sold, known("$uncosted", "$rec.buy"), known("$unpriced", "$rec.sell")] };
    doc! { "score": { "$cond": [ranked, score, Bson::Null] }, "g": stamp }
}

pub(super) fn client(id: &str, change: &ClientChange, guards: &[Guard], rules: &ClientTiers, stamp: i64) -> Document {
    let mut set = marks(guards);
    set.insert("client_id", doc! { "$literal": id });
    set.insert("invoices", doc! { "$add": [or_zero("$invoices"), change.invoices] });
    plus(&mut set, "revenue", change.revenue.units());
    set.insert("last_purchase_date", doc! { "$max": ["$last_purchase_date", maybe_date(change.last_purchase)] });
    if let Some((version, record)) = change.record.as_deref() {
        let tier = record.tier.map_or(Bson::Null, |tier| Bson::Int32(tier as i32));
        for (field, value) in [
            ("name", Bson::from(record.name.clone())),
            ("email", record.email.clone().into()),
            ("phone", record.phone.clone().into()),
            ("base_revenue", money(record.base_revenue)),
            ("stated_tier", tier),
            ("v", version.sortable().into()),
        ] {
            set.insert(field, if_later("$v", version, value, &format!("${field}")));
        }
    }
    upsert(
        filter(id, guards),
        vec![Bson::from(doc! { "$set": set }), doc! { "$set": client_derived(rules, stamp) }.into()],
    )
}

/// Total, tier and promotion.
pub(super) fn client_derived(rules: &ClientTiers, stamp: i64) -> Document {
    let total = doc! { "$add": [or_zero("$base_revenue"), or_zero("$revenue")] };
    let from = |threshold, reached: i32, other: Bson| doc! { "$cond": [{ "$gte": [total.clone(), money(threshold)] }, reached, other] };
    let earned = from(rules.gold, 2, from(rules.silver, 1, 0.into()).into());
    let rank = doc! { "$max": [earned, { "$ifNull": ["$stated_tier", 0] }] };
    doc! {
        "total_revenue_generated": { "$divide": [total.clone(), SCALE as f64] },
        "eligible_promo": { "$gt": [total, money(rules.promo)] },
        "loyalty_tier": { "$arrayElemAt": [["Bronze", "Silver", "Gold"], rank] },
        "g": stamp,
    }
}

pub(super) fn inventory(id: Document, change: &InventoryChange, guards: &[Guard]) -> Document {
    let mut set = marks(guards);
    let record = inventory_document(&change.record);
    set.insert("rec", if_later("$rec.v", &change.record.version, record, "$rec"));
    upsert(filter(id, guards), vec![Bson::from(doc! { "$set": set })])
}

pub(super) fn daily(day: String, change: &DailyChange, guards: &[Guard]) -> Document {
    let totals = &change.totals;
    let mut add = doc! { "invoices": totals.invoices, "units": totals.units, "revenue": money(totals.revenue) };
    if totals.unpriced != 0 {
        add.insert("unpriced", totals.unpriced);
    }
    upsert(filter(day, guards), doc! { "$inc": add, "$set": marks(guards) })
}
