//! Datagrams on their way from the node to its sockets.

use std::ops::Range;

use proto::{SocketId, Transmit};

/// Transmits that wait, in order: for others that leave with them in one system call, or for room
/// in their socket.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    waiting: Vec<Waiting>,
    data: Vec<u8>,
    /// How many of `waiting` have left.
    left: usize,
}

/// One transmit, and the place of its bytes.
#[derive(Debug)]
struct Waiting {
    transmit: Transmit,
    bytes: Range<usize>,
}

/// Transmits that one system call can send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Together<'a> {
    waiting: &'a [Waiting],
    data: &'a [u8],
    way: Way,
}

/// What transmits have in common that leave in one call.
#[derive(Clone, Copy, Debug)]
struct Way {
    socket: SocketId,
    /// The system divides what is longer.
    segment_size: Option<usize>,
    /// The longest of those that must not be divided.
    longest: usize,
}

impl Outgoing {
    /// Whether a transmit can leave with others, and is so short that it pays to copy it.
    pub(super) fn takes(transmit: &Transmit, data: &[u8]) -> bool {
        is_plain(transmit) && data.len() <= SHORT
    }

    /// Adds a transmit. Any one can wait, also one that is not taken otherwise.
    pub(super) fn push(&mut self, transmit: Transmit, data: &[u8]) {
        let start = self.data.len();
        self.data.extend_from_slice(data);
        self.waiting.push(Waiting { transmit, bytes: start..self.data.len() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// True if no further transmit should wait for others.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST
    }

    /// The socket of the first transmit.
    pub(super) fn socket(&self) -> Option<SocketId> {
        self.waiting.get(self.left).map(|first| first.transmit.socket)
    }

    /// The first transmits that can leave together. One that can only leave alone is alone.
    pub(super) fn first(&self) -> Option<Together<'_>> {
        let waiting = self.waiting.get(self.left..)?;
        let (first, others) = waiting.split_first()?;
        let mut way = Way::of(first);
        let joins = |next: &&Waiting| {
            let joint = way.with(Way::of(next)).filter(|_| is_plain(&next.transmit));
            way = joint.unwrap_or(way);
            joint.is_some()
        };
        let more = if is_plain(&first.transmit) { others } else { &[] };
        let count = 1 + more.iter().take_while(joins).count();
        Some(Together { waiting: waiting.get(..count)?, data: &self.data, way })
    }

    /// Forgets the first transmits, which have left.
    pub(super) fn leave(&mut self, count: usize) {
        self.left += count;
        if self.left >= self.waiting.len() {
            self.left = 0;
            self.waiting.clear();
            self.data.clear();
        }
    }
}

impl<'a> Together<'a> {
    pub(super) fn socket(&self) -> SocketId {
        self.way.socket
    }

    /// The length of the datagrams into which the system divides what is longer.
    pub(super) fn segment_size(&self) -> Option<usize> {
        self.way.segment_size
    }

    /// Each transmit with its bytes.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&'a Transmit, &'a [u8])> + use<'a> {
        let Self { waiting, data, .. } = *self;
        waiting.iter().map(|Waiting { transmit, bytes }| {
            (transmit, data.get(bytes.clone()).unwrap_or_default())
        })
    }
}

impl Way {
    fn of(Waiting { transmit, bytes }: &Waiting) -> Self {
        let segment_size = transmit.segment_size.filter(|size| (1..bytes.len()).contains(size));
        let longest = if segment_size.is_some() { 0 } else { bytes.len() };
        Self { socket: transmit.socket, segment_size, longest }
    }

    /// What two transmits have in common, or `None` if one system call cannot send both: a call uses
    /// one socket and one segment size.
    fn with(self, next: Self) -> Option<Self> {
        let segment_size = self.segment_size.or(next.segment_size);
        let longest = self.longest.max(next.longest);
        let fits = self.socket == next.socket
            && next.segment_size.is_none_or(|size| segment_size == Some(size))
            && segment_size.is_none_or(|size| longest <= size);
        fits.then_some(Self { segment_size, longest, ..self })
    }
}

/// True for a transmit that needs no option of the socket.
fn is_plain(transmit: &Transmit) -> bool {
    transmit.ttl.is_none() && !transmit.may_fragment
}

