//! Messages of the DHT, encoded and decoded.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddrV4};

use proto::wire::{Announce, Packet, Peer, Request, Response, command};

pub(crate) fn requests(times: usize) {
    for _ in 0..times {
        let request = Request {
            tid: 1,
            to: ADDRESS,
            id: None,
            token: None,
            internal: true,
            command: command::FIND_NODE,
            target: Some([1; 32]),
            value: None,
        };
        let bytes = black_box(request).encode();
        let _ = black_box(Packet::decode(black_box(&bytes)));
    }
}

pub(crate) fn responses(times: usize) {
    for _ in 0..times {
        let response = Response {
            tid: 1,
            to: ADDRESS,
            id: Some([2; 32]),
            token: None,
            closer_nodes: vec![ADDRESS; 20],
            error: 0,
            value: None,
        };
        let bytes = black_box(response).encode();
        let _ = black_box(Packet::decode(black_box(&bytes)));
    }
}

pub(crate) fn announces(times: usize) {
    for _ in 0..times {
        let peer = Peer { public_key: [3; 32], relay_addresses: vec![ADDRESS; 3] };
        let announce =
            Announce { peer: Some(peer), refresh: None, signature: Some([4; 64]), bump: 0 };
        let bytes = black_box(announce).encode();
        let _ = black_box(Announce::decode(black_box(&bytes)));
    }
}

const ADDRESS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 7), 49_737);
