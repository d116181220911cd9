//! Does the same work each time it runs, so that its instructions can be counted:
//! `hyperdht-fixed <work>`. Without an argument it prints the names of all work, and how often each
//! is done.

mod codecs;
mod frames;
mod streams;

use std::process::ExitCode;

/// A piece of work: its name, how often it is done, and a function that does it so often.
type Work = (&'static str, usize, fn(usize));

const ALL: &[Work] = &[
    ("nothing", 1, |_| ()),
    ("udx-packet", 40_000, streams::packets),
    ("udx-small-write", 40_000, streams::small_writes),
    ("request", 20_000, codecs::requests),
    ("response-20-nodes", 10_000, codecs::responses),
    ("announce", 10_000, codecs::announces),
    ("frame-64", 20_000, |times| frames::frames(times, 64)),
    ("frame-1024", 5_000, |times| frames::frames(times, 1024)),
    ("frame-65536", 100, |times| frames::frames(times, 65_536)),
    ("handshake", 20, frames::handshakes),
];

#[expect(clippy::print_stdout, reason = "it is what this program is for")]
fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        for (name, times, _) in ALL {
            println!("{name} {times}");
        }
        return ExitCode::SUCCESS;
    };
    let Some((_, times, work)) = ALL.iter().find(|(each, ..)| *each == name) else {
        eprintln!("there is no work {name}");
        return ExitCode::FAILURE;
    };
    work(*times);
    ExitCode::SUCCESS
}
