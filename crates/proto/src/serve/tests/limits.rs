//! Resources that unknown clients cannot exhaust.

use super::*;

#[test]
fn a_flood_is_dropped_before_anything_is_allocated() {
    let mut host = Host::new(ServerOptions::default());
    for n in 0..1000 {
        let message = host.client().message(Mode::FromRelay, Some(CLIENT));
        host.handshake(SocketAddrV4::new(Ipv4Addr::from(0x0808_0000 + n), 1), &message);
    }
    assert_eq!(host.servers.handshakes(), MAX_HANDSHAKES);
    assert_eq!(host.pool.len(), MAX_HANDSHAKES);
    assert_eq!(host.bench.stats.dropped.admission, 1000 - MAX_HANDSHAKES as u64);
}

#[test]
fn a_client_for_whom_there_is_no_socket_hears_nothing_and_may_try_again() {
    let mut host = Host::new(ServerOptions::default());
    host.pool = Pool::new(4);
    let other = |n| SocketAddrV4::new(Ipv4Addr::new(4, 4, 4, n), 4);
    let messages: Vec<_> =
        (0..4).map(|n| host.client().message(Mode::FromRelay, Some(other(n)))).collect();
    messages.iter().for_each(|message| host.handshake(RELAY, message));
    assert_eq!((host.pool.len(), host.servers.handshakes()), (3, 3));
    assert_eq!((host.bench.stats.dropped.admission, host.connections()), (1, 3));
    host.bind();
    assert_eq!(host.messages().len(), 3);

    // A client that needs no punching needs no socket.
    let direct = host.client().message(Mode::FromClient, None);
    host.handshake(addr("1.1.1.1:1"), &direct);
    assert_eq!(host.sent().len(), 1);

    host.pool = Pool::new(8);
    host.handshake(RELAY, &messages[3]);
    assert_eq!(host.servers.handshakes(), 4);
}

/// The node's pool has room, but the process has no socket left.
#[test]
fn a_client_whose_socket_cannot_be_bound_hears_nothing_and_may_try_again() {
    let mut host = Host::new(ServerOptions::default());
    let message = host.client().message(Mode::FromRelay, Some(CLIENT));
    host.handshake(RELAY, &message);
    host.bind_to(None);
    assert_eq!((host.pool.len(), host.servers.handshakes(), host.connections()), (0, 0, 0));
    assert_eq!((host.sent().len(), host.bench.stats.dropped.admission), (0, 1));

    host.handshake(RELAY, &message);
    host.bind_to(Some(addr("0.0.0.0:1000")));
    assert_eq!((host.messages().len(), host.servers.handshakes()), (1, 1));
    host.pass(Duration::from_secs(9));
    assert_eq!(host.servers.handshakes(), 1, "the time of the first try is not its own");
}

/// The client tries the shared network first, and needs no socket of ours for that.
#[test]
fn a_client_of_our_network_is_answered_without_a_socket() {
    for max_sockets in [0, 100] {
        let mut host = Host::new(ServerOptions::default());
        host.pool = Pool::new(max_sockets);
        let mut client = greet_from_our_network(&mut host);
        host.bind_to(None);
        let sent = host.sent();
        let [opener, answer] = sent.as_slice() else { panic!("{sent:?}") };
        assert_eq!((opener.socket, opener.payload.as_slice()), (SocketId::SERVER, &[0][..]));
        assert_eq!(client.read(answer, Mode::FromServer).error, PayloadError::None);
        assert_eq!((host.servers.handshakes(), host.bench.stats.dropped.admission), (1, 0));
        host.pass(Duration::from_secs(9));
        assert_eq!((host.servers.handshakes(), host.pool.len()), (1, 0));
        host.pass(Duration::from_secs(1));
        assert_eq!((host.servers.handshakes(), host.connections()), (0, 0));
    }
}

/// A node that is no relay of ours may state any address of a client.
#[test]
fn a_stranger_does_not_make_the_server_send_into_its_network() {
    for (node, private, expected) in [
        (RELAY, "127.0.0.1:5", 1),
        (addr("6.6.6.6:6"), "127.0.0.1:5", 0),
        (RELAY, "127.0.0.1:0", 0),
        (RELAY, "4.4.4.4:5", 0),
    ] {
        let mut host = Host::new(ServerOptions::default());
        greet_from(&mut host, node, addr(private));
        host.bind();
        let sent = host.sent();
        let (probes, messages): (Vec<_>, Vec<_>) =
            sent.iter().partition(|sent| sent.payload == [0]);
        let openers = probes.iter().filter(|probe| probe.socket == SocketId::SERVER).count();
        assert_eq!((openers, messages.len()), (expected, 1), "{node} {private}");
    }
}

