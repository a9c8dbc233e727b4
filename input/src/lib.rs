//! Where events come from besides producers: files to [`import`], what a person typed ([`entry`]), and a shop made up by
//! [`generate`].
//!
//! All end in [`OutboundEvent`]: what a Kafka producer is handed. Nothing here knows Kafka, and nothing is read but the file
//! that was named.

pub mod entry;
pub mod generate;
pub mod import;
mod outbound;

pub use crate::outbound::OutboundEvent;
pub use generate::{Generator, GeneratorOptions};
pub use import::{
    BadRow, DeriveInventory, Encoding, Header, Import, ImportError, ImportOptions, Limits, Mapping, RowError,
    SimilarIds, Summary, UnreadSheet,
};
