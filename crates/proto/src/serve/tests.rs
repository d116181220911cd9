use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::*;
use crate::base::{Announced, Io, LocalAddresses, Pool, PunchId, PunchOwner};
use crate::conn::Conns;
use crate::cx::ControlDatagram;
use crate::net::Net;
use crate::noise::{Initiator, PublicKey};
use crate::punch::{PunchSecret, Punchers};
use crate::tests::bench::Bench;
use crate::wire::PAYLOAD_VERSION;
use crate::wire::{
    FEATURE_REVISION_1, Firewall, HolepunchPayload, Mode, NoisePayload, Packet, PayloadError,
    Relay, UdxInfo, command, hash,
};
use crate::{Config, Event, Question, Timer};

#[test]
fn a_direct_client_is_where_its_datagram_came_from() {
    let mut host = Host::new(ServerOptions { ask_firewall: true, ..ServerOptions::default() });
    let liar = Some(addr("8.8.8.8:8"));
    let message = host.client().message(Mode::FromClient, liar);
    host.handshake(addr("1.1.1.1:1"), &message);

    let Some(Question::Firewall { address, .. }) = host.question() else { panic!("not asked") };
    assert_eq!(address, addr("1.1.1.1:1"));
}

#[test]
fn a_direct_client_gets_its_connection_with_the_reply() {
    let mut host = Host::new(ServerOptions::default());
    let mut client = host.client();
    host.handshake(addr("1.1.1.1:1"), &client.message(Mode::FromClient, None));

    let [reply] = &host.sent()[..] else { panic!("not one reply") };
    assert_eq!(reply.to, addr("1.1.1.1:1"));
    let payload = client.read(reply, Mode::Reply);
    assert_eq!((payload.version, payload.error), (PAYLOAD_VERSION, PayloadError::None));
    assert_eq!(payload.udx.map(|udx| udx.features), Some(FEATURE_REVISION_1));
    assert_eq!(host.connections(), 1);
}

/// Its hooks may be set by the time it is told.
#[test]
fn the_application_is_told_what_it_was_not_asked() {
    for ask_firewall in [false, true] {
        let mut host = Host::new(ServerOptions { ask_firewall, ..ServerOptions::default() });
        let client = host.client();
        host.handshake(addr("1.1.1.1:1"), &client.message(Mode::FromClient, None));
        let asked = host.question();
        host.asked().into_iter().for_each(|ask| host.answer(ask, Answer::Accept));

        let unasked = host.unasked();
        assert_eq!((asked.is_some(), unasked.is_empty()), (ask_firewall, ask_firewall));
        let question = asked.or_else(|| unasked.first().cloned());
        let Some(Question::Firewall { server, address, payload, .. }) = question else {
            panic!("no question")
        };
        assert_eq!((server, address), (SERVER, addr("1.1.1.1:1")));
        assert_eq!(payload.udx.map(|udx| udx.id), Some(77));
    }
}

#[test]
fn equal_messages_share_a_session_and_a_reply() {
    let mut host = Host::new(ServerOptions::default());
    let client = host.client();
    let message = client.message(Mode::FromRelay, Some(CLIENT));
    host.handshake(RELAY, &message);
    host.bind();
    let first = host.sent();
    host.handshake(addr("3.3.4.4:3"), &message);
    let second = host.sent();

    let noise = |sent: &[ControlDatagram]| sent.iter().map(noise_of).collect::<Vec<_>>();
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!(noise(&first), noise(&second));
    assert_eq!((first[0].socket, second[0].socket), (SocketId(2), SocketId(2)));
    assert_eq!((host.servers.handshakes(), host.punchers.len()), (1, 1));
}

