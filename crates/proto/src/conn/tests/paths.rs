//! Connections whose path may have changed.

use super::*;

/// The peer is one of the reference: it cannot follow us.
#[test]
fn a_connection_whose_address_is_gone_ends_within_three_seconds() {
    for (change, answers, ends) in [
        (NetworkChange::Lost, false, true),
        (NetworkChange::Lost, true, false),
        (NetworkChange::Other, false, false),
    ] {
        let (mut client, mut server) = pair(MACHINE, MACHINE);
        exchange(&mut client, &mut server);
        let Side { bench, streams, conns, .. } = &mut client;
        conns.handle_network_change(&mut bench.cx(), streams, change);
        for _ in 0..30 {
            client.bench.now += Duration::from_millis(100);
            server.bench.now = client.bench.now;
            client.check_path();
            while client.send_to(&mut server) {}
            while answers && server.send_to(&mut client) {}
        }
        let silent = Some(ConnError::Stream(crate::StreamError::TimedOut));
        let is_end =
            |r: &ConnReport| matches!(r, ConnReport::Closed { error, .. } if *error == silent);
        assert_eq!(client.reports().iter().any(is_end), ends, "{change:?}, {answers}");
        assert_eq!(client.bench.timers.next().map(|(_, timer)| timer), None);
    }
}

#[test]
fn a_token_counts_only_from_the_address_that_was_challenged() {
    let (mut client, mut server) = pair_of_ours();
    client.change_network();
    let [probe] = client.frames().try_into().expect("one probe");
    server.take_frame(ELSEWHERE, &probe);
    let [challenge] = server.frames().try_into().expect("one challenge");
    client.take_frame(PATH, &challenge);
    let [probe] = client.frames().try_into().expect("another probe");
    server.take_frame(OTHER, &probe);
    assert!(!server.has_moved());

    let [challenge] = server.frames().try_into().expect("a challenge to the other address");
    client.take_frame(PATH, &challenge);
    let [probe] = client.frames().try_into().expect("a probe");
    server.take_frame(OTHER, &probe);
    assert!(server.has_moved());
    assert_eq!(server.conns.table.path(&server.streams, server.conn), Some((OTHER, true)));
}

#[test]
fn an_answer_to_an_earlier_search_ends_no_later_one() {
    let (mut client, mut server) = pair_of_ours();
    client.change_network();
    let [first] = client.frames().try_into().expect("one probe");
    client.change_network();
    let [second] = client.frames().try_into().expect("one probe");
    for (probe, ends) in [(first, false), (second, true)] {
        server.take_frame(PATH, &probe);
        let [answer] = server.frames().try_into().expect("one answer");
        client.take_frame(PATH, &answer);
        client.bench.now += Duration::from_millis(100);
        client.check_path();
        assert_eq!(client.frames().is_empty(), ends);
    }
}

/// A stranger may have stated the address of a victim.
#[test]
fn a_path_that_has_never_worked_is_not_searched_for() {
    let mut client = Side::new();
    let mut server = Side::new();
    (client.is_ours, server.is_ours) = (true, true);
    let (near, far) = (client.dial(MACHINE), server.accept(MACHINE));
    open(&mut client, near, &mut server, far);
    server.change_network();
    assert!(server.frames().is_empty());

    exchange(&mut client, &mut server);
    server.change_network();
    assert_eq!(server.frames().len(), 1);
}

/// A peer that sends from elsewhere may have stated the address of a victim.
#[test]
fn packets_from_elsewhere_do_not_show_that_a_path_works() {
    let mut client = Side::new();
    let mut server = Side::new();
    (client.is_ours, server.is_ours) = (true, true);
    let (near, far) = (client.dial(MACHINE), server.accept(MACHINE));
    open(&mut client, near, &mut server, far);
    client.sends_from = ELSEWHERE.remote;
    exchange(&mut client, &mut server);
    server.change_network();
    server.meet_company();
    assert!(server.frames().is_empty());
}

