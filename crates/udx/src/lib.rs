//! UDX as a sans-IO state machine: reliable, packet-sequenced streams over UDP.
//!
//! A [`Stream`] takes datagrams ([`Packet`]) and instants, and gives datagrams
//! ([`Stream::poll_transmit`]), deadlines ([`Stream::poll_timeout`]) and events
//! ([`Stream::poll_event`]). It owns no socket and reads no clock.
//!
//! Wire format and rules: libudx, as shipped in udx-native 1.21.3. Congestion control, pacing, the
//! timing of loss recovery and the MTU search are not part of the protocol; this crate has its own.

#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod ack;
mod bbr;
mod config;
mod flight;
mod header;
mod loss;
mod maxfilter;
mod mtu;
mod pace;
mod pacing;
mod path;
mod ranges;
mod rate;
mod recv;
mod rtt;
mod send;
mod seq;
mod sink;
mod stream;
mod time;

pub use config::Config;
pub use header::{
    Flags, HEADER_SIZE, Header, Packet, SackRanges, path_frame, path_packet, stream_id,
};
pub use seq::Seq;
pub use sink::Sink;
pub use stream::{CloseReason, Event, Stream, StreamStats, Transmit};
