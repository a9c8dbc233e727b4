//! What the caller decides about the dashboard.

use std::{sync::Arc, time::Duration};

use crate::{Authenticator, InFlight, Sender};

/// What the caller decides about the dashboard.
#[derive(Clone, Debug)]
pub struct Options {
    /// The pipeline that this dashboard is meant to show; a database of another one is shown with a warning.
    pub pipeline: String,
    /// The name of the whole, in the head of every page and in its title.
    pub title: String,
    /// The topics, for the sentences that say what to produce where.
    pub topics: Topics,
    /// How often the status page reloads itself; a reader overrules it with `?refresh=` (seconds, 0 for never).
    pub refresh: Option<Duration>,
    /// Host names that the dashboard answers to besides those of the loopback.
    pub allowed_hosts: Vec<String>,
    /// Who may see what.
    pub access: Arc<Authenticator>,
    /// Where entered events go; without one, nothing can be entered.
    pub sender: Option<Arc<dyn Sender>>,
    /// What of that is on its way.
    pub submissions: InFlight,
    /// How long a page waits for the database before it says that it does not answer.
    pub store_timeout: Duration,
}

/// The names of the three topics.
#[derive(Clone, Debug)]
pub struct Topics {
    /// Invoices.
    pub sales: String,
    /// Stock records.
    pub inventory: String,
    /// Client records.
    pub clients: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pipeline: "local".into(),
            title: "Stockstream".into(),
            topics: Topics::default(),
            refresh: None,
            allowed_hosts: Vec::new(),
            access: Arc::new(Authenticator::off()),
            sender: None,
            submissions: InFlight::default(),
            store_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            sales: "topic-raw-sales".into(),
            inventory: "topic-inventory-updates".into(),
            clients: "topic-clients".into(),
        }
    }
}