/// As above, of the address that the client's message has come from.
#[test]
fn an_address_in_our_network_that_a_stranger_states_gets_nothing() {
    let private = addr("192.168.1.1:53");
    for (node, expected) in [(RELAY, 1), (addr("6.6.6.6:6"), 0)] {
        let mut host = Host::new(ServerOptions::default());
        let message = host.client().message(Mode::FromRelay, Some(private));
        host.handshake(node, &message);
        host.bind();
        let sent = host.sent();
        let openers = sent.iter().filter(|sent| peer_of(sent) == private).count();
        assert_eq!((openers, sent.len()), (expected, 1 + expected), "{node}");
    }
}

/// The firewall of an open client may open late, so that the first packet is repeated within its
/// first second. Any node can state that the client is in our network: such a client gets as few as
/// any other.
#[test]
fn the_first_packet_is_not_repeated_into_our_network_for_a_stranger() {
    let (private, stranger) = (addr("192.168.1.1:53"), addr("6.6.6.6:6"));
    for (node, address, expected) in
        [(RELAY, private, 5), (stranger, private, 2), (stranger, CLIENT, 5)]
    {
        let mut host = Host::new(ServerOptions::default());
        let client = host.client_with(NoisePayload {
            version: PAYLOAD_VERSION,
            firewall: Firewall::Open,
            udx: Some(UdxInfo { features: 0, id: 77, seq: 0 }),
            ..NoisePayload::default()
        });
        host.handshake(node, &client.message(Mode::FromRelay, Some(address)));
        assert_eq!(host.packets_within(Duration::from_millis(950)), expected, "{node} {address}");
    }
}

/// A client can name addresses of others, and new ones in each round.
#[test]
fn a_victim_that_a_client_names_gets_few_probes() {
    let mut host = Host::new(ServerOptions::default());
    let (slot, secret) = host.welcome_puncher();
    let mut sent = host.sent();
    for n in 1..=200 {
        let victims = (0..100).map(|m| SocketAddrV4::new(VICTIM, n * 100 + m));
        let nowhere = ["224.0.0.1:5", "255.255.255.255:5", "0.0.0.0:5", "4.4.4.4:0"].map(addr);
        let round = HolepunchPayload {
            round: n.into(),
            firewall: if n % 2 == 0 { Firewall::Consistent } else { Firewall::Random },
            punching: n > 3,
            addresses: Some(nowhere.into_iter().chain(victims).collect()),
            ..HolepunchPayload::default()
        };
        host.round(SocketAddrV4::new(*RELAY.ip(), n), slot, &secret, &round);
        host.pass(Duration::from_millis(100));
        sent.extend(host.sent());
    }
    host.pass(Duration::from_secs(60));
    sent.extend(host.sent());
    let probes: Vec<_> = sent.iter().filter(|sent| sent.payload == [0]).collect();
    assert!(probes.iter().all(|probe| *peer_of(probe).ip() == VICTIM));
    assert!((1..=32).contains(&probes.len()), "{} probes", probes.len());
}

/// Such a client may have opened its connection already.
#[test]
fn a_client_of_our_network_is_waited_for_after_the_end_of_the_punch() {
    let mut host = Host::new(ServerOptions::default());
    greet_from_our_network(&mut host);
    host.bind();
    assert_eq!(host.sent().len(), 2);

    let (local, remote) = (Firewall::Unknown, Firewall::Unknown);
    let news = News::Aborted(PunchSummary { local, remote, probes: 0 });
    let report = Report { punch: PunchId(0), owner: PunchOwner::Slot(SERVER, 0), news };
    host.with(|servers, cx, base| servers.handle_punch(cx, base, SERVER, 0, report));
    assert_eq!((host.servers.handshakes(), host.connections(), host.pool.len()), (1, 1, 0));
    host.pass(Duration::from_secs(1));
    assert_eq!((host.servers.handshakes(), host.connections()), (0, 0));
}

