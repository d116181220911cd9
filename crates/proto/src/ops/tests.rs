use std::time::Duration;

use bytes::Bytes;

use crate::noise::{KeyPair, PublicKey};
use crate::tests::testnet::{QUERY, Testnet, cx};
use crate::wire::{LookupReply, MutablePut, Target, command, hash, mutable_signable};
use crate::{
    Event, QueryError, QueryKind, QueryOptions, QueryReply, RequestError, RequestId, Steer,
    UserCommit, UserRequest,
};

#[test]
fn what_is_announced_is_looked_up() {
    let mut testnet = Testnet::persistent(6);
    let (alice, bob) = (testnet.add(None), testnet.add(None));

    let (_, announced) = testnet.query(alice, TOPIC, announce(1, 1_799_999_999_000));
    let (replies, looked_up) = testnet.query(bob, TOPIC, QueryKind::Lookup);

    assert_eq!((announced, looked_up), (Ok(()), Ok(())));
    assert_eq!(replies.len(), 6);
    for reply in &replies {
        let Some(LookupReply { peers, bump }) = reply.peers() else {
            panic!("{reply:?}");
        };
        assert_eq!(peers[0].public_key, key_pair(1).public());
        assert_eq!(peers[0].relay_addresses, [testnet.hosts[0].address()]);
        assert_eq!(bump, 1_799_999_999_000);
    }
}

#[test]
fn what_is_unannounced_is_gone_and_others_stay() {
    let mut testnet = Testnet::persistent(6);
    let alice = testnet.add(None);
    for seed in [1, 2] {
        let (_, result) = testnet.query(alice, TOPIC, announce(seed, 0));
        assert_eq!(result, Ok(()));
    }

    let (replies, result) = testnet.query(alice, TOPIC, unannounce(1));
    assert_eq!((replies.len(), result), (6, Ok(())));

    let (replies, _) = testnet.query(alice, TOPIC, QueryKind::Lookup);
    assert!(replies.iter().all(|reply| keys(reply) == [key_pair(2).public()]));
    let (replies, result) = testnet.query(alice, TOPIC, unannounce(2));
    assert_eq!((replies.len(), result), (6, Ok(())));
    let (replies, result) = testnet.query(alice, TOPIC, QueryKind::Lookup);
    assert_eq!((replies.len(), result), (0, Ok(())));
}

#[test]
fn clear_announces_after_the_last_unannounce() {
    let mut testnet = Testnet::persistent(6);
    let alice = testnet.add(None);
    for (seed, bump) in [(1, 0), (2, 0)] {
        let (_, result) = testnet.query(alice, TOPIC, announce(seed, bump));
        assert_eq!(result, Ok(()));
    }

    let (replies, result) = testnet.query(alice, TOPIC, announce_cleared(1));
    assert_eq!((replies.len(), result), (6, Ok(())), "one walk");

    let (replies, _) = testnet.query(alice, TOPIC, QueryKind::Lookup);
    assert_eq!(replies.len(), 6);
    assert!(replies.iter().all(|reply| keys(reply).len() == 2));
}

#[test]
fn clear_unlinks_the_nodes_own_copy() {
    let mut testnet = Testnet::persistent(3);
    for (host, kind) in [(2, announce(1, 0)), (0, announce_cleared(1))] {
        let (_, result) = testnet.query(host, TOPIC, kind);
        assert_eq!(result, Ok(()));
    }

    let (replies, _) = testnet.query(1, TOPIC, QueryKind::Lookup);
    assert_eq!(replies.len(), 1, "the third, not the first itself");
}

