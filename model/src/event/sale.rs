//! A sale: one invoice with all its lines.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{
    Id, MAX_AMOUNT, MAX_LINE_AMOUNT, MAX_QUANTITY, MAX_SALE_AMOUNT, MAX_SALE_UNITS, Rejection,
    decode::{Object, Problem},
};
use crate::{Money, Timestamp};

/// The most lines of one invoice.
pub const MAX_ITEMS: usize = 10_000;

/// An invoice, or a return when quantities are negative. All of its lines count; one bad line rejects the whole event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sale<'a> {
    /// The invoice; also the Kafka key of what Stockstream produces.
    #[serde(borrow)]
    pub invoice_id: Id<'a>,
    /// Who bought; left out for a sale to nobody known.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Id<'a>>,
    /// When it was sold.
    pub timestamp: Timestamp,
    /// The amount, up to 10,000,000,000 either way. Left out: the sum of the lines, if every line has `unit_price`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = -MAX_SALE_AMOUNT, "maximum" = MAX_SALE_AMOUNT))]
    pub total_amount: Option<Money>,
    /// The lines, 1 to 10,000; together at most 10,000,000,000 in amount, in cost and in units, signs left aside.
    #[serde(borrow, deserialize_with = "objects")]
    #[schemars(length(min = 1, max = 10_000))]
    pub items: Vec<Item<'a>>,
}

/// A line of an invoice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Item<'a> {
    /// The product.
    #[serde(borrow)]
    pub product_id: Id<'a>,
    /// How many; not zero, negative for a return.
    #[serde(deserialize_with = "whole_number")]
    #[schemars(range(min = -1_000_000_000, max = 1_000_000_000))]
    pub quantity: i64,
    /// Price of one, 0 to 1,000,000,000; times quantity at most ten times that. Left out: the product's `sell_price`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = 0, "maximum" = MAX_AMOUNT))]
    pub unit_price: Option<Money>,
    /// Cost of one, 0 to 1,000,000,000; times quantity at most ten times that. Left out: the product's `buy_price`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = 0, "maximum" = MAX_AMOUNT))]
    pub unit_cost: Option<Money>,
}

impl Sale<'_> {
    /// The amount of the invoice: `total_amount`, else the sum of its priced lines.
    pub fn amount(&self) -> Money {
        self.total_amount.unwrap_or_else(|| {
            let lines = self.items.iter().filter_map(|item| item.unit_price?.checked_mul_int(item.quantity));
            Money::from_units(lines.map(Money::units).fold(0, i64::saturating_add))
        })
    }

    /// What the types alone do not say. The path is that of the first field that breaks the contract.
    pub(super) fn check(&self) -> Result<(), Problem> {
        check_count(self.items.len())?;
        let mut total = LinesTotal::default();
        for (index, item) in self.items.iter().enumerate() {
            item.check().map_err(|problem| problem.within(&format!("items[{index}]")))?;
            total.add(item);
        }
        total.check()?;
        match self.total_amount {
            Some(amount) => in_range("total_amount", amount, -MAX_SALE_AMOUNT, MAX_SALE_AMOUNT),
            None => match self.items.iter().position(|item| item.unit_price.is_none()) {
                Some(index) => Err(Problem::missing(
                    "total_amount",
                    format!(
                        "total_amount may be left out only when every line has unit_price, and items[{index}] has none"
                    ),
                )),
                None => Ok(()),
            },
        }
    }
}

/// What the lines of one sale come to together, signs left aside.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinesTotal {
    lines: usize,
    units: i64,
    revenue: i64,
    cost: i64,
}

impl LinesTotal {
    /// The total with one line more, which keeps its own bounds ([`Item::verify`]).
    ///
    /// # Errors
    /// A sale of these lines would be refused.
    pub fn with(mut self, item: &Item<'_>) -> Result<Self, Rejection> {
        self.add(item);
        self.check()?;
        Ok(self)
    }

    fn add(&mut self, Item { quantity, unit_price, unit_cost, .. }: &Item<'_>) {
        let line = |price: &Option<Money>| price.and_then(|price| price.checked_mul_int(quantity.abs()));
        self.lines += 1;
        self.units += quantity.abs();
        self.revenue += line(unit_price).unwrap_or_default().units();
        self.cost += line(unit_cost).unwrap_or_default().units();
    }

    /// What one sale adds to a sum is small beside what a sum holds. Each line is within its bounds.
    fn check(&self) -> Result<(), Problem> {
        check_count(self.lines)?;
        for (what, amount) in [("amount to", self.revenue), ("cost", self.cost)] {
            let amount = Money::from_units(amount);
            if amount > Money::from_whole(MAX_SALE_AMOUNT) {
                return Err(Problem::value(
                    "items",
                    format!("together {what} {amount}; at most {MAX_SALE_AMOUNT} is taken"),
                ));
            }
        }
        if self.units > MAX_SALE_UNITS {
            return Err(Problem::value(
                "items",
                format!("together are {} units; at most {MAX_SALE_UNITS} are taken", self.units),
            ));
        }
        Ok(())
    }
}

