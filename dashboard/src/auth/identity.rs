//! Roles, and the reader who has one.

use std::{fmt, str::FromStr, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};

use crate::{error::HttpError, locale::translate::key};

/// What a reader may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Look at the three views, at what is in them, and take it along.
    User,
    /// That, and hand in records and sales.
    Accountant,
    /// Everything: also the state of the pipeline.
    Administrator,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::User, Self::Accountant, Self::Administrator];

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => key("User"),
            Self::Accountant => key("Accountant"),
            Self::Administrator => key("Administrator"),
        }
    }
}

/// The group that gives the greatest role, and that role: of the roles of groups, those of groups that somebody is in.
pub(crate) fn highest_role(roles: &[(String, Role)], is_in: impl Fn(&str) -> bool) -> Option<(&str, Role)> {
    let of_groups = roles.iter().filter(|(group, _)| is_in(group)).map(|(group, role)| (group.as_str(), *role));
    of_groups.max_by_key(|(_, role)| Role::ALL.iter().position(|other| other == role))
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let role = Self::ALL.into_iter().find(|role| role.name().eq_ignore_ascii_case(text));
        role.ok_or_else(|| format!("{text:?} is no role: write User, Accountant or Administrator"))
    }
}

/// Who asks. The gate puts it among the extensions of every request that it lets pass to somebody it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    /// What the reader is called; for the log, and for the head of the page. Empty where nobody signs in.
    pub(crate) name: Arc<str>,
    /// What the reader may.
    pub(crate) role: Role,
    /// Whether there is a session of this dashboard that the reader can end.
    pub(crate) can_sign_out: bool,
}

impl Principal {
    /// Whoever comes where nobody signs in: may everything.
    pub(crate) fn anybody() -> Self {
        Self { name: "".into(), role: Role::Administrator, can_sign_out: false }
    }
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        // Only a route that is open to everybody has nobody.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            let detail = "Nobody is signed in.";
            HttpError::new(StatusCode::UNAUTHORIZED, "Sign in first", detail, "Sign in at /sign-in.")
        })
    }
}
