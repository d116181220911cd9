//! The memory that a write of bytes costs: its one copy is in a buffer of an earlier write.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use hyperdht::{generate_key_pair, testnet};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

#[tokio::test]
async fn bytes_that_are_written_take_no_new_memory() {
    let net = testnet(3).await.unwrap();
    let (alice, bob) = (net.create_node().await.unwrap(), net.create_node().await.unwrap());
    let mut server = bob.listen(generate_key_pair().unwrap()).await.unwrap();
    let mut client = alice.connect(server.public_key()).await.unwrap();
    let mut accepted = server.accept().await.unwrap();
    let chunk = [7; CHUNK];
    // The first writes allocate the buffers that stay, until all of a window has been under way.
    let mut arrived = vec![0; CHUNK];
    for _ in 0..WINDOW / CHUNK {
        client.write_all(&chunk).await.unwrap();
        accepted.read_exact(&mut arrived).await.unwrap();
    }

    let mut written = Poll::Pending;
    let cost = measure(|| {
        let cx = &mut Context::from_waker(Waker::noop());
        written = Pin::new(&mut client).poll_write(cx, &chunk);
    });

    assert!(matches!(written, Poll::Ready(Ok(CHUNK))));
    let copies = cost.bytes_total as usize / CHUNK;
    assert_eq!(copies, 0, "{cost:?}");
    accepted.read_exact(&mut arrived).await.unwrap();
    assert!(arrived.iter().all(|byte| *byte == 7));
    net.destroy().await;
}

/// As much as one write takes.
const CHUNK: usize = 64 * 1024;

/// Many times the initial congestion window.
const WINDOW: usize = 2 * 1024 * 1024;
