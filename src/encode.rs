//! Events to the bytes that `lib/native/border.js` reads.

use std::collections::VecDeque;

use bytes::Bytes;
use hyperdht::wire::Writer;
use hyperdht::{
    ConnError, ConnId, ConnectError, Event, Incoming, Interface, Opened, QueryReply, Question,
    TableNode,
};

use crate::bind_error;

/// What a slab was filled with.
pub(crate) struct Filled {
    /// Bytes written; minus the room that the next event needs if the slab is too small for it.
    pub(crate) len: i32,
    /// The last event was a control event.
    pub(crate) control: bool,
    /// It was one of those that the core counts until they are taken.
    pub(crate) counted: bool,
    /// There were replies of queries: JavaScript reads them before it takes anything else.
    pub(crate) replies: bool,
}

/// Moves events from the end of `pending` into the slab, up to and including the first control
/// event; that one stays behind if there were replies of queries before it. Large messages go to
/// the end of `large`, with only their heads in the slab.
pub(crate) fn events(
    pending: &mut Vec<Event>,
    large: &mut VecDeque<Bytes>,
    slab: &mut [u8],
) -> Filled {
    let mut written = 0;
    let mut replies = false;
    while let Some(event) = pending.last() {
        let control = is_control(event);
        // What follows the replies of a query, as its end, comes once they have been read.
        if control && replies {
            break;
        }
        let (head, message) = event_parts(event);
        let body = if message.len() < LARGE { message } else { &[] };
        let len = head.len() + body.len();
        let Some(room) = slab.get_mut(written..written + len) else {
            let len = if written == 0 { -(len as i32) } else { written as i32 };
            return Filled { len, control: false, counted: false, replies };
        };
        room[..head.len()].copy_from_slice(&head);
        room[head.len()..].copy_from_slice(body);
        written += len;
        let counted = matches!(event, Event::IncomingRequest(_) | Event::Datagram { .. });
        replies |= matches!(event, Event::QueryReply { .. });
        large.extend(pending.pop().and_then(large_message));
        if control {
            return Filled { len: written as i32, control, counted, replies };
        }
    }
    Filled { len: written as i32, control: false, counted: false, replies }
}

fn large_message(event: Event) -> Option<Bytes> {
    let (Event::Data { data, .. } | Event::Message { data, .. }) = event else { return None };
    (data.len() >= LARGE).then_some(data)
}

/// Copies an answer. Returns its length, or minus the room it needs.
pub(crate) fn copy(answer: &[u8], slab: &mut [u8]) -> i32 {
    let Some(room) = slab.get_mut(..answer.len()) else { return -(answer.len() as i32) };
    room.copy_from_slice(answer);
    answer.len() as i32
}

/// What streams keep until it is read may be joined behind one wake-up. Everything else has one of
/// its own.
pub(crate) fn is_control(event: &Event) -> bool {
    !event.is_data()
}

fn event_parts(event: &Event) -> (Vec<u8>, &[u8]) {
    if let Event::Data { conn, data } = event {
        return (data_head(1, *conn, data.len()), data);
    }
    if let Event::Message { conn, data } = event {
        return (data_head(2, *conn, data.len()), data);
    }
    let mut w = Writer::new();
    control(&mut w, event);
    (w.finish(), &[])
}

fn data_head(kind: u8, conn: ConnId, len: usize) -> Vec<u8> {
    let mut w = Writer::new();
    w.u8(kind).u32(conn.0).u32(len as u32);
    w.finish()
}

