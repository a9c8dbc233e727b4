//! The lines of a file, one at a time.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};
use flate2::bufread::MultiGzDecoder;
use snafu::{ResultExt, ensure};

use super::{
    Limits, Mapping,
    bounded::{Allowance, Bounded, Met},
    error::{
        AmbiguousSnafu, ColumnsSnafu, ImportError, NotRegularSnafu, OpenSnafu, ReadSnafu, TooLargeSnafu, UnmappedSnafu,
    },
    plan::Fault,
    row::{CLIENT, Columns, DESCRIPTION, NAMES, Row},
    sheet::Sheet,
};
use crate::entry::plain;

const GZIP: &[u8] = &[0x1f, 0x8b];
pub(super) const ZIP: &[u8] = b"PK\x03\x04";
const BOM: &[u8] = "\u{feff}".as_bytes();
const BUFFER: usize = 128 * 1024;
/// The most bytes of a row. A longer one is a quote that was left open, or no file of rows.
const MAX_ROW: u64 = 1 << 20;
/// The most columns of a file.
const MAX_COLUMNS: usize = 1_000;

pub(super) type Source = Box<dyn Read + Send>;

/// Where a row begins, counted from 1 with the header, and the row, or why it is part of no event.
pub(super) type Line<'a> = (u64, Result<Row<'a>, Fault>);

/// Where records come from.
enum Records {
    Csv(Box<Reader<Source>>, Allowance, Limits),
    /// A sheet and the place of its next row.
    Sheet(Arc<Sheet>, usize),
}

/// The data rows of a file. After an error there are no more.
pub(super) struct Rows {
    records: Records,
    record: ByteRecord,
    columns: Columns,
    path: PathBuf,
    gzip: bool,
}

