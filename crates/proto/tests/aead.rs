//! A host's ChaCha20-Poly1305, which is used for long messages. A process of its own: it is installed
//! for the whole process.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use proto::Rng;
use proto::noise::{Finished, Initiator, KeyPair, Responder};
use proto::secret::{Aead, Receiver, Sender, install};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

/// That of ring, which can refuse to work.
struct Host {
    refuses: AtomicBool,
    sealed: AtomicUsize,
    opened: AtomicUsize,
}

impl Aead for Host {
    fn seal(&self, key: &[u8; 32], nonce: &[u8; 12], text: &mut [u8]) -> Option<[u8; 16]> {
        if self.refuses.load(Relaxed) {
            return None;
        }
        self.sealed.fetch_add(1, Relaxed);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mac = of(key).seal_in_place_separate_tag(nonce, Aad::empty(), text).ok()?;
        mac.as_ref().try_into().ok()
    }

    fn open(
        &self,
        key: &[u8; 32],
        nonce: &[u8; 12],
        text: &mut [u8],
        mac: &[u8; 16],
    ) -> Option<bool> {
        if self.refuses.load(Relaxed) {
            return None;
        }
        self.opened.fetch_add(1, Relaxed);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let (key, mac) = (of(key), (*mac).into());
        Some(key.open_in_place_separate_tag(nonce, Aad::empty(), mac, text, 0..).is_ok())
    }
}

/// One with a fault.
enum Faulty {
    WrongMac,
    WrongText,
    TakesForgeries,
    TakesNothing,
}

impl Aead for Faulty {
    fn seal(&self, key: &[u8; 32], nonce: &[u8; 12], text: &mut [u8]) -> Option<[u8; 16]> {
        let mut mac = HOST.seal(key, nonce, text)?;
        match self {
            Faulty::WrongMac => mac[15] ^= 1,
            Faulty::WrongText => text[4200] ^= 1,
            Faulty::TakesForgeries | Faulty::TakesNothing => {}
        }
        Some(mac)
    }

    fn open(
        &self,
        key: &[u8; 32],
        nonce: &[u8; 12],
        text: &mut [u8],
        mac: &[u8; 16],
    ) -> Option<bool> {
        let is_right = HOST.open(key, nonce, text, mac)?;
        match self {
            Faulty::TakesForgeries => Some(true),
            Faulty::TakesNothing => Some(false),
            Faulty::WrongMac | Faulty::WrongText => Some(is_right),
        }
    }
}

static HOST: Host = Host {
    refuses: AtomicBool::new(false),
    sealed: AtomicUsize::new(0),
    opened: AtomicUsize::new(0),
};

#[test]
fn long_messages_use_that_of_the_host() {
    for faulty in
        [&Faulty::WrongMac, &Faulty::WrongText, &Faulty::TakesForgeries, &Faulty::TakesNothing]
    {
        assert!(!install(faulty));
    }
    let (mut sender, mut receiver) = ends();
    let ring = sender.frame(&[7; LONG]);
    HOST.refuses.store(true, Relaxed);
    assert!(!install(&HOST));
    HOST.refuses.store(false, Relaxed);
    assert!(install(&HOST));
    assert!(!install(&HOST), "there is one");
    HOST.sealed.store(0, Relaxed);
    HOST.opened.store(0, Relaxed);

    let (mut again, mut other) = ends();
    assert_eq!(again.frame(&[7; LONG]), ring);
    assert_eq!(HOST.sealed.load(Relaxed), 1);
    let mut forged = ring.to_vec();
    forged[LONG / 2] ^= 1;
    assert!(other.feed(&forged, &mut |_| ()).is_err());
    assert_eq!(open(&mut receiver, ring), [7; LONG]);
    assert_eq!(HOST.opened.load(Relaxed), 2);

    HOST.refuses.store(true, Relaxed);
    let frame = again.frame(&[8; LONG]);
    assert_eq!(open(&mut receiver, frame), [8; LONG]);
    assert_eq!((HOST.sealed.load(Relaxed), HOST.opened.load(Relaxed)), (1, 2));
    HOST.refuses.store(false, Relaxed);
    for len in [100, 4096, LONG + 1] {
        let frame = again.frame(&vec![9; len]);
        assert_eq!(open(&mut receiver, frame), vec![9; len]);
    }
    assert_eq!((HOST.sealed.load(Relaxed), HOST.opened.load(Relaxed)), (1, 2));
}

fn open(receiver: &mut Receiver, frame: bytes::Bytes) -> Vec<u8> {
    let mut plain = Vec::new();
    let fed = receiver.feed(&frame, &mut |message| plain.extend_from_slice(&message));
    assert!(fed.is_ok());
    plain
}

/// Both ends of the same direction every time, the first frame behind them.
fn ends() -> (Sender, Receiver) {
    let (ours, theirs) = handshake();
    let (mut sender, mut receiver) = (Sender::new(&ours, [5; 24]), Receiver::new(&theirs));
    let fed = receiver.feed(&sender.first_frame(), &mut |_| ());
    assert!(fed.is_ok());
    (sender, receiver)
}

fn handshake() -> (Finished, Finished) {
    let mut rng = Rng::from_seed([6; 32]);
    let (client, server) = (KeyPair::from_seed([7; 32]), KeyPair::from_seed([8; 32]));
    let mut initiator = Initiator::new(&client, server.public(), &mut rng).expect("valid");
    let mut responder = Responder::new(&server, &mut rng).expect("valid");
    let hello = initiator.send(&[]).expect("a message");
    responder.recv(&hello).expect("valid");
    let answer = responder.send(&[]).expect("a message");
    initiator.recv(&answer).expect("valid");
    (initiator.finish(), responder.finish())
}

fn of(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).expect("32 bytes"))
}

/// Bytes of a message that is long, of which a fused frame is made.
const LONG: usize = 64 * 1024;
