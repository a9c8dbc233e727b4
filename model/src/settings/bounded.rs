//! A settings file as a tree of a bounded size: with aliases a file of a few lines says what takes gigabytes.

use std::{cell::Cell, fmt};

use serde::{
    Deserializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// Reads a tree whose values and texts count, together, for at most so much: one each, and the bytes of each text.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D, most: usize) -> Result<Value, D::Error> {
    Bounded { left: &Cell::new(most) }.deserialize(deserializer)
}

#[derive(Clone, Copy)]
struct Bounded<'a> {
    left: &'a Cell<usize>,
}

impl Bounded<'_> {
    fn take<E: de::Error>(self, text: &str) -> Result<(), E> {
        let left = self.left.get().checked_sub(1 + text.len());
        self.left.set(left.ok_or_else(|| E::custom("its aliases stand for far more than they are; write them out"))?);
        Ok(())
    }

    fn one<E: de::Error>(self, value: impl Into<Value>) -> Result<Value, E> {
        self.take("").map(|()| value.into())
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a setting")
    }
    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        self.one(())
    }
    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        self.one(())
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        self.one(value)
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        self.one(number)
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        self.one(number)
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        self.one(number)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.take(text).map(|()| text.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.take("")?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.take("")?;
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            self.take(&name)?;
            let value = entries.next_value_seed(self)?;
            if map.insert(name.clone(), value).is_some() {
                return Err(de::Error::custom(format!("{name:?} is given twice")));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(yaml: &str, most: usize) -> Result<Value, String> {
        read(serde_yaml_ng::Deserializer::from_str(yaml), most).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_what_a_value_reads() {
        for yaml in ["", "~", "{a: 1, b: -1, c: [x, 'y', 1.5, true, ~], d: {1: e}}", "a: &x {b: c}\nd: *x"] {
            assert_eq!(tree(yaml, 100).unwrap(), serde_yaml_ng::from_str::<Value>(yaml).unwrap(), "{yaml}");
        }
    }

    #[test]
    fn aliases_that_grow_are_refused_before_they_have_grown() {
        let mut yaml = format!("a0: &a0 {}\n", "x".repeat(1_000));
        for n in 1..30 {
            yaml += &format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(","));
        }
        assert!(tree(&yaml, 100_000).unwrap_err().contains("aliases"), "{yaml}");
    }

    #[test]
    fn what_is_given_twice_is_a_mistake() {
        assert!(tree("{a: 1, a: 2}", 100).unwrap_err().contains("\"a\" is given twice"));
    }
}
