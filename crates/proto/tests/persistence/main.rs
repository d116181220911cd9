//! When does a node turn persistent? Every row of `table.json` was checked on the reference, by
//! `reference.mjs`; `here` is a deliberate difference (docs/COMPATIBILITY.md).
#![cfg(test)]

mod peers;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use peers::Peers;
use proto::{BootstrapNode, Config, Datagram, Event, Node, SocketId, TransmitBuf};
use serde_json::Value;

#[test]
fn a_node_turns_persistent_when_the_reference_does() {
    let rows: Value = serde_json::from_str(include_str!("table.json")).unwrap();
    let mut failed = Vec::new();
    for row in rows.as_array().unwrap() {
        let expected = row.get("here").unwrap_or(&row["expect"]);
        let came = Trial::new(row).run();
        if came != *expected {
            failed.push(format!("{}: {came}, not {expected}", row["name"]));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// One node, its clock, and the peers of a row.
struct Trial<'a> {
    row: &'a Value,
    now: Instant,
    node: Node,
    peers: Peers<'a>,
    state: &'static str,
}

impl<'a> Trial<'a> {
    fn new(row: &'a Value) -> Self {
        let (now, peers) = (Instant::now(), Peers::new(row));
        let option = |name: &str| row["options"].get(name).and_then(Value::as_bool);
        let bootstrap = peers.first().map(BootstrapNode::Address).into_iter().collect();
        let any = Ipv4Addr::UNSPECIFIED;
        let config = Config {
            bootstrap,
            server_socket: SocketAddrV4::new(any, peers::SERVER_PORT),
            client_socket: SocketAddrV4::new(any, peers::CLIENT_PORT),
            ephemeral: option("ephemeral"),
            adaptive: option("adaptive").unwrap_or(true),
            firewalled: option("firewalled").unwrap_or(true),
            quick_firewall: option("quickFirewall").unwrap_or(true),
            ..Config::default()
        };
        let state = if config.firewalled { "firewalled" } else { "open" };
        Self { row, now, node: Node::new(config, [7; 32], now), peers, state }
    }

    /// The states that the node came to, each with its tick.
    fn run(&mut self) -> Value {
        let mut states: Vec<(u64, &str)> = Vec::new();
        let sleep = self.row["sleep"].as_u64();
        for tick in 0..=self.row["ticks"].as_u64().unwrap_or(970) {
            self.peers.tick = tick;
            // Just before the next tick: those come every 5 s from the start, or from the end of a
            // sleep.
            let is_first = tick == 0 || sleep.is_some_and(|sleep| tick == sleep + 1);
            self.pass(if is_first { TICK - BEFORE } else { TICK });
            if states.last().is_none_or(|(_, state)| *state != self.state) {
                states.push((tick, self.state));
            }
            if sleep == Some(tick) {
                self.now += Duration::from_secs(60);
            }
        }
        serde_json::json!(states)
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        loop {
            let wake = self.node.poll_timeout().map(|(at, _)| at);
            let next = [wake, self.peers.next()].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            match self.peers.poll(self.now) {
                Some((socket, from, mut data)) => {
                    let datagram = Datagram { socket, from: from.into(), data: &mut data };
                    self.node.handle_datagram(self.now, datagram);
                }
                None => self.node.handle_timeout(self.now),
            }
            self.settle();
        }
        self.now = end;
    }

    fn settle(&mut self) {
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 1 };
        while let Some(transmit) = self.node.poll_transmit(self.now, &mut buf) {
            let is_server = transmit.socket == SocketId::SERVER;
            let SocketAddr::V4(to) = transmit.to else { panic!("{} is no peer", transmit.to) };
            self.peers.handle_request(self.now, is_server, to, &buf.data);
        }
        let mut events = Vec::new();
        self.node.drain_events(&mut events);
        for event in events {
            if let Event::Persistent { .. } = event {
                self.state = "persistent";
            } else if let Event::Ephemeral | Event::NotFirewalled = event {
                self.state = "open";
            }
        }
    }
}

const TICK: Duration = Duration::from_secs(5);
const BEFORE: Duration = Duration::from_millis(100);
