//! Sleep: nothing leaves and nothing arrives, until the sockets are bound again (PROTOCOL B.12).
//!
//! Requests that are made meanwhile wait as long as others do, and fail when that has passed. Those
//! that are left when the node wakes begin anew.

use super::Output;
use super::machine::Net;
use super::requests::Purpose;
use crate::timers::NetTimer;
use crate::{Cx, RequestError, Timer};

impl Net {
    /// Ends what runs: every owner is told. A query ends with the replies that it has.
    pub(crate) fn suspend(&mut self, cx: &mut Cx<'_>) {
        self.asleep = true;
        self.requests.mute();
        while let Some(key) = self.queries.keys().next().copied() {
            self.end_suspended(cx, key);
        }
        for landed in self.requests.clear(cx) {
            match landed.purpose {
                Purpose::Owner(owner) => {
                    let result = Err(RequestError::Suspended);
                    self.outputs.push_back(Output::Reply { owner, result });
                }
                Purpose::Probe => self.handle_pong(cx, landed.key, None),
                Purpose::Suggested(place) => self.forget_place(cx, place),
                // That there was no answer says nothing about these nodes.
                Purpose::Check { .. } | Purpose::Swap { .. } => {}
                // Queries have taken theirs along.
                Purpose::Query(_) | Purpose::Commit(_) => {}
                Purpose::QuickTest | Purpose::Hint => {}
            }
        }
        self.upkeep.clear();
        self.delayed.clear();
        cx.timers.cancel(Timer::Net(NetTimer::Tick));
        cx.timers.cancel(Timer::Net(NetTimer::DelayedPing));
    }

    /// The sockets are bound again, the server socket to this port.
    pub(crate) fn resume(&mut self, cx: &mut Cx<'_>, server_port: u16) {
        self.asleep = false;
        self.server_port = server_port;
        self.handle_wakeup(cx);
        self.restart_clock(cx);
        self.requests.unmute(cx);
        self.set_drain(cx);
        self.refresh(cx);
    }

    /// The machine slept, which no tick shows.
    pub(crate) fn handle_machine_slept(&mut self, cx: &mut Cx<'_>) {
        if !self.destroyed && !self.asleep {
            self.handle_wakeup(cx);
        }
    }
}
