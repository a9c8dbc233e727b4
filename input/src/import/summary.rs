//! What the first pass found, for a person.

/// How many bad rows a [`Summary`] tells apart; beyond that they are only counted.
pub const MAX_BAD_ROWS: usize = 1_000;

/// How many ids that look alike it names.
const MAX_ALIKE: usize = 100;

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that are part of an event.
    pub rows: u64,
    /// Rows that can be part of no event; they are left out.
    pub bad_rows: u64,
    /// The first [`MAX_BAD_ROWS`] of them.
    pub bad: Vec<BadRow>,
    /// Rows that are good but part of an invoice with a bad one, which is held back as a whole.
    pub held_rows: u64,
    /// The sheets of a workbook that were not read.
    pub unread: Vec<UnreadSheet>,
    /// Ids that a person may take for one another, or misread; they count as they stand. The first of them.
    pub alike: Vec<SimilarIds>,
    /// How many more there are.
    pub more_alike: u64,
    /// The columns of the file, or of each sheet of a workbook.
    pub headers: Vec<Header>,
    /// Invoices, and so sales.
    pub invoices: u64,
    /// Products.
    pub products: u64,
    /// Clients with a record of their own.
    pub clients: u64,
}

/// The columns of a file or sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The sheet, of a workbook.
    pub sheet: Option<String>,
    /// The columns.
    pub columns: Vec<String>,
    /// Those of them that hold nothing of an event.
    pub unread: Vec<String>,
}

/// A sheet that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadSheet {
    /// Its name.
    pub name: String,
    /// Why, for a person.
    pub reason: String,
    /// Whether it may hold what is meant to be read. A hidden sheet of other columns, such as the choices of a list, does
    /// not.
    pub is_left_out: bool,
}

/// A row that can be part of no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The sheet, of a workbook.
    pub sheet: Option<String>,
    /// Where it begins; the header is line 1.
    pub line: u64,
    /// What stands in it.
    pub cells: Vec<String>,
    /// What is wrong.
    pub faults: Vec<RowError>,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// In which column; none where it is the row as a whole.
    pub column: Option<usize>,
    /// The column, what stands there and what may, for a person.
    pub reason: String,
}

impl BadRow {
    /// All that is wrong with it, for a person.
    pub fn reason(&self) -> String {
        self.faults.iter().map(|fault| fault.reason.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// Where it is, for a person.
    pub fn place(&self) -> String {
        match &self.sheet {
            Some(sheet) => format!("sheet {sheet}, row {}", self.line),
            None => format!("line {}", self.line),
        }
    }
}

impl Summary {
    /// Whether a part of the file is in no event.
    pub fn is_partial(&self) -> bool {
        self.bad_rows > 0 || self.held_rows > 0 || self.unread.iter().any(|sheet| sheet.is_left_out)
    }

    /// Adds what other sheets hold.
    pub(super) fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.bad_rows += other.bad_rows;
        let room = MAX_BAD_ROWS - self.bad.len();
        self.bad.extend(other.bad.iter().take(room).cloned());
        self.held_rows += other.held_rows;
        self.headers.extend(other.headers.iter().cloned());
        self.invoices += other.invoices;
        self.products = self.products.max(other.products);
    }

    /// Names the ids that look alike; of many only some.
    pub(super) fn name_alike(&mut self, mut alike: Vec<SimilarIds>) {
        self.more_alike = alike.len().saturating_sub(MAX_ALIKE) as u64;
        alike.truncate(MAX_ALIKE);
        self.alike = alike;
    }

    pub(super) fn record_bad_row(&mut self, row: BadRow) {
        self.bad_rows += 1;
        if self.bad.len() < MAX_BAD_ROWS {
            self.bad.push(row);
        }
    }
}

/// Ids of one field that differ in nothing but case, spaces and signs that are not seen; or one that has such spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimilarIds {
    /// The field.
    pub field: &'static str,
    /// The ids, in order.
    pub ids: Vec<String>,
}
