//! Many streams on one path.

use super::*;

#[test]
fn many_streams_that_start_together_leave_room_in_the_receive_buffer() {
    let (mut bench, mut streams) = (Bench::new(), Streams::default());
    for _ in 0..500 {
        start(&mut bench, &mut streams);
    }
    let sent = send_all(&mut bench, &mut streams);
    assert!(sent.iter().all(|sent| *sent >= 8 * 1100), "{:?}", sent.iter().min());
    let sum: usize = sent.iter().sum();
    assert!((5 << 20..8_000_000).contains(&sum), "{sum}");
}

#[test]
fn a_stream_that_is_alone_again_has_no_limit() {
    let (mut bench, mut streams) = (Bench::new(), Streams::default());
    let [first, second] = [0, 1].map(|_| start(&mut bench, &mut streams));
    send_all(&mut bench, &mut streams);
    assert!(room(&streams, first) <= 40 << 20);
    streams.get(second).expect("a stream").release(&mut bench.cx());
    assert_eq!(room(&streams, first), u64::MAX);
}

/// Each peer behind a relay has a receive buffer of its own.
#[test]
fn streams_through_a_relay_do_not_limit_each_other() {
    let (mut bench, mut streams) = (Bench::new(), Streams::default());
    let both = [0, 1].map(|_| start(&mut bench, &mut streams));
    for id in both {
        let mut stream = streams.get(id).expect("a stream");
        stream.set_interim(bench.now);
        stream.settle(&mut bench.cx());
    }
    assert_eq!(both.map(|id| room(&streams, id)), [u64::MAX; 2]);
}

fn room(streams: &Streams, id: StreamId) -> u64 {
    let transport = streams.table.connected(id).expect("connected");
    streams.shared.room(transport).in_flight
}

/// A stream with much to send.
fn start(bench: &mut Bench, streams: &mut Streams) -> StreamId {
    let cx = &mut bench.cx();
    let id = streams.reserve(cx, OWNER);
    let (mut stream, _) = streams.connect(cx, id, PATH, RemoteStream::default()).expect("reserved");
    stream.write(Bytes::from(vec![0; 100_000]));
    stream.settle(cx);
    id
}

/// Sends what the streams may send, and returns the bytes of each.
fn send_all(bench: &mut Bench, streams: &mut Streams) -> Vec<usize> {
    let mut buf = TransmitBuf { data: Vec::new(), max_segments: 44 };
    while streams.poll_transmit(&mut bench.cx(), &mut buf).is_some() {}
    let ids: Vec<_> = streams.table.ids().collect();
    let stats = ids.iter().filter_map(|id| streams.stats(*id));
    stats.map(|stats| stats.inflight as usize).collect()
}
