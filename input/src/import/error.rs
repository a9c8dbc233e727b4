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
    /// A ZIP archive, which a spreadsheet of Excel is too.
    #[snafu(display(
        "{} is a ZIP archive or an XLSX workbook; unpack it, or save its sheet as CSV (UTF-8)",
        path.display()
    ))]
    Archive {
        /// The file.
        path: PathBuf,
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
