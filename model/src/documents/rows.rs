//! Rows of the public views. Money is in the shop's currency as a double, times are UTC.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Day, Timestamp, analytics::Tier};

/// A row of `product_winners`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)] // the names are the contract, and the definitions are those of the analytics module
pub struct Winner {
    pub ranking: u32,
    pub product_id: String,
    pub product_name: Option<String>,
    pub product_category: Option<String>,
    pub selling_price: Option<f64>,
    pub purchase_price: Option<f64>,
    pub minimum_margin_threshold: Option<f64>,
    pub total_profit: f64,
    pub total_revenue: f64,
    pub total_cost: f64,
    pub units_sold: i64,
    pub average_profit_margin_pct: Option<f64>,
    pub average_roi_pct: Option<f64>,
    pub contribution_margin_pct: Option<f64>,
    pub sales_velocity: f64,
    pub stock_turnover: Option<f64>,
    pub days_in_stock: i64,
    pub is_dead_stock: bool,
    pub performance_score: f64,
    pub last_sale_date: Timestamp,
    pub analysis_timestamp: Timestamp,
    pub analysis_source: String,
}

/// Why stock is at risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RiskCategory {
    /// The expiry date has passed.
    Expired,
    /// It expires within the days of the setting.
    #[serde(rename = "Expiring Soon")]
    ExpiringSoon,
    /// It has not moved for the days of the setting.
    #[serde(rename = "Dead Stock")]
    DeadStock,
}

impl RiskCategory {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Expired, Self::ExpiringSoon, Self::DeadStock];

    /// The name as stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "Expired",
            Self::ExpiringSoon => "Expiring Soon",
            Self::DeadStock => "Dead Stock",
        }
    }

    /// The category of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }
}

/// A row of `loss_risk_products`: a product and batch at risk.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct RiskRow {
    pub product_id: String,
    pub product_name: Option<String>,
    pub product_category: Option<String>,
    pub stock_quantity: i64,
    pub purchase_price: Option<f64>,
    pub selling_price: Option<f64>,
    pub potential_loss_amount: Option<f64>,
    pub potential_profit_loss: Option<f64>,
    pub risk_category: RiskCategory,
    pub expiry_date: Option<Timestamp>,
    pub days_until_expiry: Option<i64>,
    pub last_movement_date: Timestamp,
    pub days_since_last_movement: i64,
    pub batch_number: Option<String>,
    pub analysis_timestamp: Timestamp,
    pub analysis_source: String,
}

impl Winner {
    /// Whether another row says the same, whenever either was computed.
    pub fn same_as(&self, other: &Self) -> bool {
        let other = Self { analysis_timestamp: self.analysis_timestamp, ..other.clone() };
        *self == other
    }
}

impl RiskRow {
    /// Whether another row says the same, whenever either was computed.
    pub fn same_as(&self, other: &Self) -> bool {
        let other = Self { analysis_timestamp: self.analysis_timestamp, ..other.clone() };
        *self == other
    }

    /// The product and batch.
    pub fn key(&self) -> (String, Option<String>) {
        (self.product_id.clone(), self.batch_number.clone())
    }
}

/// A row of `clients`, as shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct ClientRow {
    pub client_id: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub total_revenue_generated: f64,
    pub loyalty_tier: Tier,
    pub eligible_promo: bool,
    pub invoices: i64,
    pub last_purchase_date: Option<Timestamp>,
}

/// A row of `sales_daily`, as shown.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct DailyRow {
    pub day: Day,
    pub invoices: i64,
    pub units: i64,
    pub revenue: f64,
}
