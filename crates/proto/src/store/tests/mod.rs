mod hostile;
mod refreshes;
mod shares;
mod values;

use std::net::{Ipv4Addr, SocketAddrV4};

use serde_json::Value;

use super::*;
use crate::noise::KeyPair;
use crate::wire::{announce_signable, ns};
use crate::{Outbox, SocketId, Stats, Timer, Timers};

#[test]
fn answers_as_the_reference_does() {
    let story: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/C_storage_behaviour.json"))
            .unwrap();
    let id = array(&story["node_id"]);
    let mut world = World::new();
    let mut told = 0;

    for step in story["steps"].as_array().unwrap() {
        let request = &step["request"];
        let incoming = Incoming {
            target: Some(array(&request["target"])),
            token: bytes(&request["token"]).map(|token| token.as_ref().try_into().unwrap()),
            value: bytes(&request["value"]),
            ..incoming(command_of(&step["handler"]))
        };

        let answer = world.answer(Some(id), &incoming);

        let expected = &step["result"];
        match answer {
            Err(_) => assert!(expected.is_string(), "{step}"),
            Ok(answer) => {
                let error = expected["error"].as_u64().unwrap_or(error_code::NONE);
                // In the reference, an error has a token only on request, and a reply has one
                // unless the options exclude it.
                let token = error == error_code::NONE && expected["opts"]["token"].is_null();
                assert_eq!(answer.value, bytes(&expected["reply"]), "{step}");
                assert_eq!(answer.error, error, "{step}");
                assert_eq!(answer.token, token, "{step}");
                let closer_nodes = expected["opts"]["closerNodes"].is_null();
                assert_eq!(answer.closer_nodes, closer_nodes, "{step}");
            }
        }
        told += 1;
    }
    assert_eq!(told, 26);
}

#[test]
fn an_ephemeral_node_serves_nothing() {
    let mut world = World::new();
    for command in command::FIND_PEER..=command::IMMUTABLE_GET {
        let answer = world.answer(None, &incoming(command)).unwrap();
        assert_eq!(answer.error, error_code::UNKNOWN_COMMAND);
        assert!(answer.closer_nodes && !answer.token);
    }
    let answer = world.answer(Some(ID), &incoming(99)).unwrap();
    assert_eq!(answer.error, error_code::UNKNOWN_COMMAND);
}

#[test]
fn what_is_incomplete_or_badly_signed_is_met_with_silence() {
    let mut world = World::new();
    let good = announce(TOPIC, 1, 0);

    let no_token = Incoming { token: None, ..good.clone() };
    assert_eq!(world.refusal(&no_token), Silence::Malformed);
    let no_value = Incoming { value: None, ..announce(TOPIC, 1, 0) };
    assert_eq!(world.refusal(&no_value), Silence::Malformed);
    let other_target = Incoming { target: Some([1; 32]), ..good.clone() };
    assert_eq!(world.refusal(&other_target), Silence::Refused);
    let unannounce = Incoming { command: command::UNANNOUNCE, ..good };
    assert_eq!(world.refusal(&unannounce), Silence::Refused);
    assert!(world.peers(TOPIC).is_empty());
}

#[test]
fn a_topic_gives_out_twenty_of_many() {
    let mut world = World::new();
    for key in 0..30 {
        world.answer(Some(ID), &announce(TOPIC, key, 0)).unwrap();
    }

    let mut peers = world.peers(TOPIC);
    peers.sort();
    peers.dedup();
    assert_eq!(peers.len(), 20);
}

#[test]
fn a_server_of_ours_is_found_and_cannot_be_displaced() {
    let mut world = World::new();
    let record = Peer { public_key: key_pair(1).public(), relay_addresses: Vec::new() };
    let target = hash(&[&record.public_key]);

    world.store.serve(target, &record);
    world.answer(Some(ID), &announce(target, 1, 0)).unwrap();
    world.age();
    world.age();

    let find_peer = Incoming { target: Some(target), ..incoming(command::FIND_PEER) };
    let found = world.answer(Some(ID), &find_peer).unwrap().value;
    assert_eq!(found, Some(record.encode().into()));
    assert_eq!(world.peers(target), [record.public_key]);

    world.store.unserve(&target);
    assert!(world.peers(target).is_empty());
}

