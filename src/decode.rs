//! Bytes of `lib/native/border.js` to options and commands.

use std::time::Duration;

use bytes::Bytes;
use hyperdht::wire::{Malformed, Reader};
use hyperdht::{
    AdaptiveTimeout, Answer, Answering, AskId, BootstrapNode, Command, Config, ConnId,
    ConnectOptions, Incoming, Interests, KeyPair, OpenOptions, QueryId, QueryKind, QueryOptions,
    RequestAnswer, RequestId, ServerId, ServerOptions, SocketId, Steer, UserCommit, UserRequest,
};
use zeroize::Zeroizing;

/// Options of a new node: where to bind, then the node's config.
pub(crate) fn open_options(bytes: &[u8]) -> Result<OpenOptions, Malformed> {
    let r = &mut Reader::new(bytes);
    let host = r.array::<4>()?.into();
    let dual_stack = flag(r)?;
    let (from, to) = (r.u32()?, r.u32()?);
    let any_port = flag(r)?;
    let config = config(r)?;
    Ok(OpenOptions { host, dual_stack, ports: from..to, any_port, config })
}

/// One command.
pub(crate) fn command(bytes: &[u8]) -> Result<Command, Malformed> {
    let r = &mut Reader::new(bytes);
    Ok(match r.u8()? {
        1 => Command::Connect {
            conn: ConnId(r.u32()?),
            remote: r.array()?,
            options: connect_options(r)?,
        },
        2 => Command::End { conn: ConnId(r.u32()?) },
        33 => Command::Flush { conn: ConnId(r.u32()?), flush: r.u32()? },
        3 => Command::DestroyConn { conn: ConnId(r.u32()?) },
        4 => Command::SetKeepAlive { conn: ConnId(r.u32()?), interval: millis(r)? },
        5 => Command::Listen { server: ServerId(r.u32()?), options: server_options(r)? },
        6 => Command::RefreshServer { server: ServerId(r.u32()?) },
        7 => Command::CloseServer { server: ServerId(r.u32()?) },
        8 => {
            let server = ServerId(r.u32()?);
            Command::SetHooks { server, firewall: flag(r)?, holepunch: flag(r)? }
        }
        9 => {
            let ask = AskId(r.u32()?);
            let answer = if flag(r)? { Answer::Accept } else { Answer::Reject };
            Command::Answer { ask, answer }
        }
        10 => query(r)?,
        11 => Command::CancelQuery { query: QueryId(r.u32()?) },
        12 => Command::Request { request: RequestId(r.u32()?), options: user_request(r)? },
        13 => Command::AddNode { address: r.addr4()? },
        21 => Command::WatchTable { watch: flag(r)? },
        14 => Command::Destroy { force: flag(r)? },
        32 => Command::Signed {
            server: ServerId(r.u32()?),
            tag: r.u32()?,
            signature: optional(r, |r| r.array())?,
        },
        30 => Command::SteerQuery { query: QueryId(r.u32()?), steer: steer(r)? },
        31 => Command::Unlink { target: r.array()?, public_key: r.array()? },
        15 => match optional(r, |r| r.u32())? {
            None => Command::Suspend,
            Some(server) => Command::SuspendServer { server: ServerId(server) },
        },
        16 => match optional(r, |r| r.u32())? {
            None => Command::Resume,
            Some(server) => Command::ResumeServer { server: ServerId(server) },
        },
        17 => Command::Subscribe { interests: interests(r)? },
        18 => {
            let incoming = Box::new(incoming(r)?);
            Command::AnswerRequest { incoming, answer: request_answer(r)? }
        }
        19 => Command::CancelRequest { request: RequestId(r.u32()?) },
        20 => datagram(r)?,
        23 => Command::SetDefaultKeepAlive { interval: millis(r)? },
        22 => Command::CheckLocal { host: r.array::<4>()?.into() },
        _ => return Err(Malformed::UnknownValue),
    })
}

