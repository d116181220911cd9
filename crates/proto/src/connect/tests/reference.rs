//! A server that handles rounds as the reference does (`lib/server.js`, `_onpeerholepunch`). Each
//! round in which the client punches counts as a separate punch, and only one random punch is
//! allowed at a time. So a repeated round gets TRY_LATER and ends the punch.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use crate::Rng;
use crate::noise::{KeyPair, Responder};
use crate::punch::PunchSecret;
use crate::wire::{
    Firewall, Handshake, Holepunch, HolepunchInfo, HolepunchPayload, Mode, NoisePayload,
    PAYLOAD_VERSION, Packet, PayloadError, Relay, Request, UdxInfo, command,
};

/// The handshakes and rounds of one server behind a consistent NAT. It knows one client.
pub(super) struct ReferenceServer {
    identity: KeyPair,
    rng: Rng,
    session: Option<Session>,
    /// How often it ended a punch because of another one, which was its own.
    pub(super) cut_off: u32,
    /// How many rounds it answers with TRY_LATER because another punch is running. It serves the
    /// client afterwards, as the reference does when the two have a relay.
    pub(super) busy: u32,
}

struct Session {
    noise: Vec<u8>,
    answer: Vec<u8>,
    secret: PunchSecret,
    socket: SocketAddrV4,
    address: SocketAddrV4,
    round: u64,
    puncher: Puncher,
}

#[derive(Clone, Copy)]
enum Puncher {
    Waiting,
    Punching { host: Ipv4Addr, next: Instant },
    Destroyed,
}

/// A datagram that the server sends.
pub(super) struct Departure {
    pub(super) from: SocketAddrV4,
    pub(super) to: SocketAddrV4,
    pub(super) data: Vec<u8>,
}

impl ReferenceServer {
    pub(super) fn new(identity: KeyPair) -> Self {
        Self { identity, rng: Rng::from_seed([8; 32]), session: None, cut_off: 0, busy: 0 }
    }

    /// Handles a datagram if it is a handshake or a round. The inner option is the answer.
    pub(super) fn take(
        &mut self,
        now: Instant,
        from: SocketAddrV4,
        socket: SocketAddrV4,
        data: &[u8],
    ) -> Option<Option<Departure>> {
        let Ok(Packet::Request(request)) = Packet::decode(data) else { return None };
        let value = request.value?;
        let answer = match request.command {
            command::PEER_HANDSHAKE => {
                let message = Handshake::decode(value).ok()?;
                self.handle_handshake(from, socket, request.to, message)
            }
            command::PEER_HOLEPUNCH => {
                let message = Holepunch::decode(value).ok()?;
                self.handle_round(now, message)
            }
            _ => return None,
        };
        let depart = |value: Vec<u8>| {
            let packet = Request { to: from, id: None, value: Some(&value), ..request };
            Departure { from: socket, to: from, data: packet.encode() }
        };
        Some(answer.map(depart))
    }

    /// When the next probe is due.
    pub(super) fn next(&self) -> Option<Instant> {
        let Puncher::Punching { next, .. } = self.session.as_ref()?.puncher else { return None };
        Some(next)
    }

    /// Sends the probe that is due.
    pub(super) fn probe(&mut self, now: Instant) -> Option<Departure> {
        let session = self.session.as_mut()?;
        let Puncher::Punching { host, next } = &mut session.puncher else { return None };
        if *next > now {
            return None;
        }
        *next += PROBE_INTERVAL;
        let port = 1000 + self.rng.below(64_536) as u16;
        Some(Departure { from: session.socket, to: SocketAddrV4::new(*host, port), data: vec![0] })
    }

    fn handle_handshake(
        &mut self,
        relay: SocketAddrV4,
        socket: SocketAddrV4,
        address: SocketAddrV4,
        message: Handshake,
    ) -> Option<Vec<u8>> {
        let known = self.session.as_ref().is_some_and(|session| session.noise == message.noise);
        if !known {
            let relays = vec![Relay { relay_address: relay, peer_address: address }];
            let payload = NoisePayload {
                version: PAYLOAD_VERSION,
                holepunch: Some(HolepunchInfo { id: 0, relays }),
                udx: Some(UdxInfo { features: 1, id: 1, seq: 0 }),
                secret_stream: true,
                ..NoisePayload::default()
            };
            let mut responder = Responder::new(&self.identity, &mut self.rng).ok()?;
            responder.recv(&message.noise).ok()?;
            let answer = responder.send(&payload.encode()).ok()?;
            self.session = Some(Session {
                noise: message.noise,
                answer,
                secret: PunchSecret::new(&responder.finish(), &mut self.rng),
                socket,
                address,
                round: 0,
                puncher: Puncher::Waiting,
            });
        }
        let noise = self.session.as_ref()?.answer.clone();
        let peer_address = message.peer_address;
        Some(
            Handshake { mode: Mode::FromServer, noise, peer_address, relay_address: None }.encode(),
        )
    }

    fn handle_round(&mut self, now: Instant, message: Holepunch) -> Option<Vec<u8>> {
        let session = self.session.as_mut()?;
        let client = message.peer_address?;
        let payload = session.secret.open(&message.payload)?;
        session.round = session.round.max(payload.round);
        let answer = match session.puncher {
            Puncher::Destroyed => return None,
            _ if payload.punching && self.busy > 0 => {
                self.busy -= 1;
                HolepunchPayload { error: PayloadError::TryLater, ..HolepunchPayload::default() }
            }
            Puncher::Punching { .. } if payload.punching => {
                session.puncher = Puncher::Destroyed;
                self.cut_off += 1;
                HolepunchPayload { error: PayloadError::TryLater, ..HolepunchPayload::default() }
            }
            Puncher::Waiting if payload.punching => {
                let host = *payload.addresses.as_deref()?.first()?.ip();
                session.puncher = Puncher::Punching { host, next: now };
                session.tell(client, &payload)
            }
            Puncher::Waiting | Puncher::Punching { .. } => session.tell(client, &payload),
        };
        let payload = session.secret.seal(&mut self.rng, &answer);
        let peer_address = Some(client);
        Some(Holepunch { mode: Mode::FromServer, id: 0, payload, peer_address }.encode())
    }
}

impl Session {
    fn tell(&self, client: SocketAddrV4, asked: &HolepunchPayload) -> HolepunchPayload {
        HolepunchPayload {
            firewall: Firewall::Consistent,
            round: self.round,
            punching: matches!(self.puncher, Puncher::Punching { .. }),
            addresses: Some(vec![self.address]),
            token: Some(self.secret.token(*client.ip())),
            remote_token: asked.token,
            ..HolepunchPayload::default()
        }
    }
}

/// The interval of the reference's random probes.
const PROBE_INTERVAL: Duration = Duration::from_millis(20);
