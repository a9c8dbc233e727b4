//! Forms: what was typed, what it becomes, and what is wrong with it where it stands.

use serde_json::{Map, Value};
use stockstream_input::{
    OutboundEvent,
    entry::{CLIENT, Field, Kind, LINE, PRODUCT, Problem, SALE, validate},
};
use stockstream_model::{Timestamp, analytics::Tier, event::EventKind};

use crate::{
    entry::{decimal_comma::normalize_comma, validation_messages::fault},
    locale::translate::key,
    request::context::RequestContext,
};

/// The most lines that a form has; more are for a file.
const MAX_LINES: usize = 200;

/// Which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Product,
    Client,
    Sale,
}

impl Form {
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Product => "/enter/product",
            Self::Client => "/enter/client",
            Self::Sale => "/enter/sale",
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Product => key("Enter a product and its stock"),
            Self::Client => key("Enter a client"),
            Self::Sale => key("Enter a sale"),
        }
    }

    /// What it is called in the audit.
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Product => key("product"),
            Self::Client => key("client"),
            Self::Sale => key("sale"),
        }
    }

    pub(crate) const fn lead(self) -> &'static str {
        match self {
            Self::Product => key(
                "The full record of a product and one batch of it. It replaces the record before: what is left empty is \
                 cleared.",
            ),
            Self::Client => key(
                "The full record of a client. It replaces the record before: what is left empty is cleared. Revenue of \
                 sales is kept and added.",
            ),
            Self::Sale => key("An invoice with all of its lines. A quantity below zero is a return."),
        }
    }

    const fn stream(self) -> EventKind {
        match self {
            Self::Product => EventKind::Inventory,
            Self::Client => EventKind::Clients,
            Self::Sale => EventKind::Sales,
        }
    }

    const fn fields(self) -> &'static [Field] {
        match self {
            Self::Product => PRODUCT,
            Self::Client => CLIENT,
            Self::Sale => SALE,
        }
    }
}

/// What was typed, by the names of the fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Typed {
    values: Vec<(String, String)>,
    lines: usize,
}

impl Typed {
    /// A form that was just opened.
    pub(crate) fn fresh(form: Form) -> Self {
        let now = Timestamp::now().to_string();
        let now = now.get(..16).unwrap_or_default().to_owned();
        let values = if form == Form::Sale { vec![("timestamp".to_owned(), now)] } else { Vec::new() };
        Self { values, lines: 1 }
    }

    /// From the body of a form.
    pub(crate) fn of(body: &[u8]) -> Self {
        let values: Vec<_> = form_urlencoded::parse(body).into_owned().collect();
        let mut typed = Self { values, lines: 1 };
        typed.lines = typed.text("lines").parse().unwrap_or(1).clamp(1, MAX_LINES);
        typed
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.values.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// One line more.
    pub(crate) fn add_line(&mut self) {
        self.lines = (self.lines + 1).min(MAX_LINES);
    }

    /// That line less; the ones after it move up.
    pub(crate) fn remove_line(&mut self, gone: usize) {
        if gone >= self.lines || self.lines == 1 {
            return;
        }
        for (name, _) in &mut self.values {
            let Some((index, field)) = line(name) else { continue };
            *name = match index {
                _ if index == gone => String::new(),
                _ if index > gone => format!("items[{}].{field}", index - 1),
                _ => continue,
            };
        }
        self.lines -= 1;
    }

    /// The event, or what is wrong with which field.
    pub(crate) fn event(&self, form: Form) -> Result<OutboundEvent, Vec<Problem>> {
        let language = RequestContext::current().choice.language;
        let fields = |fields: &[Field], before: &str| -> Map<String, Value> {
            let value = |field: &Field| match self.text(&format!("{before}{}", field.name)) {
                "" => None,
                text if field.kind == Kind::Money => {
                    Some((field.name.to_owned(), field.value(&normalize_comma(language, text))))
                }
                text => Some((field.name.to_owned(), field.value(text))),
            };
            fields.iter().filter_map(value).collect()
        };
        let mut event = fields(form.fields(), "");
        let mut places = Vec::new();
        if form == Form::Sale {
            let mut items = Vec::new();
            for index in 0..self.lines {
                let item = fields(LINE, &format!("items[{index}]."));
                if !item.is_empty() || (index + 1 == self.lines && items.is_empty()) {
                    places.push(index);
                    items.push(Value::Object(item));
                }
            }
            event.insert("items".into(), Value::Array(items));
        }
        validate(form.stream(), event).map_err(|problems| {
            // Lines left empty are no lines: those after them are called by their places in the form again.
            let moved = |problem: Problem| match line(&problem.path) {
                Some((index, field)) => {
                    let place = places.get(index).copied().unwrap_or(index);
                    Problem { path: format!("items[{place}].{field}"), ..problem }
                }
                None => problem,
            };
            problems.into_iter().map(moved).collect()
        })
    }

    /// The inputs of the form, with what was typed and what is wrong.
    pub(crate) fn inputs(&self, form: Form, problems: &[Problem]) -> Vec<Input> {
        form.fields().iter().map(|field| self.input(field, "", problems)).collect()
    }

    /// The inputs of each line.
    pub(crate) fn line_inputs(&self, form: Form, problems: &[Problem]) -> Vec<Vec<Input>> {
        let lines = if form == Form::Sale { self.lines } else { 0 };
        let line = |index| LINE.iter().map(|field| self.input(field, &format!("items[{index}]."), problems)).collect();
        (0..lines).map(line).collect()
    }

    fn input(&self, field: &Field, before: &str, problems: &[Problem]) -> Input {
        let name = format!("{before}{}", field.name);
        let error = problems.iter().find(|problem| problem.path == name).map(|problem| fault(&problem.message));
        let (label, hint) = words(field.name);
        let (kind, mode) = match field.kind {
            Kind::Whole => ("text", "numeric"),
            Kind::Money => ("text", "decimal"),
            Kind::Time => ("text", ""),
            Kind::Text if field.name == "email" => ("email", ""),
            Kind::Text if field.name == "phone" => ("tel", ""),
            Kind::Id | Kind::Text | Kind::Tier => ("text", ""),
        };
        let choices = if field.kind == Kind::Tier { Tier::ALL.map(Tier::name).to_vec() } else { Vec::new() };
        Input {
            id: name.replace(['[', ']', '.'], "-"),
            value: self.text(&name).to_owned(),
            name,
            label,
            hint,
            needed: field.needed,
            kind,
            mode,
            choices,
            error,
        }
    }
}

fn line(path: &str) -> Option<(usize, &str)> {
    let (index, field) = path.strip_prefix("items[")?.split_once("].")?;
    Some((index.parse().ok()?, field))
}

/// An input of a form.
pub(crate) struct Input {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) label: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) value: String,
    pub(crate) needed: bool,
    pub(crate) kind: &'static str,
    pub(crate) mode: &'static str,
    pub(crate) choices: Vec<&'static str>,
    pub(crate) error: Option<String>,
}

