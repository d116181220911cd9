//! Bulk over one stream of iroh, without its relays and its look-up of addresses.
//!
//! ```text
//! rival-iroh server <bytes>
//! rival-iroh client <bytes> <port> <id>
//! ```
//!
//! Each line of the output is JSON. The server prints its port and id, and when it has received
//! everything, the seconds since the first byte and its CPU time. The client prints its CPU time
//! from the open connection until the server has closed it.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use cpu_time::ProcessTime;
use iroh::endpoint::{Connection, QuicTransportConfig, VarInt, presets};
use iroh::{Endpoint, EndpointAddr, EndpointId, RelayMode};

type Failure = Box<dyn Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["server", bytes] => server(bytes.parse()?).await,
        ["client", bytes, port, id] => {
            let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse()?));
            client(bytes.parse()?, EndpointAddr::new(id.parse::<EndpointId>()?).with_ip_addr(to))
                .await
        }
        _ => Err("server <bytes> | client <bytes> <port> <id>".into()),
    }
}

async fn server(bytes: usize) -> Result<(), Failure> {
    let endpoint = endpoint().await?;
    let port = endpoint.bound_sockets().first().ok_or("no socket")?.port();
    println!(r#"{{"port":{port},"id":"{}"}}"#, endpoint.id());
    let connection = endpoint.accept().await.ok_or("no connection")?.await?;
    receive(&connection, bytes).await?;
    connection.close(VarInt::from_u32(0), b"done");
    endpoint.close().await;
    Ok(())
}

async fn receive(connection: &Connection, bytes: usize) -> Result<(), Failure> {
    let mut stream = connection.accept_uni().await?;
    let (cpu, start) = (ProcessTime::now(), Instant::now());
    let mut received = 0;
    while let Some(chunk) = stream.read_chunk(usize::MAX).await? {
        received += chunk.len();
    }
    if received != bytes {
        return Err(format!("{received} bytes came, and not {bytes}").into());
    }
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
    println!(r#"{{"seconds":{seconds},"cpu":{cpu}}}"#);
    Ok(())
}

async fn client(bytes: usize, to: EndpointAddr) -> Result<(), Failure> {
    let endpoint = endpoint().await?;
    let connection = endpoint.connect(to, ALPN).await?;
    let cpu = ProcessTime::now();
    let mut stream = connection.open_uni().await?;
    let block = vec![0x5a; WRITE];
    let mut left = bytes;
    while left > 0 {
        let size = left.min(WRITE);
        stream.write_all(block.get(..size).unwrap_or_default()).await?;
        left -= size;
    }
    stream.finish()?;
    connection.closed().await;
    println!(r#"{{"cpu":{}}}"#, cpu.elapsed().as_secs_f64());
    endpoint.close().await;
    Ok(())
}

/// Its windows do not limit the rate on loopback.
async fn endpoint() -> Result<Endpoint, Failure> {
    let transport = QuicTransportConfig::builder()
        .stream_receive_window(VarInt::from_u32(WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .build();
    let builder = Endpoint::builder(presets::Minimal)
        .relay_mode(RelayMode::Disabled)
        .clear_ip_transports()
        .bind_addr((Ipv4Addr::LOCALHOST, 0))?
        .transport_config(transport)
        .alpns(vec![ALPN.to_vec()]);
    Ok(builder.bind().await?)
}

const ALPN: &[u8] = b"bulk";
const WRITE: usize = 64 * 1024;
const WINDOW: u32 = 8 * 1024 * 1024;