#[test]
fn a_paused_query_asks_nobody_until_it_goes_on() {
    let mut testnet = Testnet::persistent(6);
    let alice = testnet.add(None);
    start(&mut testnet, alice, QueryKind::FindNode, QueryOptions::default());
    testnet.run(Duration::from_millis(25));
    let before = replies(&testnet, alice);
    steer(&mut testnet, alice, Steer::Pause);
    testnet.run(Duration::from_secs(5));
    assert!(before < 6 && !is_done(&testnet, alice));
    let paused = replies(&testnet, alice);

    testnet.run(Duration::from_secs(60));
    assert_eq!(replies(&testnet, alice), paused);
    steer(&mut testnet, alice, Steer::GoOn);
    testnet.run(Duration::from_secs(5));
    assert!(is_done(&testnet, alice));
    assert_eq!(replies(&testnet, alice), 6);
}

#[test]
fn a_concluded_query_ends_with_what_it_has_and_commits_it() {
    let mut testnet = Testnet::persistent(6);
    let alice = testnet.add(None);
    let options = QueryOptions { concurrency: Some(1), ..QueryOptions::default() };
    start(&mut testnet, alice, announce(1, 0), options);
    testnet.run(Duration::from_millis(90));
    steer(&mut testnet, alice, Steer::Conclude);
    steer(&mut testnet, alice, Steer::Conclude);
    testnet.run(Duration::from_secs(1));

    let done = testnet.hosts[alice].events.iter().find_map(|event| {
        let Event::QueryDone { closest, result, .. } = event else {
            return None;
        };
        Some((closest.len(), *result))
    });
    let Some((closest, Ok(()))) = done else { panic!("{done:?}") };
    assert!((1..6).contains(&closest), "{closest}");
    let (replies, _) = testnet.query(alice, TOPIC, QueryKind::Lookup);
    assert_eq!(replies.len(), closest);
}

#[test]
fn a_persistent_node_unlinks_its_own_copy() {
    let mut testnet = Testnet::persistent(3);
    for (host, kind) in [(2, announce(1, 0)), (0, announce(1, 0)), (0, unannounce(1))] {
        let (_, result) = testnet.query(host, TOPIC, kind);
        assert_eq!(result, Ok(()));
    }

    let (replies, _) = testnet.query(1, TOPIC, QueryKind::Lookup);
    assert!(replies.is_empty());
    let (replies, _) = testnet.query(2, TOPIC, QueryKind::Lookup);
    assert!(replies.is_empty());
}

#[test]
fn a_value_is_put_at_the_closest_nodes_and_found_there() {
    let mut testnet = Testnet::persistent(6);
    let (alice, bob) = (testnet.add(None), testnet.add(None));
    let target = hash(&[b"hello"]);
    let get = |commit| QueryKind::User { command: command::IMMUTABLE_GET, value: None, commit };
    let value = Some(Bytes::from_static(b"hello"));
    let put = UserCommit::Send { command: command::IMMUTABLE_PUT, value: value.clone() };

    let (_, put) = testnet.query(alice, target, get(put));
    let (replies, got) = testnet.query(bob, target, get(UserCommit::None));

    assert_eq!((put, got), (Ok(()), Ok(())));
    assert_eq!(replies.iter().filter(|reply| reply.value == value).count(), 6);
}

#[test]
fn a_value_that_everybody_refuses_was_put_all_the_same() {
    let mut testnet = Testnet::persistent(3);
    let target = hash(&[&key_pair(1).public()]);
    let mut put = |seq, value: &[u8]| {
        let signature = key_pair(1).sign(&mutable_signable(seq, value));
        let public_key = key_pair(1).public();
        let put = MutablePut { public_key, seq, value: value.to_vec(), signature };
        let value = Some(Bytes::from(put.encode()));
        let commit = UserCommit::Send { command: command::MUTABLE_PUT, value };
        let value = Some(Bytes::from_static(&[0]));
        testnet.query(0, target, QueryKind::User { command: command::MUTABLE_GET, value, commit }).1
    };

    // As in the reference: a put does not fail because nodes have a newer value.
    assert_eq!(put(2, b"two"), Ok(()));
    assert_eq!(put(1, b"one"), Ok(()));
    assert_eq!(put(2, b"other"), Ok(()));
}

