//! The application's choice of the nodes that may enter the routing table.

use std::collections::VecDeque;
use std::net::SocketAddrV4;

use crate::wire::NodeId;
use crate::{AskId, Cx, Question, Timer};

/// Asks the application about each new node, if it wants to choose.
#[derive(Debug)]
pub(super) struct NodeFilter {
    is_set: bool,
    /// The oldest first.
    asked: VecDeque<Asked>,
}

#[derive(Debug)]
struct Asked {
    id: NodeId,
    address: SocketAddrV4,
    tick: u64,
    /// `None` once the application has refused the node.
    ask: Option<AskId>,
}

impl NodeFilter {
    pub(super) fn new(is_set: bool) -> Self {
        Self { is_set, asked: VecDeque::new() }
    }

    pub(super) fn is_set(&self) -> bool {
        self.is_set
    }

    /// Asks about a node. False if the application was asked about it lately, or has too many
    /// questions to answer already. A refused node gives up its place to a new one.
    pub(super) fn ask(
        &mut self,
        cx: &mut Cx<'_>,
        tick: u64,
        id: NodeId,
        address: SocketAddrV4,
    ) -> bool {
        while self.asked.front().is_some_and(|oldest| tick - oldest.tick >= AGAIN_AFTER) {
            self.forget_oldest(cx);
        }
        if self.asked.iter().any(|asked| asked.id == id) {
            return false;
        }
        if self.asked.len() >= MAX_ASKED {
            let Some(refused) = self.asked.iter().position(|asked| asked.ask.is_none()) else {
                return false;
            };
            self.asked.remove(refused);
        }
        let ask = Some(cx.ask(Question::Node { id, address }));
        self.asked.push_back(Asked { id, address, tick, ask });
        true
    }

    /// Takes the answer to a question. Returns the node if it may enter the table.
    pub(super) fn handle_answer(
        &mut self,
        cx: &mut Cx<'_>,
        ask: AskId,
        is_accepted: bool,
    ) -> Option<(NodeId, SocketAddrV4)> {
        let index = self.asked.iter().position(|asked| asked.ask == Some(ask))?;
        cx.timers.cancel(Timer::Ask(ask));
        if !is_accepted {
            self.asked[index].ask = None;
            return None;
        }
        self.asked.remove(index).map(|asked| (asked.id, asked.address))
    }

    /// Waits for no answer any more.
    pub(super) fn clear(&mut self, cx: &mut Cx<'_>) {
        while !self.asked.is_empty() {
            self.forget_oldest(cx);
        }
    }

    fn forget_oldest(&mut self, cx: &mut Cx<'_>) {
        let ask = self.asked.pop_front().and_then(|asked| asked.ask);
        if let Some(ask) = ask {
            cx.timers.cancel(Timer::Ask(ask));
        }
    }
}

/// A node that was refused may be asked about again after a minute.
const AGAIN_AFTER: u64 = 12;

/// More than the nodes that one bootstrap meets. It also bounds the questions under way.
const MAX_ASKED: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Event;
    use crate::tests::bench::Bench;
    use crate::wire::node_id;

    #[test]
    fn a_node_is_asked_about_once_until_it_was_refused_for_a_minute() {
        let mut bench = Bench::new();
        let mut filter = NodeFilter::new(true);
        let (id, at) = (node_id(addr(1)), addr(1));
        assert!(filter.ask(&mut bench.cx(), 5, id, at));
        assert!(!filter.ask(&mut bench.cx(), 5, id, at), "the answer is awaited");
        let first = last_asked(&bench);
        assert_eq!(filter.handle_answer(&mut bench.cx(), first, false), None);
        assert!(!filter.ask(&mut bench.cx(), 16, id, at));
        assert!(filter.ask(&mut bench.cx(), 17, id, at));

        let second = last_asked(&bench);
        assert_eq!(filter.handle_answer(&mut bench.cx(), second, true), Some((id, at)));
        assert_eq!(filter.handle_answer(&mut bench.cx(), second, true), None);
        assert_eq!((filter.asked.len(), bench.timers.len()), (0, 0));
    }

    #[test]
    fn a_crowd_does_not_grow_it() {
        let mut bench = Bench::new();
        let mut filter = NodeFilter::new(true);
        for port in 1..=1000 {
            let is_asked = filter.ask(&mut bench.cx(), 0, node_id(addr(port)), addr(port));
            assert_eq!(is_asked, usize::from(port) <= MAX_ASKED, "{port}");
        }
        assert_eq!((filter.asked.len(), bench.timers.len()), (MAX_ASKED, MAX_ASKED));
        assert_eq!(bench.out.events.len(), MAX_ASKED, "the questions are bounded too");

        // A refused node gives up its place, one whose answer is awaited does not.
        let refused = last_asked(&bench);
        assert_eq!(filter.handle_answer(&mut bench.cx(), refused, false), None);
        assert!(filter.ask(&mut bench.cx(), 0, node_id(addr(2000)), addr(2000)));
        assert!(!filter.ask(&mut bench.cx(), 0, node_id(addr(2001)), addr(2001)));
        assert!(filter.asked.iter().all(|asked| asked.ask.is_some()));
        assert_eq!((filter.asked.len(), bench.timers.len()), (MAX_ASKED, MAX_ASKED));
        filter.clear(&mut bench.cx());
        assert_eq!((filter.asked.len(), bench.timers.len()), (0, 0));
    }

    fn last_asked(bench: &Bench) -> AskId {
        let ask = |event: &Event| {
            let Event::Ask { ask, .. } = event else { return None };
            Some(*ask)
        };
        bench.out.events.iter().filter_map(ask).next_back().expect("a question")
    }

    fn addr(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(std::net::Ipv4Addr::new(1, 2, 3, 4), port)
    }
}
