//! The secret stream: handshakes, and frames that are sealed and opened.

use std::hint::black_box;

use proto::Rng;
use proto::noise::{Finished, HandshakeFailed, Initiator, KeyPair, Responder};
use proto::secret::{HEADROOM, Receiver, Sender, TAILROOM};

pub(crate) fn handshakes(times: usize) {
    for _ in 0..times {
        let _ = black_box(handshake());
    }
}

/// Seals messages of a size, and opens them.
pub(crate) fn frames(times: usize, size: usize) {
    let Ok((ours, theirs)) = handshake() else { return };
    let mut sender = Sender::new(&ours, [5; 24]);
    let mut receiver = Receiver::new(&theirs);
    let mut opened = 0;
    let _ = receiver.feed(&sender.first_frame(), &mut |_| ());
    for _ in 0..times {
        let mut message = Vec::with_capacity(HEADROOM + size + TAILROOM);
        message.resize(HEADROOM + size, 7);
        let frame = sender.frame_from(message);
        let _ = receiver.feed(&frame, &mut |message| opened += message.len());
    }
    assert_eq!(opened, times * size, "a message did not come");
}

fn handshake() -> Result<(Finished, Finished), HandshakeFailed> {
    let mut rng = Rng::from_seed([6; 32]);
    let (client, server) = (KeyPair::from_seed([7; 32]), KeyPair::from_seed([8; 32]));
    let mut initiator = Initiator::new(&client, server.public(), &mut rng)?;
    let mut responder = Responder::new(&server, &mut rng)?;
    responder.recv(&initiator.send(PAYLOAD)?)?;
    initiator.recv(&responder.send(PAYLOAD)?)?;
    Ok((initiator.finish(), responder.finish()))
}

/// As long as that of an ordinary connect.
const PAYLOAD: &[u8] = &[9; 64];
