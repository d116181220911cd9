//! One node and hand-made datagrams.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;

use super::alone::{Node, delayed_ping, pong_to, response, user};
use super::world::World;
use crate::net::{Answering, Output, Owner, RequestSpec};
use crate::tests::bench::peer_of;
use crate::wire::{Packet, Request, command, error_code, node_id};
use crate::{Config, ConnId, Event, RequestError, RequestId, Rng, SocketId, Timer};

const OWNER: Owner = Owner::UserRequest(RequestId(1));
const PEER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 9, 9, 9), 1234);

#[test]
fn a_request_is_sent_four_times_and_then_fails() {
    let mut node = Node::new();
    node.call(|net, cx| net.ping(cx, PEER, None, 3, OWNER));
    let mut packets = Vec::new();
    for _ in 0..4 {
        packets.extend(node.sent());
        node.pass(Duration::from_millis(1000));
    }
    assert_eq!(packets.len(), 4);
    assert!(packets.iter().all(|packet| *packet == packets[0]));
    assert_eq!(packets[0].socket, SocketId::CLIENT);
    assert!(matches!(node.reply(), Some(Err(RequestError::Timeout))));
    assert_eq!((node.stats.retries, node.stats.timeouts, node.stats.requests_active), (3, 1, 0));
}

/// Its server may have answered directly, or be gone. Neither makes the node offline.
#[test]
fn a_detour_without_a_reply_is_no_timeout() {
    let mut node = Node::new();
    node.call(|net, cx| net.ping(cx, PEER, None, 0, Owner::Path(ConnId(1))));
    node.pass(Duration::from_secs(4));
    assert!(matches!(node.reply(), Some(Err(RequestError::Timeout))));
    assert_eq!((node.stats.timeouts, node.stats.requests_active), (0, 0));
}

#[test]
fn only_the_destination_can_reply() {
    let mut node = Node::new();
    node.call(|net, cx| net.ping(cx, PEER, None, 3, OWNER));
    let pong = node.pong();
    let stranger = SocketAddrV4::new(*PEER.ip(), 1);
    node.hear(SocketId::CLIENT, stranger, &pong);
    assert!(node.reply().is_none());
    assert_eq!(node.stats.dropped.unexpected, 1);
    node.pass(Duration::from_millis(30));
    node.hear(SocketId::SERVER, PEER, &pong);
    let reply = node.reply().unwrap().unwrap();
    assert_eq!((reply.from, reply.socket, reply.rtt), (PEER, SocketId::SERVER, 30));
    node.hear(SocketId::CLIENT, PEER, &pong);
    assert_eq!(node.stats.dropped.unexpected, 2);
}

#[test]
fn a_cancelled_request_is_silent() {
    let mut node = Node::new();
    let key = node.call(|net, cx| net.ping(cx, PEER, None, 3, OWNER));
    node.call(|net, cx| net.cancel_request(cx, key));
    node.pass(Duration::from_secs(9));
    assert!(node.reply().is_none());
    assert_eq!((node.net.live_requests(), node.sent().len()), (0, 1));
}

#[test]
fn the_window_holds_requests_back_until_there_is_room() {
    let mut node = Node::new();
    for port in 1..=100 {
        let to = SocketAddrV4::new(*PEER.ip(), port);
        node.call(|net, cx| net.ping(cx, to, None, 0, OWNER));
    }
    let first = node.sent();
    assert_eq!(first.len(), 80);
    node.hear(SocketId::CLIENT, peer_of(&first[0]), &pong_to(&first[0]));
    assert_eq!(node.sent().len(), 1);
    node.pass(Duration::from_millis(750));
    assert_eq!(node.sent().len(), 19);
    let to = SocketAddrV4::new(*PEER.ip(), 999);
    for _ in 0..100 {
        let force = RequestSpec { force: true, ..RequestSpec::internal(to, command::PING) };
        node.call(|net, cx| net.request(cx, force, OWNER));
    }
    assert_eq!(node.sent().len(), 100);
}

