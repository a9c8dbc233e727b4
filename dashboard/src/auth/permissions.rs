//! The one table of who may ask for what.

use axum::http::Method;

use crate::auth::Role;

/// What a route takes, and from whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// The router's pattern; one that ends with `/*` stands for everything below it, and for itself.
    pub(crate) path: &'static str,
    pub(crate) methods: Methods,
    pub(crate) may: Permission,
}

/// The methods that a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Methods {
    /// GET and HEAD.
    Read,
    /// POST.
    Write,
    /// GET, HEAD and POST.
    ReadAndWrite,
}

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Whoever reaches the dashboard, signed in or not.
    Anybody,
    /// Readers with one of these roles.
    Roles(&'static [Role]),
}

const EVERY_ROLE: Permission = Permission::Roles(&Role::ALL);
const THOSE_WHO_ENTER: Permission = Permission::Roles(&[Role::Accountant, Role::Administrator]);
const ADMINISTRATORS: Permission = Permission::Roles(&[Role::Administrator]);

const fn rule(path: &'static str, methods: Methods, may: Permission) -> Rule {
    Rule { path, methods, may }
}

use Methods::{Read, ReadAndWrite, Write};

/// Every route. What is not here is refused.
pub(crate) const RULES: &[Rule] = &[
    // Nothing of the shop is told here.
    rule("/healthz", Read, Permission::Anybody),
    rule("/readyz", Read, Permission::Anybody),
    rule("/assets/*", Read, Permission::Anybody),
    rule("/sign-in", ReadAndWrite, Permission::Anybody),
    rule("/sign-in/start", Read, Permission::Anybody),
    rule("/sign-in/callback", Read, Permission::Anybody),
    rule("/sign-out", Write, Permission::Anybody),
    // The views, what is in them, and what is taken along.
    rule("/product-winners", Read, EVERY_ROLE),
    rule("/loss-risk-products", Read, EVERY_ROLE),
    rule("/clients", Read, EVERY_ROLE),
    rule("/product", Read, EVERY_ROLE),
    rule("/client", Read, EVERY_ROLE),
    rule("/export/product-winners/{kind}", Read, EVERY_ROLE),
    rule("/export/loss-risk-products/{kind}", Read, EVERY_ROLE),
    rule("/export/clients/{kind}", Read, EVERY_ROLE),
    rule("/live", Read, EVERY_ROLE),
    rule("/api/v1/product-winners", Read, EVERY_ROLE),
    rule("/api/v1/loss-risk-products", Read, EVERY_ROLE),
    rule("/api/v1/clients", Read, EVERY_ROLE),
    // What the API is like: no numbers.
    rule("/api", Read, EVERY_ROLE),
    rule("/api/openapi.json", Read, EVERY_ROLE),
    // Records and sales that are handed in.
    rule("/enter/*", ReadAndWrite, THOSE_WHO_ENTER),
    // The state of the pipeline, and of the whole shop over time.
    rule("/", Read, ADMINISTRATORS),
    rule("/charts", Read, ADMINISTRATORS),
    rule("/rejected-events", Read, ADMINISTRATORS),
    rule("/api/v1/status", Read, ADMINISTRATORS),
    rule("/api/v1/sales-daily", Read, ADMINISTRATORS),
    rule("/api/v1/rejected-events", Read, ADMINISTRATORS),
    rule("/metrics", Read, ADMINISTRATORS),
];

impl Methods {
    fn take(self, method: &Method) -> bool {
        let (read, write) = (matches!(*method, Method::GET | Method::HEAD), *method == Method::POST);
        match self {
            Self::Read => read,
            Self::Write => write,
            Self::ReadAndWrite => read || write,
        }
    }

    /// As the header `Allow` says it.
    pub(crate) const fn named(self) -> &'static str {
        match self {
            Self::Read => "GET, HEAD",
            Self::Write => "POST",
            Self::ReadAndWrite => "GET, HEAD, POST",
        }
    }
}

/// What the table says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It may pass.
    Pass,
    /// It may pass once it is known who asks.
    SignIn,
    /// Not with this role.
    NotThisRole,
    /// Not by this method, but by these.
    NotThisMethod(&'static str),
    /// The table does not know the route: nobody may.
    Unlisted,
}

/// What the table says of a route of the router, asked for by somebody of that role, or by nobody known.
pub(crate) fn verdict(route: &str, method: &Method, role: Option<Role>) -> Decision {
    let Some(rule) = RULES.iter().find(|rule| rule.covers(route)) else { return Decision::Unlisted };
    match (rule.may, role) {
        (Permission::Roles(_), None) => Decision::SignIn,
        (Permission::Roles(roles), Some(role)) if !roles.contains(&role) => Decision::NotThisRole,
        _ if !rule.methods.take(method) => Decision::NotThisMethod(rule.methods.named()),
        _ => Decision::Pass,
    }
}

/// Whether that role may read that page.
pub(crate) fn may_read(role: Role, path: &str) -> bool {
    verdict(path, &Method::GET, Some(role)) == Decision::Pass
}

impl Rule {
    fn covers(&self, route: &str) -> bool {
        match self.path.strip_suffix("/*") {
            Some(above) => route.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            None => route == self.path,
        }
    }
}
