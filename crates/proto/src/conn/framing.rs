//! Frames of a stream of bytes, which are delivered in one piece.

/// Joins the payloads of packets to frames, as udx-native does for a stream that is `framed`. A
/// frame begins with its length in three bytes, little endian. Bytes that do not fit this turn the
/// framing off for the rest of the stream.
#[derive(Debug)]
pub(super) struct Framing {
    is_on: bool,
    buffer: Vec<u8>,
    /// The size of the frame that has begun, head included, less what was delivered.
    frame: Option<usize>,
}

impl Framing {
    pub(super) fn new(is_on: bool) -> Self {
        Self { is_on, buffer: Vec::new(), frame: None }
    }

    /// Takes the payload of a packet, and appends what is complete to `out`. True if nothing more
    /// should be joined to it.
    pub(super) fn feed(&mut self, payload: &[u8], out: &mut Vec<u8>) -> bool {
        if !self.is_on {
            out.extend_from_slice(payload);
            return false;
        }
        self.buffer.extend_from_slice(payload);
        let frame = match (self.frame, payload) {
            (Some(frame), _) => frame,
            (None, [a, b, c, ..]) => HEAD + u32::from_le_bytes([*a, *b, *c, 0]) as usize,
            (None, _) => 0,
        };
        let len = self.buffer.len();
        if len == frame {
            self.frame = None;
        } else if len > frame {
            self.is_on = false;
        } else if len >= MAX_BUFFER {
            self.frame = Some(frame - len);
        } else {
            self.frame = Some(frame);
            return false;
        }
        out.append(&mut self.buffer);
        true
    }

    /// Appends what is not complete, because nothing follows.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.buffer);
    }

    /// Bytes that wait for the rest of their frame.
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }
}

/// The bytes of a frame's length.
const HEAD: usize = 3;

/// A larger frame is delivered in pieces of this size.
const MAX_BUFFER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_in_one_piece() {
        let mut framing = Framing::new(true);
        assert_eq!(feed(&mut framing, &[5, 0, 0, 1, 2]), Vec::<Vec<u8>>::new());
        assert_eq!(framing.held(), 5);
        assert_eq!(feed(&mut framing, &[3, 4, 5]), [vec![5, 0, 0, 1, 2, 3, 4, 5]]);
        assert_eq!(feed(&mut framing, &[0, 0, 0]), [vec![0, 0, 0]]);
        assert_eq!(framing.held(), 0);
    }

    #[test]
    fn what_is_no_frame_turns_it_off() {
        for payload in [&[1, 0, 0, 1, 2][..], &[1, 2]] {
            let mut framing = Framing::new(true);
            assert_eq!(feed(&mut framing, payload), [payload.to_vec()]);
            assert_eq!(feed(&mut framing, &[9, 0, 0]), [vec![9, 0, 0]]);
        }
    }

    #[test]
    fn a_large_frame_comes_in_pieces() {
        let mut framing = Framing::new(true);
        let mut frame = vec![0, 0, 2];
        frame.resize(HEAD + (2 << 16), 7);
        let pieces: Vec<_> =
            frame.chunks(1152).flat_map(|payload| feed(&mut framing, payload)).collect();
        assert!(pieces.iter().all(|piece| piece.len() < MAX_BUFFER + 1152));
        assert_eq!((pieces.concat(), pieces.len()), (frame, 2));
        assert_eq!(feed(&mut framing, &[1, 0, 0, 1]), [vec![1, 0, 0, 1]]);
    }

    #[test]
    fn the_end_delivers_what_is_left() {
        let mut framing = Framing::new(true);
        feed(&mut framing, &[5, 0, 0, 1]);
        let mut rest = Vec::new();
        framing.finish(&mut rest);
        framing.finish(&mut rest);
        assert_eq!(rest, [5, 0, 0, 1]);
    }

    fn feed(framing: &mut Framing, payload: &[u8]) -> Vec<Vec<u8>> {
        let mut piece = Vec::new();
        framing.feed(payload, &mut piece);
        if piece.is_empty() { Vec::new() } else { vec![piece] }
    }
}