#[test]
fn every_request_ends() {
    let mut node = Node::new();
    for port in 1..=500 {
        let to = SocketAddrV4::new(*PEER.ip(), port);
        node.call(|net, cx| net.ping(cx, to, None, 3, OWNER));
    }
    node.pass(Duration::from_secs(120));
    let ended = node.outputs().filter(|output| matches!(output, Output::Reply { .. })).count();
    assert_eq!((ended, node.net.live_requests()), (500, 0));
    assert!(node.timers.next().is_some_and(|(_, timer)| timer == TICK));
    assert_eq!(node.timers.len(), 1);
}

#[test]
fn a_wrong_token_is_answered_with_a_right_one() {
    let mut node = Node::new();
    let request = Request { token: Some([1; 32]), target: Some([2; 32]), ..user(5) };
    node.hear(SocketId::SERVER, PEER, &request.encode());
    let sent = node.sent();
    let response = response(&sent[0]);
    assert_eq!((response.error, response.tid), (error_code::INVALID_TOKEN, 5));
    let token = response.token;
    assert!(token.is_some() && node.outputs().next().is_none());

    node.hear(SocketId::SERVER, PEER, &Request { token, ..user(6) }.encode());
    let incoming = node.incoming().unwrap();
    assert_eq!((incoming.token, incoming.from, incoming.tid), (token, PEER, 6));
}

#[test]
fn internal_commands_are_answered() {
    let mut node = Node::new();
    let ping = Request { internal: true, ..user(1) };
    node.hear(SocketId::SERVER, PEER, &Request { command: 0, ..ping.clone() }.encode());
    assert_eq!(peer_of(&node.sent()[0]), PEER);

    let nat = Request { command: 1, value: Some(&[0x34, 0x12]), ..ping.clone() };
    node.hear(SocketId::SERVER, PEER, &nat.encode());
    let other = SocketAddrV4::new(*PEER.ip(), 0x1234);
    let sent = node.sent();
    assert_eq!((peer_of(&sent[0]), response(&sent[0]).to), (other, other));

    let find = Request { command: 2, target: Some([0; 32]), ..ping.clone() };
    node.call(|net, cx| net.add_node(cx, PEER));
    node.hear(SocketId::SERVER, PEER, &find.encode());
    assert_eq!(response(&node.sent()[0]).closer_nodes, [PEER]);

    let odd = Request { command: 99, target: Some([0; 32]), ..ping.clone() };
    node.hear(SocketId::SERVER, PEER, &odd.encode());
    let sent = node.sent();
    let odd = response(&sent[0]);
    assert_eq!((odd.error, odd.closer_nodes.len(), odd.token), (1, 1, None));

    for silent in [
        Request { command: 1, ..ping.clone() },
        Request { command: 1, value: Some(&[0, 0]), ..ping.clone() },
        Request { command: 2, ..ping.clone() },
        Request { command: 3, value: Some(&[1; 5]), ..ping.clone() },
        Request { command: 4, value: Some(&[0, 0, 0, 1]), ..ping },
    ] {
        node.hear(SocketId::SERVER, PEER, &silent.encode());
        assert!(node.sent().is_empty());
    }
    assert_eq!(node.stats.dropped.malformed, 5);
}

#[test]
fn a_delayed_ping_is_answered_in_its_time_and_a_flood_is_not() {
    let mut node = Node::new();
    for _ in 0..2000 {
        node.hear(SocketId::SERVER, PEER, &delayed_ping(2000));
    }
    node.pass(Duration::from_millis(1999));
    assert!(node.sent().is_empty());
    node.pass(Duration::from_millis(1));
    assert_eq!(node.sent().len(), 64);
    assert_eq!(node.stats.dropped.admission, 2000 - 64);
}

#[test]
fn forged_delayed_pings_do_not_keep_an_honest_one_out() {
    for hosts in [1, 16, 64, 1100] {
        let mut node = Node::new();
        for n in 0..1100 {
            let forged = SocketAddrV4::new(Ipv4Addr::from(0x0800_0000 + n % hosts), 1);
            node.hear(SocketId::SERVER, forged, &delayed_ping(10_000));
        }
        node.hear(SocketId::SERVER, PEER, &delayed_ping(10_000));
        let sizes = |node: &Node| {
            let mut sizes = crate::Sizes::default();
            node.net.measure(&mut sizes);
            sizes.delayed_pings
        };
        assert!(sizes(&node) <= 1024);
        node.pass(Duration::from_secs(10));
        assert!(node.sent().iter().any(|sent| peer_of(sent) == PEER), "{hosts} forged hosts");
        assert_eq!(sizes(&node), 0);
    }
}