/// The server may have been told an address at which the client does not receive.
#[test]
fn a_client_that_has_heard_nothing_asks_once() {
    let mut client = Side::new();
    let mut server = Side::new();
    (client.is_ours, server.is_ours) = (true, true);
    let (near, far) = (client.dial(MACHINE), server.accept(MACHINE));
    open(&mut client, near, &mut server, far);
    client.change_network();
    assert_eq!(client.frames().len(), 1);
    for _ in 0..30 {
        client.bench.now += Duration::from_millis(100);
        client.check_path();
    }
    assert!(client.frames().is_empty());
}

/// Streams beside a connection follow its peer. They have no keys, so an address that the peer has
/// only stated, or had before they came, may be that of somebody else.
#[test]
fn other_streams_follow_only_a_peer_that_was_proven_to_be_where_they_send() {
    let moved = [PathNews::PeerMoved { from: PATH, to: ELSEWHERE }];
    for (questions, answers, news) in
        [(0, 0, &[][..]), (1, 0, &[]), (1, 1, &moved), (2, 1, &[]), (2, 2, &moved)]
    {
        let (mut client, mut server) = pair_of_ours();
        for question in 0..questions {
            server.meet_company();
            let [probe] = server.frames().try_into().expect("one probe");
            client.take_frame(PATH, &probe);
            let [answer] = client.frames().try_into().expect("one answer");
            if question < answers {
                server.take_frame(PATH, &answer);
            }
        }
        client.move_to(ELSEWHERE, &mut server);
        assert!(server.has_moved());
        assert_eq!(server.conns.take_news(), news, "{questions} questions, {answers} answers");
    }
}

/// A relay forwards a probe to the peer at any address, so that its answer says nothing about the path.
#[test]
fn the_answer_to_a_probe_that_a_relay_has_passed_on_proves_no_address() {
    let (mut client, mut server) = pair_of_ours();
    server.set_relays();
    server.meet_company();
    server.frames();
    server.pass(FAST);
    let detour = server.detours().pop().expect("a detour");
    client.take_frame(PATH, &detour);
    let [answer] = client.frames().try_into().expect("one answer");
    server.take_frame(PATH, &answer);
    client.move_to(ELSEWHERE, &mut server);
    assert!(server.has_moved());
    assert_eq!(server.conns.take_news(), []);
}

/// A stream may come before the first packet of the peer, whose address a stranger may have stated.
#[test]
fn a_path_is_proven_once_it_has_worked() {
    let (mut client, mut server) = (Side::new(), Side::new());
    (client.is_ours, server.is_ours) = (true, true);
    let (near, far) = (client.dial(MACHINE), server.accept(MACHINE));
    open(&mut client, near, &mut server, far);
    server.meet_company();
    server.pass(FAST);
    assert!(server.frames().is_empty());
    exchange(&mut client, &mut server);
    server.check_path();
    assert_eq!(server.frames().len(), 1);
}

#[test]
fn our_own_move_is_news_for_the_streams_beside() {
    let (mut client, mut server) = pair_of_ours();
    client.move_to(ELSEWHERE, &mut server);
    let [answer] = server.frames().try_into().expect("one answer");
    client.take_frame(PATH, &answer);
    assert_eq!(client.conns.take_news(), [PathNews::WeMoved { path: PATH }]);
}

/// A detour may take longer than the probe after it, and has the lower number. Then it is a replay.
#[test]
fn a_detour_counts_only_before_the_probe_that_follows_it() {
    for is_fast in [true, false] {
        let (mut client, mut server) = pair_of_ours();
        client.set_relays();
        client.change_network();
        client.frames();
        client.pass(FAST);
        let [detour] = client.detours().try_into().expect("one detour");
        let [direct] = client.frames().try_into().expect("one probe");
        if is_fast {
            server.take_detour(ELSEWHERE, &detour);
            assert_eq!(server.frames().len(), 1);
        }
        server.take_frame(ELSEWHERE, &direct);
        assert_eq!(server.frames().len(), 1);
        if !is_fast {
            server.take_detour(ELSEWHERE, &detour);
            assert!(server.frames().is_empty());
        }
    }
}