#[test]
fn equal_messages_ask_the_application_once_and_are_all_answered() {
    let mut host = Host::new(ServerOptions { ask_firewall: true, ..ServerOptions::default() });
    let message = host.client().message(Mode::FromRelay, Some(CLIENT));
    for _ in 0..2 {
        host.handshake(RELAY, &message);
        host.handshake(addr("3.3.4.4:3"), &message);
    }
    assert_eq!(host.asked().len(), 1);
    let ask = host.asked()[0];
    host.answer(ask, Answer::Accept);
    host.bind();
    assert_eq!(host.sent().len(), 2);
}

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
    assert_eq!(host.sent().len(), 3);

    // A client that does not have to be punched needs none.
    let direct = host.client().message(Mode::FromClient, None);
    host.handshake(addr("1.1.1.1:1"), &direct);
    assert_eq!(host.sent().len(), 1);

    host.pool = Pool::new(8);
    host.handshake(RELAY, &messages[3]);
    assert_eq!(host.servers.handshakes(), 4);
}

/// The node has room, and the process has none.
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
    assert_eq!((host.sent().len(), host.servers.handshakes()), (1, 1));
    host.pass(Duration::from_secs(9));
    assert_eq!(host.servers.handshakes(), 1, "the time of the first try is not its own");
}

/// It tries the network that it shares with us first, and needs no socket of ours for that.
#[test]
fn a_client_of_our_network_is_answered_without_a_socket() {
    for max_sockets in [0, 100] {
        let mut host = Host::new(ServerOptions::default());
        host.pool = Pool::new(max_sockets);
        let mut client = host.client_with(NoisePayload {
            version: PAYLOAD_VERSION,
            udx: Some(UdxInfo { features: 0, id: 77, seq: 0 }),
            addresses4: vec![addr("127.0.0.1:5")],
            ..NoisePayload::default()
        });
        let beside = addr("9.9.9.9:1234");
        host.handshake(RELAY, &client.message(Mode::FromRelay, Some(beside)));
        host.bind_to(None);
        let sent = host.sent();
        assert_eq!(sent.len(), 1);
        assert_eq!(client.read(&sent[0], Mode::FromServer).error, PayloadError::None);
        assert_eq!((host.servers.handshakes(), host.bench.stats.dropped.admission), (1, 0));
        host.pass(Duration::from_secs(9));
        assert_eq!((host.servers.handshakes(), host.pool.len()), (1, 0));
        host.pass(Duration::from_secs(1));
        assert_eq!((host.servers.handshakes(), host.connections()), (0, 0));
    }
}

/// However many servers it asks, and whichever relay it comes through.
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

/// Message 2 goes to the source of message 1, which may be forged: until something comes back, the
/// connection is as good as a handshake.
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

#[test]
fn our_relays_are_believed_about_the_source() {
    let mut host = Host::new(ServerOptions::default());
    for n in 0..100 {
        let client = SocketAddrV4::new(Ipv4Addr::from(0x0808_0000 + n), 1);
        let message = host.client().message(Mode::FromRelay, Some(client));
        host.handshake(RELAY, &message);
    }
    assert_eq!(host.servers.handshakes(), 100);
}

#[test]
fn noise_that_does_not_decrypt_leaves_nothing() {
    let mut host = Host::new(ServerOptions::default());
    let mut message = host.client().message(Mode::FromClient, None);
    message.noise[40] ^= 1;
    host.handshake(addr("1.1.1.1:1"), &message);
    assert_eq!(host.bench.stats.dropped.handshake, 1);
    assert_eq!((host.servers.handshakes(), host.connections(), host.sent().len()), (0, 0, 0));
}

#[test]
fn a_foreign_version_is_told_and_gets_no_connection() {
    let mut host = Host::new(ServerOptions::default());
    let mut client = host.client_with(NoisePayload { version: 2, ..NoisePayload::default() });
    host.handshake(addr("1.1.1.1:1"), &client.message(Mode::FromClient, None));
    let sent = host.sent();
    assert_eq!(client.read(&sent[0], Mode::Reply).error, PayloadError::VersionMismatch);
    assert_eq!((host.servers.handshakes(), host.connections()), (0, 0));
}

