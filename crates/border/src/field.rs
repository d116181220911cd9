//! The values that fields have, each with its name in the schema.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;
use hyperdht::wire::{Malformed, Reader, Writer};
use hyperdht::{
    AskId, ConnId, KeyPair, QueryId, RequestId, ServerId, SocketId, StreamId, parse_address,
};
use zeroize::Zeroizing;

use crate::sample::Random;

/// A type that the schema can describe.
pub(crate) trait Shape {
    /// The type in JSON, as `lib/native/schema.js` reads it.
    fn shape() -> String;
}

/// A value that crosses to JavaScript.
pub(crate) trait Encode: Shape {
    fn encode(&self, w: &mut Writer);
}

/// A value that comes from JavaScript.
pub(crate) trait Decode: Shape + Sized {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Malformed>;
}

/// A value that tests can make up.
pub(crate) trait Sample: Sized {
    fn sample(random: &mut Random) -> Self;
}

/// An enum with numbered rows.
pub(crate) trait Choice: Sized {
    const NUMBERS: &'static [u8];
    #[cfg(test)]
    const VARIANTS: &'static [&'static str];

    /// Any value of a row; `None` if there is no such row.
    fn sample_row(number: u8, random: &mut Random) -> Option<Self>;
}

/// Decodes one value, which must take all of the bytes.
pub(crate) fn decode_all<T: Decode>(bytes: &[u8]) -> Result<T, Malformed> {
    let mut r = Reader::new(bytes);
    let value = T::decode(&mut r)?;
    if r.is_empty() { Ok(value) } else { Err(Malformed::LeftOver) }
}

/// A type with one name in the schema, how it is written, read and made up.
macro_rules! field {
    ($type:ty, $name:expr, $write:expr, $read:expr, $sample:expr $(, const $n:ident: $of:ty)?) => {
        impl $(<const $n: $of>)? Shape for $type {
            fn shape() -> String {
                format!("\"{}\"", $name)
            }
        }

        impl $(<const $n: $of>)? Encode for $type {
            fn encode(&self, w: &mut Writer) {
                let write: fn(&Self, &mut Writer) = $write;
                write(self, w);
            }
        }

        impl $(<const $n: $of>)? Decode for $type {
            fn decode(r: &mut Reader<'_>) -> Result<Self, Malformed> {
                let read: fn(&mut Reader<'_>) -> Result<Self, Malformed> = $read;
                read(r)
            }
        }

        impl $(<const $n: $of>)? Sample for $type {
            fn sample(random: &mut Random) -> Self {
                let sample: fn(&mut Random) -> Self = $sample;
                sample(random)
            }
        }
    };
}

field!(u8, "u8", |v, w| _ = w.u8(*v), |r| r.u8(), |random| random.number() as u8);
field!(u16, "u16", |v, w| _ = w.u16(*v), |r| r.u16(), |random| random.number() as u16);
field!(u32, "uint", |v, w| _ = w.uint(u64::from(*v)), narrow, |random| random.number() as u32);
field!(u64, "uint", |v, w| _ = w.uint(*v), |r| r.uint(), Random::number);
field!(usize, "uint", |v, w| _ = w.uint(*v as u64), narrow, |random| random.number() as usize);
field!(f64, "f64", |v, w| _ = w.raw(&v.to_le_bytes()), float, |random| random.number() as f64);
field!(bool, "bool", |v, w| _ = w.u8(u8::from(*v)), flag, Random::coin);

/// Ids, which have four bytes each.
macro_rules! ids {
    ($($id:ident)+) => {$(
        field!($id, "u32", |v, w| _ = w.u32(v.0), |r| r.u32().map($id), |random| $id(random.id()));
    )+};
}

ids! { AskId ConnId QueryId RequestId ServerId SocketId StreamId }

field!(Duration, "uint", |v, w| _ = w.uint(v.as_millis() as u64), millis, |random| {
    Self::from_millis(random.number())
});
field!(SocketAddrV4, "address", |v, w| _ = w.addr4(*v), |r| r.addr4(), |random| Self::new(
    Ipv4Addr::sample(random),
    u16::sample(random)
));
field!(SocketAddr, "endpoint", write_endpoint, endpoint, |random| match random.coin() {
    true => Self::V4(SocketAddrV4::sample(random)),
    false => Self::from((random.array::<16>(), u16::sample(random))),
});
field!(Ipv4Addr, "ipv4", |v, w| _ = w.raw(&v.octets()), ipv4, |random| Self::from(random.id()));
field!(IpAddr, "string", |v, w| _ = w.buffer(v.to_string().as_bytes()), ip, |random| {
    Self::V4(Ipv4Addr::sample(random))
});
field!(Bytes, "bytes", |v, w| _ = w.buffer(v), bytes, |random| random.bytes().into());
field!(String, "string", |v, w| _ = w.buffer(v.as_bytes()), string, Random::text);
field!(KeyPair, "secretKey", |v, w| _ = w.raw(&*v.secret_key()), key_pair, |random| {
    Self::from_seed(random.array())
});
field!([u8; N], format!("bytes{N}"), |v, w| _ = w.raw(v), |r| r.array(), Random::array, const N: usize);
field!(
    Zeroizing<[u8; N]>,
    format!("bytes{N}"),
    |v, w| _ = w.raw(&**v),
    |r| r.array().map(Self::new),
    |random| Self::new(random.array()),
    const N: usize
);

/// The result of a query: it has no value, so that only a failure crosses.
impl Shape for () {
    fn shape() -> String {
        "\"nothing\"".to_owned()
    }
}

impl Encode for () {
    fn encode(&self, _: &mut Writer) {}
}

impl Sample for () {
    fn sample(_: &mut Random) -> Self {}
}

impl<T: Shape> Shape for Option<T> {
    fn shape() -> String {
        format!("{{\"optional\":{}}}", T::shape())
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, w: &mut Writer) {
        w.u8(u8::from(self.is_some()));
        if let Some(value) = self {
            value.encode(w);
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        if flag(r)? { T::decode(r).map(Some) } else { Ok(None) }
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(random: &mut Random) -> Self {
        random.coin().then(|| T::sample(random))
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn shape() -> String {
        format!("{{\"list\":{}}}", T::shape())
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, w: &mut Writer) {
        w.list(self, |w, item| item.encode(w));
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        // Every item takes at least one byte.
        r.list(1, T::decode)
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(random: &mut Random) -> Self {
        (0..random.below(4)).map(|_| T::sample(random)).collect()
    }
}

impl<T: Shape> Shape for Box<T> {
    fn shape() -> String {
        T::shape()
    }
}

impl<T: Encode> Encode for Box<T> {
    fn encode(&self, w: &mut Writer) {
        T::encode(self, w);
    }
}

impl<T: Decode> Decode for Box<T> {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        T::decode(r).map(Self::new)
    }
}

impl<T: Sample> Sample for Box<T> {
    fn sample(random: &mut Random) -> Self {
        Self::new(T::sample(random))
    }
}

/// A name in the camel case of JavaScript.
pub(crate) fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut all, part| {
        let (head, tail) = part.split_at(part.len().min(1));
        all.push_str(&head.to_uppercase());
        all.push_str(tail);
        all
    })
}

fn flag(r: &mut Reader<'_>) -> Result<bool, Malformed> {
    match r.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed::UnknownValue),
    }
}

