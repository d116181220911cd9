//! Loss detection after RFC 8985 (RACK-TLP), and the retransmission timeout.

use crate::flight::{Flight, Sent};
use crate::mtu::BASE_MTU;
use crate::rate::RateMark;
use crate::rtt::Rtt;
use crate::seq::Number;
use crate::time::{MILLISECOND, Micros};

/// The packets that one acknowledgement newly reports as received.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// IP bytes that are newly known to have arrived.
    pub(crate) bytes: u64,
    /// The most recently sent of them; `None` if it is unclear which transmission arrived.
    pub(crate) newest: Option<Newest>,
    /// The round trip of that packet, if it was sent once and over the current path.
    pub(crate) rtt: Option<Micros>,
    /// Whether `newest` and `rtt` belong to the current path.
    pub(crate) on_path: bool,
    /// The largest IP packet among them, in bytes.
    pub(crate) largest: u64,
    /// The highest number among them.
    pub(crate) highest: Option<Number>,
    reordered: bool,
    spurious: bool,
}

/// A transmission that arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newest {
    pub(crate) tx: u64,
    pub(crate) sent_at: Micros,
    pub(crate) mark: RateMark,
}

impl Delivery {
    /// Counts a delivered packet.
    pub(crate) fn add(
        &mut self,
        now: Micros,
        number: Number,
        sent: &Sent,
        rack: &Rack,
        rtt: &Rtt,
        path: u32,
    ) {
        self.bytes += sent.size();
        let on_path = sent.path == path;
        if on_path {
            self.largest = self.largest.max(sent.size());
        }
        self.highest = self.highest.max(Some(number));
        let round_trip = now.saturating_sub(sent.sent_at);
        if sent.transmissions > 1 && rtt.min().is_some_and(|min| round_trip < min) {
            // Only an earlier transmission can have arrived this early.
            self.spurious = true;
            return;
        }
        if sent.transmissions == 1 {
            self.reordered |= number < rack.highest;
        }
        if self.newest.is_none_or(|newest| newest.tx < sent.tx) {
            self.newest = Some(Newest { tx: sent.tx, sent_at: sent.sent_at, mark: sent.mark });
            self.rtt = (sent.transmissions == 1 && on_path).then_some(round_trip);
            self.on_path = on_path;
        }
    }
}

/// Finds lost packets by time: a packet is lost if one that was sent sufficiently later has
/// arrived.
#[derive(Debug, Default)]
pub(crate) struct Rack {
    /// The latest transmission known to have arrived.
    newest_tx: u64,
    rtt: Micros,
    /// The highest number known to have arrived, plus one.
    highest: Number,
    /// The reordering window in quarters of the smallest round trip; 0 until reordering was seen.
    tolerance: u64,
}

/// The result of a search for losses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses {
    /// IP bytes that were marked lost.
    pub(crate) bytes: u64,
    /// Whether any of them was an ordinary packet rather than an MTU probe.
    pub(crate) congestion: bool,
    /// The IP size of a lost MTU probe.
    pub(crate) probe: Option<u16>,
    /// When to search again, because of packets that may only be reordered.
    pub(crate) look_again: Option<Micros>,
}

impl Rack {
    /// Allows for reordering after a change of path: the packets of the two paths overtake each
    /// other.
    pub(crate) fn handle_path_change(&mut self) {
        self.tolerance = self.tolerance.max(PATH_TOLERANCE);
    }

    /// Learns from an acknowledgement.
    pub(crate) fn update(&mut self, now: Micros, delivery: &Delivery) {
        if let Some(highest) = delivery.highest {
            self.highest = self.highest.max(highest + 1);
        }
        if delivery.reordered {
            self.tolerance = self.tolerance.max(1);
        }
        if delivery.spurious {
            self.tolerance = (self.tolerance + 1).min(MAX_TOLERANCE);
        }
        let Some(newest) = delivery.newest else {
            return;
        };
        if newest.tx >= self.newest_tx {
            self.newest_tx = newest.tx;
            self.rtt = now.saturating_sub(newest.sent_at);
        }
    }

