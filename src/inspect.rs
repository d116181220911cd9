//! A node's state to the bytes that `lib/inspect.js` reads.

use hyperdht::wire::Writer;
use hyperdht::{ConnId, ConnStats, Handle, HealthReport, Live, SocketId, Stats};

use crate::encode::{optional, table_node};

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
        0 => stats(w, &handle.stats()?),
        1 => live(w, &handle.read(|node| node.live())?),
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
            w.uint(traffic.bytes_transmitted)
                .uint(traffic.bytes_received)
                .uint(traffic.packets_transmitted)
                .uint(traffic.packets_received)
        }),
        16 => stats(w, &handle.changed_stats()?),
        _ => return None,
    }
    Some(())
}

fn stats(w: &mut Writer, s: &Stats) {
    let d = &s.dropped;
    for n in [
        s.requests_active,
        s.requests_total,
        s.responses,
        s.timeouts,
        s.retries,
        s.queries_active,
        s.queries_total,
        s.punches_consistent,
        s.punches_random,
        s.punches_open,
        s.pool_sockets_added,
        s.pool_sockets_removed,
        d.malformed,
        d.unexpected,
        d.handshake,
        d.admission,
        d.punch,
        d.message,
        d.frame,
        d.udx,
        d.store,
        d.request,
    ] {
        w.uint(n);
    }
    for n in s.commands.iter().flatten() {
        w.uint(*n);
    }
}

fn live(w: &mut Writer, live: &Live) {
    for n in [
        live.connections,
        live.streams,
        live.servers,
        live.handshakes,
        live.punchers,
        live.queries,
        live.requests,
        live.pool_sockets,
        live.timers,
    ] {
        w.uint(n as u64);
    }
}

fn health(w: &mut Writer, health: &HealthReport) {
    w.u8(u8::from(health.online)).u8(u8::from(health.degraded)).u8(u8::from(health.cold));
    w.uint(health.responses).uint(health.timeouts);
}

fn conn_stats(w: &mut Writer, stats: Option<ConnStats>) {
    optional(w, stats, |w, s| {
        w.raw(&s.rtt.to_le_bytes());
        for n in [
            s.cwnd,
            s.mtu,
            s.inflight,
            s.retransmits,
            s.fast_recoveries,
            s.rto_count,
            s.bytes_transmitted,
            s.bytes_received,
            s.packets_transmitted,
            s.packets_received,
            s.keep_alives_sent,
            s.keep_alives_received,
        ] {
            w.uint(n);
        }
        w
    });
}