fn config(r: &mut Reader<'_>) -> Result<Config, Malformed> {
    Ok(Config {
        key_pair: key_pair(r)?,
        bootstrap: r.list(1, bootstrap_node)?,
        nodes: r.addr4_list()?,
        ephemeral: match r.u8()? {
            0 => None,
            1 => Some(true),
            _ => Some(false),
        },
        adaptive: flag(r)?,
        firewalled: flag(r)?,
        quick_firewall: flag(r)?,
        public_address: optional(r, |r| r.addr4())?,
        connection_keep_alive: millis(r)?,
        random_punch_interval: millis(r)?,
        concurrency: size(r)?,
        max_window: size(r)?,
        max_ping_delay: millis(r)?,
        max_size: size(r)?,
        max_age: Some(millis(r)?).filter(|age| !age.is_zero()),
        watch_table: flag(r)?,
        defer_random_punch: flag(r)?,
        send_down_hints: flag(r)?,
        down_hints_rate_limit: optional(r, size)?,
        adaptive_timeout: optional(r, adaptive_timeout)?,
        ..Config::default()
    })
}

fn adaptive_timeout(r: &mut Reader<'_>) -> Result<AdaptiveTimeout, Malformed> {
    Ok(AdaptiveTimeout {
        max_size: size(r)?,
        max_age: millis(r)?,
        fallback: r.list(1, millis)?,
        min: millis(r)?,
        max: millis(r)?,
        jitter: millis(r)?,
    })
}

fn bootstrap_node(r: &mut Reader<'_>) -> Result<BootstrapNode, Malformed> {
    if r.u8()? == 0 {
        return Ok(BootstrapNode::Address(r.addr4()?));
    }
    let host = string(r)?;
    let port = r.u16()?;
    let suggested = optional(r, |r| Ok(r.array::<4>()?.into()))?;
    Ok(BootstrapNode::Name { host, port, suggested })
}

fn connect_options(r: &mut Reader<'_>) -> Result<ConnectOptions, Malformed> {
    Ok(ConnectOptions {
        key_pair: optional(r, key_pair)?,
        relay_addresses: r.addr4_list()?,
        local_connection: flag(r)?,
        fast_open: flag(r)?,
        ask_holepunch: flag(r)?,
        keep_alive: optional(r, millis)?,
    })
}

fn server_options(r: &mut Reader<'_>) -> Result<ServerOptions, Malformed> {
    Ok(ServerOptions {
        key_pair: optional(r, key_pair)?,
        announces: optional(r, |r| r.array())?,
        ask_firewall: flag(r)?,
        ask_holepunch: flag(r)?,
        holepunch: flag(r)?,
        share_local_address: flag(r)?,
        handshake_clear_wait: millis(r)?,
    })
}

fn query(r: &mut Reader<'_>) -> Result<Command, Malformed> {
    let query = QueryId(r.u32()?);
    let target = r.array()?;
    let options = QueryOptions {
        nodes: r.addr4_list()?,
        concurrency: optional(r, size)?,
        retries: optional(r, count)?,
        only_closest_nodes: flag(r)?,
        force: flag(r)?,
        only_values: flag(r)?,
    };
    let kind = match r.u8()? {
        0 => QueryKind::FindNode,
        1 => QueryKind::FindPeer,
        2 => QueryKind::Lookup,
        3 => QueryKind::Announce {
            key_pair: key_pair(r)?,
            relay_addresses: r.addr4_list()?,
            bump: r.uint()?,
            clear: flag(r)?,
        },
        4 => QueryKind::Unannounce { key_pair: key_pair(r)? },
        5 => QueryKind::User {
            command: r.uint()?,
            value: optional(r, bytes)?,
            commit: optional(r, user_commit)?.unwrap_or_default(),
        },
        _ => return Err(Malformed::UnknownValue),
    };
    Ok(Command::Query { query, target, kind, options })
}

fn steer(r: &mut Reader<'_>) -> Result<Steer, Malformed> {
    match r.u8()? {
        0 => Ok(Steer::Pause),
        1 => Ok(Steer::GoOn),
        2 => Ok(Steer::Conclude),
        _ => Err(Malformed::UnknownValue),
    }
}

