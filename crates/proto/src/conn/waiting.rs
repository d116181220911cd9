//! A connection before it has a path and keys.

use std::mem::discriminant;
use std::time::Duration;

use bytes::Bytes;

use super::keep_alive::KeepAlive;
use crate::{Question, secret};

/// What the owner wants of a connection.
#[derive(Debug)]
pub(crate) enum Call {
    /// Write one message.
    Write(secret::Message),
    /// Send one unordered message.
    SendMessage(Bytes),
    /// Tell when all that was written so far is acknowledged.
    Flush(u32),
    /// End the write side.
    End,
    /// The owner has taken this many bytes of messages.
    Consumed(usize),
    /// Change the keep-alive's interval; zero is off.
    SetKeepAlive(Duration),
}

/// What has been asked for so far.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// What is to be sent, in order.
    pub(super) calls: Vec<Call>,
    pub(super) keep_alive: KeepAlive,
    /// What the application was not asked about the client: one question of each kind.
    pub(super) unasked: Vec<Question>,
}

impl Waiting {
    pub(super) fn new(keep_alive: KeepAlive) -> Self {
        Self { keep_alive, ..Self::default() }
    }

    pub(super) fn handle_call(&mut self, call: Call) {
        match call {
            Call::Write(_) | Call::SendMessage(_) | Call::Flush(_) | Call::End => {
                self.calls.push(call);
            }
            Call::SetKeepAlive(interval) => self.keep_alive.set(interval),
            // Nothing has been delivered.
            Call::Consumed(_) => {}
        }
    }

    /// A question that comes again takes the place of the first one.
    pub(super) fn leave_unasked(&mut self, question: Question) {
        self.unasked.retain(|other| discriminant(other) != discriminant(&question));
        self.unasked.push(question);
    }
}
