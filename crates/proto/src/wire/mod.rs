//! Codecs: pure pairs of `decode` and `encode`, one file for each family of messages.
//!
//! Reference: compact-encoding 3.5.2, dht-rpc 6.27.0 `lib/io.js`, hyperdht 6.34.0
//! `lib/messages.js`.

mod address;
mod blind_relay;
mod codec;
mod id;
mod messages;
mod mux;
mod packet;
mod payload;
mod sign;

pub(crate) use address::dht_address;
pub use address::{
    AddressError, BootstrapNode, LongAddress, decode_key, encode_key, is_bogon, is_destination,
    is_near, is_private, is_reserved, match_address, parse_bootstrap,
};
pub use blind_relay::{RelayPair, RelayUnpair};
pub use codec::{Malformed, Reader, Writer};
pub use id::{NodeId, PublicKey, Target, hash, keyed_hash, node_id, token};
pub use messages::{
    Announce, Handshake, Holepunch, LookupReply, Mode, MutableGetReply, MutablePut,
    MutableSignable, Peer, PluginRequest,
};
pub use mux::{MuxFrame, MuxFrames, MuxOpen};
pub use packet::{Packet, Request, Response, command, error_code};
pub use payload::{
    FEATURE_PATH_FRAMES, FEATURE_REUSABLE_SOCKET, FEATURE_REVISION_1, Firewall, HolepunchInfo,
    HolepunchPayload, NoisePayload, PAYLOAD_VERSION, PayloadError, Relay, RelayThrough, UdxInfo,
};
pub use sign::{announce_signable, mutable_signable, ns};
