//! Events that were refused, and why.

use axum::{extract::State, response::Response};
use stockstream_model::{Day, documents::RejectedEvent, event::Reason};
use stockstream_store::{RejectedSelect, ViewStore};
use tracing::info;

use super::list::{Filters, ListPage, PER_PAGE, Rows};
use crate::{
    Topics,
    data::{fingerprint::Part, state::AppState},
    error::{BadParameter, HttpError, bad},
    locale::{
        format::{counted, excerpt, whole},
        translate::tf,
    },
    request::query::Parameters,
    ui::{
        components::{EmptyState, Notice, Pager, page_out_of_range},
        layout::Layout,
        table::{Cell, Column, Table},
    },
    views::PageUrl,
};

const PATH: &str = "/rejected-events";
/// Enough of a payload to know it again.
const HEAD_CHARS: usize = 160;
/// The most of a payload that is shown.
const PAYLOAD_CHARS: usize = 4_096;
/// The greatest number that a partition may have.
const MAX_PARTITION: u64 = i32::MAX as u64;

const COLUMNS: &[Column<RejectedEvent>] = &[
    Column::head("Rejected", |row| Cell::time(row.rejected_at)),
    Column::text("Reason", |row| Cell::tag(row.reason.name(), "bad")),
    Column::text("Where", |row| {
        let place = format!("partition {}, offset {}", row.partition, whole(row.offset));
        let again = if row.incarnation > 0 { format!(", incarnation {}", row.incarnation) } else { String::new() };
        Cell::text(&row.topic).with_subtitle(&format!("{place}{again}"))
    }),
    Column::wide("What is wrong", |row| {
        let field = if row.path.is_empty() { String::new() } else { format!("in {}", row.path) };
        Cell::text(&row.message).with_subtitle(&field)
    }),
    Column::wide("Payload", |row| {
        let (text, more) = excerpt(&row.payload, PAYLOAD_CHARS);
        if text.is_empty() {
            return Cell::nothing();
        }
        let size = counted(i64::try_from(row.payload.len()).unwrap_or(i64::MAX), "byte", "bytes");
        Cell::code(&text, HEAD_CHARS).with_subtitle(&if more {
            format!("\u{2026} {size} in all")
        } else {
            String::new()
        })
    }),
];

pub(super) async fn show<S: ViewStore>(
    State(app): State<AppState<S>>,
    shell: Layout,
    query: Parameters,
) -> Result<Response, HttpError> {
    let select = selection(&query)?;
    let address = |page: u64| address(&select, page);
    let page = app.share(Part::Rejected, &select, app.store.rejected_events(select.clone())).await?;
    info!(view = "rejected_events", page = page.page, rows = page.items.len(), "view selected");
    let rows = if let Some(placeholder) = page_out_of_range(&page, address) {
        Rows::None(placeholder)
    } else if page.items.is_empty() && select.narrows() {
        let text = "No rejected event that is still kept is as the filters want it.";
        Rows::None(EmptyState::new("Nothing matches", text).link(PATH.into(), "Clear the filters"))
    } else if page.items.is_empty() {
        Rows::None(empty())
    } else {
        let pager = Pager::new(&page, address, ("event", "events"));
        Rows::Some(Table::new("rejected", "Rejected events, latest first", COLUMNS, &page.items), Some(pager))
    };
    let lead =
        "Events that break their contract. They count in no number; mended and produced again, they do.".to_owned();
    let filters = Some(filters(&select, &app.options.topics));
    let left_out = |searched| {
        let text =
            tf("Only the latest {} events were looked at. Choose days to reach earlier ones.", &[&whole(searched)]);
        Notice::info("Not everything was looked at", &text)
    };
    let notices = page.searched.into_iter().map(left_out).collect();
    ListPage { shell: shell.at(PATH), lead, notices, filters, rows, json: "/api/v1/rejected-events" }.answer()
}

/// What of the rejected events an address asks for.
pub(crate) fn selection(query: &Parameters) -> Result<RejectedSelect, BadParameter> {
    let reason = match query.text("reason") {
        None => None,
        Some(text) => match Reason::ALL.into_iter().find(|reason| reason.name() == text) {
            Some(reason) => Some(reason),
            None => {
                return Err(bad("reason", text, format!("one of {}", Reason::ALL.map(Reason::name).join(", "))));
            }
        },
    };
    let (from, to) = (query.day("from")?, query.day("to")?);
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(bad("from", &from.to_string(), format!("a day up to {to}, which to says")));
    }
    let partition = query.number("partition", 0, MAX_PARTITION)?.map(|partition| partition as i32);
    let topic = query.text("topic").map(str::to_owned);
    Ok(RejectedSelect { reason, topic, partition, from, to, paging: query.paging(PER_PAGE)? })
}

fn address(select: &RejectedSelect, page: u64) -> String {
    let said = [
        ("reason", select.reason.map(|reason| reason.name().to_owned())),
        ("topic", select.topic.clone()),
        ("partition", select.partition.map(|partition| partition.to_string())),
        ("from", select.from.map(|day| day.to_string())),
        ("to", select.to.map(|day| day.to_string())),
        ("page", Some(page.to_string())),
        ("per_page", Some(select.paging.per_page.to_string())),
    ];
    let with = |address: PageUrl, (name, text): (&str, Option<String>)| match text {
        Some(text) => address.with(name, &text),
        None => address,
    };
    said.into_iter().fold(PageUrl::new(PATH), with).to_string()
}

fn filters(select: &RejectedSelect, topics: &Topics) -> Filters {
    let reason = |reason: Reason| (reason.name(), select.reason == Some(reason));
    let topic = |topic: &String| (topic.clone(), select.topic.as_ref() == Some(topic));
    let text = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    let mut offered: Vec<_> = [&topics.sales, &topics.inventory, &topics.clients].map(topic).into();
    if let Some(other) = select.topic.as_ref().filter(|said| !offered.iter().any(|(topic, _)| topic == *said)) {
        offered.push((other.clone(), true));
    }
    Filters {
        reasons: Reason::ALL.map(reason).into(),
        topics: offered,
        partition: select.partition.map(|partition| partition.to_string()).unwrap_or_default(),
        from: text(select.from),
        to: text(select.to),
        all: select.narrows().then_some(PATH),
    }
}

fn empty() -> EmptyState {
    let text = "Every event that was read kept to its contract, or its rejection has expired. Nothing is to be done; \
                an event that breaks the contract will be listed here with what is wrong with it.";
    EmptyState::new("No rejected events", text).link("/".into(), "See how many were read")
}
