//! The store on MongoDB 4.4 and later, or a server compatible with it. Needs no transactions, no change streams and no
//! `bulkWrite`: guarded updates of single documents only.

pub mod address;
mod apply;
mod checkpoints;
mod codec;
mod connect;
mod deployment;
mod details;
mod failure;
mod figures;
mod form;
mod fresh;
mod identity;
mod indexes;
mod inspect;
mod invoices;
mod kafka_ids;
mod kinds;
mod meta;
mod names;
mod open;
mod positions;
mod product_days;
mod reads;
mod refusal;
mod rejected;
mod retry;
mod rights;
mod risk;
mod rows;
mod select;
mod server;
mod state;
mod store;
mod totals;
mod troubles;
mod update;
mod views;
mod window;
mod write;

pub use open::Proxy;
pub use store::MongoStore;

use crate::StoreError;

type Result<T> = std::result::Result<T, StoreError>;
