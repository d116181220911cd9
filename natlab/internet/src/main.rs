//! The internet of the NAT laboratory. Each edge is a TUN device in a network namespace. A datagram
//! that enters at one edge leaves, later, at the edge that its destination address belongs to.
//! An edge can have a NAT. Only UDP passes.
//!
//! ```text
//! natlab-internet [ttl=12] [seed=1] ns=PATH,net=20.1.0,delay=10[,nat=eif[,hairpin]] ...
//! ```
//!
//! It prints `ready` when the devices exist. It obeys two orders, each a line of its standard input:
//! from `lose 10` on, so many percent of the datagrams are lost; after `reset 20.1.0.1`, the NAT with
//! that address has forgotten its mappings and gives out other ports. It ends when its standard input
//! does: the process that started it is gone then.

mod datagram;
mod edge;
mod internet;
mod nat;
mod options;
mod tun;

use std::process::ExitCode;

fn main() -> ExitCode {
    let started = options::Options::parse(std::env::args().skip(1))
        .and_then(|options| internet::Internet::open(options).map_err(|error| error.to_string()));
    let mut internet = match started {
        Ok(internet) => internet,
        Err(error) => return fail(&error),
    };
    println!("ready");
    match internet.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(error: &str) -> ExitCode {
    eprintln!("natlab-internet: {error}");
    ExitCode::FAILURE
}
