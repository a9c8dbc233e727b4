//! What there is: the truth that is to be shown, the view and its rows, publishers, a reader.

use stockstream_model::{
    documents::{PartitionId, View, ViewState},
    event::EventKind,
};

use crate::{
    model_check::Left,
    positions::{Position, Positions},
    publication::{Ranking, Seen, fingerprint},
};

/// The most rows a ranking has.
pub const ROWS: usize = 2;

/// A state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// Which result the state gives, and up to which the positions are moved.
    pub applied: usize,
    pub completed: usize,
    pub view: ViewState,
    pub rows: Vec<Row>,
    /// Of each revision, from which result it was made.
    pub made_from: Vec<usize>,
    pub publishers: Vec<Publisher>,
    pub reader: Reader,
    pub left: Left,
    /// What happened that must not.
    pub wrong: Option<&'static str>,
}

/// A row of a ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    pub revision: i64,
    pub rank: usize,
    pub value: u8,
}

/// A publisher.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Publisher {
    /// Whether it ever did anything.
    pub has_begun: bool,
    pub seen: Option<Seen>,
    pub at: At,
}

/// Where a publisher is in its turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    #[default]
    Idle,
    /// A position moved, and the view was read. Holds a result that was read too early.
    Viewed(ViewState, Option<usize>),
    /// The positions were read, the view was not.
    Checked(Seen),
    Ranking {
        step: Ranking,
        checked: Seen,
        /// The result that was read.
        result: usize,
        /// The rows that are still to be written or deleted.
        rows: Vec<Row>,
    },
    /// Deleting rows that were found below the pointer.
    Tidying(Vec<Row>),
}

/// A reader that follows the pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reader {
    #[default]
    Idle,
    /// Reading the row of that rank, with what was read before.
    Rows { pointer: i64, rank: usize, found: Vec<u8> },
}

impl World {
    pub fn start(publishers: usize, left: Left) -> Self {
        Self {
            applied: 0,
            completed: 0,
            view: ViewState::new(View::ProductWinners),
            rows: Vec::new(),
            made_from: vec![0],
            publishers: vec![Publisher::default(); publishers],
            reader: Reader::Idle,
            left,
            wrong: None,
        }
    }

    /// What the positions tell.
    pub fn fingerprint(&self) -> Seen {
        let id = PartitionId { stream: EventKind::Sales, partition: 0 };
        let position = Position::starting_at(self.completed as i64, None, None);
        fingerprint(&Positions { partitions: [(id, position)].into(), ..Positions::default() })
    }

    /// The ranking of a revision, as it stands.
    pub fn ranking(&self, revision: i64) -> Vec<u8> {
        self.rows.iter().filter(|row| row.revision == revision).map(|row| row.value).collect()
    }

    pub fn below(&self, revision: i64) -> Vec<Row> {
        self.rows.iter().filter(|row| row.revision < revision).copied().collect()
    }

    pub fn insert(&mut self, row: Row) {
        self.rows.retain(|standing| (standing.revision, standing.rank) != (row.revision, row.rank));
        self.rows.push(row);
        self.rows.sort_unstable();
    }

    pub fn delete(&mut self, row: Row) {
        self.rows.retain(|standing| *standing != row);
    }
}
