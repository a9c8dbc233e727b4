//! A workbook with the sheets Products, Clients, Invoices and Invoice_Details: full records, and sales put together.

use std::{collections::HashMap, path::Path};

use csv::ByteRecord;
use serde_json::{Map, Value};
use snafu::ensure;
use stockstream_model::event::Stream;

use super::{
    ImportError, Mapping,
    error::SheetColumnsSnafu,
    plan::{BadRow, Fault, Header, Summary},
    rows::cells,
    sheet::Sheet,
};
use crate::{
    Outgoing,
    entry::{CLIENT, Field, LINE, PRODUCT, SALE, judge, plain},
};

/// Names of the sheets, as [`plain`] makes them.
const PRODUCTS: &str = "products";
const CLIENTS: &str = "clients";
const INVOICES: &str = "invoices";
const DETAILS: &str = "invoicedetails";

/// Whether a sheet of that name is one of the four.
pub(super) fn is_known(sheet: &str) -> bool {
    [PRODUCTS, CLIENTS, INVOICES, DETAILS].contains(&plain(sheet).as_str())
}

/// The events of the four sheets, as many as there are: products first, then clients, then sales.
pub(super) fn events(
    sheets: &[Sheet],
    path: &Path,
    mapping: &Mapping,
) -> Result<(Vec<Outgoing>, Summary), ImportError> {
    let mut found = Found { events: Vec::new(), summary: Summary::default() };
    let table = |name: &str, fields: &[&'static [Field]]| {
        let sheet = sheets.iter().find(|sheet| plain(&sheet.name) == name);
        sheet.map(|sheet| Table::of(sheet, path, mapping, fields)).transpose()
    };
    if let Some(table) = table(PRODUCTS, &[PRODUCT])? {
        found.summary.products = found.records(Stream::Inventory, &table);
    }
    if let Some(table) = table(CLIENTS, &[CLIENT])? {
        found.summary.clients = found.records(Stream::Clients, &table);
    }
    let details = table(DETAILS, &[&SALE[..1], LINE])?;
    let invoices = table(INVOICES, &[SALE])?;
    found.sales(invoices.as_ref(), details.as_ref());
    Ok((found.events, found.summary))
}

/// A sheet and which column holds which field.
struct Table<'a> {
    sheet: &'a Sheet,
    header: Vec<String>,
    columns: Vec<Option<Field>>,
}

/// A row of a table.
struct Row {
    line: u64,
    cells: Vec<String>,
}

impl<'a> Table<'a> {
    fn of(sheet: &'a Sheet, path: &Path, mapping: &Mapping, fields: &[&'static [Field]]) -> Result<Self, ImportError> {
        let mut record = ByteRecord::new();
        sheet.row(0, &mut record);
        let header = cells(&record);
        let all = || fields.iter().copied().flatten();
        let mut columns: Vec<Option<Field>> = Vec::new();
        for column in &header {
            let called = |field: &&Field| {
                let usual = if field.is_called(&plain(column)) { vec![plain(column)] } else { Vec::new() };
                mapping.holds(column, field.name, &usual)
            };
            // Of two columns that may hold a field, the first one does.
            let field = all().find(called).filter(|field| !columns.contains(&Some(**field)));
            columns.push(field.copied());
        }
        let missing: Vec<_> =
            all().filter(|field| field.needed && !columns.contains(&Some(**field))).map(|field| field.name).collect();
        let shown = || header.join(",").chars().take(200).collect::<String>();
        let sheet_name = &sheet.name;
        ensure!(
            missing.is_empty(),
            SheetColumnsSnafu { path, sheet: sheet_name, missing: missing.join(", "), header: shown() }
        );
        Ok(Self { sheet, header, columns })
    }

    fn rows(&self) -> impl Iterator<Item = Row> {
        let mut record = ByteRecord::new();
        (1..self.sheet.len()).map_while(move |place| {
            let line = u64::from(self.sheet.row(place, &mut record)?);
            Some(Row { line, cells: cells(&record) })
        })
    }

    /// What a row says, as fields of an event; an empty cell says nothing.
    fn fields(&self, row: &Row) -> Map<String, Value> {
        let cells = row.cells.iter().zip(&self.columns).filter(|(cell, _)| !cell.trim().is_empty());
        cells.filter_map(|(cell, field)| field.map(|field| (field.name.to_owned(), field.value(cell)))).collect()
    }

    fn bad(&self, row: Row, faults: Vec<Fault>) -> BadRow {
        BadRow { sheet: Some(self.sheet.name.clone()), line: row.line, cells: row.cells, faults }
    }

    fn fault(&self, row: &Row, path: &str, message: &str) -> Fault {
        let column = self.columns.iter().position(|field| field.is_some_and(|field| field.name == path));
        let name = column.map_or(path, |column| self.header[column].as_str());
        let stands = column.and_then(|column| row.cells.get(column)).map(|cell| cell.trim()).filter(|c| !c.is_empty());
        let reason = match stands {
            Some(cell) if !message.contains(cell) => format!("{name} {cell:?}: {message}"),
            _ => format!("{name} {message}"),
        };
        Fault { column, reason: reason.trim_start().to_owned() }
    }
}

