//! Events that Accountants enter in the page of a pod, as a user of Kafka that may write and nothing else.

use serde_json::{Value, json};

use super::{
    kube::{Forward, Kube, alone},
    pipeline::Pipeline,
};
use crate::harness::{
    TestEnv, eventually, holds,
    secured::{Login, Secured},
    session::{Answer, FORM, Session},
    users::line,
};

const PASSWORD: &str = "correct horse battery";
const FILE: &str =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n1,A,Lamp,2,2026-05-01,2.5,7\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_an_accountant_enters_in_the_page_of_a_pod_is_counted_and_a_user_may_enter_nothing() {
    let Some(kube) = Kube::new() else { return };
    let _alone = alone().await;
    let (Some(secured), Some(env)) = (Secured::new(), TestEnv::new(json!({})).await) else { return };
    let (system, shop) = (kube.restricted_namespace("forms-system"), kube.restricted_namespace("forms-shop"));
    kube.chart("install", &system.name, &["--set", &format!("watchNamespaces={{{}}}", shop.name)]);
    let stock = Pipeline { kube: kube.clone(), namespace: &shop.name };
    let login = Login::new(&env);
    login.at_the_broker("First-1");
    make_secrets(&stock, &secured, &env);
    stock.apply(&env, spec(&secured));
    let said = stock.is("DashboardAvailable", "False", Some("SecretMissing")).await;
    assert!(said.contains("forms-shop/forms, which holds the Kafka user of the forms"), "{said}");
    stock.secret_of("forms", &json!({ "username": env.name(), "password": "First-1" }));
    stock.ready().await;

    let page = forward(&stock).await;
    let ann = Session::signed_in(&page.address, "ann", PASSWORD).await;
    let sale = "invoice_id=I1&client_id=C1&timestamp=2026-05-01+12:30&lines=1&items[0].product_id=A&\
                items[0].quantity=2&items[0].unit_price=3";
    let Answer { status, body, .. } = ann.send("/enter/sale", sale).await;
    assert!(status == 503 && body.contains("Nothing was sent") && body.contains("--operation Write"), "{body}");
    login.allow("Write", false);
    let Answer { status, place, body, .. } = ann.send("/enter/sale", sale).await;
    assert_eq!(status, 303, "{body}");
    counted(&ann, &place).await;
    eventually("the client is shown with the sale", async || {
        let Answer { body, .. } = ann.get("/api/v1/clients").await;
        let clients: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
        let client = &clients["items"][0];
        holds(client["client_id"] == "C1" && client["total_revenue_generated"] == 6.0, || body)
    })
    .await;
    may_enter_nothing(&Session::signed_in(&page.address, "bob", PASSWORD).await).await;
    assert_eq!(Session::new(&page.address).get("/enter/sale").await.place, "/sign-in?next=%2Fenter%2Fsale");

    let preview = ann.upload("may.csv", FILE).await.place;
    assert!(ann.get(&preview).await.body.contains("1 sale"), "a file waits to be confirmed");
    login.at_the_broker("Second-2");
    let before = pods(&stock);
    stock.secret_of("forms", &json!({ "username": env.name(), "password": "Second-2" }));
    eventually("one new pod has taken the place of the old one", async || {
        let now = pods(&stock);
        assert!(now.len() <= 1, "two pods share the forms: {now:?}");
        holds(now.len() == 1 && now != before, || format!("{now:?}"))
    })
    .await;
    stock.ready().await;
    let page = forward(&stock).await;
    let ann = Session::signed_in(&page.address, "ann", PASSWORD).await;
    let Answer { status, body, .. } = ann.post(&preview, FORM, "").await;
    assert_eq!(status, 404, "what waited in the old pod is gone, and never sent by itself: {body}");
    let preview = ann.upload("may.csv", FILE).await.place;
    let Answer { status, place, body, .. } = ann.post(&preview, FORM, "").await;
    assert_eq!(status, 303, "{body}");
    counted(&ann, &place).await;
    assert_eq!(env.kafka.ends().values().sum::<i64>(), 2, "each sent once");

    let said = kube.kubectl(&["-n", &shop.name, "logs", "-l", DASHBOARD, "--tail=-1"]);
    assert!(said.contains("\"target\":\"audit\"") && said.contains("\"who\":\"ann\""), "{said}");
    assert!(!["First-1", "Second-2", PASSWORD].iter().any(|secret| said.contains(secret)), "a password is told");
    kube.helm(&["uninstall", "stockstream", "-n", &system.name, "--wait"]);
}

const DASHBOARD: &str = "app.kubernetes.io/instance=stock,app.kubernetes.io/component=dashboard";

/// Also those that are about to end.
fn pods(stock: &Pipeline<'_>) -> Vec<String> {
    let running =
        ["get", "pods", "-n", stock.namespace, "-l", DASHBOARD, "--field-selector=status.phase=Running", "-o", "name"];
    stock.kube.kubectl(&running).lines().map(str::to_owned).collect()
}

async fn forward(stock: &Pipeline<'_>) -> Forward {
    stock.kube.forward(stock.namespace, "svc/stock-dashboard", 80).await
}

async fn counted(reader: &Session, place: &str) {
    eventually("the submission is counted", async || {
        let Answer { body, .. } = reader.get(place).await;
        holds(body.contains("Sent and counted"), || body)
    })
    .await;
}

async fn may_enter_nothing(user: &Session) {
    assert_eq!(user.get("/clients").await.status, 200);
    assert_eq!(user.get("/enter/sale").await.status, 403);
    assert_eq!(user.post("/enter/sale", FORM, "do=send&invoice_id=I2").await.status, 403);
    assert_eq!(user.upload("may.csv", FILE).await.status, 403);
}

fn make_secrets(stock: &Pipeline<'_>, secured: &Secured, env: &TestEnv) {
    let users = [line("ann", "Accountant", PASSWORD), line("bob", "User", PASSWORD)].map(Result::unwrap).concat();
    stock.secret(env.setting("/mongodb/uri"));
    stock.secret_of("dashboard", &json!({ "users": users }));
    stock.secret_of("login", &json!({ "username": secured.user, "password": secured.password }));
    stock.secret_of("ca", &json!({ "ca.crt": std::fs::read_to_string(secured.file("ca.crt")).unwrap() }));
}

fn spec(secured: &Secured) -> Value {
    let sasl = |secret: &str| json!({ "mechanism": "SCRAM-SHA-512", "secretRef": { "name": secret } });
    json!({
        "kafka": {
            "bootstrapServers": [secured.sasl_ssl],
            "security": { "protocol": "SASL_SSL", "sasl": sasl("login"), "tls": { "caSecretRef": { "name": "ca" } } },
        },
        "dashboard": {
            "auth": { "mode": "Password", "password": { "usersSecretRef": { "name": "dashboard" } } },
            "kafka": { "sasl": sasl("forms") },
        },
    })
}
