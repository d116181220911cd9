use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::IsIdentity;
use curve25519_dalek::{EdwardsPoint, Scalar};
use serde_json::Value;
use sha2::{Digest, Sha512};
use snow::Builder;
use snow::params::{
    BaseChoice, CipherChoice, DHChoice, HandshakeChoice, HandshakeModifierList, HandshakePattern,
    HashChoice, NoiseParams,
};

use super::curve::{self, RemotePoints};
use super::resolver::Resolver;
use super::*;
use crate::Rng;

#[test]
fn a_handshake_has_the_bytes_of_the_reference() {
    let v = vectors();
    let (alice, bob) = (KeyPair::from_seed([1; 32]), KeyPair::from_seed([2; 32]));
    assert_eq!(alice.public(), key(&v["keys"]["initiator_static"]["publicKey"]));
    assert_eq!(alice.secret_key()[..], bytes(&v["keys"]["initiator_static"]["secretKey"]));

    let mut initiator =
        Initiator::with_ephemeral_seed(&alice, bob.public(), [3; 32]).expect("initiator");
    let mut responder = Responder::with_ephemeral_seed(&bob, [4; 32]).expect("responder");
    let (payload1, payload2) = (bytes(&v["payload1"]["hex"]), bytes(&v["payload2"]["hex"]));

    let message1 = initiator.send(&payload1).expect("message 1");
    assert_eq!(message1, bytes(&v["message1"]));
    assert_eq!(responder.recv(&message1), Ok((alice.public(), payload1)));
    let message2 = responder.send(&payload2).expect("message 2");
    assert_eq!(message2, bytes(&v["message2"]));
    assert_eq!(initiator.recv(&message2), Ok(payload2));

    let (near, far) = (initiator.finish(), responder.finish());
    let derived = &v["derived"];
    assert!(near.is_initiator && !far.is_initiator);
    assert_eq!(near.hash[..], bytes(&derived["handshake_hash"]));
    assert_eq!(near.hash, far.hash);
    assert_eq!(*near.tx(), key(&derived["initiator_tx_key"]));
    assert_eq!(*near.rx(), key(&derived["initiator_rx_key"]));
    assert_eq!((near.tx(), near.rx()), (far.rx(), far.tx()));
    assert_eq!(*near.holepunch_secret(), key(&derived["holepunch_secret"]));
    assert_eq!((near.public_key, near.remote_public_key), (alice.public(), bob.public()));
    assert_eq!((far.public_key, far.remote_public_key), (bob.public(), alice.public()));
}

/// The primitives are those of the reference in another pattern, too: @hyperswarm/secret-stream
/// makes this handshake where no other is given.
#[test]
fn xx_on_our_primitives_has_the_bytes_of_the_reference() {
    let json = include_str!("../../tests/vectors/F_noise_xx.json");
    let v: Value = serde_json::from_str(json).expect("json");
    let [mut near, mut far] = [(1, 3), (2, 4)].map(|(of_static, of_ephemeral)| {
        let name = v["protocol_name"].as_str().expect("a name").to_owned();
        let params = NoiseParams::new(
            name,
            BaseChoice::Noise,
            HandshakeChoice {
                pattern: HandshakePattern::XX,
                modifiers: HandshakeModifierList { list: Vec::new() },
            },
            DHChoice::Curve25519,
            CipherChoice::ChaChaPoly,
            HashChoice::Blake2b,
        );
        let resolver = Resolver::new(&KeyPair::from_seed([of_static; 32]), [of_ephemeral; 32]);
        let builder = Builder::with_resolver(params, Box::new(resolver));
        let builder = builder.local_private_key(&[]).expect("a builder");
        let side =
            if of_static == 1 { builder.build_initiator() } else { builder.build_responder() };
        side.expect("a side")
    });

    let frames = v["frames_with_uint24le"].as_array().expect("array");
    for (index, frame) in frames.iter().enumerate() {
        let (from, to) = if index == 1 { (&mut far, &mut near) } else { (&mut near, &mut far) };
        let (mut message, mut payload) = ([0; 128], [0; 128]);
        let len = from.write_message(&[], &mut message).expect("a message");
        assert_eq!(message[..len], bytes(frame)[3..]);
        assert_eq!(message[..len], bytes(&v[format!("message{}", index + 1)]));
        assert_eq!(to.read_message(&message[..len], &mut payload), Ok(0));
    }
    assert!(near.is_handshake_finished() && far.is_handshake_finished());
    assert_eq!(near.get_handshake_hash(), bytes(&v["handshake_hash"]));
    let (tx, rx) = near.dangerously_get_raw_split();
    assert_eq!((tx, rx), (key(&v["initiator_tx_key"]), key(&v["initiator_rx_key"])));
    assert_eq!(far.dangerously_get_raw_split(), (tx, rx));
}

#[test]
fn an_exchange_has_the_bytes_of_the_reference() {
    for example in vectors()["dh_examples"].as_array().expect("array") {
        let secret = bytes(&example["secret"]).try_into().expect("64 bytes");
        let pair = KeyPair::from_secret_key(&secret).expect("a fitting pair");
        let point = RemotePoints::default().get(&key(&example["public"])).expect("a good point");
        assert_eq!(curve::exchange(*pair.scalar_bytes(), &point), key(&example["dh"]));
    }
}

