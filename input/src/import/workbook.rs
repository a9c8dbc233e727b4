//! A workbook with the sheets Products, Clients, Invoices and Invoice_Details: full records, and sales put together.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    path::Path,
};

use serde_json::{Map, Value};
use stockstream_model::{Timestamp, event::EventKind};

use super::{
    ImportError, ImportOptions,
    sheet::Sheet,
    summary::{Header, RowError, Summary},
    table::{Row, Table},
};
use crate::{
    OutboundEvent,
    entry::{CLIENT, Field, LINE, PRODUCT, Problem, SALE, plain, validate},
    import::{conflicts::Rivals, similar_ids},
};

/// Names of the sheets, as [`plain`] makes them.
const PRODUCTS: &str = "products";
const CLIENTS: &str = "clients";
pub(super) const INVOICES: &str = "invoices";
pub(super) const DETAILS: &str = "invoicedetails";
/// In merged cells, only the first one has the invoice.
const NO_INVOICE: &str = "is needed: it may be a line of the invoice above, which is held back";

/// Whether a sheet of that name is one of the four.
pub(super) fn is_known(sheet: &str) -> bool {
    [PRODUCTS, CLIENTS, INVOICES, DETAILS].contains(&plain(sheet).as_str())
}

/// The events of the four sheets, as many as there are: products first, then clients, then sales.
pub(super) fn events(
    sheets: &[Sheet],
    path: &Path,
    options: &ImportOptions,
) -> Result<(Vec<OutboundEvent>, Summary), ImportError> {
    let (events, summary, spoiled) = (Vec::new(), Summary::default(), HashSet::new());
    let mut found = Found { events, summary, latest: options.latest, spoiled };
    let table = |name: &str, fields: &[&'static [Field]]| {
        let sheet = sheets.iter().find(|sheet| plain(&sheet.name) == name);
        sheet.map(|sheet| Table::of(sheet, path, &options.mapping, fields)).transpose()
    };
    if let Some(table) = table(PRODUCTS, &[PRODUCT])? {
        found.summary.products = found.records(EventKind::Inventory, &table);
    }
    if let Some(table) = table(CLIENTS, &[CLIENT])? {
        found.summary.clients = found.records(EventKind::Clients, &table);
    }
    let details = table(DETAILS, &[&SALE[..1], LINE])?;
    let invoices = table(INVOICES, &[SALE])?;
    found.sales(invoices.as_ref(), details.as_ref());
    Ok((found.events, found.summary))
}

