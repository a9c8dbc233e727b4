//! XLSX workbooks, which are read whole: within limits, because a small archive can hold a great deal.

use std::{
    io::{self, Cursor, Read},
    panic,
    path::Path,
    sync::Arc,
};

use calamine::{DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx};
use snafu::ensure;

use super::{
    Limits,
    cell::CellType,
    error::{FormatSnafu, ImportError, TooLargeSnafu, WorkbookSnafu},
    format::foreign_archive,
    sheet::Sheet,
};

/// The most characters of one cell: that of Excel.
const MAX_CELL: usize = 32_767;
/// The most columns that are read.
const MAX_COLUMNS: usize = 200;
/// The most sheets of a workbook: many may be one part of the archive, which is read as often.
const MAX_SHEETS: usize = 64;

/// The sheets that have anything in them, in the order of the workbook.
pub(super) fn sheets(bytes: Arc<[u8]>, path: &Path, limits: Limits) -> Result<Vec<Sheet>, ImportError> {
    unpacked_within(&bytes, path, limits)?;
    // calamine panics where the name of a cell is beyond its numbers.
    let read = panic::catch_unwind(|| read(bytes, path, limits));
    read.unwrap_or_else(|_| {
        let message = "its cells have names that no cell can have";
        WorkbookSnafu { path, message }.fail()
    })
}

fn read(bytes: Arc<[u8]>, path: &Path, limits: Limits) -> Result<Vec<Sheet>, ImportError> {
    let unreadable = |error: calamine::XlsxError| unreadable(path, &error);
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let all = workbook.sheets_metadata().to_vec();
    ensure!(all.len() <= MAX_SHEETS, TooLargeSnafu { path, what: format!("more than {MAX_SHEETS} sheets") });
    let mut sheets: Vec<Sheet> = Vec::new();
    let mut others = 0; // what the sheets before take
    // A chart has no cells.
    for calamine::Sheet { name, visible, .. } in all.into_iter().filter(|sheet| sheet.typ == SheetType::WorkSheet) {
        let mut sheet = Sheet::new(name.clone(), visible != SheetVisible::Visible);
        let mut cells = workbook.worksheet_cells_reader(&name).map_err(unreadable)?;
        let (mut row, mut number) = (Vec::new(), 0);
        while let Some(cell) = cells.next_cell().map_err(unreadable)? {
            let (at, column) = cell.get_position();
            if at != number {
                sheet.push(number + 1, &mut row);
                (number, row) = (at, Vec::new());
                sheet_within(&sheet, others, path, limits)?;
            }
            let column = column as usize;
            if column < MAX_COLUMNS {
                row.resize(row.len().max(column + 1), Default::default());
                row[column] = (text(cell.get_value()), kind(cell.get_value()));
            }
        }
        sheet.push(number + 1, &mut row);
        sheet_within(&sheet, others, path, limits)?;
        if sheet.len() > 0 {
            others += sheet.bytes();
            sheets.push(sheet);
        }
    }
    Ok(sheets)
}

/// Texts that cells share are unpacked once more for each of them.
fn sheet_within(sheet: &Sheet, others: usize, path: &Path, limits: Limits) -> Result<(), ImportError> {
    // The first row names the columns.
    let rows = (sheet.len() as u64).saturating_sub(1);
    ensure!(
        rows <= limits.rows,
        TooLargeSnafu { path, what: format!("more than {} rows in sheet {}", limits.rows, sheet.name) }
    );
    let bytes = (others + sheet.bytes()) as u64;
    ensure!(
        bytes <= limits.unpacked,
        TooLargeSnafu { path, what: format!("more than {} MiB of text in its cells", limits.unpacked >> 20) }
    );
    Ok(())
}

/// What the archive says of its sizes may be a lie: it is unpacked once to count.
fn unpacked_within(bytes: &Arc<[u8]>, path: &Path, limits: Limits) -> Result<(), ImportError> {
    let broken = |error: &dyn std::error::Error| unreadable(path, error);
    let mut archive = zip::ZipArchive::new(Cursor::new(Arc::clone(bytes))).map_err(|error| broken(&error))?;
    if let Some((what, advice)) = foreign_archive(&archive.file_names_raw().collect::<Vec<_>>()) {
        return FormatSnafu { path, what, advice }.fail();
    }
    let mut left = limits.unpacked;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|error| broken(&error))?;
        let read = io::copy(&mut part.take(left + 1), &mut io::sink()).map_err(|error| broken(&error))?;
        let what = || format!("more than {} MiB when it is unpacked", limits.unpacked >> 20);
        left = left.checked_sub(read).ok_or_else(|| TooLargeSnafu { path, what: what() }.build())?;
    }
    Ok(())
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> ImportError {
    WorkbookSnafu { path, message: error.to_string() }.build()
}

/// A cell as it would stand in a CSV file.
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => decimal(*number),
        DataRef::String(text) => text.chars().take(MAX_CELL).collect(),
        DataRef::SharedString(text) => text.chars().take(MAX_CELL).collect(),
        DataRef::Bool(is) => is.to_string().to_uppercase(),
        DataRef::DateTime(at) if at.is_datetime() && at.as_f64() >= 1.0 => time(*at),
        DataRef::DateTime(at) => decimal(at.as_f64()),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(error) => error.to_string(),
        DataRef::Empty => String::new(),
    }
}

fn kind(value: &DataRef<'_>) -> CellType {
    match value {
        DataRef::Int(_) | DataRef::Float(_) => CellType::Number,
        DataRef::Bool(_) => CellType::Bool,
        DataRef::DateTime(at) if at.is_datetime() && at.as_f64() >= 1.0 => CellType::Time,
        DataRef::DateTime(_) => CellType::Number,
        DataRef::DateTimeIso(_) => CellType::Time,
        DataRef::Error(_) => CellType::Error,
        DataRef::String(_) | DataRef::SharedString(_) | DataRef::DurationIso(_) | DataRef::Empty => CellType::Text,
    }
}

/// To the fifteen digits that a spreadsheet shows: what it computed as 0.1 + 0.2 is 0.3.
fn decimal(number: f64) -> String {
    let shown: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    shown.to_string()
}

fn time(at: ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, millis) = at.to_ymd_hms_milli();
    match (hour, minute, second, millis) {
        (0, 0, 0, 0) => format!("{year:04}-{month:02}-{day:02}"),
        (.., 0) => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"),
        _ => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{millis:03}"),
    }
}

/// All of a file that is no longer than allowed.
pub(super) fn whole(mut source: impl Read, path: &Path, limits: Limits) -> Result<Arc<[u8]>, ImportError> {
    let mut bytes = Vec::new();
    let read = source.by_ref().take(limits.file + 1).read_to_end(&mut bytes);
    let read = read.map_err(|error| unreadable(path, &error))? as u64;
    ensure!(read <= limits.file, TooLargeSnafu { path, what: format!("more than {} MiB", limits.file >> 20) });
    Ok(bytes.into())
}
