//! Machines that the embedder adds to a node, and what they can do.
//!
//! A resident machine owns connections as the application does, but lives inside the node. Reports
//! of its connections reach it in the same call, before the next input.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::SocketAddrV4;

use bytes::Bytes;

use crate::conn::{Call, ConnOwner};
use crate::noise::PublicKey;
use crate::secret::Message;
use crate::streams::Path;
use crate::{
    ConnId, ConnReport, ConnectError, ConnectOptions, Cx, Foreign, MachineId, ServerId, SocketId,
};

/// A protocol that runs inside a node, on connections of its own, without the application: a relay,
/// for example. It holds no clock, no socket and no lock, like the node itself.
pub trait Machine: Debug + Send {
    /// The node has added the machine.
    fn start(&mut self, io: &mut MachineIo<'_>);

    /// One of the machine's connections reports. The node passes reports on until none are left, so
    /// a machine that dials again at once after every failure may keep the node busy for ever.
    fn handle_report(&mut self, io: &mut MachineIo<'_>, conn: ConnId, report: ConnReport);
}

/// The calls that a machine can make, borrowed for one call of the machine.
#[derive(Debug)]
pub struct MachineIo<'a> {
    id: MachineId,
    cx: Cx<'a>,
    stack: &'a mut dyn Stack,
}

/// The part of the node that residents may use.
pub(super) trait Stack: Debug {
    /// Dials, with an id that the node chooses. An error if nothing new may start.
    fn dial(
        &mut self,
        cx: &mut Cx<'_>,
        owner: ConnOwner,
        remote: PublicKey,
        options: ConnectOptions,
    ) -> Result<ConnId, ConnectError>;

    /// Changes the owner of the connections that a server accepts. False if there is no such
    /// server.
    fn accept_from(&mut self, owner: ConnOwner, server: ServerId) -> bool;

    /// Passes a call on, if the caller owns the connection.
    fn call(&mut self, cx: &mut Cx<'_>, caller: ConnOwner, conn: ConnId, call: Call);

    /// Moves a connection to another path, if the caller owns it.
    fn change_path(&mut self, cx: &mut Cx<'_>, caller: ConnOwner, conn: ConnId, path: Path);

    /// Tears a connection down, if the caller owns it.
    fn destroy(&mut self, cx: &mut Cx<'_>, caller: ConnOwner, conn: ConnId);
}

/// The machines that the embedder has added.
#[derive(Debug, Default)]
pub(super) struct Residents {
    by_id: BTreeMap<MachineId, Box<dyn Machine>>,
    next_id: u32,
}

/// A machine that has been taken out of the table, so that it can be lent the node.
#[derive(Debug)]
pub(super) struct Resident {
    id: MachineId,
    machine: Box<dyn Machine>,
}

impl MachineIo<'_> {
    /// The id of the machine in this node.
    pub fn id(&self) -> MachineId {
        self.id
    }

    /// Dials a server, with the node's key pair unless the options name another one. The
    /// application is not asked about punching, and makes no part of the encryption. Fails while the
    /// node sleeps, and after its end.
    pub fn connect(
        &mut self,
        remote: PublicKey,
        options: ConnectOptions,
    ) -> Result<ConnId, ConnectError> {
        let foreign = Foreign::Nothing;
        let options = ConnectOptions { ask_holepunch: false, foreign, ..options };
        let owner = self.owner();
        self.stack.dial(&mut self.cx, owner, remote, options)
    }

    /// Makes this machine the owner of the connections that the server accepts from here on. The
    /// server itself still belongs to the application. False if there is no such server.
    pub fn accept_from(&mut self, server: ServerId) -> bool {
        let owner = self.owner();
        self.stack.accept_from(owner, server)
    }

    /// Writes one message, or queues it until the connection opens.
    pub fn write(&mut self, conn: ConnId, data: Message) {
        self.call(conn, Call::Write(data));
    }

    /// Sends one unordered message, or queues it until the connection opens.
    pub fn send_message(&mut self, conn: ConnId, data: Bytes) {
        self.call(conn, Call::SendMessage(data));
    }

    /// Asks for [`ConnReport::Flushed`] once everything written so far is acknowledged.
    pub fn flush(&mut self, conn: ConnId, flush: u32) {
        self.call(conn, Call::Flush(flush));
    }

    /// Reports that the machine has consumed this many bytes of messages, so that the peer may send
    /// more.
    pub fn consumed(&mut self, conn: ConnId, bytes: usize) {
        self.call(conn, Call::Consumed(bytes));
    }

    /// Sends the packets of an open connection over another path, which is then validated. Does
    /// nothing if the node does not hold the socket.
    pub fn change_path(&mut self, conn: ConnId, socket: SocketId, remote: SocketAddrV4) {
        let owner = self.owner();
        self.stack.change_path(&mut self.cx, owner, conn, Path::to_peer(socket, remote));
    }

    /// Ends the write side.
    pub fn end(&mut self, conn: ConnId) {
        self.call(conn, Call::End);
    }

    /// Tears a connection down. [`ConnReport::Closed`] follows.
    pub fn destroy(&mut self, conn: ConnId) {
        let owner = self.owner();
        self.stack.destroy(&mut self.cx, owner, conn);
    }

    fn call(&mut self, conn: ConnId, call: Call) {
        let owner = self.owner();
        self.stack.call(&mut self.cx, owner, conn, call);
    }

    fn owner(&self) -> ConnOwner {
        ConnOwner::Machine(self.id)
    }
}

impl Residents {
    /// A machine with a new id.
    pub(super) fn admit(&mut self, machine: Box<dyn Machine>) -> Resident {
        let id = MachineId(self.next_id);
        self.next_id += 1;
        Resident { id, machine }
    }

    pub(super) fn take(&mut self, id: MachineId) -> Option<Resident> {
        self.by_id.remove(&id).map(|machine| Resident { id, machine })
    }

    pub(super) fn put(&mut self, resident: Resident) {
        self.by_id.insert(resident.id, resident.machine);
    }
}

impl Resident {
    pub(super) fn id(&self) -> MachineId {
        self.id
    }

    pub(super) fn start(&mut self, cx: &mut Cx<'_>, stack: &mut dyn Stack) {
        let id = self.id;
        self.machine.start(&mut MachineIo { id, cx: cx.reborrow(), stack });
    }

    pub(super) fn handle_report(
        &mut self,
        cx: &mut Cx<'_>,
        stack: &mut dyn Stack,
        conn: ConnId,
        report: ConnReport,
    ) {
        let mut io = MachineIo { id: self.id, cx: cx.reborrow(), stack };
        self.machine.handle_report(&mut io, conn, report);
    }
}
