use std::{
    net::Ipv4Addr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI64},
    },
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
    settings::{Limits, MongoDb, MongoTls, Settings, is_reserved_database},
};

use tempfile::TempPath;

use super::{
    MongoStore, Result,
    address::{check, check_options, without_secrets},
    form::readable,
    identity,
    server::Server,
    troubles::Troubles,
};
use crate::StoreError;

impl MongoStore {
    /// A store at the address of the settings. Nothing is sent yet, but a name may be looked up.
    ///
    /// # Errors
    /// [`StoreError::Address`] when the address is missing, unreadable or names no database.
    pub async fn connect(settings: &Settings) -> Result<Self> {
        Self::connect_beside(settings, &[], None).await
    }

    /// The same, through the connections of one of the others where that one reaches the same servers as the same user,
    /// and only the database is another: for whoever looks at many databases. With a proxy, every server is reached through it.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_beside(settings: &Settings, others: &[Arc<Self>], proxy: Option<Proxy>) -> Result<Self> {
        let uri = address(&settings.mongodb)?;
        let opened = open(&settings.mongodb, &uri, others, proxy.as_ref()).await?;
        let Limits { write_connections, updates_per_command, keep_rejected, .. } = settings.limits;
        Ok(Self {
            name: opened.db.name().to_owned(),
            place: opened.place.clone(),
            tls: matches!(opened.options.tls, Some(Tls::Enabled(_))),
            server: Server::new(settings.mongodb.clone(), opened, proxy),
            let_in: AtomicBool::new(false),
            troubles: Troubles::default(),
            asks_once: false,
            analytics: settings.analytics.clone(),
            id: OnceLock::new(),
            generation: AtomicI64::new(0),
            write_connections,
            updates_per_command,
            deduplicates: settings.sales.deduplicate.is_some(),
            keep_rejected_seconds: (keep_rejected.millis() / 1_000) as i64,
        })
    }
}

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
pub(super) struct Opened {
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

/// A client for an address, or that of another store which has the same. Nothing is sent yet.
pub(super) async fn open(
    settings: &MongoDb,
    uri: &str,
    others: &[Arc<MongoStore>],
    proxy: Option<&Proxy>,
) -> Result<Opened> {
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
    let same = |(_, others): &(Database, Arc<ClientOptions>)| !reads_files && **others == options;
    let (client, options) = match others.iter().map(|other| other.server.connection()).find(same) {
        Some((db, options)) => (db.client().clone(), options),
        None => {
            let client = Client::with_options(options.clone()).map_err(|error| {
                let hint = if identity.is_some() { "; check mongodb.tls.certFile and keyFile" } else { "" };
                not_allowed(format!("{}{hint}", without_secrets(&error.kind.to_string(), uri)))
            })?;
            (client, Arc::new(options))
        }
    };
    let (db, deployment) = (client.database(&database), OnceLock::new());
    Ok(Opened { uri: uri.to_owned(), db, options, place, deployment })
}

/// Puts the certificates of the settings in; any of them switches TLS on. Returns the file that the client reads its own from.
fn certificates(options: &mut ClientOptions, settings: Option<&MongoTls>) -> Result<Option<TempPath>> {
    let Some(MongoTls { ca_file, cert_file, key_file }) = settings else { return Ok(None) };
    let identity = match (cert_file, key_file) {
        (Some(certificate), Some(key)) => Some(identity::in_one_file(certificate, key)?),
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

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::settings::Secret;

    async fn refused(uri: Option<&str>) -> String {
        let mut settings = Settings::default();
        settings.mongodb.uri = uri.map(Secret::new);
        MongoStore::connect(&settings).await.err().expect("must be refused").to_string()
    }

    fn options(store: &MongoStore) -> Arc<ClientOptions> {
        store.server.connection().1
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_used_says_what_to_write() {
        assert!(refused(None).await.contains("MONGODB_URI"));
        assert!(refused(Some("mongodb://127.0.0.1:1")).await.contains("names no database"));
        assert!(refused(Some("127.0.0.1:27017/db")).await.contains("mongodb://host:27017/stock_management"));
        assert!(refused(Some("mongodb://shop:a@b@127.0.0.1:1/db")).await.contains("write %40 for @"));
        assert!(refused(Some("mongodb://127.0.0.1:1/db?compressors=zstd")).await.contains("leave compressors out"));
    }

    #[tokio::test]
    async fn an_address_that_is_understood_is_used() {
        for uri in [" mongodb://h:1/a\n", "mongodb://u:p@h:1/a?authMechanism=DEFAULT"] {
            let mut settings = Settings::default();
            settings.mongodb.uri = Some(Secret::new(uri));
            assert_eq!(MongoStore::connect(&settings).await.unwrap().database(), "a", "{uri}");
        }
    }

    #[tokio::test]
    async fn a_database_of_mongodbs_own_is_refused_however_it_is_written() {
        for uri in ["mongodb://h:1/admin", "mongodb://h:1/Local?tls=true", "mongodb://h:1/con%66ig"] {
            let mut settings = Settings::default();
            settings.mongodb.uri = Some(Secret::new(uri));
            let error = MongoStore::connect(&settings).await.err().expect(uri);
            assert_eq!(error.name(), "DatabaseReserved", "{uri}: {error}");
        }
    }

    #[tokio::test]
    async fn databases_of_one_server_and_user_share_connections() {
        let open = async |uri: &str, others: &[Arc<MongoStore>]| {
            let mut settings = Settings::default();
            settings.mongodb.uri = Some(Secret::new(uri));
            Arc::new(MongoStore::connect_beside(&settings, others, None).await.unwrap())
        };
        let mut others = Vec::new();
        for (uri, like) in [
            ("mongodb://h:1/a", None),
            ("mongodb://h:1/b", Some(0)),
            ("mongodb://i:1/b", None),
            ("mongodb://h:1/b?tls=true", None),
            ("mongodb://h:1/b?tls=true", Some(3)),
            ("mongodb://ann:word@h:1/a?authSource=admin", None),
            ("mongodb://ann:word@h:1/b?authSource=admin", Some(5)),
            ("mongodb://ann:other@h:1/b?authSource=admin", None),
            ("mongodb://ann:word@h:1/a", None),
            ("mongodb://ann:word@h:1/b", None),
            ("mongodb://ann:word@h:1/b", Some(9)),
        ] {
            let store = open(uri, &others).await;
            let shared =
                others.iter().position(|other: &Arc<MongoStore>| Arc::ptr_eq(&options(other), &options(&store)));
            assert_eq!(shared, like, "{uri}");
            assert_eq!(store.database(), if uri.contains(":1/a") { "a" } else { "b" });
            others.push(store);
        }
    }

    #[tokio::test]
    async fn an_authority_that_was_changed_in_its_file_is_read_anew() {
        let file = std::env::temp_dir().join(format!("stockstream-authority-{}.crt", std::process::id()));
        std::fs::write(&file, "").unwrap();
        let mut settings = Settings::default();
        settings.mongodb.uri = Some(Secret::new("mongodb://h:1/a"));
        settings.mongodb.tls = Some(MongoTls { ca_file: Some(file.clone()), ..MongoTls::default() });
        let first = Arc::new(MongoStore::connect(&settings).await.unwrap());
        let second = MongoStore::connect_beside(&settings, &[Arc::clone(&first)], None).await.unwrap();
        assert!(!Arc::ptr_eq(&options(&first), &options(&second)));
        std::fs::remove_file(file).unwrap();
    }

    #[tokio::test]
    async fn a_password_in_a_bad_address_is_not_told() {
        for uri in [
            "mongodb://shop:hunter2%zz@h/db",
            "mongodb://shop:hunter2@h:port/db",
            "mongodb://shop:hunter2/more@h/db",
            "mongodb://shop:more/hunter2@h/db",
            "mongodb://shop:hunter2@more@h/db",
            "mongodb://shop:hunter2:more@h/db",
            "mongodb://shop:more?hunter2@h/db",
            "mongodb://shop:hunter2@h:port/db?appName=a@b",
            "mongodb://hunter2@h:port/db",
            "mongodb+srv://shop:hunter2@h:1/db",
            "mongodb://shop:hunter2@h/db?compressors=zstd",
            "mongodb://shop:hunter2@h;i/db",
            "mongo://shop:hunter2@h/db",
        ] {
            let message = refused(Some(uri)).await;
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
