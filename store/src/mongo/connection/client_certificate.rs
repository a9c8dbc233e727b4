//! The client's certificate, as the driver wants it.

use std::{fs, io::Write, path::Path};

use tempfile::TempPath;

use crate::{StoreError, mongo::Result};

/// Certificate and key in one file: the driver reads nothing else. It reads the file when a client is made, and then the file
/// may go. Nobody else may read it.
pub(crate) fn in_one_file(certificate: &Path, key: &Path) -> Result<TempPath> {
    let parts = [("mongodb.tls.certFile", certificate), ("mongodb.tls.keyFile", key)];
    let cannot = |what: String| StoreError::Address { message: what };
    // Made with mode 0600.
    let mut both = tempfile::Builder::new()
        .prefix("stockstream-")
        .suffix(".pem")
        .tempfile()
        .map_err(|error| cannot(format!("failed to make a private file for the client certificate: {error}")))?;
    for (setting, part) in parts {
        let content =
            fs::read(part).map_err(|error| cannot(format!("failed to read {setting} {}: {error}", part.display())))?;
        both.write_all(&content)
            .and_then(|()| both.write_all(b"\n"))
            .map_err(|error| cannot(format!("failed to write {}: {error}", both.path().display())))?;
    }
    Ok(both.into_temp_path())
}