#[expect(clippy::too_many_lines, reason = "a table: one arm for each event")]
fn control(w: &mut Writer, event: &Event) {
    match event {
        Event::Data { .. } | Event::Message { .. } => {}
        Event::Drained { conn, bytes } => {
            w.u8(3).u32(conn.0).u32(*bytes as u32);
        }
        Event::Listening => code(w, 10),
        Event::NatUpdate { host, port } => nat_address(w.u8(11), (*host, *port)),
        Event::Ready => code(w, 12),
        Event::Persistent { id } => {
            w.u8(13).raw(id);
        }
        Event::Ephemeral => code(w, 14),
        Event::Wakeup => code(w, 15),
        Event::Firewalled { firewalled } => {
            w.u8(16).u8(u8::from(*firewalled));
        }
        Event::Health { online, degraded } => {
            w.u8(17).u8(u8::from(*online)).u8(u8::from(*degraded));
        }
        Event::NetworkChange { interfaces } => {
            w.u8(18).list(interfaces, interface);
        }
        Event::NodeAdded { node } => table_node(w.u8(74), node),
        Event::NodeRemoved { node } => table_node(w.u8(75), node),
        Event::ServerListening { server } => code_of(w, 20, server.0),
        Event::ServerFailed { server, error } => {
            w.u8(21).u32(server.0);
            failure(w, Some(error.code()), &error.to_string());
        }
        Event::ServerRelays { server, relays } => {
            w.u8(22).u32(server.0).list(relays, |w, a| {
                w.addr4(*a);
            });
        }
        Event::ServerClosed { server } => code_of(w, 23, server.0),
        Event::ServerSuspended { server } => {
            w.u8(70).u8(1).u32(server.0);
        }
        Event::Suspended => {
            w.u8(70).u8(0);
        }
        Event::Resumed { error } => {
            optional(w.u8(71), *error, |w, kind| {
                match bind_error::words(kind) {
                    Some((code, text)) => failure(w, Some(code), text),
                    None => failure(w, None, &kind.to_string()),
                }
                w
            });
        }
        Event::Connection(info) => {
            opened(w.u8(30).u32(info.server.0), &info.opened);
            w.uint(info.keep_alive.as_millis() as u64).list(&info.unasked, question);
        }
        Event::Opened(info) => opened(w.u8(31), info),
        Event::RemoteEnd { conn } => code_of(w, 32, conn.0),
        Event::Finished { conn } => code_of(w, 33, conn.0),
        Event::Flushed { conn, flush } => {
            w.u8(35).u32(conn.0).u32(*flush);
        }
        Event::Closed(closed) => {
            w.u8(34).u32(closed.conn.0);
            optional(w, closed.error, conn_error);
        }
        Event::Ask { ask, question: asked } => question(w.u8(40).u32(ask.0), asked),
        Event::Sign { server, tag, wanted } => {
            w.u8(41).u32(server.0).u32(*tag).u8(u8::from(wanted.announces));
            w.raw(&wanted.target).raw(&wanted.token).raw(&wanted.node);
        }
        Event::QueryReply { query, reply: r } => reply(w.u8(50).u32(query.0), r),
        Event::QueryDone { query, closest, tally, result } => {
            w.u8(51).u32(query.0).uint(tally.successes as u64).uint(tally.errors as u64);
            outcome(w, result.as_ref().err().map(|e| (e.code(), e.to_string())));
            w.list(closest, reply);
        }
        Event::Reply { request, result } => {
            w.u8(52).u32(request.0);
            outcome(w, result.as_ref().err().map(|e| (e.code(), e.to_string())));
            if let Ok(r) = result {
                reply(w, r);
            }
        }
        Event::LocalChecked { host, valid } => {
            w.u8(76).raw(&host.octets()).u8(u8::from(*valid));
        }
        Event::IncomingRequest(request) => incoming(w.u8(72), request),
        Event::Datagram { socket, from, data } => {
            w.u8(73).u32(socket.0).addr4(*from).buffer(data);
        }
        Event::Destroyed => code(w, 60),
        Event::Failed => {
            let error = ConnectError::NodeFailed;
            failure(w.u8(61), error.code(), &error.to_string());
        }
        // Clippy names the variants that this arm would hide.
        _ => {}
    }
}

pub(crate) fn table_node(w: &mut Writer, node: &TableNode) {
    w.raw(&node.id).addr4(node.address);
    w.uint(node.added).uint(node.pinged).uint(node.seen).uint(node.sampled);
    w.uint(node.down_hints.into());
}

fn code(w: &mut Writer, code: u8) {
    w.u8(code);
}

