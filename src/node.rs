//! The class that `lib/` holds: one node of this environment's engine.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use bytes::Bytes;
use hyperdht::{
    Command, ConnId, Engine, Event, Handle, Multicast, OpenOptions, SocketId, SocketOptions, Wake,
    parse_address,
};
use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::byte_arrays;
use crate::environment;
use crate::errors::named_error;
use crate::held::Holding;
use crate::schema::malformed;
use crate::slab::{self, Filled};
use crate::wake::WakeFunction;

/// A node.
#[napi]
pub struct NativeNode {
    /// `None` once the node is closed. The program may hold the object for much longer.
    pub(crate) handle: Option<Handle>,
    pub(crate) wake: Option<WakeFunction>,
    /// Events that were drained from the engine and not yet by JavaScript, in reverse order: the
    /// next one is at the end.
    pending: Vec<Event>,
    /// Messages of which JavaScript has the heads. It takes the bytes one message at a time.
    large: VecDeque<Bytes>,
    corked: Option<Vec<Command>>,
    /// Unordered messages share a call of `wake`, as data does.
    joins: bool,
    pub(crate) holding: Holding,
}

/// Binds the sockets and starts a node. `wake` is called without arguments once for each control
/// event, and once for any number of data events, as well as of unordered messages that are joined.
#[napi]
pub fn open(env: &Env, config: &[u8], wake: Unknown<'_>) -> Result<NativeNode> {
    start(env, border::open_options(config).map_err(malformed)?, &wake)
}

/// Starts a node without sockets, which only carries raw streams over those that it binds later.
/// `wake` is called as by `open`.
#[napi]
pub fn open_udx(env: &Env, wake: Unknown<'_>) -> Result<NativeNode> {
    start(env, border::udx_options(), &wake)
}

fn start(env: &Env, options: OpenOptions, wake: &Unknown<'_>) -> Result<NativeNode> {
    let function = WakeFunction::new(env, wake)?;
    let lends = options.lends;
    let open = |engine: &Engine| engine.open(options, Arc::new(function));
    match environment::engine_for(env, lends, open) {
        Ok(handle) => {
            environment::adopt(function);
            let mut node = NativeNode::new(Holding::default());
            (node.handle, node.wake) = (Some(handle), Some(function));
            Ok(node)
        }
        Err(error) => {
            // No node owns the function, and the process does not end while it exists.
            function.release();
            Err(named_error(error))
        }
    }
}

#[napi]
impl NativeNode {
    /// Takes one encoded command.
    #[napi]
    pub fn command(&mut self, bytes: &[u8]) -> Result<()> {
        let command = border::command(bytes).map_err(malformed)?;
        self.push(command);
        // It may have closed a socket, whose port must be free.
        environment::tidy_loans();
        Ok(())
    }

    /// Writes one message.
    #[napi]
    pub fn write(&mut self, conn: u32, data: &[u8]) {
        let Some(handle) = &self.handle else { return };
        let data = handle.message(data);
        self.push(Command::Write { conn: ConnId(conn), data });
    }

    /// Writes the messages of an array of `Uint8Array`, under one lock.
    #[napi]
    pub fn write_all(&mut self, env: &Env, conn: u32, batch: Unknown<'_>) -> Result<()> {
        let Some(handle) = &self.handle else { return Ok(()) };
        let mut commands = Vec::new();
        let message = |data: &[u8]| handle.message(data);
        let read = byte_arrays::add_writes(env, ConnId(conn), &batch, message, &mut commands);
        self.push_all(commands);
        read
    }

    /// Sends unordered messages, which `lib/native/messages.js` has written.
    #[napi]
    pub fn send_messages(&mut self, bytes: &[u8]) -> Result<()> {
        self.push_all(border::messages(bytes).map_err(malformed)?);
        Ok(())
    }

    /// Sends one unordered message.
    #[napi]
    pub fn send_message(&mut self, conn: u32, data: &[u8]) {
        let data = Bytes::copy_from_slice(data);
        self.push(Command::SendMessage { conn: ConnId(conn), data });
    }

    /// Sends one unordered message without the secret stream.
    #[napi]
    pub fn send_raw(&mut self, conn: u32, data: &[u8]) {
        let data = Bytes::copy_from_slice(data);
        self.push(Command::SendRaw { conn: ConnId(conn), data });
    }

    /// Reports how much of the connection's data was taken.
    #[napi]
    pub fn consumed(&mut self, conn: u32, bytes: u32) {
        self.push(Command::Consumed { conn: ConnId(conn), bytes: bytes as usize });
    }

    /// Binds a socket of the application. The host is an address as text. Returns the socket's
    /// number.
    #[napi]
    pub fn bind_socket(&self, host: &[u8], port: u16, ipv6_only: bool, reuse: bool) -> Result<u32> {
        let address = address_of(host, port);
        let address = address.ok_or_else(|| named_error(io::ErrorKind::InvalidInput.into()))?;
        let options = SocketOptions { ipv6_only, reuse_address: reuse };
        let socket = self.with_handle(|handle| handle.bind(address, options))?;
        Ok(socket.0)
    }