/// An event, unless something is wrong with its cells or with what they say together.
fn validated(
    stream: EventKind,
    event: Map<String, Value>,
    mut problems: Vec<Problem>,
) -> Result<OutboundEvent, Vec<Problem>> {
    match validate(stream, event) {
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

/// The lines of every invoice, by its id.
type Lines = HashMap<String, Vec<(Row, Map<String, Value>, Vec<Problem>)>>;

/// A field that is a text.
fn text_of(event: &Map<String, Value>, field: &str) -> Option<String> {
    event.get(field).and_then(Value::as_str).map(str::to_owned)
}

struct Found {
    events: Vec<OutboundEvent>,
    summary: Summary,
    latest: Option<Timestamp>,
    /// Invoices that are held back for what stands in other rows than their own.
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
    fn records(&mut self, stream: EventKind, table: &Table<'_>) -> u64 {
        self.begin(table);
        let before = self.events.len();
        let rivals = Rivals::among(table.rows().map(|row| (row.line, table.fields(&row))));
        for row in table.rows() {
            let fields = table.fields(&row);
            let first = rivals.first(&fields);
            match (validated(stream, fields, table.problems(&row, self.latest)), first) {
                (Ok(event), None) => self.events.push(event),
                // It is held back for the others, which are told.
                (Ok(_), Some(first)) if first == row.line => self.summary.held_rows += 1,
                (event, first) => {
                    let problems = event.err().unwrap_or_default();
                    let mut faults: Vec<_> =
                        problems.iter().map(|problem| table.fault(&row, &problem.path, &problem.message)).collect();
                    if let Some(first) = first.filter(|first| *first != row.line) {
                        let what =
                            format!("is that of row {first} too: leave one of them, or give each its own updated_at");
                        faults.push(table.fault(&row, table.id_field(), &what));
                    }
                    self.summary.record_bad_row(table.bad(row, faults));
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
        let firsts = invoices.map_or_else(HashMap::new, |invoices| self.firsts(invoices));
        let twins = self.twins(&firsts, &lines);
        if let Some(invoices) = invoices {
            self.begin(invoices);
            for row in invoices.rows() {
                self.sale(invoices, row, details, &mut lines, &firsts);
            }
        }
        let Some(details) = details else { return };
        let mut left: Vec<_> = lines.into_iter().collect();
        left.sort_by_key(|(_, rows)| rows.first().map(|(row, ..)| row.line));
        for (id, rows) in left {
            let what = match twins.get(&id) {
                Some(twin) => format!("{id:?} is in no row of Invoices, but {twin:?} is: write both alike"),
                None => format!("{id:?} is in no row of Invoices"),
            };
            for (row, ..) in rows {
                let fault = details.fault(&row, "invoice_id", &what);
                self.summary.record_bad_row(details.bad(row, vec![fault]));
            }
        }
    }

    /// The first row of every invoice in Invoices. One that has more is held back: which of them its lines belong to, nothing
    /// says. So is one with a row below that names none.
    fn firsts(&mut self, invoices: &Table<'_>) -> HashMap<String, u64> {
        let (mut firsts, mut above) = (HashMap::new(), None);
        for row in invoices.rows() {
            let Some(id) = text_of(&invoices.fields(&row), "invoice_id") else {
                self.spoiled.extend(above.clone());
                continue;
            };
            match firsts.entry(id.clone()) {
                Entry::Vacant(entry) => _ = entry.insert(row.line),
                Entry::Occupied(_) => _ = self.spoiled.insert(id.clone()),
            }
            above = Some(id);
        }
        firsts
    }

    /// Of lines without an invoice, the invoice whose id looks like theirs. It is held back: they may be part of it.
    fn twins(&mut self, firsts: &HashMap<String, u64>, lines: &Lines) -> HashMap<String, String> {
        let mut by_sight: HashMap<String, Vec<&String>> = HashMap::new();
        firsts.keys().for_each(|id| by_sight.entry(similar_ids::seen(id).collect()).or_default().push(id));
        let mut twins = HashMap::new();
        for id in lines.keys().filter(|id| !firsts.contains_key(*id)) {
            let Some(found) = by_sight.get(&similar_ids::seen(id).collect::<String>()) else { continue };
            self.spoiled.extend(found.iter().copied().cloned());
            twins.extend(found.first().map(|twin| (id.clone(), (*twin).clone())));
        }
        twins
    }

    /// The lines of every invoice.
    fn lines(&mut self, details: Option<&Table<'_>>) -> Lines {
        let mut lines = Lines::new();
        let Some(details) = details else { return lines };
        self.begin(details);
        let mut above = None;
        for row in details.rows() {
            let (mut fields, problems) = (details.fields(&row), details.problems(&row, self.latest));
            let id = text_of(&fields, "invoice_id");
            fields.remove("invoice_id");
            let what = match (&id, problems.iter().find(|problem| problem.path == "invoice_id")) {
                (_, Some(problem)) => problem.message.as_str(),
                (None, None) => NO_INVOICE,
                (Some(id), None) => {
                    above = Some(id.clone());
                    lines.entry(id.clone()).or_default().push((row, fields, problems));
                    continue;
                }
            };
            self.spoiled.extend(above.clone());
            let fault = details.fault(&row, "invoice_id", what);
            self.summary.record_bad_row(details.bad(row, vec![fault]));
        }
        lines
    }

    fn sale(
        &mut self,
        invoices: &Table<'_>,
        row: Row,
        details: Option<&Table<'_>>,
        lines: &mut Lines,
        firsts: &HashMap<String, u64>,
    ) {
        let mut sale = invoices.fields(&row);
        let id = text_of(&sale, "invoice_id").unwrap_or_default();
        let is_spoiled = self.spoiled.contains(&id);
        if let Some(first) = firsts.get(&id).filter(|first| **first != row.line) {
            let what =
                format!("is that of row {first} too: give each invoice a number of its own, or leave one of the rows");
            let fault = invoices.fault(&row, "invoice_id", &what);
            return self.summary.record_bad_row(invoices.bad(row, vec![fault]));
        }
        let rows = lines.remove(&id).unwrap_or_default();
        let names_none = id.is_empty();
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
        let problems = match validated(EventKind::Sales, sale, problems) {
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
        let mut faults: HashMap<usize, Vec<RowError>> = HashMap::new();
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
                _ if problem.path == "invoice_id" && names_none => {
                    head.push(invoices.fault(&row, "invoice_id", NO_INVOICE));
                }
                _ => head.push(invoices.fault(&row, &problem.path, &problem.message)),
            }
        }
        if head.is_empty() {
            self.summary.held_rows += 1;
        } else {
            self.summary.record_bad_row(invoices.bad(row, head));
        }
        for (index, row) in rows.into_iter().enumerate() {
            match (faults.remove(&index), details) {
                (Some(faults), Some(details)) => self.summary.record_bad_row(details.bad(row, faults)),
                _ => self.summary.held_rows += 1,
            }
        }
    }
}
