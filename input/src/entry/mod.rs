//! From what a person typed, or what stands in the cells of a row, to an event: by the decoder that the workers use, so
//! that what is taken here is taken there.

mod fields;
mod validate;

pub(crate) use self::fields::two_meanings;
pub use self::fields::{CLIENT, Field, Kind, LINE, PRODUCT, SALE, known, plain};
pub use crate::entry::validate::{Problem, validate};
