//! The engine with real nodes on the loopback interface. Descriptors are counted in procfs.
#![cfg(target_os = "linux")]

mod protect;
mod steps;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyperdht::wire::command;
use hyperdht::{
    BootstrapNode, Closed, Command, Config, ConnError, ConnId, ConnectOptions, Engine, Event,
    Handle, OpenOptions, QueryReply, RequestError, RequestId, ServerId, ServerOptions, SocketId,
    StreamError, UserRequest, Wake, generate_key_pair,
};
use steps::*;

#[test]
fn nodes_of_two_engines_answer_each_other() {
    let _alone = alone();
    let (here, there) = (Engine::start().unwrap(), Engine::start().unwrap());
    let (alice, bob) = (Opened::new(&here, options()), Opened::new(&there, options()));

    for (node, peer) in [(&alice, &bob), (&bob, &alice)] {
        for id in 0..100 {
            node.handle.command(ping(id, peer.server_addr()));
        }
        for _ in 0..100 {
            let reply = node.expect(reply);
            assert_eq!(reply.unwrap().from, peer.server_addr());
        }
    }
}

#[test]
fn commands_of_many_threads_all_have_their_outcome() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let (alice, bob) = (Opened::new(&engine, options()), Opened::new(&engine, options()));
    let to = bob.server_addr();

    std::thread::scope(|scope| {
        for thread in 0..4 {
            let handle = &alice.handle;
            scope.spawn(move || {
                for id in 0..10 {
                    handle.command(ping(thread * 100 + id, to));
                    handle.stats();
                }
            });
        }
    });

    for _ in 0..40 {
        let reply = alice.expect(reply);
        assert!(reply.is_ok());
    }
}

#[test]
fn a_wake_is_made_for_each_control_event() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let node = Opened::new(&engine, options());

    node.expect(|event| matches!(event, Event::Ready).then_some(()));
    node.handle.command(Command::Destroy { force: true });
    node.expect(|event| matches!(event, Event::Destroyed).then_some(()));

    assert_eq!(node.calls.load(Ordering::Relaxed), node.events.load(Ordering::Relaxed));
}

#[test]
fn names_are_resolved() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let first = Opened::new(&engine, options());
    let port = first.server_addr().port();
    let bootstrap = BootstrapNode::Name { host: "localhost".into(), port, suggested: None };
    let config = Config { bootstrap: vec![bootstrap], ..options().config };

    let second = Opened::new(&engine, OpenOptions { config, ..options() });

    second.expect(|event| matches!(event, Event::Ready).then_some(()));
    assert!(second.handle.stats().unwrap().responses > 0);
}

#[test]
fn an_occupied_port_is_an_error_or_not() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let first = Opened::new(&engine, options());
    let port = first.server_addr().port();
    let strict =
        OpenOptions { ports: u32::from(port)..u32::from(port) + 1, any_port: false, ..options() };
    let loose = OpenOptions { any_port: true, ..strict.clone() };

    let refused = engine.open(strict, Arc::new(Ignore)).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::AddrInUse);
    assert_ne!(Opened::new(&engine, loose).server_addr().port(), port);
}

#[test]
fn destroyed_means_closed() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let before = descriptors();
    let node = Opened::new(&engine, options());
    let address = node.server_addr();
    assert_eq!(descriptors(), before + 2);

    node.handle.command(Command::Destroy { force: true });
    node.expect(|event| matches!(event, Event::Destroyed).then_some(()));

    assert_eq!(descriptors(), before);
    assert_eq!(node.handle.local_addr(SocketId::SERVER), None);
    std::net::UdpSocket::bind(address).unwrap();
}

