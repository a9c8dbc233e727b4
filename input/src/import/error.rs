//! Why a file cannot be imported.

use std::{io, path::PathBuf};

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
    /// It holds more than is read.
    #[snafu(display("{} has {what}, which is more than is read at once; split it", path.display()))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How much of what.
        what: String,
    },
    /// A workbook whose sheets say nothing.
    #[snafu(display(
        "{} has the sheets {found}; it must have one sheet of invoice lines, or sheets of the names Products, Clients, \
         Invoices, Invoice_Details",
        path.display()
    ))]
    Sheets {
        /// The file.
        path: PathBuf,
        /// Their names.
        found: String,
    },
    /// A sheet without columns that it needs.
    #[snafu(display("sheet {sheet} of {} has no column {missing}; its first row must name the columns, and it reads: {header}", path.display()))]
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
    /// A mapping that means nothing.
    #[snafu(display("{text:?} maps no column: write COLUMN=FIELD, where FIELD is one of {fields}"))]
    Mapping {
        /// What was said.
        text: String,
        /// What may be named.
        fields: String,
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
        "{} has no column {missing}; its first line must name the columns, separated by commas, and it reads: {header}",
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
    #[snafu(display("{} has two columns {column}; rename or remove one", path.display()))]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// The name.
        column: &'static str,
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

fn mend(gzip: bool) -> &'static str {
    if gzip {
        "the gzip file is incomplete or damaged: check it with gzip -t and fetch it again"
    } else {
        "check the disk or mount that it lies on and try again"
    }
}
