//! The updates that apply changes, guarded by the documents' own marks, with their derived fields: an upsert of one
//! document, or one statement for many documents that change alike, each by its own amounts.
//!
//! The same arithmetic stands in `stockstream_model::documents` (apply) and `stockstream_model::analytics` (derive);
//! the randomized test holds the two against each other.

use bson::{Bson, Document, doc};
use stockstream_model::{
    Day, Timestamp,
    decimal::SCALE,
    documents::{
        ClientChange, ClientRecordFields, DailyChange, DayTotals, InventoryChange, ProductChange, StockChange, Version,
    },
    settings::{Analytics, ClientTiers, Weights},
    sum,
};
use stockstream_protocol::product_days::{Addition, MOST_LIVE_DAYS};

use crate::{
    Guard,
    mongo::codec::{date, inventory_document, maybe_date, money, record_document},
};

/// Keys that one statement changes, with what it changes of each: one key, or several of the same shape.
pub(crate) struct Keys<'a, C> {
    pub ids: &'a [Bson],
    pub changes: &'a [&'a C],
}

/// Where a document's amounts stand while it is changed: they are looked for once, not for each field. They are gone when the
/// statement is through.
const AMOUNTS: &str = "m.at";

impl<C> Keys<'_, C> {
    /// The statement. Only that of one key makes a document where none is.
    fn statement(&self, guard: &Guard, mut sums: Sums, derive: Document) -> Document {
        sums.insert(guard.path(), guard.leaves);
        let amounts = sums.amounts();
        let change = sums.stages(derive);
        if let [id] = self.ids {
            return upsert(filter(id.clone(), guard), change.map(Bson::from).to_vec());
        }
        let stages: Vec<Bson> = match amounts {
            None => change.map(Bson::from).to_vec(),
            Some(amounts) => {
                let place = doc! { "$indexOfArray": [{ "$literal": self.ids }, "$_id"] };
                let find = doc! { "$set": { AMOUNTS: { "$arrayElemAt": [{ "$literal": amounts }, place] } } };
                let stages = [find].into_iter().chain(change).chain([doc! { "$unset": AMOUNTS }]);
                stages.map(Bson::from).collect()
            }
        };
        doc! { "q": filter(doc! { "$in": self.ids }, guard), "u": stages, "multi": true }
    }
}

/// [`Guard::accepts`], as the server evaluates it. A mark that is missing is accepted; `$lt` would not match it.
fn filter(id: impl Into<Bson>, guard: &Guard) -> Document {
    doc! { "_id": id.into(), guard.path(): { "$not": { "$gt": guard.up_to } } }
}

fn upsert(filter: Document, update: impl Into<Bson>) -> Document {
    doc! { "q": filter, "u": update.into(), "upsert": true }
}

fn or_zero(field: &str) -> Bson {
    doc! { "$ifNull": [field, 0_i64] }.into()
}

/// Where it is said that a sum of the document is at its limit.
pub(crate) const AT_LIMIT: &str = "at_limit";
/// Where it is said that a product has more days than are worth rewriting with every sale.
pub(crate) const CROWDED: &str = "crowded";

/// The claim that changed a product last.
pub(crate) const LAST_CLAIM: &str = "last_claim";

/// What is set, and which of it are sums.
#[derive(Default)]
struct Sums {
    set: Document,
    fields: Vec<String>,
    /// Values that differ between the keys of the statement, one for each key.
    differing: Vec<Vec<Bson>>,
}

impl Sums {
    fn insert(&mut self, field: impl Into<String>, value: impl Into<Bson>) {
        self.set.insert(field, value);
    }

    /// A value of each change, as an expression.
    fn each<C>(&mut self, keys: &Keys<'_, C>, value: impl Fn(&C) -> Bson) -> Bson {
        let mut values: Vec<Bson> = keys.changes.iter().map(|change| value(change)).collect();
        if values.windows(2).all(|pair| pair[0] == pair[1]) {
            return values.pop().unwrap_or(Bson::Null);
        }
        self.differing.push(values);
        format!("${AMOUNTS}.{}", column(self.differing.len() - 1)).into()
    }

    /// For each key what differs from others', if anything does.
    fn amounts(&mut self) -> Option<Vec<Document>> {
        let mut rows: Vec<Document> = vec![Document::new(); self.differing.first()?.len()];
        for (number, values) in std::mem::take(&mut self.differing).into_iter().enumerate() {
            for (row, value) in rows.iter_mut().zip(values) {
                row.insert(column(number), value);
            }
        }
        Some(rows)
    }