/// This holds however many servers the source asks, and whichever relay it uses.
#[test]
fn one_source_shares_the_sockets_of_a_node_with_others() {
    let mut host = Host::new(ServerOptions::default());
    host.pool = Pool::new(16);
    let keys: Vec<_> = (1..=20).map(|n| KeyPair::from_seed([n; 32])).collect();
    for (n, keys) in (1..).zip(&keys) {
        host.listen(ServerId(n), keys.clone());
        for _ in 0..2 {
            let message = host.client_of(keys.public()).message(Mode::FromRelay, Some(CLIENT));
            host.handshake_with(ServerId(n), RELAY, &message);
        }
    }
    assert_eq!((host.pool.len(), host.servers.handshakes()), (6, 6));

    let other = host.client().message(Mode::FromRelay, Some(addr("5.5.5.5:5")));
    host.handshake(RELAY, &other);
    assert_eq!((host.pool.len(), host.servers.handshakes()), (7, 7));
}

#[test]
fn one_source_has_one_rate_over_all_servers() {
    let mut host = Host::new(ServerOptions::default());
    let keys: Vec<_> = (1..=20).map(|n| KeyPair::from_seed([n; 32])).collect();
    for (n, keys) in (1..).zip(&keys) {
        host.listen(ServerId(n), keys.clone());
        for _ in 0..30 {
            let message = host.client_of(keys.public()).message(Mode::FromClient, None);
            host.handshake_with(ServerId(n), addr("8.8.8.8:8"), &message);
        }
    }
    assert_eq!(host.connections(), 256);
}

#[test]
fn one_source_cannot_take_every_place() {
    let mut host = Host::new(ServerOptions::default());
    for _ in 0..1000 {
        let message = host.client().message(Mode::FromRelay, Some(CLIENT));
        host.handshake(addr("8.8.8.8:8"), &message);
    }
    assert_eq!(host.servers.handshakes(), MAX_HANDSHAKES / 2);
}

/// A program on this host has no share and no rate. A relay elsewhere cannot claim to speak for
/// one.
#[test]
fn a_relay_cannot_say_that_a_client_is_on_this_host() {
    for (relay, places, sockets) in [(RELAY, MAX_HANDSHAKES / 2, 6), (HERE, MAX_HANDSHAKES, 12)] {
        for (max_sockets, handshakes) in [(usize::MAX, places), (16, sockets)] {
            let mut host = Host::new(ServerOptions::default());
            host.pool = Pool::new(max_sockets);
            for _ in 0..1000 {
                let message = host.client().message(Mode::FromRelay, Some(addr("127.0.0.1:5")));
                host.handshake(relay, &message);
            }
            assert_eq!(host.servers.handshakes(), handshakes, "{relay}, {max_sockets} sockets");
        }
    }
}

/// Message 2 goes to the source of message 1, which may be forged. Until the client sends
/// something, its connection counts like a handshake.
#[test]
fn connections_that_nobody_answers_count_as_in_flight() {
    let mut host = Host::new(ServerOptions::default());
    for n in 0..1000 {
        let message = host.client().message(Mode::FromClient, None);
        host.handshake(SocketAddrV4::new(Ipv4Addr::from(0x0808_0000 + n), 1), &message);
    }
    assert_eq!(host.connections(), MAX_HANDSHAKES);
    assert_eq!(host.bench.stats.dropped.admission, 1000 - MAX_HANDSHAKES as u64);
}

/// The first message of a client that has our public address, and a private one like ours.
fn greet_from_our_network(host: &mut Host) -> Client {
    greet_from(host, RELAY, addr("127.0.0.1:5"))
}

/// A client that names a private address, and its handshake through some node.
fn greet_from(host: &mut Host, node: SocketAddrV4, private: SocketAddrV4) -> Client {
    let client = host.client_with(NoisePayload {
        version: PAYLOAD_VERSION,
        udx: Some(UdxInfo { features: 0, id: 77, seq: 0 }),
        addresses4: vec![private],
        ..NoisePayload::default()
    });
    let beside = addr("9.9.9.9:1234");
    host.handshake(node, &client.message(Mode::FromRelay, Some(beside)));
    client
}

const VICTIM: Ipv4Addr = Ipv4Addr::new(7, 7, 7, 7);
