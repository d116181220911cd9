//! The Rust API on test networks.

use std::future::Future;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::task::{Context, Waker};

use hyperdht::{
    BootstrapNode, ConnectError, ConnectReason, Connection, Dht, DhtConfig, ListenError,
    MutableGet, MutableRecord, QueryError, RequestError, Testnet, generate_key_pair, testnet,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

#[tokio::test]
async fn a_topic_is_announced_and_found() {
    let net = testnet(5).await.unwrap();
    let (alice, bob) = (net.create_node().await.unwrap(), net.create_node().await.unwrap());
    let key_pair = generate_key_pair().unwrap();
    let topic = [7; 32];

    let closest = alice.announce(topic, key_pair.clone()).await.unwrap();
    assert!(!closest.is_empty());

    let mut found = 0;
    let mut lookup = bob.lookup(topic);
    while let Some(reply) = lookup.next().await {
        if let Some(found_there) = reply.peers() {
            found += found_there
                .peers
                .iter()
                .filter(|peer| peer.public_key == key_pair.public())
                .count();
        }
    }
    assert!(found > 0);
    assert!(!lookup.finish().await.unwrap().is_empty());

    alice.unannounce(topic, key_pair).await.unwrap();
    net.destroy().await;
}

#[tokio::test]
async fn values_are_put_and_got() {
    let net = testnet(5).await.unwrap();
    let (alice, bob) = (net.create_node().await.unwrap(), net.create_node().await.unwrap());

    for value in [&b""[..], b"hello", &[7; 1000]] {
        let hash = alice.immutable_put(value).await.unwrap();
        assert_eq!(bob.immutable_get(hash).await.unwrap().as_deref(), Some(value));
    }
    assert_eq!(bob.immutable_get([1; 32]).await.unwrap(), None);
    net.destroy().await;
}

#[tokio::test]
async fn the_highest_number_of_a_mutable_value_stays() {
    let net = testnet(5).await.unwrap();
    let (alice, bob) = (net.create_node().await.unwrap(), net.create_node().await.unwrap());
    let key_pair = generate_key_pair().unwrap();
    let public_key = key_pair.public();
    let any = MutableGet::default();
    assert_eq!(bob.mutable_get(public_key, any).await.unwrap(), None);

    let first = alice.mutable_put(&key_pair, "first", 0).await.unwrap();
    assert_eq!(bob.mutable_get(public_key, any).await.unwrap(), Some(first.clone()));
    let third = alice.mutable_put(&key_pair, "third", 3).await.unwrap();
    for late in [first, MutableRecord::sign(&key_pair, "another", 3)] {
        bob.mutable_refresh(&late).await.unwrap();
    }
    bob.mutable_refresh(&third).await.unwrap();

    for get in [any, MutableGet { seq: 3, latest: true }, MutableGet { seq: 3, latest: false }] {
        assert_eq!(bob.mutable_get(public_key, get).await.unwrap(), Some(third.clone()));
    }
    let later = MutableGet { seq: 4, latest: true };
    assert_eq!(bob.mutable_get(public_key, later).await.unwrap(), None);
    net.destroy().await;
}

#[tokio::test]
async fn messages_keep_their_borders() {
    let (net, mut client, mut accepted) = connected().await;

    for message in ["one", "", "three"] {
        client.write_message(message).await.unwrap();
    }
    client.write_message(vec![7; 300_000]).await.unwrap();

    assert_eq!(&accepted.read_message().await.unwrap().unwrap()[..], b"one");
    // An empty message is a keep-alive, which is not delivered.
    assert_eq!(&accepted.read_message().await.unwrap().unwrap()[..], b"three");
    assert_eq!(accepted.read_message().await.unwrap().unwrap().len(), 300_000);
    net.destroy().await;
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused() {
    let (net, mut client, mut accepted) = connected().await;

    let longest = vec![7; Connection::MAX_MESSAGE];
    let mut longer = longest.clone();
    longer.push(7);
    let error = client.write_message(longer).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);

    let writing = tokio::spawn(async move {
        client.write_message(longest).await.unwrap();
        client
    });
    let arrived = accepted.read_message().await.unwrap().unwrap();
    assert_eq!(arrived.len(), Connection::MAX_MESSAGE);
    writing.await.unwrap();
    net.destroy().await;
}

#[tokio::test]
async fn bytes_flow_both_ways_and_end() {
    let (net, client, accepted) = connected().await;
    let sent: Vec<u8> = (0..5_000_000_u32).map(|i| ((i * 7) >> 3) as u8).collect();

    let (mut read, mut write) = tokio::io::split(accepted);
    let echo = tokio::spawn(async move {
        tokio::io::copy(&mut read, &mut write).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let (mut read, mut write) = tokio::io::split(client);
    let data = sent.clone();
    let writer = tokio::spawn(async move {
        write.write_all(&data).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let mut received = Vec::new();
    read.read_to_end(&mut received).await.unwrap();

    assert!(received == sent);
    echo.await.unwrap();
    writer.await.unwrap();
    net.destroy().await;
}

#[tokio::test]
async fn unordered_messages_arrive() {
    let (net, client, accepted) = connected().await;

    client.send_unordered("hello");

    assert_eq!(accepted.recv_unordered().await.as_deref(), Some(&b"hello"[..]));
    net.destroy().await;
}

#[tokio::test]
async fn every_task_that_waits_for_unordered_messages_gets_its_turn() {
    let (net, client, accepted) = connected().await;
    let accepted = Arc::new(accepted);
    let mut tasks = JoinSet::new();
    for _ in 0..2 {
        let accepted = Arc::clone(&accepted);
        tasks.spawn(async move { accepted.recv_unordered().await });
    }
    tokio::task::yield_now().await;

    client.send_unordered("message");
    let first = tasks.join_next().await.unwrap().unwrap();
    assert_eq!(first.as_deref(), Some(&b"message"[..]));

    client.destroy().await;
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), None);
    net.destroy().await;
}

#[tokio::test]
async fn connections_that_nobody_accepted_go_with_their_server() {
    let net = testnet(3).await.unwrap();
    let (alice, bob) = (net.create_node().await.unwrap(), net.create_node().await.unwrap());
    for round in 0..ROUNDS {
        let server = bob.listen(generate_key_pair().unwrap()).await.unwrap();
        let connecting = (0..3).map(|_| alice.connect(server.public_key()));
        let mut opened = Vec::new();
        for each in connecting {
            opened.push(each.await.unwrap());
        }
        if round % 2 == 0 {
            drop(server);
        } else {
            server.close().await;
        }
        for mut client in opened {
            let error = client.read_message().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    }
    assert_eq!(bob.handle().read(|node| node.live().connections), Some(0));
    net.destroy().await;
}

#[tokio::test]
async fn a_connection_ends_in_order() {
    let (net, mut client, accepted) = connected().await;

    client.write_message("last words").await.unwrap();
    let closing = tokio::spawn(client.close());
    accepted.close().await.unwrap();

    closing.await.unwrap().unwrap();
    net.destroy().await;
}

#[tokio::test]
async fn a_connection_that_is_dropped_is_reset() {
    let (net, client, mut accepted) = connected().await;

    drop(client);

    let error = accepted.read_message().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    net.destroy().await;
}

#[tokio::test]
async fn nobody_listens() {
    let net = testnet(3).await.unwrap();
    let node = net.create_node().await.unwrap();

    let error = node.connect(generate_key_pair().unwrap().public()).await.unwrap_err();

    assert_eq!(error.error, ConnectError::PeerNotFound);
    assert_eq!(error.trace.reason, ConnectReason::NotAnnounced);
    assert!(error.trace.nodes > 0);
    net.destroy().await;
}

#[tokio::test]
async fn a_key_pair_is_served_once() {
    let net = testnet(3).await.unwrap();
    let node = net.create_node().await.unwrap();
    let key_pair = generate_key_pair().unwrap();

    let server = node.listen(key_pair.clone()).await.unwrap();
    let error = node.listen(key_pair.clone()).await.unwrap_err();
    assert_eq!(error, ListenError::KeypairAlreadyUsed);

    server.close().await;
    node.listen(key_pair).await.unwrap().close().await;
    net.destroy().await;
}

#[tokio::test]
async fn a_destroyed_node_refuses() {
    let net = testnet(3).await.unwrap();
    let node = net.create_node().await.unwrap();
    let mut server = node.listen(generate_key_pair().unwrap()).await.unwrap();
    let query = node.lookup([1; 32]);

    node.destroy().await;
    node.destroy().await;

    assert!(server.accept().await.is_none());
    // The query ended before its node, or with it.
    assert!(matches!(query.finish().await, Ok(_) | Err(QueryError::NodeDestroyed)));
    let refused = node.connect([1; 32]).await.unwrap_err();
    assert_eq!(refused.error, ConnectError::NodeDestroyed);
    assert!(node.listen(generate_key_pair().unwrap()).await.is_err());
    assert!(node.lookup([1; 32]).finish().await.is_err());
    assert!(node.immutable_put("late").await.is_err());
    assert!(node.immutable_get([1; 32]).await.is_err());
    assert!(node.mutable_get([1; 32], MutableGet::default()).await.is_err());
    assert!(node.local_addr().is_none());
    net.destroy().await;
}

#[tokio::test]
async fn a_node_that_fails_fails_whatever_waits_for_it() {
    let net = testnet(3).await.unwrap();
    let bob = net.create_node().await.unwrap();
    let alice = net.create_node().await.unwrap();
    let mut server = bob.listen(generate_key_pair().unwrap()).await.unwrap();
    let _client = alice.connect(server.public_key()).await.unwrap();
    let mut open = server.accept().await.unwrap();

    let failed = panic_in(&bob, async { open.read_message().await.unwrap_err() }).await;
    assert_eq!(failed.kind(), ErrorKind::NotConnected);
    assert!(open.write_message("late").await.is_err());
    assert_eq!(open.recv_unordered().await, None);
    assert!(server.accept().await.is_none());
    server.close().await;
    bob.destroy().await;
    bob.bootstrapped().await;
    bob.suspend().await;
    assert!(bob.resume().await.is_err());
    assert!(open.close().await.is_err());
    assert_eq!(bob.connect([1; 32]).await.unwrap_err().error, ConnectError::NodeFailed);
    assert_eq!(bob.lookup([1; 32]).finish().await.unwrap_err(), QueryError::NodeFailed);

    // Each call waits, because the network of its node does not answer.
    let node = &lonely().await;
    let key_pair = generate_key_pair().unwrap();
    let connect = panic_in(node, node.connect([1; 32])).await;
    assert_eq!(connect.unwrap_err().error, ConnectError::NodeFailed);
    let node = &lonely().await;
    let listen = panic_in(node, node.listen(key_pair.clone())).await;
    assert_eq!(listen.unwrap_err(), ListenError::NodeFailed);
    let node = &lonely().await;
    let ping = panic_in(node, node.ping(SILENT)).await;
    assert_eq!(ping.unwrap_err(), RequestError::NodeFailed);
    let node = &lonely().await;
    let query = panic_in(node, node.lookup([1; 32]).finish()).await;
    assert_eq!(query.unwrap_err(), QueryError::NodeFailed);
    let node = &lonely().await;
    let put = panic_in(node, node.immutable_put("value")).await;
    assert_eq!(put.unwrap_err(), QueryError::NodeFailed);
    let node = &lonely().await;
    let get = panic_in(node, node.immutable_get([1; 32])).await;
    assert_eq!(get.unwrap_err(), QueryError::NodeFailed);
    net.destroy().await;
}

#[tokio::test]
async fn a_node_sleeps_and_wakes() {
    let net = testnet(4).await.unwrap();
    let (alice, bob) = (net.create_node().await.unwrap(), net.create_node().await.unwrap());
    let mut server = bob.listen(generate_key_pair().unwrap()).await.unwrap();
    let mut client = alice.connect(server.public_key()).await.unwrap();
    let _accepted = server.accept().await.unwrap();
    let address = bob.local_addr();

    bob.suspend().await;
    bob.suspend().await;
    assert_eq!(bob.local_addr(), None);
    let reset = client.read_message().await.unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    let refused = bob.connect(alice.public_key()).await.unwrap_err();
    assert_eq!(refused.error, ConnectError::Suspended);

    bob.resume().await.unwrap();
    bob.resume().await.unwrap();
    assert_eq!(bob.local_addr(), address);
    while alice.connect(server.public_key()).await.is_err() {}
    assert!(server.accept().await.is_some());

    bob.destroy().await;
    bob.suspend().await;
    bob.resume().await.unwrap();
    net.destroy().await;
}

#[tokio::test]
async fn giving_up_leaves_nothing_behind() {
    let net = testnet(3).await.unwrap();
    let node = net.create_node().await.unwrap();

    let mut connecting = Box::pin(node.connect(generate_key_pair().unwrap().public()));
    let _ = connecting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    drop(connecting);
    drop(node.lookup([1; 32]));

    node.bootstrapped().await;
    let live = node.handle().read(|node| node.live()).unwrap();
    assert_eq!((live.connections, live.queries), (0, 0));
    net.destroy().await;
}

/// Begins to wait for something, then lets the node panic.
async fn panic_in<T>(node: &Dht, waiting: impl Future<Output = T>) -> T {
    let mut waiting = std::pin::pin!(waiting);
    let early = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(early.is_pending());
    assert_eq!(node.handle().read(|_| panic!("a test")), None::<()>);
    waiting.await
}

/// A node whose network does not answer.
async fn lonely() -> Dht {
    let bootstrap = BootstrapNode::Address(SILENT);
    Dht::new(DhtConfig::local(vec![bootstrap])).await.expect("a node")
}

async fn connected() -> (Testnet, hyperdht::Connection, hyperdht::Connection) {
    let mut net = testnet(3).await.expect("a network");
    let alice = net.create_node().await.expect("a node");
    let bob = net.create_node().await.expect("a node");
    let key_pair = generate_key_pair().expect("randomness");
    let mut server = bob.listen(key_pair).await.expect("a server");
    let client = alice.connect(server.public_key()).await.expect("a connection");
    let accepted = server.accept().await.expect("its other end");
    assert_eq!(client.handshake_hash(), accepted.handshake_hash());
    assert_eq!(client.remote_public_key(), server.public_key());
    assert_eq!(accepted.remote_public_key(), alice.public_key());
    net.nodes.extend([alice, bob]);
    (net, client, accepted)
}

/// The discard port: nobody answers there.
const SILENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9);

/// More than enough for the threads to meet in any order.
const ROUNDS: usize = 20;
