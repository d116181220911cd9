//! Raw streams between nodes, over a network that delays and loses packets.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]
#![cfg(test)]

use std::net::SocketAddrV4;
use std::time::Duration;

use netsim::{HostId, Link, World};
use proto::{
    Answer, Closed, Command, ConnId, Event, Question, RawCommand, RawOptions, RawRemote, SocketId,
    StreamId,
};

#[test]
fn bytes_arrive_over_a_path_that_loses_packets() {
    let mut world = world(1, 50);
    connect_both(&mut world);
    let sent = exchange(&mut world, A, B);
    assert_eq!(received(&mut world, B), sent);
}

#[test]
fn a_stream_moves_to_another_socket_without_a_byte_lost() {
    for seed in 0..20 {
        let mut world = world(seed, 10);
        connect_both(&mut world);
        let sent = write(&mut world, A);
        world.run_for(Duration::from_millis(120));
        let remote = RawRemote { socket: SocketId::CLIENT, ..remote_of(&world, B) };
        raw(&mut world, A, RawCommand::ChangeRemote(remote));
        world.command(A, Command::End { conn: CONN });
        world.wait_for(B, |event| matches!(event, Event::RemoteEnd { .. }));
        assert_eq!(received(&mut world, B), sent, "seed {seed}");
        world.wait_for(A, |event| matches!(event, Event::RemoteChanged { .. }));
    }
}

/// A sends to one socket of B, which sends from another one.
#[test]
fn a_peer_is_let_in_at_whichever_socket_of_the_node_it_sends_to() {
    let mut world = world(2, 10);
    for host in [A, B] {
        create(&mut world, host);
    }
    let crossed =
        RawRemote { address: world.get(B).client_address().into(), ..remote_of(&world, B) };
    raw(&mut world, A, RawCommand::Connect { remote: crossed, ack: 0 });
    let early = write(&mut world, A);
    world.run_for(Duration::from_millis(120));
    let remote = remote_of(&world, A);
    raw(&mut world, B, RawCommand::Connect { remote, ack: 0 });
    let sent = exchange(&mut world, B, A);
    assert_eq!(received(&mut world, A), sent);
    // Each end answers on the way that the other one's packets have come.
    let way_back = |host: HostId| world.get(host).node.way_back(CONN);
    let to_b = RawRemote { socket: SocketId::SERVER, ..remote_of(&world, B) };
    let to_a = RawRemote { socket: SocketId::CLIENT, ..remote_of(&world, A) };
    assert_eq!((way_back(A), way_back(B)), (Some(to_b), Some(to_a)));

    world.command(A, Command::End { conn: CONN });
    world.wait_for(B, |event| matches!(event, Event::RemoteEnd { .. }));
    assert_eq!(received(&mut world, B), early);
}

#[test]
fn peers_that_know_only_a_relay_talk_through_it() {
    let mut world = world(3, 10);
    let relay = HostId(2);
    let links = [(A, ConnId(1)), (B, ConnId(2))];
    for (host, conn) in links {
        let options =
            RawOptions { id: StreamId(conn.0), seq: 0, framed: false, ask_firewall: true };
        world.command(relay, Command::Raw { conn, command: RawCommand::Create(options) });
        create(&mut world, host);
        let remote = RawRemote { id: conn.0, ..remote_of(&world, relay) };
        raw(&mut world, host, RawCommand::Connect { remote, ack: 0 });
        // The relay learns the address of a peer from its first packet.
        let data = bytes::Bytes::new();
        world.command(host, Command::SendMessage { conn: CONN, data });
    }
    for (conn, target) in [(ConnId(1), ConnId(2)), (ConnId(2), ConnId(1))] {
        world.command(relay, Command::Raw { conn, command: RawCommand::RelayTo(target) });
    }
    for _ in links {
        let is_ask = |event: &Event| matches!(event, Event::Ask { .. });
        world.wait_for(relay, is_ask);
        for event in world.take_events(relay) {
            let Event::Ask { ask, question } = event else { continue };
            let Question::StreamFirewall { conn, socket, from } = question else { continue };
            let remote = RawRemote { socket, address: from, id: CONN.0 };
            world.command(
                relay,
                Command::Raw { conn, command: RawCommand::Connect { remote, ack: 0 } },
            );
            world.command(relay, Command::Answer { ask, answer: Answer::Accept });
        }
    }
    let sent = exchange(&mut world, A, B);
    assert_eq!(received(&mut world, B), sent);

    world.command(A, Command::DestroyConn { conn: CONN });
    world.wait_for(B, |event| matches!(event, Event::Closed(Closed { error: Some(_), .. })));
    world.run_for(Duration::from_secs(20));
    assert_eq!(world.get(relay).node.live().connections, 0);
}

#[test]
fn a_reader_that_stops_closes_the_window() {
    let mut world = world(4, 0);
    connect_both(&mut world);
    for _ in 0..20 {
        write(&mut world, A);
    }
    world.run_for(Duration::from_secs(30));
    let held: usize = world.get(B).events.iter().map(len).sum();
    assert!((1 << 20..5 << 20).contains(&held), "{held}");
    assert!(!world.saw(B, |event| matches!(event, Event::Closed(_))));
}

fn world(seed: u64, loss_per_mille: u32) -> World {
    let link = Link { loss_per_mille, ..Link::default() };
    World::testnet(seed, 3, link)
}

fn connect_both(world: &mut World) {
    for host in [A, B] {
        create(world, host);
    }
    for (host, peer) in [(A, B), (B, A)] {
        let remote = remote_of(world, peer);
        raw(world, host, RawCommand::Connect { remote, ack: 0 });
    }
    for host in [A, B] {
        world.take_events(host);
    }
}

fn create(world: &mut World, host: HostId) {
    let options = RawOptions { id: StreamId(CONN.0), seq: 0, framed: false, ask_firewall: false };
    raw(world, host, RawCommand::Create(options));
}

fn raw(world: &mut World, host: HostId, command: RawCommand) {
    world.command(host, Command::Raw { conn: CONN, command });
}

fn remote_of(world: &World, peer: HostId) -> RawRemote {
    let address: SocketAddrV4 = world.get(peer).server_address();
    RawRemote { socket: SocketId::SERVER, address: address.into(), id: CONN.0 }
}

/// Writes, ends and waits until the peer has got everything.
fn exchange(world: &mut World, from: HostId, to: HostId) -> Vec<u8> {
    let sent = write(world, from);
    world.command(from, Command::End { conn: CONN });
    world.wait_for(to, |event| matches!(event, Event::RemoteEnd { .. }));
    sent
}

fn write(world: &mut World, host: HostId) -> Vec<u8> {
    let sent: Vec<u8> = (0..500_000_u32).map(|i| (i % 251) as u8).collect();
    for chunk in sent.chunks(10_000) {
        let data = proto::Message::from(chunk);
        world.command(host, Command::Write { conn: CONN, data });
    }
    sent
}

fn received(world: &mut World, host: HostId) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in world.take_events(host) {
        if let Event::Data { data, .. } = event {
            bytes.extend_from_slice(&data);
        }
    }
    bytes
}

fn len(event: &Event) -> usize {
    match event {
        Event::Data { data, .. } => data.len(),
        _ => 0,
    }
}

const A: HostId = HostId(0);
const B: HostId = HostId(1);
const CONN: ConnId = ConnId(7);
