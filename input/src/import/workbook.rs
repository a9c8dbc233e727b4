//! A workbook with the sheets Products, Clients, Invoices and Invoice_Details: full records, and sales put together.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use csv::ByteRecord;
use serde_json::{Map, Value};
use snafu::ensure;
use stockstream_model::{Timestamp, event::Stream};

use super::{
    ImportError, ImportOptions, Mapping,
    cell::{self, CellType},
    error::{AmbiguousSnafu, SheetColumnsSnafu, place},
    plan::{BadRow, Fault, Header, Summary},
    rows::{cells, shown},
    sheet::Sheet,
};
use crate::{
    Outgoing,
    entry::{CLIENT, Field, Kind, LINE, PRODUCT, Problem, SALE, judge, plain},
};

/// Names of the sheets, as [`plain`] makes them.
const PRODUCTS: &str = "products";
const CLIENTS: &str = "clients";
pub(super) const INVOICES: &str = "invoices";
pub(super) const DETAILS: &str = "invoicedetails";

/// Whether a sheet of that name is one of the four.
pub(super) fn is_known(sheet: &str) -> bool {
    [PRODUCTS, CLIENTS, INVOICES, DETAILS].contains(&plain(sheet).as_str())
}

/// The events of the four sheets, as many as there are: products first, then clients, then sales.
pub(super) fn events(
    sheets: &[Sheet],
    path: &Path,
    options: &ImportOptions,
) -> Result<(Vec<Outgoing>, Summary), ImportError> {
    let (events, summary, spoiled) = (Vec::new(), Summary::default(), HashSet::new());
    let mut found = Found { events, summary, latest: options.latest, spoiled };
    let table = |name: &str, fields: &[&'static [Field]]| {
        let sheet = sheets.iter().find(|sheet| plain(&sheet.name) == name);
        sheet.map(|sheet| Table::of(sheet, path, &options.mapping, fields)).transpose()
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
    types: Vec<CellType>,
}

impl<'a> Table<'a> {
    fn of(sheet: &'a Sheet, path: &Path, mapping: &Mapping, fields: &[&'static [Field]]) -> Result<Self, ImportError> {
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

    fn rows(&self) -> impl Iterator<Item = Row> {
        let mut record = ByteRecord::new();
        (1..self.sheet.len()).map_while(move |at| {
            let line = u64::from(self.sheet.row(at, &mut record)?);
            Some(Row { line, cells: cells(&record), types: self.sheet.types(at).to_vec() })
        })
    }

    /// The cells of a row that say something, with their fields.
    fn filled<'b>(&self, row: &'b Row) -> impl Iterator<Item = (&'b str, CellType, Field)> {
        let cells = row.cells.iter().zip(&row.types).zip(&self.columns);
        let filled =
            cells.map(|((cell, kind), field)| (cell.trim(), *kind, *field)).filter(|(cell, ..)| !cell.is_empty());
        filled.filter_map(|(cell, kind, field)| Some((cell, kind, field?)))
    }

    /// What a row says, as fields of an event; an empty cell says nothing.
    fn fields(&self, row: &Row) -> Map<String, Value> {
        let value = |cell: &str, field: Field| match field.kind {
            Kind::Time => field.value(&cell::zoned(cell)),
            Kind::Id if field.name == "client_id" => field.value(cell::client(cell).unwrap_or(cell)),
            _ => field.value(cell),
        };
        self.filled(row).map(|(cell, _, field)| (field.name.to_owned(), value(cell, field))).collect()
    }

    /// What is wrong with the cells of a row before they are fields of an event.
    fn problems(&self, row: &Row, latest: Option<Timestamp>) -> Vec<Problem> {
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

/// An event, unless something is wrong with its cells or with what they say together.
fn judged(stream: Stream, event: Map<String, Value>, mut problems: Vec<Problem>) -> Result<Outgoing, Vec<Problem>> {
    match judge(stream, event) {
        Ok(event) if problems.is_empty() => Ok(event),
        Ok(_) => Err(problems),
        Err(others) => {
            let is_new = |other: &Problem| problems.iter().all(|problem| problem.path != other.path);
            let others: Vec<_> = others.into_iter().filter(is_new).collect();
            problems.extend(others);
            Err(problems)
        }
    }
}

/// The lines of every invoice, by its id; none of one that a row of Invoices has taken.
type Lines = HashMap<String, Option<Vec<(Row, Map<String, Value>, Vec<Problem>)>>>;

struct Found {
    events: Vec<Outgoing>,
    summary: Summary,
    latest: Option<Timestamp>,
    /// Invoices that a row without one may be a line of.
    spoiled: HashSet<String>,
}

impl Found {
    fn begin(&mut self, table: &Table<'_>) {
        let (sheet, columns) = (Some(table.sheet.name.clone()), table.header.clone());
        let unread =
            columns.iter().zip(&table.columns).filter(|(name, field)| field.is_none() && !name.trim().is_empty());
        let unread = unread.map(|(name, _)| name.clone()).collect();
        self.summary.headers.push(Header { sheet, columns, unread });
    }

    /// Takes every row as a record. How many there are.
    fn records(&mut self, stream: Stream, table: &Table<'_>) -> u64 {
        self.begin(table);
        let before = self.events.len();
        for row in table.rows() {
            match judged(stream, table.fields(&row), table.problems(&row, self.latest)) {
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
        left.sort_by_key(|(_, rows)| rows.first().map(|(row, ..)| row.line));
        for (id, rows) in left {
            for (row, ..) in rows {
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
        let mut above = None;
        for row in details.rows() {
            let (mut fields, problems) = (details.fields(&row), details.problems(&row, self.latest));
            let id = fields.remove("invoice_id").as_ref().and_then(Value::as_str).map(str::to_owned);
            let what = match (&id, problems.iter().find(|problem| problem.path == "invoice_id")) {
                (_, Some(problem)) => problem.message.as_str(),
                (None, None) => "is needed: it may be a line of the invoice above, which is held back",
                (Some(id), None) => {
                    above = Some(id.clone());
                    let lines = lines.entry(id.clone()).or_insert_with(|| Some(Vec::new()));
                    lines.get_or_insert_default().push((row, fields, problems));
                    continue;
                }
            };
            self.spoiled.extend(above.clone());
            let fault = details.fault(&row, "invoice_id", what);
            self.summary.leave_out(details.bad(row, vec![fault]));
        }
        lines
    }

    fn sale(&mut self, invoices: &Table<'_>, row: Row, details: Option<&Table<'_>>, lines: &mut Lines) {
        let mut sale = invoices.fields(&row);
        let id = sale.get("invoice_id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_spoiled = self.spoiled.contains(&id);
        let known = if id.is_empty() { None } else { lines.insert(id, None) };
        let Some(rows) = known.unwrap_or_else(|| Some(Vec::new())) else {
            let fault = invoices.fault(&row, "invoice_id", "is that of a row before");
            return self.summary.leave_out(invoices.bad(row, vec![fault]));
        };
        let mut problems = invoices.problems(&row, self.latest);
        let (mut items, mut lines) = (Vec::new(), Vec::new());
        for (at, (row, item, wrong)) in rows.into_iter().enumerate() {
            let at = |problem: Problem| Problem { path: format!("items[{at}].{}", problem.path), ..problem };
            problems.extend(wrong.into_iter().map(at));
            items.push(Value::Object(item));
            lines.push(row);
        }
        let rows = lines;
        sale.insert("items".into(), Value::Array(items));
        let problems = match judged(Stream::Sales, sale, problems) {
            Ok(_) if is_spoiled => Vec::new(),
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