#[test]
fn a_client_that_never_comes_is_forgotten() {
    let mut host = Host::new(ServerOptions::default());
    let message = host.client().message(Mode::FromRelay, Some(CLIENT));
    host.handshake(RELAY, &message);
    host.bind();
    host.sent();
    host.pass(Duration::from_secs(10));
    assert_eq!((host.servers.handshakes(), host.connections(), host.pool.len()), (0, 0, 0));

    // The reply is repeated for a while, from a socket that is still there.
    host.handshake(RELAY, &message);
    assert_eq!(host.sent()[0].socket, SocketId::CLIENT);
    host.pass(Duration::from_secs(10));
    assert!(host.bench.timers.pop_due(host.bench.now + Duration::from_secs(1)).is_none());
}

/// It may have opened its connection already.
#[test]
fn a_client_whose_probe_was_answered_is_waited_for() {
    let mut host = Host::new(ServerOptions::default());
    let message = host.client().message(Mode::FromRelay, Some(CLIENT));
    host.handshake(RELAY, &message);
    host.bind();
    host.pass(Duration::from_secs(9));
    host.sent();
    host.probe(SocketId(2), CLIENT);
    assert_eq!(host.sent().len(), 1);

    host.pass(Duration::from_secs(2));
    assert_eq!((host.servers.handshakes(), host.pool.len()), (1, 1));
    host.probe(SocketId(2), CLIENT);
    assert_eq!(host.sent().len(), 0, "what will not be waited for is not answered");

    host.pass(Duration::from_secs(2));
    assert_eq!((host.servers.handshakes(), host.connections(), host.pool.len()), (0, 0, 0));
}

#[test]
fn a_repeated_round_gets_the_same_answer_and_does_not_stop_the_punch() {
    let mut host = Host::new(ServerOptions::default());
    let mut client = host.client();
    host.handshake(RELAY, &client.message(Mode::FromRelay, Some(CLIENT)));
    host.bind();
    let sent = host.sent();
    let slot = client.read(&sent[0], Mode::FromServer).holepunch.expect("punching").id;
    let secret = client.secret(&mut host.bench);

    // Our NAT is known from what three relays say.
    let probe = HolepunchPayload { firewall: Firewall::Random, ..HolepunchPayload::default() };
    for n in 1..=3 {
        let round = HolepunchPayload { round: n, ..probe.clone() };
        host.round(SocketAddrV4::new(*RELAY.ip(), n as u16), slot, &secret, &round);
    }
    let sent = host.sent();
    let answer = sent.iter().filter_map(|sent| read_round(&secret, sent)).next_back();
    let answer = answer.expect("an answer");
    assert_eq!(answer.firewall, Firewall::Consistent);

    let punch = HolepunchPayload {
        round: 4,
        firewall: Firewall::Random,
        punching: true,
        addresses: Some(vec![SocketAddrV4::new(*CLIENT.ip(), 0)]),
        remote_token: answer.token,
        token: Some([5; 32]),
        ..HolepunchPayload::default()
    };
    let sealed = secret.seal(&mut host.bench.rng, &punch);
    host.sealed_round(RELAY, slot, sealed.clone());
    let first = host.sent();
    host.sealed_round(RELAY, slot, sealed);
    let second = host.sent();

    let read = |sent: &[ControlDatagram]| sent.iter().find_map(|s| read_round(&secret, s));
    let first = read(&first).expect("an answer");
    assert_eq!((first.error, first.punching), (PayloadError::None, true));
    assert_eq!(first.remote_token, Some([5; 32]));
    assert_eq!(read(&second), Some(first));
    assert_eq!((host.punchers.len(), host.bench.stats.punches_random), (1, 1));
}

#[test]
fn a_random_punch_that_has_to_wait_is_counted() {
    let mut host = Host::new(ServerOptions::default());
    host.punchers = Punchers::new(Duration::from_secs(20), true);
    host.punchers.handle_start(host.bench.now);
    let mut client = host.client();
    host.handshake(RELAY, &client.message(Mode::FromRelay, Some(CLIENT)));
    host.bind();
    let sent = host.sent();
    let slot = client.read(&sent[0], Mode::FromServer).holepunch.expect("punching").id;
    let secret = client.secret(&mut host.bench);

    for round in 1..=3 {
        let punch = HolepunchPayload {
            round,
            firewall: Firewall::Random,
            punching: true,
            ..HolepunchPayload::default()
        };
        let relay = SocketAddrV4::new(*RELAY.ip(), round as u16);
        host.round(relay, slot, &secret, &punch);
    }

    let sent = host.sent();
    let answers: Vec<_> = sent.iter().filter_map(|sent| read_round(&secret, sent)).collect();
    assert_eq!(answers[0].error, PayloadError::TryLater);
    assert_eq!((host.bench.stats.punches_try_later, host.bench.stats.punches_random), (1, 0));
}

