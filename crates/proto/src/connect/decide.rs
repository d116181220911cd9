//! What a client does with the server's answer (PROTOCOL D.6).

use std::net::SocketAddrV4;

use crate::net::Reply;
use crate::punch::MAX_ADDRESSES;
use crate::wire::{Firewall, Handshake, Mode, NoisePayload, is_bogon, is_reserved, match_address};

/// The route that message 2 took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HelloRoute {
    /// The node that message 1 was sent to.
    pub(super) node: SocketAddrV4,
    /// The server's address as that node sees it, or the node's own if it is the server.
    pub(super) server: SocketAddrV4,
    /// Our address as that node sees it.
    pub(super) client: SocketAddrV4,
    /// The node is not the server.
    pub(super) relayed: bool,
}

impl HelloRoute {
    /// Reads a reply in the expected mode, with message 2. The layer below has checked that the
    /// asked node sent it.
    pub(super) fn read(via: SocketAddrV4, reply: &Reply) -> Option<(Self, Vec<u8>)> {
        let message = Handshake::decode(reply.value.as_ref()?).ok()?;
        if message.mode != Mode::Reply || message.noise.is_empty() || reply.from != via {
            return None;
        }
        let route = Self {
            node: via,
            server: message.peer_address.unwrap_or(via),
            client: reply.to,
            relayed: message.peer_address.is_some(),
        };
        Some((route, message.noise))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// The node was the server: this path works.
    Direct,
    /// The server can be reached at this address without punching.
    Open(SocketAddrV4),
    /// The server can reach us without punching, and will send first.
    Passive,
    /// Try the local address, punching, or both at once.
    Try { lan: Option<SocketAddrV4>, punch: bool },
    /// No path is possible.
    Nowhere,
}

/// `own` is the firewall that the server was told. `local` are our local addresses, or `None` if
/// the application wants no local connection.
pub(super) fn decide(
    route: HelloRoute,
    payload: &NoisePayload,
    own: Firewall,
    local: Option<&[SocketAddrV4]>,
) -> Decision {
    if !route.relayed {
        return Decision::Direct;
    }
    let elsewhere = route.server != route.node;
    let punch = payload.holepunch.as_ref().is_some_and(|info| !info.relays.is_empty());
    if payload.firewall == Firewall::Open || (elsewhere && !punch) {
        return Decision::Open(first_public(&payload.addresses4).unwrap_or(route.server));
    }
    if own == Firewall::Open {
        return Decision::Passive;
    }
    let same_network = elsewhere && route.client.ip() == route.server.ip();
    let lan = local.filter(|_| same_network).and_then(|ours| lan_address(ours, payload));
    if lan.is_none() && !punch {
        return Decision::Nowhere;
    }
    Decision::Try { lan, punch }
}

fn first_public(addresses: &[SocketAddrV4]) -> Option<SocketAddrV4> {
    usable(addresses).find(|address| !is_bogon(*address.ip()))
}

fn lan_address(ours: &[SocketAddrV4], payload: &NoisePayload) -> Option<SocketAddrV4> {
    // Another network may use the addresses of ours.
    let is_elsewhere =
        |address: &SocketAddrV4| !is_reserved(*address.ip()) && !ours.contains(address);
    let theirs: Vec<_> =
        usable(&payload.addresses4).filter(|address| is_elsewhere(address)).collect();
    match_address(ours, &theirs).or_else(|| theirs.first().copied())
}

fn usable(addresses: &[SocketAddrV4]) -> impl Iterator<Item = SocketAddrV4> {
    addresses.iter().take(MAX_ADDRESSES).filter(|address| address.port() != 0).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{HolepunchInfo, Relay};

    #[test]
    fn a_node_that_is_the_server_needs_nothing_else() {
        let route = HelloRoute { relayed: false, server: NODE.parse().unwrap(), ..route() };
        assert_eq!(decide(route, &payload(), Firewall::Unknown, None), Decision::Direct);
    }

    #[test]
    fn an_open_server_is_reached_at_its_first_public_address() {
        let mut payload = payload();
        payload.firewall = Firewall::Open;
        payload.addresses4 = addresses(&["192.168.1.1:5", "8.8.8.8:0", "8.8.8.8:7"]);
        assert_eq!(decide_for(&payload), Decision::Open("8.8.8.8:7".parse().unwrap()));

        payload.addresses4 = addresses(&["192.168.1.1:5"]);
        assert_eq!(decide_for(&payload), Decision::Open(SERVER.parse().unwrap()));
    }

    #[test]
    fn a_server_that_cannot_punch_is_tried_where_the_node_sees_it() {
        let mut payload = payload();
        payload.holepunch = None;
        assert_eq!(decide_for(&payload), Decision::Open(SERVER.parse().unwrap()));
    }

    #[test]
    fn an_open_client_waits() {
        assert_eq!(decide(route(), &payload(), Firewall::Open, None), Decision::Passive);
    }

    #[test]
    fn peers_of_one_network_race_the_shortcut() {
        let mut payload = payload();
        payload.addresses4 = addresses(&["0.1.2.3:9", "10.0.0.1:5", "192.168.1.7:5"]);
        let ours = addresses(&["192.168.1.2:6"]);
        let mut route = route();
        let apart = decide(route, &payload, Firewall::Unknown, Some(&ours));
        assert_eq!(apart, Decision::Try { lan: None, punch: true });

        route.client = "5.5.5.5:99".parse().unwrap();
        let lan = Some("192.168.1.7:5".parse().unwrap());
        let together = decide(route, &payload, Firewall::Unknown, Some(&ours));
        assert_eq!(together, Decision::Try { lan, punch: true });
        // A host with two interfaces has the second one in the network of the peer.
        let both = addresses(&["172.16.0.2:6", "192.168.1.2:6"]);
        assert_eq!(decide(route, &payload, Firewall::Unknown, Some(&both)), together);
        let unwanted = decide(route, &payload, Firewall::Unknown, None);
        assert_eq!(unwanted, Decision::Try { lan: None, punch: true });
    }

    #[test]
    fn an_address_that_is_our_own_is_of_another_network() {
        let mut payload = payload();
        let ours = addresses(&["192.168.1.2:6"]);
        payload.addresses4 = ours.clone();
        let route = HelloRoute { client: "5.5.5.5:99".parse().unwrap(), ..route() };
        let decision = decide(route, &payload, Firewall::Unknown, Some(&ours));
        assert_eq!(decision, Decision::Try { lan: None, punch: true });
    }

    #[test]
    fn without_any_way_there_is_none() {
        let mut payload = payload();
        payload.holepunch = None;
        let route = HelloRoute { server: NODE.parse().unwrap(), ..route() };
        assert_eq!(decide(route, &payload, Firewall::Unknown, None), Decision::Nowhere);
    }

    fn decide_for(payload: &NoisePayload) -> Decision {
        decide(route(), payload, Firewall::Unknown, None)
    }

    fn route() -> HelloRoute {
        HelloRoute {
            node: NODE.parse().unwrap(),
            server: SERVER.parse().unwrap(),
            client: "6.6.6.6:66".parse().unwrap(),
            relayed: true,
        }
    }

    fn payload() -> NoisePayload {
        let relay = NODE.parse().unwrap();
        let relays = vec![Relay { relay_address: relay, peer_address: SERVER.parse().unwrap() }];
        NoisePayload {
            version: 1,
            holepunch: Some(HolepunchInfo { id: 0, relays }),
            ..NoisePayload::default()
        }
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddrV4> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    const NODE: &str = "4.4.4.4:44";
    const SERVER: &str = "5.5.5.5:55";
}
