//! The question to the application before a puncher starts to punch.

use super::Puncher;
use crate::wire::Firewall;
use crate::{ConnId, Question, ServerId};

impl Puncher {
    /// The question for the application, with what is known about both NATs.
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

/// A number above 255 has no meaning in any version; all versions treat it as RANDOM.
fn number(firewall: Firewall) -> u8 {
    u64::from(firewall).try_into().unwrap_or(u8::MAX)
}