/// A peer can name others as its relays.
#[test]
fn a_search_takes_few_detours() {
    let (mut client, _) = pair_of_ours();
    client.set_relays();
    client.change_network();
    for _ in 0..200 {
        client.pass(FAST);
    }
    // The last ones after 15 s.
    assert_eq!((client.frames().len(), client.detours().len()), (41, 16));
}

fn pair_of_ours() -> (Side, Side) {
    let (mut client, mut server) = (Side::new(), Side::new());
    (client.is_ours, server.is_ours) = (true, true);
    let (near, far) = (client.dial(MACHINE), server.accept(MACHINE));
    open(&mut client, near, &mut server, far);
    exchange(&mut client, &mut server);
    (client, server)
}

impl Side {
    /// Runs `Timer::PathCheck` if it is due.
    fn check_path(&mut self) {
        let Self { bench, streams, conns, conn, .. } = self;
        let now = bench.now;
        while let Some(timer) = bench.timers.pop_due(now) {
            if timer == crate::Timer::PathCheck(*conn) {
                conns.handle_path_check(&mut bench.cx(), streams, *conn);
            }
        }
    }

    /// The host has further addresses.
    fn change_network(&mut self) {
        let Self { bench, streams, conns, .. } = self;
        conns.handle_network_change(&mut bench.cx(), streams, NetworkChange::Other);
    }

    /// Packets about the path that were sent.
    fn frames(&mut self) -> Vec<Vec<u8>> {
        self.bench.take_sent().into_iter().map(|sent| sent.payload).collect()
    }

    fn take_frame(&mut self, at: Path, packet: &[u8]) {
        let cx = &mut self.bench.cx();
        let arrival = self.streams.handle_datagram(cx, at.socket, at.remote, packet);
        let Arrival::PathFrame(stream, frame) = arrival else { panic!("{arrival:?}") };
        self.conns.handle_path_frame(cx, self.conn, stream, at, frame);
    }

    /// Takes a packet that a relay has forwarded from there.
    fn take_detour(&mut self, from: Path, packet: &[u8]) {
        let cx = &mut self.bench.cx();
        let stream = self.conns.stream_of(MACHINE, self.conn).and_then(|id| self.streams.get(id));
        let (stream, peer) = (stream.expect("a stream"), from.peer().expect("an IPv4 address"));
        let frame = udx::path_frame(packet).expect("a frame");
        self.conns.handle_detour(cx, self.conn, stream, peer, frame);
    }

    /// Packets about the path that were sent by way of relays.
    fn detours(&mut self) -> Vec<Vec<u8>> {
        self.bench.out.detours.drain(..).map(|detour| detour.packet).collect()
    }

    fn set_relays(&mut self) {
        let relay = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 5);
        self.conns.set_relays(self.conn, Relays { target: [0; 32], nodes: vec![relay] });
    }

    /// Another stream comes to the path.
    fn meet_company(&mut self) {
        let stream = self.conns.stream_of(MACHINE, self.conn).and_then(|id| self.streams.get(id));
        self.conns.handle_company(&mut self.bench.cx(), self.conn, stream.expect("a stream"));
    }

    fn pass(&mut self, time: Duration) {
        self.bench.now += time;
        self.check_path();
    }

    /// Gets another address, and proves it to the peer. The peer's answer is still to come.
    fn move_to(&mut self, at: Path, peer: &mut Self) {
        self.change_network();
        let [probe] = self.frames().try_into().expect("one probe");
        peer.frames();
        peer.take_frame(at, &probe);
        let [challenge] = peer.frames().try_into().expect("one challenge");
        self.take_frame(PATH, &challenge);
        let [probe] = self.frames().try_into().expect("another probe");
        peer.take_frame(at, &probe);
    }

    fn has_moved(&mut self) -> bool {
        self.reports().iter().any(|report| matches!(report, ConnReport::PathChanged(_)))
    }
}

/// The distance of the first probes.
const FAST: Duration = Duration::from_millis(100);

const OTHER: Path = Path::to_peer(SocketId::SERVER, SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9));

const ELSEWHERE: Path = Path::to_peer(SocketId::SERVER, SocketAddrV4::new(Ipv4Addr::LOCALHOST, 3));
