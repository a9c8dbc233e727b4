//! The bytes of a file.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use snafu::{ResultExt, ensure};

use super::error::{ImportError, NotRegularSnafu, OpenSnafu};

/// How a ZIP archive begins, and so a workbook.
pub(super) const ZIP: &[u8] = b"PK\x03\x04";

pub(super) type Source = Box<dyn Read + Send>;

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
