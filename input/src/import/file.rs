//! A file that is read twice: once to count, once to send.

use std::{
    collections::{BTreeSet, HashSet},
    io::{Cursor, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use snafu::ResultExt;
use stockstream_model::event::EventKind;

use super::{
    Events, ImportError, ImportOptions, Summary,
    error::ReadSnafu,
    plan::Plan,
    rows::Rows,
    sheet::Sheet,
    sheets,
    source::{self, ZIP},
    workbook, xlsx,
};
use crate::{OutboundEvent, import::similar_ids};

/// A file whose first pass is done.
#[derive(Clone, Debug)]
pub struct Import {
    path: PathBuf,
    options: ImportOptions,
    /// All events of the records of a workbook.
    records: Arc<Vec<OutboundEvent>>,
    /// Invoice lines, to be read again.
    lines: Option<(Source, Arc<Plan>)>,
    summary: Arc<Summary>,
}

#[derive(Clone, Debug)]
enum Source {
    File,
    Bytes(Arc<[u8]>),
    Sheets(Vec<Arc<Sheet>>),
}

impl Import {
    /// Reads the whole file once, to count.
    ///
    /// # Errors
    /// A file that cannot be opened or read to its end, that is neither CSV nor XLSX with the required columns, that is
    /// beyond the limits, or that is no regular file (it is read twice); shares below zero. Rows that are no part of any
    /// event are no error: see [`Summary`].
    pub fn open(path: &Path, options: ImportOptions) -> Result<Self, ImportError> {
        options.check()?;
        let mut file = source::open(path)?;
        let start = source::peek(&mut file, ZIP.len()).context(ReadSnafu { path, line: 1_u64, gzip: false })?;
        if start == ZIP {
            let bytes = xlsx::whole(Cursor::new(start).chain(file), path, options.limits)?;
            return Self::of_workbook(path, bytes, options);
        }
        Self::of_lines(path, Source::File, options)
    }

    /// Reads a file that is in memory; the path is only its name in errors.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(path: &Path, bytes: Arc<[u8]>, options: ImportOptions) -> Result<Self, ImportError> {
        options.check()?;
        if bytes.starts_with(ZIP) {
            return Self::of_workbook(path, bytes, options);
        }
        Self::of_lines(path, Source::Bytes(bytes), options)
    }

    fn of_lines(path: &Path, source: Source, options: ImportOptions) -> Result<Self, ImportError> {
        let mut plan = plan(&source, path, &options)?;
        let mut summary = plan.summary.clone();
        summary.name_alike(similar_ids::find(&[], Some(&plan)));
        plan.clients = HashSet::new(); // needed no more
        let (lines, summary) = (Some((source, Arc::new(plan))), Arc::new(summary));
        Ok(Self { path: path.to_owned(), options, records: Arc::default(), lines, summary })
    }

    fn of_workbook(path: &Path, bytes: Arc<[u8]>, options: ImportOptions) -> Result<Self, ImportError> {
        let sheets = xlsx::sheets(bytes, path, options.limits)?;
        let sheets = sheets::sort(sheets, path, &options.mapping)?;
        let (events, mut summary) = workbook::events(&sheets.records, path, &options)?;
        let lines = if sheets.lines.is_empty() {
            summary.name_alike(similar_ids::find(&events, None));
            None
        } else {
            let source = Source::Sheets(sheets.lines);
            let mut plan = plan(&source, path, &options)?;
            summary.name_alike(similar_ids::find(&events, Some(&plan)));
            plan.clients = HashSet::new(); // needed no more
            // What the workbook itself says of a product is not made up.
            let known: HashSet<&str> = events
                .iter()
                .filter(|event| event.stream == EventKind::Inventory)
                .map(|event| event.key.as_str())
                .collect();
            plan.products.retain(|product| !known.contains(product.id.as_str()));
            summary.add(&plan.summary);
            Some((source, Arc::new(plan)))
        };
        summary.unread = sheets.unread;
        let (records, summary) = (Arc::new(events), Arc::new(summary));
        Ok(Self { path: path.to_owned(), options, records, lines, summary })
    }

    /// What the first pass found.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// How many events [`events`](Self::events) yields.
    pub fn total_events(&self) -> u64 {
        let lines = self.lines.as_ref().map_or(0, |(_, plan)| {
            plan.summary.invoices + self.options.derive_inventory.map_or(0, |_| plan.products.len() as u64)
        });
        self.records.len() as u64 + lines
    }

    /// Which streams its events go to.
    pub fn streams(&self) -> BTreeSet<EventKind> {
        let mut streams: BTreeSet<EventKind> = self.records.iter().map(|event| event.stream).collect();
        if let Some((_, plan)) = &self.lines {
            let derives = self.options.derive_inventory.is_some() && !plan.products.is_empty();
            streams.extend((plan.summary.invoices > 0).then_some(EventKind::Sales));
            streams.extend(derives.then_some(EventKind::Inventory));
        }
        streams
    }

    /// The second pass: what the sheets of a workbook hold as records; inventory records, if asked for; then the sales of
    /// invoice lines. Each call begins anew.
    ///
    /// # Errors
    /// The file cannot be opened any more, or has another header now.
    pub fn events(&self) -> Result<impl Iterator<Item = Result<OutboundEvent, ImportError>> + use<>, ImportError> {
        let lines = match &self.lines {
            Some((source, plan)) => {
                let rows = source.rows(&self.path, &self.options)?;
                Some(Events::new(rows, self.options.derive_inventory, Arc::clone(plan)))
            }
            None => None,
        };
        let records = Arc::clone(&self.records);
        Ok((0..records.len()).map(move |at| Ok(records[at].clone())).chain(lines.into_iter().flatten()))
    }
}

/// The first pass. Where invoices are held back, it takes a second one to leave them out of what is told of products.
fn plan(source: &Source, path: &Path, options: &ImportOptions) -> Result<Plan, ImportError> {
    let plan = Plan::of(source.rows(path, options)?, options, HashSet::new())?;
    if plan.held.is_empty() { Ok(plan) } else { Plan::of(source.rows(path, options)?, options, plan.held) }
}

impl Source {
    fn rows(&self, path: &Path, options: &ImportOptions) -> Result<Rows, ImportError> {
        match self {
            Self::File => Rows::read(Box::new(source::open(path)?), path, options),
            Self::Bytes(bytes) => Rows::read(Box::new(Cursor::new(Arc::clone(bytes))), path, options),
            Self::Sheets(sheets) => Rows::of_sheets(sheets, path, options),
        }
    }
}

#[cfg(test)]
#[path = "xlsx_tests.rs"]
mod xlsx_tests;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
