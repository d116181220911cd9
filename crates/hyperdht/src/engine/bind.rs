//! Where the sockets of a node are bound.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::ops::Range;

use proto::{MainSockets, SocketId};
use tokio::runtime::Handle;

use super::borrowed::BorrowedSocket;
use super::descriptors::Claim;
use super::options::SocketOptions;
use super::sockets::Socket;

/// Where the sockets of a node may be bound, see [`super::OpenOptions`].
#[derive(Clone, Debug)]
pub(super) struct BindRules {
    pub(super) host: Ipv4Addr,
    pub(super) dual_stack: bool,
    pub(super) ports: Range<u32>,
    pub(super) any_port: bool,
}

/// The sockets that a node always has, unless it sleeps.
#[derive(Debug)]
pub(super) struct Main {
    client: Socket,
    server: Socket,
}

impl BindRules {
    /// Binds both main sockets by the port rules of the reference (PROTOCOL B.1), at their
    /// addresses before if those are free.
    pub(super) fn bind(&self, runtime: &Handle, before: Option<MainSockets>) -> io::Result<Main> {
        let server = self.bind_server(runtime, before.map(|main| main.server))?;
        let client = match before.map(|main| self.bind_port(runtime, main.client.port())) {
            Some(Ok(socket)) => socket,
            Some(Err(_)) | None => self.bind_port(runtime, 0)?,
        };
        Ok(Main { client, server })
    }

    /// Binds a pool socket, if the nodes of this process may have one more.
    pub(super) fn bind_pool(&self, runtime: &Handle, for_client: bool) -> io::Result<Socket> {
        let claim = Claim::take(for_client).ok_or(io::ErrorKind::QuotaExceeded)?;
        Socket::bind(runtime, self.address(0), SocketOptions::default(), claim)
    }

    fn bind_server(&self, runtime: &Handle, before: Option<SocketAddrV4>) -> io::Result<Socket> {
        let ports = self.ports.clone().filter_map(|port| u16::try_from(port).ok());
        let ports = before.map(|address| address.port()).into_iter().chain(ports);
        for port in ports {
            match self.bind_port(runtime, port) {
                Err(error) if !self.any_port => return Err(error),
                Err(error) => tracing::debug!(%error, port, "a port is occupied"),
                Ok(socket) => return Ok(socket),
            }
        }
        self.bind_port(runtime, 0)
    }

    /// Binds one socket; 0 is any port.
    fn bind_port(&self, runtime: &Handle, port: u16) -> io::Result<Socket> {
        Socket::bind(runtime, self.address(port), SocketOptions::default(), Claim::of_main())
    }

    fn address(&self, port: u16) -> SocketAddr {
        match self.dual_stack {
            true => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            false => SocketAddr::from((self.host, port)),
        }
    }
}

impl Main {
    pub(super) fn addresses(&self) -> MainSockets {
        MainSockets { client: self.client.local(), server: self.server.local() }
    }

    /// The sockets, as the program's hook gets them.
    pub(super) fn sockets(&self) -> [BorrowedSocket<'_>; 2] {
        [self.client.borrow(), self.server.borrow()]
    }

    /// The most datagrams in one send, on either socket.
    pub(super) fn max_segments(&self) -> usize {
        self.client.max_segments().min(self.server.max_segments())
    }

    pub(super) fn into_array(self) -> [(SocketId, Socket); 2] {
        [(SocketId::CLIENT, self.client), (SocketId::SERVER, self.server)]
    }
}
