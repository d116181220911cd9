//! The primitives of compact-encoding.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use thiserror::Error;

/// The bytes cannot be decoded. They come from the network, so this is never an error of the
/// caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    #[error("message ends too early")]
    /// The input ends too early.
    Short,
    #[error("integer above 2^53 - 1")]
    /// An integer is larger than JavaScript can hold exactly.
    IntegerTooLarge,
    #[error("array is too long")]
    /// An array has more elements than any message may have.
    ArrayTooLong,
    #[error("unknown value")]
    /// A number has no meaning in its field.
    UnknownValue,
    /// Bytes follow the value.
    #[error("bytes are left over")]
    LeftOver,
}

/// Reads a message from its front.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes that have not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// True at the end.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes, as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(*head)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes, little endian.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Four bytes, little endian.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A variable-length integer of at most 2^53 - 1.
    pub fn uint(&mut self) -> Result<u64, Malformed> {
        let value = match self.u8()? {
            0xfd => u64::from(self.u16()?),
            0xfe => u64::from(self.u32()?),
            0xff => u64::from_le_bytes(self.array()?),
            small => u64::from(small),
        };
        if value > MAX_SAFE_INTEGER {
            return Err(Malformed::IntegerTooLarge);
        }
        Ok(value)
    }

    /// A length and that many bytes.
    pub fn buffer(&mut self) -> Result<&'a [u8], Malformed> {
        let len = usize::try_from(self.uint()?).map_err(|_| Malformed::Short)?;
        self.take(len)
    }

    /// Four bytes of address and two of port, little endian.
    pub fn addr4(&mut self) -> Result<SocketAddrV4, Malformed> {
        let host = Ipv4Addr::from(self.array::<4>()?);
        Ok(SocketAddrV4::new(host, self.u16()?))
    }

    /// 16 bytes of address, big endian, and two of port, little endian.
    pub fn addr6(&mut self) -> Result<SocketAddrV6, Malformed> {
        let host = Ipv6Addr::from(self.array::<16>()?);
        Ok(SocketAddrV6::new(host, self.u16()?, 0, 0))
    }

    /// A count, and that many items. A count that the remaining bytes cannot hold is an error.
    pub fn list<T>(
        &mut self,
        min_item_size: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.uint()?;
        if count > MAX_ARRAY {
            return Err(Malformed::ArrayTooLong);
        }
        let count = count as usize;
        if count.saturating_mul(min_item_size) > self.rest.len() {
            return Err(Malformed::Short);
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// A count, and that many addresses.
    pub fn addr4_list(&mut self) -> Result<Vec<SocketAddrV4>, Malformed> {
        self.list(ADDR4_SIZE, Self::addr4)
    }

    /// A count, and that many addresses.
    pub fn addr6_list(&mut self) -> Result<Vec<SocketAddrV6>, Malformed> {
        self.list(ADDR6_SIZE, Self::addr6)
    }

    /// A field that is present only if `flag` is not zero.
    pub fn when<T>(
        &mut self,
        flag: u64,
        field: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        if flag == 0 {
            return Ok(None);
        }
        field(self).map(Some)
    }
}

/// Appends to a message.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty message.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty message with room for this many bytes, which avoids reallocations.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// An empty message in the memory of an older one.
    pub fn reusing(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        Self { bytes }
    }

    /// The message.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.raw(&[value])
    }

    /// Two bytes, little endian.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// Four bytes, little endian.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// The shortest form of a variable-length integer.
    pub fn uint(&mut self, value: u64) -> &mut Self {
        match value {
            0..=0xfc => self.u8(value as u8),
            0xfd..=0xffff => self.u8(0xfd).u16(value as u16),
            0x1_0000..=0xffff_ffff => self.u8(0xfe).u32(value as u32),
            _ => self.u8(0xff).raw(&value.to_le_bytes()),
        }
    }

    /// A length and the bytes.
    pub fn buffer(&mut self, bytes: &[u8]) -> &mut Self {
        self.uint(bytes.len() as u64).raw(bytes)
    }

    /// Four bytes of address and two of port, little endian.
    pub fn addr4(&mut self, address: SocketAddrV4) -> &mut Self {
        self.raw(&address.ip().octets()).u16(address.port())
    }

    /// 16 bytes of address, big endian, and two of port, little endian.
    pub fn addr6(&mut self, address: SocketAddrV6) -> &mut Self {
        self.raw(&address.ip().octets()).u16(address.port())
    }

    /// A count and the items.
    pub fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.uint(items.len() as u64);
        for each in items {
            item(self, each);
        }
        self
    }

    /// A count and the addresses.
    pub fn addr4_list(&mut self, addresses: &[SocketAddrV4]) -> &mut Self {
        self.list(addresses, |w, address| {
            w.addr4(*address);
        })
    }

    /// A count and the addresses.
    pub fn addr6_list(&mut self, addresses: &[SocketAddrV6]) -> &mut Self {
        self.list(addresses, |w, address| {
            w.addr6(*address);
        })
    }

    /// The field, if it is present. The caller writes its flag.
    pub fn when<T>(
        &mut self,
        field: &Option<T>,
        write: impl for<'w> FnOnce(&'w mut Self, &T) -> &'w mut Self,
    ) -> &mut Self {
        match field {
            Some(value) => write(self, value),
            None => self,
        }
    }
}

/// The flag if its field is present, otherwise 0.
pub(super) fn bit(present: bool, flag: u64) -> u64 {
    if present { flag } else { 0 }
}

/// The largest integer that a JavaScript number holds exactly.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// The reference refuses longer arrays.
const MAX_ARRAY: u64 = 0x10_0000;

/// Bytes of an encoded IPv4 address with its port.
pub(super) const ADDR4_SIZE: usize = 6;

/// Bytes of an encoded IPv6 address with its port.
const ADDR6_SIZE: usize = 18;
