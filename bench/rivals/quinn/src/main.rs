//! Bulk over one stream of quinn.
//!
//! ```text
//! rival-quinn server <chacha20|aes> <bytes>
//! rival-quinn client <chacha20|aes> <bytes> <port> <certificate>
//! ```
//!
//! Each line of the output is JSON. The server prints its port and certificate, and when it has
//! received everything, the seconds since the first byte and its CPU time. The client prints its
//! CPU time from the open connection until the server has closed it.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Instant;

use cpu_time::ProcessTime;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{Connection, Endpoint, EndpointConfig, TokioRuntime, TransportConfig, VarInt};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, SupportedCipherSuite, version::TLS13};
use socket2::SockRef;

type Failure = Box<dyn Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["server", cipher, bytes] => server(suite(cipher)?, bytes.parse()?).await,
        ["client", cipher, bytes, port, certificate] => {
            let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse()?));
            client(suite(cipher)?, bytes.parse()?, to, unhex(certificate)?).await
        }
        _ => Err("server <cipher> <bytes> | client <cipher> <bytes> <port> <certificate>".into()),
    }
}

async fn server(suite: SupportedCipherSuite, bytes: usize) -> Result<(), Failure> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let tls = rustls::ServerConfig::builder_with_provider(provider(suite))
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())?;
    let quic = QuicServerConfig::with_initial(Arc::new(tls), initial()?)?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(quic));
    config.transport_config(transport());

    let endpoint = endpoint(Some(config))?;
    let port = endpoint.local_addr()?.port();
    println!(r#"{{"port":{port},"certificate":"{}"}}"#, hex(made.cert.der()));
    let connection = endpoint.accept().await.ok_or("no connection")?.await?;
    receive(&connection, bytes).await?;
    connection.close(VarInt::from_u32(0), b"done");
    endpoint.wait_idle().await;
    Ok(())
}

async fn receive(connection: &Connection, bytes: usize) -> Result<(), Failure> {
    let mut stream = connection.accept_uni().await?;
    let (cpu, start) = (ProcessTime::now(), Instant::now());
    let mut received = 0;
    while let Some(chunk) = stream.read_chunk(usize::MAX, true).await? {
        received += chunk.bytes.len();
    }
    if received != bytes {
        return Err(format!("{received} bytes came, and not {bytes}").into());
    }
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
    println!(r#"{{"seconds":{seconds},"cpu":{cpu}}}"#);
    Ok(())
}

async fn client(
    suite: SupportedCipherSuite,
    bytes: usize,
    to: SocketAddr,
    certificate: Vec<u8>,
) -> Result<(), Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate))?;
    let tls = rustls::ClientConfig::builder_with_provider(provider(suite))
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let quic = QuicClientConfig::with_initial(Arc::new(tls), initial()?)?;
    let mut config = quinn::ClientConfig::new(Arc::new(quic));
    config.transport_config(transport());

    let endpoint = endpoint(None)?;
    let connection = endpoint.connect_with(config, to, NAME)?.await?;
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
    Ok(())
}

/// Its socket has buffers in which a whole burst has room.
fn endpoint(server: Option<quinn::ServerConfig>) -> Result<Endpoint, Failure> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let options = SockRef::from(&socket);
    options.set_recv_buffer_size(SOCKET_BUFFER)?;
    options.set_send_buffer_size(SOCKET_BUFFER)?;
    Ok(Endpoint::new(EndpointConfig::default(), server, socket, Arc::new(TokioRuntime))?)
}

/// Windows that do not limit the rate on loopback.
fn transport() -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    config.stream_receive_window(VarInt::from_u32(WINDOW)).receive_window(VarInt::from_u32(WINDOW));
    Arc::new(config)
}

fn suite(name: &str) -> Result<SupportedCipherSuite, Failure> {
    match name {
        "chacha20" => Ok(ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256),
        "aes" => Ok(ring::cipher_suite::TLS13_AES_128_GCM_SHA256),
        _ => Err(format!("an unknown cipher: {name}").into()),
    }
}

fn provider(suite: SupportedCipherSuite) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { cipher_suites: vec![suite], ..ring::default_provider() })
}

/// The cipher of QUIC's first packets, which the protocol prescribes.
fn initial() -> Result<rustls::quic::Suite, Failure> {
    let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13();
    Ok(suite.and_then(|suite| suite.quic_suite()).ok_or("no initial cipher")?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Result<Vec<u8>, Failure> {
    let digits = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2).unwrap_or_default());
    Ok(digits.map(|pair| u8::from_str_radix(pair, 16)).collect::<Result<_, _>>()?)
}

const NAME: &str = "localhost";
const WRITE: usize = 64 * 1024;
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;
const WINDOW: u32 = 8 * 1024 * 1024;
