//! The client's side of the handshake: message 1, and the reading of message 2 (PROTOCOL D.2).
//!
//! The node makes the handshake, or the application, which is asked for one message at a time.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::Bytes;

use super::decide::HelloRoute;
use crate::base::PunchId;
use crate::noise::{Finished, Initiator, KeyPair, PublicKey};
use crate::punch::Base;
use crate::streams::Path;
use crate::wire::{
    Firewall, Handshake, Mode, NoisePayload, PAYLOAD_VERSION, RelayThrough, UdxInfo,
};
use crate::{Answer, AskId, ConnId, Cx, Question, SocketId, Timer, is_sendable};

/// The inputs of message 1.
#[derive(Debug)]
pub(super) struct HandshakeParams {
    pub(super) conn: ConnId,
    pub(super) identity: KeyPair,
    pub(super) remote: PublicKey,
    pub(super) stream_id: u32,
    /// Whether to tell the server our local addresses.
    pub(super) share_local: bool,
    /// Whether the path may be used again.
    pub(super) reusable: bool,
    /// The blind relay that we offer.
    pub(super) relay_through: Option<RelayThrough>,
    /// Whether the application makes the messages.
    pub(super) foreign: bool,
    /// Whether we will answer frames about the path: the core has the keys.
    pub(super) path_frames: bool,
}

/// The handshake of an attempt. Message 1 is made for the first node and repeated to all others.
#[derive(Debug)]
pub(super) struct Hello {
    pub(super) params: HandshakeParams,
    state: State,
}

#[derive(Debug)]
enum State {
    Unbegun,
    /// The application writes message 1.
    Writing {
        ask: AskId,
        firewall: Firewall,
    },
    Begun {
        reader: Reader,
        value: Bytes,
        firewall: Firewall,
    },
    /// There is no message 1: the remote public key is not a valid key, or the application has not
    /// written the message.
    Impossible,
}

#[derive(Debug)]
enum Reader {
    Node(Box<Initiator>),
    /// The application reads one message at a time, because a handshake has only one of them.
    Application {
        asked: Option<(AskId, ServerReply)>,
        waiting: VecDeque<ServerReply>,
    },
}

/// A message 2 and the way that it came.
#[derive(Debug)]
pub(super) struct ServerReply {
    pub(super) route: HelloRoute,
    pub(super) noise: Vec<u8>,
    /// The socket of an earlier connection, on which the server has answered itself.
    pub(super) socket: Option<SocketId>,
    pub(super) round_trip: Duration,
}

/// A message 2 that was read.
pub(super) struct HelloRead {
    pub(super) reply: ServerReply,
    /// The encoded payload.
    pub(super) plaintext: Bytes,
    /// `None` if the application has not got them. Those of the node follow from
    /// [`Hello::finish`].
    keys: Option<Finished>,
}

/// The results of the handshake.
pub(super) struct HandshakeDone {
    pub(super) keys: Finished,
    pub(super) route: HelloRoute,
    pub(super) payload: NoisePayload,
    /// The firewall that we told the server.
    pub(super) firewall: Firewall,
    pub(super) tried: Vec<SocketAddrV4>,
    pub(super) early: Option<Path>,
    /// The puncher from whose socket message 1 left.
    pub(super) puncher: Option<PunchId>,
    /// The socket of an earlier connection, on which the server has answered itself.
    pub(super) socket: Option<SocketId>,
    /// Between message 1 and message 2.
    pub(super) round_trip: Duration,
}

impl Hello {
    pub(super) fn new(params: HandshakeParams) -> Self {
        Self { params, state: State::Unbegun }
    }

    /// The value of a PEER_HANDSHAKE request: message 1, encoded. `None` until the application has
    /// written the message, and if the application cannot write one.
    pub(super) fn value(&mut self, cx: &mut Cx<'_>, base: &Base<'_>) -> Option<Bytes> {
        if matches!(self.state, State::Unbegun) {
            self.state = self.begin(cx, base);
        }
        match &self.state {
            State::Begun { value, .. } => Some(value.clone()),
            State::Unbegun | State::Writing { .. } | State::Impossible => None,
        }
    }

    /// Whether the application writes message 1.
    pub(super) fn is_writing(&self) -> bool {
        matches!(self.state, State::Writing { .. })
    }

    /// The question that the application has not answered yet.
    pub(super) fn question(&self) -> Option<AskId> {
        match &self.state {
            State::Writing { ask, .. } => Some(*ask),
            State::Begun { reader: Reader::Application { asked, .. }, .. } => {
                asked.as_ref().map(|(ask, _)| *ask)
            }
            State::Unbegun | State::Begun { .. } | State::Impossible => None,
        }
    }

