//! Parts of pages, from the layout to a table's cell.

pub(crate) mod assets;
pub(crate) mod bars;
pub(crate) mod chart;
pub(crate) mod chart_days;
pub(crate) mod chart_scale;
pub(crate) mod components;
pub(crate) mod layout;
pub(crate) mod table;
