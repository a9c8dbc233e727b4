//! The overview and the forms.

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use stockstream_input::{OutboundEvent, entry::Problem};
use stockstream_store::ViewStore;

use crate::{
    auth::Principal,
    data::state::AppState,
    entry::{
        form::{Form, Input, Typed},
        submission_store::SubmissionStore,
        submit::{SubmitError, submit},
        test_data,
        validation_messages::fault,
    },
    error::HttpError,
    locale::{
        format::whole,
        translate::{Message, key, t},
    },
    ui::{
        components::Notice,
        layout::{self, Layout},
    },
};

/// Where it all begins.
pub(crate) const PATH: &str = "/enter";

#[derive(Template)]
#[template(path = "enter.html")]
struct EnterPage {
    shell: Layout,
    notices: Vec<Notice>,
    /// Of the form that sends test data; none where nothing can be sent.
    token: Option<String>,
    events: String,
}

#[derive(Template)]
#[template(path = "enter_form.html")]
struct FormPage {
    shell: Layout,
    lead: &'static str,
    notices: Vec<Notice>,
    form: Form,
    token: String,
    inputs: Vec<Input>,
    lines: Vec<Vec<Input>>,
    /// What is wrong, and the input where it is, if there is one.
    problems: Vec<(Option<String>, String)>,
    /// What would be sent.
    preview: Option<String>,
}

/// The overview.
pub(crate) async fn overview(
    shell: Layout,
    Extension(desk): Extension<Arc<SubmissionStore>>,
) -> Result<Response, HttpError> {
    enter(shell, Some(desk.token()), Vec::new())
}

/// That nothing can be entered, and how to change that.
pub(crate) async fn off(shell: Layout) -> Result<Response, HttpError> {
    enter(shell, None, Vec::new())
}

fn enter(shell: Layout, token: Option<String>, notices: Vec<Notice>) -> Result<Response, HttpError> {
    let shell = Layout { page: "Enter events", ..shell.at(PATH) };
    layout::page(&EnterPage { shell, notices, token, events: whole(test_data::EVENTS as i64) })
}

/// A form that was just opened.
pub(crate) async fn open(form: Form, shell: Layout, desk: Arc<SubmissionStore>) -> Result<Response, HttpError> {
    render(form, shell, desk.token(), &Typed::fresh(form), &[], Vec::new(), None)
}

/// A form that was sent: it is judged, and shown again with what is wrong, or its event is sent on.
pub(crate) async fn take<S: ViewStore>(
    form: Form,
    app: AppState<S>,
    shell: Layout,
    who: Principal,
    desk: Arc<SubmissionStore>,
    body: Bytes,
) -> Result<Response, HttpError> {
    let mut typed = Typed::of(&body);
    let token = typed.text("form").to_owned();
    let action = typed.text("do").to_owned();
    let again = |typed: &Typed, problems: &[Problem], notices, preview| {
        render(form, shell.clone(), token.clone(), typed, problems, notices, preview)
    };
    if action == "add" {
        typed.add_line();
        return again(&typed, &[], Vec::new(), None);
    }
    if let Some(gone) = action.strip_prefix("remove-").and_then(|index| index.parse().ok()) {
        typed.remove_line(gone);
        return again(&typed, &[], Vec::new(), None);
    }
    let event = match typed.event(form) {
        Ok(event) => event,
        Err(problems) => {
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, again(&typed, &problems, Vec::new(), None)?).into_response());
        }
    };
    if action == "check" {
        return again(&typed, &[], Vec::new(), Some(pretty(&event)));
    }
    let what = Message::new("{} {}", vec![form.what().into(), event.key.clone().into()]);
    match submit(&app, &desk, &who, &token, &what, vec![event]).await {
        Ok(response) => Ok(response),
        Err(SubmitError::NotSent(message)) => {
            let page = again(&typed, &[], vec![Notice::not_sent(&message)], None)?;
            Ok((StatusCode::SERVICE_UNAVAILABLE, page).into_response())
        }
        Err(SubmitError::Unknown) => {
            let page = render(form, shell.clone(), desk.token(), &typed, &[], vec![Notice::unknown_form()], None)?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
    }
}

/// Test data by one button.
pub(crate) async fn send_test_data<S: ViewStore>(
    State(app): State<AppState<S>>,
    shell: Layout,
    who: Principal,
    Extension(desk): Extension<Arc<SubmissionStore>>,
    body: Bytes,
) -> Result<Response, HttpError> {
    let token = Typed::of(&body).text("form").to_owned();
    let (notice, token, status) =
        match submit(&app, &desk, &who, &token, &key("test data").into(), test_data::events()).await {
            Ok(response) => return Ok(response),
            Err(SubmitError::NotSent(message)) => (Notice::not_sent(&message), token, StatusCode::SERVICE_UNAVAILABLE),
            Err(SubmitError::Unknown) => (Notice::unknown_form(), desk.token(), StatusCode::CONFLICT),
        };
    Ok((status, enter(shell, Some(token), vec![notice])?).into_response())
}

fn render(
    form: Form,
    shell: Layout,
    token: String,
    typed: &Typed,
    problems: &[Problem],
    notices: Vec<Notice>,
    preview: Option<String>,
) -> Result<Response, HttpError> {
    let inputs = typed.inputs(form, problems);
    let lines = typed.line_inputs(form, problems);
    let told = |problem: &Problem| {
        let input = inputs.iter().chain(lines.iter().flatten()).find(|input| input.name == problem.path);
        let label = t(input.map_or(key("The event"), |input| input.label));
        (input.map(|input| input.id.clone()), format!("{label}: {}", fault(&problem.message)))
    };
    let problems = problems.iter().map(told).collect();
    let shell = Layout { page: form.title(), ..shell.at(PATH) };
    layout::page(&FormPage { shell, lead: form.lead(), notices, form, token, inputs, lines, problems, preview })
}

fn pretty(event: &OutboundEvent) -> String {
    let value: Option<serde_json::Value> = serde_json::from_slice(&event.payload).ok();
    value.map_or_else(String::new, |value| format!("{value:#}"))
}
