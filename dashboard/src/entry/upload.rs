//! Files: read whole, shown with each bad row and cell marked, and sent once that is confirmed.

use std::{path::PathBuf, sync::Arc};

use askama::Template;
use axum::{
    Extension,
    extract::{Multipart, Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use stockstream_input::{
    BadRow, Encoding, Header, Import, ImportError, ImportOptions, Limits, Mapping, OutboundEvent, Summary, UnreadSheet,
};
use stockstream_model::{Timestamp, event::EventKind};
use stockstream_store::ViewStore;

use crate::{
    auth::Principal,
    data::state::AppState,
    entry::{
        submission_store::{Preview, SubmissionStore},
        submit::{SubmitError, see, submit},
        validation_messages::{fault, fault_of},
    },
    error::HttpError,
    locale::{
        format::{counted, escape_control, excerpt, sentence, whole},
        translate::{Message, key, t, tf},
    },
    ui::{
        components::Notice,
        layout::{self, Layout},
    },
};

pub(crate) const PATH: &str = "/enter/upload";
/// The most bytes of a file.
pub(crate) const MAX_FILE: usize = 8 << 20;
/// The most of it when it is unpacked, and the most rows: what is kept in memory until it is confirmed.
const LIMITS: Limits = Limits { file: MAX_FILE as u64, unpacked: 64 << 20, text: 64 << 20, rows: 50_000 };
/// How far ahead of now a row may be. Workers reject what is later.
const FUTURE_MS: i64 = 48 * 3_600_000;
/// The encodings that are offered. UTF-8 and UTF-16 are found without.
const ENCODINGS: [&str; 12] = [
    "windows-1252",
    "windows-1250",
    "windows-1251",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "macintosh",
    "shift_jis",
    "gb18030",
    "big5",
    "euc-kr",
];
/// How many bad rows, and how many events, a preview shows.
const SHOWN_ROWS: usize = 200;
const SHOWN_EVENTS: usize = 10;
/// What is held back, in numbers of one and of more.
const HELD: (&str, &str) = (
    key("good row of the same invoices held back with them"),
    key("good rows of the same invoices held back with them"),
);
/// How many ids that look alike it shows.
const SHOWN_ALIKE: usize = 10;
/// How much of a cell it shows.
const CELL: usize = 60;

#[derive(Template)]
#[template(path = "enter_upload.html")]
struct UploadPage {
    shell: Layout,
    notices: Vec<Notice>,
    max_mib: String,
    max_rows: String,
    said: Reading,
    encodings: &'static [&'static str],
}

/// What is said of how to read a file.
#[derive(Clone, Default)]
struct Reading {
    /// Columns of other names, a line for each.
    mapping: String,
    /// The encoding, if it is named.
    encoding: String,
}

#[derive(Template)]
#[template(path = "enter_preview.html")]
struct PreviewPage {
    shell: Layout,
    notices: Vec<Notice>,
    token: String,
    name: String,
    found: String,
    bad: String,
    held: Option<String>,
    unread: Vec<String>,
    tables: Vec<BadTable>,
    more: Option<String>,
    events: Vec<(String, String)>,
    send: Option<String>,
}

/// The bad rows of a file or sheet.
struct BadTable {
    caption: String,
    columns: Vec<String>,
    rows: Vec<MarkedRow>,
}

struct MarkedRow {
    line: u64,
    /// What is wrong with the row as a whole.
    whole: Vec<String>,
    cells: Vec<MarkedCell>,
}

struct MarkedCell {
    title: String,
    text: String,
    /// What is wrong with it.
    faults: Vec<String>,
}

/// Where a file is chosen.
pub(crate) async fn open(shell: Layout) -> Result<Response, HttpError> {
    choose(shell, Vec::new(), Reading::default())
}

fn choose(shell: Layout, notices: Vec<Notice>, said: Reading) -> Result<Response, HttpError> {
    let shell = Layout { page: "Upload a file", ..shell.at(crate::entry::pages::PATH) };
    layout::page(&UploadPage {
        shell,
        notices,
        max_mib: (MAX_FILE >> 20).to_string(),
        max_rows: whole(LIMITS.rows),
        said,
        encodings: &ENCODINGS,
    })
}

/// A file that was chosen: it is read and kept, and nothing is sent.
pub(crate) async fn take(
    shell: Layout,
    who: Principal,
    Extension(desk): Extension<Arc<SubmissionStore>>,
    parts: Multipart,
) -> Result<Response, HttpError> {
    let (mut file, mut said) = (None, Reading::default());
    let read = match received(parts, &mut file, &mut said).await {
        Ok(()) => read(file, said.clone()).await,
        Err(message) => Err(message),
    };
    match read {
        Ok((name, import, events)) => {
            let token = desk.keep(&who.name, name, import, events);
            Ok(Redirect::to(&format!("{PATH}/{token}")).into_response())
        }
        Err(message) => {
            let text = tf("{}. Nothing was sent.", &[&sentence(&message)]);
            let notice = Notice { tone: "bad", title: "The file cannot be read".into(), text };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, choose(shell, vec![notice], said)?).into_response())
        }
    }
}

