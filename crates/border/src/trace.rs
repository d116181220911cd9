//! What a failed attempt to connect did.

use std::net::SocketAddrV4;
use std::time::Duration;

use hyperdht::wire::{Malformed, Reader, Writer};
use hyperdht::{ConnectReason, ConnectStep, ConnectTrace, NatClass, PublicKey, TracedStep};

use crate::field::{Decode, Encode, Sample, Shape, camel};
use crate::sample::Random;

record! { ConnectTrace {
    reason: ConnectReason,
    direct: Option<ConnectReason>,
    steps: Vec<TracedStep>,
    node: Option<SocketAddrV4>,
    server: Option<SocketAddrV4>,
    relay: Option<PublicKey>,
    local_nat: NatClass,
    remote_nat: NatClass,
    nodes: u32,
    handshakes: u32,
    rounds: u32,
    probes: u32,
} }

record! { TracedStep { step: ConnectStep, ms: Duration } => { step, after: ms } }

words! { ConnectStep {
    0 search => Search,
    1 found => Found,
    2 handshake => Handshake,
    3 answered => Answered,
    4 lan => Lan,
    5 relay => Relay,
    6 round => Round,
    7 analyzed => Analyzed,
    8 agree => Agree,
    9 punch => Punch,
    10 failed => Failed,
} }

words! { NatClass {
    0 unknown => Unknown,
    1 open => Open,
    2 consistent => Consistent,
    3 random => Random,
} }

words! { ConnectReason {
    0 no_answer => NoAnswer,
    1 not_announced => NotAnnounced,
    2 not_reached => NotReached,
    3 handshake_invalid => HandshakeInvalid,
    4 server_incompatible => ServerIncompatible,
    5 server_error => ServerError,
    6 server_without_udx => ServerWithoutUdx,
    7 no_way => NoWay,
    8 server_silent => ServerSilent,
    9 lan_silent => LanSilent,
    10 round_silent => RoundSilent,
    11 server_aborted => ServerAborted,
    12 try_later => TryLater,
    13 throttled => Throttled,
    14 nat_unknown => NatUnknown,
    15 random_nats => RandomNats,
    16 server_not_punching => ServerNotPunching,
    17 no_strategy => NoStrategy,
    18 probes_lost => ProbesLost,
    19 no_socket => NoSocket,
    20 vetoed => Vetoed,
    21 relay_failed => RelayFailed,
    22 suspended => Suspended,
    23 node_destroyed => NodeDestroyed,
    24 node_failed => NodeFailed,
} }
