use std::net::Ipv4Addr;

use bytes::Bytes;
use serde_json::Value;

use super::*;
use crate::Rng;
use crate::noise::{Initiator, KeyPair, Responder};

#[test]
fn a_stream_has_the_bytes_of_the_reference() {
    let v = stream_vectors();
    let (near, far) = reference_handshake();
    for (sender, receiver, writes, plaintexts) in [
        (&near, &far, &v["initiator_raw_writes"], &v["plaintexts_initiator"]),
        (&far, &near, &v["responder_raw_writes"], &v["plaintexts_responder"]),
    ] {
        let writes: Vec<Vec<u8>> =
            list(writes).iter().filter_map(|w| hex::decode(w).ok()).collect();
        let plaintexts: Vec<Vec<u8>> =
            list(plaintexts).iter().map(|p| hex::decode(p).unwrap_or_default()).collect();
        let header = writes[0][35..].try_into().expect("24 bytes");
        let mut sender = Sender::new(sender, header);
        assert_eq!(sender.first_frame(), writes[0]);
        for (plaintext, write) in plaintexts.iter().zip(&writes[1..]) {
            assert_eq!(sender.frame(plaintext), write[..]);
        }
        assert_eq!(plaintexts.len(), writes.len() - 1);

        let mut receiver = Receiver::new(receiver);
        assert_eq!(feed(&mut receiver, &writes.concat()), (plaintexts, Ok(())));
    }
}

#[test]
fn datagrams_have_the_bytes_of_the_reference() {
    let v = stream_vectors();
    let (near, far) = reference_handshake();
    let mut near = Datagrams::new(&near, array(&v["unordered_initial_counter"]));
    let mut far = Datagrams::new(&far, [0; 8]);
    for step in v["unordered_initiator"].as_array().expect("array") {
        let (packet, plaintext) = (unhex(&step["packet"]), unhex(&step["plaintext"]));
        assert_eq!(near.seal(&plaintext).as_ref(), Some(&packet));
        assert_eq!(far.open(&packet), Some(plaintext));
        assert_eq!(near.open(&packet), None, "the other direction has another key");
    }
    let packet = unhex(&v["unordered_responder"][0]);
    assert_eq!(near.open(&packet).as_deref(), Some(&b"back"[..]));
    assert_eq!(
        far.seal(b"x").map(|packet| packet[..8].to_vec()),
        Some(vec![1, 0, 0, 0, 0, 0, 0, 0])
    );
}

#[test]
fn datagrams_end_with_the_nonces_and_refuse_forgeries() {
    let (near, far) = reference_handshake();
    let mut far = Datagrams::new(&far, [0; 8]);
    let mut near = Datagrams::new(&near, [0xff; 8]);
    let packet = near.seal(b"message").expect("a wrapped counter");
    assert_eq!(packet[..8], [0; 8]);
    for at in 0..packet.len() {
        let mut damaged = packet.clone();
        damaged[at] ^= 1;
        assert_eq!(far.open(&damaged), None);
        assert_eq!(far.open(&packet[..at]), None);
    }
    near.set_counter(u64::MAX - 2);
    assert!(near.seal(b"the last").is_some());
    assert_eq!(near.seal(b"none left"), None);
    assert_eq!(near.seal(b"none left"), None);
}

#[test]
fn path_frames_have_the_bytes_of_the_protocol() {
    let v: Value =
        serde_json::from_str(include_str!("../../tests/vectors/D_path_frames.json")).expect("json");
    let (near, far) = reference_handshake();
    let (mut near, mut far) = (PathBox::new(&near), PathBox::new(&far));
    for step in v["frames"].as_array().expect("array") {
        let kind = match step["kind"].as_str() {
            Some("probe") => PathKind::Probe,
            Some("answer") => PathKind::Answer,
            Some("challenge") => PathKind::Challenge,
            _ => PathKind::Here,
        };
        let frame = PathFrame { kind, token: array(&step["token"]), echo: array(&step["echo"]) };
        let is_of_initiator = step["from"] == "initiator";
        let (sender, receiver) =
            if is_of_initiator { (&mut near, &mut far) } else { (&mut far, &mut near) };
        let sealed = sender.seal(frame).expect("a number");
        let remote_id = step["remoteId"].as_u64().expect("an id") as u32;
        let packet = udx::path_packet(remote_id, &sealed);
        assert_eq!(hex::encode(&packet), step["packet"].as_str().unwrap_or_default());
        assert_eq!(sender.open(&sealed), None, "the other direction has another key");
        assert_eq!(receiver.open(&sealed), Some(frame));
        assert_eq!(receiver.open(&sealed), None, "a replay");
    }
}

