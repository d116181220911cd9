//! A hook gets each socket before the node uses it.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsRawFd;

use hyperdht::{BorrowedSocket, HeldSockets, Protect, SocketOptions};

use super::*;

#[test]
fn a_hook_sees_every_socket_of_a_punch_and_of_a_resume() {
    let _alone = alone();
    let before = udp_sockets();
    let engine = Engine::start().unwrap();
    let network = network(&engine);
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let others = &udp_sockets() - &before;

    let note = Arc::clone(&seen);
    let protect = Protect::new(move |socket| {
        note.lock().unwrap().insert(inode(socket));
        Ok(())
    });
    let [alice, bob] =
        [(); 2].map(|()| Opened::new(&engine, firewalled(&network[0], Some(protect.clone()))));
    for node in network.iter().chain([&alice, &bob]) {
        node.expect(|event| matches!(event, Event::Ready).then_some(()));
    }
    assert_eq!(seen.lock().unwrap().len(), 4);

    punch(&alice, &bob);
    let open = &(&udp_sockets() - &before) - &others;
    assert!(open.len() >= 6, "each end has a socket of its own: {}", open.len());
    assert!(open.is_subset(&seen.lock().unwrap()));

    alice.handle.command(Command::Suspend);
    alice.expect(|event| matches!(event, Event::Suspended).then_some(()));
    seen.lock().unwrap().clear();
    alice.handle.command(Command::Resume);
    assert_eq!(alice.expect(resumed), None);
    assert!(seen.lock().unwrap().len() >= 2);

    seen.lock().unwrap().clear();
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    alice.handle.bind(local, SocketOptions::default()).unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[test]
fn what_a_hook_refuses_is_an_error_and_is_closed() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let before = descriptors();
    let refuses = Arc::new(AtomicBool::new(true));
    let verdict = Arc::clone(&refuses);
    let protect = Protect::new(move |_| match verdict.load(Ordering::Relaxed) {
        true => Err(io::Error::new(io::ErrorKind::PermissionDenied, "a test")),
        false => Ok(()),
    });
    let options = OpenOptions { protect: Some(protect), ..options() };

    let error = engine.open(options.clone(), Arc::new(Ignore)).unwrap_err();
    assert_eq!(error.to_string(), "a test");
    assert_eq!(descriptors(), before);

    refuses.store(false, Ordering::Relaxed);
    let node = Opened::new(&engine, options);
    node.handle.command(Command::Suspend);
    node.expect(|event| matches!(event, Event::Suspended).then_some(()));
    refuses.store(true, Ordering::Relaxed);
    node.handle.command(Command::Resume);
    assert_eq!(node.expect(resumed), Some(io::ErrorKind::PermissionDenied));
    assert_eq!(descriptors(), before);
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    assert!(node.handle.bind(local, SocketOptions::default()).is_err());
    assert_eq!(descriptors(), before);

    refuses.store(false, Ordering::Relaxed);
    node.handle.command(Command::Resume);
    assert_eq!(node.expect(resumed), None);
}

#[test]
fn a_hook_that_panics_refuses() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let protect = Protect::new(|_| panic!("a test"));
    let options = OpenOptions { protect: Some(protect), ..options() };

    assert!(engine.open(options, Arc::new(Ignore)).is_err());
}

#[test]
fn a_socket_is_not_used_before_the_answer() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let (node, held) = holding(&engine);

    node.handle.command(Command::Resume);
    let main = held.recv_timeout(PATIENCE).unwrap();
    assert!(main.are_main());
    assert_eq!(main.sockets().len(), 2);
    assert_eq!(node.handle.local_addr(SocketId::SERVER), None);

    main.answer(Ok(()));
    assert_eq!(node.expect(resumed), None);
    assert!(node.handle.local_addr(SocketId::SERVER).is_some());
}

#[test]
fn a_node_ends_while_a_socket_waits() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let before = descriptors();
    let (node, held) = holding(&engine);
    node.handle.command(Command::Resume);
    let main = held.recv_timeout(PATIENCE).unwrap();

    node.handle.command(Command::Destroy { force: false });
    node.expect(|event| matches!(event, Event::Destroyed).then_some(()));

    main.answer(Ok(()));
    assert_eq!(node.handle.local_addr(SocketId::SERVER), None);
    assert_eq!(descriptors(), before);
}

#[test]
fn a_node_with_a_server_ends_while_its_sockets_wait() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let network = network(&engine);
    let (protect, held) = later();
    let node = open_held(&engine, firewalled(&network[0], Some(protect)));
    node.expect(|event| matches!(event, Event::Ready).then_some(()));
    node.handle.command(Command::Suspend);
    node.expect(|event| matches!(event, Event::Suspended).then_some(()));
    node.handle.command(Command::Resume);
    let main = held.recv_timeout(PATIENCE).unwrap();
    let open = udp_sockets();

    let options = ServerOptions { key_pair: generate_key_pair().ok(), ..Default::default() };
    // It has announced nothing yet, so that the node has nothing to wait for.
    node.handle.command(Command::Listen { server: ServerId(0), options });
    node.handle.command(Command::Destroy { force: false });
    main.answer(Ok(()));
    node.handle.read(|_| ());

    assert_eq!(node.handle.local_addr(SocketId::SERVER), None);
    assert_eq!((&open - &udp_sockets()).len(), 2);
    node.expect(|event| matches!(event, Event::ServerClosed { .. }).then_some(()));
    node.expect(|event| matches!(event, Event::Destroyed).then_some(()));
}

