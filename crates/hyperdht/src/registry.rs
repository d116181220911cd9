//! Takes the events of a node to those who wait for them.

use std::collections::{HashMap, VecDeque};
use std::io::ErrorKind;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};

use crate::channel::Channel;
use crate::{
    Answer, Closed, Command, ConnId, ConnectionInfo, Event, Handle, ListenError, QueryError,
    QueryId, QueryReply, RequestError, RequestId, ServerId, Wake,
};

/// Who waits for what.
#[derive(Debug)]
pub(crate) struct Registry {
    handle: OnceLock<Handle>,
    entries: Mutex<Entries>,
    /// Locked while events are dispatched, so that they stay in order.
    events: Mutex<Vec<Event>>,
    status: watch::Sender<Status>,
}

/// Where the node is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) listening: bool,
    pub(crate) ready: bool,
    pub(crate) destroyed: bool,
}

#[derive(Debug, Default)]
struct Entries {
    channels: HashMap<ConnId, Arc<Channel>>,
    servers: HashMap<ServerId, ServerEntry>,
    queries: HashMap<QueryId, QueryEntry>,
    requests: HashMap<RequestId, oneshot::Sender<Result<Box<QueryReply>, RequestError>>>,
    /// In the order of the commands, which is that of their outcomes.
    suspending: VecDeque<oneshot::Sender<()>>,
    resuming: VecDeque<oneshot::Sender<Option<ErrorKind>>>,
    next_id: u32,
}

#[derive(Debug)]
pub(crate) struct ServerEntry {
    pub(crate) listening: Option<oneshot::Sender<Result<(), ListenError>>>,
    pub(crate) backlog: mpsc::Sender<Incoming>,
    pub(crate) closed: Option<oneshot::Sender<()>>,
}

/// A connection that nobody has accepted yet.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) info: Box<ConnectionInfo>,
    pub(crate) channel: Arc<Channel>,
}

#[derive(Debug)]
pub(crate) struct QueryEntry {
    pub(crate) replies: mpsc::UnboundedSender<QueryReply>,
    pub(crate) done: oneshot::Sender<Result<Vec<QueryReply>, QueryError>>,
}

