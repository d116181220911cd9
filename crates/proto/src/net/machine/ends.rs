//! Handles the end of requests, and dispatches it to the part of the node that sent them.

use std::net::SocketAddrV4;

use bytes::Bytes;

use super::Net;
use crate::net::exchange::Purpose;
use crate::net::query::QueryPurpose;
use crate::net::table::K;
use crate::net::{Output, Owner, QueryKey, Reply, RequestKey};
use crate::rpc::{Completed, TimeoutOutcome};
use crate::wire::Response;
use crate::{Cx, RequestError, SocketId};

impl Net {
    pub(super) fn handle_response(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddrV4,
        response: Response<'_>,
    ) {
        let Some(completed) = self.exchange.requests.land(cx, response.tid, from) else {
            cx.stats.dropped.unexpected += 1;
            return;
        };
        let mut closer_nodes = response.closer_nodes;
        closer_nodes.truncate(K);
        let reply = Reply {
            tid: response.tid,
            rtt: u32::try_from(completed.elapsed.as_millis()).unwrap_or(u32::MAX),
            from,
            from_id: self.contacts.valid_id(from, response.id),
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
            None if is_expected => {
                let limit = self.bootstrap.len().max(1);
                self.address.sample_stranger(cx, limit, from, reply.to);
            }
            None => {}
        }
        self.handle_end(cx, completed, Ok(reply));
    }

    pub(super) fn handle_deadlines(&mut self, cx: &mut Cx<'_>) {
        while let Some(outcome) = self.exchange.requests.poll_timed_out(cx) {
            match outcome {
                TimeoutOutcome::Retry { key, stalled } => self.handle_retry(cx, key, stalled),
                TimeoutOutcome::TimedOut(completed) => self.handle_timed_out(cx, completed),
            }
        }
    }

    fn handle_retry(&mut self, cx: &mut Cx<'_>, key: RequestKey, stalled: bool) {
        match self.exchange.requests.purpose(key) {
            Some(&Purpose::Query(query)) => self.in_queries(cx, |queries, cx, out, table| {
                queries.handle_slow(cx, out, table, (query, key), stalled)
            }),
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

    fn handle_timed_out(&mut self, cx: &mut Cx<'_>, completed: Completed<Purpose>) {
        let (to, to_id) = (completed.to, completed.to_id);
        let is_detour = matches!(completed.purpose, Purpose::Owner(Owner::Path(_)));
        self.handle_end(cx, completed, Err(RequestError::Timeout));
        if is_detour {
            // The server may have answered directly, or is gone. The relay is not to blame.
            cx.stats.timeouts = cx.stats.timeouts.saturating_sub(1);
            return;
        }
        if self.is_asleep() {
            // The request was never transmitted, so the timeout says nothing about the node.
            return;
        }
        if let Some(id) = to_id {
            self.contacts.remove(cx, &id);
        }
        self.bootstrap.handle_silence(to);
    }

    fn handle_end(
        &mut self,
        cx: &mut Cx<'_>,
        completed: Completed<Purpose>,
        result: Result<Reply, RequestError>,
    ) {
        let Completed { key, purpose, to, .. } = completed;
        match purpose {
            Purpose::Owner(owner) => self.outputs.push_back(Output::Reply { owner, result }),
            Purpose::Query(query) => match result {
                Ok(reply) => self.handle_query_reply(cx, query, key, reply),
                Err(_) => self.in_queries(cx, |queries, cx, out, table| {
                    queries.handle_timeout(cx, out, table, (query, key), to)
                }),
            },
            Purpose::Commit(query) => self.in_queries(cx, |queries, cx, out, _| {
                queries.handle_commit_end(cx, out, (query, key), result)
            }),
            Purpose::Check { id, heard } => {
                self.contacts.handle_check(cx, &id, heard, result.is_ok());
            }
            Purpose::Swap { id, heard, by } => {
                if self.contacts.handle_swap(cx, &id, heard, result.is_ok()) {
                    self.add_node(cx, by);
                }
            }
            Purpose::QuickTest => {
                if let Ok(reply) = result {
                    self.handle_quick_test(cx, &reply);
                }
            }
            Purpose::Probe => self.handle_pong(cx, key, result.ok().as_ref()),
            Purpose::Suggested(place) => {
                let tick = self.clock.tick();
                let settled = self.bootstrap.handle_suggested(cx, tick, place, result.is_ok());
                self.handle_settled(cx, settled);
            }
            Purpose::Hint => {}
        }
    }

    fn handle_query_reply(
        &mut self,
        cx: &mut Cx<'_>,
        key: QueryKey,
        request: RequestKey,
        reply: Reply,
    ) {
        let (me, own_id) = (self.me(), self.contacts.table.id());
        let out = &mut super::out(&mut self.exchange, &mut self.outputs, me);
        let purpose = self.queries.handle_reply(cx, out, own_id, key, request, &reply);
        match purpose {
            None => return,
            Some(_) if reply.error != 0 => {}
            Some(QueryPurpose::Owner(owner)) => {
                self.outputs.push_back(Output::QueryReply { query: key, owner, reply });
            }
            Some(QueryPurpose::Bootstrap) => self.handle_bootstrap_reply(cx, reply.from),
            Some(QueryPurpose::Refresh | QueryPurpose::Rejoin) => {}
        }
        self.in_queries(cx, |queries, cx, out, table| queries.run(cx, out, table, key));
    }
}