type File = (String, Arc<[u8]>);

async fn received(mut parts: Multipart, file: &mut Option<File>, said: &mut Reading) -> Result<(), String> {
    let broken = |error: axum::extract::multipart::MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            tf("the file has more than {} MiB; split it", &[&(MAX_FILE >> 20).to_string()])
        }
        _ => tf("the upload broke off: {}; try again", &[&error.body_text()]),
    };
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        match part.name() {
            Some("file") => {
                let name = part.file_name().unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
                let name: String = escape_control(name).chars().take(100).collect();
                let bytes = part.bytes().await.map_err(broken)?;
                *file = (!bytes.is_empty()).then(|| (name, Arc::from(&*bytes)));
            }
            Some("mapping") => said.mapping = part.text().await.map_err(broken)?.chars().take(10_000).collect(),
            Some("encoding") => said.encoding = part.text().await.map_err(broken)?.chars().take(100).collect(),
            _ => {}
        }
    }
    Ok(())
}

async fn read(file: Option<File>, said: Reading) -> Result<(String, Import, Vec<OutboundEvent>), String> {
    let (name, bytes) = file.ok_or_else(|| t("no file was chosen, or it is empty; choose one").into_owned())?;
    let reading = tokio::task::spawn_blocking(move || {
        let mapping = Mapping::parse(said.mapping.lines().map(str::trim).filter(|line| !line.is_empty()))?;
        let encoding = (!said.encoding.is_empty()).then(|| Encoding::named(&said.encoding)).transpose()?;
        let latest = Some(Timestamp::now().plus_millis(FUTURE_MS));
        let options = ImportOptions { mapping, encoding, latest, limits: LIMITS, ..ImportOptions::default() };
        let import = Import::read(&PathBuf::from(&name), bytes, options)?;
        let events = import.events()?.collect::<Result<Vec<_>, _>>()?;
        Ok((name, import, events))
    });
    let read: Result<_, ImportError> =
        reading.await.map_err(|error| tf("reading it ended: {}", &[&error.to_string()]))?;
    read.map_err(|error| fault(&error.to_string()))
}

/// What a file holds, before anything is sent.
pub(crate) async fn preview(
    shell: Layout,
    who: Principal,
    Extension(desk): Extension<Arc<SubmissionStore>>,
    Path(token): Path<String>,
) -> Result<Response, HttpError> {
    match desk.preview(&token, &who.name) {
        Some(preview) => show(shell, token, &preview, Vec::new()),
        None => sent_or_gone(&desk, &token, &who),
    }
}

/// Sends the good rows.
pub(crate) async fn confirm<S: ViewStore>(
    State(app): State<AppState<S>>,
    shell: Layout,
    who: Principal,
    Extension(desk): Extension<Arc<SubmissionStore>>,
    Path(token): Path<String>,
) -> Result<Response, HttpError> {
    let Some(file) = desk.preview(&token, &who.name) else {
        return sent_or_gone(&desk, &token, &who);
    };
    if file.events.is_empty() {
        return show(shell, token, &file, Vec::new());
    }
    let what = Message::new("file {}", vec![file.name.clone().into()]);
    match submit(&app, &desk, &who, &token, &what, file.events.to_vec()).await {
        Ok(response) => Ok(response),
        Err(SubmitError::NotSent(message)) => {
            let page = show(shell, token, &file, vec![Notice::not_sent(&message)])?;
            Ok((StatusCode::SERVICE_UNAVAILABLE, page).into_response())
        }
        Err(SubmitError::Unknown) => Err(gone()),
    }
}

/// What became of a file that does not wait any more.
fn sent_or_gone(desk: &SubmissionStore, token: &str, who: &Principal) -> Result<Response, HttpError> {
    desk.submission(token, &who.name).map(|_| see(token)).ok_or_else(gone)
}

fn gone() -> HttpError {
    let detail = "That file is not kept any more: it waits for half an hour, and a restart forgets it.";
    HttpError::new(
        StatusCode::NOT_FOUND,
        "No such upload",
        detail,
        "Nothing of it was sent unless you were told so. Upload it again.",
    )
}

