use std::net::SocketAddrV4;
use std::time::Duration;

use super::{AnnounceOutput, Announcer, Signer};
use crate::net::{Owner, RequestSpec};
use crate::noise::KeyPair;
use crate::tests::testnet::{Host, SERVER, Testnet, cx};
use crate::wire::{Handshake, Mode, Peer, Relay, Target, announce_signable, command, hash, ns};
use crate::{Event, QueryKind, Timer, Unsigned};

#[test]
fn a_server_is_announced_on_three_nodes_and_found() {
    let mut testnet = Testnet::persistent(8);
    let (server, client) = (testnet.add(None), testnet.add(None));

    testnet.listen(server, 1);

    let host = &testnet.hosts[server];
    let relays = host.announcer().relays();
    assert_eq!(relays.len(), 3);
    assert!(relays.iter().all(|relay| relay.peer_address == host.client));
    let addresses = addresses_in_order(&relays);
    assert_eq!(host.announcer().relay_addresses(), addresses);
    assert!(addresses.iter().all(|address| host.announcer().is_relay(*address)));
    assert!(!host.announcer().is_relay(host.client));
    let target = host.target();
    assert_eq!(found_on(&mut testnet, client, target), sorted(addresses));
}

#[test]
fn a_server_that_strangers_reach_names_its_own_address_first() {
    let mut testnet = Testnet::persistent(8);
    let server = testnet.add(Some(true));
    testnet.run(Duration::from_secs(10));

    testnet.listen(server, 1);

    let host = &testnet.hosts[server];
    let relays = addresses_in_order(&host.announcer().relays());
    assert_eq!(host.announcer().relay_addresses(), [host.address(), relays[0], relays[1]]);
}

#[test]
fn without_anybody_the_first_cycle_ends_all_the_same() {
    let mut testnet = Testnet::persistent(0);
    let server = testnet.add(None);

    testnet.listen(server, 1);

    assert!(testnet.hosts[server].announcer().relays().is_empty());
}

#[test]
fn one_that_was_alone_announces_when_others_come() {
    let mut testnet = Testnet::persistent(4);
    set_dead(&mut testnet, 0..4, true);
    let server = testnet.add(None);
    testnet.listen(server, 1);
    assert!(testnet.hosts[server].announcer().relays().is_empty());

    set_dead(&mut testnet, 0..4, false);

    let announced = |net: &Testnet| net.hosts[server].announcer().relays().len() == 3;
    assert!(testnet.wait(Duration::from_secs(60), announced));
}

#[test]
fn the_application_signs_what_is_announced_and_taken_back() {
    let mut testnet = Testnet::persistent(6);
    let (server, client) = (testnet.add(None), testnet.add(None));
    let key_pair = KeyPair::from_seed([9; 32]);
    let target = hash(&[&key_pair.public()]);
    testnet.act(server, |host, now| {
        let mut announcer = Announcer::new(SERVER, Signer::Application(key_pair.public()));
        announcer.start(&mut cx!(host, now), &mut host.net);
        host.announcer = Some(announcer);
    });

    sign(&mut testnet, server, &key_pair);
    let announced = |net: &Testnet| net.hosts[server].said(&AnnounceOutput::Announced);
    assert!(testnet.wait(Duration::from_secs(1), announced));
    assert_eq!(found_on(&mut testnet, client, target).len(), 3);

    testnet.act(server, Host::stop);
    sign(&mut testnet, server, &key_pair);
    let stopped = |net: &Testnet| net.hosts[server].said(&AnnounceOutput::Stopped);
    assert!(testnet.wait(Duration::from_secs(1), stopped));
    assert!(found_on(&mut testnet, client, target).is_empty());
}

