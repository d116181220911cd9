//! The streams of a node by their ids, each with a path or without one.

use std::collections::HashMap;

use super::transport::Transport;
use super::{Parked, RemoteStream, StreamOwner};
use crate::StreamId;

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
}

impl StreamTable {
    /// Adds a stream without a path.
    pub(super) fn reserve(&mut self, id: StreamId, owner: StreamOwner) {
        let (parked, held) = Default::default();
        let reserved = Reserved { owner, peer: None, parked, held };
        self.by_id.insert(id, StreamState::Reserved(reserved));
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
    fn all_connected(&self) -> impl Iterator<Item = &Transport> {
        self.by_id.values().filter_map(|state| match state {
            StreamState::Connected(transport) => Some(&**transport),
            StreamState::Reserved(_) => None,
        })
    }
}
