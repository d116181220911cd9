//! The interface between a driver and a [`crate::Node`]: ids, configuration, commands, events,
//! actions.

mod command;
mod config;
mod error;
mod event;
mod host;
mod ids;
mod incoming;
mod options;
mod query;
mod question;
mod report;
mod sizes;
mod stats;
mod trace;
mod transmit;
mod view;

pub use crate::wire::BootstrapNode;
pub use command::{Command, HostCommand, RawCommand, RawOptions, RawRemote};
pub use config::{AdaptiveTimeout, Config};
pub use error::{ConnError, ConnectError, ListenError, QueryError, RequestError, StreamError};
pub use event::{Closed, ConnectionInfo, Event, Opened, Unsigned};
pub use host::{Action, HostEvent, Interface, MainSockets};
pub use ids::{AskId, ConnId, MachineId, QueryId, RequestId, ServerId, SocketId, StreamId};
pub use incoming::{Answering, Incoming, Interests, RequestAnswer};
pub use options::{ConnectOptions, Foreign, RelayLimits, ServerOptions};
pub use query::{
    Closest, QueryKind, QueryOptions, QueryReply, Steer, Tally, UserCommit, UserRequest,
};
pub(crate) use question::is_sendable;
pub use question::{
    Answer, ForeignKeys, LocalAddress, Question, ReadHandshake, RemoteAddress, WrittenHandshake,
};
pub use report::ConnReport;
pub use sizes::Sizes;
pub use stats::{Dropped, Live, Stats, Stored};
pub use trace::{ConnectReason, ConnectStep, ConnectTrace, NatClass, TracedStep};
pub(crate) use transmit::MAX_BATCH;
pub use transmit::{Datagram, Run, Transmit, TransmitBuf};
pub use view::{
    ConnPath, ConnStats, HandshakeView, HealthReport, HealthTick, InflightRequest, PathInfo,
    PathKind, PathOrigin, PunchKind, RelayStats, TableNode,
};