/// Tokens expire, and a query or a signature may take longer than they live.
#[test]
fn what_is_refused_for_its_token_is_asked_for_again() {
    let mut testnet = Testnet::persistent(3);
    let (server, client) = (testnet.add(None), testnet.add(None));

    set_refusals(&mut testnet, 1);
    testnet.listen(server, 1);
    assert_eq!(testnet.hosts[server].announcer().relays().len(), 3);
    let target = testnet.hosts[server].target();
    assert_eq!(found_on(&mut testnet, client, target).len(), 3);

    set_refusals(&mut testnet, 1);
    testnet.act(server, |host, now| host.stop(now));
    let stopped = |net: &Testnet| net.hosts[server].said(&AnnounceOutput::Stopped);
    assert!(testnet.wait(Duration::from_secs(1), stopped));
    assert!(found_on(&mut testnet, client, target).is_empty());
}

#[test]
fn a_node_that_refuses_every_token_is_no_relay() {
    let mut testnet = Testnet::persistent(3);
    let server = testnet.add(None);

    set_refusals(&mut testnet, 100);
    testnet.listen(server, 1);

    assert!(testnet.hosts[server].announcer().relays().is_empty());
    assert!(testnet.hosts[..3].iter().all(|host| host.refusals == 98));
}

#[test]
fn an_application_that_does_not_sign_announces_nothing() {
    for answers in [false, true] {
        let mut testnet = Testnet::persistent(4);
        let server = testnet.add(None);
        testnet.act(server, |host, now| {
            let mut announcer = Announcer::new(SERVER, Signer::Application([9; 32]));
            announcer.start(&mut cx!(host, now), &mut host.net);
            host.announcer = Some(announcer);
        });
        let asked = testnet.wait(Duration::from_secs(10), |net| wanted(net, server).len() == 3);
        assert!(asked);
        for (tag, _) in wanted(&testnet, server) {
            let signature = None;
            testnet.act(server, |host, now| host.sign(now, answers.then_some(tag), signature));
        }
        let announced = |net: &Testnet| net.hosts[server].said(&AnnounceOutput::Announced);
        let limit = if answers { Duration::ZERO } else { Duration::from_secs(11) };
        assert!(testnet.wait(limit, announced));
        assert!(testnet.hosts[server].announcer().relays().is_empty());
    }
}

#[test]
fn a_handshake_reaches_the_server_through_a_relay() {
    let mut testnet = Testnet::persistent(5);
    let (server, client) = (testnet.add(None), testnet.add(None));
    testnet.listen(server, 1);
    let relay = testnet.hosts[server].announcer().relays()[0].relay_address;
    let target = testnet.hosts[server].target();

    testnet.act(client, |host, now| {
        let spec = handshake(target, relay);
        host.net.request(&mut cx!(host, now), spec, Owner::Punch(0, 0));
    });
    testnet.run(Duration::from_millis(100));

    let [handshake] = &testnet.hosts[server].handshakes[..] else {
        panic!("{:?}", testnet.hosts[server].handshakes);
    };
    assert_eq!(handshake.peer_address, Some(testnet.hosts[client].client));
}

#[test]
fn a_changed_address_is_announced_at_once() {
    let mut testnet = Testnet::persistent(8);
    let server = testnet.add(None);
    testnet.listen(server, 1);
    testnet.run(Duration::from_secs(20));

    testnet.hosts[server].client.set_port(50001);

    let seen = testnet.hosts[server].client;
    let knows = |net: &Testnet| {
        let relays = net.hosts[server].announcer().relays();
        relays.len() == 3 && relays.iter().all(|relay| relay.peer_address == seen)
    };
    assert!(testnet.wait(Duration::from_millis(1500), knows));
}

#[test]
fn an_address_that_never_stays_is_not_announced_all_the_time() {
    let mut testnet = Testnet::persistent(8);
    let server = testnet.add(None);
    testnet.listen(server, 1);

    let before = testnet.hosts[server].stats.queries_total;
    for _ in 0..60 {
        testnet.run(Duration::from_secs(1));
        let port = testnet.hosts[server].client.port() + 1;
        testnet.hosts[server].client.set_port(port);
    }

    let cycles = testnet.hosts[server].stats.queries_total - before;
    assert!((2..=15).contains(&cycles), "{cycles}");
}

