//! The words that a driver and a [`crate::Node`] speak: ids, config, commands, events, actions.

mod command;
mod config;
mod error;
mod event;
mod ids;
mod incoming;
mod sizes;
mod transmit;
mod view;

pub use command::{
    Answer, Command, ConnectOptions, Interface, MainSockets, QueryKind, QueryOptions,
    ServerOptions, Steer, UserCommit, UserRequest,
};
pub use config::{AdaptiveTimeout, BootstrapNode, Config};
pub use error::{ConnError, ConnectError, ListenError, QueryError, RequestError, StreamError};
pub use event::{
    Action, Closed, ConnectionInfo, Dropped, Event, Live, LocalAddress, Opened, PeerRecord,
    QueryReply, Question, RemoteAddress, Stats, Stored, Tally, Unsigned,
};
pub use ids::{AskId, ConnId, QueryId, RequestId, ServerId, SocketId};
pub use incoming::{Answering, Incoming, Interests, RequestAnswer};
pub use sizes::Sizes;
pub use transmit::{Datagram, Transmit, TransmitBuf};
pub use view::{HealthReport, InflightRequest, TableNode};
