use std::{
    fs::File,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use bson::doc;
use clap::Args;
use mongodb::Database;
use stockstream_kafka::Producer;
use stockstream_model::{Timestamp, settings::Settings};

use crate::{Result, database, process::Running};

/// Behind the session timeout and two heartbeats.
const BESIDE: Duration = Duration::from_secs(1);
const GIVE_UP: Duration = Duration::from_secs(90);

/// How soon a worker counts after it was started, and others what a killed one had.
#[derive(Args)]
pub(crate) struct Handover {
    /// The binary whose workers are started and ended
    #[arg(long, default_value = "target/dist/stockstream")]
    program: PathBuf,
    /// Where the workers' logs go
    #[arg(long, default_value = "handover.log")]
    log: PathBuf,
    /// How often each
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Sales that are spread over all partitions, and have all to be counted
    #[arg(long, default_value_t = 100)]
    sales: usize,
}

/// What is measured: sales that somebody must count.
struct Till {
    db: Database,
    producer: Producer,
    topic: String,
    sales: usize,
}

impl Handover {
    pub async fn run(&self, settings: &Settings) -> Result<()> {
        let db = database(settings).await?;
        let topic = settings.kafka.topics.sales.name.clone();
        let till = Till { db, producer: Producer::new(&settings.kafka, |_| {})?, topic, sales: self.sales };
        let mut stays = self.worker()?;
        till.counted(till.sell()?).await?;
        for _ in 0..self.rounds {
            stays.end()?;
            let sold = till.sell()?;
            let began = Instant::now();
            stays = self.worker()?;
            till.counted(sold).await?;
            println!(
                "started after an orderly end: what waited is counted after {:.2} s",
                began.elapsed().as_secs_f64()
            );
        }
        let session = settings.limits.session_timeout.duration();
        let limit = session + session / 4 * 2 + BESIDE;
        for _ in 0..self.rounds {
            // The new one needs a moment to join; whatever it gets then, at least half stays with the old one.
            let new = self.worker()?;
            tokio::time::sleep(session / 2).await;
            till.counted(till.sell()?).await?;
            std::mem::replace(&mut stays, new).kill()?;
            let began = Instant::now();
            till.counted(till.sell()?).await?;
            let took = began.elapsed().as_secs_f64();
            println!(
                "a worker of two was killed: all is counted after {took:.2} s; limit {:.1} s",
                limit.as_secs_f64()
            );
        }
        stays.end()
    }

    fn worker(&self) -> Result<Running> {
        let mut command = Command::new(&self.program);
        command.args(["worker", "--listen", "127.0.0.1:0"]);
        Running::start(command.stderr(File::options().create(true).append(true).open(&self.log)?))
    }
}

impl Till {
    /// Sells to that many new clients, named by what is returned.
    fn sell(&self) -> Result<String> {
        let name = format!("handover-{}", Timestamp::now().millis());
        for n in 0..self.sales {
            let client = format!("{name}-{n}");
            let event = format!(
                r#"{{"invoice_id":"{client}","client_id":"{client}","timestamp":"{}","items":[{{"product_id":"probe","quantity":1,"unit_price":1}}]}}"#,
                Timestamp::now()
            );
            self.producer.send(&self.topic, &client, event.as_bytes())?;
        }
        self.producer.flush(GIVE_UP)?;
        Ok(name)
    }

    /// Waits until all of them are clients.
    async fn counted(&self, name: String) -> Result<()> {
        let (began, clients) = (Instant::now(), self.db.collection::<bson::Document>("clients"));
        let of_them = doc! { "_id": { "$gte": format!("{name}-"), "$lt": format!("{name}.") } };
        while clients.count_documents(of_them.clone()).await? < self.sales as u64 {
            if began.elapsed() > GIVE_UP {
                return Err(format!("not all sales to {name} were counted within {GIVE_UP:?}").into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}
