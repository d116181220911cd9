//! Reports of a connection to its owner.

use bytes::Bytes;

use crate::{
    Closed, ConnError, ConnId, ConnStats, ConnectTrace, ConnectionInfo, Event, Opened, PathInfo,
};

/// A report of a connection. The application receives the [`Event`] of the same name; a machine
/// that owns the connection receives this.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnReport {
    /// A server accepted the connection.
    Accepted(Box<ConnectionInfo>),
    /// A connection that was dialled is open: keys are set, a path is chosen.
    Opened(Box<Opened>),
    /// One message, as it was written.
    Data(Bytes),
    /// One unordered message, as it was sent.
    Message(Bytes),
    /// One unordered message that the peer has sent without the secret stream.
    RawMessage(Bytes),
    /// The peer has ended its side. All its data has been delivered before.
    RemoteEnd,
    /// The packets go elsewhere from here on.
    PathChanged(Box<PathInfo>),
    /// The peer has received everything that was sent before the packets went elsewhere.
    RemoteChanged,
    /// Our end was acknowledged.
    Finished,
    /// The peer has acknowledged all that was written before the flush of this number.
    Flushed(u32),
    /// This many bytes of frames have left the write queue since the last report, see
    /// [`Event::Drained`].
    Drained(usize),
    /// The connection is gone. Nothing follows.
    Closed {
        /// See [`Closed::error`].
        error: Option<ConnError>,
        /// See [`Closed::stats`].
        stats: Option<Box<ConnStats>>,
        /// See [`Closed::trace`].
        trace: Option<Box<ConnectTrace>>,
    },
}

impl ConnReport {
    /// The report of a connection that has not opened. `trace` says why the attempt failed, if it
    /// has.
    pub(crate) fn unopened(trace: Option<Box<ConnectTrace>>) -> Self {
        let error = trace.as_ref().map(|trace| ConnError::Connect(trace.error()));
        Self::Closed { error, stats: None, trace }
    }

    /// The event that reports the same to the application.
    pub fn into_event(self, conn: ConnId) -> Event {
        match self {
            Self::Accepted(info) => Event::Connection(info),
            Self::Opened(opened) => Event::Opened(opened),
            Self::Data(data) => Event::Data { conn, data },
            Self::Message(data) => Event::Message { conn, data },
            Self::RawMessage(data) => Event::RawMessage { conn, data },
            Self::RemoteEnd => Event::RemoteEnd { conn },
            Self::PathChanged(path) => Event::PathChanged { conn, path },
            Self::RemoteChanged => Event::RemoteChanged { conn },
            Self::Finished => Event::Finished { conn },
            Self::Flushed(flush) => Event::Flushed { conn, flush },
            Self::Drained(bytes) => Event::Drained { conn, bytes },
            Self::Closed { error, stats, trace } => {
                Event::Closed(Closed { conn, error, stats, trace })
            }
        }
    }
}
