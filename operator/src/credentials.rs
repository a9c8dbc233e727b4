//! Credentials as files, for the operator's own Kafka and MongoDB clients, which read them from nowhere else.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    key::PipelineKey,
    reconcile::{CredentialFiles, Secrets},
};

/// A folder that nobody else may look into; gone when this is dropped.
pub(crate) struct CredentialStore {
    root: PathBuf,
    /// Its key is drawn at random: what a name of a folder tells of a password is nothing.
    hasher: RandomState,
    written: AtomicU64,
}

impl CredentialStore {
    /// Makes the folder, in the one that is given or else in the system's for what is temporary.
    pub fn new(within: Option<PathBuf>) -> io::Result<Self> {
        static STORES: AtomicU64 = AtomicU64::new(0);
        let within = within.unwrap_or_else(std::env::temp_dir);
        let store = STORES.fetch_add(1, Ordering::Relaxed);
        let root = within.join(format!("stockstream-operator-{}-{store}", process::id()));
        // A container's first process has the same id each time: what stands there was left by one that was killed.
        match fs::remove_dir_all(&root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&root, &error)),
            _ => {}
        }
        fs::create_dir_all(&within).map_err(|error| at(&within, &error))?;
        make(&root)?;
        Ok(Self { root, hasher: RandomState::new(), written: AtomicU64::new(0) })
    }

    /// Where the files of these contents are; written whole or not at all. Those of other contents of the same pipeline are
    /// removed.
    pub fn write(&self, pipeline: &PipelineKey, secrets: &Secrets) -> io::Result<CredentialFiles> {
        let folder = self.folder(pipeline);
        let root = folder.join(format!("{:016x}", self.hasher.hash_one(&secrets.0)));
        if !root.exists() {
            if !folder.exists() {
                make(&folder)?;
            }
            let new = folder.join(format!("new-{}", self.written.fetch_add(1, Ordering::Relaxed)));
            make(&new)?;
            for (secret, keys) in &secrets.0 {
                let secret = new.join(secret);
                make(&secret)?;
                for (key, content) in keys {
                    put(&secret.join(key), content)?;
                }
            }
            fs::rename(&new, &root).map_err(|error| at(&root, &error))?;
            for other in fs::read_dir(&folder).map_err(|error| at(&folder, &error))?.flatten() {
                if other.path() != root {
                    fs::remove_dir_all(other.path()).map_err(|error| at(&other.path(), &error))?;
                }
            }
        }
        Ok(CredentialFiles { root })
    }

    /// Removes what there is of a pipeline.
    pub fn forget(&self, pipeline: &PipelineKey) {
        // Where nothing was written there is nothing to remove; what cannot be removed goes with the whole folder.
        let _ = fs::remove_dir_all(self.folder(pipeline));
    }

    fn folder(&self, pipeline: &PipelineKey) -> PathBuf {
        // No namespace has a dot in its name.
        self.root.join(format!("{}.{}", pipeline.namespace, pipeline.name))
    }
}

impl Drop for CredentialStore {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn make(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(folder).map_err(|error| at(folder, &error))
}

fn put(file: &Path, content: &[u8]) -> io::Result<()> {
    let opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    opened.and_then(|mut opened| opened.write_all(content)).map_err(|error| at(file, &error))
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn secrets(password: &str) -> Secrets {
        let keys = [("password".to_owned(), password.as_bytes().to_vec())].into();
        Secrets([("login".to_owned(), keys)].into())
    }

    #[test]
    fn contents_are_written_once_replaced_when_they_change_and_removed_with_the_pipeline_and_at_the_end() {
        let store = CredentialStore::new(None).unwrap();
        let stock = PipelineKey::new("shop", "stock");
        let first = store.write(&stock, &secrets("one")).unwrap();
        assert_eq!(fs::read(first.root.join("login/password")).unwrap(), b"one");
        assert_eq!(store.write(&stock, &secrets("one")).unwrap(), first);
        let second = store.write(&stock, &secrets("two")).unwrap();
        assert_eq!(fs::read(second.root.join("login/password")).unwrap(), b"two");
        assert!(!first.root.exists());
        store.forget(&stock);
        assert!(!second.root.exists());
        let (root, third) = (store.root.clone(), store.write(&stock, &secrets("three")).unwrap());
        assert!(third.root.exists());
        drop(store);
        assert!(!root.exists());
    }

    #[test]
    fn nobody_else_may_look_at_them() {
        let store = CredentialStore::new(None).unwrap();
        let files = store.write(&PipelineKey::new("shop", "stock"), &secrets("one")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&store.root), mode(&files.root), mode(&files.root.join("login/password"))),
            (0o700, 0o700, 0o600)
        );
    }
}
