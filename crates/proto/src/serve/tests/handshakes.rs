//! The effects of message 1.

use super::*;

#[test]
fn a_direct_client_is_where_its_datagram_came_from() {
    let mut host = Host::new(ServerOptions { ask_firewall: true, ..ServerOptions::default() });
    let liar = Some(addr("8.8.8.8:8"));
    let message = host.client().message(Mode::FromClient, liar);
    host.handshake(addr("1.1.1.1:1"), &message);

    let Some(Question::Firewall { address, .. }) = host.question() else { panic!("not asked") };
    assert_eq!(address, addr("1.1.1.1:1"));
}

#[test]
fn a_direct_client_gets_its_connection_with_the_reply() {
    let mut host = Host::new(ServerOptions::default());
    let mut client = host.client();
    host.handshake(addr("1.1.1.1:1"), &client.message(Mode::FromClient, None));

    let [reply] = &host.sent()[..] else { panic!("not one reply") };
    assert_eq!(reply.to, addr("1.1.1.1:1").into());
    let payload = client.read(reply, Mode::Reply);
    assert_eq!((payload.version, payload.error), (PAYLOAD_VERSION, PayloadError::None));
    assert_eq!(payload.udx.map(|udx| udx.features), Some(FEATURE_REVISION_1 | FEATURE_PATH_FRAMES));
    assert_eq!(host.connections(), 1);
}

/// The application may have set its hooks by the time it gets the connection.
#[test]
fn the_application_is_told_what_it_was_not_asked() {
    for ask_firewall in [false, true] {
        let mut host = Host::new(ServerOptions { ask_firewall, ..ServerOptions::default() });
        let client = host.client();
        host.handshake(addr("1.1.1.1:1"), &client.message(Mode::FromClient, None));
        let asked = host.question();
        host.asked().into_iter().for_each(|ask| host.answer(ask, Answer::Accept));

        let unasked = host.unasked();
        assert_eq!((asked.is_some(), unasked.is_empty()), (ask_firewall, ask_firewall));
        let question = asked.or_else(|| unasked.first().cloned());
        let Some(Question::Firewall { server, address, payload, .. }) = question else {
            panic!("no question")
        };
        assert_eq!((server, address), (SERVER, addr("1.1.1.1:1")));
        let payload = NoisePayload::decode(&payload).unwrap();
        assert_eq!(payload.udx.map(|udx| udx.id), Some(77));
    }
}

#[test]
fn equal_messages_share_a_session_and_a_reply() {
    let mut host = Host::new(ServerOptions::default());
    let client = host.client();
    let message = client.message(Mode::FromRelay, Some(CLIENT));
    host.handshake(RELAY, &message);
    host.bind();
    let first = host.messages();
    host.handshake(addr("3.3.4.4:3"), &message);
    let second = host.messages();

    let noise = |sent: &[ControlDatagram]| sent.iter().map(noise_of).collect::<Vec<_>>();
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!(noise(&first), noise(&second));
    assert_eq!((first[0].socket, second[0].socket), (SocketId(2), SocketId(2)));
    assert_eq!((host.servers.handshakes(), host.punchers.len()), (1, 1));
}

#[test]
fn equal_messages_ask_the_application_once_and_are_all_answered() {
    let mut host = Host::new(ServerOptions { ask_firewall: true, ..ServerOptions::default() });
    let message = host.client().message(Mode::FromRelay, Some(CLIENT));
    for _ in 0..2 {
        host.handshake(RELAY, &message);
        host.handshake(addr("3.3.4.4:3"), &message);
    }
    assert_eq!(host.asked().len(), 1);
    let ask = host.asked()[0];
    host.answer(ask, Answer::Accept);
    host.bind();
    assert_eq!(host.messages().len(), 2);
}

/// The client's first probe comes through if it leaves from the socket of message 1.
#[test]
fn our_nat_is_opened_to_the_source_of_message_1() {
    let mut host = Host::new(ServerOptions::default());
    let message = host.client().message(Mode::FromRelay, Some(CLIENT));
    host.handshake(RELAY, &message);
    assert!(host.sent().is_empty());
    host.bind();
    let sent = host.sent();
    let [answer, opener] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((opener.socket, peer_of(opener)), (answer.socket, CLIENT));
    assert!(opener.ttl.is_some_and(|ttl| ttl < 8), "it need not arrive");
}

#[test]
fn our_relays_are_believed_about_the_source() {
    let mut host = Host::new(ServerOptions::default());
    for n in 0..100 {
        let client = SocketAddrV4::new(Ipv4Addr::from(0x0808_0000 + n), 1);
        let message = host.client().message(Mode::FromRelay, Some(client));
        host.handshake(RELAY, &message);
    }
    assert_eq!(host.servers.handshakes(), 100);
}

#[test]
fn noise_that_does_not_decrypt_leaves_nothing() {
    let mut host = Host::new(ServerOptions::default());
    let mut message = host.client().message(Mode::FromClient, None);
    message.noise[40] ^= 1;
    host.handshake(addr("1.1.1.1:1"), &message);
    assert_eq!(host.bench.stats.dropped.handshake, 1);
    assert_eq!((host.servers.handshakes(), host.connections(), host.sent().len()), (0, 0, 0));
}

#[test]
fn a_foreign_version_is_told_and_gets_no_connection() {
    let mut host = Host::new(ServerOptions::default());
    let mut client = host.client_with(NoisePayload { version: 2, ..NoisePayload::default() });
    host.handshake(addr("1.1.1.1:1"), &client.message(Mode::FromClient, None));
    let sent = host.sent();
    assert_eq!(client.read(&sent[0], Mode::Reply).error, PayloadError::VersionMismatch);
    assert_eq!((host.servers.handshakes(), host.connections()), (0, 0));
}

#[test]
fn a_client_that_never_comes_is_forgotten() {
    let mut host = Host::new(ServerOptions::default());
    let message = host.client().message(Mode::FromRelay, Some(CLIENT));
    host.handshake(RELAY, &message);
    host.bind();
    host.sent();
    host.pass(Duration::from_secs(10));
    assert_eq!((host.servers.handshakes(), host.connections(), host.pool.len()), (0, 0, 0));

    // The reply is repeated for a while, from a socket that is still open.
    host.handshake(RELAY, &message);
    assert_eq!(host.sent()[0].socket, SocketId::CLIENT);
    host.pass(Duration::from_secs(10));
    assert!(host.bench.timers.pop_due(host.bench.now + Duration::from_secs(1)).is_none());
}
