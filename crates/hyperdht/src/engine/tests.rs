//! Sockets and batches, through the real loopback.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::ops::Range;
use std::time::{Duration, Instant};

use proto::{MainSockets, SocketId, Transmit};
use tokio::runtime::{Builder, Runtime};

use super::batch::Batch;
use super::bind::{BindRules, Main};
use super::outgoing::Outgoing;
use super::sockets::Sockets;

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
fn a_lent_socket_is_read_by_the_application_alone_and_comes_back() {
    let pair = Pair::new();
    let mut loans = Batch::for_loans();
    let copy = pair.sockets.lend(SocketId::SERVER).expect("a copy of the descriptor");
    pair.send(b"lent", None, None);

    let mut driver = Batch::new();
    driver.fill(&pair.sockets, &mut { SocketId::CLIENT });
    assert!(driver.is_empty(), "the driver does not read it");
    let until = Instant::now() + Duration::from_secs(5);
    while loans.is_empty() && Instant::now() < until {
        loans.fill_from(&pair.sockets, SocketId::SERVER);
    }
    loans.for_each(|run| assert_eq!(run.data, b"lent"));

    drop(copy);
    pair.send(b"waits", None, None);
    assert!(pair.sockets.take_back(SocketId::SERVER, pair.runtime.handle()));
    loans.fill_from(&pair.sockets, SocketId::SERVER);
    assert!(loans.is_empty(), "the application does not read it any more");
    assert_eq!(pair.receive(1), [(pair.client, b"waits".to_vec())]);
}

#[test]
fn a_socket_stays_lent_if_the_event_queue_does_not_take_it() {
    let pair = Pair::new();
    let _copy = pair.sockets.lend(SocketId::SERVER).expect("a copy of the descriptor");
    pair.send(b"not lost", None, None);

    let ended = runtime().handle().clone();
    assert!(!pair.sockets.take_back(SocketId::SERVER, &ended));
    assert!(pair.sockets.is_lent(SocketId::SERVER));

    assert!(pair.sockets.take_back(SocketId::SERVER, pair.runtime.handle()));
    assert_eq!(pair.receive(1), [(pair.client, b"not lost".to_vec())]);
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn a_socket_that_closes_leaves_its_port_during_a_loan_and_after_it() {
    let one: fn(&Sockets) = |sockets| sockets.close(SocketId::SERVER);
    for (close, is_over) in [(one, false), (one, true), (Sockets::close_all, false)] {
        let pair = Pair::new();
        let copy = pair.sockets.lend(SocketId::SERVER).expect("a copy of the descriptor");
        let number = copy.with_number(|number| number);
        if is_over {
            assert!(pair.sockets.take_back(SocketId::SERVER, pair.runtime.handle()));
        }
        UdpSocket::bind(pair.server).expect_err("the port is occupied");

        close(&pair.sockets);

        UdpSocket::bind(pair.server).expect("the port is free");
        assert_eq!(copy.with_number(|number| number), number);
    }
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
    if std::net::UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
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
    if std::net::UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return println!("not run for IPv6, because ::1 cannot be bound");
    }
    assert_reported(Pair::of(&both()), Ipv6Addr::LOCALHOST.into());
}

#[cfg(target_os = "linux")]
fn assert_reported(mut pair: Pair, host: IpAddr) {
    pair.server.set_ip(host);
    let closed = std::net::UdpSocket::bind((host, 0)).unwrap().local_addr().unwrap();
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
    let closed = std::net::UdpSocket::bind((HOST, 0)).unwrap().local_addr().unwrap();
    for _ in 0..20 {
        pair.send_together(&[(closed, 5, None), (pair.server, 5, None), (closed, 5, None)]);
        pair.send_together(&[(pair.server, 5, None), (pair.server, 5, None)]);
    }

    let reported: Vec<_> = pair.sockets.read()[&SocketId::CLIENT].take_refusals().collect();
    assert_eq!(reported, [closed]);
    assert_eq!(pair.receive(60).len(), 60);
}

#[test]
fn the_first_free_port_of_a_range_is_bound() {
    let runtime = runtime();
    let taken = bind(&runtime, 0..0, true);
    let port = server_port(&taken);

    assert_ne!(server_port(&bind(&runtime, port..port + 1, true)), port);
    let refused = rules(port..port + 5, false).bind(runtime.handle(), None);
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);

    drop(taken);
    assert_eq!(server_port(&bind(&runtime, port..port + 5, false)), port);
}

