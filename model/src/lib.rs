//! The contracts of Stockstream, with no IO: events and their JSON Schemas, the documents of every collection, exact
//! money, settings, and the analytics as pure functions over state.

pub mod analytics;
pub mod decimal;
pub mod documents;
pub mod event;
mod refusal;
pub mod settings;
pub mod sum;
pub mod time;

pub use decimal::{Decimal, Money};
pub use refusal::Refusal;
pub use time::{Day, Timestamp};
