//! The store on MongoDB 4.4 and later, or a server compatible with it. Needs no transactions, no change streams and no
//! `bulkWrite`: guarded updates of single documents only.

mod apply;
pub(crate) mod codec;
pub(crate) mod command;
pub(crate) mod connection;
mod names;
mod state;
mod store;
mod views;

pub use connection::{address, open::Proxy};
pub use store::MongoStore;

use crate::StoreError;

type Result<T> = std::result::Result<T, StoreError>;
