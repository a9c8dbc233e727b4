//! A client for an address: what is sent with every command, and how its servers are reached.

use std::{
    net::Ipv4Addr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use mongodb::{
    Client, Database,
    options::{
        Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, ServerAddress, Socks5Proxy, Tls,
        TlsOptions, WriteConcern,
    },
};
use stockstream_model::{
    documents::Deployment,
    settings::{MongoDb, MongoTls, is_reserved_database},
};
use tempfile::TempPath;

use crate::{
    StoreError,
    mongo::{
        Result,
        connection::{
            address::{check, check_options, without_secrets},
            client_certificate,
            uri_form::readable,
        },
    },
};

/// A SOCKS5 proxy of this process's own, by which names of servers are looked up in the system's place. The driver hands it each
/// name as it was written, those that a replica set tells of its members too, and verifies certificates against that name.
#[derive(Clone)]
pub struct Proxy {
    /// Where it listens on this machine.
    pub port: u16,
    /// Who asks.
    pub user: String,
    /// What it lets in by.
    pub password: String,
}

/// A database at an address, with what messages tell of it.
pub(crate) struct Connection {
    pub uri: String,
    pub db: Database,
    /// What its client was made with.
    pub options: Arc<ClientOptions>,
    pub place: String,
    /// How its servers stand together, once that was asked.
    pub deployment: OnceLock<Deployment>,
}

/// How many connections a process keeps to each server, where the address is another's than its own.
const POOL: u32 = 4;

/// A client for an address, or the same as another connection has. Nothing is sent yet.
pub(crate) async fn open(
    settings: &MongoDb,
    uri: &str,
    others: &[(Database, Arc<ClientOptions>)],
    proxy: Option<&Proxy>,
) -> Result<Connection> {
    let not_allowed = |message| StoreError::Address { message };
    let understood = readable(uri).map_err(not_allowed)?;
    check(&understood, settings.files_in_uri).map_err(not_allowed)?;
    let mut options = ClientOptions::parse(&understood).await.map_err(|error| {
        let words = without_secrets(&error.kind.to_string(), uri);
        let form = match words.contains("URL encoded") {
            true => "in a user or password, write %40 for @, %3A for :, %2F for / and %25 for %",
            false => "write mongodb://host:27017/stock_management",
        };
        StoreError::Address { message: format!("{words}; {form}") }
    })?;
    let database = options.default_database.take().ok_or_else(|| StoreError::Address {
        message: "mongodb.uri names no database; write it behind the host, as in mongodb://host:27017/stock_management"
            .into(),
    })?;
    if is_reserved_database(&database) {
        return Err(StoreError::Reserved { database });
    }
    let place = options.hosts.iter().map(ServerAddress::to_string).collect::<Vec<_>>().join(",");
    options.app_name.get_or_insert_with(|| "stockstream".into());
    options.server_selection_timeout.get_or_insert(Duration::from_secs(3));
    options.connect_timeout.get_or_insert(Duration::from_secs(3));
    if let Some(Proxy { port, user, password }) = proxy {
        // Whatever the address says of a proxy.
        let proxy = Socks5Proxy::builder().host(Ipv4Addr::LOCALHOST.to_string()).port(*port);
        options.socks5_proxy = Some(proxy.authentication((user.clone(), password.clone())).build());
        // The process is everybody's: one's address must not take its memory and its sockets.
        (options.min_pool_size, options.max_connecting, options.heartbeat_freq) = (None, None, None);
        options.max_pool_size = Some(POOL);
    }
    // A server alone acknowledges before its journal is on disk unless it is asked not to.
    options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
    options.read_concern = Some(ReadConcern::majority());
    // Whatever the address says: a secondary may not have what was acknowledged.
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    // Before the files of the settings come in, which may be named.
    check_options(&options, settings.files_in_uri, settings.tls.as_ref()).map_err(not_allowed)?;
    let identity = certificates(&mut options, settings.tls.as_ref())?;
    // The driver has put the database that keeps the user into the credential, also where the address only implies it.
    // Files are read when a client is made: what is in them now may be something else than what another read.
    let reads_files = match &options.tls {
        Some(Tls::Enabled(tls)) => tls.ca_file_path.is_some() || tls.cert_key_file_path.is_some(),
        _ => false,
    };
    let same = |(_, others): &&(Database, Arc<ClientOptions>)| !reads_files && **others == options;
    let (client, options) = match others.iter().find(same) {
        Some((db, options)) => (db.client().clone(), Arc::clone(options)),
        None => {
            let client = Client::with_options(options.clone()).map_err(|error| {
                let hint = if identity.is_some() { "; check mongodb.tls.certFile and keyFile" } else { "" };
                not_allowed(format!("{}{hint}", without_secrets(&error.kind.to_string(), uri)))
            })?;
            (client, Arc::new(options))
        }
    };
    let (db, deployment) = (client.database(&database), OnceLock::new());
    Ok(Connection { uri: uri.to_owned(), db, options, place, deployment })
}

/// Puts the certificates of the settings in; any of them switches TLS on. Returns the file that the client reads its own from.
fn certificates(options: &mut ClientOptions, settings: Option<&MongoTls>) -> Result<Option<TempPath>> {
    let Some(MongoTls { ca_file, cert_file, key_file }) = settings else { return Ok(None) };
    let identity = match (cert_file, key_file) {
        (Some(certificate), Some(key)) => Some(client_certificate::in_one_file(certificate, key)?),
        _ => None,
    };
    if ca_file.is_some() || identity.is_some() {
        let mut tls = match options.tls.take() {
            Some(Tls::Enabled(tls)) => tls,
            _ => TlsOptions::default(),
        };
        tls.ca_file_path = ca_file.clone().or(tls.ca_file_path);
        tls.cert_key_file_path = identity.as_ref().map(|file| file.to_path_buf()).or(tls.cert_key_file_path);
        options.tls = Some(Tls::Enabled(tls));
    }
    Ok(identity)
}

pub(crate) fn address(settings: &MongoDb) -> Result<String> {
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
