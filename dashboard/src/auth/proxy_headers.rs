//! Readers whom a proxy before the dashboard has let sign in: it says in headers who they are. Pure.

use axum::http::{HeaderMap, HeaderName, StatusCode};

use crate::{
    auth::{Principal, Role, identity::highest_role, users_file::LONGEST_NAME},
    error::HttpError,
    locale::translate::Message,
};

/// The headers that say who asks, and which groups have which role.
#[derive(Clone, Debug)]
pub struct ProxyHeaders {
    /// Holds the reader's name.
    pub user: HeaderName,
    /// Holds the groups of the reader, separated by commas.
    pub groups: HeaderName,
    /// The role of a group. Of several roles the greatest counts; without one nothing is shown.
    pub roles: Vec<(String, Role)>,
}

impl ProxyHeaders {
    /// The reader of a request that a trusted proxy sent.
    pub(crate) fn who(&self, headers: &HeaderMap) -> Result<Principal, HttpError> {
        let nobody = |detail: Message| {
            let advice = "The proxy before this dashboard must set it, once, and drop what readers send themselves.";
            HttpError::new(StatusCode::UNAUTHORIZED, "Nobody is signed in", detail, advice)
        };
        let one = |name: &HeaderName| {
            let mut values = headers.get_all(name).iter();
            let value = values.next().and_then(|value| std::str::from_utf8(value.as_bytes()).ok()).unwrap_or("");
            if values.next().is_some() {
                Err(nobody(Message::new("The header {} was sent twice.", vec![name.to_string().into()])))
            } else {
                Ok(value)
            }
        };
        let name = one(&self.user)?.trim();
        if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(nobody(Message::new(
                "The header {} does not say who asks.",
                vec![self.user.to_string().into()],
            )));
        }
        let groups: Vec<_> = one(&self.groups)?.split(',').map(str::trim).collect();
        let Some((_, role)) = highest_role(&self.roles, |group| groups.contains(&group)) else {
            let detail = Message::new("None of the groups of {} has a role here.", vec![name.to_owned().into()]);
            let advice = "Whoever runs this dashboard decides which groups have which role.";
            return Err(HttpError::new(StatusCode::FORBIDDEN, "Not for you", detail, advice));
        };
        Ok(Principal { name: name.into(), role, can_sign_out: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(of: &[(&'static str, &'static str)]) -> Result<(String, Role), u16> {
        let proxy = ProxyHeaders {
            user: HeaderName::from_static("x-forwarded-user"),
            groups: HeaderName::from_static("x-forwarded-groups"),
            roles: vec![("shop-admins".into(), Role::Administrator), ("shop".into(), Role::User)],
        };
        let mut headers = HeaderMap::new();
        for (name, value) in of {
            headers.append(*name, value.parse().unwrap());
        }
        let who = proxy.who(&headers).map_err(|failure| failure.status.as_u16())?;
        Ok((who.name.to_string(), who.role))
    }

    #[test]
    fn the_greatest_role_of_the_groups_counts() {
        let (user, groups) = ("x-forwarded-user", "x-forwarded-groups");
        assert_eq!(who(&[(user, "ann"), (groups, "all, shop")]), Ok(("ann".into(), Role::User)));
        assert_eq!(who(&[(user, "ann"), (groups, "shop,shop-admins")]), Ok(("ann".into(), Role::Administrator)));
        assert_eq!(who(&[(user, "ann"), (groups, "shopper")]), Err(403));
        assert_eq!(who(&[(user, "ann")]), Err(403));
        assert_eq!(who(&[(groups, "shop")]), Err(401));
        assert_eq!(who(&[(user, " "), (groups, "shop")]), Err(401));
        assert_eq!(who(&[(user, "ann"), (user, "root"), (groups, "shop")]), Err(401));
        assert_eq!(who(&[(user, "ann"), (groups, "shop"), (groups, "shop-admins")]), Err(401));
    }
}
