//! A sheet of records: which column holds which field, and what is wrong with the cells of a row.

use std::path::Path;

use csv::ByteRecord;
use serde_json::{Map, Value};
use snafu::ensure;
use stockstream_model::Timestamp;

use super::{
    ImportError, Mapping,
    cell::{self, CellType},
    error::{AmbiguousSnafu, SheetColumnsSnafu, place},
    rows::shown,
    sheet::{Sheet, cells},
    summary::{BadRow, RowError},
};
use crate::entry::{Field, Kind, Problem, plain};

/// A sheet and which column holds which field.
pub(super) struct Table<'a> {
    pub(super) sheet: &'a Sheet,
    pub(super) header: Vec<String>,
    pub(super) columns: Vec<Option<Field>>,
}

/// A row of a table.
pub(super) struct Row {
    pub(super) line: u64,
    cells: Vec<String>,
    types: Vec<CellType>,
}

impl<'a> Table<'a> {
    pub(super) fn of(
        sheet: &'a Sheet,
        path: &Path,
        mapping: &Mapping,
        fields: &[&'static [Field]],
    ) -> Result<Self, ImportError> {
        let header = sheet.header();
        let mut columns: Vec<Option<Field>> = vec![None; header.len()];
        let mut missing = Vec::new();
        for field in fields.iter().copied().flatten() {
            let named = |usual: &dyn Fn(&String) -> Vec<String>| -> Vec<usize> {
                let holds = |column: &String| mapping.holds(column, field.name, &usual(column));
                header.iter().enumerate().filter(|(_, column)| holds(column)).map(|(at, _)| at).collect()
            };
            // The name of the field itself comes before its other names.
            let mut found = named(&|_| Vec::new());
            if found.is_empty() {
                found = named(&|column| {
                    let column = plain(column);
                    if field.is_called(&column) { vec![column] } else { Vec::new() }
                });
            }
            if let [_, _, ..] = found[..] {
                let names: Vec<_> = found.iter().map(|at| header[*at].as_str()).collect();
                let column = format!("{} ({})", field.name, names.join(", "));
                return AmbiguousSnafu { place: place(path, Some(&sheet.name)), column }.fail();
            }
            match found.first() {
                Some(at) => columns[*at] = Some(*field),
                None if field.needed => missing.push(field.name),
                None => {}
            }
        }
        let sheet_name = &sheet.name;
        ensure!(
            missing.is_empty(),
            SheetColumnsSnafu { path, sheet: sheet_name, missing: missing.join(", "), header: shown(&header) }
        );
        Ok(Self { sheet, header, columns })
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        let mut record = ByteRecord::new();
        (1..self.sheet.len()).map_while(move |at| {
            let line = u64::from(self.sheet.row(at, &mut record)?);
            Some(Row { line, cells: cells(&record), types: self.sheet.types(at).to_vec() })
        })
    }

    /// The cells of a row that say something, with their fields.
    fn filled<'b>(&self, row: &'b Row) -> impl Iterator<Item = (&'b str, CellType, Field)> {
        let cells = row.cells.iter().zip(&row.types).zip(&self.columns);
        let counts = cells.filter_map(|((cell, kind), field)| Some((field.as_ref()?.text(cell), *kind, (*field)?)));
        counts.filter(|(cell, ..)| !cell.is_empty())
    }

    /// What a row says, as fields of an event; an empty cell says nothing.
    pub(super) fn fields(&self, row: &Row) -> Map<String, Value> {
        let value = |cell: &str, field: Field| match field.kind {
            Kind::Time => field.value(&cell::zoned(cell)),
            Kind::Id if field.name == "client_id" => field.value(cell::client(cell).unwrap_or(cell)),
            _ => field.value(cell),
        };
        self.filled(row).map(|(cell, _, field)| (field.name.to_owned(), value(cell, field))).collect()
    }

    /// What is wrong with the cells of a row before they are fields of an event.
    pub(super) fn problems(&self, row: &Row, latest: Option<Timestamp>) -> Vec<Problem> {
        let wrong = |cell: &str, kind: CellType, field: Field| {
            let late =
                || cell::zoned(cell).parse::<Timestamp>().is_ok_and(|at| latest.is_some_and(|latest| at > latest));
            match (cell::fault(kind, cell, field.kind), field.name) {
                (Some(what), _) => Some(what),
                (None, "client_id") => cell::client(cell).err(),
                (None, "expiry_date") => None,
                (None, _) if field.kind == Kind::Time && late() => Some(cell::future(cell)),
                (None, _) => None,
            }
        };
        let problem = |(cell, kind, field): (&str, CellType, Field)| {
            wrong(cell, kind, field).map(|message| Problem { path: field.name.into(), message })
        };
        self.filled(row).filter_map(problem).collect()
    }

    /// The field that says what a record is of.
    pub(super) fn id_field(&self) -> &'static str {
        self.columns
            .iter()
            .flatten()
            .find(|field| field.kind == Kind::Id && field.needed)
            .map_or("", |field| field.name)
    }

    pub(super) fn bad(&self, row: Row, faults: Vec<RowError>) -> BadRow {
        BadRow { sheet: Some(self.sheet.name.clone()), line: row.line, cells: row.cells, faults }
    }

    pub(super) fn fault(&self, row: &Row, path: &str, message: &str) -> RowError {
        let column = self.columns.iter().position(|field| field.is_some_and(|field| field.name == path));
        let name = column.map_or(path, |column| self.header[column].as_str());
        let stands = column.and_then(|column| Some(self.columns[column]?.text(row.cells.get(column)?)));
        let stands = stands.filter(|cell| !cell.is_empty());
        let reason = match stands {
            Some(cell) if !says(message, cell) => format!("{name} {cell:?}: {message}"),
            _ => format!("{name} {message}"),
        };
        RowError { column, reason: reason.trim_start().to_owned() }
    }
}

/// Whether a message begins or ends with what stands in the cell.
fn says(message: &str, cell: &str) -> bool {
    message.trim_start_matches(['"', '`']).starts_with(cell) || message.ends_with(cell)
}
