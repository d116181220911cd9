//! The channel of protomux that a connection to a blind relay carries.

use super::Token;
use crate::noise::PublicKey;
use crate::wire::{Malformed, MuxFrame, MuxOpen, RelayPair, RelayUnpair};

/// One end of the channel. Channels of other protocols are rejected.
#[derive(Debug)]
pub(super) struct RelayChannel {
    /// Both ends open the channel under the public key of the relay's client.
    client: PublicKey,
    /// We have opened our end.
    is_open: bool,
    /// The peer's id of its end.
    remote: Option<u64>,
    /// The highest id that the peer has used.
    highest: u64,
    /// How many more channels the peer may open in vain.
    rejects: u32,
}

/// What the peer says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Pair(RelayPair),
    Unpair(Token),
    /// The peer has closed the channel, or rejects it.
    Closed,
}

impl RelayChannel {
    pub(super) fn new(client: PublicKey) -> Self {
        Self { client, is_open: false, remote: None, highest: 0, rejects: MAX_REJECTS }
    }

    /// Opens our end. The peer keeps the messages that follow until it has opened its own.
    pub(super) fn open(&mut self) -> Vec<u8> {
        self.is_open = true;
        let (protocol, channel_id) = (RelayPair::PROTOCOL, &self.client[..]);
        MuxFrame::Open(MuxOpen { id: CHANNEL, protocol, channel_id, handshake: &[] }).encode()
    }

    /// Handles one message of the peer. Appends the frames that answer it to `answers`.
    pub(super) fn handle(
        &mut self,
        message: &[u8],
        answers: &mut Vec<Vec<u8>>,
    ) -> Result<Vec<Said>, Malformed> {
        if message.len() > MAX_MESSAGE {
            return Err(Malformed::ArrayTooLong);
        }
        let mut said = Vec::new();
        // An empty message is a keep-alive.
        if message.is_empty() {
            return Ok(said);
        }
        for frame in MuxFrame::read_all(message) {
            said.extend(self.handle_frame(frame?, answers)?);
        }
        Ok(said)
    }

    fn handle_frame(
        &mut self,
        frame: MuxFrame<'_>,
        answers: &mut Vec<Vec<u8>>,
    ) -> Result<Option<Said>, Malformed> {
        match frame {
            MuxFrame::Open(open) => {
                let answer = self.handle_open(open)?;
                answers.extend(answer);
                Ok(None)
            }
            MuxFrame::Reject { id } => Ok((self.is_open && id == CHANNEL).then_some(Said::Closed)),
            MuxFrame::Close { id } => Ok((self.remote == Some(id)).then_some(Said::Closed)),
            MuxFrame::Message { channel, kind, body } if self.remote == Some(channel) => match kind
            {
                RelayPair::KIND => RelayPair::decode(body).map(|pair| Some(Said::Pair(pair))),
                RelayUnpair::KIND => {
                    RelayUnpair::decode(body).map(|unpair| Some(Said::Unpair(unpair.token)))
                }
                _ => Ok(None),
            },
            // Of a channel that was rejected.
            MuxFrame::Message { .. } | MuxFrame::Unknown { .. } => Ok(None),
        }
    }

    /// The peer opens a channel. Returns our answer, if there is one.
    fn handle_open(&mut self, open: MuxOpen<'_>) -> Result<Option<Vec<u8>>, Malformed> {
        let MuxOpen { id, protocol, channel_id, .. } = open;
        // The ids of a peer grow by one.
        if id == 0 || id > self.highest + 1 || self.remote == Some(id) {
            return Err(Malformed::UnknownValue);
        }
        self.highest = self.highest.max(id);
        let is_ours = protocol == RelayPair::PROTOCOL && channel_id == self.client;
        if is_ours && self.remote.is_none() {
            self.remote = Some(id);
            return Ok((!self.is_open).then(|| self.open()));
        }
        self.rejects = self.rejects.checked_sub(1).ok_or(Malformed::ArrayTooLong)?;
        Ok(Some(MuxFrame::Reject { id }.encode()))
    }
}

/// Our id of the channel. There is no other channel.
pub(super) const CHANNEL: u64 = 1;

/// A pair is less than 50 bytes, and a peer sends no more of them at once than it has connections.
const MAX_MESSAGE: usize = 64 * 1024;

/// A peer that opens more channels of other protocols than this has taken us for something else.
const MAX_REJECTS: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_open_the_channel_and_talk() {
        let (mut client, mut relay) = (RelayChannel::new([1; 32]), RelayChannel::new([1; 32]));
        let (mut to_client, mut to_relay) = (Vec::new(), Vec::new());
        assert_eq!(relay.handle(&client.open(), &mut to_client), Ok(vec![]));
        let [opened] = &to_client[..] else { panic!("{to_client:?}") };
        assert_eq!(client.handle(opened, &mut to_relay), Ok(vec![]));
        assert!(to_relay.is_empty());

        let pair = RelayPair { is_initiator: true, token: [2; 32], id: 3, seq: 0 };
        assert_eq!(relay.handle(&pair.frame(CHANNEL), &mut to_client), Ok(vec![Said::Pair(pair)]));
        let unpair = RelayUnpair { token: [2; 32] };
        let said = relay.handle(&unpair.frame(CHANNEL), &mut to_client);
        assert_eq!(said, Ok(vec![Said::Unpair([2; 32])]));
        let close = MuxFrame::Close { id: CHANNEL }.encode();
        assert_eq!(relay.handle(&close, &mut to_client), Ok(vec![Said::Closed]));
    }

    #[test]
    fn other_channels_are_rejected_and_their_messages_ignored() {
        let (mut relay, mut answers) = (RelayChannel::new([1; 32]), Vec::new());
        for (id, protocol, channel_id) in
            [(1, &b"other"[..], [1; 32]), (2, RelayPair::PROTOCOL, [9; 32])]
        {
            let open = MuxOpen { id, protocol, channel_id: &channel_id, handshake: &[] };
            assert_eq!(relay.handle(&MuxFrame::Open(open).encode(), &mut answers), Ok(vec![]));
        }
        let rejects = [1, 2].map(|id| MuxFrame::Reject { id }.encode());
        assert_eq!(answers, rejects);
        let message = MuxFrame::Message { channel: 1, kind: 0, body: b"anything" };
        assert_eq!(relay.handle(&message.encode(), &mut answers), Ok(vec![]));
        assert_eq!(relay.handle(b"", &mut answers), Ok(vec![]));
    }

    #[test]
    fn nonsense_is_an_error() {
        let (mut relay, mut answers) = (RelayChannel::new([1; 32]), Vec::new());
        relay.handle(&RelayChannel::new([1; 32]).open(), &mut answers).unwrap();
        let cut = MuxFrame::Message { channel: CHANNEL, kind: 0, body: &[0; 20] };
        assert!(relay.handle(&cut.encode(), &mut answers).is_err());
        assert!(relay.handle(&vec![7; MAX_MESSAGE + 1], &mut answers).is_err());
        let jump = MuxOpen { id: 9, protocol: b"x", channel_id: &[], handshake: &[] };
        assert!(relay.handle(&MuxFrame::Open(jump).encode(), &mut answers).is_err());

        let mut opens = (2..1000).map(|id| MuxOpen { id, ..jump });
        let too_many =
            opens.any(|open| relay.handle(&MuxFrame::Open(open).encode(), &mut answers).is_err());
        assert!(too_many && answers.len() < 40);
    }
}
