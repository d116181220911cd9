//! Hostile datagrams to a persistent node.

use super::*;
use crate::wire::{MutablePut, Packet, Request, mutable_signable};
use crate::{Datagram, Node, Stats, Stored, TransmitBuf};

#[test]
fn a_good_request_of_each_kind_is_answered() {
    let mut bench = Bench::new();
    for kind in Kind::ALL {
        let good = bench.good(kind);
        let stored = match kind {
            Kind::Announce | Kind::Unannounce => Reply { error: 0, token: false, value: false },
            Kind::Mutable | Kind::Immutable => Reply { error: 0, token: true, value: false },
        };
        assert_eq!(bench.ask(ALICE, &good), Some(stored), "{kind:?}");
    }
    assert_eq!(bench.node.stats().dropped, Stats::default().dropped);
}

#[test]
fn without_a_token_there_is_silence() {
    let mut bench = Bench::new();
    for kind in Kind::ALL {
        let good = bench.good(kind);
        bench.malformed(&Ask { token: None, ..good }, "{kind:?}");
    }
}

#[test]
fn without_a_target_or_a_value_there_is_silence() {
    let mut bench = Bench::new();
    for kind in Kind::ALL {
        let good = bench.good(kind);
        bench.malformed(&Ask { target: None, ..good.clone() }, "no target");
        bench.malformed(&Ask { value: None, ..good }, "no value");
    }
    for command in [command::FIND_PEER, command::LOOKUP, command::IMMUTABLE_GET] {
        bench.malformed(&Ask { command, target: None, ..bench.plain() }, "no target");
    }
    let get = Ask { command: command::MUTABLE_GET, ..bench.plain() };
    bench.malformed(&get, "no least number");
    bench.malformed(&Ask { target: None, value: Some(vec![0]), ..get.clone() }, "no target");
    for no_number in [&[][..], &[0xfd, 1], &[0xff; 9]] {
        bench.malformed(&Ask { value: Some(no_number.to_vec()), ..get.clone() }, "no number");
    }
}

#[test]
fn a_token_of_another_or_of_nobody_is_refused_with_a_new_one() {
    let mut bench = Bench::new();
    let refused = Some(Reply { error: error_code::INVALID_TOKEN, token: true, value: false });
    for kind in Kind::ALL {
        let good = bench.good(kind);

        assert_eq!(bench.ask(MALLORY, &good), refused, "{kind:?} replayed by somebody else");
        let made_up = Ask { token: Some([9; 32]), ..good.clone() };
        assert_eq!(bench.ask(ALICE, &made_up), refused, "{kind:?} with a token made up");
        bench.wait(Duration::from_secs(16));
        bench.keep_tokens();
        assert_eq!(bench.ask(ALICE, &good), refused, "{kind:?} replayed too late");
    }
    assert_eq!(bench.stored(), 0);
}

#[test]
fn another_target_than_the_signed_one_is_met_with_silence() {
    let mut bench = Bench::new();
    for kind in Kind::ALL {
        let good = bench.good(kind);
        bench.refused(&Ask { target: Some([1; 32]), ..good }, "{kind:?}");
    }
    assert_eq!(bench.stored(), 0);
}

#[test]
fn every_prefix_and_every_flipped_bit_is_met_with_silence() {
    let mut bench = Bench::new();
    for kind in Kind::ALL {
        let good = bench.good(kind);
        let value = good.value.clone().unwrap();
        for len in 0..value.len() {
            let cut = Ask { value: Some(value[..len].to_vec()), ..good.clone() };
            assert_eq!(bench.ask(ALICE, &cut), None, "{kind:?} cut to {len}");
        }
        for bit in 0..value.len() * 8 {
            let mut flipped = value.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let flipped = Ask { value: Some(flipped), ..good.clone() };
            // The signature covers neither the bump and its flag, nor the unknown flags.
            let unsigned = matches!(kind, Kind::Announce | Kind::Unannounce) && bit < 8;
            if !unsigned {
                assert_eq!(bench.ask(ALICE, &flipped), None, "{kind:?} bit {bit}");
            }
        }
        bench.keep_tokens();
    }
    assert_eq!(bench.stored(), 0);
}

#[test]
fn unsigned_and_foreign_signatures_are_met_with_silence() {
    let mut bench = Bench::new();
    let good = bench.good(Kind::Announce);
    let announce = Announce::decode(good.value.as_ref().unwrap()).unwrap();
    let with = |change: fn(&mut Announce)| {
        let mut announce = announce.clone();
        change(&mut announce);
        Ask { value: Some(announce.encode()), ..good.clone() }
    };

    bench.malformed(&with(|announce| announce.signature = None), "unsigned");
    bench.malformed(&with(|announce| announce.peer = None), "no peer, no refresh");
    bench.refused(&with(|announce| announce.refresh = Some([1; 32])), "refresh not signed");
    bench.refused(
        &with(|announce| {
            announce.peer = None;
            announce.refresh = Some([1; 32]);
        }),
        "unknown refresh",
    );
    bench.refused(
        &with(|announce| {
            announce.peer = Some(Peer { public_key: [2; 32], relay_addresses: Vec::new() });
        }),
        "another key",
    );
    bench.refused(&with(|announce| announce.signature = Some([0; 64])), "no signature at all");
    let unannounce = Ask { command: command::UNANNOUNCE, ..good.clone() };
    bench.refused(&unannounce, "an announcement cannot be turned round");
    assert_eq!(bench.stored(), 0);
}

