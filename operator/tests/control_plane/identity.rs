//! What a tenant may have the operator do on its behalf: nothing with the operator's own identity, files or reach.

use std::net::TcpListener;

use crate::harness::{Operator, TestNamespace};

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_token_goes_to_nobody_whatever_a_secret_says() {
    let Some(place) = TestNamespace::find().await else { return };
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let host = server.local_addr().unwrap();
    let rows = [
        ("token", "authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:k8s", "MONGODB-OIDC"),
        (
            "cloud",
            "authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:gcp,TOKEN_RESOURCE:x",
            "MONGODB-OIDC",
        ),
        ("ticket", "authMechanism=GSSAPI", "GSSAPI"),
        ("keys", "authMechanism=MONGODB-AWS", "MONGODB-AWS"),
        ("file", "tlsCertificateKeyFile=/var/run/secrets/kubernetes.io/serviceaccount/token", "may name no files"),
        ("authority", "tlsCAFile=/var/run/secrets/kubernetes.io/serviceaccount/token", "may name no files"),
    ];
    let operator = Operator::start(&place, "one").await;
    for (name, options, _) in rows {
        let secret = format!("mongo-{name}");
        place.secret(&secret, &[("uri", &format!("mongodb://{host}/x?{options}"))]).await;
        place.pipeline(name, |pipeline| pipeline["spec"]["mongodb"]["uriSecretRef"]["name"] = secret.into()).await;
    }
    for (name, _, words) in rows {
        let said = place.condition(name, "DatabaseReady", "AddressNotAllowed").await;
        assert!(said["message"].as_str().unwrap().contains(words), "{said}");
        assert_eq!(place.condition(name, "Stalled", "AddressNotAllowed").await["status"], "True");
    }
    operator.rests().await;
    assert!(server.accept().is_err(), "the operator connected to the tenant's server");
    operator.end().await;
    place.leave().await;
}