#[test]
fn a_bump_grows_and_does_not_run_ahead_of_the_clock() {
    let mut world = World::new();
    let now = u64::try_from(UNIX_TIME.as_millis()).unwrap();
    let mut bump_after = |bump| {
        world.answer(Some(ID), &announce(TOPIC, 1, bump)).unwrap();
        world.lookup(TOPIC).unwrap().bump
    };

    assert_eq!(bump_after(now - 5), now - 5);
    assert_eq!(bump_after(now - 9), now - 5);
    assert_eq!(bump_after(now + 60_001), now - 5);
    assert_eq!(bump_after(now + 60_000), now + 60_000);
}

#[test]
fn the_clock_can_be_set() {
    let mut world = World::new();
    let now = u64::try_from(UNIX_TIME.as_millis()).unwrap();
    let bump = now + 3_600_000;
    world.answer(Some(ID), &announce(TOPIC, 1, bump)).unwrap();
    assert_eq!(world.lookup(TOPIC).unwrap().bump, 0);

    world.store.set_clock(world.parts.now, UNIX_TIME + Duration::from_secs(3600));
    world.answer(Some(ID), &announce(TOPIC, 1, bump)).unwrap();

    assert_eq!(world.lookup(TOPIC).unwrap().bump, bump);
}

#[test]
fn a_bump_stays_while_its_topic_is_asked_for() {
    let mut world = World::new();
    let now = u64::try_from(UNIX_TIME.as_millis()).unwrap();
    world.answer(Some(ID), &announce(TOPIC, 1, now)).unwrap();

    for _ in 0..3 {
        world.age();
        world.lookup(TOPIC);
    }
    world.answer(Some(ID), &announce(TOPIC, 2, now - 1)).unwrap();

    assert_eq!(world.lookup(TOPIC).unwrap().bump, now);
}

#[test]
fn announcements_age_while_there_are_any() {
    let mut world = World::new();
    world.answer(Some(ID), &announce(TOPIC, 1, 0)).unwrap();

    assert_eq!(world.rotations(), [(StoreTimer::Announced, Duration::from_secs(800)); 2]);
    assert!(world.peers(TOPIC).is_empty());
}

#[test]
fn a_fresh_record_is_not_replaced_and_a_stale_one_is() {
    let mut world = World::new();
    let relayed = |port| {
        let relay_addresses = vec![SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 7), port); 5];
        announce_peer(TOPIC, relay_addresses)
    };
    let mut relays = |port, ages: usize| {
        (0..ages).for_each(|_| world.age());
        world.answer(Some(ID), &relayed(port)).unwrap();
        let peers = world.lookup(TOPIC).unwrap().peers;
        (peers.len(), peers[0].relay_addresses.len(), peers[0].relay_addresses[0].port())
    };

    assert_eq!(relays(1, 0), (1, 3, 1), "three of the relays that were signed are kept");
    assert_eq!(relays(2, 0), (1, 3, 1));
    assert_eq!(relays(3, 1), (1, 3, 3));
}

#[test]
fn our_own_unannouncement_unlinks_the_record() {
    let mut world = World::new();
    world.answer(Some(ID), &announce(TOPIC, 1, 0)).unwrap();

    world.store.unannounce(&TOPIC, &key_pair(1).public());

    assert!(world.peers(TOPIC).is_empty());
}

struct World {
    store: Store,
    parts: Parts,
}

struct Parts {
    now: Instant,
    rng: Rng,
    timers: Timers,
    out: Outbox,
    stats: Stats,
}