impl Wake for Registry {
    fn wake(&self, _calls: usize) {
        // The driver may be faster than the thread that opens the node.
        let handle = self.handle.wait();
        // Taken only by this thread itself, further up: its loop will take these events too.
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
            events: Mutex::default(),
            status: watch::channel(Status::default()).0,
        })
    }

    /// Must follow the opening of the node at once: the driver waits for it.
    pub(crate) fn set_handle(&self, handle: Handle) {
        // It is set once, by the opener.
        let _ = self.handle.set(handle);
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.handle.wait()
    }

    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// A number that no connection, server, query or request of this node has had.
    pub(crate) fn next_id(&self) -> u32 {
        let mut entries = self.entries.lock();
        let id = entries.next_id;
        entries.next_id = (id + 1) % ConnId::INCOMING;
        id
    }

    pub(crate) fn add_channel(&self, conn: ConnId, channel: Arc<Channel>) {
        self.entries.lock().channels.insert(conn, channel);
    }

    pub(crate) fn add_server(&self, server: ServerId, entry: ServerEntry) {
        self.entries.lock().servers.insert(server, entry);
    }

    /// Asks for the end of a server to be told; `None` if it has ended.
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
        self.entries.lock().queries.insert(query, entry);
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
        self.entries.lock().requests.insert(request, entry);
    }

    /// Gives a command that puts the node to sleep.
    pub(crate) fn suspend(&self) -> oneshot::Receiver<()> {
        let (sender, outcome) = oneshot::channel();
        self.entries.lock().suspending.push_back(sender);
        self.handle().command(Command::Suspend);
        outcome
    }

    /// Gives a command that wakes the node.
    pub(crate) fn resume(&self) -> oneshot::Receiver<Option<ErrorKind>> {
        let (sender, outcome) = oneshot::channel();
        self.entries.lock().resuming.push_back(sender);
        self.handle().command(Command::Resume);
        outcome
    }

    /// Forgets all who wait: their node is gone.
    pub(crate) fn end(&self) {
        let entries = std::mem::take(&mut *self.entries.lock());
        for channel in entries.channels.into_values() {
            channel.handle_node_destroyed();
        }
        // The others learn it from the other end of their channels.
        self.status.send_modify(|status| status.destroyed = true);
    }

    fn dispatch(&self, event: Event) {
        match event {
            Event::Listening => self.status.send_modify(|status| status.listening = true),
            Event::Ready => self.status.send_modify(|status| status.ready = true),
            Event::Destroyed => self.end(),
            Event::ServerListening { server } => self.server_started(server, Ok(())),
            Event::ServerFailed { server, error } => self.server_started(server, Err(error)),
            Event::ServerClosed { server } => self.server_closed(server),
            Event::Connection(info) => self.connection(info),
            Event::Opened(opened) => {
                self.channel(opened.conn, |channel| channel.handle_opened(*opened));
            }
            Event::Data { conn, data } => self.channel(conn, |channel| channel.handle_data(data)),
            Event::Message { conn, data } => {
                self.channel(conn, |channel| channel.handle_unordered(data));
            }
            Event::RemoteEnd { conn } => self.channel(conn, Channel::handle_remote_end),
            Event::Flushed { conn, flush } => {
                self.channel(conn, |channel| channel.handle_flushed(flush));
            }
            Event::Finished { conn } => self.channel(conn, Channel::handle_finished),
            Event::Drained { conn, bytes } => {
                self.channel(conn, |channel| channel.handle_drained(bytes));
            }
            Event::Closed(closed) => self.closed(closed),
            Event::QueryReply { query, reply } => self.query_reply(query, *reply),
            Event::QueryDone { query, closest, result, .. } => {
                self.query_done(query, result.map(|()| closest));
            }
            Event::Reply { request, result } => {
                if let Some(waiting) = self.entries.lock().requests.remove(&request) {
                    // Who asked may have given up.
                    let _ = waiting.send(result);
                }
            }
            Event::Suspended => {
                let waiting = self.entries.lock().suspending.pop_front();
                // Who asked may have given up.
                waiting.map(|waiting| waiting.send(()));
            }
            Event::Resumed { error } => {
                let waiting = self.entries.lock().resuming.pop_front();
                waiting.map(|waiting| waiting.send(error));
            }
            // No hook is ever set, so that this is the answer to no question.
            Event::Ask { ask, .. } => {
                self.handle().command(Command::Answer { ask, answer: Answer::Accept });
            }
            // Never subscribed to, and never asked.
            Event::IncomingRequest(_) | Event::Datagram { .. } | Event::LocalChecked { .. } => {}
            Event::NatUpdate { .. }
            | Event::Persistent { .. }
            | Event::Ephemeral
            | Event::Wakeup
            | Event::Firewalled { .. }
            | Event::Health { .. }
            | Event::NetworkChange { .. }
            | Event::NodeAdded { .. }
            | Event::NodeRemoved { .. }
            | Event::ServerRelays { .. }
            | Event::ServerSuspended { .. }
            | Event::Sign { .. } => {}
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
            channel.handle_closed(closed.error);
        }
    }

    fn connection(&self, info: Box<ConnectionInfo>) {
        let conn = info.opened.conn;
        let channel = Channel::new();
        let backlog = {
            let mut entries = self.entries.lock();
            entries.channels.insert(conn, Arc::clone(&channel));
            entries.servers.get(&info.server).map(|entry| entry.backlog.clone())
        };
        channel.handle_opened(info.opened.clone());
        let accepted =
            backlog.is_some_and(|backlog| backlog.try_send(Incoming { info, channel }).is_ok());
        if !accepted {
            self.handle().command(Command::DestroyConn { conn });
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
            // Who listens may have given up; the server is closed by then.
            let _ = waiting.send(result);
        }
    }

    fn server_closed(&self, server: ServerId) {
        let entry = self.entries.lock().servers.remove(&server);
        if let Some(closed) = entry.and_then(|entry| entry.closed) {
            // Nobody may wait for it.
            let _ = closed.send(());
        }
    }

    fn query_reply(&self, query: QueryId, reply: QueryReply) {
        let replies = self.entries.lock().queries.get(&query).map(|entry| entry.replies.clone());
        if let Some(replies) = replies {
            // A query that was dropped is cancelled, and may still have replies.
            let _ = replies.send(reply);
        }
    }

    fn query_done(&self, query: QueryId, result: Result<Vec<QueryReply>, QueryError>) {
        let entry = self.entries.lock().queries.remove(&query);
        if let Some(entry) = entry {
            // The same.
            let _ = entry.done.send(result);
        }
    }
}
