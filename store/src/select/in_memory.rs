//! Selecting from rows that are in memory: all of the store in memory, and what the ranking is in either.

use std::cmp::Ordering;

use stockstream_model::documents::{Field, Kind, Value};

use crate::{
    Page,
    select::{Select, Selectable, Test},
};

impl<R: Selectable> Select<R> {
    /// The rows that are wanted, of all there are.
    pub fn pick(&self, rows: Vec<R>) -> Page<R> {
        let (rows, searched) = self.matching(rows);
        self.part_of(rows, searched)
    }

    /// The part that is wanted of what [`matching`](Self::matching) found.
    pub fn part_of(&self, mut rows: Vec<R>, searched: Option<u64>) -> Page<R> {
        let (field, as_wanted_first) = self.order();
        rows.sort_by(|a, b| compare(field, a, b));
        if !as_wanted_first {
            rows.reverse();
        }
        Page { searched, ..self.paging.part(rows) }
    }

    /// The rows that match, whichever part is wanted; and how many were looked at, if not all.
    pub fn matching(&self, mut rows: Vec<R>) -> (Vec<R>, Option<u64>) {
        let own = R::own_order().field;
        let searched = self.retain_scanned(&mut rows, |a, b| compare(own, a, b));
        rows.retain(|row| self.filters.iter().all(|filter| passes(&filter.test, filter.field.of(row))));
        if !self.search.is_empty() {
            rows.retain(|row| self.search.is_in(&texts(row)));
        }
        (rows, searched)
    }
}

fn texts<R: Selectable>(row: &R) -> Vec<&str> {
    let text = |name: &&str| match R::field(name)?.of(row) {
        Value::Text(text) => Some(text),
        _ => None,
    };
    R::SEARCHED.iter().filter_map(text).collect()
}

pub(super) fn passes(test: &Test, value: Value) -> bool {
    fn between<T: PartialOrd + Copy>(value: T, min: Option<T>, max: Option<T>) -> bool {
        min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max)
    }
    match (test, value) {
        (Test::OneOf(texts), Value::Text(text)) => texts.iter().any(|one| one == text),
        (Test::Is(wanted), Value::Flag(flag)) => *wanted == flag,
        (Test::Between(min, max), Value::Whole(number)) => between(number as f64, *min, *max),
        (Test::Between(min, max), Value::Number(number)) => between(number, *min, *max),
        (Test::Within(from, to), Value::Time(at)) => between(at, *from, *to),
        _ => false,
    }
}

/// Rows in the direction of the field that people want first.
fn compare<R: Selectable>(field: &'static Field<R>, a: &R, b: &R) -> Ordering {
    let order = values(field.kind, field.of(a), field.of(b));
    let order = if field.greatest_first { order.reverse() } else { order };
    let own = R::own_order().field;
    match order {
        // Within a word of few, the view's own order goes on.
        Ordering::Equal if R::is_word(field) => compare(own, a, b),
        order => order.then_with(|| a.by_key(b)),
    }
}

/// As the database orders values: nothing first, texts by their bytes.
fn values(kind: Kind, a: Value, b: Value) -> Ordering {
    match (a, b) {
        (Value::Nothing, Value::Nothing) => Ordering::Equal,
        (Value::Nothing, _) => Ordering::Less,
        (_, Value::Nothing) => Ordering::Greater,
        (Value::Text(a), Value::Text(b)) => match kind {
            Kind::Word(words) => {
                let rank = |word: &str| words.iter().position(|one| *one == word);
                rank(a).cmp(&rank(b))
            }
            _ => a.cmp(b),
        },
        (Value::Whole(a), Value::Whole(b)) => a.cmp(&b),
        // Plus zero: to the server, the two zeros are equal.
        (Value::Number(a), Value::Number(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
        (Value::Flag(a), Value::Flag(b)) => a.cmp(&b),
        (Value::Time(a), Value::Time(b)) => a.cmp(&b),
        _ => Ordering::Equal,
    }
}
