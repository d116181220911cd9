//! Sockets and batches, through the real loopback.

mod binding;
mod datagrams;
mod loans;
mod refused;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::ops::Range;
use std::time::{Duration, Instant};

use proto::{MainSockets, SocketId, Transmit};
use tokio::runtime::{Builder, Runtime};

use super::batch::Batch;
use super::bind::{BindRules, Main};
use super::outgoing::Outgoing;
use super::sockets::Sockets;

/// Two sockets of one node.
struct Pair {
    sockets: Sockets,
    client: SocketAddr,
    server: SocketAddr,
    runtime: Runtime,
}

impl Pair {
    fn new() -> Self {
        Self::of(&rules(0..0, true))
    }

    fn of(rules: &BindRules) -> Self {
        let runtime = runtime();
        let main = rules.bind(runtime.handle(), None).unwrap();
        let on_loopback = |at: SocketAddrV4| SocketAddr::from((HOST, at.port()));
        let MainSockets { client, server } = main.addresses();
        let (client, server) = (on_loopback(client), on_loopback(server));
        let sockets = Sockets::new(main.into_array());
        Self { sockets, client, server, runtime }
    }

    /// From the client socket to the server socket.
    fn send(&self, data: &[u8], segment_size: Option<usize>, ttl: Option<u8>) {
        let transmit = self.transmit(segment_size, ttl);
        self.sockets.read()[&SocketId::CLIENT].send(&transmit, data).unwrap();
    }

    /// From the client socket to each of these addresses: so many bytes, divided at a segment size.
    fn send_together(&self, datagrams: &[(SocketAddr, usize, Option<usize>)]) {
        let mut outgoing = Outgoing::default();
        for &(to, bytes, segment_size) in datagrams {
            outgoing.push(Transmit { to, ..self.transmit(segment_size, None) }, &vec![7; bytes]);
        }
        let together = outgoing.first().unwrap();
        let (done, sent) = self.sockets.read()[&SocketId::CLIENT].send_together(&together);
        sent.unwrap();
        assert_eq!(done, datagrams.len());
    }

    fn transmit(&self, segment_size: Option<usize>, ttl: Option<u8>) -> Transmit {
        let (socket, to) = (SocketId::CLIENT, self.server);
        Transmit { socket, to, ttl, segment_size, may_fragment: false }
    }

    fn wait_until_readable(&self) {
        let readable = std::future::poll_fn(|cx| self.sockets.poll_readable(cx));
        self.runtime.block_on(readable);
    }

    /// Waits for so many datagrams; gives all that came.
    fn receive(&self, count: usize) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut batch = Batch::new();
        let mut last = SocketId::CLIENT;
        let mut arrived = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(5);
        self.runtime.block_on(async {
            while arrived.len() < count && Instant::now() < deadline {
                let readable = std::future::poll_fn(|cx| self.sockets.poll_readable(cx));
                let _ = tokio::time::timeout(Duration::from_secs(5), readable).await;
                batch.fill(&self.sockets, &mut last);
                batch.for_each(|run| {
                    arrived.extend(run.datagrams().map(|one| (one.from, one.data.to_vec())));
                });
            }
        });
        arrived
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn bind(runtime: &Runtime, ports: Range<u32>, any_port: bool) -> Main {
    rules(ports, any_port).bind(runtime.handle(), None).unwrap()
}

fn rules(ports: Range<u32>, any_port: bool) -> BindRules {
    BindRules { host: HOST, dual_stack: false, ports, any_port }
}

fn server_port(main: &Main) -> u32 {
    main.addresses().server.port().into()
}

const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
