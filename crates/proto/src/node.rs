//! The node: every machine, and the one place where their messages meet.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use crate::{
    Action, Command, Config, ConnId, Datagram, Event, Live, Stats, Timer, Transmit, TransmitBuf,
};

/// One DHT node.
#[derive(Debug)]
pub struct Node {}

/// What a connection's transport measures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ConnStats {
    /// Smoothed round-trip time in milliseconds; 0 before the first sample.
    pub rtt: f64,
    /// Congestion window, in packets.
    pub cwnd: u32,
    /// Largest packet, in bytes.
    pub mtu: u32,
    /// Packets in flight.
    pub inflight: u32,
    pub retransmits: u64,
    pub fast_recoveries: u64,
    pub rto_count: u64,
    pub bytes_transmitted: u64,
    pub bytes_received: u64,
    pub packets_transmitted: u64,
    pub packets_received: u64,
}

impl Node {
    /// Makes a node whose two main sockets are bound, and starts its bootstrap.
    pub fn new(_config: Config, _seed: [u8; 32], _now: Instant) -> Self {
        unimplemented!()
    }

    /// Takes one datagram.
    pub fn handle_datagram(&mut self, _now: Instant, _datagram: Datagram<'_>) {
        unimplemented!()
    }

    /// Takes one command.
    pub fn handle_command(&mut self, _now: Instant, _command: Command) {
        unimplemented!()
    }

    /// Runs what is due.
    pub fn handle_timeout(&mut self, _now: Instant) {
        unimplemented!()
    }

    /// When `handle_timeout` has to be called next, and why.
    pub fn poll_timeout(&mut self) -> Option<(Instant, Timer)> {
        unimplemented!()
    }

    /// Fills the buffer with the next datagrams to send; call until it returns `None`.
    pub fn poll_transmit(&mut self, _now: Instant, _buf: &mut TransmitBuf) -> Option<Transmit> {
        unimplemented!()
    }

    /// Takes the next piece of work for the driver.
    pub fn poll_action(&mut self) -> Option<Action> {
        unimplemented!()
    }

    /// Takes all events.
    pub fn drain_events(&mut self, _into: &mut Vec<Event>) {
        unimplemented!()
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        unimplemented!()
    }

    /// Live objects.
    pub fn live(&self) -> Live {
        unimplemented!()
    }

    /// Our public address as sampled; port 0 if it differs from peer to peer.
    pub fn nat_address(&self) -> (Option<Ipv4Addr>, u16) {
        unimplemented!()
    }

    /// Our address for strangers, if they can reach it.
    pub fn remote_address(&self) -> Option<SocketAddrV4> {
        unimplemented!()
    }

    /// Our id while we are persistent.
    pub fn id(&self) -> Option<[u8; 32]> {
        unimplemented!()
    }

    /// True until a check shows that strangers reach us.
    pub fn firewalled(&self) -> bool {
        unimplemented!()
    }

    /// The nodes of the routing table, the latest heard first.
    pub fn nodes(&self, _limit: usize) -> Vec<SocketAddrV4> {
        unimplemented!()
    }

    /// What the transport of a connection measures.
    pub fn conn_stats(&self, _conn: ConnId) -> Option<ConnStats> {
        unimplemented!()
    }
}
