//! The firewall of a raw stream: the application decides on its packets.

use super::*;

#[test]
fn a_firewall_is_asked_once_about_each_source_and_may_connect() {
    let mut pair = Pair::created(true);
    pair.connect(A);
    pair.write(A, b"who is there?");
    let (_, first) = pair.sides[A].sent().expect("a packet");
    for from in [PEER, PEER, STRANGER] {
        pair.arrive(B, SOCKET, from, &first);
    }
    let asked = pair.asked(B);
    assert_eq!(asked.len(), 2);
    assert_eq!((asked[0].1, asked[1].1), ((SOCKET, PEER), (SOCKET, STRANGER)));

    // As blind-relay does: the hook connects the stream and answers false.
    pair.connect(B);
    pair.answer(B, asked[0].0, Answer::Reject);
    pair.exchange();
    assert_eq!(pair.data(B), b"who is there?");
    pair.arrive(B, SOCKET, STRANGER, &first);
    assert!(pair.asked(B).is_empty());
}

#[test]
fn a_firewall_decides_on_the_peers_packets_at_other_sockets_of_the_node() {
    let mut pair = Pair::created(true);
    pair.connect(A);
    pair.write(A, b"elsewhere");
    let (_, packet) = pair.sides[A].sent().expect("a packet");
    pair.arrive(B, SocketId::CLIENT, PEER, &packet);
    let [(ask, _)] = pair.asked(B)[..] else { panic!("one question") };
    let remote = RawRemote { socket: SocketId::SERVER, address: PEER, id: ID };
    pair.sides[B].act(|raws, cx, streams| raws.connect(cx, streams, CONN, remote, 0));
    assert_eq!(pair.data(B), b"");
    pair.answer(B, ask, Answer::Accept);
    assert_eq!(pair.data(B), b"elsewhere");
}

#[test]
fn packets_that_are_let_in_are_delivered_before_the_stream_is_connected() {
    let mut pair = Pair::created(true);
    pair.connect(A);
    pair.write(A, b"early");
    let (_, packet) = pair.sides[A].sent().expect("a packet");
    pair.arrive(B, SOCKET, PEER, &packet);
    let [(ask, _)] = pair.asked(B)[..] else { panic!("one question") };
    pair.answer(B, ask, Answer::Accept);
    assert_eq!(pair.data(B), b"early");
    pair.call(B, Call::Consumed(5));

    pair.connect(B);
    pair.write(A, b", and late");
    pair.exchange();
    assert_eq!(pair.data(B), b", and late");
    pair.write(A, b"again");
    pair.call(A, Call::Flush(1));
    pair.exchange();
    assert!(matches!(pair.events(A)[..], [Event::Flushed { flush: 1, .. }]));
}

#[test]
fn a_peer_may_end_a_stream_before_it_is_connected() {
    let mut pair = Pair::created(true);
    pair.connect(A);
    pair.sides[A].act(|raws, cx, streams| raws.destroy(cx, streams, CONN));
    let (_, packet) = pair.sides[A].sent().expect("a packet");
    pair.arrive(B, SOCKET, PEER, &packet);
    let [(ask, _)] = pair.asked(B)[..] else { panic!("one question") };
    pair.answer(B, ask, Answer::Accept);
    assert_eq!(pair.closed(B).error, Some(StreamError::Reset.into()));
    assert_eq!((pair.sides[B].raws.len(), pair.sides[B].streams.len()), (0, 0));
}

#[test]
fn nothing_arrives_after_the_end_of_a_stream_that_is_not_connected() {
    let mut pair = Pair::created(true);
    pair.connect(A);
    pair.call(A, Call::SendMessage(Bytes::from_static(b"late")));
    let (_, message) = pair.sides[A].sent().expect("a message");
    pair.sides[A].act(|raws, cx, streams| raws.destroy(cx, streams, CONN));
    let (_, destroy) = pair.sides[A].sent().expect("a packet");
    pair.arrive(B, SOCKET, PEER, &destroy);
    pair.arrive(B, SOCKET, PEER, &message);
    let [(ask, _)] = pair.asked(B)[..] else { panic!("one question") };
    pair.answer(B, ask, Answer::Accept);
    let told = pair.events(B);
    assert!(matches!(told[..], [Event::Closed(_)]), "{told:?}");
    assert_eq!(pair.sides[B].bench.stats.dropped.udx, 1);
}

#[test]
fn a_firewall_decides_on_packets_of_another_socket() {
    let mut pair = Pair::created(true);
    pair.connect(A);
    pair.connect(B);
    for (answer, expected) in [(Answer::Reject, &b""[..]), (Answer::Accept, b"let me in")] {
        pair.write(A, b"let me in");
        let (_, packet) = pair.sides[A].sent().expect("a packet");
        pair.arrive(B, OTHER, STRANGER, &packet);
        let [(ask, (OTHER, STRANGER))] = pair.asked(B)[..] else { panic!("one question") };
        pair.answer(B, ask, answer);
        assert_eq!(pair.data(B), expected);
        pair = Pair::created(true);
        pair.connect(A);
        pair.connect(B);
    }
}

#[test]
fn questions_under_way_are_bounded() {
    let mut pair = Pair::created(true);
    pair.connect(A);
    pair.write(A, b"flood");
    let (_, packet) = pair.sides[A].sent().expect("a packet");
    for port in 1..1000 {
        pair.arrive(B, SOCKET, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port), &packet);
    }
    assert_eq!(pair.asked(B).len(), 64);
    assert_eq!(pair.sides[B].bench.stats.dropped.udx, 1000 - 1 - 64);
}

#[test]
fn an_answered_question_leaves_no_timer() {
    let mut pair = Pair::created(true);
    pair.connect(A);
    pair.write(A, b"who is there?");
    let (_, packet) = pair.sides[A].sent().expect("a packet");
    pair.arrive(B, SOCKET, PEER, &packet);
    pair.arrive(B, SOCKET, STRANGER, &packet);
    let asked = pair.asked(B);
    assert_eq!(pair.sides[B].bench.timers.len(), 2);
    for (ask, _) in asked {
        pair.answer(B, ask, Answer::Reject);
    }
    assert_eq!(pair.sides[B].bench.timers.len(), 0);
}