#[test]
fn a_signature_for_another_node_is_met_with_silence() {
    let mut bench = Bench::new();
    let good = bench.good(Kind::Announce);
    let peer = Peer { public_key: key_pair(1).public(), relay_addresses: Vec::new() };
    let elsewhere = announce_signable(
        &ns::ANNOUNCE,
        &TOPIC,
        &[8; 32],
        &good.token.unwrap(),
        &peer.encode(),
        None,
    );
    let signature = Some(key_pair(1).sign(&elsewhere));
    let value = Announce { peer: Some(peer), refresh: None, signature, bump: 0 }.encode();

    bench.refused(&Ask { value: Some(value), ..good }, "signed for another node");
}

#[test]
fn what_is_replayed_in_time_changes_nothing() {
    let mut bench = Bench::new();
    for kind in [Kind::Announce, Kind::Mutable, Kind::Immutable] {
        let good = bench.good(kind);
        let first = bench.ask(ALICE, &good);
        let stored = bench.stored();
        assert_eq!(bench.ask(ALICE, &good), first, "{kind:?}");
        assert_eq!(bench.stored(), stored, "{kind:?}");
    }
}

#[test]
fn an_older_value_that_is_replayed_is_too_low() {
    let mut bench = Bench::new();
    let token = Some(bench.token(ALICE));
    let put = |seq, value: &[u8]| Ask { token, ..mutable(seq, value) };
    let stored = Some(Reply { error: 0, token: true, value: false });
    let refused = |error| Some(Reply { error, token: false, value: false });

    assert_eq!(bench.ask(ALICE, &put(2, b"new")), stored);
    assert_eq!(bench.ask(ALICE, &put(1, b"old")), refused(error_code::SEQ_TOO_LOW));
    assert_eq!(bench.ask(ALICE, &put(2, b"old")), refused(error_code::SEQ_REUSED));
}

#[test]
fn what_is_longer_than_a_datagram_of_the_reference_is_met_with_silence() {
    let mut bench = Bench::new();
    let token = Some(bench.token(ALICE));
    let value = vec![7; 60_000];
    let immutable = Ask {
        command: command::IMMUTABLE_PUT,
        target: Some(hash(&[&value])),
        token,
        value: Some(value.clone()),
    };

    bench.malformed(&immutable, "immutable");
    bench.malformed(&Ask { token, ..mutable(1, &value) }, "mutable");
    assert_eq!(bench.stored(), 0);
}

#[test]
fn an_announcement_with_very_many_relays_keeps_three() {
    let mut bench = Bench::new();
    let token = bench.token(ALICE);
    let id = bench.node.id().unwrap();
    let relay_addresses = vec![SocketAddrV4::new(Ipv4Addr::new(9, 9, 9, 9), 9); 280];
    let peer = Peer { public_key: key_pair(1).public(), relay_addresses };
    let signable = announce_signable(&ns::ANNOUNCE, &TOPIC, &id, &token, &peer.encode(), None);
    let signature = Some(key_pair(1).sign(&signable));
    let value = Announce { peer: Some(peer), refresh: None, signature, bump: 0 }.encode();
    let command = command::ANNOUNCE;
    let ask = Ask { command, target: Some(TOPIC), token: Some(token), value: Some(value) };

    assert!(bench.ask(ALICE, &ask).is_some());

    let lookup = Ask { command: command::LOOKUP, ..bench.plain() };
    let reply = bench.raw(ALICE, &lookup).unwrap();
    assert!(reply.len() < 200, "{} bytes", reply.len());
}

/// A persistent node on virtual time.
struct Bench {
    node: Node,
    now: Instant,
    tid: u16,
}

/// A request to the node.
#[derive(Clone, Debug)]
struct Ask {
    command: u64,
    target: Option<Target>,
    token: Option<[u8; 32]>,
    value: Option<Vec<u8>>,
}

/// The parts of an answer that the tests compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reply {
    error: u64,
    token: bool,
    value: bool,
}