#[test]
fn a_transaction_id_does_not_tell_the_next_one() {
    let mut node = Node::new();
    let tids: Vec<u16> = (1..=64)
        .map(|port| {
            let to = SocketAddrV4::new(*PEER.ip(), port);
            node.call(|net, cx| net.ping(cx, to, None, 3, OWNER));
            node.net.inflight().last().expect("a request").tid
        })
        .collect();
    let steps: HashSet<u16> = tids.windows(2).map(|two| two[1].wrapping_sub(two[0])).collect();
    assert!(steps.len() > 60, "{tids:?}");
}

#[test]
fn requests_to_one_node_never_share_a_transaction_id() {
    let mut node = Node::new();
    for _ in 0..2000 {
        node.call(|net, cx| net.ping(cx, PEER, None, 3, OWNER));
    }
    let tids: HashSet<u16> = node.net.inflight().iter().map(|request| request.tid).collect();
    assert_eq!(tids.len(), 2000);
}

#[test]
fn a_datagram_beyond_the_references_limit_is_dropped() {
    let request = |value: &[u8]| {
        let bare = Request { internal: true, command: 2, target: Some([0; 32]), ..user(1) };
        Request { value: Some(value), ..bare }.encode()
    };
    let overhead = request(&[0; 300]).len() - 300;
    let longest = vec![0; 2048 - overhead];
    let mut node = Node::new();
    node.hear(SocketId::SERVER, PEER, &request(&longest));
    assert_eq!((node.sent().len(), node.stats.dropped.malformed), (1, 0));

    node.hear(SocketId::SERVER, PEER, &request(&[&longest[..], &[0]].concat()));
    assert_eq!((node.sent().len(), node.stats.dropped.malformed), (0, 1));
}

#[test]
fn our_own_delayed_ping_waits_for_the_delay() {
    let mut node = Node::new();
    let value = Some(Bytes::copy_from_slice(&2000u32.to_le_bytes()));
    let ping = RequestSpec { value, ..RequestSpec::internal(PEER, command::DELAYED_PING) };
    node.call(|net, cx| net.request(cx, ping, OWNER));
    node.pass(Duration::from_millis(2999));
    assert_eq!(node.sent().len(), 1);
    node.pass(Duration::from_millis(1));
    assert_eq!(node.sent().len(), 1);
}

#[test]
fn a_down_hint_makes_us_look() {
    let mut node = Node::new();
    node.call(|net, cx| net.add_node(cx, PEER));
    let value = addr4(PEER);
    node.hear(SocketId::SERVER, STRANGER, &down_hint(&value).encode());
    let to: Vec<_> = node.sent().iter().map(peer_of).collect();
    assert_eq!(to, [PEER, STRANGER]);
    node.pass(Duration::from_secs(4));
    assert!(node.net.recent_nodes(9).is_empty());
}

#[test]
fn a_watched_table_tells_who_comes_and_goes() {
    let mut node = Node::new();
    node.call(|net, cx| net.add_node(cx, PEER));
    node.call(|net, _| net.watch_table(true));
    let other = SocketAddrV4::new(*PEER.ip(), 1);
    node.call(|net, cx| net.add_node(cx, other));
    node.call(|net, cx| net.add_node(cx, other));
    let value = addr4(PEER);
    node.hear(SocketId::SERVER, STRANGER, &down_hint(&value).encode());
    node.pass(Duration::from_secs(4));

    let mut events = node.out.events.iter();
    let came = events.find(|e| matches!(e, Event::NodeAdded { node } if node.address == other));
    let went = events.find(|e| matches!(e, Event::NodeRemoved { node } if node.address == PEER));
    assert!(came.is_some() && went.is_some());
    assert!(!events.any(|e| matches!(e, Event::NodeAdded { .. } | Event::NodeRemoved { .. })));
    assert_eq!(node.net.table_nodes(9).len(), 1);
}

#[test]
fn a_heard_node_survives_a_check_in_its_own_tick() {
    let mut node = Node::new();
    node.call(|net, cx| net.add_node(cx, PEER));
    let value = addr4(PEER);
    node.hear(SocketId::SERVER, PEER, &down_hint(&value).encode());
    let pong = node.pong();
    node.hear(SocketId::CLIENT, PEER, &pong);
    assert_eq!(node.net.recent_nodes(9), [PEER]);
}

