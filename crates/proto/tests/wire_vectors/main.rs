//! The codecs against bytes that the reference made, and the values it read from them.
#![cfg(test)]

mod addresses;
mod messages;
mod packets;
mod reading;
mod relays;

use std::fmt::Debug;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use proto::BootstrapNode;
use proto::wire::*;
use serde_json::Value;

use reading::*;
