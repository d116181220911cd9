//! A clock, a generator of random numbers and an outbox, for tests of single machines.

use std::net::SocketAddrV4;
use std::time::Instant;

use crate::cx::ControlDatagram;
use crate::wire::dht_address;
use crate::{Cx, Outbox, Rng, Stats, Timers};

pub(crate) struct Bench {
    pub(crate) now: Instant,
    pub(crate) rng: Rng,
    pub(crate) timers: Timers,
    pub(crate) out: Outbox,
    pub(crate) stats: Stats,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            now: Instant::now(),
            rng: Rng::from_seed([7; 32]),
            timers: Timers::new(),
            out: Outbox::default(),
            stats: Stats::default(),
        }
    }

    pub(crate) fn cx(&mut self) -> Cx<'_> {
        Cx {
            now: self.now,
            rng: &mut self.rng,
            timers: &mut self.timers,
            out: &mut self.out,
            stats: &mut self.stats,
        }
    }

    pub(crate) fn take_sent(&mut self) -> Vec<ControlDatagram> {
        self.out.control.drain(..).collect()
    }
}

/// The peer of the DHT to which a datagram was sent.
pub(crate) fn peer_of(sent: &ControlDatagram) -> SocketAddrV4 {
    dht_address(sent.to).expect("an address of the DHT")
}
