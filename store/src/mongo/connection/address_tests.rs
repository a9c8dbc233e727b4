use std::{net::TcpListener, os::unix::fs::PermissionsExt, path::PathBuf};

use stockstream_model::settings::{MongoTls, Secret, Settings};

use super::*;
use crate::{MongoStore, StoreError, mongo::connection::client_certificate::in_one_file};

/// Addresses that ask for an identity of the machine, with words of what is said of them. `HOST` is where they point.
const IDENTITIES: [(&str, &str); 12] = [
    ("mongodb://HOST/x?authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:k8s", "MONGODB-OIDC"),
    ("mongodb://me@HOST/x?authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:azure", "MONGODB-OIDC"),
    ("mongodb://HOST/x?authmechanism=mongodb-oidc&authMechanismProperties=ENVIRONMENT:gcp", "mongodb-oidc"),
    ("mongodb://HOST/x?authMechanismProperties=ENVIRONMENT:k8s&authMechanism=MONGODB-OIDC", "authMechanismProperties"),
    ("mongodb://HOST/x?authMechanism=MONGODB%2DOIDC&authMechanismProperties=ENVIRONMENT:k8s", "only SCRAM-SHA-256"),
    ("mongodb://HOST/x?auth%4Dechanism=MONGODB-OIDC", "is not known here"),
    ("mongodb://HOST/x?authMechanism=MONGODB-AWS", "MONGODB-AWS"),
    ("mongodb://HOST/x?authMechanism=GSSAPI", "GSSAPI"),
    ("mongodb://me@HOST/x?authMechanism=GSSAPI&authMechanismProperties=SERVICE_NAME:x", "GSSAPI"),
    ("mongodb://HOST/x?proxyHost=HOST", "proxyHost"),
    ("mongodb://me:word@HOST/x?authMechanism=PLAIN", "needs TLS"),
    ("mongodb://me:word@HOST/x?authMechanism=PLAIN&tls=true&tlsInsecure=true", "needs TLS"),
];

const IN_FILES: [&str; 6] = [
    "mongodb://HOST/x?tlsCAFile=/etc/passwd",
    "mongodb://HOST/x?TLSCAFILE=/etc/passwd",
    "mongodb://HOST/x?tls=true&tlsCertificateKeyFile=/etc/passwd",
    "mongodb://HOST/x?tlsCertificateKeyFilePassword=word",
    "mongodb://%2Fvar%2Frun%2Fmongodb.sock/x",
    "mongodb://HOST,%2Fvar%2Frun%2Fmongodb.sock/x",
];

async fn open(uri: &str, files: FilesInUri) -> Result<MongoStore, StoreError> {
    let mut settings = Settings::default();
    settings.mongodb.uri = Some(Secret::new(uri));
    settings.mongodb.files_in_uri = files;
    MongoStore::connect(&settings).await
}

#[tokio::test]
async fn an_identity_of_the_machine_is_shown_to_nobody() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let host = server.local_addr().unwrap().to_string();
    for (uri, words) in IDENTITIES {
        for files in [FilesInUri::Allow, FilesInUri::Refuse] {
            let error = open(&uri.replace("HOST", &host), files).await.err().expect(uri);
            assert_eq!((error.name(), error.is_transient()), ("DatabaseAddressRefused", false));
            assert!(error.to_string().contains(words), "{uri}: {error}");
        }
    }
    assert!(server.accept().is_err(), "somebody connected");
}

#[tokio::test]
async fn an_address_of_a_resource_names_no_files_and_one_of_a_person_may() {
    for uri in IN_FILES.map(|uri| uri.replace("HOST", "h:1")) {
        let error = open(&uri, FilesInUri::Refuse).await.err().expect(&uri).to_string();
        assert!(error.contains("may name no files") && !error.contains("passwd"), "{uri}: {error}");
        let by_hand = open(&uri, FilesInUri::Allow).await.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!by_hand.contains("may name no files"), "{uri}: {by_hand}");
    }
}

#[tokio::test]
async fn an_address_of_a_resource_names_no_more_hosts_than_a_replica_set_has() {
    let with = |hosts: usize| {
        let hosts: Vec<_> = (0..hosts).map(|host| format!("h{host}:1")).collect();
        format!("mongodb://me:a%2Cb@{}/x", hosts.join(","))
    };
    assert!(open(&with(50), FilesInUri::Refuse).await.is_ok());
    let refused = open(&with(51), FilesInUri::Refuse).await.err().unwrap().to_string();
    assert!(refused.contains("it names 51 hosts, and 50 are the most"), "{refused}");
    assert!(open(&with(51), FilesInUri::Allow).await.is_ok());
}

#[tokio::test]
async fn what_needs_no_identity_of_the_machine_is_allowed() {
    for uri in [
        "mongodb://h:1/x",
        "mongodb://h:1/x?",
        "mongodb://me:word@h:1/x?authSource=admin&authMechanism=SCRAM-SHA-256",
        "mongodb://me:word@h:1/x?authMechanism=SCRAM-SHA-1&replicaSet=rs0&w=majority&retryWrites=true",
        "mongodb://h:1/x?authMechanism=MONGODB-X509&tls=true",
        "mongodb://me:word@h:1/x?authMechanism=PLAIN&tls=true&authSource=$external",
        "mongodb://[::1]:27017,h:2/x?directConnection=false&serverSelectionTimeoutMS=200&appName=shop",
    ] {
        assert!(open(uri, FilesInUri::Refuse).await.is_ok(), "{uri}");
    }
    let mut settings = Settings::default();
    settings.mongodb.uri = Some(Secret::new("mongodb://me:word@h:1/x?authMechanism=PLAIN"));
    settings.mongodb.tls = Some(MongoTls::default());
    assert!(MongoStore::connect(&settings).await.is_err(), "no authority is named, so TLS is not switched on");
}

#[tokio::test]
async fn certificate_and_key_of_the_settings_are_one_private_file_while_a_client_is_made() {
    let folder = std::env::temp_dir().join(format!("stockstream-address-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, content: &str| -> PathBuf {
        std::fs::write(folder.join(name), content).unwrap();
        folder.join(name)
    };
    let (certificate, key) = (file("tls.crt", "the certificate"), file("tls.key", "the key"));
    let both = in_one_file(&certificate, &key).unwrap();
    assert_eq!(std::fs::read_to_string(&both).unwrap(), "the certificate\nthe key\n");
    assert_eq!(std::fs::metadata(&both).unwrap().permissions().mode() & 0o777, 0o600);
    let path = both.to_path_buf();
    drop(both);
    assert!(!path.exists());

    let mut settings = Settings::default();
    settings.mongodb.uri = Some(Secret::new("mongodb://h:1/x?authMechanism=MONGODB-X509"));
    settings.mongodb.files_in_uri = FilesInUri::Refuse;
    settings.mongodb.tls = Some(MongoTls { ca_file: None, cert_file: Some(certificate), key_file: Some(key.clone()) });
    let said = async || MongoStore::connect(&settings).await.err().unwrap().to_string();
    let no_certificate = said().await;
    assert!(no_certificate.contains("check mongodb.tls.certFile and keyFile"), "{no_certificate}");
    std::fs::remove_file(key).unwrap();
    let no_file = said().await;
    assert!(no_file.contains("mongodb.tls.keyFile") && no_file.contains("tls.key"), "{no_file}");
    std::fs::remove_dir_all(folder).unwrap();
}
