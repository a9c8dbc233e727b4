//! Which sheets of a workbook are read, and as what. One that is not read is named.

use std::{path::Path, sync::Arc};

use snafu::ensure;

use super::{
    Mapping, UnreadSheet,
    columns::{Columns, HeaderFault, NAMES},
    error::{BlankSnafu, ImportError, SheetsSnafu, TwoSheetsSnafu, UnmappedSnafu},
    export, rows,
    sheet::Sheet,
    workbook::{self, DETAILS, INVOICES},
};
use crate::entry::plain;

/// Of so many columns of invoice lines, a sheet is meant to be one of them.
const MEANT: usize = 3;

/// The sheets of a workbook.
pub(super) struct Sheets {
    /// Those of records.
    pub(super) records: Vec<Sheet>,
    /// Those of invoice lines.
    pub(super) lines: Vec<Arc<Sheet>>,
    /// All others that hold anything.
    pub(super) unread: Vec<UnreadSheet>,
}

/// Sorts the sheets of a workbook by what they hold.
///
/// # Errors
/// None is read; two hold the same; one that lacks columns is plainly meant to be read.
pub(super) fn sort(sheets: Vec<Sheet>, path: &Path, mapping: &Mapping) -> Result<Sheets, ImportError> {
    ensure!(sheets.iter().any(|sheet| !sheet.hidden), BlankSnafu { path });
    let mut sorted = Sheets { records: Vec::new(), lines: Vec::new(), unread: Vec::new() };
    let mut headers = Vec::new();
    for sheet in sheets {
        let header = sheet.header();
        let is_record = workbook::is_known(&sheet.name);
        let columns = Columns::of(header.clone(), mapping);
        if sheet.hidden {
            let is_left_out = is_record || columns.is_ok();
            let reason = if is_left_out { "it is hidden: show it, or delete it" } else { "it is hidden" };
            sorted.unread.push(UnreadSheet { name: sheet.name, reason: reason.into(), is_left_out });
            continue;
        }
        if let Some(error) = export::refused(path, Some(&sheet.name), &header) {
            return Err(error);
        }
        if sheet.len() == 1 && (is_record || columns.is_ok()) {
            let reason = "it has no rows below the names of its columns".into();
            sorted.unread.push(UnreadSheet { name: sheet.name.clone(), reason, is_left_out: false });
        }
        match columns {
            _ if is_record => sorted.records.push(sheet),
            Ok(_) => sorted.lines.push(Arc::new(sheet)),
            Err(fault) if is_meant(&fault) => return Err(rows::refused(path, Some(&sheet.name), &header, fault)),
            Err(_) => {
                let reason =
                    format!("its first row names no columns of invoice lines; it reads: {}", rows::shown(&header));
                sorted.unread.push(UnreadSheet { name: sheet.name, reason, is_left_out: true });
                continue;
            }
        }
        headers.extend(header);
    }
    sorted.is_clear(path)?;
    match mapping.missing(&headers) {
        Some(column) => UnmappedSnafu { path, column, header: rows::shown(&headers) }.fail(),
        None => Ok(sorted),
    }
}

/// Whether a sheet that lacks columns is one of invoice lines all the same.
fn is_meant(fault: &HeaderFault) -> bool {
    match fault {
        HeaderFault::Ambiguous(_) | HeaderFault::MappedAway { .. } => true,
        HeaderFault::Missing(missing) => missing.len() <= NAMES.len() - MEANT,
    }
}

impl Sheets {
    /// Something is read, and nothing twice.
    fn is_clear(&self, path: &Path) -> Result<(), ImportError> {
        let found = || self.unread.iter().map(|sheet| sheet.name.as_str()).collect::<Vec<_>>().join(", ");
        ensure!(!self.records.is_empty() || !self.lines.is_empty(), SheetsSnafu { path, found: found() });
        for (at, second) in self.records.iter().enumerate() {
            let twin = self.records[..at].iter().find(|first| plain(&first.name) == plain(&second.name));
            if let Some(first) = twin {
                return TwoSheetsSnafu { path, first: &first.name, second: &second.name }.fail();
            }
        }
        let of_sales = self.records.iter().find(|sheet| [INVOICES, DETAILS].contains(&plain(&sheet.name).as_str()));
        match (of_sales, self.lines.first()) {
            (Some(first), Some(second)) => TwoSheetsSnafu { path, first: &first.name, second: &second.name }.fail(),
            _ => Ok(()),
        }
    }
}
