//! Sends what the node has to send: several datagrams in one system call, where the system has one
//! for that.

use std::io;

use parking_lot::MutexGuard;
use proto::{Transmit, TransmitBuf};

use super::{Holder, Shared};
use crate::engine::outgoing::Outgoing;
use crate::engine::sockets::Socket;
use crate::engine::state::State;

impl Shared {
    /// Sends what the node has to send; true if it may have more.
    pub(super) fn send(&self, state: &mut MutexGuard<'_, State>, holder: Holder) -> bool {
        if self.flush(state, holder).is_err() {
            return false;
        }
        for _ in 0..holder.sends_per_lock() {
            let Some(transmit) = state.poll_transmit() else {
                // What has no room waits for it.
                let _ = self.flush(state, holder);
                return false;
            };
            if self.post(state, transmit, holder).is_err() {
                return false;
            }
        }
        self.flush(state, holder).is_ok()
    }

    /// Sends the transmit that is in the buffer, or lets it wait for others to leave with. An error
    /// if it waits for room.
    fn post(
        &self,
        state: &mut MutexGuard<'_, State>,
        transmit: Transmit,
        holder: Holder,
    ) -> io::Result<()> {
        let State { buf, outgoing, .. } = &mut **state;
        if Outgoing::takes(&transmit, &buf.data) {
            outgoing.push(transmit, &buf.data);
            return if outgoing.is_full() { self.flush(state, holder) } else { Ok(()) };
        }
        let flushed = self.flush(state, holder);
        let State { buf: TransmitBuf { data, max_segments }, outgoing, .. } = &mut **state;
        let sent = flushed.and_then(|()| self.transmit(max_segments, &transmit, data, holder));
        if sent.is_err() {
            outgoing.push(transmit, data);
        }
        MutexGuard::bump(state);
        sent
    }

    /// Sends all that waits, in order. An error if a socket has no room: the rest goes on waiting.
    fn flush(&self, state: &mut MutexGuard<'_, State>, holder: Holder) -> io::Result<()> {
        while let Some(together) = state.outgoing.first() {
            let sockets = self.sockets.read();
            let socket = sockets.get(&together.socket());
            let (done, sent) = match (socket, holder) {
                (None, _) => (1, Ok(())),
                (Some(socket), Holder::Driver) => socket.send_together_or_arm(&together),
                (Some(socket), Holder::Caller) => socket.send_together(&together),
            };
            let most = socket.map(Socket::max_segments);
            drop(sockets);
            let State { buf, outgoing, .. } = &mut **state;
            outgoing.leave(done);
            // Some network cards turn out to refuse segmentation.
            buf.max_segments = most.map_or(buf.max_segments, |most| most.min(buf.max_segments));
            MutexGuard::bump(state);
            sent?;
        }
        Ok(())
    }

    /// Sends datagrams at once; an error if their socket has no room.
    pub(super) fn transmit(
        &self,
        max_segments: &mut usize,
        transmit: &Transmit,
        data: &[u8],
        holder: Holder,
    ) -> io::Result<()> {
        let sockets = self.sockets.read();
        let Some(socket) = sockets.get(&transmit.socket) else {
            return Ok(());
        };
        let sent = match holder {
            Holder::Driver => socket.send_or_arm(transmit, data),
            Holder::Caller => socket.send(transmit, data),
        };
        // Some network cards turn out to refuse segmentation.
        *max_segments = (*max_segments).min(socket.max_segments());
        sent
    }

    /// Sends the last datagrams of a node, at most one for each connection. A datagram that its
    /// socket has no room for is lost.
    pub(super) fn send_last(&self, state: &mut State) {
        while let Some(together) = state.outgoing.first() {
            let sockets = self.sockets.read();
            let socket = sockets.get(&together.socket());
            let done = socket.map_or(0, |socket| socket.send_together(&together).0);
            drop(sockets);
            state.outgoing.leave(done.max(1));
        }
        while let Some(transmit) = state.poll_transmit() {
            let TransmitBuf { data, max_segments } = &mut state.buf;
            let _ = self.transmit(max_segments, &transmit, data, Holder::Caller);
        }
    }
}

impl Holder {
    /// The most transmits under one lock. The driver has to look at its sockets again soon. A
    /// caller has other work to do, and leaves a window that acknowledgements keep open to the
    /// driver.
    fn sends_per_lock(self) -> usize {
        match self {
            Self::Driver => 32,
            Self::Caller => 16,
        }
    }
}
