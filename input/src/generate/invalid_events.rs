//! Events that are to be refused.

use serde_json::{Map, Value};
use stockstream_model::{Decimal, event::Sale};

use crate::{OutboundEvent, generate::rng::SeededRng};

/// An event that no worker accepts, made from good ones: cut off, a field missing, a quantity of zero, a date that is
/// none, a price below zero or a tier that is not known.
pub(super) fn spoil(
    mut sale: Sale<'_>,
    stock: Option<OutboundEvent>,
    client: Option<OutboundEvent>,
    rng: &mut SeededRng,
) -> OutboundEvent {
    let good = OutboundEvent::sale(&sale);
    let line = rng.below(sale.items.len() as u32) as usize;
    match (rng.below(9), stock, client) {
        (0, ..) => cut(good, rng),
        (1, ..) => edit(good, |fields| _ = fields.remove("timestamp")),
        (2, ..) => edit(good, |fields| _ = fields.insert("timestamp".into(), "31/04/2026 12:00".into())),
        (3, ..) => {
            sale.items[line].unit_price = Some(Decimal::from_units(-25_000));
            OutboundEvent::sale(&sale)
        }
        (4, Some(stock), _) => edit(stock, |fields| _ = fields.remove("quantity")),
        (5, Some(stock), _) => edit(stock, |fields| _ = fields.insert("expiry_date".into(), "2026-02-30".into())),
        (6, Some(stock), _) => edit(stock, |fields| _ = fields.insert("buy_price".into(), "-1.5".into())),
        (7, _, Some(client)) => edit(client, |fields| _ = fields.insert("loyalty_tier".into(), "Platinum".into())),
        _ => {
            sale.items[line].quantity = 0;
            OutboundEvent::sale(&sale)
        }
    }
}

fn cut(mut event: OutboundEvent, rng: &mut SeededRng) -> OutboundEvent {
    event.payload.truncate(rng.between(1, event.payload.len() as u32 - 1) as usize);
    event
}

fn edit(mut event: OutboundEvent, change: impl FnOnce(&mut Map<String, Value>)) -> OutboundEvent {
    if let Ok(Value::Object(mut fields)) = serde_json::from_slice(&event.payload) {
        change(&mut fields);
        event.payload = Value::Object(fields).to_string().into_bytes();
    }
    event
}
