//! Tables: a column says its title and what it shows of a row, in one place, so that the two cannot drift apart.

use askama::Template;
use stockstream_model::{Day, Timestamp};

use crate::locale::format::{self, decimal, escape_control, instant, whole};

/// A column over rows of a kind.
pub(crate) struct Column<T> {
    pub(crate) title: &'static str,
    kind: ColumnKind,
    cell: fn(&T) -> Cell,
    /// The field that it shows and is ordered by; none where the order is not the reader's.
    pub(crate) field: &'static str,
    /// Whether it is shown only to whoever chose it.
    pub(crate) extra: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ColumnKind {
    Head,
    Text,
    Number,
    Wide,
}

impl<T> Column<T> {
    const fn new(title: &'static str, kind: ColumnKind, cell: fn(&T) -> Cell) -> Self {
        Self { title, kind, cell, field: "", extra: false }
    }

    /// The same, of a field.
    pub(crate) const fn of(self, field: &'static str) -> Self {
        Self { field, ..self }
    }

    /// The same, shown only to whoever chose it.
    pub(crate) const fn extra(self) -> Self {
        Self { extra: true, ..self }
    }

    /// Whether it names the row.
    pub(crate) fn is_head(&self) -> bool {
        self.kind == ColumnKind::Head
    }

    /// The column that names the row.
    pub(crate) const fn head(title: &'static str, cell: fn(&T) -> Cell) -> Self {
        Self::new(title, ColumnKind::Head, cell)
    }

    /// A column of short texts.
    pub(crate) const fn text(title: &'static str, cell: fn(&T) -> Cell) -> Self {
        Self::new(title, ColumnKind::Text, cell)
    }

    /// A column of numbers, aligned by their last digit.
    pub(crate) const fn number(title: &'static str, cell: fn(&T) -> Cell) -> Self {
        Self::new(title, ColumnKind::Number, cell)
    }

    /// A column of long texts, which break.
    pub(crate) const fn wide(title: &'static str, cell: fn(&T) -> Cell) -> Self {
        Self::new(title, ColumnKind::Wide, cell)
    }
}

/// What stands in a cell.
pub(crate) struct Cell {
    body: Body,
    below: Option<String>,
    /// Where there is more of it.
    link: Option<String>,
}

enum Body {
    Nothing,
    Text(String),
    Time { text: String, machine: String },
    Tag { text: String, tone: &'static str },
    Code(String),
    Folded { head: String, text: String },
}

impl Cell {
    /// A text.
    pub(crate) fn text(text: &str) -> Self {
        Self::of(Body::Text(escape_control(text)))
    }

    /// A text, unless it is not known.
    pub(crate) fn maybe(text: Option<&str>) -> Self {
        text.filter(|text| !text.is_empty()).map_or_else(Self::nothing, Self::text)
    }

    /// Text as it came, spaces kept; what is longer than so many characters is folded up behind its beginning.
    pub(crate) fn code(text: &str, head: usize) -> Self {
        let text = escape_control(text);
        match text.char_indices().nth(head) {
            Some((end, _)) => Self::of(Body::Folded { head: text[..end].to_owned(), text }),
            None => Self::of(Body::Code(text)),
        }
    }

    /// A whole number.
    pub(crate) fn whole(number: impl Into<i128>) -> Self {
        Self::of(Body::Text(whole(number)))
    }

    /// A number with two decimals.
    pub(crate) fn decimal(number: f64) -> Self {
        Self::of(Body::Text(decimal(number)))
    }

    /// A number with two decimals, unless it is not known.
    pub(crate) fn maybe_decimal(number: Option<f64>) -> Self {
        number.map_or_else(Self::nothing, Self::decimal)
    }

    /// A time, to the second.
    pub(crate) fn time(at: Timestamp) -> Self {
        Self::of(Body::Time { text: instant(at), machine: at.to_string() })
    }

    /// A day.
    pub(crate) fn day(day: Day) -> Self {
        Self::of(Body::Time { text: format::day(day), machine: day.to_string() })
    }

    /// A word of few, in a tone of the stylesheet.
    pub(crate) fn tag(text: &str, tone: &'static str) -> Self {
        Self::of(Body::Tag { text: escape_control(text), tone })
    }

    /// Nothing is known, or nothing applies.
    pub(crate) const fn nothing() -> Self {
        Self::of(Body::Nothing)
    }

    /// The same with a smaller line below, if it says anything.
    pub(crate) fn with_subtitle(self, below: &str) -> Self {
        Self { below: (!below.is_empty()).then(|| escape_control(below)), ..self }
    }

    /// The same, leading to where there is more of it.
    pub(crate) fn with_link(self, link: String) -> Self {
        Self { link: Some(link), ..self }
    }

    const fn of(body: Body) -> Self {
        Self { body, below: None, link: None }
    }
}

/// A table, ready to be shown.
#[derive(Template)]
#[template(path = "table.html")]
pub(crate) struct Table {
    id: &'static str,
    caption: String,
    titles: Vec<Title>,
    rows: Vec<Vec<Shown>>,
}

struct Title {
    title: &'static str,
    class: &'static str,
    order: Option<Ordering>,
}

/// How rows are ordered by a column, and where they are ordered by it otherwise.
pub(crate) struct Ordering {
    /// Where a click on the title leads.
    pub(crate) link: String,
    /// `ascending` or `descending`, of the column that the rows are ordered by.
    pub(crate) direction: Option<&'static str>,
}

struct Shown {
    title: &'static str,
    class: &'static str,
    head: bool,
    cell: Cell,
}

impl Table {
    /// The rows, shown by the columns. The id is unique on its page.
    pub(crate) fn new<T>(id: &'static str, caption: impl Into<String>, columns: &[Column<T>], rows: &[T]) -> Self {
        let columns: Vec<_> = columns.iter().collect();
        Self::ordered(id, caption, &columns, rows, |_| None)
    }

    /// The same with titles that order the rows.
    pub(crate) fn ordered<T>(
        id: &'static str,
        caption: impl Into<String>,
        columns: &[&Column<T>],
        rows: &[T],
        order: impl Fn(&Column<T>) -> Option<Ordering>,
    ) -> Self {
        let shown = |row: &T, column: &Column<T>| Shown {
            title: column.title,
            class: column.kind.class(),
            head: column.is_head(),
            cell: (column.cell)(row),
        };
        let title =
            |column: &Column<T>| Title { title: column.title, class: column.kind.class(), order: order(column) };
        Self {
            id,
            caption: caption.into(),
            titles: columns.iter().map(|column| title(column)).collect(),
            rows: rows.iter().map(|row| columns.iter().map(|column| shown(row, column)).collect()).collect(),
        }
    }
}

impl ColumnKind {
    const fn class(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Text => "text",
            Self::Number => "number",
            Self::Wide => "wide",
        }
    }
}
