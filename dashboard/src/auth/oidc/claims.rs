//! What claims say of a person. Pure.

use serde_json::Value;

use crate::auth::{
    oidc::{error::OidcError, id_token::Claims},
    users_file::LONGEST_NAME,
};

/// So many groups are looked at, and so long ones.
const MOST_GROUPS: usize = 10_000;

/// Somebody who signed in with the provider.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UserClaims {
    /// What the provider knows them by, for the log.
    pub(crate) subject: String,
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
}

impl UserClaims {
    /// The person that claims are about.
    pub(crate) fn of(claims: &Claims, name_claim: &str, groups_claim: &str) -> Result<Self, OidcError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::trim);
        let is_name =
            |name: &&str| !name.is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control);
        let name =
            text(name_claim).filter(is_name).ok_or_else(|| OidcError::Unnamed { claim: name_claim.to_owned() })?;
        let groups = match claims.get(groups_claim) {
            Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).take(MOST_GROUPS).collect(),
            Some(Value::String(group)) => vec![group.as_str()],
            _ => Vec::new(),
        };
        let groups = groups.into_iter().map(str::to_owned).collect();
        Ok(Self { subject: text("sub").unwrap_or_default().to_owned(), name: name.to_owned(), groups })
    }
}

/// Whether an ID token leaves something to be asked for elsewhere.
pub(crate) fn lacks(claims: &Claims, wanted: [&str; 2]) -> bool {
    wanted.into_iter().any(|name| !claims.contains_key(name))
}

/// The claims of an ID token with what the provider tells besides, if that is about the same person.
pub(crate) fn joined(mut claims: Claims, more: Claims) -> Result<Claims, String> {
    if more.get("sub").and_then(Value::as_str) != claims.get("sub").and_then(Value::as_str) {
        return Err("it is about another person than the ID token (sub)".into());
    }
    for (name, value) in more {
        // What was signed counts.
        claims.entry(name).or_insert(value);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(of: &Value) -> Claims {
        of.as_object().unwrap().clone()
    }

    #[test]
    fn a_person_has_a_name_and_groups() {
        let person = |of: Value| UserClaims::of(&claims(&of), "preferred_username", "groups");
        let ann =
            person(json!({ "sub": "7", "preferred_username": " ann ", "groups": ["staff", 7, "admins"] })).unwrap();
        assert_eq!((ann.name.as_str(), ann.subject.as_str()), ("ann", "7"));
        assert_eq!(ann.groups, ["staff", "admins"]);
        assert_eq!(person(json!({ "preferred_username": "ann", "groups": "staff" })).unwrap().groups, ["staff"]);
        assert!(person(json!({ "preferred_username": "ann", "groups": { "staff": true } })).unwrap().groups.is_empty());
        for name in [json!(null), json!(""), json!("a\nb"), json!(7), json!("n".repeat(101))] {
            let said = person(json!({ "sub": "7", "preferred_username": name })).unwrap_err();
            assert_eq!(said, OidcError::Unnamed { claim: "preferred_username".into() });
        }
    }

    #[test]
    fn what_is_told_besides_adds_to_what_was_signed_and_is_about_the_same_person() {
        let signed = claims(&json!({ "sub": "7", "groups": ["staff"] }));
        assert!(lacks(&signed, ["preferred_username", "groups"]) && !lacks(&signed, ["sub", "groups"]));
        let more = claims(&json!({ "sub": "7", "groups": ["admins"], "preferred_username": "ann" }));
        let both = joined(signed.clone(), more).unwrap();
        assert_eq!(both, claims(&json!({ "sub": "7", "groups": ["staff"], "preferred_username": "ann" })));
        assert!(joined(signed, claims(&json!({ "sub": "8" }))).unwrap_err().contains("another person"));
    }
}
