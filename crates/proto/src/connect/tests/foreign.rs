//! Handshakes that the applications make, with the same Noise as the node.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::*;
use crate::noise::{Finished, Initiator, PublicKey, Responder};
use crate::wire::{FEATURE_PATH_FRAMES, NoisePayload};
use crate::{Foreign, ForeignKeys, ReadHandshake, Rng, WrittenHandshake};

#[test]
fn applications_that_make_the_handshake_connect() {
    for kind in [None, Some(NatKind::Consistent)] {
        let mut world = World::testnet();
        let (server, client) = pair(&mut world, kind);
        let mut apps = Apps::connect(&mut world, (server, client), Foreign::Handshake);
        apps.run(&mut world, Duration::from_secs(5));
        let opened = opened(&world, client).expect("a connection");
        assert_eq!(opened.remote_public_key, apps.server_key);
        assert_eq!(apps.steps, ["write", "read", "write", "read"]);

        exchange(&mut world, (server, client), [b"ping", b"pong"]);
    }
}

#[test]
fn applications_that_make_the_secret_stream_get_bytes() {
    for kind in [None, Some(NatKind::Consistent)] {
        let mut world = World::testnet();
        let (server, client) = pair(&mut world, kind);
        let mut apps = Apps::connect(&mut world, (server, client), Foreign::Everything);
        apps.run(&mut world, Duration::from_secs(5));
        // No secret stream has sent a header, so the first bytes are those of the application.
        exchange(&mut world, (server, client), [b"\x04\0\0ping", b"\x04\0\0pong"]);
    }
}

/// The core has no keys for them if the application makes the secret stream, too.
#[test]
fn only_an_end_that_has_the_keys_says_that_it_answers_frames_about_the_path() {
    for (foreign, expected) in [(Foreign::Handshake, true), (Foreign::Everything, false)] {
        let mut world = World::testnet();
        let (server, client) = pair(&mut world, None);
        let mut apps = Apps::connect(&mut world, (server, client), foreign);
        apps.run(&mut world, Duration::from_secs(5));
        assert_eq!(apps.path_frames, [expected; 2], "{foreign:?}");
    }
}

#[test]
fn bytes_that_were_written_early_arrive() {
    let mut world = World::testnet();
    let (server, client) = pair(&mut world, None);
    let mut apps = Apps::connect(&mut world, (server, client), Foreign::Everything);
    let data: Message = b"\x05\0\0early"[..].into();
    world.command(client, Command::Write { conn: ConnId(1), data });
    world.command(client, Command::End { conn: ConnId(1) });
    apps.run(&mut world, Duration::from_secs(5));
    assert_eq!(received(&world, server), b"\x05\0\0early");
    let ends = pick(&world, server, |event| matches!(event, Event::RemoteEnd { .. }).then_some(()));
    assert_eq!(ends.len(), 1);
}

/// One of the four steps is not answered: by the client or the server, to write or to read.
#[test]
fn a_step_that_is_never_answered_is_a_no() {
    for silent in 0..4 {
        fails_at(silent, |_, _| None);
    }
}

#[test]
fn a_step_that_is_refused_ends_the_handshake() {
    for refused in 0..4 {
        fails_at(refused, |_, _| Some(Answer::Reject));
        fails_at(refused, |_, _| Some(Answer::Accept));
    }
}

#[test]
fn what_the_application_cannot_mean_ends_the_handshake() {
    let wrong = |question: &Question, answer| match (question, answer) {
        (Question::WriteHandshake { .. }, Answer::Wrote(mut wrote)) => {
            wrote.message = vec![7; 5000].into();
            Some(Answer::Wrote(wrote))
        }
        (Question::ReadHandshake { .. }, Answer::Read(mut read)) => {
            read.payload = vec![1; 3].into();
            Some(Answer::Read(read))
        }
        _ => None,
    };
    for step in 0..4 {
        fails_at(step, wrong);
    }
}

