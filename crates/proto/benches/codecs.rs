//! Encoding and decoding of messages of the DHT. `cargo bench -p hyperdht-proto --bench codecs`

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddrV4};

use criterion::{Criterion, criterion_group, criterion_main};
use proto::wire::{Announce, Handshake, Mode, Packet, Peer, Request, Response, command};

fn packets(criterion: &mut Criterion) {
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
    let bytes = request.encode();
    pair(criterion, "request", || request.encode(), || Packet::decode(&bytes));

    let response = Response {
        tid: 1,
        to: ADDRESS,
        id: Some([2; 32]),
        token: Some([3; 32]),
        closer_nodes: vec![ADDRESS; 20],
        error: 0,
        value: None,
    };
    let bytes = response.encode();
    pair(criterion, "response of 20 nodes", || response.encode(), || Packet::decode(&bytes));
}

fn values(criterion: &mut Criterion) {
    let peer = Peer { public_key: [3; 32], relay_addresses: vec![ADDRESS; 3] };
    let announce = Announce { peer: Some(peer), refresh: None, signature: Some([4; 64]), bump: 0 };
    let bytes = announce.encode();
    pair(criterion, "announce", || announce.encode(), || Announce::decode(&bytes));

    let handshake = Handshake {
        mode: Mode::FromClient,
        noise: vec![5; 160],
        peer_address: Some(ADDRESS),
        relay_address: None,
    };
    let bytes = handshake.encode();
    pair(criterion, "handshake", || handshake.encode(), || Handshake::decode(&bytes));
}

/// The two directions of a codec.
fn pair<T>(
    criterion: &mut Criterion,
    name: &str,
    encode: impl Fn() -> Vec<u8>,
    decode: impl Fn() -> T,
) {
    let mut group = criterion.benchmark_group(name);
    group.bench_function("encode", |b| b.iter(|| black_box(encode())));
    group.bench_function("decode", |b| b.iter(|| black_box(decode())));
    group.finish();
}

const ADDRESS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 7), 49_737);

criterion_group!(benches, packets, values);
criterion_main!(benches);
