//! The phases of a reconcile, one after the other. Whatever stands half done when one fails or the operator ends is seen and
//! mended by the next: nothing is remembered that the cluster does not show.

use std::{io, sync::Arc, time::Duration};

use kube::{
    Resource,
    core::{ObjectMeta, error_boundary::InvalidObject},
    runtime::{controller::Action, events::EventType},
};
use snafu::{ResultExt, Snafu};
use stockstream_model::Timestamp;

use super::{
    apply::{Apply, Refused},
    build::{Wanted, build, keeps},
    decide::decide,
    dereference::dereference,
    names::{self, Part},
    observe::observe,
    report::{Trouble, with_error},
    status::{Kind, requeue_after, status},
    validate::validate,
};
use crate::{
    api_errors::explain,
    context::{Context, ReconcilePermit},
    key::{MaybePipeline, PipelineKey},
    reconcile::{observed::Observed, status::status_events},
    resource::{AnalyticsPipeline, PipelineStatus},
};

/// Why a reconcile failed. It is tried again.
#[derive(Debug, Snafu)]
pub(crate) enum ReconcileError {
    #[snafu(display("failed to read a Secret that the pipeline names: {}", explain(source)))]
    Dereference {
        #[snafu(source(from(kube::Error, Box::new)))]
        source: Box<kube::Error>,
    },
    #[snafu(display("failed to write credentials for the operator's own clients: {source}"))]
    Credentials { source: io::Error },
    #[snafu(display("{source}"))]
    Apply { source: Refused },
    #[snafu(display("failed to write the status: {}", explain(source)))]
    Status {
        #[snafu(source(from(kube::Error, Box::new)))]
        source: Box<kube::Error>,
    },
    #[snafu(display(
        "panicked, which is a mistake in the operator: please report it with the lines of the log before this"
    ))]
    Panicked,
    #[snafu(display("given up after {seconds} s"))]
    TooLong { seconds: u64 },
}

impl ReconcileError {
    /// Where it failed, for metrics and logs.
    pub fn phase(&self) -> &'static str {
        match self {
            Self::Dereference { .. } => "dereference",
            Self::Credentials { .. } => "credentials",
            Self::Apply { .. } => "apply",
            Self::Status { .. } => "status",
            Self::Panicked => "panic",
            Self::TooLong { .. } => "time",
        }
    }

    /// After so long it is tried again at the latest: of an object in the way nobody tells us when it goes.
    pub fn patience(&self) -> Duration {
        match self {
            Self::Apply { source } if source.is_taken() => Duration::from_secs(30),
            _ => Duration::MAX,
        }
    }

    /// What the status says of it; `None` where it cannot say anything.
    fn trouble(&self) -> Option<Trouble> {
        let reason = match self {
            Self::Dereference { .. } => "SecretUnreadable",
            Self::Credentials { .. } => "CredentialsUnwritable",
            Self::Apply { source } => return Some(source.trouble()),
            Self::Status { .. } | Self::Panicked | Self::TooLong { .. } => return None,
        };
        Some(Trouble { reason, message: format!("{self}; it is tried again"), stalled: false })
    }
}

/// Makes a pipeline so, and says what is so. Returns when to look again.
pub(crate) async fn reconcile(
    guarded: Arc<MaybePipeline>,
    context: Arc<Context>,
    turn: ReconcilePermit,
) -> Result<Action, ReconcileError> {
    let pipeline = match &guarded.0 {
        Err(invalid) => return undecodable(&context, guarded.meta(), invalid).await,
        // What it owns goes with it, and nothing outside of the cluster is cleaned up.
        Ok(pipeline) if pipeline.metadata.deletion_timestamp.is_some() => return Ok(Action::await_change()),
        Ok(pipeline) => pipeline,
    };
    let shown = context.statuses.standing(&pipeline.metadata, pipeline.status.as_ref());
    let pipeline = AnalyticsPipeline { status: shown, ..pipeline.clone() };
    match phases(&pipeline, &context, turn).await {
        Ok(None) => Ok(Action::await_change()),
        Ok(Some(after)) => Ok(Action::requeue(after.mul_f64(0.9 + PipelineKey::of(&pipeline.metadata).spread() / 5.0))),
        // What was applied is in the status already, beside what was not.
        Err(error @ ReconcileError::Apply { .. }) => Err(error),
        Err(error) => {
            if let Some(trouble) = error.trouble() {
                let before = pipeline.status.clone();
                report(&context, &pipeline.metadata, before.as_ref(), before.clone().unwrap_or_default(), &trouble)
                    .await?;
            }
            Err(error)
        }
    }
}