#[test]
fn a_server_that_closes_while_it_asks_leaves_nothing() {
    for step in [1, 2] {
        let mut world = World::testnet();
        let (server, client) = pair(&mut world, None);
        let mut apps = Apps::connect(&mut world, (server, client), Foreign::Everything);
        apps.change = Some((step, Box::new(|_, _| None)));
        apps.run(&mut world, Duration::from_secs(1));
        world.command(server, Command::CloseServer { server: ServerId(0) });
        apps.run(&mut world, Duration::from_secs(20));
        assert_idle(&mut world, server);
        assert_eq!(gone(&world, server), 1, "step {step}");
    }
}

#[test]
fn a_client_that_is_destroyed_while_it_asks_leaves_nothing() {
    for step in [0, 3] {
        let mut world = World::testnet();
        let (server, client) = pair(&mut world, None);
        let mut apps = Apps::connect(&mut world, (server, client), Foreign::Everything);
        apps.change = Some((step, Box::new(|_, _| None)));
        apps.run(&mut world, Duration::from_secs(1));
        world.command(client, Command::DestroyConn { conn: ConnId(1) });
        apps.run(&mut world, Duration::from_secs(60));
        assert_idle(&mut world, client);
    }
}

/// Connects, and gives another answer in one of the four steps: write, read, write, read.
fn fails_at(step: usize, change: impl Fn(&Question, Answer) -> Option<Answer> + Copy + 'static) {
    let mut world = World::testnet();
    let (server, client) = pair(&mut world, None);
    let mut apps = Apps::connect(&mut world, (server, client), Foreign::Handshake);
    apps.change = Some((step, Box::new(change)));
    apps.run(&mut world, Duration::from_secs(40));
    assert!(failure(&world, client).is_some(), "step {step}");
    assert!(opened(&world, client).is_none(), "step {step}");
    apps.run(&mut world, Duration::from_secs(60));
    assert_idle(&mut world, client);
    assert_idle(&mut world, server);
    // The application can forget each handshake that it knew of.
    let began = pick(&world, server, |event| {
        let Event::Ask { question: Question::ReadHandshake { .. }, .. } = event else {
            return None;
        };
        Some(())
    });
    assert_eq!(gone(&world, server), began.len(), "step {step}");
}

fn gone(world: &World, host: usize) -> usize {
    pick(world, host, |event| matches!(event, Event::Closed(_)).then_some(())).len()
}

fn pair(world: &mut World, kind: Option<NatKind>) -> (usize, usize) {
    match kind {
        Some(kind) => (world.behind(kind), world.behind(kind)),
        None => (world.open(), world.open()),
    }
}

/// Each end sends, and the other one gets it.
fn exchange(world: &mut World, (server, client): (usize, usize), [ping, pong]: [&[u8]; 2]) {
    world.command(client, Command::Write { conn: ConnId(1), data: ping.into() });
    world.run(SECOND);
    // A server that has punched learns of the connection by its first packet.
    let [conn] = accepted(world, server)[..] else { panic!("not one connection") };
    world.command(server, Command::Write { conn, data: pong.into() });
    world.run(Duration::from_secs(5));
    assert_eq!(received(world, server), ping);
    assert_eq!(received(world, client), pong);

    world.command(client, Command::DestroyConn { conn: ConnId(1) });
    world.run(Duration::from_secs(60));
    assert_idle(world, client);
    assert_idle(world, server);
}

type Change = Box<dyn Fn(&Question, Answer) -> Option<Answer>>;

/// The applications of a client and a server.
struct Apps {
    hosts: [usize; 2],
    server_key: PublicKey,
    foreign: Foreign,
    client: Option<Initiator>,
    /// The handshakes of the server by their connections.
    servers: BTreeMap<ConnId, Responder>,
    steps: Vec<&'static str>,
    /// Whether the payload of each message says that its sender answers frames about the path.
    path_frames: Vec<bool>,
    /// How many questions of each host were answered, or not.
    answered: [usize; 2],
    /// What is answered instead, in one step.
    change: Option<(usize, Change)>,
    rng: Rng,
}

