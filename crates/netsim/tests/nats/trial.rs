//! One client and one server, each behind its NATs, in a network of open nodes.

use std::fmt;
use std::time::Duration;

use netsim::{Dependence, HostId, Link, NatKind, World};
use proto::noise::KeyPair;
use proto::{ConnError, ConnId, Event, ServerId};

/// Where a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    /// At a public address.
    Open,
    /// At a public address, behind a firewall that lets in whom the host has sent to.
    Firewall,
    /// Behind a NAT.
    Nat(NatKind),
    /// Behind a NAT at home, which is behind the NAT of a carrier.
    Carrier(NatKind),
}

impl Site {
    /// Each endpoint outside sees another port.
    pub(crate) fn is_symmetric(self) -> bool {
        match self {
            Self::Open | Self::Firewall => false,
            Self::Nat(kind) | Self::Carrier(kind) => kind.mapping != Dependence::Independent,
        }
    }
}

/// How a client got on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Opened { after: Duration },
    Failed { after: Duration, error: Option<ConnError> },
}

/// Connects once. The round trip between any two networks is 40 ms.
pub(crate) fn connect(seed: u64, client: Site, server: Site, loss_per_mille: u32) -> Outcome {
    let link = Link { delay: Duration::from_millis(20), hops: 12, ..Link::default() };
    let mut world = World::with_bootstraps(seed, 3, link);
    for _ in 3..NODES {
        world.join(world.persistent());
    }
    let server = place(&mut world, server);
    let client = place(&mut world, client);
    let key_pair = KeyPair::from_seed([7; 32]);
    let remote = world.listen(server, ServerId(0), key_pair);
    world.run_for(Duration::from_secs(2));
    world.link.loss_per_mille = loss_per_mille;

    let start = world.elapsed();
    world.connect(client, ConnId(0), remote);
    world.run_until(LONGEST, |world| world.saw(client, |event| end(event).is_some()));
    let after = world.elapsed() - start;
    let events = world.take_events(client);
    match events.iter().find_map(end).expect("the loop has ended") {
        Ok(()) => Outcome::Opened { after },
        Err(error) => Outcome::Failed { after, error },
    }
}

fn place(world: &mut World, site: Site) -> HostId {
    let config = world.config();
    let host = match site {
        Site::Open => world.host(config),
        Site::Firewall => world.firewalled_host(config),
        Site::Nat(kind) => {
            let nat = world.nat(kind, None);
            world.host_behind(nat, config)
        }
        Site::Carrier(kind) => {
            let carrier = world.nat(kind, None);
            let home = world.nat(NatKind::HOME, Some(carrier));
            world.host_behind(home, config)
        }
    };
    world.wait_for(host, |event| matches!(event, Event::Ready));
    host
}

fn end(event: &Event) -> Option<Result<(), Option<ConnError>>> {
    match event {
        Event::Opened(_) => Some(Ok(())),
        Event::Closed(closed) => Some(Err(closed.error)),
        _ => None,
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { after } => write!(f, "{}", after.as_millis()),
            Self::Failed { after, error } => write!(f, "{error:?} after {}", after.as_millis()),
        }
    }
}

/// Enough that a bootstrap outlasts the check of the NAT.
const NODES: usize = 24;

const LONGEST: Duration = Duration::from_secs(120);
