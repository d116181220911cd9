//! Where a network meets the internet: a TUN device, and perhaps a NAT.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use crate::datagram::Datagram;
use crate::nat::Nat;
use crate::options::EdgeOptions;
use crate::tun;

pub struct Edge {
    device: File,
    net: [u8; 3],
    nat: Option<Nat>,
    hairpin: bool,
    pub delay: Duration,
}

impl Edge {
    pub fn open(options: &EdgeOptions, first_port: u16) -> io::Result<Self> {
        let [a, b, c] = options.net;
        let external = Ipv4Addr::new(a, b, c, 1);
        Ok(Self {
            device: tun::open(&options.namespace)?,
            net: options.net,
            nat: options.nat.map(|kind| Nat::new(kind, external, first_port)),
            hairpin: options.hairpin,
            delay: options.delay,
        })
    }

    pub fn descriptor(&self) -> RawFd {
        self.device.as_raw_fd()
    }

    pub fn owns(&self, address: Ipv4Addr) -> bool {
        address.octets()[..3] == self.net
    }

    pub fn reset_nat(&mut self) {
        if let Some(nat) = &mut self.nat {
            nat.reset();
        }
    }

    /// Reads a packet that the network inside has sent. `None` if no packet waits.
    ///
    /// # Errors
    ///
    /// Those of the device.
    pub fn read<'a>(&mut self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        match self.device.read(buffer) {
            Ok(length) => Ok(Some(&buffer[..length])),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A datagram on its way out, as the internet sees it. `None` when the edge drops it.
    pub fn outbound(&mut self, mut datagram: Datagram) -> Option<Datagram> {
        let to = datagram.destination();
        if self.nat.is_some() && self.owns(*to.ip()) && !self.hairpin {
            return None;
        }
        if let Some(nat) = &mut self.nat {
            datagram.set_source(nat.outbound(datagram.source(), to)?);
        }
        Some(datagram)
    }

    /// A datagram on its way in. It is lost when the NAT drops it or the device is full.
    pub fn deliver(&mut self, mut datagram: Datagram) {
        if let Some(nat) = &self.nat {
            let Some(internal) = nat.inbound(datagram.source(), datagram.destination().port())
            else {
                return;
            };
            datagram.set_destination(internal);
        }
        let _ = self.device.write(datagram.bytes());
    }
}
