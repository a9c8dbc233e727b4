//! JSON Schemas of the events, generated from the types.

use schemars::{Schema, generate::SchemaSettings};

use super::{ClientRecord, EventKind, InventoryRecord, Sale};

/// The JSON Schema (draft 2020-12) of a stream's events.
pub fn json_schema(stream: EventKind) -> Schema {
    let generator = SchemaSettings::draft2020_12().into_generator();
    match stream {
        EventKind::Sales => generator.into_root_schema_for::<Sale<'_>>(),
        EventKind::Inventory => generator.into_root_schema_for::<InventoryRecord<'_>>(),
        EventKind::Clients => generator.into_root_schema_for::<ClientRecord<'_>>(),
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use super::*;

    /// `UPDATE_GENERATED=1 cargo test -p stockstream-model` writes them anew.
    #[test]
    fn the_schemas_that_are_checked_in_are_those_of_the_types() {
        for stream in EventKind::ALL {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../schemas/{stream}.json"));
            let text = format!("{:#}\n", json_schema(stream).to_value());
            if env::var_os("UPDATE_GENERATED").is_some() {
                fs::write(&file, &text).unwrap();
            }
            let standing = fs::read_to_string(&file).unwrap_or_default();
            assert!(
                standing == text,
                "{} has drifted; run: UPDATE_GENERATED=1 cargo test -p stockstream-model",
                file.display()
            );
        }
    }
}