#[test]
fn a_dead_relay_is_replaced() {
    let mut testnet = Testnet::persistent(8);
    let server = testnet.add(None);
    testnet.listen(server, 1);

    let dead = testnet.hosts[server].announcer().relays()[1].relay_address;
    kill(&mut testnet, dead);

    let replaced = |net: &Testnet| {
        let relays = net.hosts[server].announcer().relays();
        relays.len() == 3 && relays.iter().all(|relay| relay.relay_address != dead)
    };
    assert!(testnet.wait(Duration::from_secs(60), replaced));
    assert!(testnet.hosts[server].announcer().is_relay(dead), "clients may still name it");
}

#[test]
fn a_relay_that_is_not_among_the_closest_any_more_is_left() {
    let mut testnet = Testnet::persistent(4);
    let (server, client) = (testnet.add(None), testnet.add(None));
    testnet.listen(server, 1);
    let before = testnet.hosts[server].announcer().relays();
    for _ in 0..12 {
        testnet.add(Some(false));
        testnet.run(Duration::from_secs(2));
    }

    testnet.act(server, |host, now| host.refresh(now));
    testnet.run(Duration::from_secs(5));

    let after = testnet.hosts[server].announcer().relays();
    assert_ne!(addresses(&before), addresses(&after));
    let target = testnet.hosts[server].target();
    assert_eq!(found_on(&mut testnet, client, target), addresses(&after));
}

#[test]
fn it_announces_again_before_records_age() {
    let mut testnet = Testnet::persistent(4);
    let (server, client) = (testnet.add(None), testnet.add(None));
    testnet.listen(server, 1);

    testnet.run(Duration::from_secs(60 * 60));

    let target = testnet.hosts[server].target();
    assert_eq!(found_on(&mut testnet, client, target).len(), 3);
}

#[test]
fn stopping_removes_the_record_everywhere() {
    let mut testnet = Testnet::persistent(8);
    let (server, client) = (testnet.add(None), testnet.add(None));
    testnet.listen(server, 1);

    testnet.act(server, |host, now| host.stop(now));

    let stopped = |net: &Testnet| net.hosts[server].said(&AnnounceOutput::Stopped);
    assert!(testnet.wait(Duration::from_millis(100), stopped));
    let target = testnet.hosts[server].target();
    assert!(found_on(&mut testnet, client, target).is_empty());
    assert!(!has_timer(&mut testnet, server));
}

#[test]
fn stopping_in_the_middle_of_a_cycle_leaves_nothing_behind() {
    for milliseconds in (0..200).step_by(7) {
        let mut testnet = Testnet::persistent(5);
        let (server, client) = (testnet.add(None), testnet.add(None));
        testnet.listen(server, 1);
        testnet.act(server, |host, now| host.refresh(now));

        testnet.run(Duration::from_millis(milliseconds));
        testnet.act(server, |host, now| host.stop(now));

        let stopped = |net: &Testnet| net.hosts[server].said(&AnnounceOutput::Stopped);
        assert!(testnet.wait(Duration::from_secs(5), stopped));
        let target = testnet.hosts[server].target();
        assert!(found_on(&mut testnet, client, target).is_empty(), "{milliseconds} ms");
    }
}

#[test]
fn stopping_takes_five_seconds_when_nobody_answers() {
    let mut testnet = Testnet::persistent(4);
    let server = testnet.add(None);
    testnet.listen(server, 1);
    set_dead(&mut testnet, 0..4, true);

    testnet.act(server, |host, now| host.stop(now));

    let stopped = |net: &Testnet| net.hosts[server].said(&AnnounceOutput::Stopped);
    assert!(testnet.wait(Duration::from_secs(5), stopped));
    assert!(!has_timer(&mut testnet, server));
}

