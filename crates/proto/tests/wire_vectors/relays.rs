//! protomux and the messages of a blind relay.

use super::*;

#[test]
fn the_messages_of_a_relay_are_written_and_read() {
    let vectors = json(include_str!("../vectors/D_blind_relay.json"));
    let [initiator, responder, _] = items(&vectors["messages"]) else { panic!("messages") };
    for case in [initiator, responder] {
        let value = &case["value"];
        let pair = RelayPair {
            is_initiator: value["isInitiator"].as_bool().unwrap(),
            token: TOKEN,
            id: number(&value["id"]) as u32,
            seq: number(&value["seq"]),
        };
        message(case, pair, RelayPair::decode, RelayPair::encode);
    }
    let unpair = &vectors["messages"][2];
    message(unpair, RelayUnpair { token: TOKEN }, RelayUnpair::decode, RelayUnpair::encode);
}

#[test]
fn the_frames_of_a_client_are_written() {
    let vectors = json(include_str!("../vectors/D_blind_relay.json"));
    let open = MuxFrame::Open(MuxOpen {
        id: 1,
        protocol: RelayPair::PROTOCOL,
        channel_id: &[0xa1; 32],
        handshake: &[],
    });
    let pair = RelayPair { is_initiator: true, token: TOKEN, id: 111, seq: 0 };
    let unpair = RelayUnpair { token: TOKEN };
    let frames =
        [open.encode(), pair.frame(1), unpair.frame(1), MuxFrame::Close { id: 1 }.encode()];
    let expected: Vec<_> = items(&vectors["initiator_writes"]).iter().map(hex_of).collect();
    assert_eq!(frames.map(hex::encode), expected.iter().map(hex::encode).collect::<Vec<_>>()[..]);
}

#[test]
fn the_frames_of_real_connections_are_read() {
    let vectors = json(include_str!("../vectors/D_relay_through.json"));
    let mut pairs = 0;
    for run in items(&vectors["runs"]) {
        for line in items(&run["relay_messages"]) {
            let bytes = hex_of(&line["plain"]);
            let frames: Vec<_> = MuxFrame::read_all(&bytes).collect();
            let [Ok(frame)] = frames[..] else { panic!("{frames:?}") };
            assert_eq!(frame.encode(), bytes);
            if let MuxFrame::Message { channel: 1, kind: RelayPair::KIND, body } = frame {
                assert_eq!(RelayPair::decode(body).unwrap().encode(), body);
                pairs += 1;
            }
        }
    }
    assert_eq!(pairs, 8);
}

#[test]
fn a_batch_has_frames_of_several_channels() {
    let vectors = json(include_str!("../vectors/D_protomux.json"));
    let writes: Vec<_> = items(&vectors["side1_writes"]).iter().map(hex_of).collect();
    let frames: Vec<_> = writes.iter().flat_map(|bytes| MuxFrame::read_all(bytes)).collect();
    let open = |id, protocol, channel_id| {
        Ok(MuxFrame::Open(MuxOpen { id, protocol, channel_id, handshake: &[] }))
    };
    let said = |channel, kind, body| Ok(MuxFrame::Message { channel, kind, body });
    let expected = [
        open(1, b"alpha", &[][..]),
        open(2, b"beta", &[0xaa, 0xbb]),
        said(1, 0, &b"\x02hi"[..]),
        said(1, 0, b"\x03one"),
        said(1, 1, b"\x07"),
        said(2, 0, b"\x03two"),
        Ok(MuxFrame::Close { id: 2 }),
    ];
    assert_eq!(frames, expected);
    let reject = hex_of(&vectors["unknown_protocol"]["other_side_reject"][0]);
    assert_eq!(MuxFrame::Reject { id: 1 }.encode(), reject);
}

#[test]
fn nothing_follows_a_malformed_frame() {
    // A length beyond the end; a batch within a batch; no channel after a switch.
    for batch in ["000001ff", "00000002000102", "000001000000", "0000010102000101"] {
        let bytes = hex::decode(batch).unwrap();
        let frames: Vec<_> = MuxFrame::read_all(&bytes).collect();
        let errors = frames.iter().filter(|frame| frame.is_err()).count();
        assert!(errors <= 1 && frames.len() < 5, "{frames:?}");
        assert!(errors == 0 || frames.last().unwrap().is_err(), "{frames:?}");
    }
    assert_eq!(MuxFrame::read_all(&[]).collect::<Vec<_>>(), [Err(Malformed::Short)]);
}

const TOKEN: [u8; 32] = [0xee; 32];
