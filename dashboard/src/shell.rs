//! What surrounds every page: head, navigation, foot.

use std::sync::Arc;

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use crate::{Options, assets, failure::Failure};

/// A place in the navigation.
pub(crate) struct Section {
    /// Its path.
    pub(crate) path: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
}

const SECTIONS: &[Section] = &[
    Section { path: "/", name: "Status" },
    Section { path: "/product-winners", name: "Product winners" },
    Section { path: "/loss-risk-products", name: "Stock at risk" },
    Section { path: "/clients", name: "Clients" },
    Section { path: "/rejected-events", name: "Rejected events" },
];

/// What surrounds every page.
#[derive(Clone)]
pub(crate) struct Shell {
    pub(crate) options: Arc<Options>,
    /// What the page is called.
    pub(crate) page: &'static str,
    /// Where in the navigation it is, if it is there.
    pub(crate) path: &'static str,
    /// After how many seconds it reloads itself.
    pub(crate) refresh: Option<u64>,
}

impl Shell {
    /// Around no page yet.
    pub(crate) const fn bare(options: Arc<Options>) -> Self {
        Self { options, page: "", path: "", refresh: None }
    }

    /// Around the page at that path of the navigation.
    pub(crate) fn of(options: &Arc<Options>, path: &'static str) -> Self {
        let page = SECTIONS.iter().find(|section| section.path == path).map_or("", |section| section.name);
        Self { page, path, ..Self::bare(Arc::clone(options)) }
    }

    pub(crate) const fn sections(&self) -> &'static [Section] {
        SECTIONS
    }

    pub(crate) fn stylesheet(&self) -> String {
        assets::stylesheet_address()
    }
}

/// A page as an answer.
pub(crate) fn page(template: &impl Template) -> Result<Response, Failure> {
    match template.render() {
        Ok(html) => Ok(Html(html).into_response()),
        Err(error) => Err(Failure::internal(&error)),
    }
}
