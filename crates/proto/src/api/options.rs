//! The options of connections and servers.

use std::net::SocketAddrV4;
use std::time::Duration;

use crate::noise::{KeyPair, PublicKey};

/// What the application makes of the encryption of a connection, in place of the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Foreign {
    /// Nothing.
    #[default]
    Nothing,
    /// The messages of the handshake, and its keys: [`crate::Question::WriteHandshake`],
    /// [`crate::Question::ReadHandshake`].
    Handshake,
    /// The handshake and the secret stream. The connection carries bytes, like a raw stream.
    Everything,
}

impl Foreign {
    /// Whether the application makes the handshake.
    pub fn has_handshake(self) -> bool {
        self != Self::Nothing
    }
}

/// Options of one `Connect`.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The key pair to connect with; `None` is the node's.
    pub key_pair: Option<KeyPair>,
    /// DHT nodes that may know the server, asked first.
    pub relay_addresses: Vec<SocketAddrV4>,
    /// Whether to try the server's LAN addresses, and to send it ours. Default true.
    pub local_connection: bool,
    /// Whether to send a punch packet early. Default true.
    pub fast_open: bool,
    /// The application decides whether to punch: `Question::Holepunch`. Default false.
    pub ask_holepunch: bool,
    /// Keep-alive interval. `None`: the node's default.
    pub keep_alive: Option<Duration>,
    /// Whether to use the path and the socket of an earlier connection to the server, and to keep
    /// them for the next one. The server has to want that too. Default false.
    pub reusable_socket: bool,
    /// Blind relays. One of them, taken at random, carries the connection until a direct path is
    /// found, unless the server offers one itself. Default none.
    pub relay_through: Vec<PublicKey>,
    /// Keep-alive interval of the connection to the blind relay. Default 5 s.
    pub relay_keep_alive: Duration,
    /// What the application makes of the encryption. Default nothing.
    pub foreign: Foreign,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            key_pair: None,
            relay_addresses: Vec::new(),
            local_connection: true,
            fast_open: true,
            ask_holepunch: false,
            keep_alive: None,
            reusable_socket: false,
            relay_through: Vec::new(),
            relay_keep_alive: RELAY_KEEP_ALIVE,
            foreign: Foreign::Nothing,
        }
    }
}

/// Options of one server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The key pair to listen with; `None` is the node's.
    pub key_pair: Option<KeyPair>,
    /// The application signs the announcements of this key: `Event::Sign`. `None`: `key_pair` is
    /// announced, and signs its own announcements.
    pub announces: Option<PublicKey>,
    /// The application decides on each handshake: `Question::Firewall`. Default false.
    pub ask_firewall: bool,
    /// The application decides on each punch: `Question::Holepunch`. Default false.
    pub ask_holepunch: bool,
    /// Whether the server punches at all. Default true.
    pub holepunch: bool,
    /// Whether clients receive our LAN addresses. Default true.
    pub share_local_address: bool,
    /// How long a finished handshake keeps its slot, in which repeated messages get the same reply.
    /// Default 10 s.
    pub handshake_clear_wait: Duration,
    /// Whether clients may use the socket of an earlier connection. Default false.
    pub reusable_socket: bool,
    /// Blind relays. One of them, taken at random, carries each connection until a direct path is
    /// found. Default none.
    pub relay_through: Vec<PublicKey>,
    /// The application names the blind relay of each connection in its answer to
    /// `Question::Firewall`: [`crate::Answer::AcceptThrough`]. Default false.
    pub ask_relay: bool,
    /// Keep-alive interval of connections to blind relays. Default 5 s.
    pub relay_keep_alive: Duration,
    /// The server is a blind relay itself: its connections belong to the node. Default `None`.
    pub relay: Option<RelayLimits>,
    /// The application makes each handshake: `Question::ReadHandshake`, which it answers in place
    /// of `Question::Firewall`, then `Question::WriteHandshake`. Default false.
    pub ask_handshake: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            key_pair: None,
            announces: None,
            ask_firewall: false,
            ask_holepunch: false,
            holepunch: true,
            share_local_address: true,
            handshake_clear_wait: Duration::from_secs(10),
            reusable_socket: false,
            relay_through: Vec::new(),
            ask_relay: false,
            relay_keep_alive: RELAY_KEEP_ALIVE,
            relay: None,
            ask_handshake: false,
        }
    }
}

/// The limits of a blind relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayLimits {
    /// Maximum connections of clients. Default 4096.
    pub max_sessions: usize,
    /// Maximum pairings, including those that wait for their other end. Default 4096.
    pub max_pairings: usize,
    /// Maximum pairings of one client. Default 256.
    pub max_pairings_per_client: usize,
    /// Maximum bytes a second in each direction of a pair; packets above it are dropped. `None` is
    /// no limit. Default `None`.
    pub max_rate: Option<u64>,
    /// How long a pair may pass nothing on before it ends. Default 60 s.
    pub idle_timeout: Duration,
}

impl Default for RelayLimits {
    fn default() -> Self {
        Self {
            max_sessions: 4096,
            max_pairings: 4096,
            max_pairings_per_client: 256,
            max_rate: None,
            idle_timeout: Duration::from_secs(60),
        }
    }
}

/// As in the reference.
const RELAY_KEEP_ALIVE: Duration = Duration::from_secs(5);
