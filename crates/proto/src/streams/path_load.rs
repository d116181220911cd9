//! What the streams of a path have in flight together.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Path;

/// Bounds what several streams have in flight on the same path.
///
/// The congestion control of each stream finds its own limit, by losses if nothing else tells. But
/// all of them arrive in one receive buffer, which a hundred streams that start together overflow
/// before any of them knows.
#[derive(Debug, Default)]
pub(super) struct PathLoads {
    slots: BTreeMap<Path, usize>,
    loads: Vec<Load>,
    vacant: Vec<usize>,
}

/// One path.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    path: Option<Path>,
    streams: usize,
    /// Bytes in flight.
    bytes: u64,
    /// The shortest round trip that its streams measure.
    round_trip: Option<Duration>,
}

/// Limits of what a stream has sent and the peer has not acknowledged, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// What the stream keeps.
    pub(super) held: usize,
    /// What is on its way.
    pub(super) in_flight: u64,
}

/// The part that a stream has in the load of its path.
#[derive(Debug, Default)]
pub(super) struct PathShare {
    slot: Option<usize>,
    bytes: u64,
    round_trip: Option<Duration>,
}

impl PathLoads {
    /// A stream leaves its path, unless it is this one, and takes it, if any.
    pub(super) fn change(&mut self, share: &mut PathShare, path: Option<Path>) {
        if self.load(share).and_then(|load| load.path) == path {
            return;
        }
        self.set(share, 0, None);
        if let Some(slot) = share.slot.take() {
            self.leave(slot);
        }
        share.slot = path.map(|path| self.enter(path));
    }

    /// A stream has so many bytes in flight, and measures a round trip.
    pub(super) fn set(&mut self, share: &mut PathShare, bytes: u64, round_trip: Option<Duration>) {
        let Some(load) = share.slot.and_then(|slot| self.loads.get_mut(slot)) else { return };
        let before = std::mem::replace(&mut share.bytes, bytes);
        load.bytes = load.bytes + bytes - before;
        // A path may become longer: the stream that has told the shortest one may take it back.
        let others = load.round_trip.filter(|_| load.round_trip != share.round_trip);
        load.round_trip = others.into_iter().chain(round_trip).min();
        share.round_trip = round_trip;
    }

    /// How much a stream may have in flight.
    pub(super) fn room(&self, share: &PathShare) -> u64 {
        self.load(share).map_or(u64::MAX, Load::room)
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    fn load(&self, share: &PathShare) -> Option<&Load> {
        self.loads.get(share.slot?)
    }

    fn enter(&mut self, path: Path) -> usize {
        let Self { slots, loads, vacant } = self;
        let slot = *slots.entry(path).or_insert_with(|| {
            vacant.pop().unwrap_or_else(|| {
                loads.push(Load::default());
                loads.len() - 1
            })
        });
        if let Some(load) = loads.get_mut(slot) {
            load.path = Some(path);
            load.streams += 1;
        }
        slot
    }

    fn leave(&mut self, slot: usize) {
        let Some(load) = self.loads.get_mut(slot) else { return };
        load.streams -= 1;
        if load.streams == 0 {
            if let Some(path) = std::mem::take(load).path {
                self.slots.remove(&path);
            }
            self.vacant.push(slot);
        }
    }
}

impl Load {
    /// Several times as much as is free: a stream beside idle ones gets most of the total, and busy
    /// ones get equal parts.
    fn room(&self) -> u64 {
        if self.streams < 2 {
            return u64::MAX;
        }
        let micros = self.round_trip.map_or(0, |round_trip| round_trip.as_micros() as u64);
        let total = LEAST_TOTAL.max(micros.saturating_mul(MAX_RATE));
        (PARTS * total.saturating_sub(self.bytes)).max(LEAST)
    }
}

/// A stream beside idle ones gets eight ninths.
const PARTS: u64 = 8;

/// What all streams of a path may have in flight, in bytes, however short the path is. One stream
/// beside idle ones gets more than the window of the reference. Linux doubles the 4 MiB that a node asks for
/// as receive buffer, because its own structures need some of it.
const LEAST_TOTAL: u64 = 5 * 1024 * 1024;

/// The rate of the fastest path, in bytes for each microsecond. On a longer path, more is in flight on
/// its way and does not wait in a buffer.
const MAX_RATE: u64 = 400;

/// What each stream may have in flight, in bytes, however many there are: eight packets, since fewer
/// are not worth a system call. 500 streams need 6 MB.
const LEAST: u64 = 8 * 1500;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;
    use crate::SocketId;

