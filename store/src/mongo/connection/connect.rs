use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicI64},
};

use mongodb::options::Tls;
use stockstream_model::settings::{Limits, Settings};

use crate::mongo::{
    MongoStore, Proxy, Result,
    connection::{
        last_errors::Troubles,
        open::{address, open},
        server::Server,
    },
};

impl MongoStore {
    /// A store at the address of the settings. Nothing is sent yet, but a name may be looked up.
    ///
    /// # Errors
    /// [`StoreError::Address`] when the address is missing, unreadable or names no database.
    pub async fn connect(settings: &Settings) -> Result<Self> {
        Self::connect_shared(settings, &[], None).await
    }

    /// The same, through the connections of one of the others where that one reaches the same servers as the same user,
    /// and only the database is another: for whoever looks at many databases. With a proxy, every server is reached through it.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_shared(settings: &Settings, others: &[Arc<Self>], proxy: Option<Proxy>) -> Result<Self> {
        let uri = address(&settings.mongodb)?;
        let connections: Vec<_> = others.iter().map(|other| other.server.connection()).collect();
        let opened = open(&settings.mongodb, &uri, &connections, proxy.as_ref()).await?;
        let Limits { write_connections, updates_per_command, keep_rejected, .. } = settings.limits;
        Ok(Self {
            name: opened.db.name().to_owned(),
            place: opened.place.clone(),
            tls: matches!(opened.options.tls, Some(Tls::Enabled(_))),
            server: Server::new(settings.mongodb.clone(), opened, proxy),
            has_authenticated: AtomicBool::new(false),
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

#[cfg(test)]
mod tests {
    use mongodb::options::ClientOptions;
    use stockstream_model::settings::{MongoTls, Secret};

    use super::*;

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
            Arc::new(MongoStore::connect_shared(&settings, others, None).await.unwrap())
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
        let second = MongoStore::connect_shared(&settings, &[Arc::clone(&first)], None).await.unwrap();
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
