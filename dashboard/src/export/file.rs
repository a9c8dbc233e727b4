//! A file that is put together.

/// Its bytes, or why there are none.
pub(super) type Made = Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>;
