//! Days without gaps, and days put together where there are too many to tell apart.

use stockstream_model::{Day, documents::DailyRow};

use crate::locale::language::Language;

/// So many bars can be told apart.
const MAX_BARS: i64 = 120;

/// What a bar stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bucket {
    /// A day.
    Day,
    /// A week, from Monday.
    Week,
    /// A calendar month.
    Month,
}

impl Bucket {
    /// The finest in which so many days can be told apart.
    pub(crate) fn over(days: i64) -> Self {
        match days {
            ..=MAX_BARS => Self::Day,
            _ if days <= MAX_BARS * 7 => Self::Week,
            _ => Self::Month,
        }
    }

    /// Its name for people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Day => "Day",
            Self::Week => "Week from",
            Self::Month => "Month",
        }
    }

    /// What the step is called that begins with that day.
    pub(crate) fn title(self, day: Day, language: Language) -> String {
        let text = language.day(day);
        match (self, language) {
            (Self::Day | Self::Week, _) => text,
            (Self::Month, Language::English) => text.get(..7).unwrap_or(&text).to_owned(),
            (Self::Month, _) => text.get(3..).unwrap_or(&text).to_owned(),
        }
    }

    /// The first day of the step that a day is in.
    fn first(self, day: Day) -> Day {
        match self {
            Self::Day => day,
            // Day 0, the first of January 1970, was a Thursday.
            Self::Week => Day::from_number(day.number() - (day.number() + 3).rem_euclid(7)),
            Self::Month => {
                let text = day.to_string();
                text.get(..text.len() - 2).and_then(|month| format!("{month}01").parse().ok()).unwrap_or(day)
            }
        }
    }
}

/// What was sold in a step that begins with a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Total {
    pub(crate) day: Day,
    pub(crate) invoices: i64,
    pub(crate) units: i64,
    pub(crate) revenue: f64,
}

/// Every day from one to another, those without sales too.
pub(crate) fn fill_gaps(rows: &[DailyRow], from: Day, to: Day) -> Vec<Total> {
    let mut rows = rows.iter().filter(|row| (from..=to).contains(&row.day)).peekable();
    let mut totals = Vec::new();
    for number in from.number()..=to.number() {
        let day = Day::from_number(number);
        let row = rows.next_if(|row| row.day == day);
        totals.push(match row {
            Some(row) => Total { day, invoices: row.invoices, units: row.units, revenue: row.revenue },
            None => Total { day, invoices: 0, units: 0, revenue: 0.0 },
        });
    }
    totals
}

/// Days put together by step; the first and the last may be parts of theirs.
pub(crate) fn by_step(days: &[Total], step: Bucket) -> Vec<Total> {
    let mut totals: Vec<Total> = Vec::new();
    for day in days {
        let first = step.first(day.day);
        match totals.last_mut().filter(|total| total.day == first) {
            Some(total) => {
                total.invoices += day.invoices;
                total.units += day.units;
                total.revenue += day.revenue;
            }
            None => totals.push(Total { day: first, ..*day }),
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn row(text: &str, units: i64) -> DailyRow {
        DailyRow { day: day(text), invoices: 1, units, revenue: units as f64 * 2.0 }
    }

    #[test]
    fn days_without_sales_are_there_too() {
        let rows = [row("2026-01-30", 3), row("2026-02-02", 4), row("2026-03-01", 9)];
        let units: Vec<_> =
            fill_gaps(&rows, day("2026-01-29"), day("2026-02-02")).iter().map(|day| day.units).collect();
        assert_eq!(units, [0, 3, 0, 0, 4]);
        assert!(fill_gaps(&rows, day("2026-02-02"), day("2026-02-01")).is_empty());
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_their_first() {
        let days = fill_gaps(
            &[row("2026-01-31", 3), row("2026-02-01", 4), row("2026-02-02", 5)],
            day("2026-01-31"),
            day("2026-02-02"),
        );
        let steps =
            |step| by_step(&days, step).iter().map(|total| (total.day.to_string(), total.units)).collect::<Vec<_>>();
        assert_eq!(steps(Bucket::Week), [("2026-01-26".to_owned(), 7), ("2026-02-02".to_owned(), 5)]);
        assert_eq!(steps(Bucket::Month), [("2026-01-01".to_owned(), 3), ("2026-02-01".to_owned(), 9)]);
    }

    #[test]
    fn many_days_are_put_together() {
        assert_eq!(
            [1, 120, 121, 840, 841].map(Bucket::over),
            [Bucket::Day, Bucket::Day, Bucket::Week, Bucket::Week, Bucket::Month]
        );
    }

    #[test]
    fn a_month_has_no_day() {
        let title = |language| Bucket::Month.title(day("2026-02-01"), language);
        assert_eq!(Language::ALL.map(title), ["2026-02", "02/2026", "02.2026"]);
    }
}
