//! Many pipelines and one operator, against a real API server whose pods are only said to run.

mod audit;
mod bare;
mod make;
mod process;
mod see;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use stockstream_model::settings::Settings;

use crate::{Result, process::Running};

/// Time for the operator to look at each pipeline once more, so that what merely moves is written before the steady minute.
const ONE_ROUND: Duration = Duration::from_secs(40);

/// An operator that finds many pipelines when it starts. Its pods are said to run, since no node is there.
#[derive(Args)]
pub(crate) struct Fleet {
    /// How many pipelines
    #[arg(long, default_value_t = 1_000)]
    pipelines: usize,
    /// In how many namespaces
    #[arg(long, default_value_t = 10)]
    namespaces: usize,
    /// Point the pipelines at servers that nobody can reach
    #[arg(long)]
    away: bool,
    /// The cluster, as somebody who may do everything
    #[arg(long, value_name = "FILE")]
    admin: PathBuf,
    /// The cluster, as the user of the operator
    #[arg(long, value_name = "FILE")]
    user: PathBuf,
    /// The name of that user
    #[arg(long, default_value = "operator")]
    user_name: String,
    /// Where the API server notes who asked for what
    #[arg(long, value_name = "FILE")]
    audit: PathBuf,
    /// The operator's program
    #[arg(long, value_name = "FILE", default_value = "target/dist/stockstream")]
    program: PathBuf,
    /// How many pipelines it works on at once, and how many writes the bare loop has under way
    #[arg(long, default_value_t = 32)]
    concurrency: usize,
    /// Where it writes its log
    #[arg(long, value_name = "FILE")]
    log: PathBuf,
    /// A process whose use of the processor is told beside the operator's, as in `apiserver=123`
    #[arg(long = "beside", value_name = "NAME=PID")]
    beside: Vec<process::Named>,
    /// For how long it is counted what a steady operator asks for
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    steady: u64,
}

/// A client of a kubeconfig.
async fn client(file: &PathBuf) -> Result<Client> {
    let config = Config::from_custom_kubeconfig(Kubeconfig::read_from(file)?, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

impl Fleet {
    pub async fn run(&self, settings: &Settings) -> Result<()> {
        let admin = client(&self.admin).await?;
        make::pipelines(&admin, self, settings).await?;
        println!("{} pipelines in {} namespaces stand, and no operator yet", self.pipelines, self.namespaces);
        let mut operator = process::operator(self)?;
        let mut phase = Phase::begin(self, &operator)?;
        let mut seen = see::Pipelines::watch(&admin);
        seen.until(self.pipelines, if self.away { see::is_told } else { see::is_applied }).await?;
        phase.ends("applied", &mut operator)?;
        let children = make::children(&admin).await?;
        let expected = self.pipelines * if self.away { 5 } else { 10 };
        if children.len() != expected {
            return Err(format!("{} objects were made instead of {expected}", children.len()).into());
        }
        phase = Phase::begin(self, &operator)?;
        see::pods_run(&admin).await?;
        seen.until(self.pipelines, if self.away { see::shows_page } else { see::is_ready }).await?;
        phase.ends("pods are said to run, and every status says so", &mut operator)?;
        tokio::time::sleep(ONE_ROUND).await;
        phase = Phase::begin(self, &operator)?;
        tokio::time::sleep(Duration::from_secs(self.steady)).await;
        phase.ends("steady", &mut operator)?;
        operator.kill()?;
        bare::apply(&client(&self.user).await?, children, self).await
    }
}

/// A part of the run: from when on, and what had been used before.
struct Phase<'a> {
    fleet: &'a Fleet,
    began: Instant,
    audited: u64,
    used: Vec<(String, f64)>,
}

impl<'a> Phase<'a> {
    fn begin(fleet: &'a Fleet, operator: &Running) -> Result<Self> {
        let used = process::used(operator.id(), &fleet.beside)?;
        Ok(Self { fleet, began: Instant::now(), audited: audit::end(&fleet.audit)?, used })
    }

    fn ends(self, name: &str, operator: &mut Running) -> Result<()> {
        operator.runs()?;
        let seconds = self.began.elapsed().as_secs_f64();
        println!("\n{name}: {seconds:.1} s");
        audit::print(&self.fleet.audit, self.audited, &self.fleet.user_name, self.fleet.pipelines, seconds)?;
        for ((name, after), (_, before)) in process::used(operator.id(), &self.fleet.beside)?.iter().zip(&self.used) {
            println!("  {name}: {:.1} s of processor time", after - before);
        }
        let (most, now) = process::memory(operator.id())?;
        println!("  operator: at most {most} MiB of memory so far, {now} MiB now");
        Ok(())
    }
}