#[test]
fn every_peer_hears_of_the_end() {
    let _alone = alone();
    let (here, there) = (Engine::start().unwrap(), Engine::start().unwrap());
    let (alice, bob) = (Opened::new(&here, options()), Opened::new(&there, options()));
    let key_pair = generate_key_pair().unwrap();
    let connect = ConnectOptions { relay_addresses: vec![alice.address], ..Default::default() };
    let listen = ServerOptions { key_pair: Some(key_pair.clone()), ..Default::default() };
    alice.handle.command(Command::Listen { server: ServerId(0), options: listen });
    alice.expect(|event| matches!(event, Event::ServerListening { .. }).then_some(()));
    for id in 0..CONNECTIONS {
        let (remote, options) = (key_pair.public(), connect.clone());
        bob.handle.command(Command::Connect { conn: ConnId(id), remote, options });
    }
    for _ in 0..CONNECTIONS {
        alice.expect(|event| matches!(event, Event::Connection(_)).then_some(()));
    }

    alice.handle.command(Command::Destroy { force: true });

    for _ in 0..CONNECTIONS {
        let closed = bob.expect(closed);
        assert_eq!(closed.error, Some(ConnError::Stream(StreamError::Reset)));
    }
}

#[test]
fn close_is_at_once_and_silent() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let before = descriptors();
    let node = Opened::new(&engine, options());

    node.handle.close();
    let calls = node.calls.load(Ordering::Relaxed);

    assert_eq!(descriptors(), before);
    node.handle.command(ping(1, node.address));
    node.handle.close();
    assert_eq!(node.calls.load(Ordering::Relaxed), calls);
}

#[test]
fn shutdown_leaves_nothing_open() {
    let _alone = alone();
    let before = descriptors();
    let mut handles = Vec::new();

    for _ in 0..20 {
        let engine = Engine::start().unwrap();
        for _ in 0..3 {
            handles.push(engine.open(options(), Arc::new(Ignore)).unwrap());
        }
        engine.shutdown();
        engine.shutdown();
        assert!(engine.open(options(), Arc::new(Ignore)).is_err());
    }

    assert_eq!(descriptors(), before);
}

#[test]
fn a_waker_may_shut_its_engine_down() {
    let _alone = alone();
    let before = descriptors();
    let (sender, receiver) = channel();
    let engine = Arc::new(Mutex::new(Some(Engine::start().unwrap())));
    let waker = ShutDown { engine: Arc::clone(&engine), done: sender };

    let guard = engine.lock().unwrap();
    let handle = guard.as_ref().unwrap().open(options(), Arc::new(waker)).unwrap();
    drop(guard);

    receiver.recv_timeout(PATIENCE).unwrap();
    assert_eq!(handle.local_addr(SocketId::SERVER), None);
    // The thread ends by itself, and cannot be joined.
    let deadline = Instant::now() + PATIENCE;
    while descriptors() > before {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
}

#[test]
fn a_panic_on_the_calling_thread_is_told() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let other = Opened::new(&engine, options());
    let before = descriptors();
    let node = Opened::new(&engine, options());

    assert_eq!(node.handle.read(|_| panic!("a test")), None::<()>);

    node.expect(|event| matches!(event, Event::Failed).then_some(()));
    assert_eq!(descriptors(), before);
    assert!(node.handle.read(|node| node.live()).is_none());
    node.handle.command(ping(1, other.server_addr()));
    other.handle.command(Command::Destroy { force: true });
    other.expect(|event| matches!(event, Event::Destroyed).then_some(()));
}

#[test]
fn a_panic_on_the_driver_thread_is_told() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let (sender, receiver) = channel();
    let waker = PanicOnce { panicked: AtomicBool::new(false), woken: Mutex::new(sender) };

    let handle = engine.open(options(), Arc::new(waker)).unwrap();

    let mut events = Vec::new();
    while !events.iter().any(|event| matches!(event, Event::Failed)) {
        receiver.recv_timeout(PATIENCE).expect("a call");
        handle.drain_events(&mut events);
    }
    assert!(!events.iter().any(|event| matches!(event, Event::Destroyed)));
    assert_eq!(handle.local_addr(SocketId::SERVER), None);
}

#[test]
fn changed_counters_are_told_while_the_node_is_busy() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let (alice, bob) = (Opened::new(&engine, options()), Opened::new(&engine, options()));
    alice.expect(|event| matches!(event, Event::Ready).then_some(()));
    let before = alice.handle.stats().unwrap();

    alice.handle.command(ping(1, bob.server_addr()));
    alice.expect(reply).unwrap();

    let counted = alice.handle.read(|_| alice.handle.changed_stats()).flatten().unwrap();
    assert_eq!(counted.responses, before.responses + 1);
}