    /// The stages that set all of it, and then what is derived from it.
    fn stages(self, mut derive: Document) -> [Document; 2] {
        if !self.fields.is_empty() {
            let at_limit: Vec<Bson> = self.fields.iter().map(|field| is_at_limit(field)).collect();
            derive.insert(AT_LIMIT, doc! { "$cond": [{ "$or": at_limit }, true, format!("${AT_LIMIT}")] });
        }
        [doc! { "$set": self.set }, doc! { "$set": derive }]
    }

    /// Adds an amount of each change, as [`sum::add`] does.
    fn add<C>(&mut self, field: &str, keys: &Keys<'_, C>, amount: impl Fn(&C) -> i64) {
        let standing = format!("${field}");
        let added = match keys.changes {
            [alone] if sum::is_at_limit(amount(alone)) => Bson::from(amount(alone)),
            _ => {
                let added = doc! { "$add": [or_zero(&standing), self.each(keys, |change| amount(change).into())] };
                doc! { "$max": [-sum::LIMIT, { "$min": [sum::LIMIT, added] }] }.into()
            }
        };
        self.set.insert(field, doc! { "$cond": [is_at_limit(field), standing, added] });
        self.fields.push(field.to_owned());
    }

    /// The same. None of the amounts is zero, or all are.
    fn plus<C>(&mut self, field: &str, keys: &Keys<'_, C>, amount: impl Fn(&C) -> i64) {
        if keys.changes.iter().any(|change| amount(change) != 0) {
            self.add(field, keys, amount);
        }
    }
}

fn column(number: usize) -> String {
    format!("c{number}")
}

fn is_at_limit(field: &str) -> Bson {
    let field = format!("${field}");
    doc! { "$or": [{ "$eq": [&field, sum::LIMIT] }, { "$eq": [&field, -sum::LIMIT] }] }.into()
}

/// What changes of one shape have in common: which fields and days they change. None for a change that has a record, which
/// is a statement of its own.
pub(crate) type Shape = Option<Vec<i64>>;

fn nonzero(amounts: &[i64]) -> i64 {
    amounts.iter().fold(0, |bits, amount| bits << 1 | i64::from(*amount != 0))
}

pub(crate) fn product_shape(change: &ProductChange) -> Shape {
    if change.stock.is_some() {
        return None;
    }
    let DayTotals { units, revenue, unpriced, .. } = change.sold();
    let sums = [units, revenue.units(), change.cost.units(), unpriced, change.uncosted];
    // What is at its limit already is set, not added.
    if sums.iter().copied().any(sum::is_at_limit) || change.days.iter().any(|(_, day)| day.is_at_limit()) {
        return None;
    }
    let sums = nonzero(&sums);
    let mut shape = vec![sums << 1 | i64::from(change.sales.is_some())];
    let mut days: Vec<_> = change.days.iter().collect();
    days.sort_unstable_by_key(|(day, _)| *day);
    for (day, totals) in days {
        shape.push(i64::from(day.number()));
        shape.push(nonzero(&[totals.units, totals.revenue.units(), totals.unpriced]));
    }
    Some(shape)
}

pub(crate) fn client_shape(change: &ClientChange) -> Shape {
    let bits = nonzero(&[change.revenue.units()]) << 1 | i64::from(change.last_purchase.is_some());
    (change.record.is_none() && !sum::is_at_limit(change.revenue.units())).then(|| vec![bits])
}

/// The field's new value where the change's record is the later one, else what stands.
fn if_later(standing: &str, version: &Version, value: impl Into<Bson>, field: &str) -> Document {
    let later = doc! { "$lt": [{ "$ifNull": [standing, ""] }, version.sortable()] };
    doc! { "$cond": [later, { "$literal": value.into() }, field] }
}

