//! Codecs: pure pairs of `decode` and `encode`, one file for each family of messages.
//!
//! Reference: compact-encoding 3.5.2, dht-rpc 6.27.0 `lib/io.js`, hyperdht 6.34.0
//! `lib/messages.js`.

mod address;
mod codec;
mod id;
mod messages;
mod packet;
mod payload;
mod sign;

pub use address::{decode_key, encode_key, parse_bootstrap, AddressError, LongAddress};
pub use codec::{Malformed, Reader, Writer};
pub use id::{hash, node_id, NodeId, Target};
pub use messages::{
    Announce, Handshake, Holepunch, LookupReply, Mode, Peer, PluginRequest,
};
pub use packet::{command, error_code, Packet, Request, Response};
pub use payload::{
    Firewall, HolepunchInfo, HolepunchPayload, NoisePayload, PayloadError, Relay, RelayThrough,
    UdxInfo, FEATURE_REUSABLE_SOCKET, FEATURE_REVISION_1,
};
pub use sign::{ns, Signable};