#[test]
fn points_that_the_reference_refuses_are_refused() {
    let remote = RemotePoints::default();
    for example in vectors()["dh_rejections"].as_array().expect("array") {
        assert!(remote.get(&key(&example["public"])).is_none(), "{}", example["name"]);
    }
    let good =
        CompressedEdwardsY(KeyPair::from_seed([9; 32]).public()).decompress().expect("point");
    for torsion in EIGHT_TORSION {
        assert!(remote.get(&torsion.compress().0).is_none(), "small order");
        assert_eq!(
            remote.get(&(good + torsion).compress().0).is_some(),
            torsion.is_identity(),
            "a torsion component"
        );
    }
    // The four encodings of y in p..2^255 that are on the curve, with both signs.
    for low in 0xed..=0xff_u8 {
        for high in [0x7f, 0xff] {
            let mut encoding = [0xff; 32];
            (encoding[0], encoding[31]) = (low, high);
            assert!(remote.get(&encoding).is_none(), "non-canonical {low:x}");
        }
    }
    assert!(curve::is_canonical(&[0; 32]));
}

#[test]
fn many_keys_pass_and_are_remembered() {
    let mut rng = Rng::from_seed([5; 32]);
    let remote = RemotePoints::default();
    for _ in 0..20 {
        let pair = KeyPair::from_seed(rng.bytes());
        let point = remote.get(&pair.public()).expect("a good point");
        assert_eq!(remote.get(&pair.public()), Some(point));
    }
}

#[test]
fn a_damaged_message_fails_and_spoils_nothing() {
    let mut world = Pair::new();
    let message1 = world.initiator.send(b"hello").expect("message 1");
    for at in 0..message1.len() {
        for len in [at, message1.len()] {
            let mut damaged = message1[..len].to_vec();
            if let Some(byte) = damaged.get_mut(at) {
                *byte ^= 1;
            }
            assert_eq!(world.responder.recv(&damaged), Err(HandshakeFailed));
        }
    }
    let (_, payload) = world.responder.recv(&message1).expect("the intact one");
    assert_eq!(payload, b"hello");

    let message2 = world.responder.send(b"welcome").expect("message 2");
    for at in 0..message2.len() {
        for len in [at, message2.len()] {
            let mut damaged = message2[..len].to_vec();
            if let Some(byte) = damaged.get_mut(at) {
                *byte ^= 0x80;
            }
            assert_eq!(world.initiator.recv(&damaged), Err(HandshakeFailed));
        }
    }
    assert_eq!(world.initiator.recv(&message2).as_deref(), Ok(&b"welcome"[..]));
    assert_eq!(world.initiator.finish().hash, world.responder.finish().hash);
}

#[test]
fn a_reply_from_another_server_is_refused_before_the_true_one() {
    let mut world = Pair::new();
    let mut rng = Rng::from_seed([8; 32]);
    let mut liar = Responder::new(&KeyPair::from_seed([7; 32]), &mut rng).expect("liar");
    let mut to_liar = Initiator::new(
        &KeyPair::from_seed([1; 32]),
        KeyPair::from_seed([7; 32]).public(),
        &mut rng,
    )
    .expect("initiator");
    liar.recv(&to_liar.send(b"").expect("message 1")).expect("its own message");
    let lie = liar.send(b"trust me").expect("message 2");

    let message1 = world.initiator.send(b"").expect("message 1");
    assert_eq!(world.initiator.recv(&lie), Err(HandshakeFailed));
    world.responder.recv(&message1).expect("message 1");
    let message2 = world.responder.send(b"truth").expect("message 2");
    assert_eq!(world.initiator.recv(&message2).as_deref(), Ok(&b"truth"[..]));
}

#[test]
fn bad_points_inside_messages_fail() {
    for torsion in EIGHT_TORSION {
        let encoding = torsion.compress().0;
        let mut rng = Rng::from_seed([6; 32]);
        let alice = KeyPair::from_seed([1; 32]);
        let mut towards = Initiator::new(&alice, encoding, &mut rng).expect("initiator");
        assert_eq!(towards.send(b""), Err(HandshakeFailed));

        let mut world = Pair::new();
        let mut message1 = world.initiator.send(b"").expect("message 1");
        message1[..32].copy_from_slice(&encoding);
        assert_eq!(world.responder.recv(&message1), Err(HandshakeFailed));
    }
}

#[test]
fn messages_out_of_turn_and_too_long_fail() {
    let mut world = Pair::new();
    assert_eq!(world.initiator.recv(&[0; 100]), Err(HandshakeFailed));
    assert_eq!(world.responder.send(b""), Err(HandshakeFailed));
    assert_eq!(world.initiator.send(&[0; 65_536 - 96]), Err(HandshakeFailed));
    let longest = world.initiator.send(&[0; 65_535 - 96]).expect("the longest message");
    assert_eq!(world.initiator.send(b""), Err(HandshakeFailed));
    assert_eq!(world.responder.recv(&[0; 70_000]), Err(HandshakeFailed));
    assert!(world.responder.recv(&longest).is_ok());
}

