//! Where events come from besides producers: files to [`import`], and a shop made up by [`generate`].
//!
//! Both end in [`Outgoing`]: what a Kafka producer is handed. Nothing here knows Kafka, and nothing is read but the file
//! that was named.

pub mod generate;
pub mod import;
mod outgoing;

pub use generate::{Generator, GeneratorOptions};
pub use import::{DeriveInventory, Events, Import, ImportError, ImportOptions, Summary};
pub use outgoing::Outgoing;
