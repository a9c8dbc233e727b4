//! The lines of a file, one at a time.

use std::{
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};
use flate2::bufread::MultiGzDecoder;
use snafu::{ResultExt, ensure};
use stockstream_model::Timestamp;

use super::{
    ImportOptions, Limits, Mapping,
    bounded::{Bounded, LimitExceeded, ReadLimits},
    cell::CellType,
    columns::{Columns, HeaderFault, NAMES},
    encoding::{self, Malformed, as_western},
    error::{
        AmbiguousSnafu, ColumnsSnafu, EncodingSnafu, FormatSnafu, ImportError, MappedAwaySnafu, MappedFieldSnafu,
        NotTextSnafu, ReadSnafu, SeparatorSnafu, SheetColumnsSnafu, TooLargeSnafu, UnmappedSnafu, place,
    },
    export,
    format::{foreign, separator},
    row::{Row, invoice_of, suspects},
    sheet::{Sheet, cells},
    source::{Source, peek},
    summary::{Header, RowError},
};

const GZIP: &[u8] = &[0x1f, 0x8b];
/// As many bytes as tell what a file is.
const MAGIC: usize = 16;
const BUFFER: usize = 128 * 1024;
/// The most bytes of a row. A longer one is a quote that was left open, or no file of rows.
const MAX_ROW: u64 = 1 << 20;
/// The most columns of a file.
const MAX_COLUMNS: usize = 1_000;

/// Where a row is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Which of the sheets, or 0.
    pub(super) sheet: usize,
    /// Where it begins, counted from 1 with the header.
    pub(super) line: u64,
}

/// A row, or why it is part of no event.
pub(super) type Line<'a> = (Place, Result<Row<'a>, RowError>);

/// Where records come from.
enum Records {
    Csv {
        reader: Box<Reader<Source>>,
        allowance: ReadLimits,
        limits: Limits,
        /// Whether it is for us to see that it is UTF-8.
        unchecked: bool,
    },
    /// Sheets, one after the other, each with a header.
    Sheets {
        sheets: Vec<Arc<Sheet>>,
        /// Which one it is.
        sheet: usize,
        /// The place of its next row.
        place: usize,
    },
}

/// The data rows of a file. After an error there are no more.
pub(super) struct Rows {
    records: Records,
    record: ByteRecord,
    columns: Columns,
    headers: Vec<Header>,
    mapping: Mapping,
    latest: Option<Timestamp>,
    path: PathBuf,
    gzip: bool,
    /// The invoice of the last row that names one.
    above: Vec<u8>,
}

