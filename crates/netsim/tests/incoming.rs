//! Requests that an application answers, on virtual time.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]
#![cfg(test)]

use std::net::SocketAddrV4;
use std::time::Duration;

use netsim::{Flight, HostId, Link, World};
use proto::{
    Answering, Command, Event, Incoming, Interests, QueryReply, RequestAnswer, RequestError,
    RequestId, SocketId, UserRequest,
};

#[test]
fn the_application_answers() {
    let mut world = world();
    ask(&mut world, ASKER, ANSWERER, request(99));
    let incoming = told(&mut world, ANSWERER);
    assert_eq!((incoming.command, incoming.target), (99, Some(TARGET)));
    assert_eq!(incoming.value.as_deref(), Some(&b"question"[..]));

    answer(&mut world, ANSWERER, &incoming, reply(b"answer"));

    let reply = outcome(&mut world, ASKER).unwrap();
    assert_eq!(reply.value.as_deref(), Some(&b"answer"[..]));
    assert!(reply.token.is_some() && !reply.closer_nodes.is_empty());
}

#[test]
fn answers_may_come_late_and_often() {
    let mut world = world();
    ask(&mut world, ASKER, ANSWERER, request(99));
    let incoming = told(&mut world, ANSWERER);
    world.run_for(Duration::from_millis(500));
    for text in [&b"first"[..], b"second", b"third"] {
        answer(&mut world, ANSWERER, &incoming, reply(text));
    }

    let reply = outcome(&mut world, ASKER).unwrap();
    assert_eq!(reply.value.as_deref(), Some(&b"first"[..]));
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.get(ASKER).node.stats().dropped.unexpected, 2);
}

#[test]
fn an_answer_from_another_socket_to_another_address() {
    let mut world = world();
    ask(&mut world, ASKER, ANSWERER, request(99));
    let incoming = told(&mut world, ANSWERER);
    let elsewhere = world.get(HostId(0)).server_address();
    world.start_tap();

    let to = Some(elsewhere);
    let from_client = Answering { to, socket: Some(SocketId::CLIENT), ..answering(b"answer") };
    answer(&mut world, ANSWERER, &incoming, RequestAnswer::Reply(from_client));

    let sent = world.take_tap();
    assert_eq!((sent.len(), sent[0].to), (1, elsewhere));
    assert_ne!(sent[0].from, world.get(ANSWERER).server_address());
}

#[test]
fn a_relayed_request_keeps_its_id_and_may_change_its_value() {
    let mut world = world();
    subscribe(&mut world, HostId(2), ALL);
    ask(&mut world, ASKER, ANSWERER, request(99));
    let incoming = told(&mut world, ANSWERER);

    for value in [None, Some("relayed".into())] {
        let (to, socket) = (world.get(HostId(2)).server_address(), None);
        let relay = RequestAnswer::Relay { value: value.clone(), to, socket };
        answer(&mut world, ANSWERER, &incoming, relay);
        let relayed = told(&mut world, HostId(2));
        assert_eq!((relayed.tid, relayed.command), (incoming.tid, 99));
        assert_eq!((relayed.target, relayed.value), (Some(TARGET), value));
        assert_eq!(relayed.from, world.get(ANSWERER).server_address());
    }
}

#[test]
fn what_the_application_leaves_to_the_node_is_served() {
    let mut world = world();
    subscribe(&mut world, ANSWERER, ALL);
    for (command, error) in [(3, 0), (99, 1)] {
        ask(&mut world, ASKER, ANSWERER, request(command));
        let incoming = told(&mut world, ANSWERER);
        answer(&mut world, ANSWERER, &incoming, RequestAnswer::Serve);
        assert_eq!(outcome(&mut world, ASKER).unwrap().error, error);
    }
}

#[test]
fn what_nobody_asked_for_is_served_at_once() {
    let mut world = world();
    subscribe(&mut world, ANSWERER, Interests::default());
    ask(&mut world, ASKER, ANSWERER, request(99));
    assert_eq!(outcome(&mut world, ASKER).unwrap().error, 1);
    assert!(!world.saw(ANSWERER, is_incoming));
}

#[test]
fn a_persistent_node_without_plugins_is_silent_about_them() {
    let mut world = world();
    subscribe(&mut world, ANSWERER, Interests::default());
    ask(&mut world, ASKER, ANSWERER, request(10));
    assert_eq!(outcome(&mut world, ASKER).unwrap_err(), RequestError::Timeout);
}

#[test]
fn an_answer_after_the_end_is_nothing() {
    let mut world = world();
    ask(&mut world, ASKER, ANSWERER, request(99));
    let incoming = told(&mut world, ANSWERER);
    world.command(ANSWERER, Command::Destroy { force: true });
    world.start_tap();

    let to = world.get(ASKER).server_address();
    answer(&mut world, ANSWERER, &incoming, reply(b"answer"));
    answer(&mut world, ANSWERER, &incoming, RequestAnswer::Serve);
    let relay = RequestAnswer::Relay { value: None, to, socket: None };
    answer(&mut world, ANSWERER, &incoming, relay);
    assert_eq!(world.take_tap(), []);
}

