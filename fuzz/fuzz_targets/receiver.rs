//! Bytes of a secret stream: what the peer framed, then anything, cut anywhere.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::Rng;
use proto::noise::{Finished, Initiator, KeyPair, Responder};
use proto::secret::{Receiver, Sender};

fuzz_target!(|data: &[u8]| {
    let Some((&[valid, cut], anything)) = data.split_first_chunk::<2>() else { return };
    let (client, server) = handshake();
    let mut sender = Sender::new(&client, [1; 24]);
    let mut bytes = Vec::new();
    if valid > 0 {
        bytes = sender.first_frame();
    }
    for n in 1..valid % 16 {
        bytes.extend_from_slice(&sender.frame(&vec![n; usize::from(n) * 50]));
    }
    bytes.extend_from_slice(anything);

    let mut receiver = Receiver::new(&server);
    let mut broken = false;
    for part in bytes.chunks(usize::from(cut).max(1)) {
        let fed = receiver.feed(part, &mut |message| assert!(message.len() % 50 == 0));
        assert!(!broken || fed.is_err(), "a broken stream stays broken");
        broken = fed.is_err();
    }
});

fn handshake() -> (Finished, Finished) {
    let mut rng = Rng::from_seed([1; 32]);
    let (client, server) = (KeyPair::from_seed([1; 32]), KeyPair::from_seed([2; 32]));
    let mut initiator = Initiator::new(&client, server.public(), &mut rng).unwrap();
    let mut responder = Responder::new(&server, &mut rng).unwrap();
    responder.recv(&initiator.send(&[]).unwrap()).unwrap();
    initiator.recv(&responder.send(&[]).unwrap()).unwrap();
    (initiator.finish(), responder.finish())
}
