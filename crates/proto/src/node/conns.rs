//! Connecting and open connections, for their owners.

use std::net::SocketAddrV4;

use super::machines::Machines;
use super::residents::{Machine, Stack};
use crate::conn::{Call, ConnOwner, OwnedConn};
use crate::noise::PublicKey;
use crate::relay::PairingReport;
use crate::streams::Path;
use crate::{
    ConnId, ConnReport, ConnectError, ConnectOptions, ConnectTrace, Cx, MachineId, ServerId,
    SocketId,
};

impl Machines {
    /// Starts to connect, for any owner.
    pub(super) fn connect(
        &mut self,
        cx: &mut Cx<'_>,
        conn: OwnedConn,
        remote: PublicKey,
        options: ConnectOptions,
    ) {
        if let Some(reason) = self.refuses_to_connect() {
            let trace = Box::new(ConnectTrace::refused(reason));
            return conn.tell(cx, ConnReport::unopened(Some(trace)));
        }
        let (base, router) = (&mut self.lower.base(), &mut self.store.router);
        self.connector.connect(cx, base, router, conn, remote, options);
    }

    pub(super) fn destroy_conn(&mut self, cx: &mut Cx<'_>, caller: ConnOwner, conn: ConnId) {
        if self.lower.owns_raw(caller, conn) {
            return self.lower.raws.destroy(cx, &mut self.lower.streams, conn);
        }
        if !self.lower.conns.owns(caller, conn) {
            return;
        }
        if self.lower.conns.destroy(cx, &mut self.lower.streams, conn) {
            self.connector.handle_closed(cx, &mut self.lower.base(), conn);
        }
    }

    /// A packet has come for a connection without a path, or over another path than that through a
    /// relay.
    pub(super) fn handle_first_packet(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        socket: SocketId,
        from: SocketAddrV4,
    ) {
        let base = &mut self.lower.base();
        match base.io.conns.server_of(conn) {
            Some(_) => self.servers.handle_first_packet(cx, base, conn, socket, from),
            None => self.connector.handle_first_packet(cx, base, conn, socket, from),
        }
    }

    /// Opens a connection of the application on a path, while its attempt looks for a better one.
    pub(super) fn open_on(&mut self, cx: &mut Cx<'_>, conn: ConnId, path: Path) {
        if self.lower.conns.owns(ConnOwner::Application, conn) {
            self.connector.open_on(cx, &mut self.lower.base(), conn, path);
        }
    }

    /// Ends the attempts of connections that have opened and closed.
    pub(super) fn settle_closed(&mut self, cx: &mut Cx<'_>) {
        for conn in self.lower.conns.take_closed() {
            let base = &mut self.lower.base();
            self.connector.handle_closed(cx, base, conn);
            self.servers.handle_closed(cx, base, conn);
            base.pairings.release(cx, &mut base.io, conn);
        }
    }

    /// Dials blind relays, and tells attempts and servers of pairings. True if there was anything
    /// to do.
    pub(super) fn settle_pairings(&mut self, cx: &mut Cx<'_>) -> bool {
        let mut is_busy = false;
        while let Some(dial) = self.lower.pairings.poll_dial() {
            let options =
                ConnectOptions { keep_alive: Some(dial.keep_alive), ..ConnectOptions::default() };
            let owner = ConnOwner::Machine(MachineId::PAIRINGS);
            let conn = self.dial(cx, owner, dial.key, options).ok();
            let (pairings, mut io) = self.lower.pairings();
            pairings.handle_dialled(cx, &mut io, dial.relay, conn);
            is_busy = true;
        }
        while let Some(PairingReport { conn, outcome }) = self.lower.pairings.poll_report() {
            let base = &mut self.lower.base();
            match base.io.conns.server_of(conn) {
                Some(_) => self.servers.handle_pairing(cx, base, conn, outcome),
                None => self.connector.handle_pairing(cx, base, conn, outcome),
            }
            is_busy = true;
        }
        is_busy
    }

    /// Adds a machine of the embedder, and starts it.
    pub(super) fn add_resident(&mut self, cx: &mut Cx<'_>, machine: Box<dyn Machine>) -> MachineId {
        let mut resident = self.residents.admit(machine);
        let id = resident.id();
        resident.start(cx, self);
        self.residents.put(resident);
        id
    }
}

impl Stack for Machines {
    fn dial(
        &mut self,
        cx: &mut Cx<'_>,
        owner: ConnOwner,
        remote: PublicKey,
        options: ConnectOptions,
    ) -> Result<ConnId, ConnectError> {
        if let Some(reason) = self.refuses_to_connect() {
            return Err(reason.error());
        }
        let id = self.lower.conns.new_id();
        self.connect(cx, OwnedConn { id, owner }, remote, options);
        Ok(id)
    }

    fn accept_from(&mut self, owner: ConnOwner, server: ServerId) -> bool {
        self.servers.set_owner(server, owner)
    }

    fn call(&mut self, cx: &mut Cx<'_>, caller: ConnOwner, conn: ConnId, call: Call) {
        self.lower.call(cx, caller, conn, call);
    }

    fn change_path(&mut self, cx: &mut Cx<'_>, caller: ConnOwner, conn: ConnId, path: Path) {
        if self.lower.conns.owns(caller, conn) {
            self.lower.base().io.change_path(cx, conn, path.into(), None);
        }
    }

    fn destroy(&mut self, cx: &mut Cx<'_>, caller: ConnOwner, conn: ConnId) {
        self.destroy_conn(cx, caller, conn);
    }
}
