//! Whom a connection reports to.

use crate::{ConnId, ConnReport, Cx, MachineId};

/// Who dialled or accepted a connection, reads what it delivers, and alone may change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnOwner {
    /// It gets events.
    Application,
    /// It gets reports, which `Node` passes on.
    Machine(MachineId),
}

/// A connection and its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnedConn {
    pub(crate) id: ConnId,
    pub(crate) owner: ConnOwner,
}

impl OwnedConn {
    /// Tells the owner what the connection reports, in the order in which things happen.
    pub(crate) fn tell(self, cx: &mut Cx<'_>, report: ConnReport) {
        match self.owner {
            ConnOwner::Application => cx.emit(report.into_event(self.id)),
            ConnOwner::Machine(machine) => cx.report(machine, self.id, report),
        }
    }
}
