//! Which way a question comes to its rows, so that none reads more than it must: an index has them in their order; or an
//! index finds few enough to look at each; or only the first rows in the view's own order are looked at.

use crate::select::{Filter, MAX_SCAN, Select, Selectable, Test, in_memory::passes};

impl<R: Selectable> Select<R> {
    /// Whether an index has just the rows that are wanted, in the order that is wanted.
    pub(crate) fn is_in_an_index(&self) -> bool {
        let order = self.order().0.name;
        let leads = |filter: &Filter<R>| filter.field.name == order || order == R::OWN && filter.is_of_one_word();
        self.search.is_empty() && R::has_index(order) && self.filters.iter().all(leads)
    }

    /// The filters whose rows an index has in the view's own order.
    pub(crate) fn leading(&self) -> Vec<&Filter<R>> {
        let leads = |filter: &&Filter<R>| filter.field.name == R::OWN || filter.is_of_one_word();
        self.filters.iter().filter(leads).collect()
    }

    /// The filters whose rows an index has, each on its own.
    pub(crate) fn narrowing(&self) -> Vec<&Filter<R>> {
        let narrows = |filter: &&Filter<R>| R::INDEXED.contains(&filter.field.name) || filter.field.name == R::OWN;
        self.filters.iter().filter(narrows).collect()
    }

    /// The words of a field that are wanted, where nothing but them is said; all of them where nothing is.
    pub(crate) fn words_of<'a>(&self, field: &str, all: &[&'a str]) -> Option<Vec<&'a str>> {
        let mut words = all.to_vec();
        for filter in &self.filters {
            let Test::OneOf(wanted) = &filter.test else { return None };
            if filter.field.name != field {
                return None;
            }
            words.retain(|word| wanted.iter().any(|one| one == word));
        }
        self.search.is_empty().then_some(words)
    }

    /// Leaves of all rows those that are looked at, and tells how many these are if not all that could match.
    pub(super) fn retain_scanned(
        &self,
        rows: &mut Vec<R>,
        order: impl Fn(&R, &R) -> std::cmp::Ordering,
    ) -> Option<u64> {
        if self.whole || self.is_in_an_index() {
            return None;
        }
        let are_few = |filters: &[&Filter<R>]| {
            rows.iter().filter(|row| passes_all(filters, row)).take(MAX_SCAN as usize + 1).count() <= MAX_SCAN as usize
        };
        if are_few(&self.leading()) || self.narrowing().into_iter().any(|filter| are_few(&[filter])) {
            return None;
        }
        rows.retain(|row| passes_all(&self.leading(), row));
        rows.sort_by(order);
        rows.truncate(MAX_SCAN as usize);
        Some(MAX_SCAN)
    }
}

impl<R: Selectable> Filter<R> {
    fn is_of_one_word(&self) -> bool {
        R::is_word(self.field)
            && R::has_index(self.field.name)
            && matches!(&self.test, Test::OneOf(words) if words.len() == 1)
    }
}

fn passes_all<R: Selectable>(filters: &[&Filter<R>], row: &R) -> bool {
    filters.iter().all(|filter| passes(&filter.test, filter.field.of(row)))
}

#[cfg(test)]
mod tests {
    use stockstream_model::documents::{ClientRow, Row};

    use super::*;
    use crate::{
        Paging,
        select::{Order, Search},
    };

    fn select(order: Option<&str>, filters: &[(&str, Test)]) -> Select<ClientRow> {
        let field = |name| ClientRow::field(name).unwrap();
        Select {
            order: order.map(|name| Order { field: field(name), descending: true }),
            filters: filters.iter().map(|(name, test)| Filter { field: field(name), test: test.clone() }).collect(),
            ..Paging { page: 1, per_page: 50 }.into()
        }
    }

    fn one_of(words: &[&str]) -> Test {
        Test::OneOf(words.iter().map(|&word| word.to_owned()).collect())
    }

    #[test]
    fn an_index_has_what_is_wanted_by_its_field_or_of_one_word_in_the_views_own_order() {
        let (some, gold) = (Test::Between(Some(3.0), None), one_of(&["Gold"]));
        let own = "total_revenue_generated";
        for (order, filters, is) in [
            (None, vec![], true),
            (Some("invoices"), vec![], true),
            (Some("email"), vec![], false),
            (Some("invoices"), vec![("invoices", some.clone())], true),
            (None, vec![("invoices", some.clone())], false),
            (None, vec![("loyalty_tier", gold.clone()), (own, some)], true),
            (None, vec![("loyalty_tier", one_of(&["Gold", "Bronze"]))], false),
            (Some("loyalty_tier"), vec![("loyalty_tier", one_of(&["Gold", "Bronze"]))], true),
            (Some("invoices"), vec![("loyalty_tier", gold)], false),
            (None, vec![("eligible_promo", Test::Is(true))], false),
        ] {
            assert_eq!(select(order, &filters).is_in_an_index(), is, "{order:?} {filters:?}");
        }
        let search = Select { search: Search::new("x"), ..select(None, &[]) };
        assert!(!search.is_in_an_index());
    }

    #[test]
    fn words_are_known_where_nothing_else_is_said() {
        let all = ["Bronze", "Silver", "Gold"];
        let words = |filters: &[(&str, Test)]| select(None, filters).words_of("loyalty_tier", &all);
        assert_eq!(words(&[]), Some(all.to_vec()));
        assert_eq!(words(&[("loyalty_tier", one_of(&["Gold", "Bronze"]))]), Some(vec!["Bronze", "Gold"]));
        assert_eq!(words(&[("eligible_promo", Test::Is(true))]), None);
        assert_eq!(words(&[("name", one_of(&["Gold"]))]), None);
    }
}
