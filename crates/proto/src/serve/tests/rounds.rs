//! Punching rounds.

use super::*;

/// Such a client may have opened its connection already.
#[test]
fn a_client_whose_probe_was_answered_is_waited_for() {
    let mut host = Host::new(ServerOptions::default());
    let message = host.client().message(Mode::FromRelay, Some(CLIENT));
    host.handshake(RELAY, &message);
    host.bind();
    host.pass(Duration::from_secs(9));
    host.sent();
    host.probe(SocketId(2), CLIENT);
    assert_eq!(host.sent().len(), 1);

    host.pass(Duration::from_secs(2));
    assert_eq!((host.servers.handshakes(), host.pool.len()), (1, 1));
    host.probe(SocketId(2), CLIENT);
    assert_eq!(host.sent().len(), 0, "what will not be waited for is not answered");

    host.pass(Duration::from_secs(2));
    assert_eq!((host.servers.handshakes(), host.connections(), host.pool.len()), (0, 0, 0));
}

#[test]
fn a_repeated_round_gets_the_same_answer_and_does_not_stop_the_punch() {
    let mut host = Host::new(ServerOptions::default());
    let (slot, secret) = host.welcome_puncher();

    // Three samples from three relay addresses decide the verdict about our NAT.
    let probe = HolepunchPayload { firewall: Firewall::Random, ..HolepunchPayload::default() };
    for n in 1..=3 {
        let round = HolepunchPayload { round: n, ..probe.clone() };
        host.round(SocketAddrV4::new(*RELAY.ip(), n as u16), slot, &secret, &round);
    }
    let sent = host.sent();
    let answer = sent.iter().filter_map(|sent| read_round(&secret, sent)).next_back();
    let answer = answer.expect("an answer");
    assert_eq!(answer.firewall, Firewall::Consistent);

    let punch = HolepunchPayload {
        round: 4,
        firewall: Firewall::Random,
        punching: true,
        addresses: Some(vec![SocketAddrV4::new(*CLIENT.ip(), 0)]),
        remote_token: answer.token,
        token: Some([5; 32]),
        ..HolepunchPayload::default()
    };
    let sealed = secret.seal(&mut host.bench.rng, &punch);
    host.sealed_round(RELAY, slot, sealed.clone());
    let first = host.sent();
    host.sealed_round(RELAY, slot, sealed);
    let second = host.sent();

    let read = |sent: &[ControlDatagram]| sent.iter().find_map(|s| read_round(&secret, s));
    let first = read(&first).expect("an answer");
    assert_eq!((first.error, first.punching), (PayloadError::None, true));
    assert_eq!(first.remote_token, Some([5; 32]));
    assert_eq!(read(&second), Some(first));
    assert_eq!((host.punchers.len(), host.bench.stats.punches_random), (1, 1));
}

#[test]
fn a_random_punch_that_has_to_wait_is_counted() {
    let mut host = Host::new(ServerOptions::default());
    host.punchers = Punchers::new(Duration::from_secs(20), true);
    host.punchers.handle_start(host.bench.now);
    let (slot, secret) = host.welcome_puncher();

    ask_for_random_punches(&mut host, slot, &secret, 3);

    let sent = host.sent();
    let answers: Vec<_> = sent.iter().filter_map(|sent| read_round(&secret, sent)).collect();
    assert_eq!(answers[0].error, PayloadError::TryLater);
    assert_eq!((host.bench.stats.punches_try_later, host.bench.stats.punches_random), (1, 0));
}

/// The client asks again until it is the server's turn.
#[test]
fn the_application_is_asked_about_a_random_punch_when_it_can_take_place() {
    let mut host = Host::new(ServerOptions { ask_holepunch: true, ..ServerOptions::default() });
    host.punchers = Punchers::new(Duration::from_secs(5), true);
    host.punchers.handle_start(host.bench.now);
    let (slot, secret) = host.welcome_puncher();
    ask_for_random_punches(&mut host, slot, &secret, 4);
    assert_eq!(host.asked().len(), 0);

    host.pass(Duration::from_secs(6));
    let punch = HolepunchPayload {
        round: 5,
        firewall: Firewall::Random,
        punching: true,
        ..HolepunchPayload::default()
    };
    host.round(RELAY, slot, &secret, &punch);
    assert_eq!(host.asked().len(), 1);
}

