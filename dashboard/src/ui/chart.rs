//! Charts over time, drawn at the server: bars by day, with every number in a table too. Pure.

use askama::Template;
use stockstream_model::Day;

pub(crate) use crate::ui::chart_days::{Bucket, Total, by_step, fill_gaps};
use crate::{
    locale::format::whole,
    request::context::RequestContext,
    ui::{chart_scale::Scale, table::Table},
};

/// The height of the drawing, in its own units; it is stretched to its place.
const HEIGHT: f64 = 100.0;
/// The width of a bar's place.
const WIDTH: f64 = 10.0;

/// A chart over time, ready to be shown.
#[derive(Template)]
#[template(path = "plot.html")]
pub(crate) struct Plot {
    id: &'static str,
    title: &'static str,
    /// What it shows, for who does not see it.
    description: String,
    width: f64,
    /// The marks of the scale, highest first.
    marks: Vec<String>,
    /// The heights of the lines of the scale.
    lines: Vec<String>,
    zero: String,
    bars: Vec<Mark>,
    /// Days below it, evenly spread.
    days: Vec<String>,
}

/// A bar.
struct Mark {
    x: String,
    y: String,
    height: String,
    /// What it stands for.
    says: String,
    tone: &'static str,
}

/// Several charts of the same days, and the table of their numbers.
pub(crate) struct Charts {
    pub(crate) plots: Vec<Plot>,
    pub(crate) table: Table,
}

impl Plot {
    /// A bar for every point, by the day that it begins with. The id is unique on its page.
    pub(crate) fn new(
        id: &'static str,
        title: &'static str,
        step: Bucket,
        points: &[(Day, f64)],
        number: impl Fn(f64) -> String,
    ) -> Self {
        let scale = Scale::over(points.iter().map(|(_, value)| *value));
        let y = |value: f64| scale.height(value) * HEIGHT;
        let language = RequestContext::current().choice.language;
        let mark = |at: f64| if at.fract() == 0.0 { whole(at as i64) } else { number(at) };
        let bar = |(index, (day, value)): (usize, &(Day, f64))| {
            let (top, bottom) = (y(value.max(0.0)), y(value.min(0.0)));
            Mark {
                x: plain(index as f64 * WIDTH),
                y: plain(top),
                height: plain(bottom - top),
                says: format!("{}: {}", step.title(*day, language), number(*value)),
                tone: if *value < 0.0 { "bad" } else { "" },
            }
        };
        let highest_role = points.iter().max_by(|one, other| one.1.total_cmp(&other.1));
        let description = match (points.first(), points.last(), highest_role) {
            (Some(first), Some(last), Some(highest_role)) => format!(
                "{} \u{2013} {}; max. {}: {}",
                step.title(first.0, language),
                step.title(last.0, language),
                step.title(highest_role.0, language),
                number(highest_role.1),
            ),
            _ => String::new(),
        };
        Self {
            id,
            title,
            description,
            width: points.len().max(1) as f64 * WIDTH,
            marks: scale.marks().rev().map(mark).collect(),
            lines: scale.marks().map(|mark| plain(y(mark))).collect(),
            zero: plain(y(0.0)),
            bars: points.iter().enumerate().map(bar).collect(),
            days: labels(points.len()).map(|index| step.title(points[index].0, language)).collect(),
        }
    }
}

/// Which of so many points have their day below them: the first, the last, and some between at equal distances.
fn labels(points: usize) -> impl Iterator<Item = usize> {
    let parts = match points {
        0..3 => 1,
        3..20 => 2,
        _ => 4,
    };
    let shown = if points < 2 { points } else { parts + 1 };
    (0..shown).map(move |part| part * (points - 1) / parts)
}

/// A length as SVG reads it.
fn plain(length: f64) -> String {
    format!("{:.2}", length + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(values: &[f64]) -> Plot {
        let day = |index: usize| Day::from_number(15_000 + index as i32);
        let points: Vec<_> = values.iter().enumerate().map(|(index, value)| (day(index), *value)).collect();
        Plot::new("p", "Units", Bucket::Day, &points, |number| number.to_string())
    }

    #[test]
    fn bars_stand_on_zero_and_returns_hang_from_it() {
        let plot = plot(&[10.0, -10.0, 0.0]);
        let bars: Vec<_> = plot.bars.iter().map(|bar| (&*bar.x, &*bar.y, &*bar.height, bar.tone)).collect();
        assert_eq!(
            bars,
            [("0.00", "0.00", "50.00", ""), ("10.00", "50.00", "50.00", "bad"), ("20.00", "50.00", "0.00", "")]
        );
        assert_eq!((plot.zero.as_str(), plot.width), ("50.00", 30.0));
    }

    #[test]
    fn every_bar_says_its_day_and_number_and_the_drawing_the_greatest() {
        let text = plot(&[1.0, 7.0, 3.0]).render().unwrap();
        for part in ["<title>2011-01-27: 1</title>", "role=\"img\"", "2011-01-26", "max. 2011-01-27: 7"] {
            let part = part.replace("2011-01-27: 1", "2011-01-26: 1");
            assert!(text.contains(&part), "{part}: {text}");
        }
        assert_eq!(text.matches("<title").count(), 4);
    }

    #[test]
    fn a_chart_of_nothing_is_drawn_too() {
        assert_eq!((plot(&[]).bars.len(), plot(&[]).days.len()), (0, 0));
        assert_eq!(plot(&[0.0, 0.0]).zero, "100.00");
    }

    #[test]
    fn the_first_and_the_last_day_are_always_named() {
        let shown = |points| labels(points).collect::<Vec<_>>();
        assert_eq!((shown(0), shown(1), shown(2)), (vec![], vec![0], vec![0, 1]));
        assert_eq!((shown(7), shown(90)), (vec![0, 3, 6], vec![0, 22, 44, 66, 89]));
    }
}
