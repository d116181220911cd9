//! The 20-byte header, its flags, and the SACK area behind it.

use crate::seq::Seq;

/// The size of a header in bytes.
pub const HEADER_SIZE: usize = 20;

/// The fields of a UDX header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the packet carries.
    pub kind: Flags,
    /// Bytes between the header and the payload: SACK ranges or padding.
    pub data_offset: u8,
    /// The receiver's local stream id.
    pub remote_id: u32,
    /// Free receive buffer of the sender, in bytes.
    pub rwnd: u32,
    /// Sequence number of this packet, or the next one if the packet consumes none.
    pub seq: Seq,
    /// The next sequence number that the sender expects.
    pub ack: Seq,
}

impl Header {
    /// Appends the 20 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes());
    }

    fn to_bytes(self) -> [u8; HEADER_SIZE] {
        let mut head = [0; HEADER_SIZE];
        head[0] = MAGIC;
        head[1] = VERSION;
        head[2] = self.kind.0;
        head[3] = self.data_offset;
        head[4..8].copy_from_slice(&self.remote_id.to_le_bytes());
        head[8..12].copy_from_slice(&self.rwnd.to_le_bytes());
        head[12..16].copy_from_slice(&self.seq.0.to_le_bytes());
        head[16..20].copy_from_slice(&self.ack.0.to_le_bytes());
        head
    }

    /// Addresses a datagram to another stream. False if it is shorter than a header.
    pub(crate) fn readdress(datagram: &mut [u8], remote_id: u32) -> bool {
        let Some(head) = datagram.first_chunk_mut::<HEADER_SIZE>() else { return false };
        head[4..8].copy_from_slice(&remote_id.to_le_bytes());
        true
    }

    /// The header of a datagram, addressed to another stream. `None` if the datagram is shorter
    /// than a header.
    pub(crate) fn readdressed(datagram: &[u8], remote_id: u32) -> Option<[u8; HEADER_SIZE]> {
        let mut head = *datagram.first_chunk()?;
        Self::readdress(&mut head, remote_id).then_some(head)
    }

    fn decode(head: &[u8; HEADER_SIZE]) -> Option<Self> {
        let [MAGIC, VERSION, kind, data_offset, fields @ ..] = head else {
            return None;
        };
        let word = |at: usize| {
            let bytes = fields.get(at..)?.first_chunk::<4>()?;
            Some(u32::from_le_bytes(*bytes))
        };
        Some(Self {
            kind: Flags(*kind),
            data_offset: *data_offset,
            remote_id: word(0)?,
            rwnd: word(4)?,
            seq: Seq(word(8)?),
            ack: Seq(word(12)?),
        })
    }
}

/// A decoded UDX datagram. A value of this type is well formed.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The fixed fields.
    pub header: Header,
    /// The bytes after the header and the data offset.
    pub payload: &'a [u8],
    sacks: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a datagram. `None` if it is too short, is of another protocol or version, or if its
    /// data offset points beyond its end.
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (head, rest) = datagram.split_first_chunk::<HEADER_SIZE>()?;
        let header = Header::decode(head)?;
        let (area, payload) = rest.split_at_checked(usize::from(header.data_offset))?;

        let sacks = match header.kind.contains(Flags::SACK) {
            false => &[],
            // Without an offset, or with an offset that covers the rest, all of it is SACK area.
            true if area.is_empty() || payload.is_empty() => rest,
            true => area,
        };
        Some(Self { header, payload, sacks })
    }

    /// The answer to a peer whose stream does not exist on this side: a DESTROY for the peer's
    /// stream `remote_id`. `None` if the packet itself says that the peer has dropped the stream.
    pub fn refusal(&self, remote_id: u32) -> Option<[u8; HEADER_SIZE]> {
        if self.header.kind.contains(Flags::DESTROY) {
            return None;
        }
        // The number that the peer expects next, so that it does not discard the packet as an old
        // one.
        let (seq, ack) = (self.header.ack, self.header.seq);
        let kind = Flags::DESTROY;
        Some(Header { kind, data_offset: 0, remote_id, rwnd: 0, seq, ack }.to_bytes())
    }

    /// The half-open ranges of sequence numbers that the peer holds beyond its `ack`.
    pub fn sack_ranges(&self) -> SackRanges<'a> {
        SackRanges { rest: self.sacks }
    }
}

/// The SACK ranges of a packet as `(start, end)`, as they are on the wire. They are not validated.
#[derive(Clone, Debug)]
pub struct SackRanges<'a> {
    rest: &'a [u8],
}