/// The requests that change the store.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Announce,
    Unannounce,
    Mutable,
    Immutable,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Announce, Self::Unannounce, Self::Mutable, Self::Immutable];
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        let config = Config {
            ephemeral: Some(false),
            firewalled: false,
            public_address: Some(HERE),
            server_socket: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, HERE.port()),
            unix_time: UNIX_TIME,
            ..Config::default()
        };
        let mut bench = Self { node: Node::new(config, [3; 32], now), now, tid: 0 };
        bench.wait(Duration::from_secs(10));
        assert!(bench.node.id().is_some(), "it is persistent");
        bench
    }

    /// A request that the node accepts if it comes from Alice within some seconds.
    fn good(&mut self, kind: Kind) -> Ask {
        let token = self.token(ALICE);
        let peer = Peer { public_key: key_pair(1).public(), relay_addresses: Vec::new() };
        let (command, namespace) = match kind {
            Kind::Announce => (command::ANNOUNCE, &ns::ANNOUNCE),
            Kind::Unannounce => (command::UNANNOUNCE, &ns::UNANNOUNCE),
            Kind::Mutable => return Ask { token: Some(token), ..mutable(1, b"hello") },
            Kind::Immutable => {
                let target = Some(hash(&[b"hello"]));
                let value = Some(b"hello".to_vec());
                let command = command::IMMUTABLE_PUT;
                return Ask { command, target, token: Some(token), value };
            }
        };
        let id = self.node.id().unwrap();
        let signable = announce_signable(namespace, &TOPIC, &id, &token, &peer.encode(), None);
        let signature = Some(key_pair(1).sign(&signable));
        let value = Announce { peer: Some(peer), refresh: None, signature, bump: 0 }.encode();
        Ask { command, target: Some(TOPIC), token: Some(token), value: Some(value) }
    }

    fn plain(&self) -> Ask {
        Ask { command: command::LOOKUP, target: Some(TOPIC), token: None, value: None }
    }

    fn token(&mut self, from: SocketAddrV4) -> [u8; 32] {
        let reply = self.raw(from, &self.plain()).unwrap();
        let Ok(Packet::Response(reply)) = Packet::decode(&reply) else { panic!("{reply:?}") };
        reply.token.unwrap()
    }

    /// Requests a token, because a node forgets the secret of its tokens if none is requested.
    fn keep_tokens(&mut self) {
        self.token(MALLORY);
    }

    fn malformed(&mut self, ask: &Ask, what: &str) {
        let before = self.node.stats().dropped;
        assert_eq!(self.ask(ALICE, ask), None, "{what}: {ask:?}");
        let after = self.node.stats().dropped;
        assert_eq!(after.malformed, before.malformed + 1, "{what}: {ask:?}");
    }

    fn refused(&mut self, ask: &Ask, what: &str) {
        let before = self.node.stats().dropped;
        assert_eq!(self.ask(ALICE, ask), None, "{what}: {ask:?}");
        assert_eq!(self.node.stats().dropped.store, before.store + 1, "{what}: {ask:?}");
    }

    fn ask(&mut self, from: SocketAddrV4, ask: &Ask) -> Option<Reply> {
        let reply = self.raw(from, ask)?;
        let Ok(Packet::Response(reply)) = Packet::decode(&reply) else { panic!("{reply:?}") };
        assert_eq!((reply.tid, reply.to), (self.tid, from));
        let (error, token, value) = (reply.error, reply.token.is_some(), reply.value.is_some());
        Some(Reply { error, token, value })
    }

    fn raw(&mut self, from: SocketAddrV4, ask: &Ask) -> Option<Vec<u8>> {
        self.tid += 1;
        let Ask { command, target, token, value } = ask;
        let mut data = Request {
            tid: self.tid,
            to: HERE,
            id: None,
            token: *token,
            internal: false,
            command: *command,
            target: *target,
            value: value.as_deref(),
        }
        .encode();
        let socket = SocketId::SERVER;
        self.node
            .handle_datagram(self.now, Datagram { socket, from: from.into(), data: &mut data });
        self.sent()
    }

    fn stored(&self) -> usize {
        let Stored { records, mutables, immutables, .. } = self.node.stored();
        records + mutables + immutables
    }

    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some((at, _)) = self.node.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = at;
            self.node.handle_timeout(at);
            self.sent();
        }
        self.now = end;
    }

    /// The last datagram that it sent.
    fn sent(&mut self) -> Option<Vec<u8>> {
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 1 };
        let mut last = None;
        while self.node.poll_transmit(self.now, &mut buf).is_some() {
            last = Some(buf.data.clone());
        }
        last
    }
}

fn mutable(seq: u64, value: &[u8]) -> Ask {
    let public_key = key_pair(1).public();
    let signature = key_pair(1).sign(&mutable_signable(seq, value));
    let put = MutablePut { public_key, seq, value: value.to_vec(), signature };
    Ask {
        command: command::MUTABLE_PUT,
        target: Some(hash(&[&public_key])),
        token: None,
        value: Some(put.encode()),
    }
}

const HERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(5, 5, 5, 5), 49737);
const ALICE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(9, 9, 9, 1), 1000);
const MALLORY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(9, 9, 9, 2), 1000);