#[test]
fn a_full_row_is_pinged_before_it_is_changed() {
    let mut world = World::new();
    let node = world.add(true, Config::default());
    let first = |n: u32| SocketAddrV4::new(Ipv4Addr::from(0x0b00_0000 + n), 1);
    (0..400).for_each(|n| world.with(node, |net, cx| net.add_node(cx, first(n))));
    let before = world.hosts[node].net.recent_nodes(999);
    world.run(Duration::from_secs(6));
    let busy = world.hosts[node].net.live_requests();
    (400..800).for_each(|n| world.with(node, |net, cx| net.add_node(cx, first(n))));
    assert_eq!(world.hosts[node].net.live_requests(), busy + 3);
    world.run(Duration::from_secs(4));
    let after = world.hosts[node].net.recent_nodes(999);
    let gone = before.iter().filter(|address| !after.contains(address)).count();
    assert_eq!(gone, busy + 3);
}

#[test]
fn user_commands_go_up_and_answers_go_out() {
    let mut node = Node::new();
    node.hear(SocketId::SERVER, PEER, &Request { value: Some(&[7]), ..user(9) }.encode());
    let incoming = node.incoming().unwrap();
    assert_eq!(incoming.value.as_deref(), Some(&[7][..]));
    let elsewhere = SocketAddrV4::new(Ipv4Addr::new(10, 7, 7, 7), 77);
    let answering = Answering {
        value: Some(Bytes::from_static(&[8])),
        error: 0,
        token: true,
        closer_nodes: true,
        to: Some(elsewhere),
        socket: Some(SocketId::CLIENT),
    };
    node.call(|net, cx| net.respond(cx, &incoming, answering));
    let sent = node.sent();
    assert_eq!((peer_of(&sent[0]), sent[0].socket), (elsewhere, SocketId::CLIENT));
    assert_eq!((response(&sent[0]).tid, response(&sent[0]).to), (9, elsewhere));

    node.call(|net, cx| net.relay(cx, &incoming, Some(&[1, 2]), elsewhere, None));
    let sent = node.sent();
    let Ok(Packet::Request(relayed)) = Packet::decode(&sent[0].payload) else {
        panic!("not a request");
    };
    let expected = Request { to: elsewhere, value: Some(&[1, 2]), ..user(9) };
    assert_eq!((relayed, sent[0].socket), (expected, SocketId::SERVER));
}

#[test]
fn an_id_counts_only_if_it_fits_the_address() {
    let mut node = Node::new();
    node.hear(SocketId::SERVER, PEER, &Request { id: Some([1; 32]), ..user(1) }.encode());
    assert_eq!(node.incoming().unwrap().from_id, None);
    assert!(node.net.recent_nodes(9).is_empty());
    let id = Some(node_id(PEER));
    node.hear(SocketId::SERVER, PEER, &Request { id, ..user(1) }.encode());
    assert_eq!(node.incoming().unwrap().from_id, id);
    assert_eq!(node.net.recent_nodes(9), [PEER]);
}

#[test]
fn noise_is_counted() {
    let mut node = Node::new();
    let mut rng = Rng::from_seed([3; 32]);
    for round in 0..5000u32 {
        let mut data = rng.bytes::<64>();
        data[0] = if round % 2 == 0 { 0x03 } else { 0x13 };
        node.hear(SocketId::SERVER, PEER, &data[..rng.below(65) as usize]);
    }
    let nowhere = SocketAddrV4::new(*PEER.ip(), 0);
    node.hear(SocketId::SERVER, nowhere, &user(1).encode());
    assert!(node.stats.dropped.malformed > 0);
}

/// Says that a node, whose encoded address this is, is down.
fn down_hint(value: &[u8]) -> Request<'_> {
    Request { internal: true, command: command::DOWN_HINT, value: Some(value), ..user(1) }
}

fn addr4(address: SocketAddrV4) -> Vec<u8> {
    [&address.ip().octets()[..], &address.port().to_le_bytes()].concat()
}

/// A node that we do not know.
const STRANGER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 8, 8, 8), 1);

const TICK: Timer = Timer::Net(crate::timers::NetTimer::Tick);
