//! Sends one DHT node as many requests as it can answer, and prints how many that was.
//!
//! ```text
//! hyperdht-load <address> <ping|find-node|find-peer|lookup> [--target HEX] [--seconds N]
//!               [--window N] [--sockets N]
//! ```
//!
//! Each socket keeps a window of requests open: each response makes room for the next request. A
//! request that is not answered in time counts as lost and makes room as well. The output is one
//! line of JSON: responses, seconds, losses, and the contents of the first response.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::process::ExitCode;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use proto::wire::{Packet, Request, Response, command};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    };
    match run(&options) {
        Ok(report) => {
            report.print();
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug)]
struct Options {
    to: SocketAddrV4,
    internal: bool,
    command: u64,
    /// `None` if the command has no target. A FIND_NODE without one varies its target.
    target: Option<[u8; 32]>,
    every_target: bool,
    duration: Duration,
    /// Requests in flight of each socket.
    window: usize,
    sockets: usize,
}

/// A socket that sends requests.
struct Asker {
    socket: UdpSocket,
    inflight: usize,
    tid: u16,
    last_answer: Instant,
}

#[derive(Debug, Default)]
struct Report {
    responses: u64,
    lost: u64,
    elapsed: Duration,
    /// The size of the first response in bytes, and below what it contains.
    bytes: usize,
    closer_nodes: usize,
    value: usize,
    token: bool,
}

impl Options {
    fn parse(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = args;
        let to = args.next().ok_or(USAGE)?;
        let name = args.next().ok_or(USAGE)?;
        let (internal, command) = match name.as_str() {
            "ping" => (true, command::PING),
            "find-node" => (true, command::FIND_NODE),
            "find-peer" => (false, command::FIND_PEER),
            "lookup" => (false, command::LOOKUP),
            _ => return Err(USAGE.into()),
        };
        let mut options = Self {
            to: parsed(&to)?,
            internal,
            command,
            target: None,
            every_target: name == "find-node",
            duration: Duration::from_secs(3),
            window: 64,
            sockets: 1,
        };
        while let Some(name) = args.next() {
            let value = args.next().ok_or(USAGE)?;
            match name.as_str() {
                "--target" => options.target = Some(key(&value).ok_or(USAGE)?),
                "--seconds" => options.duration = Duration::from_secs_f64(parsed(&value)?),
                "--window" => options.window = parsed(&value)?,
                "--sockets" => options.sockets = parsed(&value)?,
                _ => return Err(USAGE.into()),
            }
        }
        if !internal && options.target.is_none() {
            return Err("find-peer and lookup need a --target".into());
        }
        Ok(options)
    }

    fn request(&self, tid: u16) -> Vec<u8> {
        let target = match (self.target, self.every_target) {
            (None, true) => Some(some_target(tid)),
            (target, _) => target,
        };
        let Self { to, internal, command, .. } = *self;
        Request { tid, to, id: None, token: None, internal, command, target, value: None }.encode()
    }
}

impl Asker {
    /// The socket is connected, which makes sending cheaper: the node has to be the slower one.
    fn new(to: SocketAddrV4) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(to)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, inflight: 0, tid: 0, last_answer: Instant::now() })
    }

    /// Fills the window; true if anything was sent.
    fn ask(&mut self, options: &Options, requests: &[Vec<u8>]) -> io::Result<bool> {
        let before = self.inflight;
        while self.inflight < options.window {
            let Some(request) = requests.get(usize::from(self.tid)) else { break };
            match self.socket.send(request) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
            self.tid = self.tid.wrapping_add(1);
            self.inflight += 1;
        }
        Ok(self.inflight > before)
    }

    /// Reads the responses that have arrived; true if there were any.
    fn hear(&mut self, report: &mut Report, now: Instant) -> io::Result<bool> {
        let before = report.responses;
        let mut buffer = [0; 2048];
        loop {
            let len = match self.socket.recv(&mut buffer) {
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            let response = buffer.get(..len).unwrap_or_default();
            if report.responses == 0 {
                report.describe(response)?;
            }
            report.responses += 1;
            self.inflight = self.inflight.saturating_sub(1);
            self.last_answer = now;
        }
        if self.inflight > 0 && now.duration_since(self.last_answer) > PATIENCE {
            report.lost += self.inflight as u64;
            self.inflight = 0;
            self.last_answer = now;
        }
        Ok(report.responses > before)
    }
}

impl Report {
    fn describe(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Ok(Packet::Response(response)) = Packet::decode(bytes) else {
            return Err(io::Error::other("what came is no response"));
        };
        let Response { closer_nodes, value, token, error, .. } = response;
        if error != 0 {
            return Err(io::Error::other(format!("the response is error {error}")));
        }
        self.bytes = bytes.len();
        self.closer_nodes = closer_nodes.len();
        self.value = value.map_or(0, <[u8]>::len);
        self.token = token.is_some();
        Ok(())
    }

    #[expect(clippy::print_stdout, reason = "it is what this program is for")]
    fn print(&self) {
        let Self { responses, lost, bytes, closer_nodes, value, token, .. } = self;
        let seconds = self.elapsed.as_secs_f64();
        println!(
            r#"{{"responses":{responses},"seconds":{seconds},"lost":{lost},"bytes":{bytes},"closerNodes":{closer_nodes},"value":{value},"token":{token}}}"#
        );
    }
}

fn run(options: &Options) -> io::Result<Report> {
    let requests: Vec<_> = (0..=u16::MAX).map(|tid| options.request(tid)).collect();
    let askers = (0..options.sockets).map(|_| Asker::new(options.to));
    let mut askers = askers.collect::<io::Result<Vec<_>>>()?;
    let mut report = Report::default();
    let start = Instant::now();

    while start.elapsed() < options.duration {
        let mut busy = false;
        let now = Instant::now();
        for asker in &mut askers {
            busy |= asker.hear(&mut report, now)?;
            busy |= asker.ask(options, &requests)?;
        }
        // Yields instead of sleeping: the wake-up would cost the node that is measured.
        if !busy {
            thread::yield_now();
        }
    }
    report.elapsed = start.elapsed();
    Ok(report)
}

/// A target for each transaction id, spread over the key space.
fn some_target(tid: u16) -> [u8; 32] {
    proto::wire::hash(&[&tid.to_le_bytes()])
}

fn parsed<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not understood: {text}"))
}

fn key(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(key)
}

const USAGE: &str = "hyperdht-load <address> <ping|find-node|find-peer|lookup> [--target HEX] \
                     [--seconds N] [--window N] [--sockets N]";

/// If no response comes for this long, all requests in flight count as lost.
const PATIENCE: Duration = Duration::from_millis(100);
