//! Keys as text, long addresses, bootstrap strings, address classes (PROTOCOL G, D.12).
//!
//! Reference: hypercore-id-encoding 1.3.0, z32 1.1.0, hyperdht-address 1.1.1, bogon 1.3.0,
//! hyperdht 6.34.0 `lib/holepuncher.js`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use thiserror::Error;

use super::codec::bit;
use super::{Malformed, Reader, Writer};

/// The caller's string is not a key or not an address. The texts are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Neither 52 characters of z-base-32 nor 64 of hex.
    #[error("Invalid Hypercore key")]
    InvalidKey,
    /// 52 characters, one of which is not z-base-32.
    #[error("Invalid character in base32 input: \"{character}\" at position {position}")]
    InvalidCharacter {
        /// The first invalid character.
        character: char,
        /// Its position, counted from 0.
        position: usize,
    },
    /// The port is missing, or is not a number from 0 to 65535.
    #[error("Bootstrap node format is host:port")]
    BootstrapFormat,
}

/// The address of a peer, if the DHT has a place for it: its messages carry IPv4 addresses.
pub(crate) fn dht_address(address: SocketAddr) -> Option<SocketAddrV4> {
    match address {
        SocketAddr::V4(address) => Some(address),
        SocketAddr::V6(_) => None,
    }
}

/// Reads a key from z-base-32 or hex; `pear://` is stripped, and then everything from the next `/`
/// on.
pub fn decode_key(text: &str) -> Result<[u8; 32], AddressError> {
    let id = match text.strip_prefix("pear://") {
        Some(link) => link.split('/').next().unwrap_or(link),
        None => text,
    };
    match id.chars().count() {
        KEY_CHARS => decode_z32(id),
        KEY_HEX_CHARS => decode_hex(id).ok_or(AddressError::InvalidKey),
        _ => Err(AddressError::InvalidKey),
    }
}

/// Writes a key as 52 characters of z-base-32.
pub fn encode_key(key: &[u8; 32]) -> String {
    encode_z32(key)
}

/// A key, and nodes through which its owner can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongAddress {
    /// The public key.
    pub key: [u8; 32],
    /// The nodes. An empty list is encoded, unlike `None`.
    pub nodes: Option<Vec<SocketAddrV4>>,
}

impl LongAddress {
    /// Decodes an address. A bare key is a valid address.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let key = r.array()?;
        let flags = if r.is_empty() { 0 } else { r.uint()? };
        Ok(Self { key, nodes: r.when(flags & HAS_NODES, Reader::addr4_list)? })
    }

    /// The address as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.raw(&self.key)
            .uint(bit(self.nodes.is_some(), HAS_NODES))
            .when(&self.nodes, |w, nodes| w.addr4_list(nodes));
        w.finish()
    }
}

/// A bootstrap node, as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootstrapNode {
    /// An address.
    Address(SocketAddrV4),
    /// A name, with an address to try before it is resolved.
    Name {
        /// Host name for DNS.
        host: String,
        /// UDP port.
        port: u16,
        /// An address to ping first. DNS is asked only if the address does not answer.
        suggested: Option<Ipv4Addr>,
    },
}

/// Reads `host:port` or `suggestedIP@hostname:port`; everything from a second colon on is ignored.
pub fn parse_bootstrap(text: &str) -> Result<BootstrapNode, AddressError> {
    let mut parts = text.split(':');
    let (Some(host), Some(port)) = (parts.next(), parts.next()) else {
        return Err(AddressError::BootstrapFormat);
    };
    let port = port.trim().parse().map_err(|_| AddressError::BootstrapFormat)?;

    if let Some((suggested, name)) = host.split_once('@') {
        let suggested = suggested.parse().ok();
        return Ok(BootstrapNode::Name { host: name.to_owned(), port, suggested });
    }
    Ok(match host.parse::<Ipv4Addr>() {
        Ok(ip) => BootstrapNode::Address(SocketAddrV4::new(ip, port)),
        Err(_) => BootstrapNode::Name { host: host.to_owned(), port, suggested: None },
    })
}

/// True if the address is not routable on the public internet.
pub fn is_bogon(host: Ipv4Addr) -> bool {
    is_private(host) || is_reserved(host)
}

