//! Encoding and decoding the messages of the rounds.

use std::net::SocketAddrV4;

use bytes::Bytes;

use super::super::requests::{PendingRequests, Tries};
use super::{Rounds, RoundsOutcome, Step};
use crate::net::Reply;
use crate::punch::{Base, Puncher};
use crate::wire::{Firewall, Holepunch, HolepunchPayload, Mode, PayloadError};
use crate::{ConnectReason, Cx};

impl Rounds {
    /// Tells the server that the attempt has ended.
    pub(super) fn abort(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        reason: ConnectReason,
    ) -> RoundsOutcome {
        let payload = HolepunchPayload {
            error: PayloadError::Aborted,
            round: self.round,
            ..HolepunchPayload::default()
        };
        let value = self.seal(cx, self.relay.peer_address, &payload);
        requests.last_round(cx, &mut base.io, self.relay.relay_address, value);
        RoundsOutcome::Fail(reason)
    }

    pub(super) fn send(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        (via, to): (SocketAddrV4, SocketAddrV4),
        tries: Tries,
        payload: HolepunchPayload,
    ) -> RoundsOutcome {
        let Some(puncher) = base.punchers.get(self.punch) else { return RoundsOutcome::On };
        let Some(socket) = puncher.socket() else { return RoundsOutcome::On };
        let payload = HolepunchPayload {
            firewall: puncher.firewall(),
            addresses: puncher.addresses_for_peer(),
            round: self.round,
            ..payload
        };
        self.round += 1;
        let value = self.seal(cx, to, &payload);
        requests.round(cx, &mut base.io, via, socket, value, tries);
        RoundsOutcome::On
    }

    fn seal(&self, cx: &mut Cx<'_>, to: SocketAddrV4, payload: &HolepunchPayload) -> Bytes {
        let message = Holepunch {
            mode: Mode::FromClient,
            id: self.slot,
            payload: self.secret.seal(cx.rng, payload),
            peer_address: Some(to),
        };
        Bytes::from(message.encode())
    }

    pub(super) fn read(
        &self,
        cx: &mut Cx<'_>,
        reply: &Reply,
    ) -> Option<(HolepunchPayload, SocketAddrV4)> {
        let message = Holepunch::decode(reply.value.as_ref()?).ok()?;
        if message.mode != Mode::Reply {
            return None;
        }
        let Some(payload) = self.secret.open(&message.payload) else {
            cx.stats.dropped.punch += 1;
            return None;
        };
        Some((payload, message.peer_address.unwrap_or(reply.from)))
    }

    pub(super) fn update_remote(&self, base: &mut Base<'_>, payload: &HolepunchPayload) {
        let Some(remote) = base.punchers.remote_mut(self.punch) else { return };
        let host = *self.server.ip();
        let is_echo = self.secret.is_echo(host, payload.remote_token.as_ref());
        let echoes = matches!(self.step, Step::Agreeing(_) | Step::Checking(_) | Step::Waiting(_));
        let verified = (echoes && is_echo).then_some(host);
        let addresses = payload.addresses.as_deref().unwrap_or_default();
        remote.update(payload.punching, payload.firewall, addresses, verified);
    }

    pub(super) fn remote_firewall(&self, base: &Base<'_>) -> Firewall {
        base.punchers.get(self.punch).map(|p| p.remote().firewall()).unwrap_or_default()
    }

    pub(super) fn local_firewall(&self, base: &Base<'_>) -> Firewall {
        base.punchers.get(self.punch).map(Puncher::firewall).unwrap_or_default()
    }
}