    /// Takes the application's message 1.
    pub(super) fn handle_written(&mut self, cx: &mut Cx<'_>, answer: Answer) {
        let State::Writing { ask, firewall } = self.state else { return };
        cx.timers.cancel(Timer::Ask(ask));
        self.state = State::Impossible;
        if let Answer::Wrote(wrote) = answer
            && is_sendable(&wrote.message)
        {
            let reader = Reader::Application { asked: None, waiting: VecDeque::new() };
            let value = from_client(wrote.message.to_vec());
            self.state = State::Begun { reader, value, firewall };
        }
    }

    /// Reads a message 2. `None` if it is invalid, or if the application has to read it.
    pub(super) fn read(&mut self, cx: &mut Cx<'_>, reply: ServerReply) -> Option<HelloRead> {
        let State::Begun { reader, .. } = &mut self.state else { return None };
        match reader {
            Reader::Node(initiator) => match initiator.recv(&reply.noise) {
                Ok(plaintext) => Some(HelloRead { reply, plaintext: plaintext.into(), keys: None }),
                Err(_) => {
                    cx.stats.dropped.handshake += 1;
                    None
                }
            },
            Reader::Application { asked: Some(_), waiting } => {
                if waiting.len() < MAX_WAITING {
                    waiting.push_back(reply);
                }
                None
            }
            Reader::Application { asked, .. } => {
                *asked = Some(ask_to_read(cx, self.params.conn, reply));
                None
            }
        }
    }

    /// The application has read a message 2, or could not. `None` if the message is invalid: then
    /// the application reads the next one.
    pub(super) fn handle_read(&mut self, cx: &mut Cx<'_>, answer: Answer) -> Option<HelloRead> {
        let State::Begun { reader: Reader::Application { asked, waiting }, .. } = &mut self.state
        else {
            return None;
        };
        let (ask, reply) = asked.take()?;
        cx.timers.cancel(Timer::Ask(ask));
        let HandshakeParams { conn, identity, remote, .. } = &self.params;
        if let Answer::Read(read) = answer {
            let keys = read.keys.map(|keys| keys.finish(true, identity.public(), *remote));
            return Some(HelloRead { reply, plaintext: read.payload, keys });
        }
        cx.stats.dropped.handshake += 1;
        *asked = waiting.pop_front().map(|reply| ask_to_read(cx, *conn, reply));
        None
    }

    /// Ends the handshake with the message that was read last. Returns its keys, and the firewall
    /// that we told the server.
    pub(super) fn finish(&mut self, read: &mut HelloRead) -> Option<(Finished, Firewall)> {
        let state = std::mem::replace(&mut self.state, State::Impossible);
        let State::Begun { reader, firewall, .. } = state else { return None };
        let keys = match reader {
            Reader::Node(initiator) => initiator.finish(),
            Reader::Application { .. } => read.keys.take()?,
        };
        Some((keys, firewall))
    }

    fn begin(&self, cx: &mut Cx<'_>, base: &Base<'_>) -> State {
        let HandshakeParams { conn, identity, remote, .. } = &self.params;
        let (payload, firewall) = self.payload(base);
        if self.params.foreign {
            let payload = payload.encode().into();
            let ask = cx.ask(Question::WriteHandshake { server: None, conn: *conn, payload });
            return State::Writing { ask, firewall };
        }
        let begun = Initiator::new(identity, *remote, cx.rng).and_then(|mut initiator| {
            let noise = initiator.send(&payload.encode())?;
            Ok((initiator, noise))
        });
        let Ok((initiator, noise)) = begun else { return State::Impossible };
        let reader = Reader::Node(Box::new(initiator));
        State::Begun { reader, value: from_client(noise), firewall }
    }

    /// The payload of message 1, and the firewall in it.
    fn payload(&self, base: &Base<'_>) -> (NoisePayload, Firewall) {
        let address = base.io.net.remote_address();
        let firewall = if address.is_some() { Firewall::Open } else { Firewall::Unknown };
        let mut addresses4: Vec<_> = address.into_iter().collect();
        if self.params.share_local {
            addresses4.extend(base.io.local.all());
        }
        let HandshakeParams { stream_id, reusable, path_frames, .. } = self.params;
        let payload = NoisePayload {
            version: PAYLOAD_VERSION,
            firewall,
            addresses4,
            udx: Some(UdxInfo::new(stream_id, reusable, path_frames)),
            secret_stream: true,
            relay_through: self.params.relay_through,
            ..NoisePayload::default()
        };
        (payload, firewall)
    }
}

fn ask_to_read(cx: &mut Cx<'_>, conn: ConnId, reply: ServerReply) -> (AskId, ServerReply) {
    let message = reply.noise.clone().into();
    let question = Question::ReadHandshake { server: None, conn, message, address: None };
    (cx.ask(question), reply)
}

fn from_client(noise: Vec<u8>) -> Bytes {
    let message =
        Handshake { mode: Mode::FromClient, noise, peer_address: None, relay_address: None };
    Bytes::from(message.encode())
}

/// Messages that wait until the application has read another one. An attempt asks no more nodes at
/// a time.
const MAX_WAITING: usize = 8;
