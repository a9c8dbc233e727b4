use serde_json::json;

use super::*;
use crate::resource::AuthSpec;

fn case(auth: Value) -> Case {
    let mut case = Case::of("minimal");
    case.pipeline.spec.dashboard.auth = serde_json::from_value::<AuthSpec>(auth).unwrap();
    let content = |text: &str| text.as_bytes().to_vec();
    let keys = [("users".to_owned(), content("ann:User:…")), ("session-key".to_owned(), content("0123"))];
    case.secrets.0.insert("access".into(), keys.into());
    case
}

/// The flags from `--auth` on.
fn flags(case: &Case) -> Vec<String> {
    let children = case.build();
    let args = pod_spec(&children, "stock-dashboard")["containers"][0]["args"].as_array().unwrap();
    let args = args.iter().map(|arg| arg.as_str().unwrap().to_owned());
    args.skip_while(|arg| !arg.starts_with("--auth=")).take_while(|arg| !arg.starts_with("--allow-host=")).collect()
}

#[test]
fn a_dashboard_of_which_nothing_is_said_is_shown_through_a_port_forward_only() {
    assert_eq!(flags(&Case::of("minimal")), ["--auth=local"]);
    assert_eq!(flags(&case(json!({}))), ["--auth=local"]);
    assert_eq!(flags(&case(json!({ "mode": "Off", "behindTls": true }))), ["--auth=off", "--behind-tls"]);
}

#[test]
fn users_and_the_key_of_their_sessions_are_mounted_where_the_flags_say_and_roll_the_pods() {
    let password = json!({ "usersSecretRef": { "name": "access" }, "sessionKeySecretRef": { "name": "access" } });
    let mut case = case(json!({ "mode": "Password", "password": password, "trustedProxies": ["10.0.0.7"] }));
    let folder = "/etc/stockstream/credentials/access";
    let expected = [
        "--auth=password".to_owned(),
        format!("--users-file={folder}/users"),
        format!("--session-key-file={folder}/session-key"),
        "--trusted-proxy=10.0.0.7".to_owned(),
    ];
    assert_eq!(flags(&case), expected);
    let before = case.build();
    let sources = &pod_spec(&before, "stock-dashboard")["volumes"][0]["projected"]["sources"];
    let mount = |key: &str| json!({ "key": key, "path": format!("credentials/access/{key}") });
    let expected = json!({ "secret": { "name": "access", "items": [mount("session-key"), mount("users")] } });
    assert!(sources.as_array().unwrap().contains(&expected), "{sources}");
    assert!(!pod_spec(&before, "stock-worker").to_string().contains("access"), "it is no matter of the workers");
    case.secrets.0.get_mut("access").unwrap().insert("users".into(), b"bob:User:\xe2\x80\xa6".to_vec());
    let changed = differences(&before, &case.build());
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert!(changed[0].contains("stock-dashboard") && changed[0].contains("secrets-checksum"), "{changed:?}");
}

#[test]
fn a_provider_is_named_with_its_secrets_as_files() {
    let case = Case::of("oidc");
    let folder = "/etc/stockstream/credentials";
    let flags = flags(&case);
    for flag in [
        "--auth=oidc".to_owned(),
        "--oidc-issuer=https://id.example.com/realms/shop".to_owned(),
        format!("--oidc-client-secret-file={folder}/dashboard/client-secret"),
        format!("--session-key-file={folder}/dashboard/session-key"),
        format!("--oidc-ca-file={folder}/id-ca/ca.crt"),
        "--public-url=https://stock.example.com".to_owned(),
        "--oidc-scopes=openid,profile,groups".to_owned(),
        "--group-role=stock-admins=Administrator".to_owned(),
    ] {
        assert!(flags.contains(&flag), "{flag} is not among {flags:?}");
    }
    let mut case = Case::of("oidc");
    let before = case.build();
    case.secrets.0.get_mut("dashboard").unwrap().insert("client-secret".into(), b"another".to_vec());
    let changed = differences(&before, &case.build());
    assert!(changed.len() == 1 && changed[0].contains("secrets-checksum"), "{changed:?}");
    case.secrets.0.remove("id-ca");
    let problem = case.with(|wanted| wanted.validated.dashboard_problem.clone()).unwrap();
    assert!(problem.message.contains("the authorities of the provider"), "{problem:?}");
}

#[test]
fn a_missing_file_of_users_keeps_the_dashboard_back_and_is_told() {
    let password = json!({ "usersSecretRef": { "name": "nobody" } });
    let case = case(json!({ "mode": "Password", "password": password }));
    let problem = case.with(|wanted| wanted.validated.dashboard_problem.clone()).unwrap();
    assert_eq!((problem.reason, problem.stalled), ("SecretMissing", false));
    let command = "kubectl --namespace shop create secret generic nobody --from-file=users=…";
    assert!(problem.message.contains("the dashboard's users") && problem.message.ends_with(command));
    assert!(case.with(|wanted| wanted.validated.mongodb.clone()).is_none());
}
