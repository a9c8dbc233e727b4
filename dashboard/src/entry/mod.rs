//! What an Accountant enters: forms, files and test data, sent as events. Nothing here writes the database; whether an
//! event counts is read from the positions of the workers, like everything else.

mod decimal_comma;
mod form;
mod in_flight;
mod pages;
mod sender;
mod submission_page;
mod submission_store;
mod submit;
mod test_data;
mod upload;
mod validation_messages;

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    routing::{get, post},
};
use stockstream_store::ViewStore;

pub use crate::entry::{
    in_flight::InFlight,
    sender::{NotSent, Receipt, Sender, Sending},
};
use crate::{
    Options,
    auth::Principal,
    data::state::AppState,
    entry::{form::Form, submission_store::SubmissionStore},
    locale::{
        format::sentence,
        translate::{key, tf},
    },
    ui::{components::Notice, layout::Layout},
};

/// The most bytes of a form.
const MAX_FORM: usize = 256 << 10;

/// The routes of what is entered; where nothing can be sent, one that says so.
pub(crate) fn routes<S: ViewStore>(options: &Options) -> Router<AppState<S>> {
    let Some(sender) = &options.sender else { return Router::new().route(pages::PATH, get(pages::off)) };
    let desk = Arc::new(SubmissionStore::new(Arc::clone(sender)));
    let form = |form: Form| {
        get(move |shell: Layout, Extension(desk): Extension<Arc<SubmissionStore>>| pages::open(form, shell, desk)).post(
            move |State(app): State<AppState<S>>,
                  shell: Layout,
                  who: Principal,
                  Extension(desk): Extension<Arc<SubmissionStore>>,
                  body: Bytes| { pages::take(form, app, shell, who, desk, body) },
        )
    };
    Router::new()
        .route(pages::PATH, get(pages::overview))
        .route(Form::Product.path(), form(Form::Product))
        .route(Form::Client.path(), form(Form::Client))
        .route(Form::Sale.path(), form(Form::Sale))
        .route("/enter/test-data", post(pages::send_test_data))
        .route("/enter/upload/{token}", get(upload::preview).post(upload::confirm))
        .route("/enter/sent/{token}", get(submission_page::show))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .route(
            upload::PATH,
            get(upload::open).post(upload::take).layer(DefaultBodyLimit::max(upload::MAX_FILE + MAX_FORM)),
        )
        .layer(Extension(desk))
}

impl Notice {
    fn not_sent(message: &str) -> Self {
        Self {
            tone: "bad",
            title: "Nothing was sent".into(),
            text: tf("{}. What was entered is kept below: send it again when that is mended.", &[&sentence(message)]),
        }
    }

    fn unknown_form() -> Self {
        Self {
            tone: "warn",
            title: "Nothing was sent: this form is from before".into(),
            text: key(
                "The dashboard was restarted since, or does not remember the form any more, so it cannot tell whether it \
                 was sent already. Look whether it was; if not, send it now.",
            )
            .into(),
        }
    }
}