    /// Sends a datagram to an IPv4 address, which is given as a number. A `ttl` of 0 is the
    /// socket's own. False if the socket is not open.
    #[napi]
    pub fn send_datagram(&self, socket: u32, host: u32, port: u16, ttl: u8, data: &[u8]) -> bool {
        let Some(handle) = &self.handle else { return false };
        let to = SocketAddrV4::new(Ipv4Addr::from(host), port);
        handle.send(SocketId(socket), to.into(), (ttl > 0).then_some(ttl), data)
    }

    /// The same to an IPv6 address, which is given as text.
    #[napi]
    pub fn send_datagram_ipv6(
        &self,
        socket: u32,
        host: &[u8],
        port: u16,
        ttl: u8,
        data: &[u8],
    ) -> bool {
        let (Some(handle), Some(to)) = (&self.handle, address_of(host, port)) else { return false };
        handle.send(SocketId(socket), to, (ttl > 0).then_some(ttl), data)
    }

    /// Sets the time to live of a socket's datagrams.
    #[napi]
    pub fn set_ttl(&self, socket: u32, ttl: u32) -> Result<()> {
        self.with_handle(|handle| handle.set_ttl(SocketId(socket), ttl))
    }

    /// The size of a socket's receive buffer.
    #[napi]
    pub fn recv_buffer_size(&self, socket: u32) -> Result<u32> {
        self.with_handle(|handle| Ok(handle.buffer_sizes(SocketId(socket))?.0 as u32))
    }

    /// The size of a socket's send buffer.
    #[napi]
    pub fn send_buffer_size(&self, socket: u32) -> Result<u32> {
        self.with_handle(|handle| Ok(handle.buffer_sizes(SocketId(socket))?.1 as u32))
    }

    #[napi]
    pub fn set_recv_buffer_size(&self, socket: u32, bytes: u32) -> Result<()> {
        self.with_handle(|handle| handle.set_recv_buffer_size(SocketId(socket), bytes as usize))
    }

    #[napi]
    pub fn set_send_buffer_size(&self, socket: u32, bytes: u32) -> Result<()> {
        self.with_handle(|handle| handle.set_send_buffer_size(SocketId(socket), bytes as usize))
    }

    /// Joins a multicast group or leaves it. The addresses are text. That of an interface is one of
    /// its addresses, or for IPv6 any address with its zone; an empty one lets the system choose.
    #[napi]
    pub fn set_membership(
        &self,
        socket: u32,
        group: &[u8],
        interface: &[u8],
        join: bool,
    ) -> Result<()> {
        let group = multicast(group, interface);
        let group = group.ok_or_else(|| named_error(io::ErrorKind::InvalidInput.into()))?;
        self.with_handle(|handle| handle.set_membership(SocketId(socket), group, join))
    }

    /// Holds commands back until `uncork`.
    #[napi]
    pub fn cork(&mut self) {
        self.corked.get_or_insert_default();
    }

    /// Gives the commands that were held back to the engine at once.
    #[napi]
    pub fn uncork(&mut self) {
        if let (Some(commands), Some(handle)) = (self.corked.take(), &self.handle) {
            handle.commands(commands);
        }
        environment::tidy_loans();
    }

    /// Writes events into the slab: data events and unordered messages, followed by at most one
    /// other event. None follows if replies of queries are among the data events, which have a turn
    /// of their own.
    /// Returns twice the number of bytes written, and one more if others may be left; 0 when there
    /// is no event, or minus the room that the next event needs when the slab is too small for it.
    /// For what comes after a call that has left nothing, `wake` is called again. Of a large message
    /// it writes the length, and `take` moves the bytes. A message that was not taken by the next
    /// call is lost.
    #[napi]
    pub fn drain(&mut self, mut slab: Uint8ArraySlice<'_>) -> i32 {
        self.large.clear();
        environment::accept_loan();
        let asks = self.pending.is_empty();
        if let (true, Some(handle)) = (asks, &self.handle) {
            handle.drain_events(&mut self.pending);
            self.pending.reverse();
        }
        // SAFETY: JavaScript waits for this call and lib/ made the slab for it alone.
        let slab = unsafe { slab.as_mut() };
        let filled = slab::fill(slab, &mut self.pending, &mut self.large);
        if self.waits(&filled) {
            self.call_again();
        }
        if filled.counted {
            self.push(Command::Taken { events: 1 });
        }
        match filled.len {
            written @ 1.. => 2 * written + i32::from(!asks || !self.pending.is_empty()),
            none_or_room => none_or_room,
        }
    }

