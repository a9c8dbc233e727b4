//! Parts that pages share: notices, placeholders, pagers.

use stockstream_model::documents::{View, ViewCondition, ViewState};
use stockstream_store::{Page, Paging};

use crate::{
    Topics,
    locale::{
        format::{counted, escape_control, instant, named, relative_time, whole},
        translate::{t, tf},
    },
    request::url::PageUrl,
    ui::table::Cell,
};

/// Something a reader should know before reading on.
pub(crate) struct Notice {
    /// Its tone, a class of the stylesheet: `info`, `warn` or `bad`.
    pub(crate) tone: &'static str,
    pub(crate) title: String,
    pub(crate) text: String,
}

impl Notice {
    /// Something to know.
    pub(crate) fn info(title: &str, text: &str) -> Self {
        Self { tone: "info", title: title.into(), text: text.into() }
    }

    /// That a view shows an older result, why and since when.
    pub(crate) fn kept(state: &ViewState, now: stockstream_model::Timestamp) -> Option<Self> {
        (state.condition == ViewCondition::Kept).then(|| {
            let (view, why) =
                (t(view_title(state.view)), t(state.why.as_deref().unwrap_or("the newest result was empty")));
            let title = match state.since {
                Some(at) => tf("{} kept since {} UTC ({})", &[&view, &instant(at), &relative_time(at, now)]),
                None => tf("{} kept", &[&view]),
            };
            let text = tf("The rows are those of an earlier result. Why: {}", &[&why]);
            Self { tone: "warn", title, text }
        })
    }
}

/// A number that stands alone.
pub(crate) struct Tile {
    pub(crate) title: &'static str,
    pub(crate) number: String,
    pub(crate) below: String,
    /// Where there is more of it.
    pub(crate) link: Option<&'static str>,
    /// Whether it is words and not a number.
    pub(crate) is_text: bool,
}

impl Tile {
    pub(crate) fn new(title: &'static str, number: impl Into<String>, below: impl Into<String>) -> Self {
        Self { title, number: escape_control(&number.into()), below: below.into(), link: None, is_text: false }
    }

    pub(crate) fn link(self, link: &'static str) -> Self {
        Self { link: Some(link), ..self }
    }

    /// The same, of words.
    pub(crate) fn textual(self) -> Self {
        Self { is_text: true, ..self }
    }
}

/// What a view is called.
pub(crate) const fn view_title(view: View) -> &'static str {
    match view {
        View::ProductWinners => "Product winners",
        View::LossRiskProducts => "Stock at risk",
    }
}

/// A product by its name, with id and category below; by its id when it has no name. It leads to the product's page.
pub(crate) fn product(name: Option<&str>, id: &str, category: Option<&str>) -> Cell {
    let title = named(name, id);
    let below = [name.filter(|name| !name.is_empty()).and(Some(id)), category.filter(|category| !category.is_empty())];
    let below: Vec<_> = below.into_iter().flatten().collect();
    let link = PageUrl::new("/product").with("id", id).to_string();
    Cell::text(title).with_subtitle(&below.join(" · ")).with_link(link)
}

/// How long a product did not move, counted to the day of the result.
pub(crate) fn idle(days: i64) -> String {
    tf("idle {}", &[&counted(days, "day", "days")])
}

/// What stands where rows would: what it means that there are none, and what to do.
pub(crate) struct EmptyState {
    pub(crate) title: String,
    pub(crate) text: String,
    /// What to produce where.
    pub(crate) topics: Vec<(&'static str, String)>,
    /// Where to go instead.
    pub(crate) link: Option<(String, &'static str)>,
}

impl EmptyState {
    pub(crate) fn new(title: &str, text: &str) -> Self {
        Self { title: title.into(), text: text.into(), topics: Vec::new(), link: None }
    }

    /// Nothing was ever read.
    pub(crate) fn no_events(topics: &Topics) -> Self {
        let text = "The pipeline has read no event so far. Produce JSON events to its topics and the numbers appear \
                    here by themselves:";
        Self::new("No events yet", text).producing(vec![
            ("sales", topics.sales.clone()),
            ("products and their stock", topics.inventory.clone()),
            ("clients", topics.clients.clone()),
        ])
    }

    pub(crate) fn producing(self, topics: Vec<(&'static str, String)>) -> Self {
        Self { topics, ..self }
    }

    pub(crate) fn link(self, href: String, text: &'static str) -> Self {
        Self { link: Some((href, text)), ..self }
    }
}

/// Which rows of how many a page shows, and its neighbours.
pub(crate) struct Pager {
    pub(crate) shown: String,
    pub(crate) position: String,
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
}

impl Pager {
    /// For a page that has rows.
    pub(crate) fn new<T>(page: &Page<T>, address: impl Fn(u64) -> String, (one, many): (&str, &str)) -> Self {
        let first = Paging { page: page.page, per_page: page.per_page }.skip() + 1;
        let last = first + (page.items.len() as u64).saturating_sub(1);
        let pages = pages(page);
        let total = counted(i64::try_from(page.total).unwrap_or(i64::MAX), one, many);
        Self {
            shown: tf("{}–{} of {}", &[&whole(first), &whole(last), &total]),
            position: tf("Page {} of {}", &[&whole(page.page), &whole(pages)]),
            previous: (page.page > 1).then(|| address(page.page - 1)),
            next: (page.page < pages).then(|| address(page.page + 1)),
        }
    }
}

/// Where a page lies behind the last one, the sentence that says so.
pub(crate) fn page_out_of_range<T>(page: &Page<T>, address: impl Fn(u64) -> String) -> Option<EmptyState> {
    let pages = pages(page);
    (page.items.is_empty() && page.page > 1).then(|| {
        let text = format!("The list ends with page {}; page {} was asked for.", whole(pages), whole(page.page));
        EmptyState::new("There is no such page", &text).link(address(pages), "Go to the last page")
    })
}

fn pages<T>(page: &Page<T>) -> u64 {
    page.total.div_ceil(page.per_page.max(1)).max(1)
}