/// What a field is called, and what to know of it.
fn words(field: &str) -> (&'static str, &'static str) {
    match field {
        "invoice_id" => (key("Invoice number"), ""),
        "client_id" => (key("Client number"), ""),
        "product_id" => (key("Product number"), ""),
        "timestamp" => (key("Sold at"), key("UTC, such as 2026-05-01 12:30")),
        "total_amount" => (key("Amount of the invoice"), key("Empty: the sum of the lines")),
        "quantity" => (key("Quantity"), key("A whole number")),
        "unit_price" => (key("Price of one"), key("Such as 2.55")),
        "unit_cost" => (key("Cost of one"), key("Empty: the product's buy price")),
        "name" => (key("Name"), ""),
        "category" => (key("Category"), ""),
        "buy_price" => (key("Buy price"), key("Such as 2.55")),
        "sell_price" => (key("Sell price"), key("Such as 4.95")),
        "min_margin_threshold" => (key("Least margin"), ""),
        "last_movement" => (key("Stock last moved"), key("Empty: when the record is taken")),
        "expiry_date" => (key("Expires on"), key("Such as 2026-05-01")),
        "batch_no" => (key("Batch number"), key("Empty: a product without batches")),
        "created_at" => (key("Record made at"), ""),
        "updated_at" => (key("Record of"), key("The latest record wins. Empty: when it is taken")),
        "email" => (key("E-mail address"), ""),
        "phone" => (key("Telephone"), ""),
        "total_revenue_generated" => (key("Revenue from before"), key("What came before Stockstream; sales are added")),
        "loyalty_tier" => (key("Tier granted"), key("Never shown lower")),
        _ => (key("Field"), ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(body: &str) -> Typed {
        Typed::of(body.as_bytes())
    }

    #[test]
    fn lines_left_empty_are_none_and_problems_are_told_where_they_stand() {
        let body = "invoice_id=7&timestamp=2026-05-01T12:30&lines=3&items[0].product_id=A&items[0].quantity=1&\
                    items[0].unit_price=2&items[1].product_id=&items[2].product_id=B&items[2].quantity=0&items[2].unit_price=1";
        let problems = typed(body).event(Form::Sale).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].path, "items[2].quantity");
        let inputs = typed(body).line_inputs(Form::Sale, &problems);
        assert!(inputs[2][1].error.as_ref().is_some_and(|error| error.contains("whole number")));
        assert!(inputs[0][1].error.is_none() && inputs[1].len() == 4);
    }

    #[test]
    fn a_line_that_is_removed_moves_the_others_up() {
        let mut sale = typed("lines=3&items[0].product_id=A&items[1].product_id=B&items[2].product_id=C");
        sale.remove_line(1);
        assert_eq!((sale.lines, sale.text("items[1].product_id"), sale.text("items[2].product_id")), (2, "C", ""));
        sale.add_line();
        assert_eq!((sale.lines, sale.text("items[0].product_id")), (3, "A"));
        sale.remove_line(9);
        assert_eq!(sale.lines, 3);
    }

    #[test]
    fn what_a_form_offers_when_it_is_opened_is_a_time_that_is_taken() {
        let fresh = Typed::fresh(Form::Sale);
        let problems = fresh.event(Form::Sale).unwrap_err();
        assert!(problems.iter().all(|problem| problem.path != "timestamp"), "{problems:?}");
        assert!(problems.iter().any(|problem| problem.path == "invoice_id"), "{problems:?}");
    }
}
