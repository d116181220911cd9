//! Requests and datagrams of other nodes that the application wants to get as events.

use std::collections::VecDeque;
use std::net::{SocketAddr, SocketAddrV4};

use bytes::Bytes;

use crate::wire::command;
use crate::{Cx, Event, Incoming, Interests, SocketId};

/// Passes on what the application has subscribed to, as long as it keeps up.
#[derive(Debug, Default)]
pub(super) struct InboundSubscription {
    interests: Interests,
    /// The sizes of the events that the application has not taken yet, in order.
    untaken: VecDeque<usize>,
    untaken_bytes: usize,
}

impl InboundSubscription {
    /// Replaces the application's subscription.
    pub(super) fn subscribe(&mut self, interests: Interests) {
        self.interests = interests;
    }

    /// Passes a request to the application, or returns it if the application has not subscribed to
    /// it.
    pub(super) fn take_request(
        &mut self,
        cx: &mut Cx<'_>,
        incoming: Incoming,
        is_persistent: bool,
    ) -> Option<Incoming> {
        let Interests { unknown, requests, plugins, .. } = self.interests;
        let wanted = requests
            || (unknown && incoming.command > command::PLUGIN)
            || (plugins && is_persistent && incoming.command == command::PLUGIN);
        if !wanted {
            return Some(incoming);
        }
        let size = incoming.value.as_ref().map_or(0, Bytes::len);
        if self.admit(cx, size) {
            cx.emit(Event::IncomingRequest(Box::new(incoming)));
        }
        None
    }

    /// Passes a datagram to the application. False if it has not subscribed to it. As in the
    /// reference, datagrams at the two main sockets are never passed on.
    pub(super) fn take_datagram(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddrV4,
        data: &[u8],
    ) -> bool {
        if !self.interests.datagrams || socket.0 < SocketId::FIRST_POOL {
            return false;
        }
        self.pass_datagram(cx, socket, from.into(), data);
        true
    }

    /// Passes a datagram of a socket of the application to it.
    pub(super) fn pass_datagram(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddr,
        data: &[u8],
    ) {
        if self.admit(cx, data.len()) {
            cx.emit(Event::Datagram { socket, from, data: Bytes::copy_from_slice(data) });
        }
    }

    /// Gives the application a copy of a datagram of the node, if it has subscribed to copies.
    pub(super) fn copy_datagram(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddr,
        data: &[u8],
    ) {
        if self.interests.copies && self.admit(cx, data.len()) {
            cx.emit(Event::CopiedDatagram { socket, from, data: Bytes::copy_from_slice(data) });
        }
    }

    /// The application has taken this many events.
    pub(super) fn handle_taken(&mut self, events: usize) {
        for size in self.untaken.drain(..events.min(self.untaken.len())) {
            self.untaken_bytes -= size;
        }
    }

    /// False if the queue is full. A request that waits in a full queue would be answered too late.
    fn admit(&mut self, cx: &mut Cx<'_>, size: usize) -> bool {
        if self.untaken.len() >= MAX_UNTAKEN || self.untaken_bytes + size > MAX_UNTAKEN_BYTES {
            cx.stats.dropped.request += 1;
            return false;
        }
        self.untaken.push_back(size);
        self.untaken_bytes += size;
        true
    }
}

/// As many as the socket's own buffer holds when a process is busy.
const MAX_UNTAKEN: usize = 1024;