/// The most transmits that wait for each other: as many as the driver sends while it holds the
/// node's lock.
const MOST: usize = 32;

/// A datagram of a stream is at most as long on Ethernet. To copy it takes a twentieth of the time
/// that a call more takes; for a train of segments it would be the other way round.
const SHORT: usize = 2048;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;

    #[test]
    fn datagrams_to_several_destinations_leave_together() {
        let sends = sends([plain(1, 5), plain(2, 7), plain(1, 0)]);
        assert_eq!(sends, [(vec![1, 2, 1], None)]);
    }

    #[test]
    fn a_call_has_one_segment_size() {
        let queue = [plain(1, 5), cut(2, 15, 5), plain(3, 4), cut(4, 10, 5), plain(5, 6)];
        assert_eq!(sends(queue), [(vec![1, 2, 3, 4], Some(5)), (vec![5], None)]);
        let queue = [plain(1, 6), cut(2, 15, 5), cut(3, 18, 6), cut(4, 6, 6)];
        assert_eq!(sends(queue), [(vec![1], None), (vec![2], Some(5)), (vec![3, 4], Some(6))]);
    }

    #[test]
    fn only_what_leaves_alike_leaves_together() {
        let low = |port| change(plain(port, 5), |transmit| transmit.ttl = Some(5));
        let whole = |port| change(plain(port, 5), |transmit| transmit.may_fragment = true);
        let elsewhere = change(plain(5, 5), |transmit| transmit.socket = SocketId(7));
        let queue = [low(1), low(2), plain(3, 5), whole(4), elsewhere];
        let alone = [1, 2, 3, 4, 5].map(|port| (vec![port], None));
        assert_eq!(sends(queue), alone);
    }

    #[test]
    fn what_has_not_left_waits_in_its_order() {
        let mut outgoing = queued([plain(1, 5), plain(2, 6), plain(3, 7)]);

        outgoing.leave(1);

        let rest: Vec<_> = outgoing.first().unwrap().iter().map(|(_, data)| data.len()).collect();
        assert_eq!(rest, [6, 7]);
        outgoing.leave(2);
        assert!(outgoing.is_empty());
        assert!(outgoing.first().is_none());
    }

    #[test]
    fn what_is_long_or_special_does_not_wait_for_others() {
        let (transmit, data) = plain(1, SHORT);
        assert!(Outgoing::takes(&transmit, &data));
        assert!(!Outgoing::takes(&transmit, &vec![0; SHORT + 1]));
        assert!(!Outgoing::takes(&Transmit { ttl: Some(5), ..transmit }, &data));
        assert!(!Outgoing::takes(&Transmit { may_fragment: true, ..transmit }, &data));
    }

    type Datagrams = (Transmit, Vec<u8>);

    /// The ports and the segment size of each call.
    fn sends<const N: usize>(queue: [Datagrams; N]) -> Vec<(Vec<u16>, Option<usize>)> {
        let mut outgoing = queued(queue);
        let mut sends = Vec::new();
        while let Some(together) = outgoing.first() {
            let ports: Vec<_> = together.iter().map(|(transmit, _)| transmit.to.port()).collect();
            let count = ports.len();
            sends.push((ports, together.segment_size()));
            outgoing.leave(count);
        }
        sends
    }

    fn queued<const N: usize>(queue: [Datagrams; N]) -> Outgoing {
        let mut outgoing = Outgoing::default();
        queue.iter().for_each(|(transmit, data)| outgoing.push(*transmit, data));
        outgoing
    }

    fn plain(port: u16, size: usize) -> Datagrams {
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let socket = SocketId::SERVER;
        let transmit = Transmit { socket, to, ttl: None, segment_size: None, may_fragment: false };
        (transmit, vec![0; size])
    }

    fn cut(port: u16, size: usize, segment_size: usize) -> Datagrams {
        change(plain(port, size), |transmit| transmit.segment_size = Some(segment_size))
    }

    fn change((mut transmit, data): Datagrams, how: impl FnOnce(&mut Transmit)) -> Datagrams {
        how(&mut transmit);
        (transmit, data)
    }
}