impl Apps {
    fn connect(world: &mut World, (server, client): (usize, usize), foreign: Foreign) -> Self {
        let options = ServerOptions { ask_handshake: true, ..ServerOptions::default() };
        let server_key = world.listen_with(server, options);
        let mut rng = Rng::from_seed([5; 32]);
        let initiator = Initiator::new(&key_pair(client, 200), server_key, &mut rng).unwrap();
        let options = ConnectOptions { foreign, ..ConnectOptions::default() };
        world.connect_with(client, server_key, options);
        Self {
            hosts: [server, client],
            server_key,
            foreign,
            client: Some(initiator),
            servers: BTreeMap::new(),
            steps: Vec::new(),
            path_frames: Vec::new(),
            answered: [0; 2],
            change: None,
            rng,
        }
    }

    /// Lets time pass. Each question is answered after some milliseconds.
    fn run(&mut self, world: &mut World, time: Duration) {
        let end = world.now + time;
        while world.now < end {
            world.run(Duration::from_millis(10));
            for index in 0..self.hosts.len() {
                let host = self.hosts[index];
                let asked = pick(world, host, |event| {
                    let Event::Ask { ask, question } = event else { return None };
                    Some((*ask, question.clone()))
                });
                for (ask, question) in asked.into_iter().skip(self.answered[index]) {
                    self.answered[index] += 1;
                    if let Some(answer) = self.answer(&question) {
                        world.command(host, Command::Answer { ask, answer });
                    }
                }
            }
        }
    }

    fn answer(&mut self, question: &Question) -> Option<Answer> {
        let (step, answer) = match question {
            Question::WriteHandshake { server, conn, payload } => {
                ("write", self.write(server.is_some(), *conn, payload))
            }
            Question::ReadHandshake { server, conn, message, .. } => {
                ("read", self.read(server.is_some(), *conn, message))
            }
            Question::Firewall { .. }
            | Question::Holepunch { .. }
            | Question::Node { .. }
            | Question::StreamFirewall { .. } => panic!("{question:?}"),
        };
        let number = self.steps.len();
        self.steps.push(step);
        match &self.change {
            Some((at, change)) if *at == number => change(question, answer),
            _ => Some(answer),
        }
    }

    fn write(&mut self, is_server: bool, conn: ConnId, payload: &[u8]) -> Answer {
        let udx = NoisePayload::decode(payload).expect("a payload").udx.expect("a stream");
        self.path_frames.push(udx.features & FEATURE_PATH_FRAMES != 0);
        let (message, keys) = if is_server {
            let mut responder = self.servers.remove(&conn).expect("a handshake");
            (responder.send(payload), Some(keys(&responder.finish())))
        } else {
            (self.client.as_mut().expect("a client").send(payload), None)
        };
        let message = message.expect("a message").into();
        Answer::Wrote(Box::new(WrittenHandshake { message, keys }))
    }

    fn read(&mut self, is_server: bool, conn: ConnId, message: &[u8]) -> Answer {
        if !is_server {
            // A handshake that has ended reads no other message.
            let Some(mut initiator) = self.client.take() else { return Answer::Reject };
            let payload = initiator.recv(message).expect("message 2").into();
            let keys = Some(keys(&initiator.finish()));
            let remote_public_key = Some(self.server_key);
            let foreign = self.foreign;
            let read = ReadHandshake { payload, remote_public_key, relay: None, keys, foreign };
            return Answer::Read(Box::new(read));
        }
        let mut responder = Responder::new(&key_pair(self.hosts[0], 100), &mut self.rng).unwrap();
        let (remote, payload) = responder.recv(message).expect("message 1");
        self.servers.insert(conn, responder);
        Answer::Read(Box::new(ReadHandshake {
            payload: payload.into(),
            remote_public_key: Some(remote),
            relay: None,
            keys: None,
            foreign: self.foreign,
        }))
    }
}

fn keys(finished: &Finished) -> ForeignKeys {
    ForeignKeys {
        hash: Zeroizing::new(finished.hash),
        rx: Zeroizing::new(*finished.rx()),
        tx: Zeroizing::new(*finished.tx()),
        // Another secret than that of the node: it must be used.
        holepunch_secret: Zeroizing::new([9; 32]),
    }
}

/// The key pairs that the world gives its hosts.
fn key_pair(host: usize, offset: u8) -> KeyPair {
    KeyPair::from_seed([host as u8 + offset; 32])
}
