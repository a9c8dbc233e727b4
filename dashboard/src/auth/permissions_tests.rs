use std::{collections::BTreeSet, sync::Arc};

use axum::http::Method;
use stockstream_store::MemoryStore;

use crate::{
    Options,
    auth::{
        Role,
        permissions::{Decision, Permission, RULES, verdict},
    },
    data::state::AppState,
    router::routes,
};

/// The patterns of all routes. The router tells them only to those who debug it; were it to tell them otherwise one day,
/// the first test says so.
fn patterns() -> BTreeSet<String> {
    let router = routes(AppState::new(Arc::new(MemoryStore::new(Default::default())), Arc::new(Options::default())));
    let text = format!("{router:?}");
    let told = text.split("RouteId(").filter_map(|rest| rest.split_once("): \"")).map(|(_, rest)| rest);
    let paths = told.filter_map(|rest| rest.split_once('"')).map(|(path, _)| path.to_owned());
    paths.filter(|path| !path.contains("__private__axum_fallback")).collect()
}

#[test]
fn every_route_of_the_router_is_found() {
    let patterns = patterns();
    for path in [
        "/",
        "/healthz",
        "/assets/style.css",
        "/sign-in/callback",
        "/clients",
        "/export/clients/{kind}",
        "/api/v1/status",
    ] {
        assert!(patterns.contains(path), "{path} is not among {patterns:?}");
    }
}

#[test]
fn every_route_is_in_the_table_and_open_to_the_roles_that_it_names_and_to_nobody_else() {
    for route in patterns() {
        assert_ne!(verdict(&route, &Method::GET, None), Decision::Unlisted, "add {route} to auth::permissions::RULES");
        let asked = |role| verdict(&route, &Method::GET, role) != verdict("/not/listed", &Method::GET, role);
        assert!(asked(None) && Role::ALL.into_iter().all(|role| asked(Some(role))));
        // An Administrator sees everything; nothing that a role is told is kept from one who may more.
        assert_ne!(verdict(&route, &Method::GET, Some(Role::Administrator)), Decision::NotThisRole, "{route}");
        let refused = |role| verdict(&route, &Method::GET, Some(role)) == Decision::NotThisRole;
        assert!(refused(Role::User) || !refused(Role::Accountant), "{route}");
    }
}

#[test]
fn what_is_not_in_the_table_is_refused() {
    for path in ["/nothing", "/clients/", "/clients/x", "/entered", "/assetsx", "/api/v1", "/export/clients", ""] {
        for role in [None].into_iter().chain(Role::ALL.map(Some)) {
            assert_eq!(verdict(path, &Method::GET, role), Decision::Unlisted, "{path} {role:?}");
        }
    }
}

#[test]
fn nothing_but_the_forms_and_the_sign_in_takes_anything() {
    for rule in RULES {
        let administrator = Some(Role::Administrator);
        let (path, methods) = (rule.path, [Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]);
        let route = path.trim_end_matches("/*");
        for method in methods {
            assert!(matches!(verdict(route, &method, administrator), Decision::NotThisMethod(_)), "{method} {path}");
        }
        let takes = verdict(route, &Method::POST, administrator) == Decision::Pass;
        assert_eq!(takes, ["/enter/*", "/sign-in", "/sign-out"].contains(&path), "{path}");
    }
}

#[test]
fn who_has_not_signed_in_sees_what_is_open_to_anybody_alone() {
    for rule in RULES {
        let sign_in = ["/sign-in", "/sign-in/start", "/sign-in/callback", "/sign-out"];
        let open = ["/healthz", "/readyz", "/assets/*"].contains(&rule.path) || sign_in.contains(&rule.path);
        assert_eq!(rule.may == Permission::Anybody, open, "{}", rule.path);
    }
}

#[test]
fn roles_see_what_they_are_for() {
    let may = |role, path| verdict(path, &Method::GET, Some(role)) == Decision::Pass;
    for (path, user, accountant) in [
        ("/product-winners", true, true),
        ("/export/clients/{kind}", true, true),
        ("/live", true, true),
        ("/enter", false, true),
        ("/enter/sale", false, true),
        ("/", false, false),
        ("/charts", false, false),
        ("/rejected-events", false, false),
        ("/api/v1/status", false, false),
        ("/metrics", false, false),
    ] {
        assert_eq!((may(Role::User, path), may(Role::Accountant, path)), (user, accountant), "{path}");
        assert!(may(Role::Administrator, path), "{path}");
    }
}
