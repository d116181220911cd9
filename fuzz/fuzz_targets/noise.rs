//! A first message to a server: a valid one, changed as the input says, or the input itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::Rng;
use proto::noise::{Initiator, KeyPair, Responder};

fuzz_target!(|data: &[u8]| {
    let mut rng = Rng::from_seed([1; 32]);
    let (client, server) = (KeyPair::from_seed([1; 32]), KeyPair::from_seed([2; 32]));
    let mut responder = Responder::new(&server, &mut rng).unwrap();
    let valid = Initiator::new(&client, server.public(), &mut rng).unwrap().send(b"hello").unwrap();

    let mut message = valid.clone();
    for change in data.chunks_exact(2) {
        let at = usize::from(change[0]) % message.len();
        message[at] ^= change[1];
    }
    if message != valid {
        assert!(responder.recv(&message).is_err());
    }
    let _ = responder.recv(data);
    // The bad message has not changed the state of the responder.
    assert_eq!(responder.recv(&valid).unwrap(), (client.public(), b"hello".to_vec()));
});
