//! Where events come from besides producers: files to [`import`], what a person typed ([`entry`]), and a shop made up by
//! [`generate`].
//!
//! All end in [`Outgoing`]: what a Kafka producer is handed. Nothing here knows Kafka, and nothing is read but the file
//! that was named.

pub mod entry;
pub mod generate;
pub mod import;
mod outgoing;

pub use generate::{Generator, GeneratorOptions};
pub use import::{
    Alike, BadRow, DeriveInventory, Encoding, Fault, Header, Import, ImportError, ImportOptions, Limits, Mapping,
    Summary, UnreadSheet,
};
pub use outgoing::Outgoing;
