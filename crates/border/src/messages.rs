//! Unordered messages of JavaScript, of which many come at once. `lib/native/messages.js` writes them.

use bytes::Bytes;
use hyperdht::wire::Malformed;
use hyperdht::{Command, ConnId};

/// The commands that send the messages. They share a copy of the bytes.
///
/// # Errors
/// When the bytes are not exactly some messages.
pub fn messages(bytes: &[u8]) -> Result<Vec<Command>, Malformed> {
    let all = Bytes::copy_from_slice(bytes);
    let mut commands = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let conn = ConnId(word_at(&all, at)?);
        let start = at + HEAD_LEN;
        let len = word_at(&all, at + 4)? as usize;
        if len > all.len() - start {
            return Err(Malformed::Short);
        }
        commands.push(Command::SendMessage { conn, data: all.slice(start..start + len) });
        at = (start + len).next_multiple_of(4);
    }
    Ok(commands)
}

fn word_at(bytes: &[u8], at: usize) -> Result<u32, Malformed> {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
    word.map(|word| u32::from_ne_bytes(*word)).ok_or(Malformed::Short)
}

/// The number of a stream, and the length of a message.
const HEAD_LEN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_a_command_with_its_bytes() {
        let written = [(1, &b"first"[..]), (0x8000_0000, b""), (1, b"last")];
        let bytes = written.into_iter().flat_map(|(conn, data)| record(conn, data));
        let commands = messages(&bytes.collect::<Vec<u8>>()).unwrap();
        let read: Vec<_> = commands.iter().map(read).collect();
        assert_eq!(read, written);
        assert!(messages(&[]).unwrap().is_empty());
    }

    #[test]
    fn bytes_that_are_cut_off_are_an_error() {
        let whole = record(1, b"message!");
        for len in 1..whole.len() {
            assert!(messages(&whole[..len]).is_err(), "{len} bytes");
        }
        assert!(messages(&[0xff; 16]).is_err());
    }

    fn record(conn: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = conn.to_ne_bytes().to_vec();
        bytes.extend_from_slice(&(data.len() as u32).to_ne_bytes());
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn read(command: &Command) -> (u32, &[u8]) {
        let Command::SendMessage { conn, data } = command else { panic!("another command") };
        (conn.0, data)
    }
}
