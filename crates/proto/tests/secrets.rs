//! No secret is printed by `Debug`, which ends in logs and in reports of panics.
#![cfg(test)]

use std::fmt::Debug;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use proto::noise::{Initiator, KeyPair, Responder};
use proto::secret::{Datagrams, PunchBox, Receiver, Sender};
use proto::{
    Command, Config, ConnId, ConnectOptions, ConnectionInfo, Event, Node, Opened, QueryId,
    QueryKind, QueryOptions, Rng, ServerId, ServerOptions, SocketId,
};

#[test]
fn the_check_finds_secrets() {
    assert!(shows(&SECRET, &SECRET));
    assert!(shows(&Some(vec![SECRET]), &SECRET));
    assert!(!shows(&[0; 32], &SECRET));
}

#[test]
fn options_and_commands_do_not_show_key_pairs() {
    let key_pair = || KeyPair::from_seed(SECRET);
    let (conn, server, query) = (ConnId(0), ServerId(0), QueryId(0));
    let connect = ConnectOptions { key_pair: Some(key_pair()), ..ConnectOptions::default() };
    let listen = ServerOptions { key_pair: Some(key_pair()), ..ServerOptions::default() };
    let announce = QueryKind::Announce {
        key_pair: key_pair(),
        relay_addresses: Vec::new(),
        bump: 0,
        clear: false,
    };
    let unannounce = QueryKind::Unannounce { key_pair: key_pair() };
    let options = QueryOptions::default;
    let target = [1; 32];
    let config = Config { key_pair: key_pair(), ..Config::default() };

    hides(&key_pair(), &SECRET);
    hides(&config, &SECRET);
    hides(&Command::Connect { conn, remote: [2; 32], options: connect }, &SECRET);
    hides(&Command::Listen { server, options: listen }, &SECRET);
    hides(&Command::Query { query, target, kind: announce, options: options() }, &SECRET);
    hides(&Command::Query { query, target, kind: unannounce, options: options() }, &SECRET);
    hides(&Command::Write { conn, data: (&SECRET).into() }, &SECRET);
}

#[test]
fn events_do_not_show_handshake_hashes() {
    let hash: [u8; 64] = std::array::from_fn(|at| SECRET[at % 32]);
    let opened = || Opened {
        conn: ConnId(0),
        remote_public_key: [2; 32],
        handshake_hash: hash.into(),
        remote: (Ipv4Addr::LOCALHOST, 1).into(),
        socket: SocketId::SERVER,
        local_id: 1,
        remote_id: 2,
        path: proto::PathInfo {
            kind: proto::PathKind::Lan,
            relay: None,
            remote: (Ipv4Addr::LOCALHOST, 1).into(),
            socket: SocketId::SERVER,
            punch: None,
        },
    };
    let info = ConnectionInfo {
        server: ServerId(0),
        opened: opened(),
        keep_alive: Duration::ZERO,
        unasked: Vec::new(),
    };

    hides(&opened(), &hash);
    hides(&Event::Opened(Box::new(opened())), &hash);
    hides(&Event::Connection(Box::new(info)), &hash);
}

#[test]
fn handshakes_and_ciphers_do_not_show_their_keys() {
    let mut rng = Rng::from_seed(SECRET);
    let (near, far) = (KeyPair::from_seed(SECRET), KeyPair::from_seed([2; 32]));
    let mut initiator = Initiator::new(&near, far.public(), &mut rng).expect("keys");
    let mut responder = Responder::new(&far, &mut rng).expect("keys");
    hides(&initiator, &SECRET);
    responder.recv(&initiator.send(b"").expect("message 1")).expect("message 1");
    initiator.recv(&responder.send(b"").expect("message 2")).expect("message 2");

    let keys = initiator.finish();
    let secrets: [&[u8]; 3] = [keys.tx(), keys.rx(), &keys.hash];
    for secret in secrets {
        hides(&keys, secret);
        hides(&Sender::new(&keys, [0; 24]), secret);
        hides(&Receiver::new(&keys), secret);
        hides(&Datagrams::new(&keys, [0; 8]), secret);
    }
    let punch = keys.holepunch_secret();
    hides(&PunchBox::new(&punch, &SECRET), &*punch);
    hides(&PunchBox::new(&punch, &SECRET), &SECRET);
    hides(&rng, &SECRET);
}

#[test]
fn a_node_does_not_show_its_secrets() {
    let config = Config { key_pair: KeyPair::from_seed(SECRET), ..Config::default() };
    hides(&Node::new(config, SECRET, Instant::now()), &SECRET);
}

fn hides(value: &impl Debug, secret: &[u8]) {
    assert!(!shows(value, secret), "{value:?}");
}

/// True if any four bytes in a row are printed, as numbers or in hexadecimal.
fn shows(value: &impl Debug, secret: &[u8]) -> bool {
    let text: String = format!("{value:?}").to_lowercase().split_whitespace().collect();
    secret.windows(4).any(|part| {
        let numbers: Vec<String> = part.iter().map(u8::to_string).collect();
        text.contains(&numbers.join(",")) || text.contains(&hex::encode(part))
    })
}

/// No two bytes are the same, so that no other value has four of them in a row.
const SECRET: [u8; 32] = [
    201, 13, 77, 154, 240, 31, 98, 187, 5, 222, 119, 64, 173, 46, 209, 88, 133, 252, 19, 70, 161,
    36, 230, 107, 54, 145, 218, 81, 9, 196, 125, 248,
];
