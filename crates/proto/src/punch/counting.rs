//! Probes between two NATs that count: each gives every new destination the next port.
//!
//! The n-th probe of an end leaves from the n-th port after its last one, and goes to a guess of
//! the port that the peer's probe leaves from. If nothing else took a port, each end would guess the
//! n-th one. Some ports are taken between the last one that an end knows and its first probe, so the
//! server's guesses run ahead of its probes, more and more: for each number of such ports, some of
//! its probes meet probes of the client.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::probe::Probe;
use crate::SocketId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counting {
    /// The last port that the peer's NAT is known to have given.
    last: SocketAddrV4,
    is_ahead: bool,
    passes: usize,
}

impl Counting {
    pub(super) fn new(last: SocketAddrV4, is_client: bool) -> Self {
        Self { last, is_ahead: !is_client, passes: 0 }
    }

    /// Appends the probes of the next pass. Returns the time until the next one; `None` after the
    /// last. The first pass opens our NAT; the others repeat it.
    pub(super) fn step(&mut self, socket: SocketId, probes: &mut Vec<Probe>) -> Option<Duration> {
        let pause = *PAUSES.get(self.passes)?;
        let low_ttl = self.passes == 0;
        self.passes += 1;
        probes.extend((0..PROBES).filter_map(|n| {
            let ahead = if self.is_ahead { n / 2 } else { 0 };
            let port = self.last.port().checked_add(1 + n + ahead)?;
            Some(Probe { socket, to: SocketAddrV4::new(*self.last.ip(), port), low_ttl })
        }));
        Some(Duration::from_millis(pause))
    }
}

/// The probes of one pass.
const PROBES: u16 = 64;

/// Milliseconds after each pass. The peer begins up to a round trip earlier or later.
const PAUSES: [u64; 4] = [150, 250, 350, 300];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn probes_meet_although_ports_were_taken_before() {
        for taken in [[0, 0], [1, 0], [0, 1], [3, 2], [2, 9], [9, 9]] {
            assert!(meetings(taken) > 0, "{taken:?}");
        }
        assert_eq!(meetings([40, 40]), 0);
    }

    #[test]
    fn the_first_pass_opens_and_each_pass_is_the_same() {
        let mut counting = Counting::new(SocketAddrV4::new(HOST, 2000), false);
        let mut passes = Vec::new();
        let mut time = Duration::ZERO;
        loop {
            let mut probes = Vec::new();
            let Some(pause) = counting.step(SocketId(2), &mut probes) else { break };
            time += pause;
            passes.push(probes);
        }
        assert_eq!(time.as_millis(), 1050);
        let to = |pass: &[Probe]| pass.iter().map(|probe| probe.to.port()).collect::<Vec<_>>();
        assert!(passes.iter().all(|pass| to(pass) == to(&passes[0])));
        assert_eq!(to(&passes[0])[..5], [2001, 2002, 2004, 2005, 2007]);
        let low: Vec<_> = passes.iter().map(|pass| pass.iter().all(|p| p.low_ttl)).collect();
        assert_eq!(low, [true, false, false, false]);
    }

    #[test]
    fn there_are_no_ports_after_the_last_one() {
        let mut counting = Counting::new(SocketAddrV4::new(HOST, u16::MAX - 3), true);
        let mut probes = Vec::new();
        counting.step(SocketId(2), &mut probes);
        assert_eq!(probes.len(), 3);
    }

    /// How many pairs of probes meet if each end's NAT has given some ports to others.
    fn meetings(taken: [u16; 2]) -> usize {
        let ends = [true, false].map(|is_client| {
            let last = SocketAddrV4::new(HOST, if is_client { 30_000 } else { 20_000 });
            let mut probes = Vec::new();
            Counting::new(last, is_client).step(SocketId(2), &mut probes);
            let first = if is_client { 20_001 } else { 30_001 } + taken[usize::from(is_client)];
            let ports = (first..).zip(probes.iter().map(|probe| probe.to.port()));
            ports.collect::<BTreeMap<_, _>>()
        });
        let [client, server] = ends;
        client.iter().filter(|(from, to)| server.get(to) == Some(from)).count()
    }

    const HOST: Ipv4Addr = Ipv4Addr::new(1, 1, 1, 1);
}
