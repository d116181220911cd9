//! The streams of a node by their ids, each with a path or without one.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::budget::{Budget, Share};
use super::transport::Transport;
use super::{Parked, RemoteStream, StreamOwner};
use crate::wire::dht_address;
use crate::{Cx, StreamId};

/// All streams, reserved or connected.
#[derive(Debug, Default)]
pub(super) struct StreamTable {
    by_id: HashMap<StreamId, StreamState>,
}

#[derive(Debug)]
pub(super) enum StreamState {
    Reserved(Reserved),
    Connected(Box<Transport>),
}

/// A stream that has an id and no path.
#[derive(Debug)]
pub(super) struct Reserved {
    pub(super) owner: StreamOwner,
    /// The peer's end, once the peer may know the id of this one.
    pub(super) peer: Option<RemoteStream>,
    pub(super) parked: Parked,
    /// Packets to forward to the peer, once its address is known.
    pub(super) held: Parked,
    /// The part of the budget for datagrams that are forwarded.
    share: Share,
}

impl Reserved {
    fn new(owner: StreamOwner) -> Self {
        let (parked, held, share) = Default::default();
        Self { owner, peer: None, parked, held, share }
    }

    /// Parks a packet of the peer. False if it is dropped, because the owner makes no path to its
    /// source.
    pub(super) fn park(&mut self, cx: &mut Cx<'_>, from: SocketAddr, data: &[u8]) -> bool {
        let has_path = matches!(self.owner, StreamOwner::Raw(_))
            || dht_address(from).is_some_and(|from| from.port() != 0);
        if has_path {
            self.parked.push(cx, data);
        } else {
            cx.stats.dropped.udx += 1;
        }
        has_path
    }

    /// Keeps a packet that is to be forwarded.
    pub(super) fn hold(&mut self, cx: &mut Cx<'_>, budget: &mut Budget, data: &[u8]) {
        if self.held.bytes() + data.len() > budget.room() {
            cx.stats.dropped.udx += 1;
            return;
        }
        self.held.push(cx, data);
        budget.set(&mut self.share, self.held.bytes());
    }

    /// Takes out what was parked and what was held.
    pub(super) fn take(&mut self, budget: &mut Budget) -> (Parked, Parked) {
        budget.set(&mut self.share, 0);
        (std::mem::take(&mut self.parked), std::mem::take(&mut self.held))
    }
}

impl StreamTable {
    /// Adds a stream without a path.
    pub(super) fn reserve(&mut self, id: StreamId, owner: StreamOwner) {
        self.by_id.insert(id, StreamState::Reserved(Reserved::new(owner)));
    }

    /// Gives a reserved stream its path.
    pub(super) fn connect(&mut self, transport: Transport) {
        self.by_id.insert(transport.id, StreamState::Connected(Box::new(transport)));
    }

    pub(super) fn remove(&mut self, id: StreamId) -> Option<StreamState> {
        self.by_id.remove(&id)
    }

    pub(super) fn get(&self, id: StreamId) -> Option<&StreamState> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: StreamId) -> Option<&mut StreamState> {
        self.by_id.get_mut(&id)
    }

    pub(super) fn contains(&self, id: StreamId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Whether a connection owns the stream.
    pub(super) fn is_of_connection(&self, id: StreamId) -> bool {
        let owner = match self.by_id.get(&id) {
            Some(StreamState::Reserved(reserved)) => reserved.owner,
            Some(StreamState::Connected(transport)) => transport.owner,
            None => return false,
        };
        matches!(owner, StreamOwner::Conn(_))
    }

    pub(super) fn reserved(&self, id: StreamId) -> Option<&Reserved> {
        match self.by_id.get(&id)? {
            StreamState::Reserved(reserved) => Some(reserved),
            StreamState::Connected(_) => None,
        }
    }

    pub(super) fn reserved_mut(&mut self, id: StreamId) -> Option<&mut Reserved> {
        match self.by_id.get_mut(&id)? {
            StreamState::Reserved(reserved) => Some(reserved),
            StreamState::Connected(_) => None,
        }
    }

    pub(super) fn connected(&self, id: StreamId) -> Option<&Transport> {
        match self.by_id.get(&id)? {
            StreamState::Connected(transport) => Some(transport),
            StreamState::Reserved(_) => None,
        }
    }

    pub(super) fn connected_mut(&mut self, id: StreamId) -> Option<&mut Transport> {
        match self.by_id.get_mut(&id)? {
            StreamState::Connected(transport) => Some(transport),
            StreamState::Reserved(_) => None,
        }
    }

    /// The streams without an owner.
    pub(super) fn released(&self) -> Vec<StreamId> {
        let is_released = |transport: &&Transport| transport.owner == StreamOwner::Nobody;
        let all = self.all_connected().filter(is_released);
        let mut released: Vec<StreamId> = all.map(|transport| transport.id).collect();
        released.sort_unstable();
        released
    }

    /// Bytes kept until peers acknowledge them.
    pub(super) fn held(&self) -> usize {
        self.all_connected().map(Transport::held).sum()
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    #[cfg(test)]
    pub(super) fn ids(&self) -> impl Iterator<Item = StreamId> {
        self.by_id.keys().copied()
    }

    /// In no order.
    pub(super) fn all_connected_mut(&mut self) -> impl Iterator<Item = &mut Transport> {
        self.by_id.values_mut().filter_map(|state| match state {
            StreamState::Connected(transport) => Some(&mut **transport),
            StreamState::Reserved(_) => None,
        })
    }

    /// In no order.
    fn all_connected(&self) -> impl Iterator<Item = &Transport> {
        self.by_id.values().filter_map(|state| match state {
            StreamState::Connected(transport) => Some(&**transport),
            StreamState::Reserved(_) => None,
        })
    }
}
