//! Which states are alike: nothing depends on which publisher is which, nor on how many revisions and notes there were.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use stockstream_model::{Timestamp, documents::ViewState};

use super::world::{At, Reader, World};
use crate::publication::Ranking;

/// Makes of a state the one that stands for all that are like it.
pub fn canonicalize(world: &mut World) {
    let first = world.revisions().into_iter().map(|revision| *revision).min().unwrap_or_default();
    if first > 1 {
        // The first revision that anything holds is 1: 0 is that of a view that was never published.
        world.revisions().into_iter().for_each(|revision| *revision -= first - 1);
        world.made_from.drain(..first as usize - 1);
    }
    let notes = |world: &mut World| world.views().into_iter().filter_map(|view| view.checked_at).min();
    if let Some(first) = notes(world).map(Timestamp::millis).filter(|first| *first > 0) {
        for view in world.views() {
            view.checked_at = view.checked_at.map(|at| at.plus_millis(-first));
        }
    }
    // What revisions below the pointer were made from no longer matters.
    let below = world.view.pointer as usize;
    world.made_from[..below].fill(0);
    let hash = BuildHasherDefault::<DefaultHasher>::default();
    world.publishers.sort_by_key(|publisher| (!publisher.has_begun, hash.hash_one(publisher)));
}

impl World {
    /// Every view that is held anywhere.
    fn views(&mut self) -> Vec<&mut ViewState> {
        let mut views = vec![&mut self.view];
        for publisher in &mut self.publishers {
            match &mut publisher.at {
                At::Idle | At::Checked(_) | At::Tidying(_) => {}
                At::Viewed(view, _) => views.push(view),
                At::Ranking { step, .. } => match step {
                    Ranking::Rank(view) | Ranking::Compare(view, _) | Ranking::Claim(view, _) => views.push(view),
                    Ranking::Insert(seen, state) | Ranking::Point(seen, state) => views.extend([seen, state]),
                    Ranking::Note(note) => views.extend([&mut note.seen, &mut note.said]),
                    Ranking::Clear(_) | Ranking::Done(_) => {}
                },
            }
        }
        views
    }

    /// Every revision that is held anywhere.
    fn revisions(&mut self) -> Vec<&mut i64> {
        let Self { view, rows, publishers, reader, .. } = self;
        let mut revisions = vec![&mut view.revision, &mut view.pointer];
        revisions.extend(rows.iter_mut().map(|row| &mut row.revision));
        if let Reader::Rows { pointer, .. } = reader {
            revisions.push(pointer);
        }
        for publisher in publishers {
            let (views, rows): (Vec<&mut ViewState>, Option<&mut Vec<_>>) = match &mut publisher.at {
                At::Idle | At::Checked(_) => (Vec::new(), None),
                At::Tidying(rows) => (Vec::new(), Some(rows)),
                At::Viewed(view, _) => (vec![view], None),
                At::Ranking { step, rows, .. } => match step {
                    Ranking::Rank(view) | Ranking::Compare(view, _) | Ranking::Claim(view, _) => {
                        (vec![view], Some(rows))
                    }
                    Ranking::Insert(seen, state) | Ranking::Point(seen, state) => (vec![seen, state], Some(rows)),
                    Ranking::Note(note) => (vec![&mut note.seen, &mut note.said], Some(rows)),
                    Ranking::Clear(below) => {
                        revisions.push(below);
                        (Vec::new(), Some(rows))
                    }
                    Ranking::Done(_) => (Vec::new(), Some(rows)),
                },
            };
            revisions.extend(views.into_iter().flat_map(|view| [&mut view.revision, &mut view.pointer]));
            revisions.extend(rows.into_iter().flatten().map(|row| &mut row.revision));
        }
        revisions
    }
}
