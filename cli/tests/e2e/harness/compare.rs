//! Everything that is kept and shown, against what must be.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use stockstream_model::{Money, documents::Checkpoint, event::EventKind};
use stockstream_store::{Paging, ViewStore, inspect::Snapshot};

use super::{TestEnv, eventually, holds};

/// How many differences a failed comparison tells.
const TOLD: usize = 5;

type Rows = BTreeMap<String, Value>;

/// The whole database after everything was applied: totals at once, views as soon as they are published.
pub async fn whole(env: &TestEnv, expected: &Value, checkpoints: &[Checkpoint]) {
    counts(expected, checkpoints).unwrap();
    let snapshot = env.snapshot().await;
    assert_eq!(snapshot.rejected.len() as u64, expected["rejected"].as_u64().unwrap());
    totals(expected, &snapshot).unwrap();
    eventually("the views are as they must be", async || views(expected, &shown(env).await)).await;
}

/// Every sale counts or is rejected.
fn counts(expected: &Value, checkpoints: &[Checkpoint]) -> Result<(), String> {
    let sales = checkpoints.iter().filter(|checkpoint| checkpoint.id.stream == EventKind::Sales);
    let (events, rejected) = sales.fold((0, 0), |(e, r), checkpoint| (e + checkpoint.events, r + checkpoint.rejected));
    let found = json!({ "accepted": events - rejected, "rejected": rejected });
    let wanted = json!({ "accepted": expected["accepted"], "rejected": expected["rejected"] });
    holds(found == wanted, || format!("sales: {found} instead of {wanted}"))
}

/// The exact state, to the last unit of money.
pub fn totals(expected: &Value, snapshot: &Snapshot) -> Result<(), String> {
    let products = snapshot.products.iter().map(|product| {
        let record = product.record.clone().unwrap_or_default();
        let row = json!({
            "units": product.units, "revenue": money(product.revenue), "uncosted": product.uncosted, "cost": money(product.cost),
            "unpriced": product.unpriced, "name": record.name, "sell_price": record.sell_price.map(money),
            "buy_price": record.buy_price.map(money), "quantity": product.stock_sum, "records": product.stock_count,
            "first_sale": product.first_sale, "last_sale": product.last_sale,
        });
        (product.product_id.clone(), row)
    });
    // What an import's file never says, the oracle of imports leaves out.
    let wanted = rows(&expected["products"], |row| {
        row.remove("score");
        let units = row["units"].clone();
        for (field, of_an_import) in [("unpriced", 0.into()), ("records", 1.into()), ("uncosted", units)] {
            row.entry(field).or_insert(of_an_import);
        }
    });
    same("products", &wanted, &products.collect())?;
    let clients = snapshot.clients.iter().map(|client| {
        let (revenue, invoices) = (money(client.revenue), client.invoices);
        let row = json!({ "revenue": revenue, "invoices": invoices, "last_purchase": client.last_purchase });
        (client.client_id.clone(), row)
    });
    let wanted =
        rows(&expected["clients"], |row| row.retain(|name, _| !["tier", "promo", "total"].contains(&name.as_str())));
    same("clients", &wanted, &clients.collect())?;
    let daily = snapshot.daily.iter().map(|(day, of)| {
        (day.to_string(), json!({ "invoices": of.invoices, "units": of.units, "revenue": money(of.revenue) }))
    });
    same("daily", &rows(&expected["daily"], |_| ()), &daily.collect())
}

/// The public views as JSON, each in its order.
pub struct Shown {
    pub winners: Vec<Value>,
    pub risks: Vec<Value>,
    pub clients: Vec<Value>,
}

/// What readers see now.
pub async fn shown(env: &TestEnv) -> Shown {
    let all = Paging { page: 1, per_page: 1_000_000 };
    let store = &env.store;
    let (winners, risks, clients) =
        tokio::try_join!(store.product_winners(), store.loss_risk_products(all), store.clients(all)).unwrap();
    Shown { winners: plain(&winners), risks: plain(&risks.items), clients: plain(&clients.items) }
}

fn plain<T: Serialize>(rows: &[T]) -> Vec<Value> {
    rows.iter().map(|row| serde_json::to_value(row).unwrap()).collect()
}