#[test]
fn forged_rounds_are_dropped() {
    let mut host = Host::new(ServerOptions::default());
    let message = host.client().message(Mode::FromRelay, Some(CLIENT));
    host.handshake(RELAY, &message);
    host.bind();
    host.sent();
    for slot in [0, 1, u64::MAX] {
        for len in [0, 40, 41, 200] {
            host.sealed_round(RELAY, slot, vec![7; len]);
        }
    }
    assert_eq!((host.sent().len(), host.servers.handshakes()), (0, 1));
}

/// The addresses of a round are the client's word. Victims get two probes of one byte each, and
/// only so many of them; nobody gets any where no peer can be.
#[test]
fn a_client_cannot_aim_our_probes() {
    let mut host = Host::new(ServerOptions::default());
    let mut client = host.client();
    host.handshake(RELAY, &client.message(Mode::FromRelay, Some(CLIENT)));
    host.bind();
    let sent = host.sent();
    let slot = client.read(&sent[0], Mode::FromServer).holepunch.unwrap().id;
    let secret = client.secret(&mut host.bench);

    let victims = (0..3000).map(|n| SocketAddrV4::new(Ipv4Addr::from(0x0d00_0000 + n), 53));
    let nowhere = ["224.0.0.1:5", "255.255.255.255:5", "0.0.0.0:5", "13.0.0.1:0"].map(addr);
    let addresses: Vec<_> = nowhere.into_iter().chain(victims).collect();
    for round in 0..100 {
        let payload = HolepunchPayload {
            firewall: Firewall::Consistent,
            round,
            punching: true,
            addresses: Some(addresses.clone()),
            ..HolepunchPayload::default()
        };
        let relay = SocketAddrV4::new(Ipv4Addr::new(6, 6, 6, 6), 1 + round as u16);
        host.round(relay, slot, &secret, &payload);
        host.pass(Duration::from_millis(500));
    }
    let mut probes = host.sent();
    probes.retain(|sent| sent.payload.len() == 1);
    assert!(!probes.is_empty() && probes.len() <= 32, "{}", probes.len());
    assert!(probes.iter().all(|sent| sent.to.port() == 53 && sent.to.ip().octets()[0] == 13));
    assert_eq!((host.servers.handshakes(), host.punchers.len()), (0, 0));
}

/// A firewalled server alone, and what surrounds it.
struct Host {
    bench: Bench,
    servers: Servers,
    net: Net,
    conns: Conns,
    pool: Pool,
    punchers: Punchers,
    local: LocalAddresses,
    clients: u8,
}

struct Relays;

impl Announced for Relays {
    fn relays(&self, _: ServerId) -> Vec<Relay> {
        vec![Relay { relay_address: RELAY, peer_address: addr("9.9.9.9:9") }]
    }

    fn relay_addresses(&self, _: ServerId) -> Vec<SocketAddrV4> {
        vec![RELAY]
    }

    fn is_relay(&self, _: ServerId, address: SocketAddrV4) -> bool {
        address.ip() == RELAY.ip()
    }
}

impl Host {
    fn new(options: ServerOptions) -> Self {
        let mut bench = Bench::new();
        let mut net = Net::new(&Config::default(), &mut bench.cx());
        for n in 0..4 {
            net.add_node(&mut bench.cx(), SocketAddrV4::new(Ipv4Addr::new(3, 3, 3, n), 3));
        }
        let mut host = Self {
            bench,
            servers: Servers::new(MAX_HANDSHAKES),
            net,
            conns: Conns::new(Duration::ZERO),
            pool: Pool::new(usize::MAX),
            punchers: Punchers::new(Duration::from_secs(20), false),
            local: LocalAddresses::new(addr("0.0.0.0:49737"), Vec::new()),
            clients: 0,
        };
        host.with(|servers, cx, base| servers.listen(cx, base, SERVER, identity(), options));
        host.sent();
        host
    }