#[test]
fn path_frames_refuse_forgeries_replays_and_noise() {
    let (near, far) = reference_handshake();
    let (mut near, mut far) = (PathBox::new(&near), PathBox::new(&far));
    let frame = PathFrame { kind: PathKind::Probe, token: [1; 8], echo: [0; 8] };
    let [first, second, third] = [(); 3].map(|()| near.seal(frame).expect("a number"));
    for at in 0..first.len() {
        for bit in 0..8 {
            let mut damaged = first.clone();
            damaged[at] ^= 1 << bit;
            assert_eq!(far.open(&damaged), None);
        }
        assert_eq!(far.open(&first[..at]), None);
    }
    let mut rng = Rng::from_seed([3; 32]);
    for round in 0..20_000 {
        let noise: [u8; 64] = rng.bytes();
        assert_eq!(far.open(&noise[..round % 65]), None);
    }
    assert_eq!(far.open(&second), Some(frame), "a forgery raises no number");
    assert_eq!(far.open(&first), None, "older than one that has come");
    assert_eq!(far.open(&third), Some(frame));
}

#[test]
fn punch_payloads_have_the_bytes_of_the_reference() {
    let v: Value =
        serde_json::from_str(include_str!("../../tests/vectors/D_holepunch_payload.json"))
            .expect("json");
    let boxed = PunchBox::new(&array(&v["holepunch_secret"]), &[0x77; 32]);
    for payload in v["payloads"].as_array().expect("array") {
        let (plaintext, ciphertext) = (unhex(&payload["plaintext"]), unhex(&payload["ciphertext"]));
        assert_eq!(boxed.seal(&plaintext, array(&payload["nonce"])), ciphertext);
        assert_eq!(boxed.open(&ciphertext), Some(plaintext));
        for at in 0..ciphertext.len() {
            let mut damaged = ciphertext.clone();
            damaged[at] ^= 4;
            assert_eq!(boxed.open(&damaged), None);
            assert_eq!(boxed.open(&ciphertext[..at]), None);
        }
    }
    assert_eq!(boxed.open(&boxed.seal(b"", [1; 24])), None, "an empty payload");
    for token in v["tokens"].as_array().expect("array") {
        let host: Ipv4Addr = token["host"].as_str().expect("a string").parse().expect("a host");
        assert_eq!(boxed.token(host)[..], unhex(&token["token"]));
    }
}

#[test]
fn a_long_stream_in_random_pieces_arrives_whole() {
    let mut rng = Rng::from_seed([21; 32]);
    let (near, far) = reference_handshake();
    let mut sender = Sender::new(&near, rng.bytes());
    let mut receiver = Receiver::new(&far);
    let mut wire = sender.first_frame();
    let mut sent = Vec::new();
    for _ in 0..120 {
        let message = random(&mut rng, 70_000);
        wire.extend_from_slice(&sender.frame(&message));
        sent.push(message);
    }

    let mut rest = &wire[..];
    let mut received = Vec::new();
    while !rest.is_empty() {
        let most = [1, 5, 100, 2000, 200_000][rng.below(5) as usize];
        let (piece, later) = rest.split_at(rest.len().min(1 + rng.below(most) as usize));
        receiver.feed(piece, &mut |message| received.push(message)).expect("good frames");
        rest = later;
    }
    assert!(received == sent);
}

#[test]
fn every_cut_of_short_frames_arrives() {
    let (near, far) = reference_handshake();
    let mut sender = Sender::new(&near, [3; 24]);
    let mut wire = sender.first_frame();
    for message in [&b""[..], b"a", b"12345678", b""] {
        wire.extend_from_slice(&sender.frame(message));
    }
    for cut in 0..wire.len() {
        let mut receiver = Receiver::new(&far);
        let (mut received, fed) = feed(&mut receiver, &wire[..cut]);
        assert_eq!(fed, Ok(()));
        let (more, fed) = feed(&mut receiver, &wire[cut..]);
        assert_eq!(fed, Ok(()));
        received.extend(more);
        assert_eq!(received, [&b""[..], b"a", b"12345678", b""]);
    }
}

