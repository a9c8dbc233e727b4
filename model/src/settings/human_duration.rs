//! Lengths of time in settings: `25ms`, `1h`, `0`.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A length of time in milliseconds, written as a whole number and a unit: `ms`, `s`, `m`, `h` or `d`; or `0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(u64);

const UNITS: [(&str, u64); 5] = [("ms", 1), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];

impl HumanDuration {
    /// From milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// In milliseconds.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// As a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl FromStr for HumanDuration {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "0" {
            return Ok(Self(0));
        }
        let split = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
        let parsed = split.and_then(|(number, factor)| number.parse::<u64>().ok()?.checked_mul(*factor));
        parsed.map(Self).ok_or_else(|| format!("{text:?} is not a length of time such as 25ms, 10s, 5m, 1h or 30d"))
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0");
        }
        let mut units = UNITS;
        units.sort_by_key(|(_, factor)| std::cmp::Reverse(*factor));
        let (unit, factor) = units.into_iter().find(|(_, factor)| self.0.is_multiple_of(*factor)).unwrap_or(("ms", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

/// Serialize by `Display`, deserialize by `FromStr` from a string or number.
macro_rules! text_serde {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(serde::Deserialize)]
                #[serde(untagged, expecting = "expected a text")]
                enum Text {
                    Text(String),
                    Number(i64),
                }
                let text = match Text::deserialize(deserializer)? {
                    Text::Text(text) => text,
                    Text::Number(number) => number.to_string(),
                };
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(super) use text_serde;

text_serde!(HumanDuration);

impl JsonSchema for HumanDuration {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // No more digits than can be counted, whatever the unit.
        json_schema!({"description": "A length of time such as 25ms, 10s, 5m, 1h or 30d.", "type": "string", "maxLength": 20, "pattern": "^(0|[0-9]{1,9}(ms|s|m|h|d))$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for (text, millis) in
            [("0", 0), ("25ms", 25), ("10s", 10_000), ("90s", 90_000), ("1h", 3_600_000), ("30d", 2_592_000_000)]
        {
            let span: HumanDuration = text.parse().unwrap();
            assert_eq!((span.millis(), span.to_string().as_str()), (millis, text));
        }
        for text in ["", "1", "h", "1.5h", "-1s", "1w"] {
            assert!(text.parse::<HumanDuration>().is_err(), "{text}");
        }
    }
}
