//! From checked events to a submission: sent once, audited, and watched until they are counted.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::response::{IntoResponse, Redirect, Response};
use stockstream_input::OutboundEvent;
use stockstream_store::ViewStore;
use tracing::{error, info, warn};

use crate::{
    auth::Principal,
    data::state::AppState,
    entry::{
        sender::{NotSent, Receipt},
        submission_store::{Begin, Sent, SubmissionStore},
    },
    locale::translate::Message,
};

/// How often positions are read while events wait to be counted: at first, and later.
const SOON: Duration = Duration::from_millis(100);
const LATER: Duration = Duration::from_secs(1);
/// After how many looks it is later.
const LOOKS: u32 = 50;

/// Why a form is shown again instead of what became of it.
pub(crate) enum SubmitError {
    /// Nothing was sent, for this reason.
    NotSent(String),
    /// Nothing is known of the form any more.
    Unknown,
}

/// Sends events under the token of their form, once.
pub(crate) async fn submit<S: ViewStore>(
    app: &AppState<S>,
    desk: &Arc<SubmissionStore>,
    who: &Principal,
    token: &str,
    what: &Message,
    events: Vec<OutboundEvent>,
) -> Result<Response, SubmitError> {
    let number = match desk.begin(token, &who.name, what) {
        Begin::Now(number) => number,
        Begin::Already(token) => return Ok(see(&token)),
        Begin::Unknown => return Err(SubmitError::Unknown),
    };
    let job = Job { desk: Arc::clone(desk), who: who.clone(), what: what.english(), number };
    match app.options.submissions.spawn(job.run(app.clone(), events)).await {
        Ok(Ok(())) => Ok(see(token)),
        Ok(Err(message)) => Err(SubmitError::NotSent(message)),
        Err(error) => {
            error!(%error, "sending ended in the middle");
            Ok(see(token)) // what became of it is not known, so it is never sent again
        }
    }
}

/// Where it is told what became of a submission.
pub(crate) fn see(token: &str) -> Response {
    Redirect::to(&format!("/enter/sent/{token}")).into_response()
}

struct Job {
    desk: Arc<SubmissionStore>,
    who: Principal,
    what: String,
    number: u64,
}

impl Job {
    async fn run<S: ViewStore>(self, app: AppState<S>, events: Vec<OutboundEvent>) -> Result<(), String> {
        let heads: Vec<_> = events.iter().map(|event| (event.stream, event.key.clone())).collect();
        let (receipts, problem) = match self.desk.sender.send(events).await {
            Ok(receipts) => (receipts.into_iter().map(Some).collect(), None),
            Err(problem) => (problem.receipts.clone(), Some(problem)),
        };
        self.audit(heads.len(), &receipts, problem.as_ref());
        let mut receipts: Vec<Option<Receipt>> = receipts;
        if let Some(problem) = &problem
            && !problem.in_doubt
            && receipts.iter().all(Option::is_none)
        {
            self.desk.take_back(self.number);
            return Err(problem.message.clone());
        }
        receipts.resize(heads.len(), None);
        let sent = heads.into_iter().zip(receipts).map(|((stream, key), receipt)| Sent { stream, key, receipt });
        if self.desk.sent(self.number, sent.collect(), problem) {
            tokio::spawn(watch(app, self.desk));
        }
        Ok(())
    }

    /// Who sent what, and where it is; nothing of what stands in it.
    fn audit(&self, events: usize, receipts: &[Option<Receipt>], problem: Option<&NotSent>) {
        let who = if self.who.name.is_empty() { "anybody (nobody signs in)" } else { &*self.who.name };
        let (sent, offsets) = (receipts.iter().flatten().count(), offsets(receipts));
        match problem {
            None => info!(
                target: "audit", who, role = %self.who.role, what = self.what, events, sent, offsets, "events entered"
            ),
            Some(problem) => warn!(
                target: "audit", who, role = %self.who.role, what = self.what, events, sent, offsets,
                in_doubt = problem.in_doubt, reason = problem.message, "events not entered"
            ),
        }
    }
}

/// Topic, partition and range of offsets, as `topic/3:17-20`.
fn offsets(receipts: &[Option<Receipt>]) -> String {
    let mut ranges: BTreeMap<(&str, i32), (i64, i64)> = BTreeMap::new();
    for receipt in receipts.iter().flatten() {
        let place = (receipt.topic.as_str(), receipt.partition);
        let range = ranges.entry(place).or_insert((receipt.offset, receipt.offset));
        *range = (range.0.min(receipt.offset), range.1.max(receipt.offset));
    }
    let ranges = ranges.into_iter().map(|((topic, partition), (from, to))| format!("{topic}/{partition}:{from}-{to}"));
    ranges.collect::<Vec<_>>().join(" ")
}

/// One reader of positions for everybody who waits.
async fn watch<S: ViewStore>(app: AppState<S>, desk: Arc<SubmissionStore>) {
    let mut looks = 0;
    loop {
        let waiting = desk.waiting();
        // What failed is logged where it was asked.
        let positions = app.ask(app.store.positions(&waiting)).await.unwrap_or_default();
        if !desk.settle(&positions) {
            return;
        }
        looks += 1;
        tokio::time::sleep(if looks < LOOKS { SOON } else { LATER }).await;
    }
}
