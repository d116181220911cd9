//! What the command line says.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use crate::nat::Kind;

pub struct Options {
    /// A datagram that arrives with a smaller TTL has died on the way.
    pub ttl: u8,
    pub seed: u64,
    pub edges: Vec<EdgeOptions>,
}

pub struct EdgeOptions {
    pub namespace: PathBuf,
    /// The first three bytes of the edge's addresses. The fourth byte of a NAT's address is 1.
    pub net: [u8; 3],
    /// A datagram takes this long between the edge and the middle of the internet.
    pub delay: Duration,
    pub nat: Option<Kind>,
    pub hairpin: bool,
}

/// A line of standard input.
pub enum Order {
    /// Of a hundred datagrams, so many are lost.
    Lose(u32),
    /// The address of a NAT.
    Reset(Ipv4Addr),
}

impl Order {
    pub fn parse(line: &str) -> Result<Self, String> {
        match line.trim().split_once(' ') {
            Some(("lose", value)) => Ok(Self::Lose(number(value)?)),
            Some(("reset", value)) => Ok(Self::Reset(number(value)?)),
            _ => Err(format!("unknown: {line}")),
        }
    }
}

impl Options {
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { ttl: 12, seed: 1, edges: Vec::new() };
        for argument in arguments {
            match argument.split_once('=') {
                Some(("ttl", value)) => options.ttl = number(value)?,
                Some(("seed", value)) => options.seed = number(value)?,
                _ => options.edges.push(EdgeOptions::parse(&argument)?),
            }
        }
        Ok(options)
    }
}

impl EdgeOptions {
    fn parse(text: &str) -> Result<Self, String> {
        let mut edge = Self {
            namespace: PathBuf::new(),
            net: [0; 3],
            delay: Duration::ZERO,
            nat: None,
            hairpin: false,
        };
        for field in text.split(',') {
            match field.split_once('=') {
                Some(("ns", path)) => edge.namespace = path.into(),
                Some(("net", value)) => edge.net = net(value)?,
                Some(("delay", value)) => edge.delay = Duration::from_millis(number(value)?),
                Some(("nat", name)) => edge.nat = Some(Kind::parse(name)?),
                None if field == "hairpin" => edge.hairpin = true,
                _ => return Err(format!("unknown field: {field}")),
            }
        }
        Ok(edge)
    }
}

fn net(text: &str) -> Result<[u8; 3], String> {
    let bytes = text.split('.').map(number).collect::<Result<Vec<u8>, _>>()?;
    bytes.try_into().map_err(|_| format!("not three bytes of an address: {text}"))
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}
