use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicI64},
    },
    time::Duration,
};

use mongodb::{
    Client, Database,
    options::{
        Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, ServerAddress, Tls, TlsOptions,
        WriteConcern,
    },
};
use stockstream_model::settings::{Limits, MongoDb, Settings};

use super::{MongoStore, Result, server::Server};
use crate::StoreError;

impl MongoStore {
    /// A store at the address of the settings. Nothing is sent yet, but a name may be looked up.
    ///
    /// # Errors
    /// [`StoreError::Address`] when the address is missing, unreadable or names no database.
    pub async fn connect(settings: &Settings) -> Result<Self> {
        let uri = address(&settings.mongodb)?;
        let Opened { db, place, tls } = open(&settings.mongodb, &uri).await?;
        let Limits { write_connections, updates_per_command, keep_rejected, .. } = settings.limits;
        Ok(Self {
            name: db.name().to_owned(),
            server: Server::new(settings.mongodb.clone(), uri, db),
            place,
            tls,
            let_in: AtomicBool::new(false),
            trouble: Mutex::default(),
            analytics: settings.analytics.clone(),
            generation: AtomicI64::new(0),
            write_connections,
            updates_per_command,
            keep_rejected_seconds: (keep_rejected.millis() / 1_000) as i64,
        })
    }
}

/// A database at an address, with what messages tell of it.
pub(super) struct Opened {
    pub db: Database,
    pub place: String,
    pub tls: bool,
}

/// A client for an address. Nothing is sent yet.
pub(super) async fn open(settings: &MongoDb, uri: &str) -> Result<Opened> {
    let mut options = ClientOptions::parse(uri).await.map_err(|error| StoreError::Address {
        message: format!(
            "{}; write mongodb://host:27017/stock_management",
            without_secrets(&error.kind.to_string(), uri)
        ),
    })?;
    let database = options.default_database.clone().ok_or_else(|| StoreError::Address {
        message: "mongodb.uri names no database; write it behind the host, as in mongodb://host:27017/stock_management"
            .into(),
    })?;
    let place = options.hosts.iter().map(ServerAddress::to_string).collect::<Vec<_>>().join(",");
    options.app_name.get_or_insert_with(|| "stockstream".into());
    options.server_selection_timeout.get_or_insert(Duration::from_secs(3));
    options.connect_timeout.get_or_insert(Duration::from_secs(3));
    options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).build());
    options.read_concern = Some(ReadConcern::majority());
    // Whatever the address says: a secondary may not have what was acknowledged.
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    if let Some(ca_file) = settings.tls.as_ref().and_then(|tls| tls.ca_file.clone()) {
        let mut tls = match options.tls.take() {
            Some(Tls::Enabled(tls)) => tls,
            _ => TlsOptions::default(),
        };
        tls.ca_file_path = Some(ca_file);
        options.tls = Some(Tls::Enabled(tls));
    }
    let tls = matches!(options.tls, Some(Tls::Enabled(_)));
    let client = Client::with_options(options)
        .map_err(|error| StoreError::Address { message: without_secrets(&error.kind.to_string(), uri) })?;
    Ok(Opened { db: client.database(&database), place, tls })
}

pub(super) fn address(settings: &MongoDb) -> Result<String> {
    if let Some(file) = &settings.uri_file {
        let text = std::fs::read_to_string(file).map_err(|error| StoreError::Address {
            message: format!("failed to read mongodb.uriFile {}: {error}", file.display()),
        })?;
        return Ok(text.trim().to_owned());
    }
    settings.uri.as_ref().map(|uri| uri.reveal().to_owned()).ok_or_else(|| StoreError::Address {
        message:
            "none is given; set mongodb.uri, MONGODB_URI or --mongodb, as in mongodb://host:27017/stock_management"
                .into(),
    })
}

/// The driver may quote what it could not read; a password must not go to a log with it.
fn without_secrets(message: &str, uri: &str) -> String {
    match uri.rsplit_once('@') {
        Some((credentials, _)) => {
            let login = credentials.split_once("://").map_or(credentials, |(_, login)| login);
            let password = login.split_once(':').map_or(login, |(_, password)| password);
            let hidden = message.replace(uri, "***").replace(login, "***");
            if password.is_empty() { hidden } else { hidden.replace(password, "***") }
        }
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::settings::Secret;

    async fn refused(uri: Option<&str>) -> String {
        let mut settings = Settings::default();
        settings.mongodb.uri = uri.map(Secret::new);
        MongoStore::connect(&settings).await.err().expect("must be refused").to_string()
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_used_says_what_to_write() {
        assert!(refused(None).await.contains("MONGODB_URI"));
        assert!(refused(Some("mongodb://127.0.0.1:1")).await.contains("names no database"));
        assert!(refused(Some("127.0.0.1:27017/db")).await.contains("mongodb://host:27017/stock_management"));
    }

    #[tokio::test]
    async fn a_password_in_a_bad_address_is_not_told() {
        for uri in ["mongodb://shop:pa%zzss@h/db", "mongodb://shop:hunter2@h:port/db", "mongo://shop:hunter2@h/db"] {
            let message = refused(Some(uri)).await;
            assert!(!message.contains("hunter2") && !message.contains("pa%zzss"), "{message}");
        }
    }
}