fn check_count(lines: usize) -> Result<(), Problem> {
    if (1..=MAX_ITEMS).contains(&lines) {
        return Ok(());
    }
    Err(Problem::value("items", format!("an invoice has 1 to {MAX_ITEMS} lines, not {lines}")))
}

impl Item<'_> {
    /// Whether a sale may have such a line.
    ///
    /// # Errors
    /// The first field that breaks the contract.
    pub fn verify(&self) -> Result<(), Rejection> {
        Ok(self.check()?)
    }

    fn check(&self) -> Result<(), Problem> {
        if self.quantity == 0 || !(-MAX_QUANTITY..=MAX_QUANTITY).contains(&self.quantity) {
            let found = self.quantity;
            return Err(Problem::value(
                "quantity",
                format!("must be a whole number from 1 to {MAX_QUANTITY}, or negative for a return, not {found}"),
            ));
        }
        for (name, price) in [("unit_price", self.unit_price), ("unit_cost", self.unit_cost)] {
            let Some(price) = price else { continue };
            in_range(name, price, 0, MAX_AMOUNT)?;
            let line = price
                .checked_mul_int(self.quantity)
                .filter(|line| line.units().abs() <= Money::from_whole(MAX_LINE_AMOUNT).units());
            if line.is_none() {
                return Err(Problem::value(
                    name,
                    format!("times quantity {} is beyond {MAX_LINE_AMOUNT}", self.quantity),
                ));
            }
        }
        Ok(())
    }
}

/// An amount between two whole bounds, both allowed.
pub(super) fn in_range(path: &str, amount: Money, min: i64, max: i64) -> Result<(), Problem> {
    if amount < Money::from_whole(min) || amount > Money::from_whole(max) {
        return Err(Problem::value(path, format!("must be from {min} to {max}, not {amount}")));
    }
    Ok(())
}

fn objects<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Item<'a>>, D::Error> {
    let items: Vec<Object<Item<'a>>> = Vec::deserialize(deserializer)?;
    Ok(items.into_iter().map(|Object(item)| item).collect())
}

/// The whole number that a double is, of those that a double tells from their neighbours.
pub(super) fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

/// A whole number, also when JSON writes it `3.0`, which is what JSON Schema calls an integer.
pub(super) fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    struct Visitor;
    impl de::Visitor<'_> for Visitor {
        type Value = i64;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number")
        }
        fn visit_i64<E: de::Error>(self, number: i64) -> Result<i64, E> {
            Ok(number)
        }
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<i64, E> {
            i64::try_from(number).map_err(|_| E::custom(format!("{number} is out of range")))
        }
        fn visit_f64<E: de::Error>(self, number: f64) -> Result<i64, E> {
            whole(number).ok_or_else(|| E::invalid_type(de::Unexpected::Float(number), &self))
        }
    }
    deserializer.deserialize_any(Visitor)
}

#[cfg(test)]
mod tests {
    use crate::event::decode_sale;

    /// What is said of a sale of so many lines of one kind.
    fn said(lines: usize, line: &str, more: &str) -> Option<String> {
        let lines = vec![format!(r#"{{"product_id":"a",{line}}}"#); lines].join(",");
        let sale = format!(r#"{{"invoice_id":1,"timestamp":"2026-01-01",{more}"items":[{lines}]}}"#);
        decode_sale(sale.as_bytes()).err().map(|refused| format!("{} {}", refused.path, refused.message))
    }

    #[test]
    fn what_a_sale_amounts_to_in_all_is_bounded() {
        let million = r#""quantity":1000000,"unit_price":"1000""#;
        assert_eq!(said(10, million, ""), None);
        for total in ["", r#""total_amount":1,"#] {
            let refused = said(11, million, total).unwrap();
            assert_eq!(refused, "items together amount to 11000000000; at most 10000000000 is taken");
        }
        let returned = r#""quantity":-1000000,"unit_price":"1000""#;
        assert!(said(11, returned, "").unwrap().starts_with("items together amount to"));
        let costly = r#""quantity":1000000,"unit_price":0,"unit_cost":"1000""#;
        assert!(said(11, costly, "").unwrap().starts_with("items together cost 11000000000;"));
        let many = r#""quantity":1000000000,"unit_price":0"#;
        assert_eq!(said(10, many, ""), None);
        assert!(said(11, many, "").unwrap().starts_with("items together are 11000000000 units;"));
    }
}
