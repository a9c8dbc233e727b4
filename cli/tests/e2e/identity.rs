//! Whatever an address of MongoDB says, nobody is shown the identity of the machine; and what its user may do is told.

use crate::harness::{process::Process, recorder::Recorder};

const TOKEN: &str = "the-token-of-the-machine";

#[tokio::test(flavor = "multi_thread")]
async fn no_token_leaves_whatever_the_address_says() {
    let server = Recorder::start().await;
    let file = std::env::temp_dir().join(format!("stockstream-token-{}", std::process::id()));
    std::fs::write(&file, TOKEN).unwrap();
    let file = file.to_str().unwrap();
    let oidc = "authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:k8s";
    let uri = format!("mongodb://{}/x?{oidc}", server.address);
    for command in ["dashboard", "worker"] {
        let arguments = [command, "--mongodb", &uri, "--listen", "127.0.0.1:0"];
        let process = Process::start_in(arguments, &[("AWS_WEB_IDENTITY_TOKEN_FILE", file)]);
        process.refused(&["MONGODB-OIDC", "only SCRAM-SHA-256, SCRAM-SHA-1, MONGODB-X509, PLAIN"]).await;
    }
    assert!(!server.got(TOKEN.as_bytes()) && !server.got_anything());
    std::fs::remove_file(file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_whether_its_user_may_write() {
    let (readers, anybody) = (Recorder::for_readers().await, Recorder::start().await);
    for (server, words) in [(&readers, "may read and may not write"), (&anybody, "the user of mongodb.uri may write")] {
        let uri = format!("mongodb://{}/x", server.address);
        let mut page = Process::start(["dashboard", "--mongodb", &uri, "--listen", "127.0.0.1:0"]);
        page.says(words).await;
    }
}