impl Iterator for SackRanges<'_> {
    type Item = (Seq, Seq);

    fn next(&mut self) -> Option<Self::Item> {
        let (pair, rest) = self.rest.split_first_chunk::<8>()?;
        self.rest = rest;
        let [a, b, c, d, e, f, g, h] = *pair;
        Some((Seq(u32::from_le_bytes([a, b, c, d])), Seq(u32::from_le_bytes([e, f, g, h]))))
    }
}

/// Reads only the stream id of a datagram. `None` if it is not UDX.
pub fn stream_id(datagram: &[u8]) -> Option<u32> {
    let [MAGIC, VERSION, _, _, a, b, c, d, ..] = datagram else {
        return None;
    };
    (datagram.len() >= HEADER_SIZE).then(|| u32::from_le_bytes([*a, *b, *c, *d]))
}

/// The packet that carries a frame about the path to a stream of the peer. It says nothing about
/// the stream itself.
pub fn path_packet(remote_id: u32, frame: &[u8]) -> Vec<u8> {
    let (seq, ack) = (Seq(0), Seq(0));
    let header = Header { kind: Flags::PATH, data_offset: 0, remote_id, rwnd: 0, seq, ack };
    let mut packet = Vec::with_capacity(HEADER_SIZE + frame.len());
    header.encode(&mut packet);
    packet.extend_from_slice(frame);
    packet
}

/// The frame of a packet about the path. `None` for every other packet.
pub fn path_frame(datagram: &[u8]) -> Option<&[u8]> {
    let (head, frame) = datagram.split_first_chunk::<HEADER_SIZE>()?;
    (head[..4] == [MAGIC, VERSION, Flags::PATH.0, 0]).then_some(frame)
}

/// What a packet carries. No flag at all is a pure state packet: an acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// An acknowledgement or window update.
    pub const STATE: Self = Self(0);
    /// Payload of the byte stream; consumes a sequence number.
    pub const DATA: Self = Self(1);
    /// The last packet of the sender's direction; consumes a sequence number.
    pub const END: Self = Self(2);
    /// The data offset (or the whole rest) holds SACK ranges.
    pub const SACK: Self = Self(4);
    /// An unreliable message.
    pub const MESSAGE: Self = Self(8);
    /// The sender has dropped the stream.
    pub const DESTROY: Self = Self(16);
    /// Asks for a state packet.
    pub const HEARTBEAT: Self = Self(32);
    /// A frame of the layer above about the path of the stream. It is not part of UDX, and only
    /// peers that have said that they know it get one.
    pub const PATH: Self = Self(64);

    /// Whether all flags of `other` are set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the packet consumes a sequence number.
    pub(crate) fn is_sequenced(self) -> bool {
        self.0 & (Self::DATA.0 | Self::END.0) != 0
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

const MAGIC: u8 = 0xff;
const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_offset_beyond_the_end_is_no_packet() {
        let mut datagram = [0; 22];
        datagram[..4].copy_from_slice(&[MAGIC, VERSION, 1, 3]);
        assert!(Packet::parse(&datagram).is_none());
        datagram[3] = 2;
        assert!(Packet::parse(&datagram).is_some_and(|packet| packet.payload.is_empty()));
    }

    #[test]
    fn data_and_sacks_share_a_packet() {
        let mut datagram = [0; 30];
        datagram[..4].copy_from_slice(&[MAGIC, VERSION, 5, 8]);
        datagram[20] = 1;
        datagram[24] = 3;
        let packet = Packet::parse(&datagram).unwrap();
        assert_eq!(packet.payload.len(), 2);
        assert_eq!(packet.sack_ranges().collect::<Vec<_>>(), [(Seq(1), Seq(3))]);
    }

    #[test]
    fn a_frame_about_the_path_is_told_from_other_packets() {
        let packet = path_packet(0x0403_0201, &[9; 41]);
        let head = [MAGIC, VERSION, 64, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!((&packet[..HEADER_SIZE], packet.len()), (&head[..], 61));
        assert_eq!(path_frame(&packet), Some(&[9; 41][..]));
        assert_eq!(path_frame(&packet[..19]), None);
        for (at, value) in [(0, 0), (1, 2), (2, 65), (2, 0), (3, 1)] {
            let mut other = packet.clone();
            other[at] = value;
            assert_eq!(path_frame(&other), None);
        }
    }

    #[test]
    fn short_and_foreign_datagrams_have_no_stream() {
        assert_eq!(stream_id(&[MAGIC, VERSION, 0, 0, 1, 2, 3, 4]), None);
        assert_eq!(stream_id(&[0x13; 40]), None);
    }
}