#[test]
fn a_network_that_comes_back_is_used_again() {
    let mut testnet = Testnet::persistent(4);
    let (server, client) = (testnet.add(None), testnet.add(None));
    testnet.listen(server, 1);
    let target = testnet.hosts[server].target();

    testnet.hosts[server].dead = true;
    testnet.run(Duration::from_secs(40 * 60));
    assert!(found_on(&mut testnet, client, target).is_empty());
    testnet.hosts[server].dead = false;
    testnet.run(Duration::from_secs(120));

    assert_eq!(found_on(&mut testnet, client, target).len(), 3);
}

/// The nodes that return the record of a server. The record names no relays.
fn found_on(testnet: &mut Testnet, client: usize, target: Target) -> Vec<SocketAddrV4> {
    let (replies, result) = testnet.query(client, target, QueryKind::FindPeer);
    assert_eq!(result, Ok(()));
    for reply in &replies {
        let Some(peer) = reply.peer() else {
            panic!("{reply:?}");
        };
        assert!(peer.relay_addresses.is_empty());
    }
    sorted(replies.iter().map(|reply| reply.from).collect())
}

/// Signs everything that the announcer asks to have signed.
fn sign(testnet: &mut Testnet, server: usize, key_pair: &KeyPair) {
    let asked = testnet.wait(Duration::from_secs(10), |net| wanted(net, server).len() == 3);
    assert!(asked);
    let peer = Peer { public_key: key_pair.public(), relay_addresses: Vec::new() }.encode();
    for (tag, Unsigned { announces, target, token, node }) in wanted(testnet, server) {
        let namespace = if announces { &ns::ANNOUNCE } else { &ns::UNANNOUNCE };
        let signable = announce_signable(namespace, &target, &node, &token, &peer, None);
        let signature = Some(key_pair.sign(&signable));
        testnet.act(server, |host, now| host.sign(now, Some(tag), signature));
    }
    testnet.hosts[server].events.clear();
}

fn wanted(testnet: &Testnet, server: usize) -> Vec<(u32, Unsigned)> {
    let wanted = |event: &Event| {
        let Event::Sign { server: SERVER, tag, wanted } = event else {
            return None;
        };
        Some((*tag, (**wanted).clone()))
    };
    testnet.hosts[server].events.iter().filter_map(wanted).collect()
}

fn handshake(target: Target, to: SocketAddrV4) -> RequestSpec {
    let mode = Mode::FromClient;
    let message = Handshake { mode, noise: vec![1, 2, 3], peer_address: None, relay_address: None };
    let value = Some(message.encode().into());
    RequestSpec { command: command::PEER_HANDSHAKE, value, ..super::signed::find_peer(target, to) }
}

fn kill(testnet: &mut Testnet, address: SocketAddrV4) {
    let host = testnet.hosts.iter_mut().find(|host| host.address() == address);
    host.unwrap().dead = true;
}

fn set_dead(testnet: &mut Testnet, hosts: std::ops::Range<usize>, dead: bool) {
    for host in &mut testnet.hosts[hosts] {
        host.dead = dead;
    }
}

fn set_refusals(testnet: &mut Testnet, refusals: u32) {
    for host in &mut testnet.hosts[..3] {
        host.refusals = refusals;
    }
}

fn has_timer(testnet: &mut Testnet, host: usize) -> bool {
    let timers = &mut testnet.hosts[host].timers;
    let before = timers.len();
    timers.cancel(Timer::Announce(SERVER));
    timers.len() != before
}

fn addresses(relays: &[Relay]) -> Vec<SocketAddrV4> {
    sorted(addresses_in_order(relays))
}

fn addresses_in_order(relays: &[Relay]) -> Vec<SocketAddrV4> {
    relays.iter().map(|relay| relay.relay_address).collect()
}

fn sorted(mut addresses: Vec<SocketAddrV4>) -> Vec<SocketAddrV4> {
    addresses.sort_unstable();
    addresses
}