pub(crate) fn products(keys: &Keys<'_, ProductChange>, guard: &Guard, rules: &Analytics, stamp: i64) -> Document {
    let sold: Vec<DayTotals> = keys.changes.iter().map(|change| change.sold()).collect();
    let sold = Keys { ids: keys.ids, changes: &sold.iter().collect::<Vec<_>>() };
    let mut set = Sums::default();
    set.plus("units", &sold, |sold| sold.units);
    set.plus("revenue", &sold, |sold| sold.revenue.units());
    set.plus("cost", keys, |change| change.cost.units());
    set.plus("unpriced", &sold, |sold| sold.unpriced);
    set.plus("uncosted", keys, |change| change.uncosted);
    set.plus("stock_sum", keys, |change| change.stock.as_ref().map_or(0, |stock| stock.sum));
    set.plus("stock_count", keys, |change| change.stock.as_ref().map_or(0, |stock| stock.count));
    let mut derive = product_derived(&rules.product_winners.weights, stamp);
    let Some(first) = keys.changes.first() else { return Document::new() };
    if first.sales.is_some() {
        let mut bound = |field: &str, which: &str, of: fn((Timestamp, Timestamp)) -> Bson| {
            let sale = set.each(keys, |change| change.sales.map_or(Bson::Null, of));
            set.insert(field, doc! { which: [format!("${field}"), sale] });
        };
        bound("first_sale", "$min", |(first, _)| date(first));
        bound("last_sale", "$max", |(_, last)| date(last));
        bound("first_day", "$min", |(first, _)| first.day().number().into());
        bound("last_day", "$max", |(_, last)| last.day().number().into());
    }
    if !first.days.is_empty() {
        for (day, _) in &first.days {
            add_totals(&mut set, *day, keys);
        }
        derive.insert(CROWDED, is_crowded());
    }
    if let Some(StockChange { version, record, .. }) = first.stock.as_deref() {
        set.insert("rec", if_later("$rec.v", version, record_document(version, record), "$rec"));
    }
    if let Some(claim) = guard.last_claim() {
        set.insert(LAST_CLAIM, claim);
    }
    keys.statement(guard, set, derive)
}

fn add_totals(set: &mut Sums, day: Day, keys: &Keys<'_, ProductChange>) {
    let of_day = |change: &ProductChange| {
        change.days.iter().find(|(one, _)| *one == day).map(|(_, totals)| *totals).unwrap_or_default()
    };
    let invoices = format!("days.{day}.invoices");
    let added = set.each(keys, |change| of_day(change).invoices.into());
    set.insert(&invoices, doc! { "$add": [or_zero(&format!("${invoices}")), added] });
    set.plus(&format!("days.{day}.units"), keys, |change| of_day(change).units);
    set.plus(&format!("days.{day}.revenue"), keys, |change| of_day(change).revenue.units());
    set.plus(&format!("days.{day}.unpriced"), keys, |change| of_day(change).unpriced);
}

/// Whether there are so many days that older ones are worth moving. Once it is said, moving them takes it away.
pub(crate) fn is_crowded() -> Document {
    let days = doc! { "$size": { "$objectToArray": { "$ifNull": ["$days", {}] } } };
    doc! { "$cond": [{ "$gt": [days, MOST_LIVE_DAYS as i64] }, true, format!("${CROWDED}")] }
}

/// The part of the score that does not move with the day; null for a product that is not ranked.
pub(crate) fn product_derived(weights: &Weights, stamp: i64) -> Document {
    let valued = |units: &str, price: &str| doc! { "$multiply": [or_zero(units), or_zero(price)] };
    let known = |units: &str, price: &str| {
        doc! { "$or": [{ "$eq": [or_zero(units), 0_i64] }, { "$ne": [{ "$ifNull": [price, Bson::Null] }, Bson::Null] }] }
    };
    let revenue = doc! { "$add": [or_zero("$revenue"), valued("$unpriced", "$rec.sell")] };
    let cost = doc! { "$add": [or_zero("$cost"), valued("$uncosted", "$rec.buy")] };
    let earned_anything = doc! { "$and": [{ "$gt": [or_zero("$units"), 0_i64] }, { "$gt": [revenue.clone(), 0_i64] }] };
    let profit = doc! { "$divide": [{ "$subtract": [revenue, cost] }, SCALE as f64] };
    let days = doc! { "$add": [{ "$subtract": ["$last_day", "$first_day"] }, 1] };
    let velocity = doc! { "$divide": [or_zero("$units"), days] };
    let weighed = |weight: f64, value: Bson| doc! { "$multiply": [weight, value] };
    // Sums of two at a time: the server may add three in another way than Rust does.
    let earned = doc! { "$add": [weighed(weights.profit.to_f64(), profit.into()), weighed(weights.velocity.to_f64(), velocity.into())] };
    let score = doc! { "$add": [earned, weighed(weights.idle_days.to_f64(), "$last_day".into())] };
    let sold = doc! { "$ne": [{ "$ifNull": ["$last_day", Bson::Null] }, Bson::Null] };
    let ranked =
        doc! { "$and": [sold, earned_anything, known("$uncosted", "$rec.buy"), known("$unpriced", "$rec.sell")] };
    doc! { "score": { "$cond": [ranked, score, Bson::Null] }, "g": stamp }
}