#[test]
fn short_messages_of_one_packet_share_an_allocation() {
    let (near, far) = reference_handshake();
    let mut sender = Sender::new(&near, [3; 24]);
    let mut receiver = Receiver::new(&far);
    feed(&mut receiver, &sender.first_frame()).1.expect("a good header");
    let sent = [&b"one"[..], &[2; 128], b"", b"4", &[5; 129]];
    let packet = sent.map(|message| sender.frame(message)).concat();

    let mut messages: Vec<Bytes> = Vec::new();
    receiver.feed(&packet, &mut |message| messages.push(message)).expect("good frames");

    assert_eq!(messages, sent);
    assert_eq!(messages[0].as_ptr_range().end, messages[1].as_ptr());
    assert_eq!(messages[1].as_ptr_range().end, messages[3].as_ptr());
}

#[test]
fn a_wrong_first_frame_breaks_the_stream() {
    let (near, far) = reference_handshake();
    let good = Sender::new(&near, [3; 24]).first_frame();
    for at in 0..35 {
        let error = if at < 3 { FrameError::HeaderLength } else { FrameError::InvalidHeader };
        let mut receiver = Receiver::new(&far);
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(feed(&mut receiver, &bad), (vec![], Err(error)));
        assert_eq!(feed(&mut receiver, &good).1, Err(error));
    }
    let own = Sender::new(&far, [3; 24]).first_frame();
    assert_eq!(feed(&mut Receiver::new(&far), &own).1, Err(FrameError::InvalidHeader));
}

#[test]
fn a_forged_frame_breaks_the_stream_after_the_good_ones() {
    let (near, far) = reference_handshake();
    let mut sender = Sender::new(&near, [3; 24]);
    let start = [&sender.first_frame()[..], &sender.frame(b"good")].concat();
    let frame = sender.frame(b"to be damaged").to_vec();
    for at in 3..frame.len() {
        let mut receiver = Receiver::new(&far);
        let mut bad = frame.clone();
        bad[at] ^= 1;
        let (messages, fed) = feed(&mut receiver, &[&start[..], &bad].concat());
        assert_eq!((messages, fed), (vec![b"good".to_vec()], Err(FrameError::Forged)));
        assert_eq!(feed(&mut receiver, b"").1, Err(FrameError::Forged));
    }
    for short in 0..17 {
        let mut receiver = Receiver::new(&far);
        let fed = feed(&mut receiver, &[&start[..], &[short, 0, 0]].concat()).1;
        assert_eq!(fed, Err(FrameError::InvalidMessage));
    }
}

#[test]
fn memory_grows_with_what_arrives() {
    let (near, far) = reference_handshake();
    let mut receiver = Receiver::new(&far);
    let start = Sender::new(&near, [3; 24]).first_frame();
    feed(&mut receiver, &start).1.expect("a good header");
    feed(&mut receiver, &[0xff, 0xff, 0xff, 0]).1.expect("an unfinished frame");
    feed(&mut receiver, &[0; 10]).1.expect("an unfinished frame");
    assert!(receiver.reserved() <= 66_000);
    feed(&mut receiver, &[0; 200_000]).1.expect("an unfinished frame");
    assert!(receiver.reserved() <= 500_000);
}

#[test]
fn noise_never_panics() {
    let mut rng = Rng::from_seed([33; 32]);
    let (near, far) = reference_handshake();
    let mut sender = Sender::new(&near, rng.bytes());
    let mut wire = sender.first_frame();
    wire.extend_from_slice(&sender.frame(&[7; 300]));
    for _ in 0..500 {
        let mut receiver = Receiver::new(&far);
        let mut mutated = wire.clone();
        for _ in 0..rng.below(4) {
            let at = rng.below(mutated.len() as u64) as usize;
            mutated[at] = rng.u32() as u8;
        }
        mutated.extend(random(&mut rng, 100));
        for piece in mutated.chunks(1 + rng.below(80) as usize) {
            let _ = feed(&mut receiver, piece);
        }
    }
}

