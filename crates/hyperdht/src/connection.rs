//! Connections: messages, and the bytes inside them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use proto::secret::MAX_MESSAGE;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::channel::Channel;
use crate::{Command, ConnError, ConnId, ConnectFailure, Handle, Opened, PublicKey};

/// An encrypted stream between two key pairs.
///
/// It carries messages: [`Connection::read_message`] returns exactly what one
/// [`Connection::write_message`] of the peer took. Through [`AsyncRead`] and [`AsyncWrite`] it is a
/// stream of bytes without message boundaries. Both views may be mixed.
///
/// Dropping a connection destroys it: the peer sees a reset. [`Connection::close`] ends it in
/// order.
///
/// ```
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let testnet = hyperdht::testnet(3).await?;
/// let (alice, bob) = (testnet.create_node().await?, testnet.create_node().await?);
///
/// let mut server = bob.listen(hyperdht::generate_key_pair()?).await?;
/// let mut client = alice.connect(server.public_key()).await?;
/// let mut accepted = server.accept().await.expect("the server is open");
///
/// client.write_all(b"hello").await?;
/// client.shutdown().await?;
///
/// let mut text = String::new();
/// accepted.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// assert_eq!(client.handshake_hash(), accepted.handshake_hash());
/// # testnet.destroy().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Connection {
    conn: ConnId,
    channel: Arc<Channel>,
    handle: Handle,
    opened: Opened,
    /// The unread rest of a message that [`AsyncRead`] has taken in part.
    rest: Bytes,
    /// Bytes that were read and not yet reported to the node: they still count against the window.
    unreported: Option<usize>,
}

impl Connection {
    /// The longest message, in bytes: the length of its frame has 24 bits.
    pub const MAX_MESSAGE: usize = MAX_MESSAGE;

    pub(crate) fn new(conn: ConnId, channel: Arc<Channel>, handle: Handle, opened: Opened) -> Self {
        Self { conn, channel, handle, opened, rest: Bytes::new(), unreported: None }
    }

    /// The public key of the peer; proven by the handshake.
    pub fn remote_public_key(&self) -> PublicKey {
        self.opened.remote_public_key
    }

    /// The hash of the Noise handshake: the same 64 bytes at both ends, and at no other connection.
    pub fn handshake_hash(&self) -> [u8; 64] {
        *self.opened.handshake_hash
    }

    /// The address of the peer when the connection was made.
    pub fn remote_address(&self) -> SocketAddr {
        self.opened.remote
    }

    /// Writes one message; waits while more than 256 KiB are queued.
    ///
    /// # Errors
    /// When the connection is closed or was ended by [`Connection::close`], or when the message is
    /// longer than [`Connection::MAX_MESSAGE`].
    pub async fn write_message(&mut self, message: impl Into<Bytes>) -> io::Result<()> {
        let message = message.into();
        if message.len() > Self::MAX_MESSAGE {
            let text = format!("a message has at most {} bytes", Self::MAX_MESSAGE);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        poll_fn(|cx| self.channel.poll_room(cx)).await?;
        self.write(&message);
        Ok(())
    }

    /// Waits until the peer's node has acknowledged all that was written before, whether its
    /// application has read it or not.
    ///
    /// [`AsyncWrite::poll_flush`] does not wait: writing in small portions would cost a round trip
    /// for each.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn acknowledged(&mut self) -> io::Result<()> {
        let flush = self.channel.start_flush();
        self.handle.command(Command::Flush { conn: self.conn, flush });
        poll_fn(|cx| self.channel.poll_flushed(flush, cx)).await
    }

