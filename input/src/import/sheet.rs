//! A sheet of a workbook in memory: its cells as a person would have written them into a CSV file.

use csv::ByteRecord;

use super::cell::CellType;

/// The cells of a sheet, row by row, in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) name: String,
    /// Whether a person does not see it in the workbook.
    pub(super) hidden: bool,
    text: String,
    /// Where each cell ends in the text.
    ends: Vec<usize>,
    /// What type each cell has.
    types: Vec<CellType>,
    /// The number of each row that is not empty, from 1, and its first cell.
    rows: Vec<(u32, usize)>,
    /// How many cells every row has: those of the first one, which names the columns.
    width: usize,
}

impl Sheet {
    pub(super) fn new(name: String, hidden: bool) -> Self {
        Self { name, hidden, ..Self::default() }
    }

    /// Adds a row; one without any text is none.
    pub(super) fn push(&mut self, number: u32, cells: &mut Vec<(String, CellType)>) {
        if cells.iter().all(|(text, _)| text.is_empty()) {
            return;
        }
        if self.rows.is_empty() {
            let last = cells.iter().rposition(|(text, _)| !text.is_empty()).unwrap_or_default();
            self.width = last + 1;
        }
        cells.resize(self.width, Default::default());
        self.rows.push((number, self.ends.len()));
        for (text, kind) in cells.iter() {
            self.text.push_str(text);
            self.ends.push(self.text.len());
            self.types.push(*kind);
        }
    }

    /// How many rows there are, with the one that names the columns.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// What memory its texts take.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + self.ends.len() * size_of::<usize>()
    }

    /// The first row, which names the columns.
    pub(super) fn header(&self) -> Vec<String> {
        let mut record = ByteRecord::new();
        self.row(0, &mut record);
        cells(&record)
    }

    /// What types the cells of the row at that place have.
    pub(super) fn types(&self, place: usize) -> &[CellType] {
        self.rows.get(place).map_or(&[], |(_, first)| &self.types[*first..first + self.width])
    }

    /// The number of the row at that place, whose cells are put into the record.
    pub(super) fn row(&self, place: usize, record: &mut ByteRecord) -> Option<u32> {
        let (number, first) = *self.rows.get(place)?;
        record.clear();
        for cell in first..first + self.width {
            let start = cell.checked_sub(1).map_or(0, |before| self.ends[before]);
            record.push_field(&self.text.as_bytes()[start..self.ends[cell]]);
        }
        Some(number)
    }
}

/// What a row holds, as text.
pub(super) fn cells(record: &ByteRecord) -> Vec<String> {
    record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
}
