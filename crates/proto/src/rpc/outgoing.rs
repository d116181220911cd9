//! A request as it goes out.

use std::net::SocketAddrV4;
use std::time::Duration;

use crate::wire::NodeId;
use crate::{Cx, SocketId};

/// A request that is ready to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// From [`super::Requests::next_tid`].
    pub(crate) tid: u16,
    pub(crate) to: SocketAddrV4,
    pub(crate) to_id: Option<NodeId>,
    pub(crate) socket: SocketId,
    pub(crate) ttl: Option<u8>,
    pub(crate) internal: bool,
    pub(crate) command: u64,
    /// The encoded request. Every try sends the same bytes.
    pub(crate) packet: Vec<u8>,
    /// Its counter in the statistics, if it has one.
    pub(crate) counter: Option<usize>,
    pub(crate) retries: u32,
    /// The timeout of each try. `None`: the retransmission policy decides.
    pub(crate) wait: Option<Duration>,
    /// Whether the first try bypasses the window.
    pub(crate) force: bool,
}

impl Outgoing {
    pub(super) fn send(&self, cx: &mut Cx<'_>) {
        match self.ttl {
            Some(ttl) => cx.send_with_ttl(self.socket, self.to, ttl, self.packet.clone()),
            None => cx.send(self.socket, self.to, self.packet.clone()),
        }
    }
}
