//! The contracts of Stockstream, with no IO: events and their JSON Schemas, the documents of every collection, exact
//! money, settings, and the analytics as pure functions over state.

pub mod analytics;
mod auth_error;
pub mod decimal;
pub mod documents;
pub mod event;
pub mod settings;
pub mod sum;
pub mod time;

pub use crate::auth_error::AuthError;
pub use decimal::{Decimal, Money};
pub use time::{Day, Timestamp};