#[test]
fn nobody_to_announce_to_is_an_error() {
    let mut testnet = Testnet::persistent(0);
    let alice = testnet.add(None);

    let (_, announced) = testnet.query(alice, TOPIC, announce(1, 0));
    let (_, unannounced) = testnet.query(alice, TOPIC, unannounce(1));
    let (_, looked_up) = testnet.query(alice, TOPIC, QueryKind::Lookup);

    assert_eq!(announced, Err(QueryError::TooFewNodes));
    assert_eq!(unannounced, Err(QueryError::TooFewNodes));
    assert_eq!(looked_up, Ok(()));
}

#[test]
fn a_query_of_the_protocol_itself_shows_every_reply() {
    let mut testnet = Testnet::persistent(6);
    let alice = testnet.add(None);

    let (replies, result) = testnet.query(alice, TOPIC, QueryKind::FindNode);

    assert_eq!((replies.len(), result), (6, Ok(())));
    assert!(replies.iter().all(|reply| reply.value.is_none()));
}

#[test]
fn the_result_names_the_replies_that_were_told() {
    let mut testnet = Testnet::persistent(6);
    let alice = testnet.add(None);
    // No node has a record of the topic, so the replies to a lookup are not reported.
    for (kind, told) in [(QueryKind::FindNode, 6), (QueryKind::Lookup, 0)] {
        start(&mut testnet, alice, kind, QueryOptions::default());
        testnet.run(Duration::from_secs(5));

        let (mut replies, mut result) = (Vec::new(), Vec::new());
        for event in testnet.hosts[alice].events.drain(..) {
            if let Event::QueryReply { reply, .. } = event {
                replies.push(reply);
            } else if let Event::QueryDone { closest, .. } = event {
                result.extend(closest);
            }
        }
        assert_eq!((replies.len(), result.len()), (told, 6));
        for closest in result {
            let place = closest.told.map(|place| replies[place as usize].from);
            assert_eq!(place, (told > 0).then_some(closest.reply.from));
        }
    }
}

#[test]
fn a_brief_result_only_names_the_nodes() {
    let mut testnet = Testnet::persistent(6);
    let alice = testnet.add(None);
    let mut result = |brief| {
        let options = QueryOptions { brief, ..QueryOptions::default() };
        start(&mut testnet, alice, QueryKind::Lookup, options);
        testnet.run(Duration::from_secs(5));
        let done = testnet.hosts[alice].events.drain(..).find_map(|event| {
            let Event::QueryDone { closest, .. } = event else { return None };
            Some(closest)
        });
        done.unwrap_or_default().into_iter().map(|closest| closest.reply).collect::<Vec<_>>()
    };

    let (full, brief) = (result(false), result(true));

    assert_eq!(full.len(), 6);
    assert!(full.iter().all(|reply| reply.token.is_some() && !reply.closer_nodes.is_empty()));
    assert!(brief.iter().all(|reply| reply.token.is_none() && reply.closer_nodes.is_empty()));
    let names = |replies: &[QueryReply]| -> Vec<_> {
        replies.iter().map(|reply| (reply.from, reply.from_id)).collect()
    };
    assert_eq!(names(&brief), names(&full));
}

#[test]
fn a_cancelled_query_ends_at_once_and_once() {
    let mut testnet = Testnet::persistent(6);
    let alice = testnet.add(None);
    let (_, announced) = testnet.query(alice, TOPIC, announce(1, 0));
    assert_eq!(announced, Ok(()));
    testnet.hosts[alice].events.clear();

    testnet.act(alice, |host, now| {
        let options = crate::QueryOptions::default();
        let kind = unannounce(1);
        let query = super::UserQuery { query: QUERY, target: TOPIC, kind, options };
        let (net, store) = (&mut host.net, &mut host.store);
        host.ops.start_query(&mut cx!(host, now), net, store, query);
    });
    testnet.run(Duration::from_millis(25));
    testnet.act(alice, |host, now| {
        host.ops.cancel_query(&mut cx!(host, now), &mut host.net, QUERY);
    });
    let told = testnet.hosts[alice].events.len();
    testnet.run(Duration::from_secs(20));

    let host = &testnet.hosts[alice];
    assert!(matches!(host.events[told - 1], Event::QueryDone { result: Ok(()), .. }));
    assert_eq!((host.events.len(), host.ops.queries.len()), (told, 0));
}