#[test]
fn a_flood_stays_inside_the_bounds() {
    let mut world = world();
    subscribe(&mut world, ANSWERER, Interests::default());
    world.start_tap();
    ask(&mut world, ASKER, ANSWERER, request(99));
    let datagram = world.take_tap().remove(0).data;
    outcome(&mut world, ASKER).unwrap();
    subscribe(&mut world, ANSWERER, UNKNOWN);
    let to = world.get(ANSWERER).server_address();
    for n in 0..FLOOD {
        let from = SocketAddrV4::new([9, 9, (n >> 8) as u8, n as u8].into(), 1000);
        world.inject(Flight { from, to, data: datagram.clone() });
    }
    world.run_for(Duration::from_secs(1));

    let held = world.take_events(ANSWERER).into_iter().filter(is_incoming).count();
    assert_eq!(held, 1024);
    assert_eq!(world.get(ANSWERER).node.stats().dropped.request, (FLOOD - held) as u64);

    world.command(ANSWERER, Command::Taken { events: held });
    ask(&mut world, ASKER, ANSWERER, request(99));
    told(&mut world, ANSWERER);
}

#[test]
fn a_request_that_is_cancelled_ends_without_a_word() {
    let mut world = world();
    ask(&mut world, ASKER, ANSWERER, request(99));
    let live = world.get(ASKER).node.live().requests;
    world.command(ASKER, Command::CancelRequest { request: ID });
    world.command(ASKER, Command::CancelRequest { request: RequestId(77) });
    assert_eq!(world.get(ASKER).node.live().requests, live - 1);

    let incoming = told(&mut world, ANSWERER);
    answer(&mut world, ANSWERER, &incoming, reply(b"answer"));
    world.run_for(Duration::from_secs(10));
    assert!(!world.saw(ASKER, |event| matches!(event, Event::Reply { .. })));
}

/// Four persistent nodes. One of them subscribes to unknown commands.
fn world() -> World {
    let mut world = World::testnet(21, 4, Link::default());
    subscribe(&mut world, ANSWERER, UNKNOWN);
    world
}

fn subscribe(world: &mut World, host: HostId, interests: Interests) {
    world.take_events(host);
    world.command(host, Command::Subscribe { interests });
}

fn request(command: u64) -> UserRequest {
    UserRequest {
        to: SocketAddrV4::new([0, 0, 0, 0].into(), 0),
        internal: false,
        command,
        target: Some(TARGET),
        token: None,
        value: Some("question".into()),
        retries: 0,
        socket: None,
        ttl: None,
    }
}

fn ask(world: &mut World, asker: HostId, answerer: HostId, options: UserRequest) {
    let to = world.get(answerer).server_address();
    let options = UserRequest { to, ..options };
    world.command(asker, Command::Request { request: ID, options });
}

/// The next request that a host reports.
fn told(world: &mut World, host: HostId) -> Incoming {
    world.run_until(Duration::from_secs(5), |world| world.saw(host, is_incoming));
    let told = |event| match event {
        Event::IncomingRequest(incoming) => Some(*incoming),
        _ => None,
    };
    world.take_events(host).into_iter().find_map(told).unwrap()
}

fn is_incoming(event: &Event) -> bool {
    matches!(event, Event::IncomingRequest(_))
}

fn answer(world: &mut World, host: HostId, incoming: &Incoming, answer: RequestAnswer) {
    let incoming = Box::new(incoming.clone());
    world.command(host, Command::AnswerRequest { incoming, answer });
}

fn outcome(world: &mut World, host: HostId) -> Result<Box<QueryReply>, RequestError> {
    let ended = |event: &Event| matches!(event, Event::Reply { .. });
    world.run_until(Duration::from_secs(10), |world| world.saw(host, ended));
    let result = |event| match event {
        Event::Reply { result, .. } => Some(result),
        _ => None,
    };
    world.take_events(host).into_iter().find_map(result).unwrap()
}

fn reply(value: &'static [u8]) -> RequestAnswer {
    RequestAnswer::Reply(answering(value))
}

fn answering(value: &'static [u8]) -> Answering {
    let value = Some(value.into());
    Answering { value, error: 0, token: true, closer_nodes: true, to: None, socket: None }
}

const ASKER: HostId = HostId(3);
const ANSWERER: HostId = HostId(1);
const ID: RequestId = RequestId(5);
const TARGET: [u8; 32] = [3; 32];
const UNKNOWN: Interests =
    Interests { unknown: true, requests: false, plugins: false, datagrams: false, copies: false };
const ALL: Interests = Interests { requests: true, ..UNKNOWN };
const FLOOD: usize = 5000;
