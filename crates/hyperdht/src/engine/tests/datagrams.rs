//! What is sent arrives: trains, single datagrams, both families.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use proto::{SocketId, Transmit};

use super::{Pair, rules};
use crate::engine::batch::Batch;
use crate::engine::bind::BindRules;

#[test]
fn a_train_of_segments_arrives_as_datagrams() {
    let pair = Pair::new();
    let data: Vec<u8> = (0..10_500).map(|i| (i / 1000) as u8).collect();

    pair.send(&data, Some(1000), None);

    let arrived = pair.receive(11);
    for (i, (from, datagram)) in arrived.iter().enumerate() {
        assert_eq!(*from, pair.client);
        assert_eq!(datagram.len(), if i == 10 { 500 } else { 1000 });
        assert!(datagram.iter().all(|byte| *byte == i as u8));
    }
}

#[test]
fn the_longest_train_is_one_send() {
    let pair = Pair::new();
    let segments = pair.sockets.read()[&SocketId::CLIENT].max_segments();

    pair.send(&vec![7; segments * 1472], Some(1472), None);

    assert_eq!(pair.receive(segments).len(), segments);
}

#[test]
fn a_batch_takes_single_datagrams_of_several_sockets() {
    let pair = Pair::new();
    let to_client = Transmit { socket: SocketId::SERVER, ..pair.transmit(None, None) };

    for i in 0..5 {
        pair.send(&[i; 100], None, None);
    }
    let sockets = pair.sockets.read();
    sockets[&SocketId::SERVER].send(&Transmit { to: pair.client, ..to_client }, b"back").unwrap();
    drop(sockets);

    let arrived = pair.receive(6);
    assert_eq!(arrived.iter().filter(|(from, _)| *from == pair.server).count(), 1);
}

#[test]
fn a_system_that_reads_one_at_a_time_fills_a_batch_as_well() {
    let pair = Pair::new();
    let mut batch = Batch::with_calls_of(1);
    for i in 0..5 {
        pair.send(&[i; 100], None, None);
    }

    pair.wait_until_readable();
    let more = batch.fill(&pair.sockets, &mut { SocketId::SERVER });

    let mut arrived = Vec::new();
    batch.for_each(|run| arrived.push(run.data[0]));
    assert_eq!(arrived, [0, 1, 2, 3, 4]);
    assert!(!more);
}

#[test]
fn an_empty_datagram_arrives() {
    let pair = Pair::new();

    pair.send(&[], None, None);
    pair.send(b"next", None, None);

    let next = (pair.client, b"next".to_vec());
    assert_eq!(pair.receive(2), [(pair.client, Vec::new()), next]);
}

#[test]
fn a_time_to_live_is_for_one_datagram() {
    let pair = Pair::new();

    pair.send(b"short", None, Some(1));
    assert_eq!(pair.receive(1).len(), 1);

    assert_eq!(pair.sockets.read()[&SocketId::CLIENT].ttl().unwrap(), 64);
}

#[test]
fn sockets_of_both_families_speak_ipv4() {
    let pair = Pair::of(&BindRules { dual_stack: true, ..rules(0..0, true) });

    pair.send(&[7; 2500], Some(1000), None);
    pair.send(b"short", None, Some(1));

    let arrived = pair.receive(4);
    assert_eq!(
        arrived.iter().map(|(_, data)| data.len()).collect::<Vec<_>>(),
        [1000, 1000, 500, 5]
    );
    assert!(arrived.iter().all(|(from, _)| *from == pair.client));
    let sockets = pair.sockets.read();
    assert_eq!(sockets[&SocketId::CLIENT].ttl().unwrap(), 64);
    assert_eq!(*sockets[&SocketId::CLIENT].local().ip(), Ipv4Addr::UNSPECIFIED);
}

#[test]
fn sockets_of_both_families_speak_ipv6() {
    let mut pair = Pair::of(&BindRules { dual_stack: true, ..rules(0..0, true) });
    let on_loopback = |at: SocketAddr| SocketAddr::from((Ipv6Addr::LOCALHOST, at.port()));
    (pair.client, pair.server) = (on_loopback(pair.client), on_loopback(pair.server));
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return println!("not run, because ::1 cannot be bound");
    }

    pair.send(&[7; 2500], Some(1000), None);
    pair.send(b"short", None, Some(1));

    let arrived = pair.receive(4);
    let sizes: Vec<_> = arrived.iter().map(|(_, data)| data.len()).collect();
    assert_eq!(sizes, [1000, 1000, 500, 5]);
    assert!(arrived.iter().all(|(from, _)| *from == pair.client));
}

#[test]
fn datagrams_to_several_destinations_leave_together() {
    for dual_stack in [false, true] {
        let pair = Pair::of(&BindRules { dual_stack, ..rules(0..0, true) });
        let before = pair.sockets.read()[&SocketId::CLIENT].traffic();

        pair.send_together(&[(pair.server, 10, None), (pair.client, 25, Some(10))]);

        let mut arrived = pair.receive(4);
        arrived.sort_by_key(|(_, data)| data.len());
        let sizes: Vec<_> = arrived.iter().map(|(_, data)| data.len()).collect();
        assert_eq!(sizes, [5, 10, 10, 10]);
        assert!(arrived.iter().all(|(from, _)| *from == pair.client));
        let after = pair.sockets.read()[&SocketId::CLIENT].traffic();
        assert_eq!(after.packets_transmitted - before.packets_transmitted, 4);
        assert_eq!(after.bytes_transmitted - before.bytes_transmitted, 35);
    }
}