#[test]
fn a_request_is_answered_or_times_out() {
    let mut testnet = Testnet::persistent(2);
    let alice = testnet.add(None);
    let ping = |testnet: &mut Testnet| {
        testnet.act(alice, |host, now| {
            let net = &mut host.net;
            host.ops.start_request(&mut cx!(host, now), net, RequestId(7), ping(1));
        });
        testnet.hosts[alice].events.clear();
        testnet.run(Duration::from_secs(5));
        let reply = |event: Event| {
            let Event::Reply { request: RequestId(7), result } = event else {
                return None;
            };
            Some(result.map(|reply| reply.rtt))
        };
        testnet.hosts[alice].events.drain(..).find_map(reply)
    };

    assert_eq!(ping(&mut testnet), Some(Ok(20)));
    testnet.hosts[1].dead = true;
    assert_eq!(ping(&mut testnet), Some(Err(RequestError::Timeout)));
}

fn ping(host: u8) -> UserRequest {
    UserRequest {
        to: std::net::SocketAddrV4::new([10, 0, 0, host].into(), 49737),
        internal: true,
        command: command::PING,
        target: None,
        token: None,
        value: None,
        retries: 3,
        socket: None,
        ttl: None,
    }
}

fn start(testnet: &mut Testnet, host: usize, kind: QueryKind, options: QueryOptions) {
    testnet.hosts[host].events.clear();
    testnet.act(host, |host, now| {
        let query = super::UserQuery { query: QUERY, target: TOPIC, kind, options };
        let (net, store) = (&mut host.net, &mut host.store);
        host.ops.start_query(&mut cx!(host, now), net, store, query);
    });
}

fn steer(testnet: &mut Testnet, host: usize, steer: Steer) {
    testnet.act(host, |host, now| {
        host.ops.steer_query(&mut cx!(host, now), &mut host.net, QUERY, steer);
    });
}

fn replies(testnet: &Testnet, host: usize) -> usize {
    let is_reply = |event: &&Event| matches!(event, Event::QueryReply { .. });
    testnet.hosts[host].events.iter().filter(is_reply).count()
}

fn is_done(testnet: &Testnet, host: usize) -> bool {
    testnet.hosts[host].events.iter().any(|event| matches!(event, Event::QueryDone { .. }))
}

fn announce_cleared(seed: u8) -> QueryKind {
    let QueryKind::Announce { key_pair, relay_addresses, bump, .. } = announce(seed, 0) else {
        unreachable!()
    };
    QueryKind::Announce { key_pair, relay_addresses, bump, clear: true }
}

fn announce(seed: u8, bump: u64) -> QueryKind {
    let relay = std::net::SocketAddrV4::new([10, 0, 0, 0].into(), 49737);
    QueryKind::Announce {
        key_pair: key_pair(seed),
        relay_addresses: vec![relay],
        bump,
        clear: false,
    }
}

fn unannounce(seed: u8) -> QueryKind {
    QueryKind::Unannounce { key_pair: key_pair(seed) }
}

fn keys(reply: &QueryReply) -> Vec<PublicKey> {
    let Some(LookupReply { peers, .. }) = reply.peers() else {
        panic!("{reply:?}");
    };
    peers.iter().map(|peer| peer.public_key).collect()
}

fn key_pair(seed: u8) -> KeyPair {
    KeyPair::from_seed([seed; 32])
}

const TOPIC: Target = [7; 32];
