//! Delivers the events of a node to the futures and streams that wait for them.

use std::collections::{HashMap, VecDeque};
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{mpsc, oneshot, watch};

use crate::channel::Channel;
use crate::connection::{Connecting, Connection};
use crate::unread::Unread;
use crate::{
    Answer, Closed, Closest, Command, ConnId, ConnectReason, ConnectionInfo, Event, Handle,
    ListenError, QueryError, QueryId, QueryReply, RequestError, RequestId, ServerId, Steer, Wake,
};

/// The futures and streams of one node, by id.
#[derive(Debug)]
pub(crate) struct Registry {
    handle: OnceLock<Handle>,
    entries: Mutex<Entries>,
    next_id: AtomicU32,
    /// Locked while events are dispatched, so that they stay in order.
    events: Mutex<Vec<Event>>,
    status: watch::Sender<Status>,
}

/// The lifecycle state of the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) listening: bool,
    pub(crate) ready: bool,
    /// Destroyed or failed.
    pub(crate) gone: bool,
    pub(crate) failed: bool,
}

#[derive(Debug, Default)]
struct Entries {
    /// The node is gone: an entry that is added now would never have an outcome.
    closed: bool,
    channels: HashMap<ConnId, Arc<Channel>>,
    servers: HashMap<ServerId, ServerEntry>,
    queries: HashMap<QueryId, QueryEntry>,
    requests: HashMap<RequestId, oneshot::Sender<Result<Box<QueryReply>, RequestError>>>,
    /// In the order of the commands, in which their outcomes arrive too.
    suspending: VecDeque<oneshot::Sender<()>>,
    resuming: VecDeque<oneshot::Sender<Option<ErrorKind>>>,
}

#[derive(Debug)]
pub(crate) struct ServerEntry {
    pub(crate) listening: Option<oneshot::Sender<Result<(), ListenError>>>,
    /// Owns the connections that were not accepted yet. Dropping it destroys them.
    pub(crate) backlog: mpsc::Sender<Connection>,
    pub(crate) closed: Option<oneshot::Sender<()>>,
}

#[derive(Debug)]
pub(crate) struct QueryEntry {
    pub(crate) replies: mpsc::UnboundedSender<QueryReply>,
    pub(crate) unread: Arc<Unread>,
    pub(crate) done: oneshot::Sender<Result<Vec<QueryReply>, QueryError>>,
}

impl Wake for Registry {
    fn wake(&self, _calls: usize) {
        // The driver may call this before the opening thread has set the handle.
        let handle = self.handle.wait();
        // Only this thread can hold the lock, further up its stack. Its loop takes the events.
        let Some(mut events) = self.events.try_lock() else {
            return;
        };
        loop {
            handle.drain_events(&mut events);
            if events.is_empty() {
                return;
            }
            for event in events.drain(..) {
                self.dispatch(event);
            }
        }
    }
}

