//! Attackers who read, forge, repeat and forward what the two ends send.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use netsim::{Flight, Link};
use proto::wire::{Handshake, Mode, Request, command, hash};

use super::scene::{End, Scene, Site};

#[test]
fn forged_and_repeated_packets_move_nothing() {
    let mut scene = Scene::new(1, Site::Public, Site::Public, 0);
    scene.world.start_tap();
    let mut sent = 0;
    for round in 0..20 {
        if round == 10 {
            // So that there are frames about the path to repeat.
            scene.roam(End::Client);
            scene.tell(End::Client);
        }
        scene.run(Duration::from_millis(100), &End::BOTH);
        let flights = scene.world.take_tap();
        sent += flights.iter().filter(|flight| flight.to == ATTACKER).count();
        for mut flight in flights.into_iter().filter(is_stream) {
            flight.from = ATTACKER;
            scene.world.inject(flight.clone());
            // A frame of the right length about the path, for the right stream.
            flight.data.resize(FRAME_PACKET, round);
            flight.data[2..4].copy_from_slice(&[64, 0]);
            scene.world.inject(flight);
        }
    }
    let moved = scene.path(End::Server);
    assert_eq!(
        moved.map(|path| path.0.ip()),
        Some(scene.world.get(scene.host(End::Client)).address.into())
    );
    assert_eq!(scene.paths_told(End::Server).len(), 1);
    assert_eq!(sent, 0, "an answer to a forgery or a replay");
    scene.assert_complete(Duration::from_secs(1));
}

/// An attacker who reads everything forwards each frame about the path faster than the network, with
/// his own address as its source.
#[test]
fn forwarded_frames_move_nothing() {
    for victim in End::BOTH {
        let mut scene = Scene::new(2, Site::Public, Site::Public, 0);
        scene.run(Duration::from_secs(1), &End::BOTH);
        scene.roam(victim);
        scene.world.start_tap();
        scene.tell(victim);
        let (mut forwarded, mut answers) = (0, 0);
        for _ in 0..2000 {
            for flight in scene.world.take_tap() {
                answers += usize::from(flight.to == ATTACKER);
                assert!(flight.to != ATTACKER || flight.data.len() == FRAME_PACKET);
                if !is_frame(&flight) {
                    continue;
                }
                forwarded += 1;
                let link = scene.world.link;
                scene.world.link = Link { delay: Duration::from_millis(1), ..link };
                for end in End::BOTH {
                    let host = scene.world.get(scene.host(end));
                    for to in [host.server_address(), host.client_address()] {
                        scene.world.inject(Flight {
                            from: ATTACKER,
                            to,
                            data: flight.data.clone(),
                        });
                    }
                }
                scene.world.link = link;
            }
            scene.world.run_for(Duration::from_millis(1));
        }
        assert!(forwarded > 0 && answers <= 4 * forwarded, "{answers} answers to {forwarded}");
        for end in End::BOTH {
            let is_his = |remote: SocketAddr| remote == ATTACKER.into();
            assert!(!scene.paths_told(end).iter().any(|path| is_his(path.remote)));
            assert!(scene.path(end).is_some_and(|(remote, _)| !is_his(remote)));
        }
    }
}

/// A relay may say of any address that the frame comes from there.
#[test]
fn a_relay_that_lies_moves_nothing() {
    let mut scene = Scene::new(3, Site::Public, Site::Public, 0);
    let relay = scene.relay();
    let (asked, challenges) = lie_to_the_server(&mut scene, relay);
    assert!(asked > 0 && (1..=asked).contains(&challenges), "{challenges} of {asked}");
    scene.run(Duration::from_secs(1), &End::BOTH);
    scene.assert_complete(Duration::from_secs(1));
}

/// Any other node cannot make the server send to an address of its choice.
#[test]
fn a_stranger_who_claims_to_be_a_relay_is_not_heard() {
    let mut scene = Scene::new(3, Site::Public, Site::Public, 0);
    let stranger = SocketAddrV4::new(Ipv4Addr::new(66, 6, 6, 7), 666);
    let (asked, challenges) = lie_to_the_server(&mut scene, stranger);
    assert!(asked > 0 && challenges == 0, "{challenges} of {asked}");
}

/// Returns how many frames were forwarded as a relay does, faster than they come themselves, and how
/// many challenges that has made the server send. Its path stays.
fn lie_to_the_server(scene: &mut Scene, relay: SocketAddrV4) -> (usize, usize) {
    scene.run(Duration::from_secs(1), &End::BOTH);
    scene.world.start_tap();
    scene.tell(End::Client);
    let server = scene.world.get(scene.host(End::Server));
    let sockets = [server.server_address(), server.client_address()];
    let (mut asked, mut challenges) = (0, 0);
    for _ in 0..2000 {
        for flight in scene.world.take_tap() {
            challenges += usize::from(flight.to == ATTACKER);
            assert!(flight.to != ATTACKER || is_frame(&flight));
            if !is_frame(&flight) || !sockets.contains(&flight.to) {
                continue;
            }
            asked += 1;
            let link = scene.world.link;
            // Faster than the frame itself.
            scene.world.link = Link { delay: Duration::from_millis(1), ..link };
            scene.world.inject(lie(relay, sockets[0], flight.data));
            scene.world.link = link;
        }
        scene.world.run_for(Duration::from_millis(1));
    }
    assert!(scene.paths_told(End::Server).is_empty());
    (asked, challenges)
}

/// A handshake that a relay forwards, which in truth is a packet about a path.
fn lie(from: SocketAddrV4, to: SocketAddrV4, noise: Vec<u8>) -> Flight {
    let (mode, peer_address) = (Mode::FromRelay, Some(ATTACKER));
    let message = Handshake { mode, noise, peer_address, relay_address: None }.encode();
    let request = Request {
        tid: 1,
        to,
        id: None,
        token: None,
        internal: false,
        command: command::PEER_HANDSHAKE,
        target: Some(hash(&[&Scene::key()])),
        value: Some(&message),
    };
    Flight { from, to, data: request.encode() }
}

fn is_stream(flight: &Flight) -> bool {
    flight.data.len() >= 20 && flight.data[..2] == [0xff, 1]
}

fn is_frame(flight: &Flight) -> bool {
    is_stream(flight) && flight.data[2] == 64
}

const FRAME_PACKET: usize = 61;

const ATTACKER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(66, 6, 6, 6), 666);
