//! Documents as the first change of their key makes them: what an upsert makes of nothing, made here, since many are
//! inserted several times as fast.

use bson::{Bson, Document, doc};
use stockstream_model::{
    analytics::{client_worth, score_base},
    documents::{
        ClientChange, ClientState, DailyChange, DayTotals, InventoryChange, ProductChange, ProductState, StockChange,
    },
    settings::{Analytics, ClientTiers},
    sum,
};
use stockstream_protocol::product_days::MOST_LIVE_DAYS;

use crate::{
    Guard,
    mongo::{
        apply::update::{AT_LIMIT, CROWDED, LAST_CLAIM, record_fields},
        codec::{date, inventory_document, maybe_date, money, record_document},
    },
};

fn with_id(id: Bson, guard: &Guard, fields: Document) -> Document {
    let mut document = doc! { "_id": id, guard.group: { &guard.name: guard.leaves } };
    document.extend(fields);
    document
}

/// That one of these sums is at its limit, where one is.
fn at_limit(sums: impl IntoIterator<Item = i64>) -> Document {
    if sums.into_iter().any(sum::is_at_limit) {
        doc! { AT_LIMIT: true }
    } else {
        Document::new()
    }
}

/// Amounts that are not zero; what is not there is zero.
fn amounts<const N: usize>(named: [(&str, i64); N]) -> Document {
    named
        .into_iter()
        .filter(|(_, amount)| *amount != 0)
        .map(|(name, amount)| (name.to_owned(), amount.into()))
        .collect()
}

pub(crate) fn product(id: Bson, change: &ProductChange, guard: &Guard, rules: &Analytics, stamp: i64) -> Document {
    let (sold, stock) = (change.sold(), change.stock.as_deref());
    let sums = [
        ("units", sold.units),
        ("revenue", sold.revenue.units()),
        ("cost", change.cost.units()),
        ("unpriced", sold.unpriced),
        ("uncosted", change.uncosted),
        ("stock_sum", stock.map_or(0, |stock| stock.sum)),
        ("stock_count", stock.map_or(0, |stock| stock.count)),
    ];
    let mut fields = amounts(sums);
    let of_days = change.days.iter().flat_map(|(_, day)| [day.units, day.revenue.units(), day.unpriced]);
    fields.extend(at_limit(sums.map(|(_, sum)| sum).into_iter().chain(of_days)));
    if let Some((first, last)) = change.sales {
        fields.extend(doc! {
            "first_sale": date(first),
            "last_sale": date(last),
            "first_day": first.day().number(),
            "last_day": last.day().number(),
        });
    }
    if !change.days.is_empty() {
        let days = change.days.iter().map(|(day, totals)| (day.to_string(), of_day(totals).into()));
        let days: Document = days.collect();
        if days.len() > MOST_LIVE_DAYS {
            fields.insert(CROWDED, true);
        }
        fields.insert("days", days);
    }
    if let Some(StockChange { version, record, .. }) = stock {
        fields.insert("rec", record_document(version, record));
    }
    let mut state = ProductState::default();
    change.apply(&mut state);
    let score = score_base(&state, &rules.product_winners.weights);
    fields.extend(doc! { "score": score, "g": stamp });
    if let Some(claim) = guard.last_claim() {
        fields.insert(LAST_CLAIM, claim);
    }
    with_id(id, guard, fields)
}

fn of_day(totals: &DayTotals) -> Document {
    let mut fields = doc! { "invoices": totals.invoices };
    fields.extend(amounts([
        ("units", totals.units),
        ("revenue", totals.revenue.units()),
        ("unpriced", totals.unpriced),
    ]));
    fields
}

pub(crate) fn client(id: Bson, change: &ClientChange, guard: &Guard, rules: &ClientTiers, stamp: i64) -> Document {
    let mut fields = doc! { "client_id": id.clone(), "invoices": change.invoices };
    fields.extend(amounts([("revenue", change.revenue.units())]));
    fields.extend(at_limit([change.revenue.units()]));
    fields.insert("last_purchase_date", maybe_date(change.last_purchase));
    if let Some((version, record)) = change.record.as_deref() {
        fields.extend(record_fields(version, record).map(|(field, value)| (field.to_owned(), value)));
    }
    let mut state = ClientState::default();
    change.apply(&mut state);
    let worth = client_worth(state.record.base_revenue, state.revenue, state.record.tier, rules);
    fields.extend(doc! {
        "total_revenue_generated": worth.total.to_f64(),
        "eligible_promo": worth.promo,
        "loyalty_tier": worth.tier.name(),
        "g": stamp,
    });
    with_id(id, guard, fields)
}

pub(crate) fn inventory(id: Bson, change: &InventoryChange, guard: &Guard) -> Document {
    with_id(id, guard, doc! { "rec": inventory_document(&change.record) })
}

pub(crate) fn daily(day: Bson, change: &DailyChange, guard: &Guard) -> Document {
    let DayTotals { invoices, units, revenue, unpriced } = change.totals;
    let mut fields = doc! { "invoices": invoices, "units": units, "revenue": money(revenue) };
    fields.extend(amounts([("unpriced", unpriced)]));
    fields.extend(at_limit([units, revenue.units(), unpriced]));
    with_id(day, guard, fields)
}
