//! The custom resource `AnalyticsPipeline`, and the operator that runs what it describes.

pub mod reconcile;
pub mod resource;
