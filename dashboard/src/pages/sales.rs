//! Sales over time: revenue, invoices and units by day, over a range of days that the reader chooses.

use askama::Template;
use axum::{extract::State, response::Response};
use stockstream_model::{Day, Timestamp, event::EventKind};
use stockstream_store::ViewStore;
use tracing::info;

use crate::{
    data::{fingerprint::Part, state::AppState},
    error::{BadParameter, HttpError, bad},
    locale::{
        format::{day, decimal, maybe_decimal, whole},
        translate::tf,
    },
    request::query::Parameters,
    ui::{
        chart::{Bucket, Charts, Plot, Total, by_step, fill_gaps},
        components::{EmptyState, Tile},
        layout::{self, Layout},
        table::{Cell, Column, Table},
    },
    views::PageUrl,
};

const PATH: &str = "/charts";
/// The ranges that are offered: what the address says, its name, how many days; none is all.
const RANGES: [(&str, &str, Option<i32>); 5] = [
    ("7d", "7 days", Some(7)),
    ("30d", "30 days", Some(30)),
    ("90d", "90 days", Some(90)),
    ("1y", "1 year", Some(365)),
    ("all", "All", None),
];
/// Where a range may end: what the address says, and its name.
const ENDS: [(&str, &str); 2] = [("last", "up to the last day with sales"), ("today", "up to today")];
/// No sale can be before or after.
const EVER: (i32, i32) = (-25_567, 2_932_896);

/// A range of days as an address says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    /// From a day to a day.
    Days(Day, Day),
    /// One of those offered, by its place, up to one of the ends.
    Offered(usize, usize),
}

impl Range {
    fn of(query: &Parameters, last: Day) -> Result<Self, BadParameter> {
        if query.says("from") || query.says("to") {
            let (from, to) = query.days(last)?;
            return Ok(Self::Days(from, to));
        }
        let range = choice(query, "range", &RANGES.map(|(name, ..)| name), 2)?;
        Ok(Self::Offered(range, choice(query, "until", &ENDS.map(|(name, _)| name), 0)?))
    }

    /// From which day to which; without a beginning, from the first day with sales.
    fn days(self, last: Day, today: Day) -> (Option<Day>, Day) {
        match self {
            Self::Days(from, to) => (Some(from), to),
            Self::Offered(range, end) => {
                let to = if end == 0 { last } else { today };
                (RANGES[range].2.map(|days| Day::from_number(to.number() - days + 1)), to)
            }
        }
    }

    fn address(range: usize, end: usize) -> String {
        PageUrl::new(PATH).with("range", RANGES[range].0).with("until", ENDS[end].0).to_string()
    }

    /// Where the other ranges are: name, address, whether it stands.
    fn ranges(self) -> Vec<(&'static str, String, bool)> {
        let (standing, end) = self.offered();
        let range = |index: usize| (RANGES[index].1, Self::address(index, end), Some(index) == standing);
        (0..RANGES.len()).map(range).collect()
    }

    /// Where the other ends are.
    fn ends(self) -> Vec<(&'static str, String, bool)> {
        let (standing, end) = self.offered();
        let range = standing.unwrap_or(2);
        let other = |index: usize| (ENDS[index].1, Self::address(range, index), standing.is_some() && index == end);
        (0..ENDS.len()).map(other).collect()
    }

    const fn offered(self) -> (Option<usize>, usize) {
        match self {
            Self::Days(..) => (None, 0),
            Self::Offered(range, end) => (Some(range), end),
        }
    }
}

fn choice(query: &Parameters, name: &'static str, all: &[&str], usual: usize) -> Result<usize, BadParameter> {
    let Some(text) = query.text(name) else { return Ok(usual) };
    all.iter().position(|one| *one == text).ok_or_else(|| bad(name, text, format!("one of {}", all.join(", "))))
}