#[test]
fn random_messages_never_panic() {
    let mut rng = Rng::from_seed([10; 32]);
    let mut world = Pair::new();
    world.initiator.send(b"").expect("message 1");
    for _ in 0..300 {
        let len = rng.below(200) as usize;
        let message: Vec<u8> = (0..len).map(|_| rng.u32() as u8).collect();
        assert_eq!(world.responder.recv(&message), Err(HandshakeFailed));
        assert_eq!(world.initiator.recv(&message), Err(HandshakeFailed));
    }
}

#[test]
fn a_secret_key_must_fit_its_public_half() {
    let mut secret = KeyPair::from_seed([1; 32]).secret_key();
    assert_eq!(KeyPair::from_secret_key(&secret).map(|p| p.secret_key()), Some(secret.clone()));
    secret[40] ^= 1;
    assert!(KeyPair::from_secret_key(&secret).is_none());
}

#[test]
fn debug_prints_no_secret() {
    let pair = KeyPair::from_seed([0xab; 32]);
    let mut rng = Rng::from_seed([1; 32]);
    let initiator = Initiator::new(&pair, pair.public(), &mut rng).expect("initiator");
    let text = format!("{pair:?} {initiator:?}");
    assert!(!text.contains("171, 171"), "{text}");
}

/// Signatures with torsion in the key or in R. The expected results are those of libsodium 1.0.21.
#[test]
fn signatures_are_judged_as_by_libsodium() {
    let pair = KeyPair::from_seed([1; 32]);
    let mut good = pair.sign(b"message");
    assert!(verify(&pair.public(), b"message", &good));
    assert!(!verify(&pair.public(), b"messagf", &good));
    good[40] ^= 1;
    assert!(!verify(&pair.public(), b"message", &good));

    for case in signature_cases() {
        let verdict = verify(&case.public, b"m", &case.signature);
        assert_eq!(verdict, case.accepted, "{}", case.name);
    }
}

struct SignatureCase {
    name: &'static str,
    public: PublicKey,
    signature: [u8; 64],
    accepted: bool,
}

fn signature_cases() -> Vec<SignatureCase> {
    let secret = Scalar::from(0x1234_5678_9abc_def0_u64);
    let torsion = EIGHT_TORSION[1];
    let none = EdwardsPoint::default();
    let case = |name, a: (Scalar, EdwardsPoint), r: (Scalar, EdwardsPoint), add_order, accepted| {
        let public = (EdwardsPoint::mul_base(&a.0) + a.1).compress().0;
        let commitment = (EdwardsPoint::mul_base(&r.0) + r.1).compress().0;
        let digest = Sha512::new().chain_update(commitment).chain_update(public).chain_update(b"m");
        let h = Scalar::from_bytes_mod_order_wide(&digest.finalize().into());
        let mut s = (r.0 + h * a.0).to_bytes();
        if add_order {
            s = plus_order(s);
        }
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&commitment);
        signature[32..].copy_from_slice(&s);
        SignatureCase { name, public, signature, accepted }
    };
    let (a, r) = ((secret, none), (Scalar::from(77_u8), none));
    vec![
        case("plain", a, r, false, true),
        case("s plus the order", a, r, true, false),
        case("torsion in R", a, (r.0, torsion), false, false),
        case("torsion in the key", (a.0, torsion), r, false, false),
        // r = 3 makes the hash a multiple of 8, which cancels the torsion.
        case("torsion without effect", (a.0, torsion), (Scalar::from(3_u8), none), false, true),
        case("R of small order", a, (Scalar::ZERO, torsion), false, false),
        case("key of small order", (Scalar::ZERO, torsion), r, false, false),
        case("R is the identity", a, (Scalar::ZERO, none), false, false),
    ]
}

fn plus_order(s: [u8; 32]) -> [u8; 32] {
    let minus_one = (-Scalar::ONE).to_bytes();
    let mut carry = 1;
    let mut out = [0; 32];
    for ((out, a), b) in out.iter_mut().zip(s).zip(minus_one) {
        let sum = u16::from(a) + u16::from(b) + carry;
        *out = sum as u8;
        carry = sum >> 8;
    }
    out
}

/// A client and a server that have not exchanged a message yet.
struct Pair {
    initiator: Initiator,
    responder: Responder,
}

impl Pair {
    fn new() -> Self {
        let (alice, bob) = (KeyPair::from_seed([1; 32]), KeyPair::from_seed([2; 32]));
        let mut rng = Rng::from_seed([3; 32]);
        Self {
            initiator: Initiator::new(&alice, bob.public(), &mut rng).expect("initiator"),
            responder: Responder::new(&bob, &mut rng).expect("responder"),
        }
    }
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/D_noise_ik.json")).expect("json")
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a string")).expect("hex")
}

fn key(value: &Value) -> [u8; 32] {
    bytes(value).try_into().expect("32 bytes")
}