    /// One more server.
    fn listen(&mut self, server: ServerId, keys: KeyPair) {
        let options = ServerOptions::default();
        self.with(|servers, cx, base| servers.listen(cx, base, server, keys, options));
    }

    fn with<T>(&mut self, call: impl FnOnce(&mut Servers, &mut Cx<'_>, &mut Base<'_>) -> T) -> T {
        let Self { bench, servers, net, conns, pool, punchers, local, .. } = self;
        let io = Io { net, conns, pool, local, announced: &Relays };
        let mut base = Base { io, punchers };
        let mut cx = bench.cx();
        let result = call(servers, &mut cx, &mut base);
        while let Some(report) = base.punchers.poll_report() {
            let PunchOwner::Slot(server, slot) = report.owner else { continue };
            servers.handle_punch(&mut cx, &mut base, server, slot, report);
        }
        result
    }

    fn client(&mut self) -> Client {
        self.client_of(public_key())
    }

    fn client_with(&mut self, payload: NoisePayload) -> Client {
        self.client_of_with(public_key(), payload)
    }

    /// A client of another server.
    fn client_of(&mut self, server: PublicKey) -> Client {
        let payload = NoisePayload {
            version: PAYLOAD_VERSION,
            udx: Some(UdxInfo { features: 0, id: 77, seq: 0 }),
            ..NoisePayload::default()
        };
        self.client_of_with(server, payload)
    }

    fn client_of_with(&mut self, server: PublicKey, payload: NoisePayload) -> Client {
        self.clients = self.clients.wrapping_add(1);
        let key_pair = KeyPair::from_seed([self.clients; 32]);
        let mut initiator = Initiator::new(&key_pair, server, &mut self.bench.rng).unwrap();
        let noise = initiator.send(&payload.encode()).unwrap();
        Client { initiator: Some(initiator), noise }
    }

    fn handshake(&mut self, from: SocketAddrV4, message: &Handshake) {
        self.handshake_with(SERVER, from, message);
    }

    fn handshake_with(&mut self, server: ServerId, from: SocketAddrV4, message: &Handshake) {
        let incoming = incoming(from, command::PEER_HANDSHAKE, SocketId::CLIENT);
        self.with(|servers, cx, base| {
            servers.handle_handshake(cx, base, server, &incoming, message);
        });
    }

    fn round(
        &mut self,
        from: SocketAddrV4,
        slot: u64,
        secret: &PunchSecret,
        payload: &HolepunchPayload,
    ) {
        let sealed = secret.seal(&mut self.bench.rng, payload);
        self.sealed_round(from, slot, sealed);
    }

    fn sealed_round(&mut self, from: SocketAddrV4, id: u64, payload: Vec<u8>) {
        let incoming = incoming(from, command::PEER_HOLEPUNCH, SocketId(2));
        let message = Holepunch { mode: Mode::FromRelay, id, payload, peer_address: Some(CLIENT) };
        self.with(|servers, cx, base| {
            servers.handle_holepunch(cx, base, SERVER, &incoming, &message);
        });
    }

    /// Every pool socket is bound.
    fn bind(&mut self) {
        self.bind_to(Some(addr("0.0.0.0:1000")));
    }

    /// Every pool socket is bound, or cannot be.
    fn bind_to(&mut self, local: Option<SocketAddrV4>) {
        for number in 2..10 + self.pool.len() as u32 {
            self.with(|_, cx, base| {
                base.punchers.handle_bound(cx, &mut base.io, SocketId(number), local);
            });
        }
    }

    fn probe(&mut self, socket: SocketId, from: SocketAddrV4) {
        self.with(|_, cx, base| base.punchers.handle_probe(cx, &mut base.io, socket, from));
    }

    fn answer(&mut self, ask: AskId, answer: Answer) {
        self.with(|servers, cx, base| servers.handle_answer(cx, base, ask, answer));
    }