/// 2 MiB: enough for 1024 requests with the largest values that fit into an unfragmented datagram.
const MAX_UNTAKEN_BYTES: usize = 2 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::tests::bench::Bench;

    #[test]
    fn nothing_is_told_that_nobody_asked_for() {
        let (mut bench, mut subscription) = (Bench::new(), InboundSubscription::default());
        assert!(!tells(&mut bench, &mut subscription, USER, true));
        assert!(!subscription.take_datagram(&mut bench.cx(), POOL, FROM, b"datagram"));

        subscription.subscribe(Interests { unknown: true, ..Interests::default() });
        assert!(tells(&mut bench, &mut subscription, USER, false));
        assert!(!tells(&mut bench, &mut subscription, command::LOOKUP, true));
        assert!(!tells(&mut bench, &mut subscription, command::PLUGIN, true));

        subscription.subscribe(Interests::default());
        assert!(!tells(&mut bench, &mut subscription, USER, true));
        assert_eq!(bench.out.events.len(), 1);
    }

    #[test]
    fn plugins_are_asked_while_the_node_is_persistent() {
        let (mut bench, mut subscription) = (Bench::new(), InboundSubscription::default());
        subscription.subscribe(Interests { plugins: true, ..Interests::default() });
        assert!(!tells(&mut bench, &mut subscription, command::PLUGIN, false));
        assert!(tells(&mut bench, &mut subscription, command::PLUGIN, true));
        assert!(!tells(&mut bench, &mut subscription, command::LOOKUP, true));
    }

    #[test]
    fn an_application_that_does_not_keep_up_is_told_no_more() {
        let (mut bench, mut subscription) = (Bench::new(), InboundSubscription::default());
        subscription.subscribe(Interests { requests: true, ..Interests::default() });
        for _ in 0..MAX_UNTAKEN + 5 {
            assert!(tells(&mut bench, &mut subscription, USER, false));
        }
        assert_eq!(bench.out.events.len(), MAX_UNTAKEN);
        assert_eq!(bench.stats.dropped.request, 5);

        subscription.handle_taken(2);
        for _ in 0..3 {
            tells(&mut bench, &mut subscription, USER, false);
        }
        assert_eq!(bench.out.events.len(), MAX_UNTAKEN + 2);
        assert_eq!(bench.stats.dropped.request, 6);
    }

    #[test]
    fn large_values_count_by_their_size() {
        let (mut bench, mut subscription) = (Bench::new(), InboundSubscription::default());
        subscription.subscribe(Interests { datagrams: true, ..Interests::default() });
        let large = vec![7; MAX_UNTAKEN_BYTES / 2];
        for _ in 0..3 {
            assert!(subscription.take_datagram(&mut bench.cx(), POOL, FROM, &large));
        }
        assert_eq!(bench.out.events.len(), 2);

        subscription.handle_taken(1);
        subscription.take_datagram(&mut bench.cx(), POOL, FROM, &large);
        assert_eq!((bench.out.events.len(), bench.stats.dropped.request), (3, 1));
    }

    #[test]
    fn more_may_be_taken_than_was_told() {
        let (mut bench, mut subscription) = (Bench::new(), InboundSubscription::default());
        subscription.handle_taken(usize::MAX);
        subscription.subscribe(Interests { requests: true, ..Interests::default() });
        tells(&mut bench, &mut subscription, USER, false);
        subscription.handle_taken(9);
        assert_eq!((subscription.untaken.len(), subscription.untaken_bytes), (0, 0));
    }

    #[test]
    fn datagrams_of_the_main_sockets_are_not_told() {
        let (mut bench, mut subscription) = (Bench::new(), InboundSubscription::default());
        subscription.subscribe(Interests { datagrams: true, ..Interests::default() });
        for socket in [SocketId::CLIENT, SocketId::SERVER] {
            assert!(!subscription.take_datagram(&mut bench.cx(), socket, FROM, b"datagram"));
        }
        assert!(subscription.take_datagram(&mut bench.cx(), POOL, FROM, b"datagram"));
    }

    #[test]
    fn copies_are_bounded_as_well() {
        let (mut bench, mut subscription) = (Bench::new(), InboundSubscription::default());
        subscription.copy_datagram(&mut bench.cx(), SocketId::CLIENT, FROM.into(), b"datagram");
        assert_eq!(bench.out.events.len(), 0);

        subscription.subscribe(Interests { copies: true, ..Interests::default() });
        let large = vec![7; MAX_UNTAKEN_BYTES / 2];
        for socket in [SocketId::CLIENT, SocketId::SERVER, POOL] {
            subscription.copy_datagram(&mut bench.cx(), socket, FROM.into(), &large);
        }
        assert_eq!((bench.out.events.len(), bench.stats.dropped.request), (2, 1));
    }

    fn tells(
        bench: &mut Bench,
        subscription: &mut InboundSubscription,
        command: u64,
        is_persistent: bool,
    ) -> bool {
        let incoming = Incoming {
            from: FROM,
            from_id: None,
            to: FROM,
            socket: SocketId::SERVER,
            tid: 1,
            command,
            target: None,
            token: None,
            value: Some(Bytes::from_static(b"value")),
        };
        subscription.take_request(&mut bench.cx(), incoming, is_persistent).is_none()
    }

    const USER: u64 = 99;
    const POOL: SocketId = SocketId(SocketId::FIRST_POOL);
    const FROM: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1);
}
