//! The fields of the public rows as values: named once here, so that orders, filters, columns and exports can only speak
//! of what there is.

use serde::{Serialize, Serializer};

use super::{ClientRow, RiskCategory, RiskRow, Winner};
use crate::{Timestamp, analytics::Tier};

/// What a field of a row holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// It is not known, or does not apply.
    Nothing,
    /// A text, or a word of few.
    Text(&'a str),
    /// A whole number.
    Whole(i64),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// A point in time.
    Time(Timestamp),
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Whole(number) => serializer.serialize_i64(*number),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Time(at) => at.serialize(serializer),
        }
    }
}

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// One of these, lowest first.
    Word(&'static [&'static str]),
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// A point in time.
    Time,
}

/// A field of a row.
#[derive(Debug)]
pub struct Field<R: 'static> {
    /// Its name in the database, in JSON and in addresses.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// Whether people who order by it first want the greatest.
    pub greatest_first: bool,
    value: for<'a> fn(&'a R) -> Value<'a>,
}

impl<R> Field<R> {
    /// What that row holds.
    pub fn of<'a>(&self, row: &'a R) -> Value<'a> {
        (self.value)(row)
    }
}

/// A row of a public view.
pub trait Row: Clone + Send + Sync + 'static {
    /// Its fields, in the order of the contract.
    const FIELDS: &'static [Field<Self>];

    /// The field of that name.
    fn field(name: &str) -> Option<&'static Field<Self>> {
        Self::FIELDS.iter().find(|field| field.name == name)
    }
}

/// What can stand in a field.
trait ToValue {
    fn held(&self) -> Value<'_>;
}

impl ToValue for String {
    fn held(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl ToValue for i64 {
    fn held(&self) -> Value<'_> {
        Value::Whole(*self)
    }
}

impl ToValue for u32 {
    fn held(&self) -> Value<'_> {
        Value::Whole((*self).into())
    }
}

impl ToValue for f64 {
    fn held(&self) -> Value<'_> {
        Value::Number(*self)
    }
}

impl ToValue for bool {
    fn held(&self) -> Value<'_> {
        Value::Flag(*self)
    }
}

impl ToValue for Timestamp {
    fn held(&self) -> Value<'_> {
        Value::Time(*self)
    }
}

impl ToValue for Tier {
    fn held(&self) -> Value<'_> {
        Value::Text(self.name())
    }
}

impl ToValue for RiskCategory {
    fn held(&self) -> Value<'_> {
        Value::Text(self.name())
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn held(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Nothing, ToValue::held)
    }
}

macro_rules! fields {
    ($row:ty { $($name:ident: $kind:expr, $greatest_first:expr;)+ }) => {
        impl Row for $row {
            const FIELDS: &'static [Field<Self>] = &[$(Field {
                name: stringify!($name),
                kind: $kind,
                greatest_first: $greatest_first,
                value: |row| row.$name.held(),
            },)+];
        }
    };
}

const GREATEST: bool = true;
const LEAST: bool = false;
const TIERS: &[&str] = &[Tier::ALL[0].name(), Tier::ALL[1].name(), Tier::ALL[2].name()];
const RISKS: &[&str] = &[RiskCategory::ALL[0].name(), RiskCategory::ALL[1].name(), RiskCategory::ALL[2].name()];

fields!(Winner {
    ranking: Kind::Whole, LEAST;
    product_id: Kind::Text, LEAST;
    product_name: Kind::Text, LEAST;
    product_category: Kind::Text, LEAST;
    selling_price: Kind::Number, GREATEST;
    purchase_price: Kind::Number, GREATEST;
    minimum_margin_threshold: Kind::Number, GREATEST;
    total_profit: Kind::Number, GREATEST;
    total_revenue: Kind::Number, GREATEST;
    total_cost: Kind::Number, GREATEST;
    units_sold: Kind::Whole, GREATEST;
    average_profit_margin_pct: Kind::Number, GREATEST;
    average_roi_pct: Kind::Number, GREATEST;
    contribution_margin_pct: Kind::Number, GREATEST;
    sales_velocity: Kind::Number, GREATEST;
    stock_turnover: Kind::Number, GREATEST;
    days_in_stock: Kind::Whole, GREATEST;
    is_dead_stock: Kind::Flag, GREATEST;
    performance_score: Kind::Number, GREATEST;
    last_sale_date: Kind::Time, GREATEST;
    analysis_timestamp: Kind::Time, GREATEST;
    analysis_source: Kind::Text, LEAST;
});

