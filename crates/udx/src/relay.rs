//! Forwarding of datagrams: a relay changes only the stream id.

use crate::header::HEADER_SIZE;

/// Writes `datagram` into `out`, addressed to the stream `remote_id`. Returns `false`, with `out`
/// empty, if it is shorter than a header.
pub fn rewrite(datagram: &[u8], remote_id: u32, out: &mut Vec<u8>) -> bool {
    out.clear();
    if datagram.len() < HEADER_SIZE {
        return false;
    }
    out.extend_from_slice(datagram);
    if let Some(field) = out.get_mut(4..8) {
        field.copy_from_slice(&remote_id.to_le_bytes());
    }
    true
}
