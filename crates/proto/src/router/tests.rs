use super::*;
use crate::SocketId;

#[test]
fn a_handshake_goes_to_the_server_that_announced_itself_here() {
    let mut router = router();
    let (value, to) = forwarded(router.route_handshake(&incoming(CLIENT), &handshake(0, None)));

    assert_eq!(to, SERVER);
    assert_eq!(value, Handshake { peer_address: Some(CLIENT), ..handshake(2, None) }.encode());
}

#[test]
fn a_relay_that_the_client_names_goes_before_our_own_entry() {
    let mut router = router();
    let named = Handshake { relay_address: Some(OTHER), ..handshake(0, None) };

    let (_, to) = forwarded(router.route_handshake(&incoming(CLIENT), &named));

    assert_eq!(to, OTHER);
}

#[test]
fn a_second_relay_tells_the_server_whom_to_answer() {
    let mut router = router();
    let message = handshake(2, Some(CLIENT));

    let (value, to) = forwarded(router.route_handshake(&incoming(OTHER), &message));

    assert_eq!(to, SERVER);
    let second = Handshake { relay_address: Some(OTHER), ..handshake(3, Some(CLIENT)) };
    assert_eq!(value, second.encode());
}

#[test]
fn the_reply_of_a_server_becomes_a_response_to_the_client() {
    let mut router = router();

    let route = router.route_handshake(&incoming(SERVER), &handshake(1, Some(CLIENT)));

    let answering = responded(route);
    assert_eq!(answering.to, Some(CLIENT));
    assert_eq!(answering.value, Some(handshake(4, Some(SERVER)).encode().into()));
    assert!(!answering.token && !answering.closer_nodes);
}

#[test]
fn a_client_that_asks_the_wrong_node_is_helped_on() {
    let mut router = Router::new(Limits::of(64));

    let answering = responded(router.route_handshake(&incoming(CLIENT), &handshake(0, None)));

    assert!(answering.closer_nodes && !answering.token && answering.value.is_none());
}

#[test]
fn what_leads_nowhere_is_dropped() {
    let mut router = router();
    let mut drops =
        |from, message| matches!(router.route_handshake(&incoming(from), &message), Route::Drop);

    let to_port_zero = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let to_multicast = SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 1), 9);
    for nowhere in [to_port_zero, to_multicast] {
        let named = Handshake { relay_address: Some(nowhere), ..handshake(0, None) };
        assert!(drops(CLIENT, named));
        assert!(drops(SERVER, handshake(1, Some(nowhere))));
    }
    assert!(drops(SERVER, handshake(1, None)));
    assert!(drops(CLIENT, handshake(4, Some(OTHER))));
    assert!(drops(CLIENT, handshake(3, Some(OTHER))));
    assert!(drops(CLIENT, Handshake { noise: Vec::new(), ..handshake(0, None) }));
}

#[test]
fn a_punch_goes_where_the_client_says_or_to_the_entry() {
    let mut router = router();

    let named = forwarded(router.route_holepunch(&incoming(CLIENT), &holepunch(0, Some(OTHER))));
    let entry = forwarded(router.route_holepunch(&incoming(CLIENT), &holepunch(0, None)));

    assert_eq!(named, (holepunch(2, Some(CLIENT)).encode(), OTHER));
    assert_eq!(entry, (holepunch(2, Some(CLIENT)).encode(), SERVER));
    let mut stranger = Router::new(Limits::of(64));
    let lost = stranger.route_holepunch(&incoming(CLIENT), &holepunch(0, None));
    assert!(matches!(lost, Route::Drop));
}

#[test]
fn the_answer_to_a_punch_becomes_a_response_to_the_client() {
    let mut router = router();

    let route = router.route_holepunch(&incoming(SERVER), &holepunch(1, Some(CLIENT)));

    let answering = responded(route);
    assert_eq!(answering.to, Some(CLIENT));
    assert_eq!(answering.value, Some(holepunch(4, Some(SERVER)).encode().into()));
}

fn router() -> Router {
    let mut router = Router::new(Limits::of(64));
    router.insert(TARGET, SERVER, Bytes::new());
    router
}

fn forwarded(route: Route) -> (Vec<u8>, SocketAddrV4) {
    let Route::Forward { value, to } = route else {
        panic!("{route:?}");
    };
    (value, to)
}

fn responded(route: Route) -> Answering {
    let Route::Respond(answering) = route else {
        panic!("{route:?}");
    };
    answering
}

fn handshake(mode: u64, peer_address: Option<SocketAddrV4>) -> Handshake {
    let mode = Mode::try_from(mode).unwrap();
    Handshake { mode, noise: vec![1, 2, 3], peer_address, relay_address: None }
}

fn holepunch(mode: u64, peer_address: Option<SocketAddrV4>) -> Holepunch {
    let mode = Mode::try_from(mode).unwrap();
    Holepunch { mode, id: 4, payload: vec![1, 2, 3], peer_address }
}

fn incoming(from: SocketAddrV4) -> Incoming {
    Incoming {
        from,
        from_id: None,
        to: OTHER,
        socket: SocketId::SERVER,
        tid: 1,
        command: 0,
        target: Some(TARGET),
        token: None,
        value: None,
    }
}

const TARGET: Target = [7; 32];
const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 1);
const SERVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 2);
const OTHER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 1), 3);