/// What readers see. Doubles, so to a millionth.
pub fn views(expected: &Value, shown: &Shown) -> Result<(), String> {
    let by_rank = |row: &Value| (format!("{:0>4}", row["ranking"].to_string()), row.clone());
    let winners = expected["winners"].as_array().unwrap().iter().map(by_rank).collect();
    same("winners", &winners, &keyed(&shown.winners, &["ranking"]))?;
    let risks = expected["risks"].as_array().unwrap().iter().map(|row| {
        let row = json!({
            "product_id": row["product_id"], "stock_quantity": row["quantity"], "potential_loss_amount": row["loss"],
            "days_since_last_movement": row["idle_days"], "risk_category": row["category"], "batch_number": row["batch"],
        });
        (key(&row, &["product_id", "batch_number"]), row)
    });
    same("risks", &risks.collect(), &keyed(&shown.risks, &["product_id", "batch_number"]))?;
    let losses: Vec<f64> = shown.risks.iter().filter_map(|row| row["potential_loss_amount"].as_f64()).collect();
    holds(losses.is_sorted_by(|a, b| a >= b), || "the greatest loss does not come first".into())?;
    let clients = expected["clients"].as_object().unwrap().iter().map(|(id, row)| {
        let row = json!({
            "total_revenue_generated": row.get("total").unwrap_or(&row["revenue"]), "invoices": row["invoices"], "loyalty_tier": row["tier"],
            "eligible_promo": row["promo"], "last_purchase_date": row["last_purchase"],
        });
        (id.clone(), row)
    });
    same("clients", &clients.collect(), &keyed(&shown.clients, &["client_id"]))
}

/// Days as a reader sees them.
pub fn days(expected: &Value, shown: &[Value]) -> Result<(), String> {
    same("daily", &rows(&expected["daily"], |_| ()), &keyed(shown, &["day"]))
}

fn money(amount: Money) -> String {
    let (sign, units) = (if amount.units() < 0 { "-" } else { "" }, amount.units().unsigned_abs());
    format!("{sign}{}.{:04}", units / 10_000, units % 10_000)
}

fn rows(expected: &Value, mut change: impl FnMut(&mut serde_json::Map<String, Value>)) -> Rows {
    let mut rows: Rows = expected.as_object().unwrap().clone().into_iter().collect();
    rows.values_mut().for_each(|row| change(row.as_object_mut().unwrap()));
    rows
}

fn keyed(rows: &[Value], fields: &[&str]) -> Rows {
    rows.iter().map(|row| (key(row, fields), row.clone())).collect()
}

fn key(row: &Value, fields: &[&str]) -> String {
    let part = |field: &&str| match &row[*field] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => format!("{:0>4}", other.to_string()),
    };
    fields.iter().map(part).collect::<Vec<_>>().join("\u{1f}")
}

/// Whether the same rows are there, and each has the wanted fields; it may have more.
fn same(what: &str, wanted: &Rows, found: &Rows) -> Result<(), String> {
    let mut differences = Vec::new();
    for (key, row) in wanted {
        match found.get(key) {
            None => differences.push(format!("{key} is missing")),
            Some(found) => differences.extend(row.as_object().unwrap().iter().filter_map(|(field, value)| {
                let there = &found[field];
                (!close(value, there)).then(|| format!("{key}: {field} is {there} instead of {value}"))
            })),
        }
    }
    differences.extend(found.keys().filter(|key| !wanted.contains_key(*key)).map(|key| format!("{key} is too much")));
    let count = differences.len();
    differences.truncate(TOLD);
    holds(count == 0, || format!("{what}: {count} differences in {} rows: {}", wanted.len(), differences.join("; ")))
}

/// Equal, or two numbers of which at least one is a double.
fn close(wanted: &Value, found: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::String(text) => text.parse::<f64>().ok(),
        other => other.as_f64(),
    };
    match (wanted, found) {
        (Value::String(_), Value::String(_)) | (Value::Null, _) | (_, Value::Null) => wanted == found,
        _ => match (number(wanted), number(found)) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * a.abs().max(1.0),
            _ => wanted == found,
        },
    }
}
