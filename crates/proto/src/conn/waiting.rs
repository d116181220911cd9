//! A connection before it has a path and keys.

use std::mem::discriminant;
use std::time::Duration;

use bytes::Bytes;

use super::keep_alive::KeepAlive;
use crate::{Question, RawRemote, secret};

/// A request of the owner to its connection or raw stream.
#[derive(Debug)]
pub(crate) enum Call {
    /// Write one message; bytes to a raw stream.
    Write(secret::Message),
    /// Write small messages.
    WriteAll(secret::Messages),
    /// Send one unordered message.
    SendMessage(Bytes),
    /// Send one unordered message without the secret stream.
    SendRaw(Bytes),
    /// Report when the peer has acknowledged everything that was written so far.
    Flush(u32),
    /// End the write side.
    End,
    /// The owner has taken this many bytes of messages.
    Consumed(usize),
    /// Change the keep-alive's interval; zero is off.
    SetKeepAlive(Duration),
    /// Change after how long without a packet the stream sends a heartbeat; zero is never.
    SetHeartbeat(Duration),
    /// Send the packets elsewhere from here on.
    ChangeRemote(RawRemote),
}

/// The calls that wait for the connection to open.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Calls that send something, in order.
    pub(super) calls: Vec<Call>,
    pub(super) keep_alive: KeepAlive,
    /// Questions about the client that the application was not asked, one of each kind.
    pub(super) unasked: Vec<Question>,
}

impl Waiting {
    pub(super) fn new(keep_alive: KeepAlive) -> Self {
        Self { keep_alive, ..Self::default() }
    }

    pub(super) fn handle_call(&mut self, call: Call) {
        match call {
            Call::Write(_)
            | Call::WriteAll(_)
            | Call::SendMessage(_)
            | Call::SendRaw(_)
            | Call::Flush(_)
            | Call::End
            | Call::SetHeartbeat(_) => self.calls.push(call),
            Call::SetKeepAlive(interval) => self.keep_alive.set(interval),
            // Nothing has been delivered yet, and there is no path to leave.
            Call::Consumed(_) | Call::ChangeRemote(_) => {}
        }
    }

    /// A later question replaces an earlier one of the same kind.
    pub(super) fn leave_unasked(&mut self, question: Question) {
        self.unasked.retain(|other| discriminant(other) != discriminant(&question));
        self.unasked.push(question);
    }
}