fields!(RiskRow {
    product_id: Kind::Text, LEAST;
    product_name: Kind::Text, LEAST;
    product_category: Kind::Text, LEAST;
    stock_quantity: Kind::Whole, GREATEST;
    purchase_price: Kind::Number, GREATEST;
    selling_price: Kind::Number, GREATEST;
    potential_loss_amount: Kind::Number, GREATEST;
    potential_profit_loss: Kind::Number, GREATEST;
    risk_category: Kind::Word(RISKS), LEAST;
    expiry_date: Kind::Time, LEAST;
    days_until_expiry: Kind::Whole, LEAST;
    last_movement_date: Kind::Time, LEAST;
    days_since_last_movement: Kind::Whole, GREATEST;
    batch_number: Kind::Text, LEAST;
    analysis_timestamp: Kind::Time, GREATEST;
    analysis_source: Kind::Text, LEAST;
});

fields!(ClientRow {
    client_id: Kind::Text, LEAST;
    name: Kind::Text, LEAST;
    email: Kind::Text, LEAST;
    phone: Kind::Text, LEAST;
    total_revenue_generated: Kind::Number, GREATEST;
    loyalty_tier: Kind::Word(TIERS), GREATEST;
    eligible_promo: Kind::Flag, GREATEST;
    invoices: Kind::Whole, GREATEST;
    last_purchase_date: Kind::Time, GREATEST;
});

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(kind: Kind, value: Value) -> bool {
        match value {
            Value::Nothing => true,
            Value::Text(text) => match kind {
                Kind::Word(words) => words.contains(&text),
                kind => kind == Kind::Text,
            },
            Value::Whole(_) => kind == Kind::Whole,
            Value::Number(_) => kind == Kind::Number,
            Value::Flag(_) => kind == Kind::Flag,
            Value::Time(_) => kind == Kind::Time,
        }
    }

    #[test]
    fn the_fields_are_those_of_the_json_and_hold_what_they_say() {
        let row = RiskRow {
            product_id: "a".into(),
            product_name: Some("b".into()),
            product_category: None,
            stock_quantity: 1,
            purchase_price: Some(1.5),
            selling_price: None,
            potential_loss_amount: Some(1.5),
            potential_profit_loss: None,
            risk_category: RiskCategory::ExpiringSoon,
            expiry_date: Some(Timestamp::default()),
            days_until_expiry: Some(2),
            last_movement_date: Timestamp::default(),
            days_since_last_movement: 3,
            batch_number: None,
            analysis_timestamp: Timestamp::default(),
            analysis_source: "s".into(),
        };
        let json = serde_json::to_value(&row).unwrap();
        let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, RiskRow::FIELDS.iter().map(|field| field.name).collect::<Vec<_>>());
        for field in RiskRow::FIELDS {
            assert!(fits(field.kind, field.of(&row)), "{}", field.name);
            assert_eq!(serde_json::to_value(field.of(&row)).unwrap(), json[field.name], "{}", field.name);
        }
    }

    #[test]
    fn a_field_is_found_by_its_whole_name_only() {
        assert!(ClientRow::field("loyalty_tier").is_some());
        for name in ["", "$where", "loyalty", "loyalty_tier ", "_id", "o.s0"] {
            assert!(ClientRow::field(name).is_none(), "{name}");
        }
    }
}
