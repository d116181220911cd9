//! What the system refuses to send disturbs nothing else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use proto::{SocketId, Transmit};

use super::{HOST, Pair, rules};
use crate::engine::batch::Batch;
use crate::engine::bind::BindRules;

#[test]
fn a_socket_of_one_family_loses_what_is_for_the_other() {
    let pair = Pair::new();
    let to = SocketAddr::from((Ipv6Addr::LOCALHOST, pair.server.port()));
    let elsewhere = Transmit { to, ..pair.transmit(None, None) };
    pair.sockets.read()[&SocketId::CLIENT].send(&elsewhere, b"lost").unwrap();
    pair.send(&[7; 2000], Some(1000), None);

    assert_eq!(pair.receive(2).len(), 2);
    let segments = pair.sockets.read()[&SocketId::CLIENT].max_segments();
    assert_eq!(segments, Pair::new().sockets.read()[&SocketId::CLIENT].max_segments());
}

#[test]
fn a_datagram_that_cannot_be_sent_counts_as_lost() {
    let pair = Pair::new();

    pair.send(&vec![0; 1 << 16], None, None);
    pair.send(b"next", None, None);

    assert_eq!(pair.receive(1), [(pair.client, b"next".to_vec())]);
}

#[test]
fn what_is_too_much_for_one_call_is_sent_one_by_one() {
    let pair = Pair::new();
    let before = pair.sockets.read()[&SocketId::CLIENT].max_segments();

    pair.send(&vec![0; 100_000], Some(60_000), None);

    let arrived = pair.receive(2);
    assert_eq!(arrived.iter().map(|(_, data)| data.len()).collect::<Vec<_>>(), [60_000, 40_000]);
    assert_eq!(pair.sockets.read()[&SocketId::CLIENT].max_segments(), before);
}

#[test]
fn a_datagram_to_nowhere_does_not_end_segmentation() {
    let pair = Pair::new();
    let sockets = pair.sockets.read();
    let socket = &sockets[&SocketId::CLIENT];
    let before = socket.max_segments();
    let nowhere = SocketAddr::from((HOST, 0));
    for segment_size in [None, Some(1000)] {
        let transmit = Transmit { to: nowhere, ..pair.transmit(segment_size, None) };
        socket.send(&transmit, &[7; 2500]).unwrap();
        assert_eq!(socket.max_segments(), before);
    }
}

/// The kernel takes no more than 128 datagrams in one call, and gives the error of a network card
/// that refuses segmentation.
#[test]
#[cfg(target_os = "linux")]
fn what_is_refused_together_is_sent_one_by_one() {
    let pair = Pair::new();
    pair.send(&[7; 200], Some(1), None);

    assert_eq!(pair.receive(200).len(), 200);
    assert_eq!(pair.sockets.read()[&SocketId::CLIENT].max_segments(), 1);
}

#[test]
#[cfg(target_os = "linux")]
fn a_closed_port_is_reported_and_disturbs_no_other_destination() {
    let both = || BindRules { dual_stack: true, ..rules(0..0, true) };
    assert_reported(Pair::new(), HOST.into());
    assert_reported(Pair::of(&both()), HOST.into());
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return println!("not run for IPv6, because ::1 cannot be bound");
    }
    assert_reported(Pair::of(&both()), Ipv6Addr::LOCALHOST.into());
}

#[cfg(target_os = "linux")]
fn assert_reported(mut pair: Pair, host: IpAddr) {
    pair.server.set_ip(host);
    let closed = UdpSocket::bind((host, 0)).unwrap().local_addr().unwrap();
    let to_nobody = Transmit { to: closed, ..pair.transmit(None, None) };
    for _ in 0..3 {
        pair.sockets.read()[&SocketId::CLIENT].send(&to_nobody, b"to nobody").unwrap();
        pair.send(b"to the server", None, None);
    }
    assert_eq!(pair.receive(3).len(), 3);

    let mut batch = Batch::new();
    let (mut last, mut news) = (SocketId::CLIENT, Vec::new());
    // The report arrives before the next datagram leaves, or soon.
    for _ in 0..1000 {
        pair.sockets.read()[&SocketId::CLIENT].send(&to_nobody, b"to nobody").unwrap();
        batch.fill(&pair.sockets, &mut last);
        news.extend(batch.take_news());
    }
    news.dedup();
    assert_eq!(news, [proto::HostEvent::Unreachable { socket: SocketId::CLIENT, to: closed }]);
}

#[test]
fn what_the_system_refuses_among_others_is_lost_alone() {
    let pair = Pair::new();
    let segments = pair.sockets.read()[&SocketId::CLIENT].max_segments();
    let (no_port, broadcast) = ((HOST, 0).into(), (Ipv4Addr::BROADCAST, 9).into());
    let other_family = SocketAddr::from((Ipv6Addr::LOCALHOST, 9));

    for (to, bytes) in [(no_port, 9), (broadcast, 9), (pair.server, 1 << 16), (other_family, 9)] {
        pair.send_together(&[(pair.server, 1, None), (to, bytes, None), (pair.server, 2, None)]);
        pair.send_together(&[(to, bytes, None), (pair.server, 3, None)]);
        let sizes: Vec<_> = pair.receive(3).iter().map(|(_, data)| data.len()).collect();
        assert_eq!(sizes, [1, 2, 3], "{to}");
    }
    assert_eq!(pair.sockets.read()[&SocketId::CLIENT].max_segments(), segments);
}

#[test]
#[cfg(target_os = "linux")]
fn a_closed_port_disturbs_nothing_that_leaves_together() {
    let pair = Pair::new();
    let closed = UdpSocket::bind((HOST, 0)).unwrap().local_addr().unwrap();
    for _ in 0..20 {
        pair.send_together(&[(closed, 5, None), (pair.server, 5, None), (closed, 5, None)]);
        pair.send_together(&[(pair.server, 5, None), (pair.server, 5, None)]);
    }

    let reported: Vec<_> = pair.sockets.read()[&SocketId::CLIENT].take_refusals().collect();
    assert_eq!(reported, [closed]);
    assert_eq!(pair.receive(60).len(), 60);
}
