//! The peers of a row, which answer as it says. `network.mjs` is the same for the reference.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use proto::SocketId;
use proto::wire::{Packet, Request, Response, command, node_id};
use serde_json::Value;

/// What a node hears: on which socket, from whom, and what.
type Arrival = (SocketId, SocketAddrV4, Vec<u8>);

/// Everybody whom the node talks to.
pub(crate) struct Peers<'a> {
    /// The tick that runs, which decides what the network is like.
    pub(crate) tick: u64,
    row: &'a Value,
    addresses: Vec<SocketAddrV4>,
    under_way: BTreeMap<(Instant, u64), Arrival>,
    sent: u64,
    /// Transaction id of the quick test, which is the first PING_NAT of all.
    quick: Option<u16>,
    tested: bool,
    probe: Probe,
}

/// PING_NATs that were sent together.
#[derive(Default)]
struct Probe {
    started: Option<Instant>,
    /// In which order they came.
    order: HashMap<u16, u64>,
}

impl<'a> Peers<'a> {
    pub(crate) fn new(row: &'a Value) -> Self {
        let count = row["peers"].as_u64().unwrap_or(24) as u8;
        Self {
            tick: 0,
            row,
            addresses: (0..count).map(address).collect(),
            under_way: BTreeMap::new(),
            sent: 0,
            quick: None,
            tested: false,
            probe: Probe::default(),
        }
    }

    /// The one that the node bootstraps from.
    pub(crate) fn first(&self) -> Option<SocketAddrV4> {
        self.addresses.first().copied()
    }

    /// When something arrives.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    /// What has arrived.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Arrival> {
        self.next().filter(|at| *at <= now)?;
        self.under_way.pop_first().map(|(_, arrival)| arrival)
    }

    /// Takes what the node sends.
    pub(crate) fn handle_request(
        &mut self,
        now: Instant,
        from_server: bool,
        to: SocketAddrV4,
        data: &[u8],
    ) {
        let Some(index) = self.addresses.iter().position(|address| *address == to) else { return };
        let Ok(Packet::Request(request)) = Packet::decode(data) else { return };
        let seen = self.seen(from_server, index);
        match request.command {
            command::PING_NAT => self.test(now, from_server, index, &request, seen),
            command::FIND_NODE => {
                // Not the same for each peer.
                let closer = self.addresses.iter().cycle().skip(index);
                let closer = closer.take(self.addresses.len().min(20)).copied().collect();
                self.reply(now, from_server, index, request.tid, seen, closer);
            }
            _ => self.reply(now, from_server, index, request.tid, seen, Vec::new()),
        }
    }

    fn test(
        &mut self,
        now: Instant,
        from_server: bool,
        index: usize,
        request: &Request<'_>,
        seen: SocketAddrV4,
    ) {
        if self.net("disturbed").is_some() {
            self.disturb(now, from_server);
        }
        let value = request.value.and_then(|value| value.first_chunk()).unwrap();
        let to = SocketAddrV4::new(*seen.ip(), u16::from_le_bytes(*value));
        if self.reaches(now, request.tid) {
            self.reply(now, true, index, request.tid, to, Vec::new());
        }
    }

    /// The first of all is the quick test. Those that follow at once belong to one probe.
    fn reaches(&mut self, now: Instant, tid: u16) -> bool {
        let reached = self.net("reached").and_then(Value::as_u64).unwrap_or(u64::MAX);
        let quick = self.net("quick").and_then(Value::as_bool).unwrap_or(reached > 0);
        if !std::mem::replace(&mut self.tested, true) && self.has_quick_test() {
            self.quick = Some(tid);
        }
        if self.quick == Some(tid) {
            return quick;
        }
        let probe = &mut self.probe;
        if probe.started.is_none_or(|at| now > at + Duration::from_millis(4500)) {
            *probe = Probe { started: Some(now), order: HashMap::new() };
        }
        let count = probe.order.len() as u64;
        *probe.order.entry(tid).or_insert(count) < reached
    }

    fn has_quick_test(&self) -> bool {
        let is_false = |name: &str| self.row["options"][name] == Value::Bool(false);
        !["quickFirewall", "ephemeral", "firewalled"].into_iter().any(is_false)
    }

    /// So many others tell another port that ours seems to have changed.
    fn disturb(&mut self, now: Instant, on_server: bool) {
        let to = SocketAddrV4::new(FIRST, 9);
        for i in 0..16 {
            let from = address(100 + i);
            let id = Some(node_id(from));
            let (tid, internal, command) = (u16::from(i), true, command::PING);
            let (token, target, value) = (None, None, None);
            let ping = Request { tid, to, id, token, internal, command, target, value };
            self.send(now, (socket(on_server), from, ping.encode()));
        }
    }

    fn reply(
        &mut self,
        now: Instant,
        to_server: bool,
        index: usize,
        tid: u16,
        to: SocketAddrV4,
        closer_nodes: Vec<SocketAddrV4>,
    ) {
        let from = self.addresses[index];
        let id = Some(node_id(from));
        let response = Response { tid, to, id, token: None, closer_nodes, error: 0, value: None };
        self.send(now + RTT, (socket(to_server), from, response.encode()));
    }

    fn send(&mut self, at: Instant, arrival: Arrival) {
        self.sent += 1;
        self.under_way.insert((at, self.sent), arrival);
    }

    /// The node's address in the eyes of a peer.
    fn seen(&self, from_server: bool, index: usize) -> SocketAddrV4 {
        let local = if from_server { SERVER_PORT } else { CLIENT_PORT };
        let host = match self.net("host").and_then(Value::as_str) {
            Some("second") => SECOND,
            Some("split") if index % 2 == 1 => SECOND,
            _ => FIRST,
        };
        let port = match self.net("port").and_then(Value::as_str) {
            Some("moved") => local ^ 1,
            Some("random") => 40000 + 7 * index as u16,
            _ => local,
        };
        SocketAddrV4::new(host, port)
    }

    /// A property of the network as it is.
    fn net(&self, name: &str) -> Option<&'a Value> {
        let is_past = |entry: &&Value| entry["from"].as_u64().unwrap_or(0) <= self.tick;
        self.row["net"].as_array()?.iter().rfind(is_past)?.get(name)
    }
}

fn address(i: u8) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, i, 1), 5000 + u16::from(i))
}

fn socket(is_server: bool) -> SocketId {
    if is_server { SocketId::SERVER } else { SocketId::CLIENT }
}

pub(crate) const SERVER_PORT: u16 = 49737;
pub(crate) const CLIENT_PORT: u16 = 30000;

const FIRST: Ipv4Addr = Ipv4Addr::new(5, 5, 5, 1);
const SECOND: Ipv4Addr = Ipv4Addr::new(5, 5, 5, 2);
const RTT: Duration = Duration::from_millis(100);
