//! Which states are alike: nothing depends on which publisher is which, nor on how many revisions and notes there were.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
};

use stockstream_model::{Timestamp, documents::ViewState};

use super::world::{At, World};
use crate::risk::Saying;

/// Makes of a state the one that stands for all that are like it.
pub fn canonicalize(world: &mut World) {
    close_up(world.revisions());
    let mut times: Vec<i64> = Vec::new();
    for view in world.views() {
        times.extend(view.checked_at.map(Timestamp::millis));
    }
    close_up(times.iter_mut().collect());
    let mut times = times.into_iter();
    for view in world.views() {
        view.checked_at = view.checked_at.and_then(|_| times.next()).map(Timestamp::from_millis);
    }
    let hash = BuildHasherDefault::<DefaultHasher>::default();
    world.publishers.sort_by_key(|publisher| (!publisher.has_begun, hash.hash_one(publisher)));
}

/// Gives numbers others that are equal, follow each other directly, and lie apart where these do. 0 stays 0.
fn close_up(numbers: Vec<&mut i64>) {
    let all: BTreeSet<i64> = numbers.iter().map(|number| **number).collect();
    let (mut last, mut named) = ((0, 0), BTreeMap::from([(0, 0)]));
    for number in all.into_iter().filter(|number| *number > 0) {
        last = (number, last.1 + (number - last.0).min(2));
        named.insert(number, last.1);
    }
    numbers.into_iter().for_each(|number| *number = named.get(&*number).copied().unwrap_or(*number));
}

impl World {
    /// Every view that is held anywhere.
    fn views(&mut self) -> Vec<&mut ViewState> {
        let mut views = vec![&mut self.view];
        for publisher in &mut self.publishers {
            views.extend(publisher.base.as_mut().map(|base| &mut base.view));
            match &mut publisher.at {
                At::Idle | At::Checked(..) => {}
                At::Viewed(view, _) => views.push(view),
                At::Turn(turn) => {
                    views.push(&mut turn.evaluation.seen);
                    if let Some(Saying::Point(note) | Saying::Note(note)) = &mut turn.saying {
                        views.extend([&mut note.seen, &mut note.said]);
                    }
                }
            }
        }
        views
    }

    /// Every revision that is held anywhere.
    fn revisions(&mut self) -> Vec<&mut i64> {
        fn of_view(view: &mut ViewState) -> [&mut i64; 3] {
            [&mut view.revision, &mut view.pointer, &mut view.fence]
        }
        let Self { view, rows, publishers, late, .. } = self;
        let mut revisions: Vec<&mut i64> = of_view(view).into();
        revisions.extend(rows.iter_mut().flatten().map(|row| &mut row.revision));
        revisions.extend(late.as_mut().map(|(_, _, revision)| revision));
        for publisher in publishers {
            revisions.extend(publisher.base.iter_mut().flat_map(|base| of_view(&mut base.view)));
            match &mut publisher.at {
                At::Idle | At::Checked(..) => {}
                At::Viewed(view, _) => revisions.extend(of_view(view)),
                At::Turn(turn) => {
                    revisions.extend(turn.evaluation.revisions());
                    if let Some(Saying::Point(note) | Saying::Note(note)) = &mut turn.saying {
                        revisions.extend(of_view(&mut note.seen));
                        revisions.extend(of_view(&mut note.said));
                    }
                }
            }
        }
        revisions
    }
}
