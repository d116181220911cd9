//! What crosses between the core and JavaScript: commands, events, answers to questions.
//!
//! The tables in `commands`, `events`, `questions` and `records` name everything once, with its
//! number and its fields in their order. The compiler makes this side from them. JavaScript makes
//! its side from [`schema()`], which is the same tables as text, when it loads the addon.
#![forbid(unsafe_code)]

#[macro_use]
mod table;

mod answers;
pub mod bind_error;
mod commands;
mod events;
mod failure;
mod field;
mod messages;
mod questions;
mod records;
mod relays;
mod sample;
mod schema;
mod trace;

use hyperdht::wire::{Malformed, Writer};
use hyperdht::{Command, Config, Event, OpenOptions};

use crate::commands::NodeOptions;
use crate::field::{Choice, Encode, decode_all};

pub use crate::events::{LARGE, parts};
pub use crate::messages::messages;
pub use crate::questions::{answer, sample_answer};
pub use crate::sample::Random;
pub use crate::schema::schema;

/// One command.
///
/// # Errors
/// When the bytes are not exactly one command.
pub fn command(bytes: &[u8]) -> Result<Command, Malformed> {
    decode_all(bytes)
}

/// The options of a new node.
///
/// # Errors
/// When the bytes are not exactly the options of a node.
pub fn open_options(bytes: &[u8]) -> Result<OpenOptions, Malformed> {
    decode_all::<NodeOptions>(bytes).map(OpenOptions::from)
}

/// The options of a node that only carries raw streams, over sockets of the application.
pub fn udx_options() -> OpenOptions {
    let config = Config { joins_dht: false, ..Config::default() };
    OpenOptions { config, lends: false, ..OpenOptions::default() }
}

/// The bytes of a command that JavaScript may give; empty for one that it never gives.
pub fn encode_command(command: &Command) -> Vec<u8> {
    encode(command)
}

/// An event with its message, in one piece.
pub fn encode_event(event: &Event) -> Vec<u8> {
    encode(event)
}

/// The options of a new node, decoded and encoded.
///
/// # Errors
/// See [`open_options`].
pub fn echo_options(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    decode_all::<NodeOptions>(bytes).map(|options| encode(&options))
}

/// Any event of a row, in bytes, for tests; `None` if there is no such row.
pub fn sample_event(number: u8, random: &mut Random) -> Option<Event> {
    Event::sample_row(number, random)
}

fn encode(value: &impl Encode) -> Vec<u8> {
    let mut w = Writer::new();
    value.encode(&mut w);
    w.finish()
}

#[cfg(test)]
mod tests;