pub(crate) fn clients(keys: &Keys<'_, ClientChange>, guard: &Guard, rules: &ClientTiers, stamp: i64) -> Document {
    let mut set = Sums::default();
    if let [id] = keys.ids {
        set.insert("client_id", doc! { "$literal": id });
    }
    let invoices = set.each(keys, |change| change.invoices.into());
    set.insert("invoices", doc! { "$add": [or_zero("$invoices"), invoices] });
    set.plus("revenue", keys, |change| change.revenue.units());
    let last = set.each(keys, |change| maybe_date(change.last_purchase));
    set.insert("last_purchase_date", doc! { "$max": ["$last_purchase_date", last] });
    if let Some((version, record)) = keys.changes.first().and_then(|change| change.record.as_deref()) {
        for (field, value) in record_fields(version, record) {
            set.insert(field, if_later("$v", version, value, &format!("${field}")));
        }
    }
    keys.statement(guard, set, client_derived(rules, stamp))
}

/// The fields that a client's record fills.
pub(crate) fn record_fields(
    version: &Version,
    record: &ClientRecordFields,
) -> impl Iterator<Item = (&'static str, Bson)> {
    let tier = record.tier.map_or(Bson::Null, |tier| Bson::Int32(tier as i32));
    let fields = [
        ("name", Bson::from(record.name.clone())),
        ("email", record.email.clone().into()),
        ("phone", record.phone.clone().into()),
        ("base_revenue", money(record.base_revenue)),
        ("stated_tier", tier),
        ("v", version.sortable().into()),
    ];
    fields.into_iter()
}

/// Total, tier and promotion.
pub(crate) fn client_derived(rules: &ClientTiers, stamp: i64) -> Document {
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

pub(crate) fn inventory(id: Bson, change: &InventoryChange, guard: &Guard) -> Document {
    let mut set = doc! { guard.path(): guard.leaves };
    let record = inventory_document(&change.record);
    set.insert("rec", if_later("$rec.v", &change.record.version, record, "$rec"));
    upsert(filter(id, guard), vec![Bson::from(doc! { "$set": set })])
}

pub(crate) fn daily(day: Bson, change: &DailyChange, guard: &Guard) -> Document {
    let keys = Keys { ids: &[day], changes: &[&change.totals] };
    let mut set = Sums::default();
    set.add("invoices", &keys, |totals| totals.invoices);
    set.add("units", &keys, |totals| totals.units);
    set.add("revenue", &keys, |totals| totals.revenue.units());
    set.plus("unpriced", &keys, |totals| totals.unpriced);
    keys.statement(guard, set, Document::new())
}

/// Adds a move's days to a block of days, where that has the number that was seen.
pub(crate) fn block(id: Document, addition: &Addition) -> Document {
    let Addition { number, seen, days } = addition;
    let keys = Keys { ids: &[], changes: &[days] };
    let mut set = Sums::default();
    for (day, totals) in days {
        let invoices = format!("days.{day}.invoices");
        set.insert(&invoices, doc! { "$add": [or_zero(&format!("${invoices}")), totals.invoices] });
        set.add(&format!("days.{day}.units"), &keys, |_| totals.units);
        set.add(&format!("days.{day}.revenue"), &keys, |_| totals.revenue.units());
        set.plus(&format!("days.{day}.unpriced"), &keys, |_| totals.unpriced);
    }
    const NUMBER: &str = "moves.number";
    set.insert(NUMBER, *number);
    let change = set.stages(Document::new()).map(Bson::from).to_vec();
    match seen {
        0 => upsert(doc! { "_id": id, NUMBER: { "$exists": false } }, change),
        seen => doc! { "q": { "_id": id, NUMBER: seen }, "u": change },
    }
}
