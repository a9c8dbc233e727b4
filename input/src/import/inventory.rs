//! Inventory records made up from sales.

use stockstream_model::{decimal::SCALE, event::InventoryRecord};

use super::{DeriveInventory, plan::Product};

/// The record of a product: its price and name as last seen, its cost and stock as shares, moved with its last sale.
pub(super) fn record(product: &Product, shares: DeriveInventory) -> InventoryRecord<'_> {
    InventoryRecord {
        product_id: product.id.clone(),
        name: product.name.as_deref().map(Into::into),
        category: None,
        buy_price: product.price.and_then(|price| price.checked_mul(shares.buy_share)),
        sell_price: product.price,
        min_margin_threshold: None,
        quantity: stock(product.net, shares.stock_share.units()),
        last_movement: product.sold,
        expiry_date: None,
        batch_no: None,
        created_at: None,
        updated_at: Some(product.last),
    }
}

/// A share of the units, rounded up, and at least zero.
fn stock(net: i128, share: i64) -> i64 {
    let scale = i128::from(SCALE);
    let exact = net.saturating_mul(i128::from(share)).max(0);
    i64::try_from(exact / scale + i128::from(exact % scale != 0)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::stock;

    #[test]
    fn stock_is_rounded_up_and_never_below_zero() {
        for (net, share, expected) in [
            (0, 1_000, 0),
            (1, 1_000, 1),
            (10, 1_000, 1),
            (11, 1_000, 2),
            (-50, 1_000, 0),
            (3, 3_333, 1),
            (30_000, 1, 3),
            (30_001, 1, 4),
            (7, 0, 0),
            (i128::MAX, i64::MAX, i64::MAX),
            (i128::MIN, i64::MAX, 0),
        ] {
            assert_eq!(stock(net, share), expected, "{net} × {share}");
        }
    }
}
