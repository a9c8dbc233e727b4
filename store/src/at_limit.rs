//! Sums that went beyond [their limit](stockstream_model::sum) and are none any more.

use std::fmt;

use stockstream_model::{
    Day,
    documents::{ClientState, DayTotals, ProductState},
    sum,
};

/// Sums of one key that are at their limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AtLimit {
    /// Of what, for a person: `product`, `client` or `day`.
    pub of: &'static str,
    /// Which.
    pub key: String,
    /// Which sums.
    pub sums: Vec<&'static str>,
}

impl AtLimit {
    fn new<const N: usize>(of: &'static str, key: impl Into<String>, sums: [(&'static str, i64); N]) -> Option<Self> {
        let sums: Vec<_> = sums.into_iter().filter(|(_, sum)| sum::is_at_limit(*sum)).map(|(name, _)| name).collect();
        (!sums.is_empty()).then(|| Self { of, key: key.into(), sums })
    }

    /// Those of a product.
    pub fn of_product(product: &ProductState) -> Option<Self> {
        let of_a_day = product.days.values().any(DayTotals::is_at_limit);
        let sums = [
            ("units", product.units),
            ("revenue", product.revenue.units()),
            ("cost", product.cost.units()),
            ("units without price", product.unpriced),
            ("units without cost", product.uncosted),
            ("stock", product.stock_sum),
            ("sales of a day", if of_a_day { sum::LIMIT } else { 0 }),
        ];
        Self::new("product", &product.product_id, sums)
    }

    /// Those of a client.
    pub fn of_client(client: &ClientState) -> Option<Self> {
        Self::new("client", &client.client_id, [("revenue", client.revenue.units())])
    }

    /// Those of a day.
    pub fn of_day(day: Day, totals: &DayTotals) -> Option<Self> {
        Self::new("day", day.to_string(), [("units", totals.units), ("revenue", totals.revenue.units())])
    }
}

impl fmt::Display for AtLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, key, sums } = self;
        write!(
            f,
            "{} of {of} {key:?} went beyond what is counted (400 trillion of money, 4 quintillion units) and stays there: its figures \
             are wrong from now on, all others are right; look for a wrong amount in its events, and to have it right, have all \
             events counted again into an empty database",
            sums.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::Money;

    #[test]
    fn a_key_is_named_with_its_sums() {
        let client = |units| ClientState {
            client_id: "ann".into(),
            revenue: Money::from_units(units),
            ..ClientState::default()
        };
        assert_eq!(AtLimit::of_client(&client(sum::LIMIT - 1)), None);
        let said = AtLimit::of_client(&client(-sum::LIMIT)).unwrap().to_string();
        assert!(said.starts_with("revenue of client \"ann\" went beyond"), "{said}");
        let product = ProductState { units: sum::LIMIT, stock_sum: -sum::LIMIT, ..ProductState::default() };
        assert_eq!(AtLimit::of_product(&product).unwrap().sums, ["units", "stock"]);
    }
}
