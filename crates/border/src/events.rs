//! The events for JavaScript.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use bytes::Bytes;
use hyperdht::wire::{NodeId, Writer};
use hyperdht::{
    AskId, Closed, Closest, ConnError, ConnId, ConnStats, ConnectTrace, ConnectionInfo, Event,
    Incoming, Interface, ListenError, Opened, PathInfo, QueryError, QueryId, QueryReply, Question,
    RequestError, RequestId, ServerId, SocketId, TableNode, Tally, Unsigned,
};

use crate::field::{Choice, Encode, Sample, Shape, camel};
use crate::sample::Random;

// `lib/native/dispatcher.js` reads the first three by hand. The bytes of a long message do not
// follow its length: see `parts`.
choice! { to JavaScript: Event {
    1 data { conn: ConnId, data: Bytes } => Data { conn, data },
    2 message { conn: ConnId, data: Bytes } => Message { conn, data },
    3 drained { conn: ConnId, bytes: usize } => Drained { conn, bytes },

    10 listening {} => Listening {},
    11 nat_update { host: Option<Ipv4Addr>, port: u16 } => NatUpdate { host, port },
    12 ready {} => Ready {},
    13 persistent { id: NodeId } => Persistent { id },
    14 ephemeral {} => Ephemeral {},
    15 wakeup {} => Wakeup {},
    16 not_firewalled {} => NotFirewalled {},
    17 health { online: bool, degraded: bool } => Health { online, degraded },
    18 network_change { interfaces: Vec<Interface> } => NetworkChange { interfaces },
    19 local_checked { host: Ipv4Addr, valid: bool } => LocalChecked { host, valid },
    20 node_added { node: TableNode } => NodeAdded { node },
    21 node_removed { node: TableNode } => NodeRemoved { node },
    22 suspended {} => Suspended {},
    23 resumed { failure: Option<ErrorKind> } => Resumed { error: failure },
    24 destroyed {} => Destroyed {},
    25 failed {} => Failed {},
    26 socket_closed { socket: SocketId } => SocketClosed { socket },
    27 looked_up { lookup: u32, address: Option<IpAddr> } => LookedUp { lookup, address },

    30 server_listening { server: ServerId } => ServerListening { server },
    31 server_failed { server: ServerId, failure: ListenError }
        => ServerFailed { server, error: failure },
    32 server_relays { server: ServerId, relays: Vec<SocketAddrV4> }
        => ServerRelays { server, relays },
    33 server_closed { server: ServerId } => ServerClosed { server },
    34 server_suspended { server: ServerId } => ServerSuspended { server },
    35 ask { ask: AskId, question: Question } => Ask { ask, question },
    36 sign { server: ServerId, tag: u32, wanted: Box<Unsigned> } => Sign { server, tag, wanted },

    40 connection { connection: Box<ConnectionInfo> } => Connection(connection),
    41 opened { opened: Box<Opened> } => Opened(opened),
    42 remote_end { conn: ConnId } => RemoteEnd { conn },
    43 finished { conn: ConnId } => Finished { conn },
    44 closed {
        conn: ConnId,
        failure: Option<ConnError>,
        stats: Option<Box<ConnStats>>,
        trace: Option<Box<ConnectTrace>>,
    } => Closed(Closed { conn, error: failure, stats, trace }),
    45 flushed { conn: ConnId, flush: u32 } => Flushed { conn, flush },
    46 path_changed { conn: ConnId, path: Box<PathInfo> } => PathChanged { conn, path },
    47 remote_changed { conn: ConnId } => RemoteChanged { conn },
    48 raw_message { conn: ConnId, data: Bytes } => RawMessage { conn, data },

    50 query_reply { query: QueryId, reply: Box<QueryReply> } => QueryReply { query, reply },
    51 query_done {
        query: QueryId,
        closest: Vec<Closest>,
        tally: Tally,
        outcome: Result<(), QueryError>,
    } => QueryDone { query, closest, tally, result: outcome },
    52 reply { request: RequestId, outcome: Result<Box<QueryReply>, RequestError> }
        => Reply { request, result: outcome },
    53 incoming_request { request: Box<Incoming> } => IncomingRequest(request),
    54 datagram { socket: SocketId, from: SocketAddr, data: Bytes }
        => Datagram { socket, from, data },
    55 copied_datagram { socket: SocketId, from: SocketAddr, data: Bytes }
        => CopiedDatagram { socket, from, data },
} }

/// Messages of at least this many bytes cross in a call of their own, straight into memory of the
/// application: a second copy would cost more than the call.
pub const LARGE: usize = 4096;

/// The head of an event, and the bytes of its message. The message follows its head in the slab,
/// unless it is at least [`LARGE`]. `memory` is used for the head.
pub fn parts(event: &Event, memory: Vec<u8>) -> (Vec<u8>, &[u8]) {
    let mut w = Writer::reusing(memory);
    let message = if let Event::Data { conn, data } = event {
        message(w.u8(DATA), *conn, data)
    } else if let Event::Message { conn, data } = event {
        message(w.u8(MESSAGE), *conn, data)
    } else {
        event.encode(&mut w);
        &[]
    };
    (w.finish(), message)
}

fn message<'a>(w: &mut Writer, conn: ConnId, data: &'a Bytes) -> &'a [u8] {
    w.u32(conn.0).uint(data.len() as u64);
    data
}

/// Row numbers that are written by hand here; a test compares them with the table.
const DATA: u8 = 1;
const MESSAGE: u8 = 2;