    /// The next message, or the rest of one that [`AsyncRead`] has taken in part; `None` once the
    /// peer has ended its side.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn read_message(&mut self) -> io::Result<Option<Bytes>> {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            self.consume(rest.len());
            return Ok(Some(rest));
        }
        let message = poll_fn(|cx| self.channel.poll_message(cx)).await?;
        self.consume(message.as_ref().map_or(0, Bytes::len));
        Ok(message)
    }

    /// Sends a message that may be lost or overtake others. It must fit into one packet: 1100
    /// bytes do on every path.
    pub fn send_unordered(&self, message: impl Into<Bytes>) {
        let data = message.into();
        self.handle.command(Command::SendMessage { conn: self.conn, data });
    }

    /// The next unordered message; `None` once the connection is closed. Of several tasks that
    /// wait, one gets it.
    pub async fn recv_unordered(&self) -> Option<Bytes> {
        self.channel.unordered().await
    }

    /// Ends the connection in order: all that was written arrives, then the peer sees the end.
    /// Waits until the peer has ended too; what it still sends is discarded.
    ///
    /// # Errors
    /// When the connection broke before.
    pub async fn close(mut self) -> Result<(), ConnError> {
        self.end();
        let discard = std::mem::take(&mut self.rest);
        self.consume(discard.len());
        loop {
            let discarded = poll_fn(|cx| self.channel.poll_discard(cx)).await;
            match discarded {
                Some(bytes) => self.consume(bytes),
                None => break,
            }
        }
        self.report_consumed();
        poll_fn(|cx| self.channel.poll_closed(cx)).await
    }

    /// Tears the connection down at once, and waits until it is gone. The peer sees a reset.
    pub async fn destroy(self) {
        self.handle.command(Command::DestroyConn { conn: self.conn });
        // The caller asked for the end, so its reason does not matter.
        let _ = poll_fn(|cx| self.channel.poll_closed(cx)).await;
    }

    /// Copies a message into the command that writes it.
    fn write(&mut self, data: &[u8]) {
        self.channel.add_queued(data.len() + FRAME_OVERHEAD);
        self.handle.command(Command::Write { conn: self.conn, data: self.handle.message(data) });
    }

    fn end(&mut self) {
        if self.channel.start_end() {
            self.handle.command(Command::End { conn: self.conn });
        }
    }

    /// Counts bytes that the application has read, and reports them to the node in portions.
    fn consume(&mut self, bytes: usize) {
        let unreported = self.unreported.get_or_insert_default();
        *unreported += bytes;
        if *unreported >= REPORT || self.channel.is_drained() {
            self.report_consumed();
        }
    }

    fn report_consumed(&mut self) {
        if let Some(bytes) = self.unreported.take() {
            self.handle.command(Command::Consumed { conn: self.conn, bytes });
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        while self.rest.is_empty() {
            match self.channel.poll_message(cx) {
                Poll::Ready(Ok(Some(message))) => self.rest = message,
                Poll::Ready(Ok(None)) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        let taken = self.rest.len().min(buf.remaining());
        buf.put_slice(&self.rest[..taken]);
        self.rest.advance(taken);
        self.consume(taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.channel.poll_room(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        }
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let taken = buf.len().min(MAX_WRITE);
        self.write(&buf[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The node has all written bytes already; `acknowledged` waits until the peer has them.
        Poll::Ready(Ok(()))
    }

    /// Ends the write side; ready when the peer has acknowledged all of it.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        self.channel.poll_finished(cx)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.channel.is_closed() {
            self.handle.command(Command::DestroyConn { conn: self.conn });
        }
    }
}

/// A connection that has not opened yet; dropping it gives up.
#[derive(Debug)]
pub(crate) struct Connecting {
    conn: ConnId,
    channel: Arc<Channel>,
    handle: Handle,
    done: bool,
}

impl Connecting {
    pub(crate) fn new(conn: ConnId, channel: Arc<Channel>, handle: Handle) -> Self {
        Self { conn, channel, handle, done: false }
    }

    pub(crate) async fn opened(mut self) -> Result<Connection, ConnectFailure> {
        let opened = poll_fn(|cx| self.channel.poll_opened(cx)).await;
        self.done = true;
        let (channel, handle) = (Arc::clone(&self.channel), self.handle.clone());
        Ok(Connection::new(self.conn, channel, handle, opened?))
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        if !self.done {
            self.handle.command(Command::DestroyConn { conn: self.conn });
        }
    }
}

/// The longest message that `poll_write` makes. Longer ones would not be faster.
const MAX_WRITE: usize = 64 * 1024;

/// What a frame adds to its message: length, tag and authentication code, in bytes. The node counts
/// them among the drained bytes.
const FRAME_OVERHEAD: usize = 20;

/// Bytes that are read before they are reported to the node, as long as there is more to read.
const REPORT: usize = 64 * 1024;
