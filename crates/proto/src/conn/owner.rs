//! The owner of a connection, which gets its reports.

use crate::{ConnId, ConnReport, Cx, MachineId};

/// The owner dialled or accepted the connection. It reads what the connection delivers, and only
/// the owner may change the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnOwner {
    /// The application gets events.
    Application,
    /// The machine gets reports, which `Node` passes on.
    Machine(MachineId),
}

/// A connection and its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnedConn {
    pub(crate) id: ConnId,
    pub(crate) owner: ConnOwner,
}

impl OwnedConn {
    /// Passes a report to the owner, in the order in which things happen.
    pub(crate) fn tell(self, cx: &mut Cx<'_>, report: ConnReport) {
        match self.owner {
            ConnOwner::Application => cx.emit(report.into_event(self.id)),
            ConnOwner::Machine(machine) => cx.report(machine, self.id, report),
        }
    }
}
