//! Who may see the dashboard, as its flags say it.

use std::path::Path;

use crate::{
    reconcile::WORKER_CREDENTIALS,
    resource::{AuthMode, AuthSpec, Role},
};

/// The flags. Each in one word: what begins with a dash is no flag.
pub(super) fn args(auth: &AuthSpec) -> Vec<String> {
    let mode = match auth.mode {
        AuthMode::Local => "local",
        AuthMode::Off => "off",
        AuthMode::Password => "password",
        AuthMode::Proxy => "proxy",
    };
    let mut args = vec![format!("--auth={mode}")];
    let file = |secret: &str, key: &str| Path::new(WORKER_CREDENTIALS).join(secret).join(key).display().to_string();
    if let Some(password) = &auth.password {
        let users = &password.users_secret_ref;
        args.push(format!("--users-file={}", file(&users.name, &users.key)));
        if let Some(key) = &password.session_key_secret_ref {
            args.push(format!("--session-key-file={}", file(&key.name, &key.key)));
        }
    }
    if let Some(proxy) = &auth.proxy {
        args.push(format!("--user-header={}", proxy.user_header));
        args.push(format!("--groups-header={}", proxy.groups_header));
        for given in &proxy.roles {
            let role = match given.role {
                Role::Administrator => "Administrator",
                Role::Accountant => "Accountant",
                Role::User => "User",
            };
            args.push(format!("--group-role={}={role}", given.group));
        }
    }
    args.extend(auth.trusted_proxies.iter().map(|proxy| format!("--trusted-proxy={proxy}")));
    args.extend(auth.behind_tls.then(|| "--behind-tls".to_owned()));
    args
}