    /// From here on, `wake` is called once for any number of unordered messages.
    #[napi]
    pub fn join_messages(&mut self) {
        self.joins = true;
        if let Some(handle) = &self.handle {
            handle.join_messages();
        }
    }

    /// Calls `wake` once more, after microtasks have run.
    #[napi]
    pub fn call_again(&self) {
        if let Some(wake) = self.wake {
            wake.wake(1);
        }
    }

    /// Moves the next large message into memory of its length.
    #[napi]
    pub fn take(&mut self, mut memory: Uint8ArraySlice<'_>) {
        let Some(message) = self.large.pop_front() else { return };
        // SAFETY: as in `drain`.
        slab::copy(&message, unsafe { memory.as_mut() });
    }

    /// Writes an answer to a question about the node's state; see `border::answer`. Returns its
    /// length, or minus the room it needs.
    #[napi]
    pub fn inspect(&self, question: u32, argument: u32, mut slab: Uint8ArraySlice<'_>) -> i32 {
        let Some(handle) = &self.handle else { return 0 };
        let answer = border::answer(handle, question, argument);
        // SAFETY: as in `drain`.
        slab::copy(&answer, unsafe { slab.as_mut() })
    }

    /// Whether the node keeps the process alive.
    #[napi]
    pub fn set_ref(&self, env: &Env, keep: bool) {
        if let Some(wake) = self.wake {
            wake.set_ref(env, keep);
        }
    }

    /// Panics inside the node, for tests of what a panic does. It throws unless the environment
    /// variable `HYPERDHT_NATIVE_MAY_PANIC` is set.
    #[napi]
    pub fn panic(&self) -> Result<()> {
        if std::env::var_os(MAY_PANIC).is_none() {
            return Err(Error::from_reason(format!("{MAY_PANIC} is not set")));
        }
        if let Some(handle) = &self.handle {
            handle.read(|_| panic!("a test has asked for a panic"));
        }
        Ok(())
    }

    /// Closes the sockets, frees memory and releases the wake-up function. Idempotent.
    #[napi]
    pub fn close(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.close();
        }
        environment::tidy_loans();
        self.pending = Vec::new();
        self.large = VecDeque::new();
        self.corked = None;
        self.holding.close();
        if let Some(wake) = self.wake.take() {
            environment::release(wake);
        }
    }
}

impl NativeNode {
    /// A node that does not run yet.
    pub(crate) fn new(holding: Holding) -> Self {
        Self {
            handle: None,
            wake: None,
            pending: Vec::new(),
            large: VecDeque::new(),
            corked: None,
            joins: false,
            holding,
        }
    }

    /// Whether events are left for which no call of `wake` is on its way: data, or messages that are
    /// joined, after a control event, and everything after replies of queries.
    fn waits(&self, filled: &Filled) -> bool {
        let Some(next) = self.pending.last() else { return false };
        let has_call = slab::is_control(next) && !(self.joins && slab::is_message(next));
        if filled.control { !has_call } else { filled.replies }
    }

    /// Asks the engine for something that may fail, with an error in libuv's words.
    pub(crate) fn with_handle<R>(&self, ask: impl FnOnce(&Handle) -> io::Result<R>) -> Result<R> {
        let handle = self.handle.as_ref();
        let handle = handle.ok_or_else(|| named_error(io::ErrorKind::NotConnected.into()))?;
        ask(handle).map_err(named_error)
    }

    fn push_all(&mut self, all: Vec<Command>) {
        match (&mut self.corked, &self.handle) {
            (Some(commands), _) => commands.extend(all),
            (None, Some(handle)) => handle.commands(all),
            (None, None) => {}
        }
    }

    fn push(&mut self, command: Command) {
        match &mut self.corked {
            Some(commands) => commands.push(command),
            None => {
                if let Some(handle) = &self.handle {
                    handle.command(command);
                }
            }
        }
    }
}

/// An address as text.
pub(crate) fn address_of(host: &[u8], port: u16) -> Option<SocketAddr> {
    parse_address(str::from_utf8(host).ok()?, port)
}

/// A multicast group with its interface, which has to be of the same family.
fn multicast(group: &[u8], interface: &[u8]) -> Option<Multicast> {
    let group = address_of(group, 0)?;
    let any = if group.is_ipv4() { "0.0.0.0" } else { "::" };
    let interface = if interface.is_empty() { any.as_bytes() } else { interface };
    match (group, address_of(interface, 0)?) {
        (SocketAddr::V4(group), SocketAddr::V4(at)) => Some(Multicast::V4(*group.ip(), *at.ip())),
        (SocketAddr::V6(group), SocketAddr::V6(at)) => {
            Some(Multicast::V6(*group.ip(), at.scope_id()))
        }
        _ => None,
    }
}

/// The environment variable that lets a test end a node by a panic.
const MAY_PANIC: &str = "HYPERDHT_NATIVE_MAY_PANIC";