fn show(shell: Layout, token: String, file: &Preview, mut notices: Vec<Notice>) -> Result<Response, HttpError> {
    let summary = file.import.summary();
    notices.extend(summary.unread.iter().map(unread));
    notices.extend(look_alike(summary));
    let shell = Layout { page: "Check before sending", ..shell.at(crate::entry::pages::PATH) };
    let count = |stream| file.events.iter().filter(|event| event.stream == stream).count() as i64;
    let found: Vec<_> = [
        (EventKind::Inventory, key("stock record"), key("stock records")),
        (EventKind::Clients, key("client record"), key("client records")),
        (EventKind::Sales, key("sale"), key("sales")),
    ]
    .into_iter()
    .filter_map(|(stream, one, many)| Some(count(stream)).filter(|n| *n > 0).map(|n| counted(n, one, many)))
    .collect();
    let event = |event: &OutboundEvent| {
        let (text, more) = excerpt(&event.payload, 300);
        (event.stream.name().to_owned(), escape_control(&text) + if more { "…" } else { "" })
    };
    let beyond = summary.bad_rows.saturating_sub(SHOWN_ROWS as u64);
    layout::page(&PreviewPage {
        shell,
        notices,
        token,
        name: file.name.clone(),
        found: if found.is_empty() { t("Nothing that could be sent").into_owned() } else { found.join(", ") },
        bad: counted(summary.bad_rows as i64, "bad row", "bad rows"),
        held: (summary.held_rows > 0).then(|| counted(summary.held_rows as i64, HELD.0, HELD.1)),
        unread: summary.headers.iter().filter_map(unread_columns).collect(),
        tables: summary.headers.iter().filter_map(|header| table(header, &summary.bad)).collect(),
        more: (beyond > 0).then(|| counted(beyond as i64, "more bad row is not shown", "more bad rows are not shown")),
        events: file.events.iter().take(SHOWN_EVENTS).map(event).collect(),
        send: (!file.events.is_empty()).then(|| counted(file.events.len() as i64, "event", "events")),
    })
}

fn unread(sheet: &UnreadSheet) -> Notice {
    Notice {
        tone: if sheet.is_left_out { "warn" } else { "info" },
        title: tf("The sheet {} was not read", &[&escape_control(&sheet.name)]),
        text: sentence(&fault(&escape_control(&sheet.reason))) + ".",
    }
}

/// The ids that may be taken for one another.
fn look_alike(summary: &Summary) -> Option<Notice> {
    let quoted = |id: &String| format!("{id:?}");
    let group = |ids: &[String]| ids.iter().map(quoted).collect::<Vec<_>>().join(", ");
    let shown = summary.alike.iter().take(SHOWN_ALIKE);
    let mut ids: Vec<_> = shown.map(|alike| format!("{} {}", alike.field, group(&alike.ids))).collect();
    let more = summary.alike.len().saturating_sub(SHOWN_ALIKE) as u64 + summary.more_alike;
    if more > 0 {
        ids.push(counted(more as i64, "more that is not shown", "more that are not shown"));
    }
    (!summary.alike.is_empty()).then(|| Notice {
        tone: "warn",
        title: "Ids that look alike are taken as they stand".into(),
        text: tf(
            "They differ only in case or spaces, or have spaces that are not seen, and count as different: {}.",
            &[&ids.join("; ")],
        ),
    })
}

fn unread_columns(header: &Header) -> Option<String> {
    let columns = escape_control(&header.unread.join(", "));
    (!columns.is_empty()).then(|| match &header.sheet {
        Some(sheet) => tf("Columns of sheet {} that hold nothing of an event: {}", &[&escape_control(sheet), &columns]),
        None => tf("Columns that hold nothing of an event: {}", &[&columns]),
    })
}

fn table(header: &Header, bad: &[BadRow]) -> Option<BadTable> {
    let rows: Vec<_> =
        bad.iter().take(SHOWN_ROWS).filter(|row| row.sheet == header.sheet).map(|row| mark(header, row)).collect();
    let caption = match &header.sheet {
        Some(sheet) => tf("Bad rows of sheet {}", &[sheet]),
        None => t("Bad rows").into_owned(),
    };
    let columns = header.columns.iter().map(|column| escape_control(column)).collect();
    (!rows.is_empty()).then_some(BadTable { caption, columns, rows })
}

fn mark(header: &Header, row: &BadRow) -> MarkedRow {
    let reasons = |column: Option<usize>| -> Vec<String> {
        let name = column.and_then(|column| header.columns.get(column)).map_or("", String::as_str);
        row.faults.iter().filter(|fault| fault.column == column).map(|fault| fault_of(name, &fault.reason)).collect()
    };
    let cell = |(column, title): (usize, &String)| {
        let whole = row.cells.get(column).map_or("", String::as_str);
        let mut text: String = escape_control(whole).chars().take(CELL).collect();
        if whole.chars().count() > CELL {
            text.push('…');
        }
        MarkedCell { title: escape_control(title), text, faults: reasons(Some(column)) }
    };
    MarkedRow { line: row.line, whole: reasons(None), cells: header.columns.iter().enumerate().map(cell).collect() }
}