/// True for the networks behind NATs, loopback and link-local.
pub fn is_private(host: Ipv4Addr) -> bool {
    matches!(
        host.octets(),
        [10 | 127, ..] | [100, 64..=127, ..] | [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..]
    )
}

/// Whether an address is on this host or in a private network.
pub fn is_near(host: IpAddr) -> bool {
    match host {
        IpAddr::V4(host) => is_private(host),
        IpAddr::V6(host) => {
            host.is_loopback() || host.is_unique_local() || host.is_unicast_link_local()
        }
    }
}

/// True for reserved networks: "this" network, documentation, benchmarking, multicast, future use.
pub fn is_reserved(host: Ipv4Addr) -> bool {
    matches!(
        host.octets(),
        [0 | 224..=255, ..]
            | [192, 0, 0 | 2, _]
            | [198, 18..=19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

/// Whether datagrams may go to this address, which a stranger has stated. Private networks and
/// loopback are allowed, since peers may be there.
pub fn is_destination(address: SocketAddrV4) -> bool {
    address.port() != 0 && !is_reserved(*address.ip())
}

/// The remote address that is most likely in one of our local networks: the first that shares
/// three leading bytes with a local one, else the first that shares two, else one.
pub fn match_address(local: &[SocketAddrV4], remote: &[SocketAddrV4]) -> Option<SocketAddrV4> {
    let mut best = None;
    let mut best_shared = 0;
    for ours in local {
        for theirs in remote {
            let shared = shared_bytes(*ours.ip(), *theirs.ip());
            if shared >= 3 {
                return Some(*theirs);
            }
            if shared > best_shared {
                best_shared = shared;
                best = Some(*theirs);
            }
        }
    }
    best
}

fn shared_bytes(a: Ipv4Addr, b: Ipv4Addr) -> usize {
    a.octets().iter().zip(b.octets()).take_while(|(a, b)| **a == *b).count()
}

fn encode_z32(bytes: &[u8]) -> String {
    let bit_of = |n: usize| bytes.get(n / 8).map_or(0, |byte| byte >> (7 - n % 8) & 1);
    let quintet = |n: usize| (n..n + 5).fold(0, |sum, n| sum << 1 | bit_of(n));
    let bits = bytes.len() * 8;
    (0..bits).step_by(5).map(|n| char::from(ALPHABET[usize::from(quintet(n))])).collect()
}

/// Decodes a key. 52 characters carry 260 bits; the last four bits are ignored.
fn decode_z32(text: &str) -> Result<[u8; 32], AddressError> {
    let mut key = [0; 32];
    for (position, character) in text.chars().enumerate() {
        let quintet = ALPHABET
            .iter()
            .position(|&letter| char::from(letter) == character)
            .ok_or(AddressError::InvalidCharacter { character, position })?;

        for n in 0..5 {
            let place = position * 5 + n;
            if let Some(byte) = key.get_mut(place / 8) {
                *byte |= ((quintet >> (4 - n) & 1) as u8) << (7 - place % 8);
            }
        }
    }
    Ok(key)
}

fn decode_hex(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    let mut digits = text.chars().map(|c| c.to_digit(16));
    for byte in &mut key {
        *byte = (digits.next()?? << 4 | digits.next()??) as u8;
    }
    Some(key)
}

const ALPHABET: &[u8; 32] = b"ybndrfg8ejkmcpqxot1uwisza345h769";

/// 256 bits in characters of five.
const KEY_CHARS: usize = 52;

/// 256 bits in characters of four.
const KEY_HEX_CHARS: usize = 64;

/// Flag of [`LongAddress`].
const HAS_NODES: u64 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_written_as_by_the_reference() {
        let vectors = include_str!("../../tests/vectors/G_addresses.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
        let cases = vectors["z32_short"].as_array().unwrap();
        for case in cases {
            let bytes = hex::decode(case["hex"].as_str().unwrap()).unwrap();
            assert_eq!(encode_z32(&bytes), case["z32"].as_str().unwrap(), "{case}");
        }
        assert_eq!(cases.len(), 5);
    }
}
