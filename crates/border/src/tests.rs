use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyperdht::wire::{Malformed, Reader};
use hyperdht::{ConnId, Event, QueryKind, Stats};

use super::*;
use crate::field::{Decode, Sample};

#[test]
fn commands_round_trip() {
    let random = &mut random();
    for number in rows::<Command>() {
        for _ in 0..50 {
            let command = Command::sample_row(number, random).unwrap();
            let bytes = encode_command(&command);
            let decoded = super::command(&bytes);
            let again = decoded.map(|decoded| (encode_command(&decoded), format!("{decoded:?}")));
            assert_eq!(again, Ok((bytes, format!("{command:?}"))));
        }
    }
}

#[test]
fn options_round_trip() {
    let random = &mut random();
    for _ in 0..50 {
        let bytes = encode(&NodeOptions::sample(random));
        assert_eq!(echo_options(&bytes), Ok(bytes.clone()));
    }
}

#[test]
fn statistics_round_trip_and_are_complete() {
    let random = &mut random();
    let stats = Stats::sample(random);
    let bytes = encode(&stats);
    assert_eq!(Stats::decode(&mut Reader::new(&bytes)), Ok(stats));
    assert!(!format!("{stats:?}").contains(": 0"), "a number is not in the table: {stats:?}");
    assert!(!format!("{stats:?}").contains("[0"), "a number is not in the table: {stats:?}");
}

#[test]
fn what_is_left_over_or_cut_off_is_an_error() {
    let random = &mut random();
    for number in rows::<Command>() {
        let mut bytes = encode_command(&Command::sample_row(number, random).unwrap());
        for len in 0..bytes.len() {
            assert!(super::command(&bytes[..len]).is_err(), "{bytes:?} up to {len}");
        }
        bytes.push(0);
        assert_eq!(super::command(&bytes).err(), Some(Malformed::LeftOver), "{bytes:?}");
    }
    let mut bytes = encode(&NodeOptions::sample(random));
    bytes.push(0);
    assert_eq!(echo_options(&bytes), Err(Malformed::LeftOver));
}

#[test]
fn what_is_in_no_table_is_an_error() {
    assert_eq!(super::command(&[200]).err(), Some(Malformed::UnknownValue));
    // A flag that is neither 0 nor 1: `destroy`.
    assert_eq!(super::command(&[45, 2]).err(), Some(Malformed::UnknownValue));
}

#[test]
fn every_variant_has_a_row() {
    let calls = ["Write", "WriteAll", "SendMessage", "SendRaw", "Consumed", "Taken"];
    complete::<Command>(include_str!("../../proto/src/api/command.rs"), "Command", &calls);
    complete::<Event>(include_str!("../../proto/src/api/event.rs"), "Event", &[]);
    complete::<QueryKind>(include_str!("../../proto/src/api/query.rs"), "QueryKind", &[]);
}

/// Compares the rows with the variants of an enum whose source this is.
fn complete<T: Choice>(source: &str, name: &str, others: &[&str]) {
    let head = format!("pub enum {name} {{\n");
    let (_, body) = source.split_once(&head).unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let variants = body.lines().filter_map(|line| {
        let line = line.strip_prefix("    ")?;
        line.starts_with(char::is_uppercase).then(|| line.split(|c| !is_word(c)).next())?
    });
    let variants: BTreeSet<_> = variants.collect();
    assert_eq!(variants, T::VARIANTS.iter().chain(others).copied().collect());
}

#[test]
fn numbers_ascend() {
    for numbers in [Command::NUMBERS, Event::NUMBERS] {
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    }
}

#[test]
fn messages_are_written_as_the_table_says() {
    for len in [0, 1, 300, 70_000] {
        let (conn, data) = (ConnId(7), Bytes::from(vec![7; len]));
        let message = Event::Message { conn, data: data.clone() };
        for event in [Event::Data { conn, data }, message] {
            let (mut head, body) = parts(&event, vec![1, 2, 3]);
            head.extend_from_slice(body);
            assert_eq!(head, encode_event(&event));
        }
    }
}

fn rows<T: Choice>() -> impl Iterator<Item = u8> {
    T::NUMBERS.iter().copied()
}

/// Other values in each run. A test that fails shows the seed.
fn random() -> Random {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = std::env::var("BORDER_SEED").map_or(clock, |seed| seed.parse().unwrap());
    eprintln!("BORDER_SEED={seed}");
    Random::from_seed(seed)
}
