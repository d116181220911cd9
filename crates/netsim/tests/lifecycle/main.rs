//! A node that sleeps, wakes and ends, on virtual time: what ends, what comes back, and by when.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]
#![cfg(test)]

mod steps;

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use netsim::{HostId, Link, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{
    BootstrapNode, Closed, Command, Config, ConnError, ConnId, ConnectError, Event, HostEvent,
    Interface, Live, QueryId, QueryKind, QueryOptions, RequestError, RequestId, ServerId,
    StreamError, UserRequest,
};
use steps::*;

#[test]
fn what_runs_ends_before_the_node_sleeps() {
    let mut world = World::testnet(1, 4, Link::default());
    let remote = listen(&mut world, PEER, 0);
    listen(&mut world, US, 1);
    let opened = |event: &Event| matches!(event, Event::Opened(_));
    world.connect(US, ConnId(0), remote);
    world.run_until(S * 10, |w| w.saw(US, opened));
    world.connect(US, ConnId(1), [7; 32]);
    ask(&mut world, US, 0);
    query(&mut world, US, 0);
    world.take_events(US);
    world.take_events(PEER);

    world.command(US, Command::Suspend);
    world.run_until(S * 5, |w| w.saw(US, suspended));
    let events = world.take_events(US);
    let closed = |conn, wanted: Option<ConnError>| {
        events.iter().any(|event| {
            matches!(event, Event::Closed(Closed { conn: c, error, .. })
                if *c == ConnId(conn) && *error == wanted)
        })
    };
    assert!(closed(0, None), "an open connection ends without an error");
    assert!(closed(1, Some(ConnectError::Suspended.into())), "one that is being made, with one");
    let ended =
        |event: &Event| matches!(event, Event::Reply { result: Err(RequestError::Suspended), .. });
    assert!(events.iter().any(ended));
    assert!(events.iter().any(|event| matches!(event, Event::QueryDone { result: Ok(()), .. })));
    assert!(suspended(events.last().expect("events")), "sleep comes last: {events:?}");

    world.run_until(S, |w| w.saw(PEER, |event| matches!(event, Event::Closed(_))));
    let reset = Some(ConnError::Stream(StreamError::Reset));
    let is_reset = |e: &Event| matches!(e, Event::Closed(Closed { error, .. }) if *error == reset);
    assert!(world.take_events(PEER).iter().any(is_reset));
}

#[test]
fn a_node_that_sleeps_is_silent_and_holds_nothing() {
    let mut world = World::testnet(2, 4, Link::default());
    listen(&mut world, US, 0);
    suspend(&mut world, US);
    assert_eq!(world.get(US).sockets(), 0);
    let live = world.get(US).node.live();
    assert_eq!(Live { timers: 0, ..live }, Live { servers: 1, ..Live::default() });

    let seen = world.get(US).node.nodes(100).len();
    ask(&mut world, US, 0);
    query(&mut world, US, 0);
    world.start_tap();
    world.run_for(S * 60);
    let address = world.get(US).address;
    assert!(world.take_tap().iter().all(|flight| *flight.from.ip() != address));
    let events = world.take_events(US);
    let timeout = |e: &Event| matches!(e, Event::Reply { result: Err(RequestError::Timeout), .. });
    assert!(events.iter().any(timeout));
    assert!(events.iter().any(|event| matches!(event, Event::QueryDone { .. })));
    assert_eq!(world.get(US).node.nodes(100).len(), seen, "nobody is blamed for our silence");
}

#[test]
fn a_request_that_is_made_in_sleep_is_answered_after_it() {
    let mut world = World::testnet(3, 4, Link::default());
    suspend(&mut world, US);
    world.run_for(S * 3600);
    ask_host(&mut world, US, 0, PEER);
    world.run_for(S * 2);
    world.command(US, Command::Resume);
    world.run_until(S, |w| w.saw(US, |event| matches!(event, Event::Reply { result: Ok(_), .. })));
}

#[test]
fn a_server_is_lost_at_once_and_found_again() {
    let mut world = World::testnet(4, 6, Link::default());
    let remote = listen(&mut world, US, 0);
    assert!(is_found(&mut world, remote));

    suspend(&mut world, US);
    assert!(!is_found(&mut world, remote));
    world.run_for(S * 600);

    world.command(US, Command::Resume);
    assert!(world.saw(US, |event| matches!(event, Event::Resumed { error: None })));
    world.run_for(S);
    assert!(is_found(&mut world, remote));
    world.connect(PEER, ConnId(5), remote);
    world.run_until(S * 5, |w| w.saw(PEER, |event| matches!(event, Event::Opened(_))));
}

#[test]
fn waking_is_told_in_order_and_once() {
    let mut world = World::testnet(5, 3, Link::default());
    let config = Config { ephemeral: None, firewalled: false, ..world.config() };
    let host = world.host(config);
    world.run_until(S * 30 * 60, |w| w.saw(host, |e| matches!(e, Event::Persistent { .. })));
    suspend(&mut world, host);
    world.run_for(S * 120);
    world.take_events(host);

    world.command(host, Command::Resume);
    world.run_for(S * 20);
    let events = world.take_events(host);
    let names = events.iter().filter_map(|event| match event {
        Event::Ephemeral => Some("ephemeral"),
        Event::Wakeup => Some("wakeup"),
        Event::Resumed { error: None } => Some("resumed"),
        _ => None,
    });
    assert_eq!(names.collect::<Vec<_>>(), ["ephemeral", "wakeup", "resumed"]);
}

#[test]
fn every_command_has_its_outcome_in_order() {
    let mut world = World::testnet(6, 4, Link::default());
    listen(&mut world, US, 0);
    world.take_events(US);
    for command in [Command::Suspend, Command::Suspend, Command::Resume, Command::Suspend] {
        world.command(US, command);
    }
    world.command(US, Command::Resume);
    world.command(US, Command::Resume);
    world.run_for(S * 20);
    let events = world.take_events(US);
    let outcomes = events.iter().filter_map(|event| match event {
        Event::Suspended => Some('s'),
        Event::Resumed { error: None } => Some('r'),
        _ => None,
    });
    assert_eq!(outcomes.collect::<String>(), "ssrsrr");
    world.run_for(S * 2);
    assert_eq!(world.get(US).sockets(), 2);
}

#[test]
fn suspension_is_bounded_with_nobody_out_there() {
    for ready in [false, true] {
        let (mut world, host) = alone(ready);
        listen_at_once(&mut world, host, 0);
        world.run_for(S / 10);
        bounded(&mut world, host, S * 5, Command::Suspend, suspended);
        assert!(world.saw(host, |event| matches!(event, Event::ServerListening { .. })));
        bounded(&mut world, host, S, Command::Resume, |e| matches!(e, Event::Resumed { .. }));
    }
}

#[test]
fn a_server_whose_relays_vanish_is_suspended_and_closed_in_five_seconds() {
    let close = Command::CloseServer { server: ServerId(0) };
    let suspend = Command::SuspendServer { server: ServerId(0) };
    let closed: Is = |event| matches!(event, Event::ServerClosed { .. });
    let asleep: Is = |event| matches!(event, Event::ServerSuspended { .. });
    let destroy = Command::Destroy { force: false };
    for (command, outcome) in
        [(close, closed), (suspend, asleep), (Command::Suspend, suspended), (destroy, destroyed)]
    {
        let mut world = World::testnet(7, 4, Link::default());
        listen(&mut world, US, 0);
        world.link = LOST;
        bounded(&mut world, US, S * 5, command, outcome);
    }
}

#[test]
fn destruction_is_bounded_wherever_the_node_is_in_its_life() {
    for force in [false, true] {
        let limit = if force { Duration::ZERO } else { S * 5 };
        let destroy = || Command::Destroy { force };

        let (mut world, host) = alone(false);
        listen_at_once(&mut world, host, 0);
        bounded(&mut world, host, limit, destroy(), destroyed);

        let mut world = falling_asleep();
        bounded(&mut world, US, limit, destroy(), destroyed);
        assert!(!world.saw(US, suspended));

        let mut world = falling_asleep();
        world.run_for(S * 5);
        bounded(&mut world, US, Duration::ZERO, destroy(), destroyed);

        let mut world = falling_asleep();
        world.run_for(S * 5);
        world.command(US, Command::Resume);
        bounded(&mut world, US, limit, destroy(), destroyed);
    }
}

#[test]
fn destruction_does_not_wait_twice_for_relays_that_vanished() {
    let mut world = falling_asleep();
    world.run_for(S * 4);
    bounded(&mut world, US, S, Command::Destroy { force: false }, destroyed);
}

#[test]
fn a_bootstrap_that_reaches_nobody_ends() {
    let (mut world, host) = alone(false);
    world.run_until(S * 10, |w| w.saw(host, |event| matches!(event, Event::Ready)));
}

#[test]
fn a_bootstrap_ends_when_the_node_falls_asleep() {
    let (mut world, host) = alone(false);
    world.run_for(S / 10);
    suspend(&mut world, host);
    assert!(world.saw(host, |event| matches!(event, Event::Ready)));
}

#[test]
fn what_is_wanted_of_a_node_that_sleeps() {
    let mut world = World::testnet(8, 4, Link::default());
    let remote = listen(&mut world, PEER, 0);
    suspend(&mut world, US);

    world.connect(US, ConnId(0), remote);
    let refused = Some(ConnError::Connect(ConnectError::Suspended));
    let is_refused =
        |e: &Event| matches!(e, Event::Closed(Closed { error, .. }) if *error == refused);
    assert!(world.saw(US, is_refused));
    let ours = listen_at_once(&mut world, US, 1);
    assert!(world.saw(US, |event| matches!(event, Event::ServerListening { .. })));
    listen_at_once(&mut world, US, 2);
    world.command(US, Command::CloseServer { server: ServerId(2) });
    assert!(world.saw(US, |event| matches!(event, Event::ServerClosed { .. })));
    world.command(US, Command::ResumeServer { server: ServerId(1) });

    world.command(US, Command::Resume);
    world.connect(US, ConnId(3), remote);
    world.run_until(S * 5, |w| w.saw(US, |event| matches!(event, Event::Opened(_))));
    assert!(is_found(&mut world, ours));
}

#[test]
fn a_machine_that_slept_wakes_its_nodes() {
    let mut world = World::testnet(9, 3, Link::default());
    let woke = |event: &Event| matches!(event, Event::Wakeup);
    world.host_event(US, HostEvent::MachineSlept);
    assert!(world.saw(US, woke));

    world.take_events(US);
    suspend(&mut world, US);
    world.host_event(US, HostEvent::MachineSlept);
    assert!(!world.saw(US, woke), "a node that sleeps sleeps on");
}

#[test]
fn a_network_change_is_told_and_announced() {
    let mut world = World::testnet(10, 4, Link::default());
    listen(&mut world, US, 0);
    world.run_for(S);
    world.take_events(US);
    world.start_tap();
    let address = world.get(US).address;
    world.host_event(US, HostEvent::Interfaces { interfaces: interfaces(address), moved: false });
    let told = |e: &Event| matches!(e, Event::NetworkChange { interfaces: i } if i.len() == 2);
    assert!(world.saw(US, told));
    world.run_for(S);
    let ours = world.take_tap().into_iter().filter(|flight| *flight.from.ip() == address).count();
    assert!(ours >= 3, "it announces again: {ours}");

    suspend(&mut world, US);
    world.take_events(US);
    world.host_event(
        US,
        HostEvent::Interfaces { interfaces: interfaces(Ipv4Addr::new(5, 5, 5, 5)), moved: false },
    );
    assert!(!world.saw(US, told));
    assert_eq!(world.get(US).node.local_host(), Some(Ipv4Addr::new(5, 5, 5, 5)));
}

#[test]
fn sleep_and_waking_leave_nothing_behind() {
    let mut world = World::testnet(11, 4, Link::default());
    let ours = listen(&mut world, US, 0);
    let theirs = listen(&mut world, PEER, 0);
    let before = settled(&mut world);
    for round in 0..20 {
        world.connect(US, ConnId(round), theirs);
        world.connect(PEER, ConnId(round), ours);
        world.run_until(S * 5, |w| {
            [US, PEER].iter().all(|host| w.saw(*host, |e| matches!(e, Event::Opened(_))))
        });
        suspend(&mut world, US);
        world.run_for(S * 20);
        world.command(US, Command::Resume);
        world.run_for(S);
        world.take_events(US);
        world.take_events(PEER);
    }
    assert_eq!(settled(&mut world), before);
}