#[test]
fn sockets_are_bound_again_where_they_were() {
    let runtime = runtime();
    let main = bind(&runtime, 0..0, true);
    let before = main.addresses();
    let again = |any_port| rules(0..0, any_port).bind(runtime.handle(), Some(before));

    assert_eq!(again(false).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    let elsewhere = again(true).unwrap().addresses();
    assert_ne!((elsewhere.client, elsewhere.server), (before.client, before.server));
    drop(main);
    assert_eq!(again(false).unwrap().addresses(), before);
}

#[test]
fn a_closed_socket_frees_its_port_at_once() {
    let pair = Pair::new();

    pair.sockets.close(SocketId::SERVER);

    let port = u32::from(pair.server.port());
    assert_eq!(
        bind(&pair.runtime, port..port + 1, false).addresses().server.port(),
        pair.server.port()
    );
}

/// Two sockets of one node.
struct Pair {
    sockets: Sockets,
    client: SocketAddr,
    server: SocketAddr,
    runtime: Runtime,
}

impl Pair {
    fn new() -> Self {
        Self::of(&rules(0..0, true))
    }

    fn of(rules: &BindRules) -> Self {
        let runtime = runtime();
        let main = rules.bind(runtime.handle(), None).unwrap();
        let on_loopback = |at: SocketAddrV4| SocketAddr::from((HOST, at.port()));
        let MainSockets { client, server } = main.addresses();
        let (client, server) = (on_loopback(client), on_loopback(server));
        let sockets = Sockets::new(main.into_array());
        Self { sockets, client, server, runtime }
    }

    /// From the client socket to the server socket.
    fn send(&self, data: &[u8], segment_size: Option<usize>, ttl: Option<u8>) {
        let transmit = self.transmit(segment_size, ttl);
        self.sockets.read()[&SocketId::CLIENT].send(&transmit, data).unwrap();
    }

    /// From the client socket to each of these addresses: so many bytes, divided at a segment size.
    fn send_together(&self, datagrams: &[(SocketAddr, usize, Option<usize>)]) {
        let mut outgoing = Outgoing::default();
        for &(to, bytes, segment_size) in datagrams {
            outgoing.push(Transmit { to, ..self.transmit(segment_size, None) }, &vec![7; bytes]);
        }
        let together = outgoing.first().unwrap();
        let (done, sent) = self.sockets.read()[&SocketId::CLIENT].send_together(&together);
        sent.unwrap();
        assert_eq!(done, datagrams.len());
    }

    fn transmit(&self, segment_size: Option<usize>, ttl: Option<u8>) -> Transmit {
        let (socket, to) = (SocketId::CLIENT, self.server);
        Transmit { socket, to, ttl, segment_size, may_fragment: false }
    }

    fn wait_until_readable(&self) {
        let readable = std::future::poll_fn(|cx| self.sockets.poll_readable(cx));
        self.runtime.block_on(readable);
    }

    /// Waits for so many datagrams; gives all that came.
    fn receive(&self, count: usize) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut batch = Batch::new();
        let mut last = SocketId::CLIENT;
        let mut arrived = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(5);
        self.runtime.block_on(async {
            while arrived.len() < count && Instant::now() < deadline {
                let readable = std::future::poll_fn(|cx| self.sockets.poll_readable(cx));
                let _ = tokio::time::timeout(Duration::from_secs(5), readable).await;
                batch.fill(&self.sockets, &mut last);
                batch.for_each(|run| {
                    arrived.extend(run.datagrams().map(|one| (one.from, one.data.to_vec())));
                });
            }
        });
        arrived
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn bind(runtime: &Runtime, ports: Range<u32>, any_port: bool) -> Main {
    rules(ports, any_port).bind(runtime.handle(), None).unwrap()
}

fn rules(ports: Range<u32>, any_port: bool) -> BindRules {
    BindRules { host: HOST, dual_stack: false, ports, any_port }
}

fn server_port(main: &Main) -> u32 {
    main.addresses().server.port().into()
}

const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
