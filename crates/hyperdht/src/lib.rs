//! The hyperdht DHT: encrypted streams between peers that know each other by their public keys,
//! wherever they are. Compatible on the wire with the npm module `hyperdht`.
//!
//! A [`Server`] announces its public key to the DHT; a client finds it by that key, reaches it
//! through NATs, and gets a [`Connection`].
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let testnet = hyperdht::testnet(3).await?;
//! let (alice, bob) = (testnet.create_node().await?, testnet.create_node().await?);
//!
//! let mut server = bob.listen(hyperdht::generate_key_pair()?).await?;
//! let mut client = alice.connect(server.public_key()).await?;
//! let mut accepted = server.accept().await.expect("the server is open");
//! assert_eq!(accepted.remote_public_key(), alice.public_key());
//!
//! client.write_message("hello").await?;
//! assert_eq!(accepted.read_message().await?.as_deref(), Some(&b"hello"[..]));
//! # testnet.destroy().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Layers
//!
//! The protocols are state machines without sockets, threads or clocks (`hyperdht-proto`). The
//! [`Engine`] drives any number of them on one thread. [`Dht`] is the engine with futures, which
//! run on any executor; the Node-API binding is another user of it.

#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod channel;
mod config;
mod connect_failure;
mod connection;
mod dht;
mod engine;
mod query;
mod records;
mod registry;
mod relay;
mod server;
mod testnet;
mod unread;

pub use proto::noise::{
    Finished, HandshakeFailed, Initiator, KeyPair, PublicKey, Responder, verify,
};
pub use proto::secret::{Aead, PunchBox, install as install_aead};
pub use proto::wire::{self, hash};
pub use proto::{
    Action, AdaptiveTimeout, Answer, Answering, AskId, BootstrapNode, Closed, Closest, Command,
    Config, ConnError, ConnId, ConnStats, ConnectError, ConnectOptions, ConnectReason, ConnectStep,
    ConnectTrace, ConnectionInfo, Dropped, Event, Foreign, ForeignKeys, HandshakeView,
    HealthReport, HealthTick, HostCommand, Incoming, InflightRequest, Interests, Interface,
    ListenError, Live, LocalAddress, MainSockets, Message, Messages, NatClass, Node, Opened,
    PathInfo, PathKind, PathOrigin, PunchKind, QueryError, QueryId, QueryKind, QueryOptions,
    QueryReply, Question, RawCommand, RawOptions, RawRemote, ReadHandshake, RelayLimits,
    RelayStats, RemoteAddress, RequestAnswer, RequestError, RequestId, Rng, ServerId,
    ServerOptions, SocketId, Stats, Steer, Stored, StreamError, StreamId, TableNode, Tally,
    TracedStep, Unsigned, UserCommit, UserRequest, WrittenHandshake,
};

pub use config::{DhtConfig, generate_key_pair, system_rng};
pub use connect_failure::ConnectFailure;
pub use connection::Connection;
pub use dht::Dht;
pub use engine::{
    Accepted, BorrowedSocket, DEFAULT_PORT, DEFAULT_PORTS, Engine, Handle, HeldSockets, Lender,
    LentCopy, Loans, Multicast, OpenOptions, Opening, Protect, Serve, SocketOptions, Traffic,
    UnusedSocket, Wake, parse_address,
};
pub use query::Query;
pub use records::{MutableGet, MutableRecord};
pub use relay::Relay;
pub use server::Server;
pub use testnet::{Testnet, testnet};
