//! Loss detection after RFC 8985 (RACK-TLP), and the retransmission timeout.

use crate::flight::{Flight, Sent};
use crate::mtu::BASE_MTU;
use crate::rate::RateMark;
use crate::rtt::Rtt;
use crate::seq::Number;
use crate::time::{MILLISECOND, Micros, SECOND};

/// The packets that one acknowledgement newly reports as received.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// IP bytes that are newly known to have arrived.
    pub(crate) bytes: u64,
    pub(crate) packets: usize,
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
    /// Everything below has arrived.
    pub(crate) ack: Number,
    /// The end of the last SACK range, or `ack`.
    pub(crate) told: Number,
    reordered: bool,
    /// The latest transmission that seems to have taken less than the smallest round trip.
    early: Option<u64>,
}

/// A transmission that arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newest {
    pub(crate) tx: u64,
    pub(crate) sent_at: Micros,
    pub(crate) mark: RateMark,
}

impl Delivery {
    /// What an acknowledgement of everything below `ack` reports, before it is counted.
    pub(crate) fn new(ack: Number) -> Self {
        Self { ack, told: ack, ..Self::default() }
    }

    /// Whether a peer that hides what it has received has shown some of it at last: it acknowledges
    /// each packet, so an acknowledgement of many tells of earlier ones.
    pub(crate) fn reveals(&self) -> bool {
        self.packets > MAX_ACKED
    }

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
        self.packets += 1;
        let on_path = sent.path == path;
        // A packet that was sent again may have come in fragments.
        if on_path && sent.transmissions == 1 {
            self.largest = self.largest.max(sent.size());
        }
        self.highest = self.highest.max(Some(number));
        let round_trip = now.saturating_sub(sent.sent_at);
        if sent.transmissions > 1 && rtt.min().is_some_and(|min| round_trip < min) {
            // An earlier transmission has arrived, or the path has become shorter.
            self.early = self.early.max(Some(sent.tx));
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

/// How many acknowledgements the peer sends.
///
/// A receiver of the reference acknowledges each packet. After many losses it hides some of the
/// packets that it has: its search for SACK ranges ends after as many missing packets as it holds. A
/// peer that sends fewer acknowledgements is not of the reference, and hides nothing.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    acks: u32,
    packets: u32,
}

impl Reports {
    /// Counts an acknowledgement of `packets`, which have not been acknowledged before.
    pub(crate) fn handle_ack(&mut self, packets: usize) {
        if self.packets.max(self.acks) >= REPORTS_COUNTED {
            (self.acks, self.packets) = (self.acks / 2, self.packets / 2);
        }
        self.acks += 1;
        self.packets += u32::try_from(packets).unwrap_or(REPORTS_COUNTED).min(REPORTS_COUNTED);
    }

    /// Whether the peer may hide packets. Some acknowledgements get lost on their way.
    pub(crate) fn may_hide(&self) -> bool {
        5 * self.acks >= 3 * self.packets || self.packets < FEW_REPORTS
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
    /// Only packets below this number can be found lost.
    limit: Number,
    pub(crate) reports: Reports,
    /// A transmission whose acknowledgement came early, and when it came.
    early: Option<(u64, Micros)>,
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
        self.early = None;
    }

