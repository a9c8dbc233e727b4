//! The lines of a file, one at a time.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};
use flate2::bufread::MultiGzDecoder;
use snafu::{ResultExt, ensure};

use super::{
    error::{AmbiguousSnafu, ArchiveSnafu, ColumnsSnafu, ImportError, NotRegularSnafu, OpenSnafu, ReadSnafu},
    row::{Columns, NAMES, Row},
};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZIP: &[u8] = b"PK\x03\x04";
const BOM: &[u8] = "\u{feff}".as_bytes();
const BUFFER: usize = 128 * 1024;

type Source = Box<dyn Read + Send>;

/// Where a row begins, counted from 1 with the header, and the row, or why it is part of no event.
pub(super) type Line<'a> = (u64, Result<Row<'a>, String>);

/// The data rows of a file. After an error there are no more.
pub(super) struct Rows {
    reader: Reader<Source>,
    record: ByteRecord,
    columns: Columns,
    path: PathBuf,
    gzip: bool,
}

impl Rows {
    pub(super) fn open(path: &Path) -> Result<Self, ImportError> {
        // Opening a pipe would wait for somebody to write.
        let metadata = std::fs::metadata(path).context(OpenSnafu { path })?;
        ensure!(metadata.is_file(), NotRegularSnafu { path });
        let file = File::open(path).context(OpenSnafu { path })?;
        Self::read(Box::new(file), path)
    }

    /// From the contents of a file; `path` is only its name in errors.
    pub(super) fn read(mut source: Source, path: &Path) -> Result<Self, ImportError> {
        let start = peek(&mut source, ZIP.len()).context(ReadSnafu { path, line: 1_u64, gzip: false })?;
        ensure!(start != ZIP, ArchiveSnafu { path });
        let gzip = start.starts_with(GZIP);
        let whole = io::Cursor::new(start).chain(source);
        let mut text: Source =
            if gzip { Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, whole))) } else { Box::new(whole) };
        let start = peek(&mut text, BOM.len()).context(ReadSnafu { path, line: 1_u64, gzip })?;
        let start = if start == BOM { Vec::new() } else { start };
        // A line ends at LF, and the last one too: with the terminator CRLF, csv counts lines one short.
        let text = io::Cursor::new(start).chain(text).chain(&b"\n"[..]);
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(BUFFER)
            .from_reader(Box::new(text) as Source);
        let none = Columns { places: [0; NAMES.len()], count: 0 };
        let mut rows = Self { reader, record: ByteRecord::new(), columns: none, path: path.to_owned(), gzip };
        rows.advance()?;
        rows.columns = rows.header()?;
        Ok(rows)
    }

    /// The next row; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>, ImportError> {
        Ok(self.advance()?.map(|line| (line, Row::of(&self.record, &self.columns))))
    }

    /// The file that is read.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a record that is not blank and says where it begins.
    fn advance(&mut self) -> Result<Option<u64>, ImportError> {
        loop {
            let before = self.reader.position().line();
            let read = self.reader.read_byte_record(&mut self.record).map_err(io::Error::from).with_context(|_| {
                ReadSnafu { path: &self.path, line: self.reader.position().line(), gzip: self.gzip }
            })?;
            if !read {
                return Ok(None);
            }
            if let Some(last) = self.record.len().checked_sub(1)
                && self.record[last].ends_with(b"\r")
            {
                self.cut_carriage_return(last);
            }
            if self.record.len() == 1 && self.record[0].is_empty() {
                continue;
            }
            // Counted from the end of the record, for blank lines that csv skipped before it.
            let within = self.record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
            return Ok(Some(before.max(self.reader.position().line().saturating_sub(1 + within))));
        }
    }

    /// The CR of a line that ends in CRLF is part of its last field so far.
    fn cut_carriage_return(&mut self, last: usize) {
        let shorter = self.record[last].strip_suffix(b"\r").unwrap_or_default().to_vec();
        self.record.truncate(last);
        self.record.push_field(&shorter);
    }

    fn header(&self) -> Result<Columns, ImportError> {
        let path = &self.path;
        let mut places = [None; NAMES.len()];
        for (place, field) in self.record.iter().enumerate() {
            let Some(name) = NAMES.iter().position(|name| name.as_bytes() == field) else { continue };
            ensure!(places[name].is_none(), AmbiguousSnafu { path, column: NAMES[name] });
            places[name] = Some(place);
        }
        let missing: Vec<_> =
            NAMES.iter().zip(places).filter(|(_, place)| place.is_none()).map(|(name, _)| *name).collect();
        let header = || {
            let names: Vec<_> = self.record.iter().map(String::from_utf8_lossy).collect();
            if names.is_empty() { "nothing".to_owned() } else { names.join(",").chars().take(200).collect() }
        };
        ensure!(missing.is_empty(), ColumnsSnafu { path, missing: missing.join(", "), header: header() });
        Ok(Columns { places: places.map(Option::unwrap_or_default), count: self.record.len() })
    }
}

/// The first bytes, fewer only where there are no more.
fn peek(source: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(count);
    source.take(count as u64).read_to_end(&mut start)?;
    Ok(start)
}