impl World {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let now = Instant::now();
        let config = Config { unix_time: UNIX_TIME, ..config };
        let parts = Parts {
            now,
            rng: Rng::from_seed([1; 32]),
            timers: Timers::new(),
            out: Outbox::default(),
            stats: Stats::default(),
        };
        Self { store: Store::new(&config, now), parts }
    }

    fn answer(&mut self, id: Option<NodeId>, incoming: &Incoming) -> Result<Answering, Silence> {
        self.store.answer(&mut cx(&mut self.parts), id, incoming)
    }

    /// Handles a request as the node does.
    fn handle(&mut self, incoming: &Incoming) -> Result<Answering, Silence> {
        let answer = self.answer(Some(ID), incoming);
        self.store.watch_age(&mut cx(&mut self.parts));
        answer
    }

    /// Ages everything by one generation.
    fn age(&mut self) {
        for timer in [StoreTimer::Announced, StoreTimer::Values] {
            self.store.handle_timeout(&mut cx(&mut self.parts), timer);
        }
    }

    /// Lets time pass until nothing ages any more. Returns what aged, and when.
    fn rotations(&mut self) -> Vec<(StoreTimer, Duration)> {
        self.store.watch_age(&mut cx(&mut self.parts));
        let mut rotations = Vec::new();
        while let Some((at, Timer::Store(timer))) = self.parts.timers.next() {
            rotations.push((timer, at - self.parts.now));
            self.parts.now = at;
            self.parts.timers.pop_due(at);
            self.store.handle_timeout(&mut cx(&mut self.parts), timer);
        }
        rotations
    }

    fn refusal(&mut self, incoming: &Incoming) -> Silence {
        self.answer(Some(ID), incoming).unwrap_err()
    }

    fn lookup(&mut self, target: Target) -> Option<LookupReply> {
        let lookup = Incoming { target: Some(target), ..incoming(command::LOOKUP) };
        let value = self.answer(Some(ID), &lookup).unwrap().value?;
        Some(LookupReply::decode(&value).unwrap())
    }

    fn peers(&mut self, target: Target) -> Vec<PublicKey> {
        let peers = self.lookup(target).map_or(Vec::new(), |reply| reply.peers);
        peers.into_iter().map(|peer| peer.public_key).collect()
    }
}

fn cx(parts: &mut Parts) -> Cx<'_> {
    Cx {
        now: parts.now,
        rng: &mut parts.rng,
        timers: &mut parts.timers,
        out: &mut parts.out,
        stats: &mut parts.stats,
    }
}

fn announce(target: Target, seed: u8, bump: u64) -> Incoming {
    announce_with(target, seed, bump, None)
}

fn announce_with(target: Target, seed: u8, bump: u64, refresh: Option<[u8; 32]>) -> Incoming {
    let peer = Peer { public_key: key_pair(seed).public(), relay_addresses: Vec::new() };
    signed(target, &key_pair(seed), peer, bump, refresh)
}

fn announce_peer(target: Target, relay_addresses: Vec<SocketAddrV4>) -> Incoming {
    let peer = Peer { public_key: key_pair(1).public(), relay_addresses };
    signed(target, &key_pair(1), peer, 0, None)
}

fn signed(
    target: Target,
    key_pair: &KeyPair,
    peer: Peer,
    bump: u64,
    refresh: Option<[u8; 32]>,
) -> Incoming {
    let encoded = peer.encode();
    let signable =
        announce_signable(&ns::ANNOUNCE, &target, &ID, &TOKEN, &encoded, refresh.as_ref());
    let signature = Some(key_pair.sign(&signable));
    let value = Announce { peer: Some(peer), refresh, signature, bump }.encode();
    Incoming {
        target: Some(target),
        token: Some(TOKEN),
        value: Some(value.into()),
        ..incoming(command::ANNOUNCE)
    }
}

fn incoming(command: u64) -> Incoming {
    let from = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 9), 5000);
    let to = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 5), 49737);
    Incoming {
        from,
        from_id: None,
        to,
        socket: SocketId::SERVER,
        tid: 1,
        command,
        target: Some(TOPIC),
        token: None,
        value: None,
    }
}

fn key_pair(seed: u8) -> KeyPair {
    KeyPair::from_seed([seed; 32])
}

fn command_of(handler: &Value) -> u64 {
    match handler.as_str().unwrap() {
        "onfindpeer" => command::FIND_PEER,
        "onlookup" => command::LOOKUP,
        "onannounce" => command::ANNOUNCE,
        "onunannounce" => command::UNANNOUNCE,
        "onmutableput" => command::MUTABLE_PUT,
        "onmutableget" => command::MUTABLE_GET,
        "onimmutableput" => command::IMMUTABLE_PUT,
        "onimmutableget" => command::IMMUTABLE_GET,
        other => panic!("unknown handler {other}"),
    }
}

fn array(value: &Value) -> [u8; 32] {
    bytes(value).unwrap().as_ref().try_into().unwrap()
}

fn bytes(value: &Value) -> Option<Bytes> {
    Some(hex::decode(value.as_str()?).unwrap().into())
}

const ID: NodeId = [5; 32];
const TOKEN: [u8; 32] = [6; 32];
const TOPIC: Target = [7; 32];
/// Some time in 2027.
const UNIX_TIME: Duration = Duration::from_secs(1_800_000_000);
