//! One flow on each link of the world.

use super::controls::ReferenceBbr;
use super::ends::{End, Ours};
use super::reference::ReferenceReceiver;
use super::sender::Model;
use super::{Line, World};

#[test]
fn a_peer_that_hides_packets_gets_as_much_as_the_link_carries() {
    for (mbit, rtt, loss, queue) in [(100, 40, 0, 25), (100, 40, 10, 100), (20, 300, 1, 25)] {
        let cell = Cell { roles: Roles::ToReference, mbit, rtt, loss, queue };
        let run = cell.run();
        assert!(run.link > 93.0 && run.needless < 0.5 && run.dropped < 2.0, "{cell:?}: {run:?}");
    }
}

/// More is in flight than the window of the reference allows, and much more waits for a missing
/// packet.
#[test]
fn a_fast_path_is_filled() {
    for loss in [0, 10] {
        let cell = Cell { roles: Roles::Ours, mbit: 1000, rtt: 40, loss, queue: 100 };
        let run = cell.run();
        assert!(run.link > 93.0 && run.needless < 0.5 && run.dropped < 2.0, "{cell:?}: {run:?}");
    }
}

#[test]
fn the_queue_is_empty_most_of_the_time() {
    for (mbit, rtt, queue) in [(20, 10, 100), (100, 10, 100), (100, 10, 800), (20, 100, 800)] {
        let cell = Cell { roles: Roles::Ours, mbit, rtt, loss: 0, queue };
        let run = cell.run();
        assert!(run.link > 94.0, "{cell:?}: {run:?}");
        assert!(run.wait_50 < 0.3 && run.wait_95 < 0.7 && run.dropped < 2.0, "{cell:?}: {run:?}");
    }
}

/// Such a sender has nothing to send while a packet is missing, so its samples are limited by the
/// application.
#[test]
fn a_sender_that_waits_for_acknowledgements_leaves_start_up() {
    let line = Line::new(20, 300, 0, 25);
    let mut world = World::new(line, 5);
    let now = world.instant();
    let mut sender = Ours::sender(now, true);
    sender.waits = true;
    world.add(sender, Ours::receiver(now, true));
    world.run_for(20.0);
    let counts = world.flows[0].record.counts;
    let lost = counts.dropped as f64 * 100.0 / counts.sent as f64;
    assert!(lost < 10.0, "the queue dropped {lost} %");
}

/// Who sends to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Roles {
    Ours,
    ToReference,
    FromReference,
    /// Both ends are models of the reference.
    Reference,
}

impl Roles {
    fn sender(self, world: &World) -> Box<dyn End> {
        let now = world.instant();
        match self {
            Self::Ours => Ours::sender(now, true),
            Self::ToReference => Ours::sender(now, false),
            Self::FromReference | Self::Reference => Model::new(ReferenceBbr::new()),
        }
    }

    fn receiver(self, world: &World) -> Box<dyn End> {
        let now = world.instant();
        match self {
            Self::Ours => Ours::receiver(now, true),
            Self::FromReference => Ours::receiver(now, false),
            Self::ToReference | Self::Reference => ReferenceReceiver::new(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) roles: Roles,
    pub(super) mbit: u64,
    /// Milliseconds.
    pub(super) rtt: u64,
    /// Packets lost per thousand, in each direction.
    pub(super) loss: u64,
    /// The queue in percent of the bandwidth-delay product.
    pub(super) queue: u64,
}

/// The results of the second half of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// The payload that arrived, in percent of the link's rate.
    link: f64,
    /// The packets that the queue dropped, in percent.
    dropped: f64,
    /// The packets that the receiver already had, in percent.
    needless: f64,
    /// The median and the 95th percentile of the time in the queue, in round trips.
    wait_50: f64,
    wait_95: f64,
    /// The seconds until a tenth of a second reached 80 % of the rate.
    rise: f64,
    /// Acknowledgements for each packet that arrived.
    acks: f64,
    /// The round trips until the first packet of 1500 bytes that was no probe.
    full: f64,
}

impl Cell {
    pub(super) fn run(self) -> Run {
        let line = Line::new(self.mbit, self.rtt, self.loss, self.queue);
        let mut world = World::new(line, 5);
        world.add(self.roles.sender(&world), self.roles.receiver(&world));
        // The first half covers the start, the second one some cycles of probing.
        let half = if self.mbit == 1000 { 2.0 } else { 5.0 + self.rtt as f64 * 0.03 };
        world.run_for(half);
        let record = &mut world.flows[0].record;
        record.waits.clear();
        let before = record.counts;
        world.run_for(half);

        let record = &mut world.flows[0].record;
        let after = record.counts;
        let part = |part: u64, all: u64| part as f64 * 100.0 / all.max(1) as f64;
        let (sent, rtt) = (after.sent - before.sent, self.rtt as f64);
        Run {
            link: part(after.bytes - before.bytes, (line.rate as f64 * half) as u64),
            dropped: part(after.dropped - before.dropped, sent),
            needless: part(after.needless - before.needless, sent),
            wait_50: record.waited(50) / rtt,
            wait_95: record.waited(95) / rtt,
            rise: record.rises_at(10, line.rate).unwrap_or(f64::INFINITY),
            acks: part(after.acks - before.acks, after.arrived - before.arrived) / 100.0,
            full: record.full_at.map_or(f64::INFINITY, |at| at as f64 / 1e6 / rtt),
        }
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { link, dropped, needless, wait_50, wait_95, rise, acks, full } = self;
        write!(f, "{link:4.1} {dropped:5.2} {needless:5.2} | {wait_50:4.2} {wait_95:4.2} | ")?;
        write!(f, "{rise:4.2} {acks:4.2} {full:5.1}")
    }
}
