//! The tables of the status page.

use stockstream_model::{
    Timestamp,
    documents::{Cause, LostRange, ViewCondition, ViewState},
};

use crate::{
    data::overview::{Overview, Partition, Worker},
    locale::{
        format::{counted, instant, relative_time, whole},
        translate::{key, t, tf},
    },
    ui::{
        components::view_title,
        table::{Cell, Column, Table},
    },
};

/// A row with the time at which it was read, which ages are counted to.
struct At<T> {
    row: T,
    now: Timestamp,
}

/// All of them that have rows.
pub(super) fn all(overview: &Overview) -> Vec<Table> {
    let now = overview.freshness.read_at;
    let views: Vec<_> = overview.views.iter().cloned().map(|row| At { row, now }).collect();
    let workers: Vec<_> = overview.workers.iter().cloned().map(|row| At { row, now }).collect();
    let reasons: Vec<_> =
        overview.events.rejected_by_reason.iter().map(|(reason, count)| (reason.clone(), *count)).collect();
    let mut tables = vec![Table::new("views", "Views", VIEWS, &views)];
    if !workers.is_empty() {
        tables.push(Table::new("workers", "Workers", WORKERS, &workers));
    }
    if !overview.partitions.is_empty() {
        tables.push(Table::new("partitions", "Partitions", PARTITIONS, &overview.partitions));
    }
    let lost: Vec<_> = overview.partitions.iter().flat_map(lost_of).collect();
    if !lost.is_empty() {
        tables.push(Table::new("lost", "Offsets that Kafka lost", LOST, &lost));
    }
    if !reasons.is_empty() {
        tables.push(Table::new(
            "reasons",
            "The latest 10,000 rejected events that are still kept, by reason",
            REASONS,
            &reasons,
        ));
    }
    tables
}

fn when(at: Option<Timestamp>, now: Timestamp) -> Cell {
    at.map_or_else(Cell::nothing, |at| Cell::time(at).with_subtitle(&relative_time(at, now)))
}

const VIEWS: &[Column<At<ViewState>>] = &[
    Column::head("View", |at| Cell::text(&t(view_title(at.row.view))).with_subtitle(at.row.view.name())),
    Column::text("State", |at| {
        let since = at.row.since.map(|since| tf("since {}", &[&instant(since)])).unwrap_or_default();
        match at.row.condition {
            ViewCondition::Published => Cell::tag("published", "good"),
            ViewCondition::Kept => Cell::tag("kept", "warn"),
            ViewCondition::Empty => Cell::tag("empty", "dull"),
        }
        .with_subtitle(&since)
    }),
    Column::wide("Why", |at| Cell::maybe(at.row.why.as_deref())),
    Column::number("Rows", |at| Cell::whole(at.row.rows)),
    Column::text("Published", |at| when(at.row.published_at, at.now)),
    Column::text("Checked", |at| when(at.row.checked_at, at.now)),
    Column::text("Days counted to", |at| at.row.as_of.map_or_else(Cell::nothing, Cell::day)),
];

const WORKERS: &[Column<At<Worker>>] = &[
    Column::head("Worker", |at| {
        let role = if at.row.publisher { t("publishes the views") } else { "".into() };
        Cell::text(&at.row.worker).with_subtitle(&role)
    }),
    Column::text("Sign of life", |at| when(Some(at.row.at), at.now)),
    Column::number("Events a second", |at| Cell::decimal(at.row.events_per_second)),
    Column::number("Freshness", |at| match at.row.freshness_ms {
        Some(millis) => Cell::text(&format!("{} ms", whole(millis))),
        None => Cell::text(&t("unknown")),
    }),
    Column::wide("Partitions", |at| Cell::maybe(Some(&at.row.partitions.join(", ")))),
    Column::text("Problems", |at| match at.row.problems.len() {
        0 => Cell::nothing(),
        count => Cell::tag(&counted(count as i64, "problem", "problems"), "bad"),
    }),
    Column::number("Settings", |at| Cell::whole(at.row.generation)),
    Column::text("Started", |at| when(Some(at.row.started_at), at.now)),
];

const PARTITIONS: &[Column<Partition>] = &[
    Column::head("Partition", |row| {
        let again = if row.incarnation > 0 { format!("incarnation {}", row.incarnation) } else { String::new() };
        Cell::text(&format!("{}/{}", row.stream, row.partition)).with_subtitle(&again)
    }),
    Column::number("Next offset", |row| Cell::whole(row.next)),
    Column::number("Being applied", |row| match row.pending {
        Some(end) => Cell::text(&tf("up to {}", &[&whole(end)])),
        None => Cell::nothing(),
    }),
    Column::number("Log end", |row| maybe_known(row.log_end)),
    Column::number("Lag", |row| maybe_known(row.lag)),
    Column::number("Events", |row| Cell::whole(row.events)),
    Column::number("Rejected", |row| Cell::whole(row.rejected)),
    Column::text("Worker", |row| Cell::maybe(row.worker.as_deref())),
];

/// The ranges of a partition, newest first, each with the partition's name.
fn lost_of(of: &Partition) -> impl Iterator<Item = (String, LostRange)> {
    of.lost.iter().rev().map(|range| (format!("{}/{}", of.stream, of.partition), *range))
}

const LOST: &[Column<(String, LostRange)>] = &[
    Column::head("Partition", |(partition, lost)| {
        let again = if lost.incarnation > 0 { format!("incarnation {}", lost.incarnation) } else { String::new() };
        Cell::text(partition).with_subtitle(&again)
    }),
    Column::number("From", |(_, lost)| Cell::whole(lost.from)),
    Column::number("To, not included", |(_, lost)| Cell::whole(lost.to)),
    Column::text("Cause", |(_, lost)| {
        lost.cause.map_or_else(|| Cell::text(&t("unknown")), |cause| Cell::text(&t(cause_name(cause))))
    }),
];

/// What happened to a log, in a few words.
fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Deleted => key("deleted before it was read"),
        Cause::Truncated => key("the log was cut"),
        Cause::Recreated => key("the topic or the cluster is another"),
        Cause::Returned => key("a replaced topic or cluster came back"),
    }
}

fn maybe_known(number: Option<i64>) -> Cell {
    number.map_or_else(|| Cell::text(&t("unknown")), Cell::whole)
}

const REASONS: &[Column<(String, i64)>] =
    &[Column::head("Reason", |row| Cell::tag(&row.0, "bad")), Column::number("Events", |row| Cell::whole(row.1))];