impl Rows {
    /// From the contents of a file; `path` is only its name in errors.
    pub(super) fn read(
        mut source: Source,
        path: &Path,
        mapping: &Mapping,
        limits: Limits,
    ) -> Result<Self, ImportError> {
        let start = peek(&mut source, ZIP.len()).context(ReadSnafu { path, line: 1_u64, gzip: false })?;
        let gzip = start.starts_with(GZIP);
        let whole = io::Cursor::new(start).chain(source);
        let mut text: Source =
            if gzip { Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, whole))) } else { Box::new(whole) };
        let start = peek(&mut text, BOM.len()).context(ReadSnafu { path, line: 1_u64, gzip })?;
        let start = if start == BOM { Vec::new() } else { start };
        // A line ends at LF, and the last one too: with the terminator CRLF, csv counts lines one short.
        let text = io::Cursor::new(start).chain(text).chain(&b"\n"[..]);
        let allowance = Allowance::new(limits.text.saturating_add(2)); // the end that is added, and a byte that is not there
        let text = Bounded { source: text, allowance: allowance.clone() };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(BUFFER)
            .from_reader(Box::new(text) as Source);
        Self::new(Records::Csv(Box::new(reader), allowance, limits), path, gzip, mapping)
    }

    /// From a sheet of a workbook.
    pub(super) fn of_sheet(sheet: &Arc<Sheet>, path: &Path, mapping: &Mapping) -> Result<Self, ImportError> {
        Self::new(Records::Sheet(Arc::clone(sheet), 0), path, false, mapping)
    }

    fn new(records: Records, path: &Path, gzip: bool, mapping: &Mapping) -> Result<Self, ImportError> {
        let (record, columns) = (ByteRecord::new(), Columns::default());
        let mut rows = Self { records, record, columns, path: path.to_owned(), gzip };
        rows.advance()?;
        rows.columns = rows.header(mapping)?;
        Ok(rows)
    }

    /// The next row; `None` at the end. It may be asked for what a worker would take as well.
    pub(super) fn next(&mut self, judged: bool) -> Result<Option<Line<'_>>, ImportError> {
        let Some(line) = self.advance()? else { return Ok(None) };
        let row = Row::of(&self.record, &self.columns);
        Ok(Some((line, if judged { row.and_then(|row| row.judged(&self.columns)) } else { row })))
    }

    /// The row that [`next`](Self::next) gave last, as it stands in the file; of too many cells the first ones.
    pub(super) fn cells(&self) -> Vec<String> {
        let mut cells = cells(&self.record);
        cells.truncate(self.columns.header.len() + 1);
        cells
    }

    /// The invoice of that row, whatever else is wrong with it.
    pub(super) fn invoice(&self) -> Option<String> {
        Row::invoice_of(&self.record, &self.columns)
    }

    /// The columns.
    pub(super) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The sheet, of a workbook.
    pub(super) fn sheet(&self) -> Option<&str> {
        match &self.records {
            Records::Csv(..) => None,
            Records::Sheet(sheet, _) => Some(&sheet.name),
        }
    }

    /// The file that is read.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a record that is not blank and says where it begins.
    fn advance(&mut self) -> Result<Option<u64>, ImportError> {
        let (reader, allowance, limits) = match &mut self.records {
            Records::Csv(reader, allowance, limits) => (reader, allowance, limits),
            Records::Sheet(sheet, place) => {
                *place += 1;
                return Ok(sheet.row(*place - 1, &mut self.record).map(u64::from));
            }
        };
        loop {
            let before = reader.position().line();
            // What is in the buffer was allowed before.
            allowance.begin_row(MAX_ROW);
            let read = reader.read_byte_record(&mut self.record).map_err(io::Error::from);
            if let (Err(_), Some(met)) = (&read, allowance.met()) {
                let what = match met {
                    Met::Row => {
                        format!("a row of more than {} MiB after line {before} (is a quote left open?)", MAX_ROW >> 20)
                    }
                    Met::All => format!("more text than {} MiB when it is unpacked", limits.text >> 20),
                };
                return TooLargeSnafu { path: &self.path, what }.fail();
            }
            let line = reader.position().line();
            let read = read.context(ReadSnafu { path: &self.path, line, gzip: self.gzip })?;
            if !read {
                return Ok(None);
            }
            if let Some(last) = self.record.len().checked_sub(1)
                && self.record[last].ends_with(b"\r")
            {
                cut_carriage_return(&mut self.record, last);
            }
            if self.record.len() == 1 && self.record[0].is_empty() {
                continue;
            }
            // Counted from the end of the record, for blank lines that csv skipped before it.
            let within = self.record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
            return Ok(Some(before.max(reader.position().line().saturating_sub(1 + within))));
        }
    }

    fn header(&self, mapping: &Mapping) -> Result<Columns, ImportError> {
        let path = &self.path;
        ensure!(
            self.record.len() <= MAX_COLUMNS,
            TooLargeSnafu { path, what: format!("more than {MAX_COLUMNS} columns") }
        );
        let header = cells(&self.record);
        let mut places = [None; NAMES.len()];
        for (place, column) in header.iter().enumerate() {
            let Some(name) = NAMES.iter().position(|name| mapping.holds(column, name.1, &[plain(name.0)])) else {
                continue;
            };
            ensure!(places[name].is_none(), AmbiguousSnafu { path, column: NAMES[name].0 });
            places[name] = Some(place);
        }
        let unmapped = mapping.columns().find(|column| !header.iter().any(|name| plain(name) == plain(column)));
        let shown =
            || if header.is_empty() { "nothing".to_owned() } else { header.join(",").chars().take(200).collect() };
        if let Some(column) = unmapped {
            return UnmappedSnafu { path, column, header: shown() }.fail();
        }
        // Other layouts need not have what an event can do without.
        let optional = |name| mapping.says_anything() && [DESCRIPTION, CLIENT].contains(&name);
        let missing: Vec<_> = (0..NAMES.len())
            .filter(|name| places[*name].is_none() && !optional(*name))
            .map(|name| NAMES[name].0)
            .collect();
        ensure!(missing.is_empty(), ColumnsSnafu { path, missing: missing.join(", "), header: shown() });
        Ok(Columns { places, header })
    }
}

/// What a row holds, as text.
pub(super) fn cells(record: &ByteRecord) -> Vec<String> {
    record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
}

/// The CR of a line that ends in CRLF is part of its last field so far.
fn cut_carriage_return(record: &mut ByteRecord, last: usize) {
    let shorter = record[last].strip_suffix(b"\r").unwrap_or_default().to_vec();
    record.truncate(last);
    record.push_field(&shorter);
}

/// The file at a path, which is to be read more than once.
pub(super) fn open(path: &Path) -> Result<File, ImportError> {
    // Opening a pipe would wait for somebody to write.
    let metadata = std::fs::metadata(path).context(OpenSnafu { path })?;
    ensure!(metadata.is_file(), NotRegularSnafu { path });
    File::open(path).context(OpenSnafu { path })
}

/// The first bytes, fewer only where there are no more.
pub(super) fn peek(source: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(count);
    source.take(count as u64).read_to_end(&mut start)?;
    Ok(start)
}