impl Rows {
    /// From the contents of a file; `path` is only its name in errors.
    pub(super) fn read(mut source: Source, path: &Path, options: &ImportOptions) -> Result<Self, ImportError> {
        let start = peek(&mut source, MAGIC).context(ReadSnafu { path, line: 1_u64, gzip: false })?;
        if let Some((what, advice)) = foreign(&start) {
            return FormatSnafu { path, what, advice }.fail();
        }
        let gzip = start.starts_with(GZIP);
        let whole = io::Cursor::new(start).chain(source);
        let text: Source =
            if gzip { Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, whole))) } else { Box::new(whole) };
        let text = encoding::open(text, options.encoding).map_err(|error| unreadable(path, 1, gzip, error))?;
        if let Some((what, advice)) = foreign(&text.start) {
            return FormatSnafu { path, what, advice }.fail();
        }
        let unchecked = text.unchecked;
        // A line ends at LF, and the last one too: with the terminator CRLF, csv counts lines one short.
        let text = text.source.chain(&b"\n"[..]);
        // The end that is added, and a byte that is not there.
        let allowance = ReadLimits::new(options.limits.text.saturating_add(2));
        let text = Bounded { source: text, allowance: allowance.clone() };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(BUFFER)
            .from_reader(Box::new(text) as Source);
        let records = Records::Csv { reader: Box::new(reader), allowance, limits: options.limits, unchecked };
        Self::new(records, path, gzip, options)
    }

    /// From sheets of a workbook.
    pub(super) fn of_sheets(sheets: &[Arc<Sheet>], path: &Path, options: &ImportOptions) -> Result<Self, ImportError> {
        Self::new(Records::Sheets { sheets: sheets.to_vec(), sheet: 0, place: 0 }, path, false, options)
    }

    fn new(records: Records, path: &Path, gzip: bool, options: &ImportOptions) -> Result<Self, ImportError> {
        let mut rows = Self {
            records,
            record: ByteRecord::new(),
            columns: Columns::default(),
            headers: Vec::new(),
            mapping: options.mapping.clone(),
            latest: options.latest,
            path: path.to_owned(),
            gzip,
            above: Vec::new(),
        };
        rows.advance()?;
        rows.begin()?;
        Ok(rows)
    }

    /// The next row; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>, ImportError> {
        let line = loop {
            match self.advance()? {
                Some(line) => break line,
                None if self.next_sheet()? => {}
                None => return Ok(None),
            }
        };
        if let Some(invoice) = invoice_of(&self.record, &self.columns) {
            self.above.clear();
            self.above.extend_from_slice(invoice);
        }
        let (sheet, types) = self.types();
        let row = Row::of(&self.record, &self.columns, types, self.latest);
        Ok(Some((Place { sheet, line }, row)))
    }

    /// Goes on to the sheet behind, if there is one.
    fn next_sheet(&mut self) -> Result<bool, ImportError> {
        let Records::Sheets { sheets, sheet, place } = &mut self.records else { return Ok(false) };
        (*sheet, *place) = (*sheet + 1, 0);
        if *sheet >= sheets.len() {
            return Ok(false);
        }
        self.advance()?;
        self.begin()?;
        Ok(true)
    }

    /// Which sheet it is, and the types of the cells of its row.
    fn types(&self) -> (usize, &[CellType]) {
        match &self.records {
            Records::Csv { .. } => (0, &[]),
            Records::Sheets { sheets, sheet, place } => {
                (*sheet, sheets.get(*sheet).map_or(&[], |of| of.types(place.saturating_sub(1))))
            }
        }
    }

    /// The row that [`next`](Self::next) gave last, as it stands in the file; of too many cells the first ones.
    pub(super) fn cells(&self) -> Vec<String> {
        let mut cells = cells(&self.record);
        cells.truncate(self.columns.header.len() + 1);
        cells
    }

    /// The invoices that it may be a line of, where it is bad.
    pub(super) fn suspects(&self) -> Vec<String> {
        suspects(&self.record, &self.columns, &self.above)
    }

    /// The columns.
    pub(super) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The headers of all sheets so far, or of the file.
    pub(super) fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// A row of that number, for a person.
    pub(super) fn numbered(&self, line: u64) -> String {
        let what = if self.headers.iter().any(|header| header.sheet.is_some()) { "row" } else { "line" };
        format!("{what} {line}")
    }

    /// The sheet of that number, of a workbook.
    pub(super) fn sheet(&self, number: usize) -> Option<&str> {
        self.headers.get(number)?.sheet.as_deref()
    }

    /// The file that is read.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a record that is not blank and says where it begins.
    fn advance(&mut self) -> Result<Option<u64>, ImportError> {
        let (reader, allowance, limits, unchecked) = match &mut self.records {
            Records::Csv { reader, allowance, limits, unchecked } => (reader, allowance, limits, *unchecked),
            Records::Sheets { sheets, sheet, place } => {
                *place += 1;
                let row = sheets.get(*sheet).and_then(|sheet| sheet.row(*place - 1, &mut self.record));
                return Ok(row.map(u64::from));
            }
        };
        loop {
            let before = reader.position().line();
            // What is in the buffer was allowed before.
            allowance.begin_row(MAX_ROW);
            let read = reader.read_byte_record(&mut self.record).map_err(io::Error::from);
            if let (Err(_), Some(met)) = (&read, allowance.met()) {
                let what = match met {
                    LimitExceeded::Row => {
                        format!("a row of more than {} MiB after line {before} (is a quote left open?)", MAX_ROW >> 20)
                    }
                    LimitExceeded::All => format!("more text than {} MiB when it is unpacked", limits.text >> 20),
                };
                return TooLargeSnafu { path: &self.path, what }.fail();
            }
            let line = reader.position().line();
            let read = read.map_err(|error| unreadable(&self.path, line, self.gzip, error))?;
            if !read {
                return Ok(None);
            }
            if let Some(last) = self.record.len().checked_sub(1)
                && self.record[last].ends_with(b"\r")
            {
                cut_carriage_returns(&mut self.record, last);
            }
            if self.record.len() == 1 && self.record[0].is_empty() {
                continue;
            }
            // Counted from the end of the record, for blank lines that csv skipped before it.
            let within = self.record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
            let line = before.max(reader.position().line().saturating_sub(1 + within));
            if unchecked && let Some(cell) = not_utf8(&self.record) {
                let cell: String = as_western(cell).chars().take(60).collect();
                return EncodingSnafu { path: &self.path, line, encoding: "UTF-8", cell }.fail();
            }
            return Ok(Some(line));
        }
    }

    /// Takes the record as a header.
    fn begin(&mut self) -> Result<(), ImportError> {
        let path = &self.path;
        ensure!(
            self.record.len() <= MAX_COLUMNS,
            TooLargeSnafu { path, what: format!("more than {MAX_COLUMNS} columns") }
        );
        let header = cells(&self.record);
        let sheet = match &self.records {
            Records::Csv { .. } => None,
            Records::Sheets { sheets, sheet, .. } => sheets.get(*sheet).map(|sheet| sheet.name.clone()),
        };
        // In a workbook, a column may be of another sheet.
        if sheet.is_none() {
            if let [all] = &header[..]
                && let Some(separator) = separator(all)
            {
                return SeparatorSnafu { path, separator }.fail();
            }
            let fields = || NAMES.map(|name| name.field).join(", ");
            if let Some((_, field)) =
                self.mapping.pairs().find(|(_, field)| NAMES.iter().all(|name| name.field != *field))
            {
                return MappedFieldSnafu { path, field, fields: fields() }.fail();
            }
            if let Some(column) = self.mapping.missing(&header) {
                return UnmappedSnafu { path, column, header: shown(&header) }.fail();
            }
        }
        match Columns::of(header.clone(), &self.mapping) {
            Ok(columns) => {
                self.headers.push(Header { sheet, unread: columns.unread(), columns: header });
                self.columns = columns;
                Ok(())
            }
            Err(fault) => Err(refused(path, sheet.as_deref(), &header, fault)),
        }
    }
}