fn narrow<T: TryFrom<u64>>(r: &mut Reader<'_>) -> Result<T, Malformed> {
    T::try_from(r.uint()?).map_err(|_| Malformed::IntegerTooLarge)
}

fn float(r: &mut Reader<'_>) -> Result<f64, Malformed> {
    Ok(f64::from_le_bytes(r.array()?))
}

fn millis(r: &mut Reader<'_>) -> Result<Duration, Malformed> {
    Ok(Duration::from_millis(r.uint()?))
}

fn ipv4(r: &mut Reader<'_>) -> Result<Ipv4Addr, Malformed> {
    Ok(r.array::<4>()?.into())
}

fn ip(r: &mut Reader<'_>) -> Result<IpAddr, Malformed> {
    string(r)?.parse().map_err(|_| Malformed::UnknownValue)
}

/// Its family, and then an IPv4 address as everywhere, or an IPv6 address as text. JavaScript has
/// names of interfaces for zones, and shows no zone.
fn write_endpoint(address: &SocketAddr, w: &mut Writer) {
    match address {
        SocketAddr::V4(address) => _ = w.u8(4).addr4(*address),
        SocketAddr::V6(address) => {
            w.u8(6).buffer(address.ip().to_string().as_bytes()).u16(address.port());
        }
    }
}

fn endpoint(r: &mut Reader<'_>) -> Result<SocketAddr, Malformed> {
    match r.u8()? {
        4 => Ok(SocketAddr::V4(r.addr4()?)),
        6 => parse_address(&string(r)?, r.u16()?).ok_or(Malformed::UnknownValue),
        _ => Err(Malformed::UnknownValue),
    }
}

fn bytes(r: &mut Reader<'_>) -> Result<Bytes, Malformed> {
    Ok(Bytes::copy_from_slice(r.buffer()?))
}

fn string(r: &mut Reader<'_>) -> Result<String, Malformed> {
    String::from_utf8(r.buffer()?.to_vec()).map_err(|_| Malformed::UnknownValue)
}

fn key_pair(r: &mut Reader<'_>) -> Result<KeyPair, Malformed> {
    let secret_key = Zeroizing::new(r.array()?);
    KeyPair::from_secret_key(&secret_key).ok_or(Malformed::UnknownValue)
}
