//! Handshakes whose messages the application makes. It reads message 1 and decides on the client in
//! one step, and writes message 2 in another.

use std::net::Ipv4Addr;

use bytes::Bytes;

use super::requester::{Client, ClientHello, Requester, tell_gone};
use super::server::Server;
use super::session::Prepared;
use super::slots::{ForeignHandshake, SlotState, Stage};
use crate::punch::Base;
use crate::wire::NoisePayload;
use crate::{Answer, ConnId, Cx, Question, ReadHandshake, Timer, WrittenHandshake, is_sendable};

impl Server {
    pub(super) fn ask_to_read(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        slot: u32,
        source: Ipv4Addr,
        requester: Requester,
        noise: &[u8],
    ) {
        let (conn, client) = (base.io.conns.new_id(), requester.client());
        let ask = cx.ask(Question::ReadHandshake {
            server: Some(self.id),
            conn,
            message: Bytes::copy_from_slice(noise),
            address: Some(client.address),
        });
        let stage = Stage::Reading { client, source };
        self.set_foreign(slot, ForeignHandshake { ask, conn, unanswered: vec![requester], stage });
    }

    pub(super) fn ask_to_write(
        &mut self,
        cx: &mut Cx<'_>,
        slot: u32,
        prepared: Prepared,
        unanswered: Vec<Requester>,
    ) {
        let Some(conn) = prepared.hello.conn else { return };
        let payload = Bytes::copy_from_slice(&prepared.offer);
        let ask = cx.ask(Question::WriteHandshake { server: Some(self.id), conn, payload });
        let stage = Stage::Writing(Box::new(prepared));
        self.set_foreign(slot, ForeignHandshake { ask, conn, unanswered, stage });
    }

    /// The application has answered, or its time is over.
    pub(super) fn handle_foreign(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        slot: u32,
        answer: Answer,
    ) {
        let Some(SlotState::Foreign(foreign)) = self.slots.take(slot) else { return };
        let ForeignHandshake { conn, unanswered, stage, .. } = *foreign;
        match (stage, answer) {
            (Stage::Reading { client, source }, Answer::Read(read)) => {
                let relay = read.relay;
                let Some(hello) = hello(conn, client, source, *read) else {
                    cx.stats.dropped.handshake += 1;
                    tell_gone(cx, Some(conn));
                    return self.end(cx, slot, None);
                };
                self.accept(cx, base, slot, hello, unanswered, relay);
            }
            (Stage::Writing(prepared), Answer::Wrote(wrote)) => {
                self.handle_written(cx, base, slot, *prepared, unanswered, *wrote);
            }
            (stage, _) => {
                stage.abandon(cx, base, conn);
                self.end(cx, slot, None);
            }
        }
    }

    /// Takes the handshake out of its slot and cancels its question. The caller sets the next state.
    pub(super) fn abandon_foreign(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, slot: u32) {
        let Some(SlotState::Foreign(foreign)) = self.slots.take(slot) else { return };
        cx.timers.cancel(Timer::Ask(foreign.ask));
        foreign.stage.abandon(cx, base, foreign.conn);
    }

    fn handle_written(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        slot: u32,
        prepared: Prepared,
        unanswered: Vec<Requester>,
        wrote: WrittenHandshake,
    ) {
        let WrittenHandshake { message, keys } = wrote;
        let public_key = prepared.hello.public_key;
        let keys = keys.map(|keys| keys.finish(false, self.identity.public(), public_key));
        match keys.filter(|_| is_sendable(&message)) {
            Some(keys) => {
                let message = (message.to_vec(), keys);
                self.conclude(cx, base, slot, prepared, unanswered, message);
            }
            None => {
                prepared.abandon(cx, base);
                self.end(cx, slot, None);
            }
        }
    }

    fn set_foreign(&mut self, slot: u32, foreign: ForeignHandshake) {
        self.slots.set(slot, SlotState::Foreign(Box::new(foreign)));
    }
}

impl Stage {
    fn abandon(&self, cx: &mut Cx<'_>, base: &mut Base<'_>, conn: ConnId) {
        match self {
            Self::Reading { .. } => tell_gone(cx, Some(conn)),
            Self::Writing(prepared) => prepared.abandon(cx, base),
        }
    }
}

/// Message 1 as the application has read it. `None` if its payload is malformed.
fn hello(
    conn: ConnId,
    client: Client,
    source: Ipv4Addr,
    read: ReadHandshake,
) -> Option<ClientHello> {
    Some(ClientHello {
        responder: None,
        conn: Some(conn),
        foreign: read.foreign,
        public_key: read.remote_public_key.unwrap_or_default(),
        payload: NoisePayload::decode(&read.payload).ok()?,
        plaintext: read.payload,
        client,
        source,
        asked: true,
    })
}
