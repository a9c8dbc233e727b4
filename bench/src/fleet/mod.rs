//! Many pipelines and one operator, against a real API server whose pods are only said to run.

mod args;
mod audit;
mod baseline;
mod make;
mod process;
mod status;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use stockstream_model::settings::Settings;

pub(crate) use self::args::Fleet;
use crate::{Result, process::Running};

/// Time for the operator to look at each pipeline once more, so that what merely moves is written before the steady minute.
const ONE_ROUND: Duration = Duration::from_secs(40);

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
        let mut seen = status::Pipelines::watch(&admin);
        seen.until(self.pipelines, if self.away { status::is_told } else { status::is_applied }).await?;
        phase.ends("applied", &mut operator)?;
        let children = make::children(&admin).await?;
        let expected = self.pipelines * if self.away { 5 } else { 10 };
        if children.len() != expected {
            return Err(format!("{} objects were made instead of {expected}", children.len()).into());
        }
        phase = Phase::begin(self, &operator)?;
        status::pods_run(&admin).await?;
        seen.until(self.pipelines, if self.away { status::shows_page } else { status::is_ready }).await?;
        phase.ends("pods are said to run, and every status says so", &mut operator)?;
        tokio::time::sleep(ONE_ROUND).await;
        phase = Phase::begin(self, &operator)?;
        tokio::time::sleep(Duration::from_secs(self.steady)).await;
        phase.ends("steady", &mut operator)?;
        operator.kill()?;
        baseline::apply(&client(&self.user).await?, children, self).await
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
