//! Which products win.

use super::ANALYSIS_SOURCE;
use crate::{
    Day, Timestamp,
    documents::{ProductState, Winner},
    settings::{ProductWinners, Weights},
};

/// Revenue and cost in 1/10,000, every unit valued; `None` while a price or the cost is not known.
fn totals(product: &ProductState) -> Option<(i128, i128)> {
    let valued = |units: i64, price: Option<crate::Money>| match (units, price) {
        (0, _) => Some(0),
        (_, None) => None,
        (units, Some(price)) => Some(i128::from(units) * i128::from(price.units())),
    };
    let record = product.record.as_ref();
    let revenue = i128::from(product.revenue.units()) + valued(product.unpriced, record.and_then(|r| r.sell_price))?;
    let cost = i128::from(product.cost.units()) + valued(product.uncosted, record.and_then(|r| r.buy_price))?;
    Some((revenue, cost))
}

/// The part of the score that does not move with today's date, which therefore an index can rank; `None` for a product
/// that is not ranked: it came back as often as it was sold or brought in nothing, or its cost (or a price) is not known.
///
/// The order of the operations is that of the update which MongoDB runs, so both give the same double.
pub fn score_base(product: &ProductState, weights: &Weights) -> Option<f64> {
    let (revenue, cost) = totals(product)?;
    let (first, last) = (product.first_sale?.day(), product.last_sale?.day());
    if product.units <= 0 || revenue <= 0 {
        return None;
    }
    let profit = (revenue - cost) as f64 / crate::decimal::SCALE as f64;
    let velocity = product.units as f64 / (last.since(first) + 1) as f64;
    let earned = weights.profit.to_f64() * profit + weights.velocity.to_f64() * velocity;
    Some(earned + weights.idle_days.to_f64() * f64::from(last.number()))
}

/// The score on a day, from the part that does not move.
pub fn score_at(base: f64, as_of: Day, weights: &Weights) -> f64 {
    base - weights.idle_days.to_f64() * f64::from(as_of.number())
}

/// The row of a ranked product; `None` for one that is not ranked.
pub fn winner_row(
    product: &ProductState,
    ranking: u32,
    as_of: Day,
    at: Timestamp,
    rules: &ProductWinners,
) -> Option<Winner> {
    let (revenue, cost) = totals(product)?;
    let base = score_base(product, &rules.weights)?;
    let (first, last) = (product.first_sale?.day(), product.last_sale?);
    let whole = |units: i128| units as f64 / crate::decimal::SCALE as f64;
    let percent = |part: i128, of: i128| (of != 0).then(|| part as f64 / of as f64 * 100.0);
    let record = product.record.clone().unwrap_or_default();
    let days_in_stock = as_of.since(last.day());
    let contribution = record.sell_price.zip(record.buy_price).and_then(|(sell, buy)| {
        let margin = i128::from(sell.units()) - i128::from(buy.units());
        percent(margin, sell.units().into())
    });
    let stock = (product.stock_sum != 0).then(|| product.stock_sum as f64 / product.stock_count as f64);
    Some(Winner {
        ranking,
        product_id: product.product_id.clone(),
        product_name: record.name,
        product_category: record.category,
        selling_price: record.sell_price.map(crate::Money::to_f64),
        purchase_price: record.buy_price.map(crate::Money::to_f64),
        minimum_margin_threshold: record.min_margin_threshold.map(crate::Money::to_f64),
        total_profit: whole(revenue - cost),
        total_revenue: whole(revenue),
        total_cost: whole(cost),
        units_sold: product.units,
        average_profit_margin_pct: percent(revenue - cost, revenue),
        average_roi_pct: percent(revenue - cost, cost),
        contribution_margin_pct: contribution,
        sales_velocity: product.units as f64 / (last.day().since(first) + 1) as f64,
        stock_turnover: stock.map(|mean| product.units as f64 / mean),
        days_in_stock,
        is_dead_stock: days_in_stock > i64::from(rules.dead_after_days),
        performance_score: score_at(base, as_of, &rules.weights),
        last_sale_date: last,
        analysis_timestamp: at,
        analysis_source: ANALYSIS_SOURCE.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::ProductRecord;

    fn sold() -> ProductState {
        let at = |text: &str| Some(text.parse().unwrap());
        ProductState {
            product_id: "a".into(),
            units: 30,
            revenue: "60".parse().unwrap(),
            uncosted: 30,
            first_sale: at("2026-01-01T23:59:00Z"),
            last_sale: at("2026-01-10"),
            stock_sum: 40,
            stock_count: 2,
            record: Some(ProductRecord {
                buy_price: Some("1.2".parse().unwrap()),
                sell_price: Some("2".parse().unwrap()),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn a_row_follows_the_definitions() {
        let row =
            winner_row(&sold(), 1, "2026-02-10".parse().unwrap(), Timestamp::default(), &ProductWinners::default())
                .unwrap();
        assert_eq!((row.total_revenue, row.total_cost, row.total_profit), (60.0, 36.0, 24.0));
        assert_eq!(
            (row.sales_velocity, row.stock_turnover, row.days_in_stock, row.is_dead_stock),
            (3.0, Some(1.5), 31, true)
        );
        assert_eq!((row.average_profit_margin_pct, row.contribution_margin_pct), (Some(40.0), Some(40.0)));
        assert!((row.performance_score - (0.5 * 24.0 + 0.3 * 3.0 - 0.2 * 31.0)).abs() < 1e-9);
    }

    #[test]
    fn without_a_known_cost_or_anything_sold_net_of_returns_a_product_is_not_ranked() {
        let weights = Weights::default();
        assert!(score_base(&sold(), &weights).is_some());
        assert_eq!(score_base(&ProductState { record: None, ..sold() }, &weights), None);
        assert_eq!(score_base(&ProductState { last_sale: None, first_sale: None, ..sold() }, &weights), None);
        let given = |units, revenue: &str| ProductState { units, revenue: revenue.parse().unwrap(), ..sold() };
        for (units, revenue) in [(0, "60"), (-1, "60"), (30, "0"), (30, "-0.0001"), (-1, "-60")] {
            assert_eq!(score_base(&given(units, revenue), &weights), None, "{units} units for {revenue}");
        }
        assert!(score_base(&given(1, "0.0001"), &weights).is_some());
        let costed = ProductState { record: None, uncosted: 0, cost: "36".parse().unwrap(), ..sold() };
        assert_eq!(score_base(&costed, &weights), score_base(&sold(), &weights));
    }
}
