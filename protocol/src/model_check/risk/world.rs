//! What there is: the truth that is to be shown, the view and its rows, publishers.

use stockstream_model::{
    documents::{PartitionId, View, ViewState},
    event::EventKind,
};

use crate::{
    last_claim::last_claim,
    model_check::Left,
    positions::{Lane, Position, Positions},
    publication::{Seen, fingerprint},
    revision::is_complete,
    risk::{Base, Evaluation, Saying},
};

/// Of each batch of stock, what its row says; nothing where it is not at risk.
pub type Truth = [Option<u8>; BATCHES];
pub const BATCHES: usize = 2;

/// A state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// Which truth the state gives, and up to which the positions are moved.
    pub applied: usize,
    pub completed: usize,
    pub view: ViewState,
    /// With which settings what is said of it was evaluated.
    pub said_with: u8,
    pub rows: [Option<Row>; BATCHES],
    pub publishers: Vec<Publisher>,
    /// A copy of a write that is under way: of which batch, to which row or none, and under which revision.
    pub late: Option<(usize, Option<u8>, i64)>,
    pub left: Left,
    /// Whether a reader ever found a row.
    pub was_full: bool,
}

/// A row that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    pub value: u8,
    pub revision: i64,
}

/// A publisher.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Publisher {
    /// Whether it ever did anything.
    pub has_begun: bool,
    /// Which settings it has.
    pub settings: u8,
    pub seen: Option<Seen>,
    pub base: Option<Base>,
    pub at: At,
}

/// Where a publisher is in its turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    #[default]
    Idle,
    /// The view was read, the positions were not. Holds which truth was read too early.
    Viewed(ViewState, Option<usize>),
    /// The positions were read, as they were at that many claims applied and completed; the view was not.
    Checked(usize, usize),
    Turn(Box<Turn>),
}

/// A turn.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Turn {
    pub evaluation: Evaluation,
    /// The positions that were read.
    pub applied: usize,
    pub completed: usize,
    /// The claims since it published last; nothing where all is evaluated.
    pub changed: Option<Vec<(i64, i64)>>,
    /// Which truth was read too early.
    pub early: Option<usize>,
    /// Batches that are still to be read, the next one last.
    pub unread: Vec<usize>,
    /// Rows that are still to be written or deleted, the next one last.
    pub writes: Vec<(usize, Option<u8>)>,
    pub has_ended: bool,
    pub saying: Option<Saying>,
}

impl World {
    /// Publishers with these settings.
    pub fn start(settings: &[u8], left: Left) -> Self {
        let publisher = |settings: &u8| Publisher { settings: *settings, ..Publisher::default() };
        Self {
            applied: 0,
            completed: 0,
            view: ViewState::new(View::LossRiskProducts),
            said_with: 0,
            rows: [None; BATCHES],
            publishers: settings.iter().map(publisher).collect(),
            late: None,
            left,
            was_full: false,
        }
    }

    /// The positions after so many claims of one lane.
    pub fn positions(applied: usize, completed: usize) -> Positions {
        let id = PartitionId { stream: EventKind::Sales, partition: 0 };
        let position = Position::starting_at(completed as i64, None, None);
        let lane = Lane { seq: applied as i64, open: applied > completed, ..Lane::default() };
        Positions { partitions: [(id, position)].into(), lanes: [(0, lane)].into(), ..Positions::default() }
    }

    /// What the positions tell.
    pub fn fingerprint(&self) -> Seen {
        fingerprint(&Self::positions(self.applied, self.completed))
    }

    /// The claim that changed a batch last.
    pub fn last_claim(&self, truths: &[Truth], batch: usize) -> i64 {
        let last = (1..=self.applied).rev().find(|claim| truths[*claim][batch] != truths[claim - 1][batch]);
        last_claim(0, last.unwrap_or_default() as i64)
    }

    pub fn shown(&self) -> Truth {
        self.rows.map(|row| row.map(|row| row.value))
    }

    /// Whether a claim was never completed, or rows stand that a publisher wrote which others had overtaken.
    pub fn is_untidy(&self) -> bool {
        !is_complete(&self.view) || self.rows.iter().flatten().any(|row| row.revision < self.view.fence)
    }
}
