//! Two flows over one link.

use super::controls::{Cubic, ReferenceBbr};
use super::ends::{End, Ours};
use super::reference::ReferenceReceiver;
use super::sender::Model;
use super::{Line, World};

/// The flow beside one of ours.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rival {
    Ours,
    Cubic,
    Reference,
}

impl Rival {
    fn ends(self, world: &World) -> (Box<dyn End>, Box<dyn End>) {
        let now = world.instant();
        match self {
            Self::Ours => (Ours::sender(now, true), Ours::receiver(now, true)),
            Self::Cubic => (Model::new(Cubic::new()), Ours::receiver(now, true)),
            Self::Reference => (Model::new(ReferenceBbr::new()), ReferenceReceiver::new()),
        }
    }
}

/// What our flow and the other one carry, in percent of the link, in the second half of 40 s,
/// and the packets that the queue dropped, in percent. The rival begins a second later.
pub(super) fn share(rival: Rival, line: Line) -> ([f64; 2], f64) {
    let mut world = World::new(line, 5);
    let (sender, receiver) = Rival::Ours.ends(&world);
    world.add(sender, receiver);
    world.run_for(1.0);
    let (sender, receiver) = rival.ends(&world);
    world.add(sender, receiver);
    world.run_for(20.0);
    let before = [0, 1].map(|flow| world.flows[flow].record.counts);
    world.run_for(20.0);
    let after = [0, 1].map(|flow| world.flows[flow].record.counts);
    let shares = [0, 1].map(|flow: usize| {
        (after[flow].bytes - before[flow].bytes) as f64 * 5.0 / line.rate as f64
    });
    let dropped = [0, 1].map(|flow: usize| after[flow].dropped - before[flow].dropped);
    let sent = [0, 1].map(|flow: usize| after[flow].sent - before[flow].sent);
    (shares, dropped.iter().sum::<u64>() as f64 * 100.0 / sent.iter().sum::<u64>() as f64)
}
