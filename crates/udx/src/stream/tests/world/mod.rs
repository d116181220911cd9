//! Flows over one limited link, in virtual time. The ends are processes that wake up late, as on a
//! machine, so that acknowledgements and packets come in bursts.

mod cells;
mod controls;
mod cuts;
mod ends;
mod record;
mod reference;
mod sender;
mod shares;
mod table;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use super::Rng;
use ends::End;
use record::Record;

/// Nanoseconds since the world began. A packet takes 12 µs at 1 Gbit/s.
type Nanos = u64;

/// A link, with the same properties in both directions.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// Bytes per second.
    rate: u64,
    /// Milliseconds.
    rtt: u64,
    /// Packets lost per thousand.
    loss: u64,
    /// Bytes.
    queue: u64,
}

impl Line {
    /// The queue is given in percent of the bandwidth-delay product.
    fn new(mbit: u64, rtt: u64, loss: u64, queue: u64) -> Self {
        let rate = mbit * 125_000;
        let queue = (rate * rtt / 1000 * queue / 100).max(5 * 1500);
        Self { rate, rtt, loss, queue }
    }
}

/// What happens at a time: a datagram reaches an end of a flow, or the process of that end runs.
type Event = (Nanos, u64, usize, usize, Option<Vec<u8>>);

struct World {
    start: Instant,
    now: Nanos,
    line: Line,
    /// Everything is lost.
    is_cut: bool,
    /// When the transmitter of each direction is free.
    free: [Nanos; 2],
    flows: Vec<Flow>,
    events: BinaryHeap<Reverse<Event>>,
    count: u64,
    rng: Rng,
}

/// A connection from its sender, end 0, to its receiver, end 1.
struct Flow {
    ends: [Process; 2],
    record: Record,
}

struct Process {
    end: Box<dyn End>,
    inbox: Vec<Vec<u8>>,
    /// When it runs next.
    runs_at: Option<Nanos>,
}

impl World {
    fn new(line: Line, seed: u64) -> Self {
        Self {
            start: Instant::now(),
            now: 0,
            line,
            is_cut: false,
            free: [0; 2],
            flows: Vec::new(),
            events: BinaryHeap::new(),
            count: 0,
            rng: Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
        }
    }

    /// Adds a flow, which begins at once.
    fn add(&mut self, sender: Box<dyn End>, receiver: Box<dyn End>) {
        let ends = [sender, receiver].map(|end| Process { end, inbox: Vec::new(), runs_at: None });
        self.flows.push(Flow { ends, record: Record::default() });
        let flow = self.flows.len() - 1;
        for side in [1, 0] {
            self.run_process(flow, side);
        }
    }

    fn run_for(&mut self, seconds: f64) {
        let limit = self.now + (seconds * 1e9) as Nanos;
        while self.events.peek().is_some_and(|Reverse((at, ..))| *at <= limit) {
            let Some(Reverse((at, _, flow, side, datagram))) = self.events.pop() else {
                break;
            };
            self.now = at;
            match datagram {
                Some(datagram) => self.arrive(flow, side, datagram),
                None if self.process(flow, side).runs_at == Some(at) => {
                    self.run_process(flow, side);
                }
                None => {}
            }
        }
        self.now = limit;
    }

    fn process(&mut self, flow: usize, side: usize) -> &mut Process {
        &mut self.flows[flow].ends[side]
    }

    fn instant(&self) -> Instant {
        self.start + Duration::from_nanos(self.now)
    }

    fn arrive(&mut self, flow: usize, side: usize, datagram: Vec<u8>) {
        if side == 1 {
            self.flows[flow].record.handle_arrival(self.now, &datagram);
        }
        self.process(flow, side).inbox.push(datagram);
        // A sleeping thread takes some time to wake, and sometimes another one has the processor.
        let sleepy = self.rng.below(RARE) == 0;
        let delay = self.rng.below(if sleepy { LATE } else { WAKING });
        self.plan(flow, side, self.now + delay);
    }

    fn plan(&mut self, flow: usize, side: usize, at: Nanos) {
        let process = self.process(flow, side);
        if process.runs_at.is_some_and(|planned| planned <= at) {
            return;
        }
        process.runs_at = Some(at);
        self.count += 1;
        self.events.push(Reverse((at, self.count, flow, side, None)));
    }

    /// Lets a process handle what has come, and send.
    fn run_process(&mut self, flow: usize, side: usize) {
        let now = self.instant();
        let process = self.process(flow, side);
        process.runs_at = None;
        let inbox = std::mem::take(&mut process.inbox);
        let mut sent = Vec::new();
        process.end.run(now, &inbox, &mut |datagram| sent.push(datagram.to_vec()));
        let wakes_at = process.end.wakes_at();
        for datagram in sent {
            self.carry(flow, side, datagram);
        }
        if let Some(at) = wakes_at {
            let at = at.saturating_duration_since(self.start).as_nanos() as Nanos;
            let late = self.rng.below(TIMER_GRAIN);
            self.plan(flow, side, at.max(self.now) + late);
        }
    }

    /// Sends a datagram through the queue of the link.
    fn carry(&mut self, flow: usize, from: usize, datagram: Vec<u8>) {
        let size = datagram.len() as u64 + 28;
        let record = &mut self.flows[flow].record;
        record.handle_sent(self.now, from, &datagram);
        if size > 1500 || self.is_cut {
            return;
        }
        let free = &mut self.free[from];
        let waiting = free.saturating_sub(self.now);
        let queued = (u128::from(waiting) * u128::from(self.line.rate) / 1_000_000_000) as u64;
        if queued + size > self.line.queue {
            record.handle_dropped(from);
            return;
        }
        record.handle_queued(from, waiting);
        *free = (*free).max(self.now) + size * 1_000_000_000 / self.line.rate;
        let at = *free + self.line.rtt * 500_000;
        if self.rng.below(1000) >= self.line.loss {
            self.count += 1;
            self.events.push(Reverse((at, self.count, flow, 1 - from, Some(datagram))));
        }
    }
}

/// How long a thread takes to wake, at most.
const WAKING: Nanos = 150_000;

/// The same while others use the processor, which is so once in [`RARE`] times.
const LATE: Nanos = 3_000_000;
const RARE: u64 = 200;

/// How late timers are, at most.
const TIMER_GRAIN: Nanos = 1_000_000;
