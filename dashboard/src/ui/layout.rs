//! What surrounds every page: head, navigation, foot.

use std::{convert::Infallible, sync::Arc};

use askama::Template;
use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
    response::{Html, IntoResponse, Response},
};
use stockstream_store::ViewStore;

use stockstream_model::Timestamp;

use crate::{
    Options,
    auth::{Principal, Role, may_read},
    data::state::AppState,
    error::HttpError,
    locale::format::{instant, relative_time},
    locale::language::Language,
    request::context::RequestContext,
    request::preferences::Theme,
    ui::assets,
};

/// A place in the navigation.
pub(crate) struct Section {
    /// Its path.
    pub(crate) path: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
}

/// Shown only where there is somewhere to send to.
const FORMS: &str = "/enter";

const SECTIONS: &[Section] = &[
    Section { path: "/", name: "Status" },
    Section { path: "/product-winners", name: "Product winners" },
    Section { path: "/loss-risk-products", name: "Stock at risk" },
    Section { path: "/clients", name: "Clients" },
    Section { path: "/charts", name: "Sales" },
    Section { path: "/rejected-events", name: "Rejected events" },
    Section { path: FORMS, name: "Enter" },
];

/// Where a reader of that role begins: an Accountant at the forms, others at the first page that they may see.
pub(crate) fn home(role: Role) -> &'static str {
    let mut paths = SECTIONS.iter().map(|section| section.path).filter(|path| may_read(role, path));
    let forms = paths.clone().find(|path| role == Role::Accountant && path.starts_with("/enter"));
    forms.or_else(|| paths.next()).unwrap_or("/product-winners")
}

/// What surrounds every page. A handler takes it, and says with [`Layout::at`] where it is.
#[derive(Clone)]
pub(crate) struct Layout {
    pub(crate) options: Arc<Options>,
    /// What the page is called.
    pub(crate) page: &'static str,
    /// Where in the navigation it is, if it is there.
    pub(crate) path: &'static str,
    /// After how many seconds it reloads itself.
    pub(crate) refresh: Option<u64>,
    /// Who reads it, if that is known.
    pub(crate) who: Option<Principal>,
    /// Which parts of the database it shows, if it is live.
    pub(crate) live: &'static str,
    /// How whoever reads it wants it.
    pub(crate) reader: Arc<RequestContext>,
}

impl Layout {
    /// Around no page yet, for nobody yet.
    pub(crate) fn bare(options: Arc<Options>) -> Self {
        Self { options, page: "", path: "", refresh: None, who: None, live: "", reader: RequestContext::current() }
    }

    /// Around the page at that path of the navigation.
    pub(crate) fn at(self, path: &'static str) -> Self {
        let page = SECTIONS.iter().find(|section| section.path == path).map_or("", |section| section.name);
        Self { page, path, live: parts_of(path), ..self }
    }

    /// The places that the reader may go to.
    pub(crate) fn sections(&self) -> impl Iterator<Item = &'static Section> {
        let role = self.who.as_ref().map(|who| who.role);
        let open = self.options.sender.is_some();
        let shown = move |section: &&Section| open || section.path != FORMS;
        SECTIONS.iter().filter(shown).filter(move |section| role.is_some_and(|role| may_read(role, section.path)))
    }

    /// Where the reader begins.
    pub(crate) fn home(&self) -> &'static str {
        self.who.as_ref().map_or("/", |who| home(who.role))
    }

    pub(crate) fn stylesheet(&self) -> String {
        assets::stylesheet_address()
    }

    /// When what is shown was read, and how long ago that is, if the database does not answer now.
    pub(crate) fn remembered(&self) -> Option<(String, String)> {
        let read_at = self.reader.remembered()?;
        Some((instant(read_at), relative_time(read_at, Timestamp::now())))
    }

    pub(crate) fn script(&self) -> String {
        assets::script_address()
    }

    /// Where the page is in each language, and whether this is it.
    pub(crate) fn languages(&self) -> [(Language, String, bool); 3] {
        let chosen = self.reader.choice.language;
        let address = |language: Language| self.reader.address_with(&[("lang", language.code())]);
        Language::ALL.map(|language| (language, address(language), language == chosen))
    }

    /// Where the page is in each theme, and whether this is it.
    pub(crate) fn themes(&self) -> [(Theme, String, bool); 3] {
        let chosen = self.reader.choice.theme;
        let address = |theme: Theme| self.reader.address_with(&[("theme", theme.name())]);
        Theme::ALL.map(|theme| (theme, address(theme), theme == chosen))
    }

    /// Where the page is for a screen on a wall.
    pub(crate) fn kiosk(&self) -> String {
        self.reader.address_with(&[("kiosk", "1")])
    }
}

/// Which parts the page at that path of the navigation shows; those of no other page change by themselves.
fn parts_of(path: &str) -> &'static str {
    match path {
        "/" => "status",
        "/charts" => "sales",
        "/product-winners" => "winners",
        "/loss-risk-products" => "risks",
        "/clients" => "clients",
        "/rejected-events" => "rejected",
        _ => "",
    }
}

impl<S: ViewStore> FromRequestParts<AppState<S>> for Layout {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState<S>) -> Result<Self, Infallible> {
        Ok(Self { who: parts.extensions.get().cloned(), ..Self::bare(Arc::clone(&app.options)) })
    }
}

/// A page as an answer.
pub(crate) fn page(template: &impl Template) -> Result<Response, HttpError> {
    page_with(StatusCode::OK, template)
}

/// A page as an answer of another status.
pub(crate) fn page_with(status: StatusCode, template: &impl Template) -> Result<Response, HttpError> {
    match template.render() {
        Ok(html) => Ok((status, Html(html)).into_response()),
        Err(error) => Err(HttpError::internal(&error)),
    }
}
