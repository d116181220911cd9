//! Replays transcripts of the native library: a stream has to send the same bytes.
#![cfg(test)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;
use udx::{CloseReason, Config, Event, Flags, HEADER_SIZE, Packet, Seq, Sink, Stream};

#[test]
fn every_header_decodes_and_encodes() {
    let mut count = 0;
    for scenario in scenarios() {
        for datagram in datagrams(&scenario) {
            let Some(packet) = Packet::parse(&datagram.bytes) else {
                continue;
            };
            let header = packet.header;
            let field = |name: &str| datagram.json[name].as_u64();
            assert_eq!(field("seq"), Some(u64::from(header.seq.0)));
            assert_eq!(field("ack"), Some(u64::from(header.ack.0)));
            assert_eq!(field("type"), Some(u64::from(header.kind.0)));
            if let Some(sacks) = datagram.json["sacks"].as_array().filter(|_| !datagram.cut) {
                let pair = |sack: &Value| (seq(&sack[0]), seq(&sack[1]));
                let expected: Vec<_> = sacks.iter().map(pair).collect();
                assert_eq!(packet.sack_ranges().collect::<Vec<_>>(), expected);
            }
            let mut bytes = Vec::new();
            header.encode(&mut bytes);
            assert_eq!(bytes, &datagram.bytes[..20]);
            count += 1;
        }
    }
    assert!(count > 900, "{count}");
}

#[test]
fn data() {
    replay("data write + ack");
    replay("two writes in the same tick");
    replay("receive in order");
    replay("duplicate + old data");
    replay("data with data_offset padding (mtu probe style)");
    replay("ack beyond the native seq");
    replay("unknown type bits");
    replay("packet from another source address, same socket");
}

#[test]
fn acknowledgements() {
    replay("receive out of order -> SACK");
    replay("END before missing data");
    replay("heartbeat from peer");
    replay("data before connect");
}

#[test]
fn messages() {
    replay("message (unordered) both ways");
}

#[test]
fn ends() {
    replay("end without data, peer acks, peer ends");
    replay("write + end");
    replay("end lost");
    replay("data after remote END");
}

#[test]
fn destruction() {
    replay("native destroy");
    replay("peer destroy");
    replay("peer destroy with old seq ignored");
    replay("peer destroy with future seq");
}

#[test]
fn timers() {
    replay("zero window");
    replay("unresponsive peer, one packet");
    replay("tail loss probe");
}

#[test]
fn another_path() {
    replay("change remote with data in flight");
}

#[test]
fn a_relay_changes_the_id_only() {
    let scenario = scenario("relay");
    let packets = datagrams(&scenario);
    let now = Instant::now();
    let mut a = Stream::new(0x0102_0304, Config::default());
    let mut b = Stream::new(1, Config::default());
    b.connect(now, 0x6666_6666, PEER);
    a.start_relaying();
    for pair in packets.chunks(2) {
        let mut forwarded = pair[0].bytes.clone();
        let (to, head) = b.forward(&forwarded).unwrap();
        assert_eq!((to, &head[..]), (PEER, &pair[1].bytes[..HEADER_SIZE]));
        assert_eq!(b.forward_in_place(&mut forwarded, pair[0].bytes.len()), Some(PEER));
        assert_eq!(forwarded, pair[1].bytes);
        a.handle_relayed(&Packet::parse(&pair[0].bytes).unwrap());
    }
    assert_eq!(a.poll_event(), Some(Event::Closed(CloseReason::Reset)));
    assert!(a.is_done());
}

/// Plays the peer of a scenario and the calls of the application, and expects the packets and
/// events of the native library.
fn replay(name: &str) {
    let scenario = scenario(name);
    let packets = datagrams(&scenario);
    let mut native = Native::new(name);
    for (index, datagram) in packets.iter().enumerate() {
        if datagram.json["dir"].as_str().is_some_and(|dir| dir.ends_with("->native")) {
            native.receive(datagram);
            continue;
        }
        native.act(datagram, &packets[index..]);
        native.expect(datagram);
    }
    native.finish(&scenario);
}

struct Native<'a> {
    name: &'a str,
    stream: Stream,
    start: Instant,
    sink: Collect,
    /// The next sequence number whose payload is not written yet.
    written: u32,
}

impl<'a> Native<'a> {
    fn new(name: &'a str) -> Self {
        let mut stream = Stream::new(0x0102_0304, Config::default());
        let start = Instant::now();
        if !name.starts_with("data before connect") {
            stream.connect(start, REMOTE_ID, PEER);
        }
        Self { name, stream, start, sink: Collect::default(), written: 0 }
    }

    fn receive(&mut self, datagram: &Datagram) {
        let Some(packet) = Packet::parse(&datagram.bytes) else {
            return;
        };
        self.stream.handle_packet(self.start + datagram.at, &packet, &mut self.sink);
    }

    /// Makes the call that made the library send this packet.
    fn act(&mut self, datagram: &Datagram, ahead: &[Datagram]) {
        let now = self.start + datagram.at;
        let packet = Packet::parse(&datagram.bytes).unwrap();
        let kind = packet.header.kind;
        if datagram.json["dir"] == "native->NEW" {
            self.stream.change_remote(now, packet.header.remote_id, NEW);
        }
        if !self.stream.is_connected() && kind == Flags::STATE {
            self.stream.connect(now, REMOTE_ID, PEER);
        }
        if kind == Flags::DESTROY {
            self.stream.destroy(now);
        }
        if kind == Flags::MESSAGE {
            self.stream.send_message(packet.payload);
        }
        let source = match kind {
            // The library probes the window when there is something to send.
            Flags::HEARTBEAT => ahead.iter().find(|datagram| datagram.bytes[2] == Flags::DATA.0),
            _ => Some(datagram),
        };
        if let Some(source) = source {
            self.write(&Packet::parse(&source.bytes).unwrap());
        }
    }

