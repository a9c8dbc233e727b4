//! Resources that cannot be used, each with words of the sentence that refuses it: asked of the rules alone in unit tests, and
//! of a real API server in `tests/control_plane`.

use serde_json::{Value, json};

/// The least that a pipeline needs.
pub fn least() -> Value {
    json!({
        "apiVersion": "stockstream.dev/v1alpha1", "kind": "AnalyticsPipeline", "metadata": { "name": "stock" },
        "spec": { "kafka": { "bootstrapServers": ["kafka:9092"] }, "mongodb": { "uriSecretRef": { "name": "mongo" } } },
    })
}

/// The least with a value put in at a path (JSON Pointer).
pub fn with(path: &str, value: Value) -> Value {
    put(least(), path, value)
}

/// A value put in at a path.
pub fn put(mut pipeline: Value, path: &str, value: Value) -> Value {
    let mut place = &mut pipeline;
    for part in path.trim_start_matches('/').split('/') {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[part];
    }
    *place = value;
    pipeline
}

/// The least that a provider needs.
fn oidc() -> Value {
    json!({
        "issuer": "https://id.example.com", "clientId": "stock", "clientSecretRef": { "name": "dashboard" },
        "publicUrl": "https://stock.example.com", "roles": [{ "group": "all", "role": "User" }],
    })
}

/// What is refused from the beginning.
pub fn refused() -> Vec<(Value, &'static str)> {
    let sasl = json!({ "mechanism": "PLAIN", "secretRef": { "name": "login" } });
    let sasl_ssl = json!({ "protocol": "SASL_SSL", "sasl": sasl });
    let proxy = |role: &str| json!({ "mode": "Proxy", "trustedProxies": ["10.0.0.7"], "proxy": { "roles": [{ "group": "all", "role": role }] } });
    vec![
        (
            put(with("/spec/kafka/security", sasl_ssl), "/spec/dashboard/kafka", json!({})),
            "give dashboard.kafka.sasl with a mechanism and a secretRef",
        ),
        (with("/spec/dashboard/kafka/sasl", sasl.clone()), "leave dashboard.kafka.sasl out"),
        (
            with("/spec/dashboard/kafka/clientCertSecretRef/name", json!("client")),
            "leave dashboard.kafka.clientCertSecretRef out",
        ),
        (with("/spec/dashboard", json!({ "kafka": {}, "auth": { "mode": "Off" } })), "could enter events"),
        (with("/spec/dashboard", json!({ "kafka": {}, "auth": proxy("User") })), "give a group the role Accountant"),
        (with("/spec/dashboard", json!({ "kafka": {}, "replicas": 2 })), "known to one pod alone"),
        (with("/spec/kafka/security/protocol", json!("SASL_SSL")), "give sasl with a mechanism and a secretRef"),
        (with("/spec/kafka/security/sasl", sasl), "this protocol does not sign in"),
        (
            with("/spec/kafka/security/tls", json!({ "caSecretRef": { "name": "ca" } })),
            "this protocol does not encrypt",
        ),
        (with("/spec/mongodb/tls", json!({})), "give caSecretRef or clientCertSecretRef"),
        (with("/spec/kafka/topics/sales/name", json!("topic-clients")), "give them different names"),
        (with("/spec/analytics/clients/silver", json!("30000")), "silver must not be above gold"),
        (
            with("/spec/workers/autoscaling", json!({ "minReplicas": 3, "maxReplicas": 2 })),
            "minReplicas must not be above",
        ),
        (with("/spec/dashboard/auth/mode", json!("Password")), "give password with a usersSecretRef"),
        (with("/spec/dashboard/auth/password/usersSecretRef/name", json!("users")), "this mode knows no passwords"),
        (with("/spec/dashboard/auth/mode", json!("Proxy")), "addresses of the proxy in trustedProxies"),
        (
            with("/spec/dashboard/auth/proxy", json!({ "roles": [{ "group": "all", "role": "User" }] })),
            "this mode believes no headers",
        ),
        (
            with(
                "/spec/dashboard",
                json!({ "replicas": 2, "auth": { "mode": "Password", "password": { "usersSecretRef": { "name": "users" } } } }),
            ),
            "a session must stand on every pod",
        ),
        (with("/spec/dashboard/auth/mode", json!("OIDC")), "give oidc with issuer"),
        (with("/spec/dashboard/auth/oidc", oidc()), "this mode asks no provider"),
        (
            with("/spec/dashboard/auth", json!({ "mode": "OIDC", "oidc": put(oidc(), "/scopes", json!(["profile"])) })),
            "oidc.scopes must hold openid",
        ),
        (
            with("/spec/dashboard", json!({ "replicas": 2, "auth": { "mode": "OIDC", "oidc": oidc() } })),
            "a sign-in must stand on every pod",
        ),
        (with("/metadata/name", json!("a".repeat(41))), "use at most 40 characters"),
        (with("/metadata/name", json!("a.b")), "may hold no dot"),
    ]
}

/// What is refused because nobody could decode it, or Kubernetes not use it: where, the value, words of the sentence.
pub fn unreadable() -> Vec<(&'static str, Value, &'static str)> {
    const MEMORY: &str = "/spec/workers/resources/requests/memory";
    vec![
        ("/spec/kafka/startFrom", json!("yesterday"), "startFrom must be latest, earliest or a time such as"),
        ("/spec/kafka/startFrom", json!("2026-02-30T00:00:00Z"), "startFrom must be"),
        ("/spec/analytics/asOf", json!("yesterday"), "asOf must be Now, LatestEvent or a date such as"),
        ("/spec/analytics/asOf", json!("2026-99-99"), "asOf must be"),
        ("/spec/analytics/reevaluateEvery", json!("9999999999999999999d"), BY_PATTERN),
        ("/spec/analytics/clients/gold", json!("999999999999999999"), BY_PATTERN),
        ("/spec/dashboard/auth/trustedProxies", json!(["everything"]), BY_PATTERN),
        ("/spec/dashboard/auth/trustedProxies", json!(["10.0.0.0/33"]), BY_PATTERN),
        ("/spec/dashboard/auth/oidc", put(oidc(), "/issuer", json!("http://id.example.com")), BY_PATTERN),
        ("/spec/dashboard/auth/oidc", put(oidc(), "/publicUrl", json!("https://example.com/stock")), BY_PATTERN),
        ("/spec/dashboard/auth/oidc", put(oidc(), "/publicUrl", json!("http://example.com")), BY_PATTERN),
        ("/spec/mongodb/uriSecretRef/name", json!("../../run/secrets"), BY_PATTERN),
        ("/spec/mongodb/uriSecretRef", json!({ "name": "mongo", "key": "../token" }), BY_PATTERN),
        ("/spec/mongodb/uriSecretRef", json!({ "name": "mongo", "key": ".." }), BY_PATTERN),
        ("/spec/mongodb/tls/clientCertSecretRef/name", json!("other/client"), BY_PATTERN),
        (MEMORY, json!("100K"), BY_PATTERN),
        (MEMORY, json!("1mi"), BY_PATTERN),
    ]
}

/// Kubernetes' own sentence, with the pattern that a text is not like.
pub const BY_PATTERN: &str = "should match";

/// What is refused as a change, but while the pipeline is suspended: where, the new value, words of the sentence.
pub fn fixed_while_running() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("/spec/kafka/topics/sales", json!({ "name": "other" }), "topics' names are fixed"),
        ("/spec/kafka/groupId", json!("other"), "groupId is fixed"),
    ]
}
