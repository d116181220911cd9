//! Requests and responses of dht-rpc.