    fn write(&mut self, packet: &Packet<'_>) {
        let kind = packet.header.kind;
        let sequenced = kind.contains(Flags::DATA) || kind.contains(Flags::END);
        if !sequenced || packet.header.seq.0 < self.written {
            return;
        }
        self.written = packet.header.seq.0 + 1;
        self.stream.write(Bytes::copy_from_slice(packet.payload));
        if kind.contains(Flags::END) {
            self.stream.end();
        }
    }

    fn expect(&mut self, datagram: &Datagram) {
        let sent = self.next_sent(self.start + datagram.at + SLACK);
        let Some((bytes, to)) = sent else {
            panic!("{}: nothing instead of {}", self.name, datagram.json);
        };
        assert_eq!(hex(&bytes), hex(&datagram.bytes), "{}: {}", self.name, datagram.json);
        let new = datagram.json["dir"] == "native->NEW";
        assert_eq!(to, if new { NEW } else { PEER }, "{}", self.name);
    }

    /// The next datagram, letting time pass until `limit`.
    fn next_sent(&mut self, limit: Instant) -> Option<(Vec<u8>, SocketAddr)> {
        let mut out = Vec::new();
        let mut now = limit - SLACK;
        loop {
            let due = self.stream.poll_timeout().filter(|at| *at <= limit);
            if let Some(at) = due.filter(|at| *at <= now) {
                now = at;
                self.stream.handle_timeout(at);
            }
            if let Some(transmit) = self.stream.poll_transmit(now, &mut out, 1) {
                return Some((out, transmit.to));
            }
            now = due?;
        }
    }

    fn finish(mut self, scenario: &Value) {
        let events = scenario["native_events"].as_array().unwrap();
        let last = events.iter().filter_map(|event| event["t"].as_u64()).max().unwrap_or(0);
        let quiet = self.next_sent(self.start + Duration::from_millis(last) + SLACK);
        assert!(quiet.is_none(), "{}: an extra packet {quiet:?}", self.name);

        let of = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
        let bytes: Vec<u8> = events
            .iter()
            .filter(|event| event["event"] == "data")
            .flat_map(|event| unhex(event["hex"].as_str().unwrap()))
            .collect();
        assert_eq!(self.sink.data, bytes, "{}", self.name);
        assert_eq!(self.sink.messages, of("message"), "{}", self.name);
        assert_eq!(self.sink.ends, of("end"), "{}", self.name);
        let mut moved = 0;
        let mut closed = None;
        while let Some(event) = self.stream.poll_event() {
            match event {
                Event::RemoteChanged => moved += 1,
                Event::Closed(reason) => closed = Some(reason),
                Event::Finished | Event::PathValidated | Event::PathFailed | Event::Unanswered => {}
            }
        }
        assert_eq!(moved, of("remote-changed"), "{}", self.name);
        let error = events.iter().find(|event| event["event"] == "error");
        match error.and_then(|event| event["code"].as_str()) {
            Some("ECONNRESET") => assert_eq!(closed, Some(CloseReason::Reset)),
            Some("ETIMEDOUT") => assert_eq!(closed, Some(CloseReason::TimedOut)),
            _ => assert!(!matches!(closed, Some(CloseReason::Reset | CloseReason::TimedOut))),
        }
    }
}

#[derive(Default)]
struct Collect {
    data: Vec<u8>,
    messages: usize,
    ends: usize,
}

impl Sink for Collect {
    /// The library counts data as consumed when it is delivered.
    fn data(&mut self, payload: &[u8]) -> usize {
        self.data.extend_from_slice(payload);
        0
    }
    fn message(&mut self, _: &[u8]) {
        self.messages += 1;
    }
    fn end(&mut self) {
        self.ends += 1;
    }
}

struct Datagram {
    at: Duration,
    bytes: Vec<u8>,
    /// The recorder kept only the first part of the datagram.
    cut: bool,
    json: Value,
}

fn scenarios() -> Vec<Value> {
    let files = [include_str!("vectors/E_udx.json"), include_str!("vectors/E_udx_more.json")];
    let parse = |text| serde_json::from_str::<Value>(text).unwrap();
    let list = |json: Value| json["scenarios"].as_array().unwrap().clone();
    files.into_iter().map(parse).flat_map(list).collect()
}

fn scenario(name: &str) -> Value {
    let found = scenarios().into_iter().find(|scenario| scenario["name"] == name);
    found.unwrap_or_else(|| panic!("no scenario {name}"))
}

fn datagrams(scenario: &Value) -> Vec<Datagram> {
    let parse = |json: &Value| {
        let text = json["hex"].as_str().unwrap();
        Datagram {
            at: Duration::from_millis(json["t"].as_u64().unwrap()),
            bytes: unhex(text.trim_end_matches('…')),
            cut: text.ends_with('…'),
            json: json.clone(),
        }
    };
    scenario["packets"].as_array().unwrap().iter().map(parse).collect()
}

fn seq(value: &Value) -> Seq {
    Seq(value.as_u64().unwrap() as u32)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

const REMOTE_ID: u32 = 0x0a0b_0c0d;
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
const NEW: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2);

/// The precision of the recorder's clock and event loop.
const SLACK: Duration = Duration::from_millis(30);
