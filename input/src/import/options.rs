//! How a file is read.

use snafu::ensure;
use stockstream_model::{Decimal, Timestamp};

use super::{
    encoding::Encoding,
    error::{ImportError, ShareSnafu},
    mapping::Mapping,
};

/// How a file becomes events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Whether inventory records, which such a file has none of, are made up before the sales.
    pub derive_inventory: Option<DeriveInventory>,
    /// Columns of other names.
    pub mapping: Mapping,
    /// What the text of a CSV file is encoded in, where it does not say it itself. UTF-8 goes without saying.
    pub encoding: Option<Encoding>,
    /// The latest time that a row may be from; any, if none is given.
    pub latest: Option<Timestamp>,
    /// What is read at most.
    pub limits: Limits,
}

/// What is read at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a workbook.
    pub file: u64,
    /// Bytes of a workbook when it is unpacked.
    pub unpacked: u64,
    /// Bytes of CSV when it is unpacked.
    pub text: u64,
    /// Rows of a file or sheet.
    pub rows: u64,
}

impl Default for Limits {
    /// As many rows as a sheet can have; of CSV, any number.
    fn default() -> Self {
        Self { file: 128 << 20, unpacked: 2 << 30, text: u64::MAX, rows: u64::MAX }
    }
}

/// How to make one inventory record per product from its sales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeriveInventory {
    /// `buy_price` as a share of the last positive price; zero or more.
    pub buy_share: Decimal,
    /// `quantity` as a share of the units sold less those returned; zero or more.
    pub stock_share: Decimal,
}

impl Default for DeriveInventory {
    /// 0.6 of the price and 0.1 of the units.
    fn default() -> Self {
        Self { buy_share: Decimal::from_units(6_000), stock_share: Decimal::from_units(1_000) }
    }
}

impl ImportOptions {
    pub(super) fn check(&self) -> Result<(), ImportError> {
        if let Some(DeriveInventory { buy_share, stock_share }) = self.derive_inventory {
            for (name, share) in [("buy price", buy_share), ("stock", stock_share)] {
                ensure!(share >= Decimal::ZERO, ShareSnafu { name, share });
            }
        }
        Ok(())
    }
}
