//! The analytics: pure functions from state to the rows of the public views.
//!
//! Definitions (weights and thresholds are settings):
//! - ranked is what has units and revenue above zero, net of returns; a return is no sale, so it moves no last sale;
//! - profit = revenue − cost, units without a price or cost of their own valued by the product's latest record;
//! - velocity = units ÷ (days from first to last sale + 1); days are UTC calendar days;
//! - score = `profit`·profit + `velocity`·velocity − `idleDays`·days since the last sale;
//! - stock turnover = units ÷ mean stock level over all accepted inventory events of the product;
//! - loss = quantity × buy price of stock that expires within `expiringWithinDays`, or did not move for `idleDays`.

mod risk;
mod score;
mod tier;

pub use risk::{ProductFacts, risk_row};
pub use score::{score_at, score_base, winner_row};
pub use tier::{ClientWorth, Tier, client_worth};

/// Grows with every change of what is derived beside the totals (scores, tiers, promotions, the last claim): what stands is then
/// derived again.
///
/// 2: ranked is only what has units and revenue above zero.
/// 3: a product names the claim that changed it last.
pub const DERIVATION: u32 = 3;

/// What `analysis_source` says in every row.
pub const ANALYSIS_SOURCE: &str = "stockstream";