    fn pass(&mut self, time: Duration) {
        self.bench.now += time;
        while let Some(timer) = self.bench.timers.pop_due(self.bench.now) {
            if let Timer::Handshake(server, slot) = timer {
                self.with(|servers, cx, base| servers.handle_timeout(cx, base, server, slot));
            } else if let Timer::Punch(id) = timer {
                self.with(|_, cx, base| {
                    base.punchers.handle_timeout(cx, &mut base.io, PunchId(id));
                });
            }
        }
    }

    /// What was sent to others than the nodes of the routing table.
    fn sent(&mut self) -> Vec<ControlDatagram> {
        let mut sent = self.bench.take_sent();
        sent.retain(|sent| sent.to.ip().octets()[..3] != [3, 3, 3]);
        sent
    }

    fn connections(&self) -> usize {
        self.conns.connections()
    }

    fn asked(&self) -> Vec<AskId> {
        let events = self.bench.out.events.iter();
        let asks = events.filter_map(|event| {
            let Event::Ask { ask, .. } = event else { return None };
            Some(*ask)
        });
        asks.collect()
    }

    /// Of the connection that has opened.
    fn unasked(&self) -> Vec<Question> {
        let mut events = self.bench.out.events.iter();
        let connection = events.find_map(|event| {
            let Event::Connection(info) = event else { return None };
            Some(info.unasked.clone())
        });
        connection.expect("a connection")
    }

    fn question(&self) -> Option<Question> {
        self.bench.out.events.iter().find_map(|event| {
            let Event::Ask { question, .. } = event else { return None };
            Some(question.clone())
        })
    }
}

struct Client {
    initiator: Option<Initiator>,
    noise: Vec<u8>,
}

impl Client {
    fn message(&self, mode: Mode, peer_address: Option<SocketAddrV4>) -> Handshake {
        Handshake { mode, noise: self.noise.clone(), peer_address, relay_address: None }
    }

    fn read(&mut self, sent: &ControlDatagram, mode: Mode) -> NoisePayload {
        let message = Handshake::decode(&value_of(sent)).unwrap();
        assert_eq!(message.mode, mode);
        let plaintext = self.initiator.as_mut().unwrap().recv(&message.noise).unwrap();
        NoisePayload::decode(&plaintext).unwrap()
    }

    fn secret(&mut self, bench: &mut Bench) -> PunchSecret {
        PunchSecret::new(&self.initiator.take().unwrap().finish(), &mut bench.rng)
    }
}

fn read_round(secret: &PunchSecret, sent: &ControlDatagram) -> Option<HolepunchPayload> {
    let Ok(Packet::Request(request)) = Packet::decode(&sent.payload) else { return None };
    if request.internal || request.command != command::PEER_HOLEPUNCH {
        return None;
    }
    secret.open(&Holepunch::decode(request.value?).ok()?.payload)
}

fn noise_of(sent: &ControlDatagram) -> Vec<u8> {
    Handshake::decode(&value_of(sent)).unwrap().noise
}

fn value_of(sent: &ControlDatagram) -> Vec<u8> {
    match Packet::decode(&sent.payload).unwrap() {
        Packet::Request(request) => request.value.unwrap().to_vec(),
        Packet::Response(response) => response.value.unwrap().to_vec(),
    }
}

fn incoming(from: SocketAddrV4, command: u64, socket: SocketId) -> Incoming {
    Incoming {
        from,
        from_id: None,
        to: addr("9.9.9.9:9"),
        socket,
        tid: 1,
        command,
        target: Some(hash(&[&public_key()])),
        token: None,
        value: None,
    }
}

fn identity() -> KeyPair {
    KeyPair::from_seed([99; 32])
}

fn public_key() -> PublicKey {
    identity().public()
}

fn addr(text: &str) -> SocketAddrV4 {
    text.parse().unwrap()
}

const SERVER: ServerId = ServerId(0);
const RELAY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(2, 2, 2, 2), 2);
const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(4, 4, 4, 4), 4);
const MAX_HANDSHAKES: usize = 200;
