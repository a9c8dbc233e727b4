//! The bounds of the contract, written down anew: what an accepted event must keep.

use stockstream_model::{
    Decimal, Timestamp,
    event::{ClientRecord, Id, InventoryRecord, Item, Rejection, Sale},
};

use super::Event;

const WHOLE: i128 = 10_000;
const BILLION: i128 = 1_000_000_000;

/// What the event breaks.
pub fn broken(event: &Event<'_>) -> Option<String> {
    let kept = match event {
        Event::Sale(sale) => of_sale(sale),
        Event::Stock(record) => of_stock(record),
        Event::Client(record) => of_client(record),
    };
    kept.err()
}

/// What a rejection fails to say.
pub fn unsaid(rejection: &Rejection) -> Option<&'static str> {
    let Rejection { reason, path, message } = rejection;
    let is_field = |part: &str| part.split('[').next().is_some_and(|name| !name.is_empty());
    match reason.name() {
        _ if message.trim().is_empty() => Some("why"),
        "empty" | "not_json" if !path.is_empty() => Some("that it is the whole document"),
        _ if !path.is_empty() && !path.split('.').all(is_field) => Some("a field's path"),
        _ => None,
    }
}

fn hold(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

fn id(id: &Id<'_>) -> Result<(), String> {
    hold(matches!(id.as_str().len(), 1..=512), "an id is 1 to 512 bytes")
}

fn within(amount: Option<Decimal>, least: i128, most: i128, what: &str) -> Result<(), String> {
    let units = amount.map_or(0, |amount| i128::from(amount.units()));
    hold((least * WHOLE..=most * WHOLE).contains(&units), what)
}

fn time(time: Option<Timestamp>) -> Result<(), String> {
    let millis = time.unwrap_or_default().millis();
    hold((-2_208_988_800_000..253_402_300_800_000).contains(&millis), "a time lies in the years 1900 to 9999")
}

fn words(words: Option<&str>) -> Result<(), String> {
    hold(words.is_none_or(|words| words.len() <= 4_096), "a text is at most 4096 bytes")
}

fn of_sale(sale: &Sale<'_>) -> Result<(), String> {
    id(&sale.invoice_id)?;
    sale.client_id.as_ref().map_or(Ok(()), id)?;
    time(Some(sale.timestamp))?;
    within(sale.total_amount, -10 * BILLION, 10 * BILLION, "an amount is at most 10 billion")?;
    hold(matches!(sale.items.len(), 1..=10_000), "1 to 10000 lines")?;
    sale.items.iter().try_for_each(of_line)?;
    let all_priced = sale.items.iter().all(|item| item.unit_price.is_some());
    hold(all_priced || sale.total_amount.is_some(), "an amount is stated unless every line has a price")?;
    let lines = || {
        sale.items
            .iter()
            .map(|item| i128::from(item.unit_price.unwrap_or_default().units()) * i128::from(item.quantity))
    };
    let amount = sale.total_amount.map_or_else(|| lines().sum(), |stated| i128::from(stated.units()));
    hold(i128::from(sale.amount().units()) == amount, "the amount is what is stated, else the sum of the lines")
}

fn of_line(item: &Item<'_>) -> Result<(), String> {
    id(&item.product_id)?;
    let quantity = i128::from(item.quantity);
    hold(quantity != 0 && (-BILLION..=BILLION).contains(&quantity), "a quantity is not zero and at most a billion")?;
    for price in [item.unit_price, item.unit_cost] {
        within(price, 0, BILLION, "a price is from zero to a billion")?;
        let line = i128::from(price.unwrap_or_default().units()) * quantity;
        hold((-10 * BILLION * WHOLE..=10 * BILLION * WHOLE).contains(&line), "a line is at most 10 billion")?;
    }
    Ok(())
}

fn of_stock(record: &InventoryRecord<'_>) -> Result<(), String> {
    id(&record.product_id)?;
    record.batch_no.as_ref().map_or(Ok(()), id)?;
    hold((-BILLION..=BILLION).contains(&i128::from(record.quantity)), "a quantity is at most a billion")?;
    for price in [record.buy_price, record.sell_price, record.min_margin_threshold] {
        within(price, 0, BILLION, "a price is from zero to a billion")?;
    }
    [record.last_movement, record.expiry_date, record.created_at, record.updated_at].into_iter().try_for_each(time)?;
    [&record.name, &record.category].into_iter().try_for_each(|text| words(text.as_deref()))
}

fn of_client(record: &ClientRecord<'_>) -> Result<(), String> {
    id(&record.client_id)?;
    time(record.updated_at)?;
    within(record.total_revenue_generated, -10 * BILLION, 10 * BILLION, "a revenue is at most 10 billion")?;
    [&record.name, &record.email, &record.phone].into_iter().try_for_each(|text| words(text.as_deref()))
}