fn code_of(w: &mut Writer, code: u8, id: u32) {
    w.u8(code).u32(id);
}

fn interface(w: &mut Writer, interface: &Interface) {
    w.buffer(interface.name.as_bytes()).buffer(interface.address.to_string().as_bytes());
    w.u8(if interface.address.is_ipv4() { 4 } else { 6 }).u8(u8::from(interface.internal));
}

fn opened(w: &mut Writer, opened: &Opened) {
    w.u32(opened.conn.0)
        .raw(&opened.remote_public_key)
        .raw(&*opened.handshake_hash)
        .addr4(opened.remote)
        .u32(opened.socket.0)
        .u32(opened.local_id)
        .u32(opened.remote_id);
}

fn question(w: &mut Writer, question: &Question) {
    match question {
        Question::Firewall { server, remote_public_key, payload, address } => {
            w.u8(0).u32(server.0).raw(remote_public_key).addr4(*address).buffer(&payload.encode());
        }
        Question::Holepunch {
            server,
            conn,
            remote_firewall,
            local_firewall,
            remote_addresses,
            local_addresses,
        } => {
            w.u8(1);
            optional(w, *server, |w, id| w.u32(id.0));
            optional(w, *conn, |w, id| w.u32(id.0));
            w.u8(*remote_firewall).u8(*local_firewall);
            w.list(remote_addresses, |w, remote| {
                w.addr4(remote.address).u8(u8::from(remote.verified));
            });
            optional(w, local_addresses.as_ref(), |w, addresses| {
                w.list(addresses, |w, local| {
                    w.addr4(local.address).uint(u64::from(local.hits));
                })
            });
        }
    }
}

fn reply(w: &mut Writer, reply: &QueryReply) {
    w.u16(reply.tid).u32(reply.rtt).addr4(reply.from).addr4(reply.to);
    optional(w, reply.from_id, |w, id| w.raw(&id));
    optional(w, reply.token, |w, token| w.raw(&token));
    w.list(&reply.closer_nodes, |w, a| {
        w.addr4(*a);
    });
    w.uint(reply.error);
    optional(w, reply.value.as_ref(), |w, value| w.buffer(value));
}

fn incoming(w: &mut Writer, request: &Incoming) {
    w.u32(request.socket.0).addr4(request.from);
    optional(w, request.from_id, |w, id| w.raw(&id));
    w.addr4(request.to).u16(request.tid).uint(request.command);
    optional(w, request.target, |w, target| w.raw(&target));
    optional(w, request.token, |w, token| w.raw(&token));
    optional(w, request.value.as_ref(), |w, value| w.buffer(value));
}

fn conn_error(w: &mut Writer, error: ConnError) -> &mut Writer {
    let code = match error {
        ConnError::Connect(e) => e.code(),
        ConnError::Stream(e) => e.code(),
        _ => None,
    };
    failure(w, code, &error.to_string());
    w
}

fn outcome(w: &mut Writer, error: Option<(Option<&'static str>, String)>) {
    match error {
        None => {
            w.u8(1);
        }
        Some((code, message)) => failure(w.u8(0), code, &message),
    }
}

fn failure(w: &mut Writer, code: Option<&'static str>, message: &str) {
    w.buffer(code.unwrap_or("").as_bytes()).buffer(message.as_bytes());
}

fn nat_address(w: &mut Writer, (host, port): (Option<std::net::Ipv4Addr>, u16)) {
    optional(w, host, |w, host| w.raw(&host.octets()));
    w.u16(port);
}

pub(crate) fn optional<T>(
    w: &mut Writer,
    value: Option<T>,
    write: impl FnOnce(&mut Writer, T) -> &mut Writer,
) {
    match value {
        None => {
            w.u8(0);
        }
        Some(value) => {
            write(w.u8(1), value);
        }
    }
}

/// Messages from this size on cross the border by themselves, straight into the memory that the
/// application gets: to copy them twice would cost more than a call. `lib/native/border.js` has the same.
const LARGE: usize = 4096;