/// The lines of every invoice, by its id; none of one that a row of Invoices has taken.
type Lines = HashMap<String, Option<Vec<(Row, Map<String, Value>)>>>;

struct Found {
    events: Vec<Outgoing>,
    summary: Summary,
}

impl Found {
    fn begin(&mut self, table: &Table<'_>) {
        let (sheet, columns) = (Some(table.sheet.name.clone()), table.header.clone());
        self.summary.headers.push(Header { sheet, columns });
    }

    /// Takes every row as a record. How many there are.
    fn records(&mut self, stream: Stream, table: &Table<'_>) -> u64 {
        self.begin(table);
        let before = self.events.len();
        for row in table.rows() {
            match judge(stream, table.fields(&row)) {
                Ok(event) => self.events.push(event),
                Err(problems) => {
                    let faults = problems.iter().map(|p| table.fault(&row, &p.path, &p.message)).collect();
                    self.summary.leave_out(table.bad(row, faults));
                }
            }
        }
        let taken = (self.events.len() - before) as u64;
        self.summary.rows += taken;
        taken
    }

    /// Puts invoices and their lines together. One bad row holds the whole invoice back: sent without it, it would count
    /// twice once the row is mended and sent again.
    fn sales(&mut self, invoices: Option<&Table<'_>>, details: Option<&Table<'_>>) {
        let mut lines = self.lines(details);
        if let Some(invoices) = invoices {
            self.begin(invoices);
            for row in invoices.rows() {
                self.sale(invoices, row, details, &mut lines);
            }
        }
        let Some(details) = details else { return };
        let mut left: Vec<_> = lines.into_iter().flat_map(|(id, lines)| lines.map(|rows| (id, rows))).collect();
        left.sort_by_key(|(_, rows)| rows.first().map(|(row, _)| row.line));
        for (id, rows) in left {
            for (row, _) in rows {
                let fault = details.fault(&row, "invoice_id", &format!("{id:?} is in no row of Invoices"));
                self.summary.leave_out(details.bad(row, vec![fault]));
            }
        }
    }

    /// The lines of every invoice.
    fn lines(&mut self, details: Option<&Table<'_>>) -> Lines {
        let mut lines = Lines::new();
        let Some(details) = details else { return lines };
        self.begin(details);
        for row in details.rows() {
            let mut fields = details.fields(&row);
            match fields.remove("invoice_id").as_ref().and_then(Value::as_str) {
                Some(id) => lines
                    .entry(id.to_owned())
                    .or_insert_with(|| Some(Vec::new()))
                    .get_or_insert_default()
                    .push((row, fields)),
                None => {
                    let fault = details.fault(&row, "invoice_id", "is needed");
                    self.summary.leave_out(details.bad(row, vec![fault]));
                }
            }
        }
        lines
    }

    fn sale(&mut self, invoices: &Table<'_>, row: Row, details: Option<&Table<'_>>, lines: &mut Lines) {
        let mut sale = invoices.fields(&row);
        let id = sale.get("invoice_id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let known = if id.is_empty() { None } else { lines.insert(id, None) };
        let Some(rows) = known.unwrap_or_else(|| Some(Vec::new())) else {
            let fault = invoices.fault(&row, "invoice_id", "is that of a row before");
            return self.summary.leave_out(invoices.bad(row, vec![fault]));
        };
        let (rows, items): (Vec<_>, Vec<_>) = rows.into_iter().map(|(row, item)| (row, Value::Object(item))).unzip();
        sale.insert("items".into(), Value::Array(items));
        let problems = match judge(Stream::Sales, sale) {
            Ok(event) => {
                self.events.push(event);
                self.summary.invoices += 1;
                self.summary.rows += 1 + rows.len() as u64;
                return;
            }
            Err(problems) => problems,
        };
        let mut head = Vec::new();
        let mut faults: HashMap<usize, Vec<Fault>> = HashMap::new();
        for problem in &problems {
            let line = problem.path.strip_prefix("items[").and_then(|rest| rest.split_once(']'));
            let line =
                line.and_then(|(index, field)| Some((index.parse::<usize>().ok()?, field.trim_start_matches('.'))));
            match (line, details) {
                (Some((index, field)), Some(details)) if index < rows.len() => {
                    faults.entry(index).or_default().push(details.fault(&rows[index], field, &problem.message));
                }
                _ if problem.path == "items" && rows.is_empty() => {
                    head.push(invoices.fault(&row, "invoice_id", "has no row in Invoice_Details"));
                }
                _ => head.push(invoices.fault(&row, &problem.path, &problem.message)),
            }
        }
        if head.is_empty() {
            self.summary.held_rows += 1;
        } else {
            self.summary.leave_out(invoices.bad(row, head));
        }
        for (index, row) in rows.into_iter().enumerate() {
            match (faults.remove(&index), details) {
                (Some(faults), Some(details)) => self.summary.leave_out(details.bad(row, faults)),
                _ => self.summary.held_rows += 1,
            }
        }
    }
}
