//! From message 1 of a client to message 2: the questions, the decision, the answer.

use std::time::Duration;

use super::requester::{ClientHello, Requester, tell_gone};
use super::server::Server;
use super::session::{AcceptOutcome, Prepared, ServerPolicy, conclude, prepare};
use super::slots::{Asking, SlotState};
use crate::noise::{Finished, PublicKey};
use crate::punch::Base;
use crate::wire::RelayThrough;
use crate::{Answer, Cx, Timer};

impl Server {
    pub(super) fn ask_firewall(
        &mut self,
        cx: &mut Cx<'_>,
        slot: u32,
        mut hello: ClientHello,
        requester: Requester,
    ) {
        let ask = cx.ask(hello.question(self.id));
        hello.asked = true;
        let asking = Asking { ask, hello, unanswered: vec![requester] };
        self.slots.set(slot, SlotState::Asking(Box::new(asking)));
    }

    /// Asking → Waiting or Ended.
    pub(super) fn handle_verdict(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        slot: u32,
        answer: Answer,
    ) {
        let Some(SlotState::Asking(asking)) = self.slots.take(slot) else { return };
        let Asking { hello, unanswered, .. } = *asking;
        match answer {
            Answer::Accept => self.accept(cx, base, slot, hello, unanswered, None),
            Answer::AcceptThrough(relay) => {
                self.accept(cx, base, slot, hello, unanswered, Some(relay));
            }
            // The client gets no answer, so that it cannot learn that there is a server.
            Answer::Reject | Answer::Wrote(_) | Answer::Read(_) => self.end(cx, slot, None),
        }
    }

    pub(super) fn accept(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        slot: u32,
        hello: ClientHello,
        requesters: Vec<Requester>,
        relay: Option<PublicKey>,
    ) {
        let relays = relay.map_or(&self.options.relay_through[..], |_| relay.as_slice());
        let policy = ServerPolicy {
            server: self.id,
            owner: self.owner(),
            holepunch: self.options.holepunch,
            share_local_address: self.options.share_local_address,
            reusable_socket: self.options.reusable_socket,
            relay_through: RelayThrough::choose(relays, cx.rng),
            relay_keep_alive: self.options.relay_keep_alive,
        };
        let conn = hello.conn;
        let Some(mut prepared) = prepare(cx, base, policy, slot, hello) else {
            cx.stats.dropped.admission += 1;
            tell_gone(cx, conn);
            return self.slots.discard(slot);
        };
        let Some(mut responder) = prepared.hello.responder.take() else {
            return self.ask_to_write(cx, slot, prepared, requesters);
        };
        match responder.send(&prepared.offer) {
            Ok(noise) => {
                let message = (noise, responder.finish());
                self.conclude(cx, base, slot, prepared, requesters, message);
            }
            Err(_) => {
                prepared.abandon(cx, base);
                self.end(cx, slot, None);
            }
        }
    }

    /// Sends message 2, if the client may connect or is to be told why not.
    pub(super) fn conclude(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        slot: u32,
        prepared: Prepared,
        requesters: Vec<Requester>,
        (noise, keys): (Vec<u8>, Finished),
    ) {
        match conclude(cx, base, prepared, slot, noise, keys) {
            AcceptOutcome::Wait(mut session) => {
                session.unanswered = requesters;
                self.slots.set(slot, SlotState::Waiting(session));
                cx.wake_at(Timer::Handshake(self.id, slot), cx.now + CLIENT_COMES_WITHIN);
                self.answer_all(cx, base, slot);
            }
            AcceptOutcome::Open(session, path, repeats) => {
                let reply = session.reply.clone();
                let conn = session.conn;
                let is_open = session.open(cx, base, path);
                if is_open {
                    if repeats {
                        // A client that is told that strangers reach it opens its firewall when it
                        // gets message 2.
                        base.io.repeat_early(cx, conn);
                    }
                    cx.stats.punches_open += 1;
                    reply.send(cx, base, &requesters);
                }
                self.end(cx, slot, is_open.then_some(reply));
            }
            AcceptOutcome::Refuse(reply) => {
                reply.send(cx, base, &requesters);
                self.end(cx, slot, Some(reply));
            }
        }
    }
}

/// How long after message 2 the client has to send a packet or a round.
pub(super) const CLIENT_COMES_WITHIN: Duration = Duration::from_secs(10);
