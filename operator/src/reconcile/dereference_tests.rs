use serde_json::json;

use super::*;

fn key(name: &str) -> SecretKey {
    SecretKey { namespace: "shop".into(), name: name.into() }
}

fn stock() -> PipelineKey {
    PipelineKey::new("shop", "stock")
}

fn secret(version: &str, password: &str) -> Option<Secret> {
    // "username" is there too, to be left out where it is not named.
    let mut secret: Secret = serde_json::from_value(json!({ "metadata": { "resourceVersion": version } })).unwrap();
    let content = |text: &str| k8s_openapi::ByteString(text.as_bytes().to_vec());
    secret.data = Some([("password".into(), content(password)), ("username".into(), content("me"))].into());
    Some(secret)
}

fn look(cache: &SecretCache) -> Vec<SecretKey> {
    cache.look(&stock(), ["login".to_owned()].into_iter())
}

fn password(cache: &SecretCache) -> Option<Vec<u8>> {
    let named = [("login".to_owned(), ["password".to_owned()].into())].into();
    let Secrets(mut secrets) = cache.contents("shop", &named);
    let keys = secrets.remove("login")?;
    assert_eq!(keys.len(), 1, "only what is named");
    keys.get("password").cloned()
}

#[test]
fn a_secret_is_read_once_and_again_only_when_its_version_changed() {
    let cache = SecretCache::default();
    cache.stands(key("login"), "1".into());
    assert_eq!(look(&cache), [key("login")]);
    cache.hold(key("login"), secret("1", "one"));
    assert_eq!(look(&cache), []);
    assert_eq!(password(&cache).as_deref(), Some(&b"one"[..]));
    assert_eq!(cache.stands(key("login"), "2".into()), [stock()]);
    assert_eq!(look(&cache), [key("login")]);
    cache.hold(key("login"), secret("2", "two"));
    assert_eq!(password(&cache).as_deref(), Some(&b"two"[..]));
    assert_eq!(cache.stands(key("login"), "2".into()), [], "nothing new");
}

#[test]
fn a_secret_that_is_not_there_is_not_asked_for_and_its_coming_is_news() {
    let cache = SecretCache::default();
    assert_eq!(look(&cache), []);
    assert_eq!(password(&cache), None);
    assert_eq!(cache.stands(key("login"), "1".into()), [stock()]);
    assert_eq!(cache.stands(key("unrelated"), "1".into()), []);
}

#[test]
fn a_secret_that_is_gone_is_forgotten_and_news_whether_it_was_seen_to_go_or_missed_in_a_list() {
    let cache = SecretCache::default();
    for by_list in [false, true] {
        cache.stands(key("login"), "1".into());
        look(&cache);
        cache.hold(key("login"), secret("1", "one"));
        let elsewhere = SecretKey { namespace: "elsewhere".into(), ..key("login") };
        cache.stands(elsewhere.clone(), "1".into());
        let news = if by_list { cache.retain(Some("shop"), &HashSet::new()) } else { cache.gone(&key("login")) };
        assert_eq!(news, [stock()]);
        assert_eq!(password(&cache), None);
        assert!(cache.0.lock().versions.contains_key(&elsewhere));
    }
}

#[test]
fn what_nobody_names_any_more_is_not_kept() {
    let cache = SecretCache::default();
    cache.stands(key("login"), "1".into());
    look(&cache);
    cache.hold(key("login"), secret("1", "one"));
    cache.look(&PipelineKey::new("shop", "other"), ["login".to_owned()].into_iter());
    cache.forget(&stock());
    assert!(password(&cache).is_some(), "another one names it");
    cache.forget(&PipelineKey::new("shop", "other"));
    assert!(password(&cache).is_none());
    cache.hold(key("login"), secret("1", "one"));
    assert!(password(&cache).is_none(), "a late answer is not kept");
}

#[test]
fn every_secret_of_the_resource_is_named_with_its_keys() {
    let pipeline: AnalyticsPipeline = serde_json::from_value(json!({
        "apiVersion": "stockstream.dev/v1alpha1", "kind": "AnalyticsPipeline", "metadata": { "name": "stock" },
        "spec": {
            "kafka": { "bootstrapServers": ["kafka:9092"], "security": { "protocol": "SASL_SSL",
                "sasl": { "mechanism": "PLAIN", "secretRef": { "name": "login" } },
                "tls": { "caSecretRef": { "name": "ca", "key": "kafka.pem" }, "clientCertSecretRef": { "name": "cert" } } } },
            "mongodb": { "uriSecretRef": { "name": "mongo" }, "tls": { "caSecretRef": { "name": "ca", "key": "mongo.pem" } } },
            "dashboard": { "kafka": { "sasl": { "mechanism": "PLAIN", "secretRef": { "name": "forms" } },
                    "clientCertSecretRef": { "name": "forms-cert" } }, "mongodb": { "uriSecretRef": { "name": "reader", "key": "url" } },
                "auth": { "mode": "Password", "password": { "usersSecretRef": { "name": "users" },
                    "sessionKeySecretRef": { "name": "users" } } } },
        },
    }))
    .unwrap();
    let named: Vec<String> = named(&pipeline)
        .into_iter()
        .map(|(name, keys)| format!("{name}: {}", keys.into_iter().collect::<Vec<_>>().join(" ")))
        .collect();
    assert_eq!(
        named,
        [
            "ca: kafka.pem mongo.pem",
            "cert: tls.crt tls.key",
            "forms: password username",
            "forms-cert: tls.crt tls.key",
            "login: password username",
            "mongo: uri",
            "reader: url",
            "users: session-key users"
        ]
    );
}
