//! Why a file cannot be imported.

use std::{
    io,
    path::{Path, PathBuf},
};

use snafu::Snafu;
use stockstream_model::Decimal;

/// Why a file cannot be imported, and what to do about it.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(super)))]
pub enum ImportError {
    /// It cannot be opened.
    #[snafu(display("failed to open {}: {source}; check its name and that it may be read", path.display()))]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A pipe or a folder.
    #[snafu(display("{} is not a regular file; it is read twice, so save what it holds to a file", path.display()))]
    NotRegular {
        /// What was named.
        path: PathBuf,
    },
    /// It is no workbook that can be read.
    #[snafu(display(
        "failed to read the workbook {}: {message}; save it anew as an XLSX workbook, without a password, or its sheet as \
         CSV (UTF-8)",
        path.display()
    ))]
    Workbook {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        message: String,
    },
    /// It is of another kind.
    #[snafu(display("{} is {what}: {advice}", path.display()))]
    Format {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// What to do with it.
        advice: &'static str,
    },
    /// Its text is in another encoding.
    #[snafu(display(
        "{} is not in {encoding} at line {line}, where windows-1252 would read {cell:?}; save it as CSV in UTF-8, or name \
         its encoding (--encoding, or on the page), which is windows-1252 for what Excel writes in Western Europe and the \
         Americas",
        path.display()
    ))]
    Encoding {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What was expected.
        encoding: &'static str,
        /// The first cell that is not in it, as the commonest other encoding has it.
        cell: String,
    },
    /// Its text is not in the encoding that was named, or that it begins with.
    #[snafu(display(
        "{} is not in {encoding} (near line {line}): it is damaged, or its encoding is another; save it as CSV in UTF-8",
        path.display()
    ))]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What was expected.
        encoding: &'static str,
    },
    /// No encoding is called so.
    #[snafu(display(
        "{name:?} is no encoding that is known: write windows-1252, utf-16le, shift_jis or another of https://encoding.spec.whatwg.org/#names-and-labels, or save the file in UTF-8"
    ))]
    EncodingName {
        /// What was said.
        name: String,
    },
    /// Its columns are not separated by commas.
    #[snafu(display(
        "{} separates its columns by {separator:?}, not by commas: save it as CSV with commas and with points before \
         decimals, or as .xlsx",
        path.display()
    ))]
    Separator {
        /// The file.
        path: PathBuf,
        /// What separates them.
        separator: char,
    },
    /// It is what Stockstream itself wrote.
    #[snafu(display(
        "{place} is a list that Stockstream exported, as {sign} shows: its figures are computed from events and would be \
         counted again; send what you correct in a file without them (docs/import.md, Our own exports)"
    ))]
    Exported {
        /// The file, or a sheet of it.
        place: String,
        /// What shows it.
        sign: String,
    },
    /// It holds more than is read.
    #[snafu(display("{} has {what}, which is more than is read at once; split it", path.display()))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How much of what.
        what: String,
    },
    /// A workbook without a word in it.
    #[snafu(display("{} holds no row in any sheet that can be seen", path.display()))]
    Blank {
        /// The file.
        path: PathBuf,
    },
    /// A column that was mapped to another field than its own, which nothing holds then.
    #[snafu(display(
        "column {column} of {place} is mapped to another field, so nothing holds {field}: map a column to {field}, or leave {column} as it is"
    ))]
    MappedAway {
        /// The file, and its sheet.
        place: String,
        /// The column.
        column: String,
        /// The field.
        field: String,
    },
    /// Two sheets that hold the same.
    #[snafu(display("{} has the sheets {first} and {second}, which hold the same: leave one of them in the file", path.display()))]
    TwoSheets {
        /// The file.
        path: PathBuf,
        /// A sheet.
        first: String,
        /// The other.
        second: String,
    },
    /// A workbook whose sheets say nothing.
    #[snafu(display(
        "{} has the sheets {found}; it must have sheets of invoice lines, whose other names of columns are mapped to fields \
         (--map 'Order No=invoice_id', or on the page), or sheets of the names Products, Clients, Invoices, Invoice_Details",
        path.display()
    ))]
    Sheets {
        /// The file.
        path: PathBuf,
        /// Their names.
        found: String,
    },
    /// A sheet without columns that it needs.
    #[snafu(display(
        "sheet {sheet} of {} has no column {missing}; its first row must name the columns, or other names be mapped to fields \
         (--map 'Order No=invoice_id', or on the page), and it reads: {header}",
        path.display()
    ))]
    SheetColumns {
        /// The file.
        path: PathBuf,
        /// The sheet.
        sheet: String,
        /// Names of the columns that are missing.
        missing: String,
        /// The beginning of the first row.
        header: String,
    },
    /// What `--map` names is not there.
    #[snafu(display("{} has no column {column}, which was mapped; its first line reads: {header}", path.display()))]
    Unmapped {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The beginning of the first line.
        header: String,
    },
    /// What `--map` names is of no use there.
    #[snafu(display("{} has invoice lines, and {field}, to which a column was mapped, is no field of them: map to {fields}", path.display()))]
    MappedField {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// What may be named.
        fields: String,
    },
    /// A mapping that means nothing.
    #[snafu(display("{text:?} maps no column: write COLUMN=FIELD, where FIELD is one of {fields}"))]
    Mapping {
        /// What was said.
        text: String,
        /// What may be named.
        fields: String,
    },
    /// A column that is mapped to two fields.
    #[snafu(display(
        "column {column} is mapped to {first} and to {second}: map it to one field, or write a second column into the file"
    ))]
    MappedTwice {
        /// The column.
        column: String,
        /// A field.
        first: String,
        /// The other.
        second: String,
    },
    /// It could not be read to its end.
    #[snafu(display("failed to read {} at line {line}: {source}; {}", path.display(), mend(*gzip)))]
    Read {
        /// The file.
        path: PathBuf,
        /// The line that was being read, from 1; the header is line 1.
        line: u64,
        /// Whether it is compressed.
        gzip: bool,
        /// What the system or the decompressor said.
        source: io::Error,
    },
    /// Required columns are not in the header.
    #[snafu(display(
        "{} has no column {missing}; its first line must name the columns, separated by commas, or other names be mapped to \
         fields (--map 'Order No=invoice_id', or on the page), and it reads: {header}",
        path.display()
    ))]
    Columns {
        /// The file.
        path: PathBuf,
        /// Names of the columns that are missing.
        missing: String,
        /// The beginning of the first line.
        header: String,
    },
    /// Two columns of one name.
    #[snafu(display("{place} has two columns {column}; rename or remove one"))]
    Ambiguous {
        /// The file, or a sheet of it.
        place: String,
        /// The name.
        column: String,
    },
    /// The second pass found something else than the first.
    #[snafu(display(
        "{} changed while it was imported, so invoices may be incomplete; import a copy that nobody writes to",
        path.display()
    ))]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A share below zero.
    #[snafu(display("the share for the {name} must be zero or more, not {share}"))]
    Share {
        /// Which share.
        name: &'static str,
        /// What was given.
        share: Decimal,
    },
}

/// A file, or a sheet of it, in a sentence.
pub(super) fn place(path: &Path, sheet: Option<&str>) -> String {
    match sheet {
        Some(sheet) => format!("sheet {sheet} of {}", path.display()),
        None => path.display().to_string(),
    }
}

fn mend(gzip: bool) -> &'static str {
    if gzip {
        "the gzip file is incomplete or damaged: check it with gzip -t and fetch it again"
    } else {
        "check the disk or mount that it lies on and try again"
    }
}
