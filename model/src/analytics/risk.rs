//! Which stock is about to be lost.

use super::ANALYSIS_SOURCE;
use crate::{
    Day, Money, Timestamp,
    documents::{InventoryState, ProductRecord, RiskCategory, RiskRow},
    settings::LossRisk,
};

/// What the risk of a batch needs to know of its product.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProductFacts {
    /// The product's latest record.
    pub record: Option<ProductRecord>,
    /// Its last sale, which is a movement of every batch; a return is none.
    pub last_sale: Option<Timestamp>,
}

/// The row of a product and batch, if it is at risk. Expiry goes before idleness.
pub fn risk_row(
    batch: &InventoryState,
    product: &ProductFacts,
    as_of: Day,
    at: Timestamp,
    rules: &LossRisk,
) -> Option<RiskRow> {
    if batch.quantity <= 0 {
        return None;
    }
    let moved = product.last_sale.map_or(batch.movement, |sale| sale.max(batch.movement));
    let idle = as_of.since(moved.day());
    let left = batch.expiry_date.map(|expiry| expiry.day().since(as_of));
    let category = match left {
        Some(days) if days < 0 => RiskCategory::Expired,
        Some(days) if days <= i64::from(rules.expiring_within_days) => RiskCategory::ExpiringSoon,
        _ if idle >= i64::from(rules.idle_days) => RiskCategory::DeadStock,
        _ => return None,
    };
    let latest = product.record.clone().unwrap_or_default();
    let own = &batch.record;
    let (buy, sell) = (own.buy_price.or(latest.buy_price), own.sell_price.or(latest.sell_price));
    let times =
        |price: Money| (i128::from(price.units()) * i128::from(batch.quantity)) as f64 / crate::decimal::SCALE as f64;
    Some(RiskRow {
        product_id: batch.product_id.clone(),
        product_name: own.name.clone().or(latest.name),
        product_category: own.category.clone().or(latest.category),
        stock_quantity: batch.quantity,
        purchase_price: buy.map(Money::to_f64),
        selling_price: sell.map(Money::to_f64),
        potential_loss_amount: buy.map(times),
        potential_profit_loss: buy.zip(sell).map(|(buy, sell)| times(Money::from_units(sell.units() - buy.units()))),
        risk_category: category,
        expiry_date: batch.expiry_date,
        days_until_expiry: left,
        last_movement_date: moved,
        days_since_last_movement: idle,
        batch_number: batch.batch_number.clone(),
        analysis_timestamp: at,
        analysis_source: ANALYSIS_SOURCE.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn category(quantity: i64, expiry: Option<&str>, moved: &str, sold: Option<&str>) -> Option<RiskCategory> {
        let batch = InventoryState {
            quantity,
            expiry_date: expiry.map(|e| e.parse().unwrap()),
            movement: moved.parse().unwrap(),
            ..InventoryState::default()
        };
        let facts = ProductFacts { last_sale: sold.map(|s| s.parse().unwrap()), ..ProductFacts::default() };
        risk_row(&batch, &facts, "2026-03-01".parse().unwrap(), Timestamp::default(), &LossRisk::default())
            .map(|row| row.risk_category)
    }

    #[test]
    fn expiry_then_idleness_and_a_sale_is_a_movement() {
        let (fresh, old) = ("2026-02-28", "2026-01-30");
        assert_eq!(category(1, Some("2026-02-28T23:00:00Z"), old, None), Some(RiskCategory::Expired));
        assert_eq!(category(1, Some("2026-03-01"), fresh, None), Some(RiskCategory::ExpiringSoon));
        assert_eq!(category(1, Some("2026-03-08"), fresh, None), Some(RiskCategory::ExpiringSoon));
        assert_eq!(category(1, Some("2026-03-09"), fresh, None), None);
        assert_eq!(category(1, None, old, None), Some(RiskCategory::DeadStock));
        assert_eq!(category(1, None, "2026-01-31", None), None);
        assert_eq!(category(1, None, old, Some(fresh)), None);
        assert_eq!(category(0, Some("2026-03-01"), old, None), None);
    }

    #[test]
    fn loss_is_quantity_times_buy_price_of_the_batch_else_of_the_product() {
        let latest = ProductRecord {
            buy_price: Some("2".parse().unwrap()),
            sell_price: Some("5".parse().unwrap()),
            ..Default::default()
        };
        let facts = ProductFacts { record: Some(latest), last_sale: None };
        let mut batch = InventoryState { quantity: 3, ..InventoryState::default() };
        let row = |batch: &InventoryState| {
            risk_row(batch, &facts, "2026-03-01".parse().unwrap(), Timestamp::default(), &LossRisk::default()).unwrap()
        };
        assert_eq!((row(&batch).potential_loss_amount, row(&batch).potential_profit_loss), (Some(6.0), Some(9.0)));
        batch.record.buy_price = Some("1.5".parse().unwrap());
        assert_eq!(row(&batch).potential_loss_amount, Some(4.5));
    }
}
