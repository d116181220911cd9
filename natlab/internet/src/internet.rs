//! The way of a datagram from edge to edge.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::time::{Duration, Instant};

use crate::datagram::Datagram;
use crate::edge::Edge;
use crate::options::{Options, Order};
use crate::tun;

pub struct Internet {
    edges: Vec<Edge>,
    /// When a datagram arrives, its number, and the edge. The number keeps their order.
    arrivals: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    under_way: BTreeMap<u64, Datagram>,
    sent: u64,
    ttl: u8,
    /// Of a hundred datagrams, so many are lost.
    loss: u32,
    random: u64,
}

impl Internet {
    /// # Errors
    ///
    /// When a device cannot be made.
    pub fn open(options: Options) -> io::Result<Self> {
        let mut random = options.seed | 1;
        let mut edges = Vec::new();
        for edge in &options.edges {
            let first_port = SEQUENTIAL + (next(&mut random) % SEQUENTIAL_RANGE) as u16;
            edges.push(Edge::open(edge, first_port)?);
        }
        Ok(Self {
            edges,
            arrivals: BinaryHeap::new(),
            under_way: BTreeMap::new(),
            sent: 0,
            ttl: options.ttl,
            loss: 0,
            random,
        })
    }

    /// Runs until standard input ends, and obeys its lines.
    ///
    /// # Errors
    ///
    /// Those of the devices.
    pub fn run(&mut self) -> io::Result<()> {
        let mut descriptors = vec![poll(0)];
        descriptors.extend(self.edges.iter().map(|edge| poll(edge.descriptor())));
        let mut buffer = vec![0; MAX_PACKET];
        loop {
            tun::wait(&mut descriptors, self.patience())?;
            if descriptors[0].revents != 0 {
                let mut line = String::new();
                if io::stdin().read_line(&mut line)? == 0 {
                    return Ok(());
                }
                self.obey(Order::parse(&line).map_err(io::Error::other)?);
            }
            for (index, descriptor) in descriptors[1..].iter().enumerate() {
                if descriptor.revents != 0 {
                    self.take(index, &mut buffer)?;
                }
            }
            self.deliver(Instant::now());
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Lose(percent) => self.loss = percent,
            Order::Reset(address) => {
                for edge in self.edges.iter_mut().filter(|edge| edge.owns(address)) {
                    edge.reset_nat();
                }
            }
        }
    }

    /// Sends what one network has for the others. A burst does not starve the arrivals.
    fn take(&mut self, index: usize, buffer: &mut [u8]) -> io::Result<()> {
        for _ in 0..BURST {
            let Some(packet) = self.edges[index].read(buffer)? else { return Ok(()) };
            if let Some(datagram) = Datagram::parse(packet) {
                self.send(index, datagram);
            }
        }
        Ok(())
    }

    fn send(&mut self, from: usize, datagram: Datagram) {
        let to = *datagram.destination().ip();
        let ttl = datagram.ttl();
        let Some(datagram) = self.edges[from].outbound(datagram) else { return };
        let Some(edge) = self.edges.iter().position(|edge| edge.owns(to)) else { return };
        // Behind a NAT with a hairpin. Two hosts of the net of the DHT nodes, though, are far apart.
        let turns_around = from == edge && *datagram.source().ip() == to;
        let lost = next(&mut self.random) % 100 < u64::from(self.loss);
        if !turns_around && (ttl < self.ttl || lost) {
            return;
        }
        let delay = self.edges[from].delay + self.edges[edge].delay;
        let delay = if turns_around { Duration::ZERO } else { delay };
        self.sent += 1;
        self.arrivals.push(Reverse((Instant::now() + delay, self.sent, edge)));
        self.under_way.insert(self.sent, datagram);
    }

    fn deliver(&mut self, now: Instant) {
        while let Some(&Reverse((at, number, edge))) = self.arrivals.peek() {
            if at > now {
                return;
            }
            self.arrivals.pop();
            if let Some(datagram) = self.under_way.remove(&number) {
                self.edges[edge].deliver(datagram);
            }
        }
    }

    /// Milliseconds until the next arrival, rounded up: poll(2) knows no smaller unit.
    fn patience(&self) -> i32 {
        let Some(&Reverse((at, ..))) = self.arrivals.peek() else { return -1 };
        let wait = at.saturating_duration_since(Instant::now());
        i32::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
    }
}

fn poll(descriptor: i32) -> libc::pollfd {
    libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 }
}

/// Xorshift, by Marsaglia: losses need no better randomness.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

const MAX_PACKET: usize = 65536;
const BURST: usize = 64;

/// A sequential NAT begins between these ports, with room for some thousand mappings above.
const SEQUENTIAL: u16 = 20000;
const SEQUENTIAL_RANGE: u64 = 20000;