fn user_commit(r: &mut Reader<'_>) -> Result<UserCommit, Malformed> {
    Ok(UserCommit::Send { command: r.uint()?, value: optional(r, bytes)? })
}

fn user_request(r: &mut Reader<'_>) -> Result<UserRequest, Malformed> {
    Ok(UserRequest {
        to: r.addr4()?,
        internal: flag(r)?,
        command: r.uint()?,
        target: optional(r, |r| r.array())?,
        token: optional(r, |r| r.array())?,
        value: optional(r, bytes)?,
        retries: count(r)?,
        ttl: optional(r, |r| r.u8())?,
        socket: optional(r, socket)?,
    })
}

fn interests(r: &mut Reader<'_>) -> Result<Interests, Malformed> {
    let bits = r.u8()?;
    Ok(Interests {
        unknown: bits & 1 != 0,
        requests: bits & 2 != 0,
        plugins: bits & 4 != 0,
        datagrams: bits & 8 != 0,
    })
}

fn incoming(r: &mut Reader<'_>) -> Result<Incoming, Malformed> {
    Ok(Incoming {
        socket: socket(r)?,
        from: r.addr4()?,
        from_id: optional(r, |r| r.array())?,
        to: r.addr4()?,
        tid: r.u16()?,
        command: r.uint()?,
        target: optional(r, |r| r.array())?,
        token: optional(r, |r| r.array())?,
        value: optional(r, bytes)?,
    })
}

fn datagram(r: &mut Reader<'_>) -> Result<Command, Malformed> {
    Ok(Command::HandleDatagram { socket: socket(r)?, from: r.addr4()?, data: bytes(r)? })
}

fn request_answer(r: &mut Reader<'_>) -> Result<RequestAnswer, Malformed> {
    Ok(match r.u8()? {
        0 => RequestAnswer::Reply(Answering {
            error: r.uint()?,
            value: optional(r, bytes)?,
            token: flag(r)?,
            closer_nodes: flag(r)?,
            to: optional(r, |r| r.addr4())?,
            socket: optional(r, socket)?,
        }),
        1 => RequestAnswer::Relay {
            value: optional(r, bytes)?,
            to: r.addr4()?,
            socket: optional(r, socket)?,
        },
        2 => RequestAnswer::Serve,
        _ => return Err(Malformed::UnknownValue),
    })
}

fn socket(r: &mut Reader<'_>) -> Result<SocketId, Malformed> {
    r.u32().map(SocketId)
}

fn key_pair(r: &mut Reader<'_>) -> Result<KeyPair, Malformed> {
    let secret_key = Zeroizing::new(r.array()?);
    KeyPair::from_secret_key(&secret_key).ok_or(Malformed::UnknownValue)
}

fn optional<T>(
    r: &mut Reader<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<Option<T>, Malformed> {
    if flag(r)? { read(r).map(Some) } else { Ok(None) }
}

fn flag(r: &mut Reader<'_>) -> Result<bool, Malformed> {
    Ok(r.u8()? == 1)
}

fn millis(r: &mut Reader<'_>) -> Result<Duration, Malformed> {
    Ok(Duration::from_millis(r.uint()?))
}

fn size(r: &mut Reader<'_>) -> Result<usize, Malformed> {
    usize::try_from(r.uint()?).map_err(|_| Malformed::IntegerTooLarge)
}

fn count(r: &mut Reader<'_>) -> Result<u32, Malformed> {
    u32::try_from(r.uint()?).map_err(|_| Malformed::IntegerTooLarge)
}

fn bytes(r: &mut Reader<'_>) -> Result<Bytes, Malformed> {
    Ok(Bytes::copy_from_slice(r.buffer()?))
}

fn string(r: &mut Reader<'_>) -> Result<String, Malformed> {
    String::from_utf8(r.buffer()?.to_vec()).map_err(|_| Malformed::UnknownValue)
}
