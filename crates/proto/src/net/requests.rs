//! Requests on their way out, and where their replies go.

use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::Bytes;

use super::machine::Net;
use super::table::K;
use super::{Output, Owner, QueryKey, Reply, RequestKey, RequestSpec};
use crate::rpc::{Cycle, Landed, Outgoing};
use crate::wire::{NodeId, Request, Response, command};
use crate::{Cx, RequestError, SocketId};

/// What a request is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A layer above.
    Owner(Owner),
    /// The next node of a query.
    Query(QueryKey),
    /// What follows a query.
    Commit(QueryKey),
    /// Is this node alive? `heard` is its `Node::heard` when we asked.
    Check { id: NodeId, heard: u64 },
    /// May this node be replaced?
    Swap { id: NodeId, heard: u64, by: SocketAddrV4 },
    /// Does a stranger reach our server socket? Asked once, during bootstrap.
    QuickTest,
    /// The same, asked of several nodes.
    Probe,
    /// Is this place of the bootstrap list where it was suggested?
    Suggested(usize),
    /// Nobody waits for the answer.
    Hint,
}

impl Net {
    pub(super) fn send_request(
        &mut self,
        cx: &mut Cx<'_>,
        spec: RequestSpec,
        purpose: Purpose,
    ) -> RequestKey {
        let socket = spec.socket.unwrap_or(self.socket());
        let request = Request {
            tid: self.requests.next_tid(cx.rng, spec.to),
            to: spec.to,
            id: self.id_on(socket),
            token: spec.token,
            internal: spec.internal,
            command: spec.command,
            target: spec.target,
            value: spec.value.as_deref(),
        };
        let counter = usize::try_from(spec.command).ok().filter(|_| spec.internal);
        let outgoing = Outgoing {
            tid: request.tid,
            to: spec.to,
            to_id: spec.to_id,
            socket,
            ttl: spec.ttl,
            packet: request.encode(),
            counter,
            retries: spec.retries,
            wait: spec.wait.or_else(|| delayed(&spec)),
            force: spec.force,
        };
        let key = self.requests.start(cx, outgoing, purpose);
        self.set_drain(cx);
        key
    }

    pub(super) fn handle_response(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddrV4,
        response: Response<'_>,
    ) {
        let Some(landed) = self.requests.land(cx, response.tid, from) else {
            cx.stats.dropped.unexpected += 1;
            return;
        };
        let mut closer_nodes = response.closer_nodes;
        closer_nodes.truncate(K);
        let reply = Reply {
            tid: response.tid,
            rtt: u32::try_from(landed.elapsed.as_millis()).unwrap_or(u32::MAX),
            from,
            from_id: self.valid_id(from, response.id),
            to: response.to,
            socket,
            token: response.token,
            closer_nodes,
            error: response.error,
            value: response.value.map(Bytes::copy_from_slice),
        };
        let is_expected = socket == self.socket();
        match reply.from_id {
            Some(id) => self.hear(cx, id, from, reply.to, is_expected),
            None if is_expected => self.sample_stranger(cx, from, reply.to),
            None => {}
        }
        self.handle_end(cx, landed, Ok(reply));
    }

    pub(super) fn handle_deadlines(&mut self, cx: &mut Cx<'_>) {
        while let Some(cycle) = self.requests.poll_cycle(cx) {
            match cycle {
                Cycle::Retry { key, stalled } => self.handle_retry(cx, key, stalled),
                Cycle::TimedOut(landed) => self.handle_timed_out(cx, landed),
            }
        }
    }

    fn handle_retry(&mut self, cx: &mut Cx<'_>, key: RequestKey, stalled: bool) {
        match self.requests.purpose(key) {
            Some(Purpose::Query(query)) => self.handle_slow(cx, *query, key, stalled),
            Some(&Purpose::Owner(owner)) => self.outputs.push_back(Output::Overdue { owner }),
            Some(
                Purpose::Commit(_)
                | Purpose::Check { .. }
                | Purpose::Swap { .. }
                | Purpose::QuickTest
                | Purpose::Probe
                | Purpose::Suggested(_)
                | Purpose::Hint,
            )
            | None => {}
        }
    }

    fn handle_timed_out(&mut self, cx: &mut Cx<'_>, landed: Landed<Purpose>) {
        let (to, to_id) = (landed.to, landed.to_id);
        self.handle_end(cx, landed, Err(RequestError::Timeout));
        if self.asleep {
            // It was never asked.
            return;
        }
        if let Some(id) = to_id {
            self.remove_node(cx, &id);
        }
        self.bootstrap.handle_silence(to);
    }

    fn handle_end(
        &mut self,
        cx: &mut Cx<'_>,
        landed: Landed<Purpose>,
        result: Result<Reply, RequestError>,
    ) {
        match landed.purpose {
            Purpose::Owner(owner) => self.outputs.push_back(Output::Reply { owner, result }),
            Purpose::Query(query) => match result {
                Ok(reply) => self.handle_query_reply(cx, query, landed.key, reply),
                Err(_) => self.handle_query_timeout(cx, query, landed.key, landed.to),
            },
            Purpose::Commit(query) => self.handle_commit_end(cx, query, landed.key, result),
            Purpose::Check { id, heard } => {
                self.handle_check(cx, &id, heard, result.is_ok());
            }
            Purpose::Swap { id, heard, by } => {
                self.handle_swap(cx, &id, heard, by, result.is_ok());
            }
            Purpose::QuickTest => {
                if let Ok(reply) = result {
                    self.handle_quick_test(cx, &reply);
                }
            }
            Purpose::Probe => self.handle_pong(cx, landed.key, result.ok()),
            Purpose::Suggested(place) => self.handle_suggested(cx, place, result.is_ok()),
            Purpose::Hint => {}
        }
    }
}

/// A DELAYED_PING says itself when it is answered.
fn delayed(spec: &RequestSpec) -> Option<Duration> {
    if !spec.internal || spec.command != command::DELAYED_PING {
        return None;
    }
    let delay = u32::from_le_bytes(*spec.value.as_deref()?.first_chunk()?);
    Some(NETWORK + Duration::from_millis(u64::from(delay)))
}

/// What a delayed answer may take beyond its delay.
const NETWORK: Duration = Duration::from_millis(1000);
