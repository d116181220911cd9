//! What waits for a thread to get the node's lock.

use std::io;
use std::mem;
use std::time::Instant;

use proto::Command;

use super::Shared;
use crate::engine::protect::Unprotected;
use crate::engine::state::State;

/// What came while the lock was taken.
#[derive(Default)]
pub(super) struct Mailbox {
    commands: Vec<Command>,
    /// How many of the commands are unordered messages.
    messages: usize,
    /// Sockets that were held back, and what the program has decided.
    pub(super) answers: Vec<(Unprotected, io::Result<()>)>,
}

impl Mailbox {
    pub(super) fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.answers.is_empty()
    }

    /// Adds commands. Nothing else bounds how many unordered messages a program sends at once, so
    /// those that are too many are lost here, as they would be in the queue of their stream.
    pub(super) fn add(&mut self, commands: impl Iterator<Item = Command>) {
        for command in commands {
            if let Command::SendMessage { .. } | Command::SendRaw { .. } = command {
                if self.messages == MAX_MESSAGES {
                    continue;
                }
                self.messages += 1;
            }
            self.commands.push(command);
        }
    }
}

impl Shared {
    /// Runs what is in the mailbox; true if there was anything.
    pub(super) fn empty_mailbox(&self, state: &mut State) -> bool {
        let Mailbox { commands, answers, .. } = mem::take(&mut *self.mailbox.lock());
        if commands.is_empty() && answers.is_empty() {
            return false;
        }
        for (sockets, outcome) in answers {
            self.handle_answer(state, sockets, outcome);
        }
        let now = Instant::now();
        for command in commands {
            state.core.handle_command(now, command);
        }
        true
    }
}

/// The most unordered messages that wait, four times what a stream keeps.
const MAX_MESSAGES: usize = 4096;

#[cfg(test)]
mod tests {
    use proto::ConnId;

    use super::*;

    #[test]
    fn messages_that_are_too_many_are_lost_and_other_commands_are_not() {
        let conn = ConnId(1);
        let message = |n: usize| Command::SendMessage { conn, data: vec![n as u8].into() };
        let mut mailbox = Mailbox::default();
        mailbox.add((0..MAX_MESSAGES + 10).map(message));
        mailbox.add((0..10).map(|_| Command::Consumed { conn, bytes: 1 }));
        assert_eq!(mailbox.commands.len(), MAX_MESSAGES + 10);
        let first =
            matches!(&mailbox.commands[0], Command::SendMessage { data, .. } if data[0] == 0);
        assert!(first, "the first ones stay");
    }
}
