//! JSON Schemas of the events, generated from the types.

use schemars::{Schema, generate::SchemaSettings};

use super::{ClientRecord, InventoryRecord, Sale, Stream};

/// The JSON Schema (draft 2020-12) of a stream's events.
pub fn json_schema(stream: Stream) -> Schema {
    let generator = SchemaSettings::draft2020_12().into_generator();
    match stream {
        Stream::Sales => generator.into_root_schema_for::<Sale<'_>>(),
        Stream::Inventory => generator.into_root_schema_for::<InventoryRecord<'_>>(),
        Stream::Clients => generator.into_root_schema_for::<ClientRecord<'_>>(),
    }
}
