//! What became of a submission: where its events are, and whether they are counted.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use askama::Template;
use axum::{Extension, extract::Path, http::StatusCode, response::Response};
use stockstream_model::{documents::PartitionId, event::EventKind};

use crate::{
    auth::Principal,
    entry::submission_store::{Counted, Sent, State, SubmissionStore},
    error::HttpError,
    locale::{
        format::{counted, instant, tenths, whole},
        translate::{key, t, tf},
    },
    ui::{
        components::Notice,
        layout::{self, Layout},
        table::{Cell, Column, Table},
    },
};

/// How many events are told apart; more are told by partition alone.
const EACH: usize = 50;
/// After what time a page that still waits says what may be wrong.
const LONG: Duration = Duration::from_secs(20);

#[derive(Template)]
#[template(path = "enter_sent.html")]
struct SentPage {
    shell: Layout,
    notices: Vec<Notice>,
    what: String,
    at: String,
    tables: Vec<Table>,
    waits: bool,
}

/// A range of offsets, or an event, and whether it is counted.
struct Row {
    name: String,
    link: Option<String>,
    topic: String,
    place: String,
    events: i64,
    state: DeliveryState,
}

enum DeliveryState {
    Counted(Duration),
    Waiting,
    Unacknowledged,
}

const BY_PARTITION: &[Column<Row>] = &[
    Column::head("Topic", |row| Cell::text(&row.topic).with_subtitle(&row.place)),
    Column::number("Events", |row| Cell::whole(row.events)),
    Column::text("State", state),
];

const BY_EVENT: &[Column<Row>] = &[
    Column::head("Event", |row| {
        let cell = Cell::text(&row.name);
        row.link.clone().map_or_else(|| Cell::text(&row.name), |link| cell.with_link(link))
    }),
    Column::text("Topic", |row| Cell::text(&row.topic).with_subtitle(&row.place)),
    Column::text("State", state),
];

fn state(row: &Row) -> Cell {
    match row.state {
        DeliveryState::Counted(after) => {
            Cell::tag(&tf("counted after {} s", &[&tenths(after.as_secs_f64().max(0.1))]), "good")
        }
        DeliveryState::Waiting => Cell::tag(key("waiting to be counted"), "warn"),
        DeliveryState::Unacknowledged => Cell::tag(key("not acknowledged"), "bad"),
    }
}

/// What became of it; the page asks again by itself until all is counted.
pub(crate) async fn show(
    shell: Layout,
    who: Principal,
    Extension(desk): Extension<Arc<SubmissionStore>>,
    Path(token): Path<String>,
) -> Result<Response, HttpError> {
    let Some(submission) = desk.submission(&token, &who.name) else {
        let detail = "Nothing is known of that submission: another reader sent it, or it was forgotten.";
        let advice = "What was sent stays sent; look for it in the views.";
        return Err(HttpError::new(StatusCode::NOT_FOUND, "No such submission", detail, advice));
    };
    let mut notices = Vec::new();
    let (waits, tables, page) = match &submission.state {
        State::Sending => (true, Vec::new(), key("On its way")),
        State::Sent { events, counted, problem } => {
            let waits = !counted.all();
            if let Some(problem) = problem {
                notices.push(doubt(&problem.message, events));
            }
            if waits && counted.since() > LONG {
                notices.push(slow());
            }
            let page = match (problem, waits) {
                (Some(_), _) => key("Not all was acknowledged"),
                (None, true) => key("Sent"),
                (None, false) => key("Sent and counted"),
            };
            (waits, tables(events, counted), page)
        }
    };
    let shell = Layout { page, refresh: waits.then_some(1), ..shell.at(crate::entry::pages::PATH) };
    layout::page(&SentPage { shell, notices, what: submission.what.here(), at: instant(submission.at), tables, waits })
}

fn tables(events: &[Sent], counted: &Counted) -> Vec<Table> {
    let mut ranges: BTreeMap<(EventKind, &str, i32), (i64, i64, i64)> = BTreeMap::new();
    for (event, receipt) in events.iter().filter_map(|event| Some((event, event.receipt.as_ref()?))) {
        let place = (event.stream, receipt.topic.as_str(), receipt.partition);
        let range = ranges.entry(place).or_insert((receipt.offset, receipt.offset, 0));
        *range = (range.0.min(receipt.offset), range.1.max(receipt.offset), range.2 + 1);
    }
    let rows: Vec<_> = ranges
        .into_iter()
        .map(|((stream, topic, partition), (from, to, events))| Row {
            name: String::new(),
            link: None,
            topic: topic.to_owned(),
            place: match from == to {
                true => tf("partition {}, offset {}", &[&partition.to_string(), &whole(from)]),
                false => tf("partition {}, offsets {} to {}", &[&partition.to_string(), &whole(from), &whole(to)]),
            },
            events,
            state: standing(counted, stream, partition),
        })
        .collect();
    let caption = crate::locale::format::counted(events.len() as i64, "event", "events");
    let mut tables = Vec::new();
    if events.len() <= EACH {
        let each: Vec<_> = events.iter().map(|event| each(event, counted)).collect();
        tables.push(Table::new("events", caption, BY_EVENT, &each));
    } else {
        tables.push(Table::new("partitions", tf("{}, by partition", &[&caption]), BY_PARTITION, &rows));
    }
    tables
}

fn each(event: &Sent, counted: &Counted) -> Row {
    let (kind, link) = match event.stream {
        EventKind::Sales => (key("Sale"), None),
        EventKind::Inventory => (key("Product"), Some("/product")),
        EventKind::Clients => (key("Client"), Some("/client")),
    };
    let query = || form_urlencoded::Serializer::new(String::new()).append_pair("id", &event.key).finish();
    let receipt = event.receipt.as_ref();
    Row {
        name: format!("{} {}", t(kind), event.key),
        link: link.map(|path| format!("{path}?{}", query())),
        topic: receipt.map_or_else(String::new, |receipt| receipt.topic.clone()),
        place: receipt
            .map_or_else(String::new, |r| tf("partition {}, offset {}", &[&r.partition.to_string(), &whole(r.offset)])),
        events: 1,
        state: receipt.map_or(DeliveryState::Unacknowledged, |r| standing(counted, event.stream, r.partition)),
    }
}

fn standing(counted: &Counted, stream: EventKind, partition: i32) -> DeliveryState {
    counted
        .after
        .get(&PartitionId { stream, partition })
        .map_or(DeliveryState::Waiting, |after| DeliveryState::Counted(*after))
}

fn doubt(message: &str, events: &[Sent]) -> Notice {
    let missing = events.iter().filter(|event| event.receipt.is_none()).count() as i64;
    let missing = counted(missing, "event was not acknowledged", "events were not acknowledged");
    Notice {
        tone: "bad",
        title: missing,
        text: tf(
            "{}. Kafka may have taken them all the same: look for them in the views before you enter them again, or they \
             may count twice.",
            &[&crate::locale::format::sentence(message)],
        ),
    }
}

fn slow() -> Notice {
    Notice {
        tone: "warn",
        title: "It takes longer than usual".into(),
        text: key(
            "The events are safe in Kafka. They count as soon as a worker reads them: the status page says whether one \
             runs and how much waits before them.",
        )
        .into(),
    }
}
