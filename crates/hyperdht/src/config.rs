//! Options of a [`crate::Dht`].

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;
use std::{io, iter};

use zeroize::Zeroizing;

use crate::{BootstrapNode, Config, DEFAULT_PORT, KeyPair, OpenOptions, Protect, Rng, wire};

/// Options of [`crate::Dht::new`].
///
/// The defaults join the public network:
///
/// ```
/// use hyperdht::DhtConfig;
///
/// let config = DhtConfig { port: 4977, ..DhtConfig::default() };
/// assert_eq!(config.bootstrap.len(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct DhtConfig {
    /// The nodes to bootstrap from; empty for the first node of a private network. Default: those
    /// of the public network.
    pub bootstrap: Vec<BootstrapNode>,
    /// The local address of all sockets. Default 0.0.0.0.
    pub host: Ipv4Addr,
    /// Port of the server socket; 0 is any. Default 49737.
    pub port: u16,
    /// If `port` and the four that follow it are occupied, take any other. If false, an occupied
    /// `port` is an error. Default true.
    pub any_port: bool,
    /// The key pair under which [`crate::Dht::connect`] connects. Default: a new one.
    pub key_pair: Option<KeyPair>,
    /// `Some(true)`: never serve others; `Some(false)`: as soon as the NAT allows; `None`: after
    /// about 20 minutes of being reachable. Default `None`.
    pub ephemeral: Option<bool>,
    /// False if strangers are known to reach the server socket. Default true.
    pub firewalled: bool,
    /// Interval of the empty messages that keep a connection's path open; zero is off. Default
    /// 5 s.
    pub connection_keep_alive: Duration,
    /// How long a connection lasts while its peer acknowledges nothing of what was sent. Each end has
    /// its own. Default and least: 13 s. Most: 10 minutes.
    pub user_timeout: Duration,
    /// What to do with each socket before anything is sent from it, as on Android and in
    /// containers. Default nothing.
    pub protect: Option<Protect>,
}

impl DhtConfig {
    /// The options of a node that finds its network at `bootstrap`, on the loopback interface.
    pub fn local(bootstrap: Vec<BootstrapNode>) -> Self {
        Self { bootstrap, host: Ipv4Addr::LOCALHOST, port: 0, ..Self::default() }
    }

    pub(crate) fn open_options(self) -> io::Result<OpenOptions> {
        let key_pair = match self.key_pair {
            Some(key_pair) => key_pair,
            None => generate_key_pair()?,
        };
        let ports = match self.port {
            0 => 0..0,
            port => u32::from(port)..u32::from(port) + CANDIDATES,
        };
        let config = Config {
            bootstrap: self.bootstrap,
            key_pair,
            ephemeral: self.ephemeral,
            adaptive: self.ephemeral.is_none(),
            firewalled: self.firewalled,
            connection_keep_alive: self.connection_keep_alive,
            user_timeout: self.user_timeout,
            ..Config::default()
        };
        let Self { host, any_port, protect, .. } = self;
        Ok(OpenOptions { host, ports, any_port, protect, config, ..OpenOptions::default() })
    }
}

impl Default for DhtConfig {
    fn default() -> Self {
        Self {
            bootstrap: public_bootstrap(),
            host: Ipv4Addr::UNSPECIFIED,
            port: DEFAULT_PORT,
            any_port: true,
            key_pair: None,
            ephemeral: None,
            firewalled: true,
            connection_keep_alive: Duration::from_secs(5),
            user_timeout: Duration::from_secs(13),
            protect: None,
        }
    }
}

/// Makes a key pair from the system's randomness.
///
/// # Errors
/// When the system has no randomness.
pub fn generate_key_pair() -> io::Result<KeyPair> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed)?;
    Ok(KeyPair::from_seed(*seed))
}

/// A generator that starts from the system's randomness.
///
/// # Errors
/// When the system has no randomness.
pub fn system_rng() -> io::Result<Rng> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed)?;
    Ok(Rng::from_seed(*seed))
}

/// The bootstrap list of a single node.
pub(crate) fn bootstrap_at(address: SocketAddrV4) -> Vec<BootstrapNode> {
    iter::once(BootstrapNode::Address(address)).collect()
}

fn public_bootstrap() -> Vec<BootstrapNode> {
    PUBLIC_BOOTSTRAP.iter().filter_map(|text| wire::parse_bootstrap(text).ok()).collect()
}

/// The bootstrap nodes of the public network.
const PUBLIC_BOOTSTRAP: [&str; 3] = [
    "88.99.3.86@node1.hyperdht.org:49737",
    "142.93.90.113@node2.hyperdht.org:49737",
    "138.68.147.8@node3.hyperdht.org:49737",
];

/// The wanted port and the four after it, as many as the reference tries.
const CANDIDATES: u32 = 5;
