//! Private networks for tests, on the loopback interface.

use std::io;
use std::net::Ipv4Addr;

use crate::config::bootstrap_at;
use crate::{BootstrapNode, Dht, DhtConfig};

/// A DHT on 127.0.0.1 that is separate from the public one.
#[derive(Debug)]
pub struct Testnet {
    /// The nodes that serve the network. The others bootstrap from the first one.
    pub nodes: Vec<Dht>,
    /// The bootstrap nodes for a further node of this network.
    pub bootstrap: Vec<BootstrapNode>,
}

/// Starts a network of this many nodes, one after another.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let testnet = hyperdht::testnet(3).await?;
/// let first = testnet.nodes[0].local_addr().expect("it is open");
///
/// let node = testnet.create_node().await?;
/// assert_eq!(node.ping(first).await.expect("it answers").from, first);
/// testnet.destroy().await;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When a socket cannot be bound.
pub async fn testnet(size: usize) -> io::Result<Testnet> {
    let mut testnet = Testnet { nodes: Vec::with_capacity(size), bootstrap: Vec::new() };
    for _ in 0..size {
        let node = Dht::new(serving(testnet.bootstrap.clone())).await?;
        node.bootstrapped().await;
        if let (true, Some(address)) = (testnet.nodes.is_empty(), node.local_addr()) {
            testnet.bootstrap = bootstrap_at(address);
        }
        testnet.nodes.push(node);
    }
    Ok(testnet)
}

impl Testnet {
    /// Starts a node that uses the network without serving it.
    ///
    /// # Errors
    /// When a socket cannot be bound.
    pub async fn create_node(&self) -> io::Result<Dht> {
        let local = DhtConfig::local(self.bootstrap.clone());
        Dht::new(DhtConfig { ephemeral: Some(true), ..local }).await
    }

    /// Destroys the nodes that serve the network, the last one first.
    pub async fn destroy(self) {
        for node in self.nodes.iter().rev() {
            node.destroy().await;
        }
    }
}

fn serving(bootstrap: Vec<BootstrapNode>) -> DhtConfig {
    DhtConfig {
        bootstrap,
        host: Ipv4Addr::LOCALHOST,
        port: 0,
        ephemeral: Some(false),
        firewalled: false,
        ..DhtConfig::default()
    }
}
