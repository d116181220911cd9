mod handshakes;
mod limits;
mod rounds;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::*;
use crate::base::{Announced, Io, LocalAddresses, Pool, PunchId, PunchOwner};
use crate::conn::Conns;
use crate::cx::ControlDatagram;
use crate::net::Net;
use crate::noise::{Initiator, PublicKey};
use crate::punch::{News, PunchSecret, PunchSummary, Punchers, Report};
use crate::relay::Pairings;
use crate::streams::Streams;
use crate::tests::bench::{Bench, peer_of};
use crate::wire::PAYLOAD_VERSION;
use crate::wire::{
    FEATURE_PATH_FRAMES, FEATURE_REVISION_1, Firewall, HolepunchPayload, Mode, NoisePayload,
    Packet, PayloadError, Relay, RelayThrough, UdxInfo, command, hash,
};
use crate::{Config, Event, Question, Timer, TransmitBuf};

/// A firewalled server with the layers below it.
struct Host {
    bench: Bench,
    servers: Servers,
    net: Net,
    streams: Streams,
    conns: Conns,
    pool: Pool,
    punchers: Punchers,
    pairings: Pairings,
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
        [RELAY, HERE].iter().any(|relay| relay.ip() == address.ip())
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
            streams: Streams::default(),
            conns: Conns::new(Duration::ZERO),
            pool: Pool::new(usize::MAX),
            punchers: Punchers::new(Duration::from_secs(20), false),
            pairings: Pairings::new([0; 32]),
            local: LocalAddresses::new(addr("0.0.0.0:49737"), Vec::new()),
            clients: 0,
        };
        host.with(|servers, cx, base| servers.listen(cx, base, SERVER, identity(), options));
        host.sent();
        host
    }

    /// Starts another server.
    fn listen(&mut self, server: ServerId, keys: KeyPair) {
        let options = ServerOptions::default();
        self.with(|servers, cx, base| servers.listen(cx, base, server, keys, options));
    }

    fn with<T>(&mut self, call: impl FnOnce(&mut Servers, &mut Cx<'_>, &mut Base<'_>) -> T) -> T {
        let Self { bench, servers, net, streams, conns, pool, punchers, pairings, local, .. } =
            self;
        let io = Io { net, streams, conns, pool, local, announced: &Relays };
        let mut base = Base { io, punchers, pairings };
        let mut cx = bench.cx();
        let result = call(servers, &mut cx, &mut base);
        while let Some(report) = base.punchers.poll_report() {
            let PunchOwner::Slot(server, slot) = report.owner else { continue };
            servers.handle_punch(&mut cx, &mut base, server, slot, report);
        }
        result
    }

    /// Answers a client that has to punch. Returns the number of its handshake, and its secret.
    fn welcome_puncher(&mut self) -> (u64, PunchSecret) {
        let mut client = self.client();
        self.handshake(RELAY, &client.message(Mode::FromRelay, Some(CLIENT)));
        self.bind();
        let sent = self.sent();
        let slot = client.read(&sent[0], Mode::FromServer).holepunch.expect("punching").id;
        (slot, client.secret(&mut self.bench))
    }

    fn client(&mut self) -> Client {
        self.client_of(public_key())
    }

    fn client_with(&mut self, payload: NoisePayload) -> Client {
        self.client_of_with(public_key(), payload)
    }

    /// A client that names a blind relay.
    fn relayed_client(&mut self) -> Client {
        let through = RelayThrough { public_key: [7; 32], token: [8; 32] };
        self.client_with(NoisePayload {
            version: PAYLOAD_VERSION,
            udx: Some(UdxInfo { features: 0, id: 77, seq: 0 }),
            relay_through: Some(through),
            ..NoisePayload::default()
        })
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

    /// Binds every pool socket.
    fn bind(&mut self) {
        self.bind_to(Some(addr("0.0.0.0:1000")));
    }

    /// Binds every pool socket, or fails to bind it.
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

    /// Counts the packets that the connections send, while nobody answers them.
    fn packets_within(&mut self, time: Duration) -> usize {
        let mut packets = 0;
        let end = self.bench.now + time;
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 1 };
        loop {
            let Self { bench, streams, .. } = self;
            while streams.poll_transmit(&mut bench.cx(), &mut buf).is_some() {
                packets += 1;
            }
            let Some((due, _)) = bench.timers.next().filter(|(due, _)| *due <= end) else {
                return packets;
            };
            bench.now = due;
            while let Some(timer) = bench.timers.pop_due(bench.now) {
                if let Timer::Stream(id) = timer
                    && let Some(stream) = streams.handle_timeout(&mut bench.cx(), id)
                {
                    stream.settle(&mut bench.cx());
                }
            }
        }
    }

    /// The relay of the first connection has not paired it in time.
    fn fail_pairing(&mut self) {
        let conn = ConnId(ConnId::INCOMING);
        self.with(|servers, cx, base| {
            base.pairings.handle_timeout(cx, &mut base.io, conn);
            let report = base.pairings.poll_report().expect("a pairing that has failed");
            servers.handle_pairing(cx, base, report.conn, report.outcome);
        });
    }

    /// The datagrams sent to addresses that are not in the routing table.
    fn sent(&mut self) -> Vec<ControlDatagram> {
        let mut sent = self.bench.take_sent();
        sent.retain(|sent| peer_of(sent).ip().octets()[..3] != [3, 3, 3]);
        sent
    }

    /// The same, without probes.
    fn messages(&mut self) -> Vec<ControlDatagram> {
        let mut sent = self.sent();
        sent.retain(|sent| sent.payload.len() > 1);
        sent
    }

    fn connections(&self) -> usize {
        self.conns.len()
    }

    fn asked(&self) -> Vec<AskId> {
        let events = self.bench.out.events.iter();
        let asks = events.filter_map(|event| {
            let Event::Ask { ask, .. } = event else { return None };
            Some(*ask)
        });
        asks.collect()
    }

    /// The questions that were not asked about the connection that has opened.
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
const HERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 2);
const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(4, 4, 4, 4), 4);
const MAX_HANDSHAKES: usize = 200;