/// Why a header is not read.
pub(super) fn refused(path: &Path, sheet: Option<&str>, header: &[String], fault: HeaderFault) -> ImportError {
    let missing = match fault {
        HeaderFault::Ambiguous(column) => return AmbiguousSnafu { place: place(path, sheet), column }.build(),
        HeaderFault::MappedAway { column, field } => {
            return MappedAwaySnafu { place: place(path, sheet), column, field }.build();
        }
        HeaderFault::Missing(missing) => missing.join(", "),
    };
    if let Some(error) = export::refused(path, sheet, header) {
        return error;
    }
    match sheet {
        Some(sheet) => SheetColumnsSnafu { path, sheet, missing, header: shown(header) }.build(),
        None => ColumnsSnafu { path, missing, header: shown(header) }.build(),
    }
}

/// The beginning of a header, for a person.
pub(super) fn shown(header: &[String]) -> String {
    if header.is_empty() { "nothing".to_owned() } else { header.join(",").chars().take(200).collect() }
}

fn unreadable(path: &Path, line: u64, gzip: bool, source: io::Error) -> ImportError {
    match source.get_ref().and_then(|inner| inner.downcast_ref::<Malformed>()) {
        Some(Malformed(encoding)) => NotTextSnafu { path, line, encoding: *encoding }.build(),
        None => ImportError::Read { path: path.to_owned(), line, gzip, source },
    }
}

/// The first cell that is not UTF-8.
fn not_utf8(record: &ByteRecord) -> Option<&[u8]> {
    if record.as_slice().is_ascii() {
        return None;
    }
    record.iter().find(|cell| std::str::from_utf8(cell).is_err())
}

/// The CR of a line that ends in CRLF is part of its last field so far, and so are those of CRCRLF.
fn cut_carriage_returns(record: &mut ByteRecord, last: usize) {
    let end = record[last].iter().rposition(|byte| *byte != b'\r').map_or(0, |end| end + 1);
    let shorter = record[last][..end].to_vec();
    record.truncate(last);
    record.push_field(&shorter);
}
