//! The secret stream's AEAD by the size of the message, and the handshake before it.
//! `cargo bench -p hyperdht-proto --bench frames`

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use proto::Rng;
use proto::noise::{Finished, HandshakeFailed, Initiator, KeyPair, Responder};
use proto::secret::{HEADROOM, Receiver, Sender, TAILROOM};

fn sizes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        let (mut sender, mut receiver) = ends();
        group.bench_with_input(BenchmarkId::new("seal", size), &size, |b, &size| {
            let seal = |message| sender.frame_from(message);
            b.iter_batched(|| message(size), seal, BatchSize::SmallInput);
        });
        // A receiver takes each frame once, and in order.
        let (mut sender, _) = ends();
        group.bench_with_input(BenchmarkId::new("open", size), &size, |b, &size| {
            b.iter_batched(
                || sender.frame_from(message(size)),
                |frame| open(&mut receiver, &frame),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn handshakes(criterion: &mut Criterion) {
    criterion.bench_function("handshake, both ends", |b| b.iter(|| black_box(handshake())));
}

fn open(receiver: &mut Receiver, frame: &Bytes) {
    let mut opened = 0;
    let fed = receiver.feed(frame, &mut |message| opened += message.len());
    assert!(fed.is_ok() && opened > 0, "a frame does not open");
}

fn message(size: usize) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADROOM + size + TAILROOM);
    message.resize(HEADROOM + size, 7);
    message
}

/// The two ends of a direction, the first frame behind them.
fn ends() -> (Sender, Receiver) {
    let (ours, theirs) = handshake().expect("both keys are valid");
    let mut sender = Sender::new(&ours, [5; 24]);
    let mut receiver = Receiver::new(&theirs);
    let first = receiver.feed(&sender.first_frame(), &mut |_| ());
    assert!(first.is_ok(), "the first frame is that of the handshake");
    (sender, receiver)
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

const SIZES: [usize; 7] = [16, 64, 200, 1024, 4096, 16_384, 65_536];

/// As long as that of an ordinary connect.
const PAYLOAD: &[u8] = &[9; 64];

criterion_group!(benches, sizes, handshakes);
criterion_main!(benches);