    /// Marks the packets that must be lost by now.
    pub(crate) fn detect(
        &mut self,
        now: Micros,
        flight: &mut Flight,
        rtt: &Rtt,
        recovering: bool,
    ) -> Losses {
        let window = self.reorder_window(rtt, recovering || flight.sacked_packets() >= DUPTHRESH);
        let mut losses = Losses::default();
        while let Some((number, sent)) = flight.oldest() {
            if sent.tx >= self.newest_tx {
                break;
            }
            let deadline = sent.sent_at + self.rtt + window;
            if deadline > now {
                losses.look_again = Some(deadline);
                break;
            }
            losses.lose(flight, number);
        }
        losses
    }

    /// Handles the retransmission timeout: the first packet is lost, and so is every packet that
    /// had time to arrive.
    pub(crate) fn detect_all(&mut self, now: Micros, flight: &mut Flight, rtt: &Rtt) -> Losses {
        let window = self.reorder_window(rtt, false);
        let mut losses = Losses::default();
        let first = flight.una();
        losses.lose(flight, first);
        while let Some((number, sent)) = flight.oldest() {
            if sent.sent_at + self.rtt + window > now {
                break;
            }
            losses.lose(flight, number);
        }
        losses
    }

    /// Marks every packet in flight as lost: none of them can arrive any more.
    pub(crate) fn lose_all(&mut self, flight: &mut Flight) {
        while let Some((number, _)) = flight.oldest() {
            flight.lose(number);
        }
    }

    fn reorder_window(&self, rtt: &Rtt, impatient: bool) -> Micros {
        if self.tolerance == 0 && impatient {
            return 0;
        }
        let quarter = rtt.min().unwrap_or(0) / 4;
        (quarter * self.tolerance.max(1)).min(rtt.smoothed().unwrap_or(0))
    }
}

impl Losses {
    fn lose(&mut self, flight: &mut Flight, number: Number) {
        let Some(sent) = flight.lose(number) else {
            return;
        };
        self.bytes += sent.size();
        if sent.padding > 0 {
            self.probe = u16::try_from(sent.size()).ok();
        } else {
            self.congestion = true;
        }
    }
}

/// The timers of the sending half. [`Timers::next`] is the one that is due first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// Retransmission timeout.
    pub(crate) rto: Option<Micros>,
    /// Tail loss probe.
    pub(crate) tlp: Option<Micros>,
    /// When packets that may be reordered count as lost.
    pub(crate) reorder: Option<Micros>,
    /// A tail loss probe was sent, and nothing has arrived since.
    pub(crate) probed: bool,
    /// Consecutive timeouts.
    pub(crate) timeouts: u32,
}

impl Timers {
    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Micros> {
        [self.rto, self.tlp, self.reorder].into_iter().flatten().min()
    }

    /// Stops all timers, because nothing is in flight.
    pub(crate) fn stop(&mut self) {
        *self = Self { probed: self.probed, ..Self::default() };
    }

    /// Arms the tail loss probe, if one is allowed. Called after new data or an acknowledgement.
    pub(crate) fn arm_tlp(&mut self, now: Micros, rtt: &Rtt, flight: &Flight) {
        self.tlp = None;
        let Some(smoothed) = rtt.smoothed() else {
            // Without a round-trip time the probe would be due at the same time as the timeout.
            return;
        };
        if self.probed || flight.is_empty() || self.timeouts > 0 {
            return;
        }
        let patience = if flight.len() == 1 { MAX_ACK_DELAY } else { 0 };
        let due = now + (2 * smoothed + patience).max(MIN_PROBE_TIMEOUT);
        self.tlp = Some(self.rto.map_or(due, |rto| due.min(rto)));
    }
}

/// Repeated timeouts with packets above the base size suggest an MTU black hole.
pub(crate) fn suspects_black_hole(timeouts: u32, mtu: u16) -> bool {
    timeouts >= 2 && mtu > BASE_MTU
}

/// The timeouts that a stream survives. The next one closes it, 13 s after the first transmission.
pub(crate) const MAX_TIMEOUTS: u32 = 6;

/// With this many SACKed packets the reordering window is zero, unless reordering was seen.
const DUPTHRESH: usize = 3;

/// One smallest round trip.
const PATH_TOLERANCE: u64 = 4;

/// Four quarters are one smallest round trip; more would delay recovery beyond use.
const MAX_TOLERANCE: u64 = 8;

/// How long a peer may keep back an acknowledgement.
const MAX_ACK_DELAY: Micros = 2 * MILLISECOND;

/// A shorter timeout would only detect that a process was not scheduled.
const MIN_PROBE_TIMEOUT: Micros = 5 * MILLISECOND;