/// The client waits for its own turn, perhaps behind other punches of its node.
#[test]
fn a_client_with_a_relay_that_falls_silent_is_waited_for_two_minutes() {
    let mut host = Host::new(ServerOptions::default());
    let (_, secret) = postpone_relayed(&mut host);
    let sent = host.sent();
    let answers: Vec<_> = sent.iter().filter_map(|sent| read_round(&secret, sent)).collect();
    assert!(answers.iter().all(|answer| answer.error == PayloadError::TryLater), "{answers:?}");
    let last = answers.last().expect("answers");
    assert_eq!((last.firewall, last.punching), (Firewall::Consistent, false));
    let counted = host.bench.stats;
    assert_eq!(counted.punches_try_later_relayed, 1);
    assert_eq!(counted.punches_try_later, answers.len() as u64);

    host.pass(Duration::from_secs(110));
    assert_eq!((host.servers.handshakes(), host.punchers.len()), (1, 1));
    host.pass(Duration::from_secs(20));
    assert_eq!(host.punchers.len(), 0);
}

/// A client can name a relay that does not exist. Once that has failed, it cannot hold its place
/// with rounds that do not punch.
#[test]
fn a_client_whose_relay_does_not_pair_is_not_waited_for_any_longer() {
    let mut host = Host::new(ServerOptions::default());
    let (slot, secret) = postpone_relayed(&mut host);
    host.pass(Duration::from_secs(1));
    host.fail_pairing();
    assert_eq!((host.servers.handshakes(), host.punchers.len()), (1, 1));

    host.pass(Duration::from_secs(5));
    let round =
        HolepunchPayload { round: 6, firewall: Firewall::Random, ..HolepunchPayload::default() };
    host.sent();
    host.round(SocketAddrV4::new(*RELAY.ip(), 6), slot, &secret, &round);
    let sent = host.sent();
    assert!(sent.iter().any(|sent| read_round(&secret, sent).is_some()), "an answer");
    host.pass(Duration::from_secs(6));
    assert_eq!((host.servers.handshakes(), host.punchers.len(), host.pool.len()), (0, 0, 0));
}

#[test]
fn forged_rounds_are_dropped() {
    let mut host = Host::new(ServerOptions::default());
    let message = host.client().message(Mode::FromRelay, Some(CLIENT));
    host.handshake(RELAY, &message);
    host.bind();
    host.sent();
    for slot in [0, 1, u64::MAX] {
        for len in [0, 40, 41, 200] {
            host.sealed_round(RELAY, slot, vec![7; len]);
        }
    }
    assert_eq!((host.sent().len(), host.servers.handshakes()), (0, 1));
}

/// A client can name any address in a round. Each address that is not verified gets two probes of
/// one byte, the total is limited, and addresses where no peer can be get none.
#[test]
fn a_client_cannot_aim_our_probes() {
    let mut host = Host::new(ServerOptions::default());
    let (slot, secret) = host.welcome_puncher();

    let victims = (0..3000).map(|n| SocketAddrV4::new(Ipv4Addr::from(0x0d00_0000 + n), 53));
    let nowhere = ["224.0.0.1:5", "255.255.255.255:5", "0.0.0.0:5", "13.0.0.1:0"].map(addr);
    let addresses: Vec<_> = nowhere.into_iter().chain(victims).collect();
    for round in 0..100 {
        let payload = HolepunchPayload {
            firewall: Firewall::Consistent,
            round,
            punching: true,
            addresses: Some(addresses.clone()),
            ..HolepunchPayload::default()
        };
        let relay = SocketAddrV4::new(Ipv4Addr::new(6, 6, 6, 6), 1 + round as u16);
        host.round(relay, slot, &secret, &payload);
        host.pass(Duration::from_millis(500));
    }
    let mut probes = host.sent();
    probes.retain(|sent| sent.payload.len() == 1);
    assert!(!probes.is_empty() && probes.len() <= 32, "{}", probes.len());
    assert!(probes.iter().map(peer_of).all(|to| to.port() == 53 && to.ip().octets()[0] == 13));
    assert_eq!((host.servers.handshakes(), host.punchers.len()), (0, 0));
}

/// A client with a relay, whose random punch has to wait. Returns the number of its handshake, and
/// its secret.
fn postpone_relayed(host: &mut Host) -> (u64, PunchSecret) {
    host.punchers = Punchers::new(Duration::from_secs(20), true);
    host.punchers.handle_start(host.bench.now);
    let mut client = host.relayed_client();
    host.handshake(RELAY, &client.message(Mode::FromRelay, Some(CLIENT)));
    host.bind();
    let slot = client.read(&host.sent()[0], Mode::FromServer).holepunch.expect("punching").id;
    let secret = client.secret(&mut host.bench);
    ask_for_random_punches(host, slot, &secret, 5);
    (slot, secret)
}

/// Rounds of a client that punches behind a random NAT.
fn ask_for_random_punches(host: &mut Host, slot: u64, secret: &PunchSecret, rounds: u64) {
    for round in 1..=rounds {
        let punch = HolepunchPayload {
            round,
            firewall: Firewall::Random,
            punching: true,
            ..HolepunchPayload::default()
        };
        let relay = SocketAddrV4::new(*RELAY.ip(), round as u16);
        host.round(relay, slot, secret, &punch);
    }
}
