//! What the application is asked before a puncher goes to work.

use super::Puncher;
use crate::wire::Firewall;
use crate::{ConnId, Question, ServerId};

impl Puncher {
    /// What the application is asked before we punch.
    pub(crate) fn question(&self, server: Option<ServerId>, conn: Option<ConnId>) -> Question {
        Question::Holepunch {
            server,
            conn,
            remote_firewall: number(self.remote.firewall()),
            local_firewall: number(self.nat.firewall()),
            remote_addresses: self.remote.addresses().to_vec(),
            local_addresses: self.nat.counted(),
        }
    }
}

/// Numbers that no version knows are RANDOM to every version.
fn number(firewall: Firewall) -> u8 {
    u64::from(firewall).try_into().unwrap_or(u8::MAX)
}