    #[test]
    fn a_stream_alone_has_no_limit_and_one_beside_idle_ones_a_whole_window() {
        let (mut loads, mut shares) = streams(1);
        assert_eq!(loads.room(&shares[0]), u64::MAX);
        let mut idle = PathShare::default();
        loads.change(&mut idle, Some(path(1)));
        fill(&mut loads, &mut shares);
        assert!(shares[0].bytes >= 4 << 20, "{}", shares[0].bytes);
        loads.change(&mut idle, None);
        assert_eq!(loads.room(&shares[0]), u64::MAX);
    }

    #[test]
    fn streams_share_what_a_receive_buffer_holds() {
        for n in [2, 50, 500] {
            let (mut loads, mut shares) = streams(n);
            fill(&mut loads, &mut shares);
            let (least, most) = extremes(&shares);
            assert!(least + 6000 >= LEAST && most < 2 * least + 6000, "{n}: {least} {most}");
            let sum: u64 = shares.iter().map(|share| share.bytes).sum();
            assert!((4 << 20..7 << 20).contains(&sum), "{n}: {sum}");
        }
    }

    #[test]
    fn a_long_path_carries_more() {
        let (mut loads, mut shares) = streams(2);
        let round_trip = Duration::from_millis(100);
        shares.iter_mut().for_each(|share| loads.set(share, 0, Some(round_trip)));
        assert!(loads.room(&shares[0]) > 300_000_000);
        loads.set(&mut shares[1], 0, Some(Duration::from_millis(1)));
        assert!(loads.room(&shares[0]) < 50_000_000, "the shortest one was without a queue");
        shares.iter_mut().for_each(|share| loads.set(share, 0, Some(round_trip)));
        assert!(loads.room(&shares[0]) > 300_000_000, "the path has become longer");
    }

    #[test]
    fn what_leaves_is_forgotten() {
        let (mut loads, mut shares) = streams(3);
        shares.iter_mut().for_each(|share| loads.set(share, 1 << 20, None));
        let mut moved = shares.swap_remove(0);
        loads.change(&mut moved, Some(path(2)));
        assert_eq!((loads.loads[0].bytes, loads.len()), (2 << 20, 2));
        for share in &mut shares {
            loads.change(share, None);
        }
        loads.change(&mut moved, Some(path(1)));
        assert_eq!((loads.len(), loads.loads.len()), (1, 2));
        assert_eq!(loads.room(&moved), u64::MAX);
    }

    fn streams(n: usize) -> (PathLoads, Vec<PathShare>) {
        let mut loads = PathLoads::default();
        let mut shares: Vec<_> = (0..n).map(|_| PathShare::default()).collect();
        shares.iter_mut().for_each(|share| loads.change(share, Some(path(1))));
        (loads, shares)
    }

    /// Each stream sends a packet if it may, and gets an answer if it may not.
    fn fill(loads: &mut PathLoads, shares: &mut [PathShare]) {
        for _ in 0..6000 {
            for share in &mut *shares {
                let may_send = share.bytes < loads.room(share);
                let bytes = if may_send { share.bytes + 1500 } else { share.bytes - 6000 };
                loads.set(share, bytes, None);
            }
        }
    }

    fn extremes(shares: &[PathShare]) -> (u64, u64) {
        let bytes = shares.iter().map(|share| share.bytes);
        (bytes.clone().min().unwrap(), bytes.max().unwrap())
    }

    fn path(port: u16) -> Path {
        let remote = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Path { socket: SocketId::SERVER, remote }
    }
}
