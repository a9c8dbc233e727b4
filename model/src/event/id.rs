//! Ids: a JSON string or a whole number, compared byte for byte once the number is decimal text.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::sale::whole;

/// The longest id, in bytes.
pub const MAX_ID_BYTES: usize = 512;

/// An id of an invoice, product, client or batch: 1 to 512 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id<'a>(Cow<'a, str>);

impl<'a> Id<'a> {
    /// From text that is known to be an id; `None` when it is empty or too long.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty() && text.len() <= MAX_ID_BYTES).then_some(Self(text))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Id<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Id<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        fn checked<'a, E: de::Error>(text: impl Into<Cow<'a, str>>) -> Result<Id<'a>, E> {
            Id::new(text).ok_or_else(|| E::custom(format!("an id is 1 to {MAX_ID_BYTES} bytes long")))
        }
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Id<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id: a string or a whole number")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Id<'de>, E> {
                checked(text)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id<'de>, E> {
                checked(text.to_owned())
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Id<'de>, E> {
                checked(number.to_string())
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id<'de>, E> {
                checked(number.to_string())
            }
            // What JSON Schema calls an integer too; data frames write whole numbers so where some are absent.
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Id<'de>, E> {
                match whole(number) {
                    Some(number) => checked(number.to_string()),
                    None => Err(E::invalid_type(de::Unexpected::Float(number), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Id<'_> {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An id. A whole number counts as its decimal text; ids are compared byte for byte.",
            "anyOf": [{"type": "string", "minLength": 1, "maxLength": MAX_ID_BYTES}, {"type": "integer"}],
        })
    }
}
