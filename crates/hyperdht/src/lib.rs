//! The driver and the Rust API.
#![forbid(unsafe_code)]

mod engine;

pub use proto::noise::{KeyPair, PublicKey};
pub use proto::wire::{self, hash};
pub use proto::{
    Action, Answer, AskId, BootstrapNode, Closed, Command, Config, ConnError, ConnId, ConnStats,
    ConnectError, ConnectOptions, ConnectionInfo, Dropped, Event, ListenError, Live, Node, Opened,
    PeerRecord, QueryError, QueryId, QueryKind, QueryOptions, QueryReply, Question, RequestError,
    RequestId, ServerId, ServerOptions, SocketId, Stats, StreamError, UserRequest,
};

pub use engine::{DEFAULT_PORTS, Engine, Handle, OpenOptions, Wake};
