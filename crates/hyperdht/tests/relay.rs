//! Blind relays in the Rust API.

use hyperdht::{ConnectOptions, RelayLimits, ServerOptions, generate_key_pair, testnet};

#[tokio::test]
async fn a_relay_counts_its_clients_and_ends_with_them() {
    let net = testnet(4).await.unwrap();
    let (alice, bob) = (net.create_node().await.unwrap(), net.create_node().await.unwrap());
    let key_pair = generate_key_pair().unwrap();
    let relay = bob.create_relay(key_pair.clone(), RelayLimits::default()).await.unwrap();
    assert_eq!(relay.public_key(), key_pair.public());
    assert_eq!(relay.stats().unwrap().sessions_accepted, 0);

    let mut client = alice.connect(relay.public_key()).await.unwrap();
    // The opening of a channel, cut off.
    client.write_message(vec![0, 1]).await.unwrap();
    assert!(client.read_message().await.is_err(), "the relay has reset the connection");
    assert_eq!(relay.stats().unwrap().sessions_accepted, 1);
    assert_eq!(relay.stats().unwrap().sessions_active, 0);
    relay.close().await;
    net.destroy().await;
}

#[tokio::test]
async fn a_server_and_a_client_that_name_a_relay_are_connected() {
    let net = testnet(4).await.unwrap();
    let (alice, bob) = (net.create_node().await.unwrap(), net.create_node().await.unwrap());
    let carol = net.create_node().await.unwrap();
    let relay =
        carol.create_relay(generate_key_pair().unwrap(), RelayLimits::default()).await.unwrap();
    let through = vec![relay.public_key()];

    let options = ServerOptions { relay_through: through.clone(), ..ServerOptions::default() };
    let mut server = bob.listen_with(generate_key_pair().unwrap(), options).await.unwrap();
    let options = ConnectOptions { relay_through: through, ..ConnectOptions::default() };
    let mut client = alice.connect_with(server.public_key(), options).await.unwrap();
    let mut accepted = server.accept().await.expect("the server is open");
    client.write_message("hello").await.unwrap();
    assert_eq!(accepted.read_message().await.unwrap().as_deref(), Some(&b"hello"[..]));
    net.destroy().await;
}
