//! Exact decimals: fixed point in 1/10,000 units, as money is kept everywhere in code and state.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use snafu::Snafu;

/// How many units make one whole.
pub const SCALE: i64 = 10_000;
const DIGITS: usize = 4;

/// A number in fixed point, counted in 1/10,000. What has more decimals is rounded half away from zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i64);

/// An amount of money in the shop's currency.
pub type Money = Decimal;

/// Why a text is no decimal.
#[derive(Debug, Snafu, PartialEq, Eq)]
pub enum DecimalError {
    /// Not written as a decimal number.
    #[snafu(display("{text:?} is not a decimal number such as 12.50"))]
    Syntax {
        /// What was given.
        text: String,
    },
    /// Beyond what fixed point holds.
    #[snafu(display("{text} is out of range"))]
    Range {
        /// What was given.
        text: String,
    },
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// From a count of 1/10,000 units.
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// From a whole number. Saturates beyond ±922 trillion.
    pub const fn from_whole(whole: i64) -> Self {
        Self(whole.saturating_mul(SCALE))
    }

    /// The count of 1/10,000 units.
    pub const fn units(self) -> i64 {
        self.0
    }

    /// The nearest double, for public documents and derived figures only.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / SCALE as f64
    }

    /// The sum; stays at the end of the range beyond it.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// As a sum, which stays at [its limit](crate::sum).
    #[must_use]
    pub const fn summed(self, other: Self) -> Self {
        Self(crate::sum::add(self.0, other.0))
    }

    /// Times a whole number; `None` beyond the range.
    pub fn checked_mul_int(self, count: i64) -> Option<Self> {
        self.0.checked_mul(count).map(Self)
    }

    /// A share of the amount, itself a decimal, rounded half away from zero. `None` beyond the range.
    pub fn checked_mul(self, share: Self) -> Option<Self> {
        let product = i128::from(self.0) * i128::from(share.0);
        let half = i128::from(SCALE / 2) * product.signum();
        i64::try_from((product + half) / i128::from(SCALE)).ok().map(Self)
    }

    /// From the shortest decimal text that reads back as this double, which is the text a JSON number was written as
    /// (up to 15 digits).
    fn from_f64(value: f64) -> Result<Self, DecimalError> {
        let scaled = value * SCALE as f64;
        // Below 2^51 a half can be added exactly, and what is cut off then is rounded, in fewer steps than `round` takes.
        if scaled.abs() < 2e15 {
            let nearest = Self((scaled + 0.5_f64.copysign(scaled)) as i64);
            if nearest.to_f64() == value {
                return Ok(nearest);
            }
        }
        format!("{value}").parse()
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let syntax = || DecimalError::Syntax { text: shorten(text).into_owned() };
        let range = || DecimalError::Range { text: shorten(text).into_owned() };
        let (negative, digits) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        if whole.is_empty()
            || fraction.is_empty()
            || !(whole.bytes().chain(fraction.bytes())).all(|b| b.is_ascii_digit())
        {
            return Err(syntax());
        }
        let mut units: i64 = whole.parse::<i64>().ok().and_then(|w| w.checked_mul(SCALE)).ok_or_else(range)?;
        let mut place = SCALE / 10;
        for digit in fraction.bytes().take(DIGITS) {
            units = units.checked_add(i64::from(digit - b'0') * place).ok_or_else(range)?;
            place /= 10;
        }
        if fraction.as_bytes().get(DIGITS).is_some_and(|d| *d >= b'5') {
            units = units.checked_add(1).ok_or_else(range)?;
        }
        Ok(Self(if negative { -units } else { units }))
    }
}

fn shorten(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, units) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let (whole, fraction) = (units / SCALE as u64, units % SCALE as u64);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let text = format!("{fraction:04}");
        write!(f, "{sign}{whole}.{}", text.trim_end_matches('0'))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Decimal;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number, or one in a string")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Decimal, E> {
                whole.checked_mul(SCALE).map(Decimal).ok_or_else(|| E::custom(format!("{whole} is out of range")))
            }
            fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Decimal, E> {
                let signed = i64::try_from(whole).map_err(|_| E::custom(format!("{whole} is out of range")))?;
                self.visit_i64(signed)
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Decimal, E> {
                Decimal::from_f64(value).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Decimal {
    fn schema_name() -> Cow<'static, str> {
        "Decimal".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A decimal number, as a JSON number or a string; kept to four decimals.",
            "anyOf": [{"type": "number"}, {"type": "string", "maxLength": 40, "pattern": r"^[+-]?[0-9]+(\.[0-9]+)?$"}],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_text_exactly_and_rounds_half_away_from_zero() {
        for (text, units) in [("2.55", 25_500), ("-0.00005", -1), ("0.00004", 0), ("12", 120_000), ("+1.2345", 12_345)]
        {
            assert_eq!(text.parse(), Ok(Decimal(units)), "{text}");
        }
        for text in ["", ".", "1.", ".5", "1e3", "NaN", "1,5", "--1", "99999999999999999999"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn reads_json_numbers_as_they_are_written() {
        for (text, units) in
            [("2.55", 25_500), ("0.1", 1_000), ("0.00005", 1), ("-1.00015", -10_002), ("7", 70_000), ("1e2", 1_000_000)]
        {
            assert_eq!(serde_json::from_str::<Decimal>(text).unwrap(), Decimal(units), "{text}");
        }
        // Around the amount from which on a half can no longer be added, and just below a half.
        for text in ["199999999999.9999", "-200000000000.0001", "225179981368.5249", "0.00004999999999999999"] {
            assert_eq!(serde_json::from_str::<Decimal>(text).unwrap(), text.parse().unwrap(), "{text}");
        }
        assert!(serde_json::from_str::<Decimal>("1e300").is_err());
    }

    #[test]
    fn shows_no_needless_zeros_and_reads_its_own_text() {
        for units in [0, 1, -1, 25_500, -120_000, 12_345, i64::MAX] {
            let text = Decimal(units).to_string();
            assert_eq!(text.parse(), Ok(Decimal(units)), "{text}");
        }
        assert_eq!(Decimal(-25_500).to_string(), "-2.55");
    }

    #[test]
    fn a_share_is_rounded_half_away_from_zero() {
        let share = |a, b| Decimal(a).checked_mul(Decimal(b)).unwrap().units();
        assert_eq!((share(25_500, 6_000), share(5, 1_000), share(-5, 1_000), share(4, 1_000)), (15_300, 1, -1, 0));
    }
}
