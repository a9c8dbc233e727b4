//! Stands in until there are clients.

/// Clients of Kafka and MongoDB.
#[derive(Default)]
pub struct Clients(());

impl Clients {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }
}
