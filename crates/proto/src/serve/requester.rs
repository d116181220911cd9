//! The sender of a handshake, and the route of the answer to a handshake or a round.

use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;

use crate::base::Io;
use crate::net::{Answering, Incoming};
use crate::noise::{KeyPair, PublicKey, Responder};
use crate::punch::Base;
use crate::wire::{Handshake, Holepunch, Mode, NoisePayload, is_destination};
use crate::{ConnId, ConnReport, Cx, Foreign, Question, ServerId, SocketId};

/// The sender of message 1: the client, or a node on its behalf.
#[derive(Debug)]
pub(super) struct Requester {
    incoming: Incoming,
    way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Direct,
    Relayed { to: SocketAddrV4, client: SocketAddrV4 },
}

/// The client's location, as far as the server can know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client {
    /// The source of the datagram if the client sent it itself, since its own statement proves
    /// nothing. Otherwise the address that the relay stated.
    pub(super) address: SocketAddrV4,
    pub(super) direct: bool,
    /// The node that message 1 came from.
    pub(super) sender: SocketAddrV4,
    /// The socket that message 1 arrived on.
    pub(super) socket: SocketId,
    /// Our host, as the sender of the datagram sees it.
    pub(super) our_host: Ipv4Addr,
}

/// A decoded message 1.
#[derive(Debug)]
pub(super) struct ClientHello {
    /// Makes message 2; `None` if the application does.
    pub(super) responder: Option<Box<Responder>>,
    /// The connection by which the application knows the handshake that it makes.
    pub(super) conn: Option<ConnId>,
    /// What the application makes itself.
    pub(super) foreign: Foreign,
    pub(super) public_key: PublicKey,
    pub(super) payload: NoisePayload,
    /// The encoded payload.
    pub(super) plaintext: Bytes,
    pub(super) client: Client,
    /// The source that the handshake counts against.
    pub(super) source: Ipv4Addr,
    /// Whether the application was asked about the client.
    pub(super) asked: bool,
}

impl ClientHello {
    /// Decodes message 1. `None` if it is malformed or for another key.
    pub(super) fn read(
        cx: &mut Cx<'_>,
        identity: &KeyPair,
        client: Client,
        source: Ipv4Addr,
        noise: &[u8],
    ) -> Option<Self> {
        let mut responder = Responder::new(identity, cx.rng).ok()?;
        let (public_key, plaintext) = responder.recv(noise).ok()?;
        let payload = NoisePayload::decode(&plaintext).ok()?;
        let plaintext = plaintext.into();
        Some(Self {
            responder: Some(Box::new(responder)),
            conn: None,
            foreign: Foreign::Nothing,
            public_key,
            payload,
            plaintext,
            client,
            source,
            asked: false,
        })
    }

    /// The question whether the client may connect.
    pub(super) fn question(&self, server: ServerId) -> Question {
        Question::Firewall {
            server,
            remote_public_key: self.public_key,
            payload: self.plaintext.clone(),
            address: self.client.address,
        }
    }
}

/// Message 2.
#[derive(Clone, Debug)]
pub(super) struct ServerHello {
    pub(super) noise: Vec<u8>,
    /// The puncher's socket, if the reply has to leave from it so that the client learns its
    /// mapping.
    pub(super) socket: Option<SocketId>,
}

impl ServerHello {
    /// Sends message 2 to all requesters.
    pub(super) fn send(&self, cx: &mut Cx<'_>, base: &mut Base<'_>, requesters: &[Requester]) {
        let socket = self.socket.filter(|socket| base.io.pool.is_open(*socket));
        for requester in requesters {
            requester.answer(cx, &mut base.io, &self.noise, socket);
        }
    }
}

impl Requester {
    /// `None` if the message lacks an address that the answer needs.
    pub(super) fn new(incoming: &Incoming, message: &Handshake) -> Option<Self> {
        let client = message.peer_address.filter(|address| is_destination(*address));
        let way = match message.mode {
            Mode::FromClient => Way::Direct,
            Mode::FromRelay => Way::Relayed { to: incoming.from, client: client? },
            Mode::FromSecondRelay => {
                let to = message.relay_address.filter(|address| is_destination(*address))?;
                Way::Relayed { to, client: client? }
            }
            Mode::FromServer | Mode::Reply => return None,
        };
        Some(Self { incoming: without_value(incoming), way })
    }

    pub(super) fn client(&self) -> Client {
        let (address, direct) = match self.way {
            Way::Direct => (self.incoming.from, true),
            Way::Relayed { client, .. } => (client, false),
        };
        let (sender, socket) = (self.source(), self.incoming.socket);
        Client { address, direct, sender, socket, our_host: *self.incoming.to.ip() }
    }

    /// The node that the datagram came from.
    pub(super) fn source(&self) -> SocketAddrV4 {
        self.incoming.from
    }

    /// True if both are the same request, sent again.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.incoming.tid == other.incoming.tid && self.incoming.from == other.incoming.from
    }

    /// Sends message 2 back the way that message 1 came.
    pub(super) fn answer(
        &self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        noise: &[u8],
        socket: Option<SocketId>,
    ) {
        let noise = noise.to_vec();
        match self.way {
            Way::Direct => {
                let message =
                    Handshake { mode: Mode::Reply, noise, peer_address: None, relay_address: None };
                let answering = Answering {
                    value: Some(message.encode().into()),
                    socket,
                    ..Answering::default()
                };
                io.net.respond(cx, &self.incoming, answering);
            }
            Way::Relayed { to, client } => {
                let message = Handshake {
                    mode: Mode::FromServer,
                    noise,
                    peer_address: Some(client),
                    relay_address: None,
                };
                io.net.relay(cx, &self.incoming, Some(&message.encode()), to, socket);
            }
        }
    }
}

/// Sends the payload of a round back to the node that the client's round came from.
pub(super) fn answer_round(
    cx: &mut Cx<'_>,
    io: &mut Io<'_>,
    incoming: &Incoming,
    client: SocketAddrV4,
    payload: Vec<u8>,
    socket: SocketId,
) {
    let message = Holepunch { mode: Mode::FromServer, id: 0, payload, peer_address: Some(client) };
    // The puncher may have replaced the socket since the round was first answered.
    let socket = Some(socket).filter(|socket| io.is_open(*socket));
    io.net.relay(cx, incoming, Some(&message.encode()), incoming.from, socket);
}

/// Adds a sender that waits for the same answer, unless too many wait already.
pub(super) fn remember(unanswered: &mut Vec<Requester>, requester: Requester) {
    let known = unanswered.iter().any(|other| other.is_same(&requester));
    if !known && unanswered.len() < MAX_REQUESTERS {
        unanswered.push(requester);
    }
}

/// The request without its value: a request that waits for its answer does not need it.
pub(super) fn without_value(incoming: &Incoming) -> Incoming {
    Incoming { value: None, ..incoming.clone() }
}

/// Tells the application that a handshake of its own has ended before there was a connection.
pub(super) fn tell_gone(cx: &mut Cx<'_>, conn: Option<ConnId>) {
    if let Some(conn) = conn {
        cx.emit(ConnReport::unopened(None).into_event(conn));
    }
}

/// A client asks through three nodes at a time, and seldom through more in all.
const MAX_REQUESTERS: usize = 8;
