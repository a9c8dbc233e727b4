//! What a dashboard is asked for: each of its pages alone, then all of them mixed at a rate while others stay live.

mod args;
mod client;
mod live;
mod mixed;
mod sequential;

use std::time::Duration;

pub(crate) use self::args::Pages;
use self::client::Client;
use crate::Result;

impl Pages {
    pub async fn run(&self) -> Result<()> {
        let client = Client::new(&self.address);
        if self.times > 0 {
            sequential::run(self, &client).await?;
        }
        if self.rate > 0 {
            mixed::run(self, &client, Duration::from_secs(self.seconds)).await?;
        }
        Ok(())
    }
}
