//! Addresses: a path, and what is said behind it, written so that nothing in it is taken for something else.

use std::fmt;

/// An address under way.
#[derive(Clone)]
pub(crate) struct PageUrl {
    path: &'static str,
    pairs: Vec<(String, String)>,
}

impl PageUrl {
    /// A path with nothing said.
    pub(crate) const fn new(path: &'static str) -> Self {
        Self { path, pairs: Vec::new() }
    }

    /// The same with one thing more.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.pairs.push((name.into(), value.into()));
        self
    }

    /// What is said.
    pub(crate) fn query(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.pairs).finish()
    }
}

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.query() {
            query if query.is_empty() => f.write_str(self.path),
            query => write!(f, "{}?{query}", self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_stays_one_value() {
        let address = PageUrl::new("/clients").with("q", "a&b=c d#é\"").with("page", "2");
        assert_eq!(address.to_string(), "/clients?q=a%26b%3Dc+d%23%C3%A9%22&page=2");
        assert_eq!(PageUrl::new("/clients").to_string(), "/clients");
    }
}
