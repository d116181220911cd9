//! A single node, with hand-made datagrams.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::cx::ControlDatagram;
use crate::net::{Incoming, Net, Output, Reply};
use crate::tests::bench::peer_of;
use crate::wire::{Packet, Request, Response, node_id};
use crate::{Config, Cx, Outbox, RequestError, Rng, SocketId, Stats, Timer, Timers};

/// A node without a network.
pub(super) struct Node {
    pub(super) net: Net,
    pub(super) now: std::time::Instant,
    pub(super) rng: Rng,
    pub(super) timers: Timers,
    pub(super) out: Outbox,
    pub(super) stats: Stats,
}

impl Node {
    pub(super) fn new() -> Self {
        let (mut rng, now) = (Rng::from_seed([1; 32]), std::time::Instant::now());
        let (mut timers, mut out) = (Timers::new(), Outbox::default());
        let mut stats = Stats::default();
        let mut cx =
            Cx { now, rng: &mut rng, timers: &mut timers, out: &mut out, stats: &mut stats };
        let net = Net::new(&Config { server_socket: US, ..Config::default() }, &mut cx);
        let mut node = Self { net, now, rng, timers, out, stats };
        assert!(node.outputs().any(|output| matches!(output, Output::Ready)));
        node
    }

    pub(super) fn call<T>(&mut self, call: impl FnOnce(&mut Net, &mut Cx<'_>) -> T) -> T {
        let mut cx = Cx {
            now: self.now,
            rng: &mut self.rng,
            timers: &mut self.timers,
            out: &mut self.out,
            stats: &mut self.stats,
        };
        call(&mut self.net, &mut cx)
    }

    pub(super) fn hear(&mut self, socket: SocketId, from: SocketAddrV4, data: &[u8]) {
        self.call(|net, cx| net.handle_datagram(cx, socket, from, data));
    }

    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((at, _)) = self.timers.next().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            if let Some(Timer::Net(timer)) = self.timers.pop_due(self.now) {
                self.call(|net, cx| net.handle_timeout(cx, timer));
            }
        }
        self.now = end;
    }

    pub(super) fn sent(&mut self) -> Vec<ControlDatagram> {
        self.out.control.drain(..).collect()
    }

    /// The answer to the first datagram that was sent.
    pub(super) fn pong(&mut self) -> Vec<u8> {
        pong_to(&self.sent()[0])
    }

    pub(super) fn outputs(&mut self) -> impl Iterator<Item = Output> {
        std::iter::from_fn(|| self.net.poll_output())
    }

    pub(super) fn reply(&mut self) -> Option<Result<Reply, RequestError>> {
        self.outputs().find_map(|output| {
            let Output::Reply { result, .. } = output else {
                return None;
            };
            Some(result)
        })
    }

    pub(super) fn incoming(&mut self) -> Option<Incoming> {
        self.outputs().find_map(|output| {
            let Output::Incoming(incoming) = output else {
                return None;
            };
            Some(incoming)
        })
    }
}

/// A DELAYED_PING that asks for its answer after `delay` milliseconds.
pub(super) fn delayed_ping(delay: u32) -> Vec<u8> {
    let delay = delay.to_le_bytes();
    Request { internal: true, command: 4, value: Some(&delay), ..user(1) }.encode()
}

pub(super) fn user(tid: u16) -> Request<'static> {
    Request {
        tid,
        to: US,
        id: None,
        token: None,
        internal: false,
        command: 3,
        target: None,
        value: None,
    }
}

pub(super) fn pong_to(sent: &ControlDatagram) -> Vec<u8> {
    let Ok(Packet::Request(request)) = Packet::decode(&sent.payload) else {
        panic!("not a request");
    };
    let response = Response {
        tid: request.tid,
        to: US,
        id: Some(node_id(peer_of(sent))),
        token: None,
        closer_nodes: Vec::new(),
        error: 0,
        value: None,
    };
    response.encode()
}

pub(super) fn response(sent: &ControlDatagram) -> Response<'_> {
    match Packet::decode(&sent.payload) {
        Ok(Packet::Response(response)) => response,
        other => panic!("not a response: {other:?}"),
    }
}

pub(super) const US: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 1, 1, 1), 49737);
