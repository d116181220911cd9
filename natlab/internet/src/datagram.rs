//! An IPv4 packet that holds a whole UDP datagram.

use std::net::{Ipv4Addr, SocketAddrV4};

pub struct Datagram {
    bytes: Vec<u8>,
    /// Where the UDP header begins.
    udp: usize,
}

impl Datagram {
    /// `None` for anything else, fragments too: no peer of the laboratory sends any.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let udp = usize::from(bytes.first()? & 15) * 4;
        let whole = bytes.len() >= udp + UDP_HEADER && udp >= IP_HEADER;
        let fragment = u16::from_be_bytes([*bytes.get(6)?, *bytes.get(7)?]) & MORE_OR_OFFSET != 0;
        if bytes[0] >> 4 != 4 || !whole || fragment || bytes[PROTOCOL] != UDP {
            return None;
        }
        Some(Self { bytes: bytes.to_vec(), udp })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn ttl(&self) -> u8 {
        self.bytes[TTL]
    }

    pub fn source(&self) -> SocketAddrV4 {
        self.address(SOURCE, self.udp)
    }

    pub fn destination(&self) -> SocketAddrV4 {
        self.address(DESTINATION, self.udp + 2)
    }

    pub fn set_source(&mut self, address: SocketAddrV4) {
        self.set_address(SOURCE, self.udp, address);
    }

    pub fn set_destination(&mut self, address: SocketAddrV4) {
        self.set_address(DESTINATION, self.udp + 2, address);
    }

    fn address(&self, ip: usize, port: usize) -> SocketAddrV4 {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| self.bytes[ip + i]);
        let port = u16::from_be_bytes([self.bytes[port], self.bytes[port + 1]]);
        SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port)
    }

    fn set_address(&mut self, ip: usize, port: usize, address: SocketAddrV4) {
        self.bytes[ip..ip + 4].copy_from_slice(&address.ip().octets());
        self.bytes[port..port + 2].copy_from_slice(&address.port().to_be_bytes());
        // Over IPv4 a sender may leave out UDP's checksum: zero says so.
        self.bytes[self.udp + 6..self.udp + 8].fill(0);
        self.bytes[CHECKSUM..CHECKSUM + 2].fill(0);
        let sum = checksum(&self.bytes[..self.udp]);
        self.bytes[CHECKSUM..CHECKSUM + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

/// RFC 1071.
fn checksum(header: &[u8]) -> u16 {
    let words =
        header.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

const IP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
const MORE_OR_OFFSET: u16 = 0x3fff;
const TTL: usize = 8;
const PROTOCOL: usize = 9;
const CHECKSUM: usize = 10;
const SOURCE: usize = 12;
const DESTINATION: usize = 16;
const UDP: u8 = 17;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_replaced_and_the_header_sums_to_zero() {
        let mut bytes = vec![0; 30];
        bytes[0] = 0x45;
        bytes[TTL] = 5;
        bytes[PROTOCOL] = UDP;
        let mut datagram = Datagram::parse(&bytes).unwrap();
        let [from, to] = ["20.1.0.1:7".parse().unwrap(), "20.2.0.1:9".parse().unwrap()];
        datagram.set_source(from);
        datagram.set_destination(to);
        assert_eq!((datagram.source(), datagram.destination(), datagram.ttl()), (from, to, 5));
        assert_eq!(checksum(&datagram.bytes()[..IP_HEADER]), 0);
    }

    #[test]
    fn what_is_no_whole_datagram_is_none() {
        assert!(Datagram::parse(&[]).is_none());
        assert!(Datagram::parse(&[0x45; 12]).is_none());
        assert!(Datagram::parse(&[0x4f; 40]).is_none());
        assert!(Datagram::parse(&[0x60; 60]).is_none());
    }
}
