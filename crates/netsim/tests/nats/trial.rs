//! One client and one server, each behind its NATs, in a network of open nodes.

use std::fmt;
use std::time::Duration;

use netsim::{Dependence, HostId, Link, NatKind, World};
use proto::noise::KeyPair;
use proto::{Command, ConnError, ConnId, ConnectReason, ConnectTrace, Event, ServerId};

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
    Failed { after: Duration, error: Option<ConnError>, trace: ConnectTrace },
}

/// Connects once. The round trip between any two networks is 40 ms.
pub(crate) fn connect(seed: u64, client: Site, server: Site, loss_per_mille: u32) -> Outcome {
    run(seed, loss_per_mille, 1, |world| [place(world, client), place(world, server)])
}

/// Connects, and connects again some seconds after that connection has ended.
pub(crate) fn connect_again(seed: u64, client: Site, server: Site, loss_per_mille: u32) -> Outcome {
    run(seed, loss_per_mille, 2, |world| [place(world, client), place(world, server)])
}

/// Two hosts behind one NAT.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared {
    pub(crate) kind: NatKind,
    /// Whether each host has a firewall of its own.
    pub(crate) firewalls: bool,
    /// Whether the NAT is that of a carrier, and each host has one of its own besides.
    pub(crate) carrier: bool,
}

/// Connects once, behind one NAT.
pub(crate) fn connect_together(seed: u64, shared: Shared) -> Outcome {
    run(seed, 0, 1, |world| {
        let nat = world.nat(shared.kind, None);
        [(); 2].map(|()| {
            let config = world.config();
            let at = if shared.carrier { world.nat(NatKind::HOME, Some(nat)) } else { nat };
            let host = match shared.firewalls {
                true => world.firewalled_host_behind(at, config),
                false => world.host_behind(at, config),
            };
            world.wait_for(host, |event| matches!(event, Event::Ready));
            host
        })
    })
}

/// The outcome of the last of some connects.
fn run(
    seed: u64,
    loss_per_mille: u32,
    times: u32,
    place: impl FnOnce(&mut World) -> [HostId; 2],
) -> Outcome {
    let link = Link { delay: Duration::from_millis(20), hops: 12, ..Link::default() };
    let mut world = World::with_bootstraps(seed, 3, link);
    for _ in 3..NODES {
        world.join(world.persistent());
    }
    let [client, server] = place(&mut world);
    let key_pair = KeyPair::from_seed([7; 32]);
    let remote = world.listen(server, ServerId(0), key_pair);
    world.run_for(Duration::from_secs(2));
    world.link.loss_per_mille = loss_per_mille;

    for conn in (1..times).map(ConnId) {
        world.connect(client, conn, remote);
        world.run_until(LONGEST, |world| world.saw(client, |event| end(event).is_some()));
        world.command(client, Command::DestroyConn { conn });
        world.run_for(Duration::from_secs(5));
        world.take_events(client);
    }
    let start = world.elapsed();
    world.connect(client, ConnId(0), remote);
    world.run_until(LONGEST, |world| world.saw(client, |event| end(event).is_some()));
    let after = world.elapsed() - start;
    let events = world.take_events(client);
    match events.iter().find_map(end).expect("the loop has ended") {
        Ok(()) => Outcome::Opened { after },
        Err((error, trace)) => Outcome::Failed { after, error, trace },
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

fn end(event: &Event) -> Option<Result<(), (Option<ConnError>, ConnectTrace)>> {
    if let Event::Opened(_) = event {
        return Some(Ok(()));
    }
    let Event::Closed(closed) = event else { return None };
    let trace = closed.trace.as_deref().expect("every failure has a trace");
    Some(Err((closed.error, trace.clone())))
}

impl Outcome {
    pub(crate) fn opened_within(&self, millis: u128) -> bool {
        matches!(self, Self::Opened { after } if after.as_millis() <= millis)
    }

    pub(crate) fn failed_within(&self, millis: u128) -> bool {
        matches!(self, Self::Failed { after, error: Some(_), .. } if after.as_millis() <= millis)
    }
}

impl Outcome {
    /// The reason of a failure.
    pub(crate) fn reason(&self) -> Option<ConnectReason> {
        if let Self::Failed { trace, .. } = self { Some(trace.reason) } else { None }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { after } => write!(f, "{}", after.as_millis()),
            Self::Failed { after, trace, .. } => {
                write!(f, "{trace:?} after {}", after.as_millis())
            }
        }
    }
}

/// Enough that a bootstrap outlasts the check of the NAT.
const NODES: usize = 24;

const LONGEST: Duration = Duration::from_secs(120);