impl Registry {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            handle: OnceLock::new(),
            entries: Mutex::default(),
            next_id: AtomicU32::new(0),
            events: Mutex::default(),
            status: watch::channel(Status::default()).0,
        })
    }

    /// Must be called right after the node was opened: the driver waits for the handle.
    pub(crate) fn set_handle(&self, handle: Handle) {
        // It cannot fail: only the opener sets the handle, once.
        let _ = self.handle.set(handle);
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.handle.wait()
    }

    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// The error of a node that is gone: it was destroyed, or it has failed.
    pub(crate) fn gone<E>(&self, destroyed: E, failed: E) -> E {
        if self.status.borrow().failed { failed } else { destroyed }
    }

    /// The next id for a connection, server, query or request. Ids repeat after `ConnId::INCOMING`.
    pub(crate) fn next_id(&self) -> u32 {
        self.next_id.fetch_add(1, Ordering::Relaxed) % ConnId::INCOMING
    }

    /// Adds a connection that is about to be made.
    pub(crate) fn connecting(&self, conn: ConnId) -> Connecting {
        let channel = Channel::new();
        self.add_channel(conn, Arc::clone(&channel));
        Connecting::new(conn, channel, self.handle().clone())
    }

    fn add_channel(&self, conn: ConnId, channel: Arc<Channel>) {
        match self.open_entries() {
            Some(mut entries) => drop(entries.channels.insert(conn, channel)),
            None => channel.handle_node_gone(
                self.gone(ConnectReason::NodeDestroyed, ConnectReason::NodeFailed),
            ),
        }
    }

    pub(crate) fn add_server(&self, server: ServerId, entry: ServerEntry) {
        if let Some(mut entries) = self.open_entries() {
            entries.servers.insert(server, entry);
        }
    }

    /// A receiver that reports the end of a server; `None` if the server has ended already.
    pub(crate) fn watch_closing(&self, server: ServerId) -> Option<oneshot::Receiver<()>> {
        let mut entries = self.entries.lock();
        let entry = entries.servers.get_mut(&server)?;
        let (sender, receiver) = oneshot::channel();
        entry.closed = Some(sender);
        Some(receiver)
    }

    /// Forgets a server; false if it has ended.
    pub(crate) fn remove_server(&self, server: ServerId) -> bool {
        self.entries.lock().servers.remove(&server).is_some()
    }

    pub(crate) fn add_query(&self, query: QueryId, entry: QueryEntry) {
        if let Some(mut entries) = self.open_entries() {
            entries.queries.insert(query, entry);
        }
    }

    /// Forgets a query; false if it has ended.
    pub(crate) fn remove_query(&self, query: QueryId) -> bool {
        self.entries.lock().queries.remove(&query).is_some()
    }

    pub(crate) fn add_request(
        &self,
        request: RequestId,
        entry: oneshot::Sender<Result<Box<QueryReply>, RequestError>>,
    ) {
        if let Some(mut entries) = self.open_entries() {
            entries.requests.insert(request, entry);
        }
    }

    pub(crate) fn steer_query(&self, query: QueryId, steer: Steer) {
        self.handle().command(Command::SteerQuery { query, steer });
    }

    /// Gives the command that puts the node to sleep.
    pub(crate) fn suspend(&self) -> oneshot::Receiver<()> {
        let (sender, outcome) = oneshot::channel();
        if let Some(mut entries) = self.open_entries() {
            entries.suspending.push_back(sender);
        }
        self.handle().command(Command::Suspend);
        outcome
    }

    /// Gives the command that wakes the node.
    pub(crate) fn resume(&self) -> oneshot::Receiver<Option<ErrorKind>> {
        let (sender, outcome) = oneshot::channel();
        if let Some(mut entries) = self.open_entries() {
            entries.resuming.push_back(sender);
        }
        self.handle().command(Command::Resume);
        outcome
    }

    /// Drops all entries, because the node is gone. The tasks that wait see their channels close.
    pub(crate) fn end(&self) {
        for channel in self.close_entries().channels.into_values() {
            channel.handle_node_gone(ConnectReason::NodeDestroyed);
        }
        self.status.send_modify(|status| status.gone = true);
    }

    /// Fails all entries, because the node has panicked.
    fn fail(&self) {
        let entries = self.close_entries();
        for channel in entries.channels.into_values() {
            channel.handle_node_gone(ConnectReason::NodeFailed);
        }
        // The waiting task may have given up.
        for listening in entries.servers.into_values().filter_map(|server| server.listening) {
            let _ = listening.send(Err(ListenError::NodeFailed));
        }
        for query in entries.queries.into_values() {
            let _ = query.done.send(Err(QueryError::NodeFailed));
        }
        for request in entries.requests.into_values() {
            let _ = request.send(Err(RequestError::NodeFailed));
        }
        self.status.send_modify(|status| (status.gone, status.failed) = (true, true));
    }

    /// `None` once the node is gone. The caller then drops its sender, which ends the wait.
    fn open_entries(&self) -> Option<MutexGuard<'_, Entries>> {
        Some(self.entries.lock()).filter(|entries| !entries.closed)
    }

    fn close_entries(&self) -> Entries {
        let closed = Entries { closed: true, ..Entries::default() };
        std::mem::replace(&mut *self.entries.lock(), closed)
    }

    fn dispatch(&self, event: Event) {
        match event {
            Event::Listening => self.status.send_modify(|status| status.listening = true),
            Event::Ready => self.status.send_modify(|status| status.ready = true),
            Event::Destroyed => self.end(),
            Event::Failed => self.fail(),
            Event::ServerListening { server } => self.server_started(server, Ok(())),
            Event::ServerFailed { server, error } => self.server_started(server, Err(error)),
            Event::ServerClosed { server } => self.server_closed(server),
            Event::Connection(info) => self.connection(*info),
            Event::Opened(opened) => {
                self.channel(opened.conn, |channel| channel.handle_opened(*opened));
            }
            Event::Data { conn, data } => self.channel(conn, |channel| channel.handle_data(data)),
            Event::Message { conn, data } => {
                self.channel(conn, |channel| channel.handle_unordered(data));
            }
            Event::RemoteEnd { conn } => self.channel(conn, Channel::handle_remote_end),
            Event::Flushed { conn, flush } => self.channel(conn, |c| c.handle_flushed(flush)),
            Event::Finished { conn } => self.channel(conn, Channel::handle_finished),
            Event::Drained { conn, bytes } => self.channel(conn, |c| c.handle_drained(bytes)),
            Event::Closed(closed) => self.closed(closed),
            Event::QueryReply { query, reply } => self.query_reply(query, *reply),
            Event::QueryDone { query, closest, result, .. } => {
                self.query_done(query, result.map(|()| closest));
            }
            Event::Reply { request, result } => self.request_done(request, result),
            Event::Suspended => self.suspended(),
            Event::Resumed { error } => self.resumed(error),
            // This API sets no hooks, so the node never asks.
            Event::Ask { ask, .. } => {
                self.handle().command(Command::Answer { ask, answer: Answer::Accept });
            }
            // This API never subscribes to these or asks for them.
            Event::IncomingRequest(_)
            | Event::Datagram { .. }
            | Event::CopiedDatagram { .. }
            | Event::LocalChecked { .. }
            | Event::LookedUp { .. }
            | Event::RemoteChanged { .. }
            | Event::RawMessage { .. }
            | Event::SocketClosed { .. } => {}
            Event::NatUpdate { .. }
            | Event::Persistent { .. }
            | Event::Ephemeral
            | Event::Wakeup
            | Event::NotFirewalled
            | Event::Health { .. }
            | Event::NetworkChange { .. }
            | Event::PathChanged { .. }
            | Event::NodeAdded { .. }
            | Event::NodeRemoved { .. }
            | Event::ServerRelays { .. }
            | Event::ServerSuspended { .. }
            | Event::Sign { .. } => {}
            _ => tracing::error!(?event, "an event that nobody handles"),
        }
    }

    fn channel(&self, conn: ConnId, handle: impl FnOnce(&Channel)) {
        let channel = self.entries.lock().channels.get(&conn).cloned();
        if let Some(channel) = channel {
            handle(&channel);
        }
    }

    fn closed(&self, closed: Closed) {
        let channel = self.entries.lock().channels.remove(&closed.conn);
        if let Some(channel) = channel {
            channel.handle_closed(closed.error, closed.trace);
        }
    }

    /// A connection that finds no room in the backlog of its server is dropped, which destroys it.
    fn connection(&self, info: ConnectionInfo) {
        let ConnectionInfo { server, opened, .. } = info;
        let channel = Channel::new();
        channel.handle_opened(opened.clone());
        self.add_channel(opened.conn, Arc::clone(&channel));
        let connection = Connection::new(opened.conn, channel, self.handle().clone(), opened);
        let backlog = self.entries.lock().servers.get(&server).map(|entry| entry.backlog.clone());
        if let Some(backlog) = backlog {
            let _ = backlog.try_send(connection);
        }
    }

    fn server_started(&self, server: ServerId, result: Result<(), ListenError>) {
        let waiting = {
            let mut entries = self.entries.lock();
            let waiting = entries.servers.get_mut(&server).and_then(|entry| entry.listening.take());
            if result.is_err() {
                entries.servers.remove(&server);
            }
            waiting
        };
        if let Some(waiting) = waiting {
            // The listener may have been dropped; the server is closed by then.
            let _ = waiting.send(result);
        }
    }

    fn server_closed(&self, server: ServerId) {
        let entry = self.entries.lock().servers.remove(&server);
        if let Some(closed) = entry.and_then(|entry| entry.closed) {
            // The task that closed the server may have been cancelled.
            let _ = closed.send(());
        }
    }

    fn query_reply(&self, query: QueryId, reply: QueryReply) {
        let (replies, unread) = {
            let entries = self.entries.lock();
            let Some(QueryEntry { replies, unread, .. }) = entries.queries.get(&query) else {
                return;
            };
            (replies.clone(), Arc::clone(unread))
        };
        if !unread.add() {
            return;
        }
        // A query that was dropped is cancelled, and may still have replies.
        let _ = replies.send(reply);
        if unread.pause_if_full() {
            self.steer_query(query, Steer::Pause);
            // The reader may have caught up before the command was given.
            if !unread.is_paused() {
                self.steer_query(query, Steer::GoOn);
            }
        }
    }

    fn query_done(&self, query: QueryId, result: Result<Vec<Closest>, QueryError>) {
        let entry = self.entries.lock().queries.remove(&query);
        if let Some(entry) = entry {
            // A query that was dropped is cancelled, and may still end by itself.
            let replies = |closest: Vec<Closest>| closest.into_iter().map(|c| c.reply).collect();
            let _ = entry.done.send(result.map(replies));
        }
    }

    fn request_done(&self, request: RequestId, result: Result<Box<QueryReply>, RequestError>) {
        if let Some(waiting) = self.entries.lock().requests.remove(&request) {
            // The caller may have dropped its future.
            let _ = waiting.send(result);
        }
    }

    fn suspended(&self) {
        let waiting = self.entries.lock().suspending.pop_front();
        // The caller may have dropped its future.
        waiting.map(|waiting| waiting.send(()));
    }

    fn resumed(&self, error: Option<ErrorKind>) {
        let waiting = self.entries.lock().resuming.pop_front();
        waiting.map(|waiting| waiting.send(error));
    }
}