#[test]
fn a_node_that_has_ended_takes_no_socket() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let before = descriptors();
    let node = Opened::new(&engine, options());
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let bind = || node.handle.bind_unused(local, SocketOptions::default()).unwrap();
    let (first, second) = (bind(), bind());

    node.handle.command(Command::Destroy { force: false });
    node.expect(|event| matches!(event, Event::Destroyed).then_some(()));
    assert!(node.handle.add(first).is_err());
    node.handle.close();
    assert!(node.handle.add(second).is_err());

    assert_eq!(descriptors(), before);
}

#[test]
fn a_socket_that_is_not_needed_any_more_is_closed() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let network = network(&engine);
    let alice = Opened::new(&engine, firewalled(&network[0], None));
    let (protect, held) = later();
    let bob = open_held(&engine, firewalled(&network[0], Some(protect)));
    for node in network.iter().chain([&alice, &bob]) {
        node.expect(|event| matches!(event, Event::Ready).then_some(()));
    }
    start_punch(&alice, &bob);
    let held = held.recv_timeout(PATIENCE).unwrap();
    assert!(!held.are_main());
    let socket = inode(held.sockets()[0]);
    assert!(udp_sockets().contains(&socket));

    bob.handle.command(Command::DestroyConn { conn: ConnId(1) });
    bob.expect(closed);
    held.answer(Ok(()));
    bob.handle.read(|_| ());

    assert!(!udp_sockets().contains(&socket));
}

#[test]
fn sockets_that_nobody_answers_are_refused() {
    let _alone = alone();
    let engine = Engine::start().unwrap();
    let (node, held) = holding(&engine);

    node.handle.command(Command::Resume);
    drop(held.recv_timeout(PATIENCE).unwrap());

    assert_eq!(node.expect(resumed), Some(io::ErrorKind::PermissionDenied));
}

/// A node that sleeps, and the sockets that it holds when it wakes.
fn holding(engine: &Engine) -> (Opened, Receiver<HeldSockets>) {
    let (protect, held) = later();
    let node = open_held(engine, OpenOptions { protect: Some(protect), ..options() });
    node.handle.command(Command::Suspend);
    node.expect(|event| matches!(event, Event::Suspended).then_some(()));
    (node, held)
}

/// A hook that sends the sockets to a channel.
fn later() -> (Protect, Receiver<HeldSockets>) {
    let (sender, held) = channel();
    let sender = Mutex::new(sender);
    let protect = Protect::later(move |sockets| {
        let _ = sender.lock().expect("no panic").send(sockets);
    });
    (protect, held)
}

/// A node whose hook does not answer at once.
fn open_held(engine: &Engine, options: OpenOptions) -> Opened {
    assert!(engine.open(options.clone(), Arc::new(Ignore)).is_err());
    let opening = engine.bind(options).expect("sockets");
    assert_eq!(opening.sockets().len(), 2);
    Opened::with(|waker| engine.open_bound(opening, waker))
}

/// The first node of a network and nine more.
fn network(engine: &Engine) -> Vec<Opened> {
    let mut network = vec![Opened::new(engine, options())];
    for _ in 1..10 {
        let config = Config { bootstrap: at(&network[0]), ..options().config };
        network.push(Opened::new(engine, OpenOptions { config, ..options() }));
    }
    network
}

/// Connects by hole punching, on the loopback interface.
fn punch(alice: &Opened, bob: &Opened) {
    start_punch(alice, bob);
    alice.expect(|event| matches!(event, Event::Connection(_)).then_some(()));
    bob.expect(|event| matches!(event, Event::Opened(_)).then_some(()));
}

/// Bob begins to connect to alice.
fn start_punch(alice: &Opened, bob: &Opened) {
    let key_pair = generate_key_pair().expect("randomness");
    let listen = ServerOptions {
        key_pair: Some(key_pair.clone()),
        share_local_address: false,
        ..Default::default()
    };
    alice.handle.command(Command::Listen { server: ServerId(0), options: listen });
    alice.expect(|event| matches!(event, Event::ServerListening { .. }).then_some(()));
    let options =
        ConnectOptions { local_connection: false, fast_open: false, ..Default::default() };
    bob.handle.command(Command::Connect { conn: ConnId(1), remote: key_pair.public(), options });
}

/// A node that does not find out that it is reachable.
fn firewalled(first: &Opened, protect: Option<Protect>) -> OpenOptions {
    let options = options();
    let config = Config {
        bootstrap: at(first),
        ephemeral: Some(true),
        firewalled: true,
        quick_firewall: false,
        ..options.config
    };
    OpenOptions { protect, config, ..options }
}

fn at(node: &Opened) -> Vec<BootstrapNode> {
    vec![BootstrapNode::Address(node.server_addr())]
}

fn resumed(event: Event) -> Option<Option<io::ErrorKind>> {
    let Event::Resumed { error } = event else {
        return None;
    };
    Some(error)
}

/// The inodes of the UDP sockets that this process has open.
fn udp_sockets() -> BTreeSet<u64> {
    let table = fs::read_to_string("/proc/self/net/udp").expect("procfs");
    let udp: BTreeSet<u64> =
        table.lines().filter_map(|line| line.split_whitespace().nth(9)?.parse().ok()).collect();
    let links = fs::read_dir("/proc/self/fd").expect("procfs").flatten();
    let own = links.filter_map(|entry| socket_inode(&fs::read_link(entry.path()).ok()?));
    own.filter(|inode| udp.contains(inode)).collect()
}

fn inode(socket: BorrowedSocket<'_>) -> u64 {
    let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).expect("an open one");
    socket_inode(&link).expect("a socket")
}

fn socket_inode(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}