#[test]
fn frames_from_a_prepared_buffer_are_the_same_and_not_copied() {
    let (near, _) = reference_handshake();
    let (mut a, mut b) = (Sender::new(&near, [3; 24]), Sender::new(&near, [3; 24]));
    for len in [0, 5, 8, 4096] {
        let mut buf = Vec::with_capacity(HEADROOM + len + TAILROOM);
        buf.resize(HEADROOM, 0xaa);
        buf.resize(HEADROOM + len, 0x55);
        let at = buf.as_ptr();
        let frame = b.frame_from(buf);
        assert_eq!(frame.as_ptr(), at.wrapping_add(HEADROOM - 4));
        assert_eq!(frame, a.frame(&vec![0x55; len]));
    }
}

#[test]
fn frames_of_messages_together_are_the_same() {
    let (near, _) = reference_handshake();
    let mut rng = Rng::from_seed([5; 32]);
    let mut texts: Vec<_> = [0, 1, 8, 16, 64, 4096].map(|len| vec![7; len]).into();
    texts.extend((0..40).map(|_| random(&mut rng, 200)));
    let mut messages = Messages::with_room(2, 8);
    assert!(messages.is_empty());
    for text in &texts {
        assert!(messages.push(text));
    }
    assert!(!messages.is_empty());

    let mut alone = Sender::new(&near, [9; 24]);
    let frames: Vec<_> = texts.iter().map(|text| alone.frame(text)).collect();
    let together = Sender::new(&near, [9; 24]).frames_from(messages);
    assert_eq!(together, frames.concat());
    assert_eq!(Sender::new(&near, [9; 24]).frames_from(Messages::with_room(1, 1)), b""[..]);
}

#[test]
fn messages_together_have_bounds_and_are_bytes_without_a_sender() {
    let mut messages = Messages::with_room(usize::MAX, usize::MAX);
    assert!(!messages.push(&[0; 4097]));
    let pushed = std::iter::repeat_with(|| messages.push(&[3; 1024])).take_while(|fits| *fits);
    let pushed = pushed.count();
    assert_eq!(pushed, 15);
    assert_eq!(messages.into_bytes(), vec![3; pushed * 1024]);
}

#[test]
fn a_message_beyond_the_longest_becomes_several() {
    let (near, far) = reference_handshake();
    let mut sender = Sender::new(&near, [3; 24]);
    let mut receiver = Receiver::new(&far);
    feed(&mut receiver, &sender.first_frame()).1.expect("a good header");
    let frames = sender.frame(&vec![9; MAX_MESSAGE + 3]);
    let (messages, fed) = feed(&mut receiver, &frames);
    assert_eq!(fed, Ok(()));
    assert_eq!(messages.iter().map(Vec::len).collect::<Vec<_>>(), [MAX_MESSAGE, 3]);
}

fn feed(receiver: &mut Receiver, bytes: &[u8]) -> (Vec<Vec<u8>>, Result<(), FrameError>) {
    let mut messages = Vec::new();
    let fed = receiver.feed(bytes, &mut |message: Bytes| messages.push(message.to_vec()));
    (messages, fed)
}

/// The handshake from which the vectors were generated.
pub(super) fn reference_handshake() -> (Finished, Finished) {
    let v: Value =
        serde_json::from_str(include_str!("../../tests/vectors/D_noise_ik.json")).expect("json");
    let (alice, bob) = (KeyPair::from_seed([1; 32]), KeyPair::from_seed([2; 32]));
    let mut near = Initiator::with_ephemeral_seed(&alice, bob.public(), [3; 32]).expect("near");
    let mut far = Responder::with_ephemeral_seed(&bob, [4; 32]).expect("far");
    far.recv(&near.send(&unhex(&v["payload1"]["hex"])).expect("message 1")).expect("message 1");
    near.recv(&far.send(&unhex(&v["payload2"]["hex"])).expect("message 2")).expect("message 2");
    (near.finish(), far.finish())
}

fn random(rng: &mut Rng, below: u64) -> Vec<u8> {
    let len = rng.below(below);
    (0..len).map(|_| rng.u32() as u8).collect()
}

fn stream_vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/F_secret_stream.json")).expect("json")
}

fn list(value: &Value) -> Vec<&str> {
    value.as_array().expect("array").iter().map(|v| v.as_str().expect("a string")).collect()
}

fn unhex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a string")).expect("hex")
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    unhex(value).try_into().expect("the right length")
}
