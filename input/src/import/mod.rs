//! Reading a file into events: invoice lines laid out like the *Online Retail* data set, or a workbook of records.
//!
//! A CSV file has a header and is plain or gzipped (its first bytes decide, not its name), in UTF-8, UTF-16 or an
//! [`Encoding`] that is named; so are sheets of an XLSX workbook laid out. Columns are found by name, in any order:
//! `InvoiceNo`, `StockCode`, `Description`, `Quantity`, `InvoiceDate`, `UnitPrice`, `CustomerID`, or as a [`Mapping`] says;
//! the [`Summary`] names those that are not read. Such a file is read twice, because the lines of an invoice need not
//! follow each other: once to count, once to send; a third time where invoices are held back. Memory holds the invoices
//! that are begun and not complete, a counter per invoice and a few figures per product. A workbook is read whole, within
//! [`Limits`]; sheets named Products, Clients, Invoices and Invoice_Details are judged row by row by the workers' own
//! decoder. A sheet that is not read is named.
//!
//! A row that workers would refuse is bad, for whoever imports the file. An invoice with a bad row is held back as a whole:
//! sent without it, it would count twice once the row is mended and sent again. So are rows whose invoice number is that of
//! another time, and records of which nothing says which one is right.

mod bounded;
mod cell;
mod columns;
mod conflicts;
mod encoding;
mod error;
mod events;
mod export;
mod file;
mod format;
mod inventory;
mod mapping;
mod options;
mod plan;
mod row;
mod rows;
mod sheet;
mod sheets;
mod similar_ids;
mod source;
mod summary;
mod table;
mod workbook;
mod xlsx;

pub use self::{
    encoding::Encoding,
    error::ImportError,
    events::Events,
    file::Import,
    mapping::Mapping,
    options::{DeriveInventory, ImportOptions, Limits},
    summary::{BadRow, Header, MAX_BAD_ROWS, RowError, SimilarIds, Summary, UnreadSheet},
};