    /// Learns from an acknowledgement.
    ///
    /// A peer that `hides` what it has received is silent about the highest numbers. So nothing is
    /// known about packets beyond the last one that the acknowledgement tells of, or the one that it
    /// asks for.
    pub(crate) fn update(&mut self, now: Micros, delivery: &Delivery, hides: bool) {
        self.limit = if hides { delivery.told.max(delivery.ack + 1) } else { Number::MAX };
        if let Some(highest) = delivery.highest {
            self.highest = self.highest.max(highest + 1);
        }
        if delivery.reordered {
            self.tolerance = self.tolerance.max(1);
        }
        if let Some(tx) = delivery.early {
            self.tolerance = (self.tolerance + 1).min(MAX_TOLERANCE);
            self.early.get_or_insert((tx, now));
        }
        let Some(newest) = delivery.newest else {
            return;
        };
        self.early = None;
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
        let mut losses = Losses { look_again: self.settle_early(now, rtt), ..Losses::default() };
        while let Some(number) = flight.next_deferred(self.limit) {
            losses.lose(flight, number);
        }
        while let Some((number, sent)) = flight.oldest() {
            if sent.tx >= self.newest_tx {
                break;
            }
            let deadline = sent.sent_at + self.rtt + window;
            if deadline > now {
                losses.look_again = Some(losses.look_again.map_or(deadline, |at| at.min(deadline)));
                break;
            }
            if number >= self.limit {
                flight.defer();
                continue;
            }
            losses.lose(flight, number);
        }
        if flight.oldest().is_none() {
            // Nothing is on its way that could make the peer tell more.
            Self::lose_deferred(flight, &mut losses);
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
        Self::lose_deferred(flight, &mut losses);
        while let Some((number, sent)) = flight.oldest() {
            if sent.sent_at + self.rtt + window > now {
                break;
            }
            losses.lose(flight, number);
        }
        losses
    }

    /// Decides which transmission was acknowledged early, or tells when it can.
    ///
    /// If it was an earlier one that was late, others were late with it, and their acknowledgements
    /// follow. If none has come for a round trip, it was the last one, and whatever was sent before
    /// it is late.
    fn settle_early(&mut self, now: Micros, rtt: &Rtt) -> Option<Micros> {
        let (tx, since) = self.early?;
        let at = since + rtt.min().unwrap_or(0);
        if at > now {
            return Some(at);
        }
        self.early = None;
        self.newest_tx = self.newest_tx.max(tx);
        None
    }

    /// Marks every packet in flight as lost: none of them can arrive any more.
    pub(crate) fn lose_all(&mut self, flight: &mut Flight) {
        while let Some(number) = flight.next_deferred(Number::MAX) {
            flight.lose(number);
        }
        while let Some((number, _)) = flight.oldest() {
            flight.lose(number);
        }
    }

    fn lose_deferred(flight: &mut Flight, losses: &mut Losses) {
        while let Some(number) = flight.next_deferred(Number::MAX) {
            losses.lose(flight, number);
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
    /// Tail loss probe, or the next probe of a path that is silent.
    pub(crate) tlp: Option<Micros>,
    /// When packets that may be reordered count as lost.
    pub(crate) reorder: Option<Micros>,
    /// A tail loss probe was sent, and nothing has arrived since.
    pub(crate) probed: bool,
    /// Consecutive timeouts.
    pub(crate) timeouts: u32,
    /// The peer is not given up before.
    pub(crate) kept_until: Micros,
    /// The pauses after which a probe is still to be sent before the first round trip is measured.
    pub(crate) early: &'static [Micros],
}

impl Timers {
    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Micros> {
        [self.rto, self.tlp, self.reorder].into_iter().flatten().min()
    }

    /// Stops all timers, because nothing is in flight.
    pub(crate) fn stop(&mut self) {
        let Self { early, probed, kept_until, .. } = *self;
        *self = Self { early, probed, kept_until, ..Self::default() };
    }

    /// Arms the tail loss probe, if one is allowed. Called after new data or an acknowledgement.
    pub(crate) fn arm_tlp(&mut self, now: Micros, rtt: &Rtt, flight: &Flight) {
        if self.probed || self.timeouts > 0 {
            return;
        }
        let armed = self.tlp.take();
        if flight.is_empty() {
            return;
        }
        let Some(smoothed) = rtt.smoothed() else {
            // Without a round-trip time the probe would be due at the same time as the timeout.
            self.tlp = self.early.first().map(|pause| armed.unwrap_or(now + pause));
            return;
        };
        let patience = if flight.len() == 1 { MAX_ACK_DELAY } else { 0 };
        let due = now + (2 * smoothed + patience).max(MIN_PROBE_TIMEOUT);
        self.tlp = Some(self.rto.map_or(due, |rto| due.min(rto)));
    }
}

/// A first packet that is lost costs 0.4 s and not a second. On a longer path it is sent twice.
pub(crate) const EARLY_PROBE: [Micros; 1] = [400 * MILLISECOND];

/// How often a path that is silent is probed, less half a round trip. When it works again, data
/// flows soon.
pub(crate) const PROBE_INTERVAL: Micros = 300 * MILLISECOND;

/// The same after the timeouts that the reference survives.
pub(crate) const LATE_PROBE_INTERVAL: Micros = 2 * SECOND;

/// For a peer whose firewall may open a moment after the first packet has come: after 0.1, 0.2, 0.4
/// and 0.8 s.
pub(crate) const OPENING_PROBES: [Micros; 4] =
    [100 * MILLISECOND, 100 * MILLISECOND, 200 * MILLISECOND, 400 * MILLISECOND];

/// Repeated timeouts with packets above the base size suggest an MTU black hole.
pub(crate) fn suspects_black_hole(timeouts: u32, mtu: u16) -> bool {
    timeouts >= 2 && mtu > BASE_MTU
}

/// The memory of [`Reports`] in packets, and how many say nothing yet. A peer may hide hundreds of
/// packets, which it acknowledges together later.
const REPORTS_COUNTED: u32 = 16_384;
const FEW_REPORTS: u32 = 32;

/// More acknowledgements than this are not lost in a row.
const MAX_ACKED: usize = 8;

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
