//! A node's state to the bytes that `lib/native/inspect.js` reads.

use hyperdht::wire::Writer;
use hyperdht::{ConnId, ConnStats, Handle, HealthReport, Live, SocketId, Stats, Traffic};

use crate::encode::{optional, table_node};

/// The names of the numbers in an answer of `answer`, in their order.
pub(crate) fn counter_names(what: u32) -> Vec<&'static str> {
    fn names<T>(counters: Counters<T>) -> Vec<&'static str> {
        counters.iter().map(|(name, _)| *name).collect()
    }
    match what {
        0 => names(STATS),
        1 => names(LIVE),
        6 => names(TRANSPORT),
        15 => names(TRAFFIC),
        _ => Vec::new(),
    }
}

/// Answers a question about the node: 0 statistics, 1 live objects, 3 remote address, 4 id,
/// 5 nodes (at most `argument`), 6 a connection's transport, 7 local address of a
/// socket, 8 firewalled, 9 local host, 10 the routing table (at most `argument` nodes), 11 its id,
/// 12 health, 13 requests in flight, 14 number of records, 15 traffic of a socket, 16 statistics if
/// they have changed since they were told. Nothing if there is no answer, as of a node that has
/// failed.
pub(crate) fn answer(handle: &Handle, what: u32, argument: u32) -> Vec<u8> {
    let mut w = Writer::new();
    write_answer(&mut w, handle, what, argument).map_or_else(Vec::new, |()| w.finish())
}

fn write_answer(w: &mut Writer, handle: &Handle, what: u32, argument: u32) -> Option<()> {
    match what {
        0 => {
            count(w, STATS, &handle.stats()?);
        }
        1 => {
            count(w, LIVE, &handle.read(|node| node.live())?);
        }
        3 => {
            let address = handle.read(|node| node.remote_address())?;
            optional(w, address, |w, a| w.addr4(a));
        }
        4 => optional(w, handle.read(|node| node.id())?, |w, id| w.raw(&id)),
        5 => {
            let nodes = handle.read(|node| node.nodes(argument as usize))?;
            w.list(&nodes, |w, a| {
                w.addr4(*a);
            });
        }
        6 => conn_stats(w, handle.read(|node| node.conn_stats(ConnId(argument)))?),
        7 => optional(w, handle.local_addr(SocketId(argument)), |w, a| w.addr4(a)),
        8 => {
            w.u8(u8::from(handle.read(|node| node.firewalled())?));
        }
        9 => {
            let host = handle.read(|node| node.local_host())?;
            optional(w, host, |w, host| w.raw(&host.octets()));
        }
        10 => {
            let nodes = handle.read(|node| node.table_nodes(argument as usize))?;
            w.list(&nodes, table_node);
        }
        11 => {
            w.raw(&handle.read(|node| node.table_id())?);
        }
        12 => health(w, &handle.read(|node| node.health())?),
        13 => {
            let requests = handle.read(|node| node.inflight())?;
            w.list(&requests, |w, request| {
                w.u16(request.tid).addr4(request.to);
            });
        }
        14 => {
            w.uint(handle.read(|node| node.stored().records)? as u64);
        }
        15 => optional(w, handle.traffic(SocketId(argument)), |w, traffic| {
            count(w, TRAFFIC, &traffic)
        }),
        16 => {
            count(w, STATS, &handle.changed_stats()?);
        }
        _ => return None,
    }
    Some(())
}

fn health(w: &mut Writer, health: &HealthReport) {
    w.u8(u8::from(health.online)).u8(u8::from(health.degraded)).u8(u8::from(health.cold));
    w.uint(health.responses).uint(health.timeouts);
}

fn conn_stats(w: &mut Writer, stats: Option<ConnStats>) {
    optional(w, stats, |w, s| {
        w.raw(&s.rtt.to_le_bytes());
        count(w, TRANSPORT, &s)
    });
}

fn count<'a, T>(w: &'a mut Writer, counters: Counters<T>, of: &T) -> &'a mut Writer {
    for (_, counter) in counters {
        w.uint(counter(of));
    }
    w
}

/// Numbers in the order of the answer, each with the name that `lib/` reads it by.
type Counters<T> = &'static [(&'static str, fn(&T) -> u64)];

/// Named by their places in `dht.stats`.
const STATS: Counters<Stats> = &[
    ("requests.active", |s| s.requests_active),
    ("requests.total", |s| s.requests_total),
    ("requests.responses", |s| s.responses),
    ("requests.timeouts", |s| s.timeouts),
    ("requests.retries", |s| s.retries),
    ("queries.active", |s| s.queries_active),
    ("queries.total", |s| s.queries_total),
    ("punches.consistent", |s| s.punches_consistent),
    ("punches.random", |s| s.punches_random),
    ("punches.open", |s| s.punches_open),
    ("punches.tryLater", |s| s.punches_try_later),
    ("socketPool.socketsAdded", |s| s.pool_sockets_added),
    ("socketPool.socketsRemoved", |s| s.pool_sockets_removed),
    ("dropped.malformed", |s| s.dropped.malformed),
    ("dropped.unexpected", |s| s.dropped.unexpected),
    ("dropped.handshake", |s| s.dropped.handshake),
    ("dropped.admission", |s| s.dropped.admission),
    ("dropped.punch", |s| s.dropped.punch),
    ("dropped.message", |s| s.dropped.message),
    ("dropped.frame", |s| s.dropped.frame),
    ("dropped.udx", |s| s.dropped.udx),
    ("dropped.store", |s| s.dropped.store),
    ("dropped.request", |s| s.dropped.request),
    ("commands.ping.tx", |s| s.commands[0][0]),
    ("commands.ping.rx", |s| s.commands[0][1]),
    ("commands.pingNat.tx", |s| s.commands[1][0]),
    ("commands.pingNat.rx", |s| s.commands[1][1]),
    ("commands.findNode.tx", |s| s.commands[2][0]),
    ("commands.findNode.rx", |s| s.commands[2][1]),
    ("commands.downHint.tx", |s| s.commands[3][0]),
    ("commands.downHint.rx", |s| s.commands[3][1]),
];

const LIVE: Counters<Live> = &[
    ("connections", |l| l.connections as u64),
    ("streams", |l| l.streams as u64),
    ("servers", |l| l.servers as u64),
    ("handshakes", |l| l.handshakes as u64),
    ("punchers", |l| l.punchers as u64),
    ("queries", |l| l.queries as u64),
    ("requests", |l| l.requests as u64),
    ("poolSockets", |l| l.pool_sockets as u64),
    ("timers", |l| l.timers as u64),
];

const TRANSPORT: Counters<ConnStats> = &[
    ("cwnd", |s| s.cwnd),
    ("mtu", |s| s.mtu),
    ("inflight", |s| s.inflight),
    ("retransmits", |s| s.retransmits),
    ("fastRecoveries", |s| s.fast_recoveries),
    ("rtoCount", |s| s.rto_count),
    ("bytesTransmitted", |s| s.bytes_transmitted),
    ("bytesReceived", |s| s.bytes_received),
    ("packetsTransmitted", |s| s.packets_transmitted),
    ("packetsReceived", |s| s.packets_received),
    ("keepAlivesSent", |s| s.keep_alives_sent),
    ("keepAlivesReceived", |s| s.keep_alives_received),
];

const TRAFFIC: Counters<Traffic> = &[
    ("bytesTransmitted", |t| t.bytes_transmitted),
    ("bytesReceived", |t| t.bytes_received),
    ("packetsTransmitted", |t| t.packets_transmitted),
    ("packetsReceived", |t| t.packets_received),
];
