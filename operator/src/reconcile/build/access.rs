//! Who may see the dashboard, as its flags say it.

use std::path::Path;

use crate::{
    reconcile::WORKER_CREDENTIALS,
    resource::{AuthMode, AuthSpec, GroupRole, OidcAuth, Role, SessionKeyRef},
};

/// The flags. Each in one word: what begins with a dash is no flag.
pub(super) fn args(auth: &AuthSpec) -> Vec<String> {
    let mode = match auth.mode {
        AuthMode::Local => "local",
        AuthMode::Off => "off",
        AuthMode::Password => "password",
        AuthMode::Proxy => "proxy",
        AuthMode::Oidc => "oidc",
    };
    let mut args = vec![format!("--auth={mode}")];
    if let Some(password) = &auth.password {
        let users = &password.users_secret_ref;
        args.push(format!("--users-file={}", file(&users.name, &users.key)));
        args.extend(password.session_key_secret_ref.as_ref().map(session_key));
    }
    if let Some(proxy) = &auth.proxy {
        args.push(format!("--user-header={}", proxy.user_header));
        args.push(format!("--groups-header={}", proxy.groups_header));
        args.extend(proxy.roles.iter().map(group_role));
    }
    if let Some(oidc) = &auth.oidc {
        args.extend(of_oidc(oidc));
    }
    args.extend(auth.trusted_proxies.iter().map(|proxy| format!("--trusted-proxy={proxy}")));
    args.extend(auth.behind_tls.then(|| "--behind-tls".to_owned()));
    args
}

fn of_oidc(oidc: &OidcAuth) -> Vec<String> {
    let secret = &oidc.client_secret_ref;
    let mut args = vec![
        format!("--oidc-issuer={}", oidc.issuer),
        format!("--oidc-client-id={}", oidc.client_id),
        format!("--oidc-client-secret-file={}", file(&secret.name, &secret.key)),
        format!("--public-url={}", oidc.public_url),
        format!("--oidc-name-claim={}", oidc.name_claim),
        format!("--oidc-groups-claim={}", oidc.groups_claim),
    ];
    args.extend((!oidc.scopes.is_empty()).then(|| format!("--oidc-scopes={}", oidc.scopes.join(","))));
    args.extend(oidc.ca_secret_ref.as_ref().map(|ca| format!("--oidc-ca-file={}", file(&ca.name, &ca.key))));
    args.extend(oidc.session_key_secret_ref.as_ref().map(session_key));
    args.extend(oidc.roles.iter().map(group_role));
    args
}

/// Where pods find a key of a Secret.
fn file(secret: &str, key: &str) -> String {
    Path::new(WORKER_CREDENTIALS).join(secret).join(key).display().to_string()
}

fn session_key(key: &SessionKeyRef) -> String {
    format!("--session-key-file={}", file(&key.name, &key.key))
}

fn group_role(given: &GroupRole) -> String {
    let role = match given.role {
        Role::Administrator => "Administrator",
        Role::Accountant => "Accountant",
        Role::User => "User",
    };
    format!("--group-role={}={role}", given.group)
}