#[derive(Template)]
#[template(path = "sales.html")]
struct SalesPage {
    shell: Layout,
    lead: String,
    ranges: Vec<(&'static str, String, bool)>,
    ends: Vec<(&'static str, String, bool)>,
    from: Day,
    to: Day,
    placeholder: Option<EmptyState>,
    tiles: Vec<Tile>,
    charts: Option<Charts>,
    json: String,
}

/// The last day that has a sale. It may lie years back: what was loaded from history is found without knowing when it was.
pub(crate) async fn last_day<S: ViewStore>(app: &AppState<S>) -> Result<Option<Day>, HttpError> {
    let last = async {
        let pulse = app.store.pulse().await?;
        let sales = pulse.checkpoints.iter().filter(|checkpoint| checkpoint.id.stream == EventKind::Sales);
        Ok(sales.filter_map(|checkpoint| checkpoint.latest_event).max().map(Timestamp::day))
    };
    app.share(Part::Sales, "last day", last).await
}

pub(super) async fn show<S: ViewStore>(
    State(app): State<AppState<S>>,
    shell: Layout,
    query: Parameters,
) -> Result<Response, HttpError> {
    let last = last_day(&app).await?;
    let today = Timestamp::now().day();
    let range = Range::of(&query, last.unwrap_or(today))?;
    let (from, to) = range.days(last.unwrap_or(today), today);
    let first = from.unwrap_or(Day::from_number(EVER.0));
    let rows = app.share(Part::Sales, (first, to), app.store.sales_daily(first, to)).await?;
    info!(view = "sales", days = rows.len(), "view selected");
    let from = from.or(rows.first().map(|row| row.day)).unwrap_or(to);
    let days = fill_gaps(&rows, from, to);
    let placeholder = rows.is_empty().then(|| match last {
        None => EmptyState::new("No sales yet", "Sales appear here as soon as the first one was counted. Produce one:")
            .producing(vec![("sales", app.options.topics.sales.clone())]),
        Some(last) => EmptyState::new("No sales in these days", &tf("The last sale was on {}.", &[&day(last)]))
            .link(Range::address(2, 0), "Show the last 90 days with sales"),
    });
    layout::page(&SalesPage {
        shell: shell.at(PATH),
        lead: format!("{} \u{2013} {}", day(from), day(to)),
        ranges: range.ranges(),
        ends: range.ends(),
        from,
        to,
        placeholder,
        tiles: tiles(&days),
        charts: (!rows.is_empty()).then(|| charts(&days)),
        json: PageUrl::new("/api/v1/sales-daily")
            .with("from", &from.to_string())
            .with("to", &to.to_string())
            .to_string(),
    })
}

fn tiles(days: &[Total]) -> Vec<Tile> {
    let revenue: f64 = days.iter().map(|day| day.revenue).sum::<f64>() + 0.0;
    let invoices: i64 = days.iter().map(|day| day.invoices).sum();
    let units: i64 = days.iter().map(|day| day.units).sum();
    let mean = maybe_decimal((invoices > 0).then(|| revenue / invoices as f64));
    vec![
        Tile::new("Revenue", decimal(revenue), ""),
        Tile::new("Invoices", whole(invoices), ""),
        Tile::new("Units sold", whole(units), "returns deducted"),
        Tile::new("Mean sale", mean, "per invoice"),
    ]
}

/// A step with what a table shows of it.
struct Row(Bucket, Total);

const COLUMNS: &[Column<Row>] = &[
    Column::head("Day", |Row(step, total)| match step {
        Bucket::Day | Bucket::Week => Cell::day(total.day),
        Bucket::Month => {
            Cell::text(&step.title(total.day, crate::request::context::RequestContext::current().choice.language))
        }
    }),
    Column::number("Revenue", |Row(_, total)| Cell::decimal(total.revenue)),
    Column::number("Invoices", |Row(_, total)| Cell::whole(total.invoices)),
    Column::number("Units sold", |Row(_, total)| Cell::whole(total.units)),
];

/// The charts of days without gaps.
pub(super) fn charts(days: &[Total]) -> Charts {
    let step = Bucket::over(days.len() as i64);
    let totals = by_step(days, step);
    let points = |of: fn(&Total) -> f64| totals.iter().map(|total| (total.day, of(total))).collect::<Vec<_>>();
    let count = |number: f64| whole(number as i64);
    let plots = vec![
        Plot::new("revenue", "Revenue", step, &points(|total| total.revenue), decimal),
        Plot::new("invoices", "Invoices", step, &points(|total| total.invoices as f64), count),
        Plot::new("units", "Units sold", step, &points(|total| total.units as f64), count),
    ];
    let rows: Vec<_> = totals.iter().rev().map(|total| Row(step, *total)).collect();
    Charts { plots, table: Table::new("days", step.name(), COLUMNS, &rows) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::query::tests::parameters;

    fn days(pairs: &[(&str, &str)]) -> String {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let (last, today) = (day("2011-07-31"), day("2026-05-01"));
        let (from, to) = Range::of(&parameters(pairs), last).unwrap().days(last, today);
        format!("{} {to}", from.map_or("first".to_owned(), |from| from.to_string()))
    }

    #[test]
    fn ranges_end_with_the_last_sale_or_today_or_where_the_reader_says() {
        assert_eq!(days(&[]), "2011-05-03 2011-07-31");
        assert_eq!(days(&[("range", "7d")]), "2011-07-25 2011-07-31");
        assert_eq!(days(&[("range", "1y"), ("until", "today")]), "2025-05-02 2026-05-01");
        assert_eq!(days(&[("range", "all")]), "first 2011-07-31");
        assert_eq!(days(&[("from", "2011-01-01"), ("to", "2011-01-31"), ("range", "7d")]), "2011-01-01 2011-01-31");
        assert_eq!(days(&[("from", ""), ("to", ""), ("range", "30d")]), "2011-07-02 2011-07-31");
    }

    #[test]
    fn a_range_that_is_none_is_named_with_those_there_are() {
        let error = Range::of(&parameters(&[("range", "2w")]), Day::from_number(0)).unwrap_err();
        assert_eq!((error.parameter.as_ref(), error.allowed.as_str()), ("range", "one of 7d, 30d, 90d, 1y, all"));
    }
}