/// All phases, one after the other; `None` when the operator ends before anything was decided.
async fn phases(
    pipeline: &AnalyticsPipeline,
    context: &Context,
    turn: ReconcilePermit,
) -> Result<Option<Duration>, ReconcileError> {
    let meta = &pipeline.metadata;
    let key = PipelineKey::of(meta);
    let uid = meta.uid.as_deref().unwrap_or_default();
    let deployment = |part| context.children.deployment(&key.namespace, names::of(&key.name, part), uid);

    let secrets = dereference(&context.client, &context.secrets, pipeline).await.context(DereferenceSnafu)?;
    let files = context.credentials.write(&key, &secrets).context(CredentialsSnafu)?;
    let mut validated = validate(pipeline, &secrets, &files);
    let (workers, dashboard) = (deployment(Part::Worker), deployment(Part::Dashboard));
    // Servers that are away take their time. Others have their turn meanwhile.
    drop(turn);
    let mut facts = tokio::select! {
        facts = observe(&context.clients, pipeline, &validated, workers, dashboard) => facts,
        () = context.stop.cancelled() => return Ok(None),
    };
    let mut turn = context.turn().await;
    if turn.is_none() {
        return Ok(None);
    }
    validated.worker.pipeline.database_id = database_id(pipeline, &facts);
    let now = Timestamp::now();
    let decision = decide(pipeline, &validated, &facts, now);
    let has_pod_monitor = context.has_pod_monitor;
    let pods = &context.pods;
    let wanted = Wanted { pipeline, validated: &validated, decision: &decision, pods, has_pod_monitor };
    let apply = Apply { context, pipeline: &key, uid };
    let applied = apply.apply(build(&wanted), &keeps(&wanted), &mut turn).await.context(ApplySnafu);

    // What was just written is under way: a status from before it would call the new generation settled.
    (facts.workers, facts.dashboard) = (deployment(Part::Worker), deployment(Part::Dashboard));
    let after = status(pipeline, &validated, &facts, &decision, now);
    let again = requeue_after(pipeline, &facts, &decision, &after, now);
    let before = pipeline.status.as_ref();
    let news = status_events(before, &after);
    match applied.as_ref().err().and_then(ReconcileError::trouble) {
        Some(trouble) => report(context, meta, before, after, &trouble).await?,
        None => drop(write(context, meta, before, after).await?),
    }
    for tiding in news {
        let type_ = match tiding.kind {
            Kind::Normal => EventType::Normal,
            Kind::Warning => EventType::Warning,
        };
        context.events.tell(meta, type_, &tiding.reason, &tiding.note, &context.metrics).await;
    }
    applied.map(|()| Some(again))
}

/// The id of the database that workers may work in: as it was just found good, else as it was known before.
fn database_id(pipeline: &AnalyticsPipeline, facts: &Observed) -> Option<String> {
    let found = facts.database.as_ref().ok().and_then(|database| database.id.clone());
    found.or_else(|| pipeline.status.as_ref()?.database_id.clone())
}

/// Says that a resource cannot be decoded: it was accepted by another version of the definition than ours.
async fn undecodable(context: &Context, meta: &ObjectMeta, invalid: &InvalidObject) -> Result<Action, ReconcileError> {
    tracing::warn!(error = invalid.error, "the resource cannot be decoded, and nothing of it is touched");
    let message = format!(
        "the operator cannot read this resource, and leaves what it made as it is: {}. Correct that; or, if the operator was \
         just upgraded, install its definition of AnalyticsPipeline: `stockstream crd | kubectl apply --server-side -f -`",
        invalid.error
    );
    let trouble = Trouble { reason: "Undecodable", message, stalled: true };
    let before = context.statuses.unshown(&context.client, meta).await.context(StatusSnafu)?;
    // What is remembered, such as the database's id, holds when the resource can be read again.
    report(context, meta, Some(&before), before.clone(), &trouble).await?;
    Ok(Action::await_change())
}

/// Writes a status with a trouble in it; tells the trouble as an event when it is new.
async fn report(
    context: &Context,
    meta: &ObjectMeta,
    before: Option<&PipelineStatus>,
    status: PipelineStatus,
    trouble: &Trouble,
) -> Result<(), ReconcileError> {
    let after = with_error(before, status, trouble, meta.generation, Timestamp::now());
    let is_told = said(before) == said(Some(&after));
    if write(context, meta, before, after).await? && !is_told {
        context.events.tell(meta, EventType::Warning, trouble.reason, &trouble.message, &context.metrics).await;
    }
    Ok(())
}

/// Why a pipeline is not ready.
fn said(status: Option<&PipelineStatus>) -> Option<(String, String)> {
    let ready = status?.conditions.iter().find(|condition| condition.type_ == "Ready")?;
    Some((ready.reason.clone(), ready.message.clone()))
}

async fn write(
    context: &Context,
    meta: &ObjectMeta,
    before: Option<&PipelineStatus>,
    after: PipelineStatus,
) -> Result<bool, ReconcileError> {
    context.statuses.write(&context.client, &context.metrics, meta, before, after).await.context(StatusSnafu)
}
