//! Which ports are bound, and when they are free again.

use proto::SocketId;

use super::{Pair, bind, rules, runtime, server_port};

#[test]
fn the_first_free_port_of_a_range_is_bound() {
    let runtime = runtime();
    let taken = bind(&runtime, 0..0, true);
    let port = server_port(&taken);

    assert_ne!(server_port(&bind(&runtime, port..port + 1, true)), port);
    let refused = rules(port..port + 5, false).bind(runtime.handle(), None);
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);

    drop(taken);
    assert_eq!(server_port(&bind(&runtime, port..port + 5, false)), port);
}

#[test]
fn sockets_are_bound_again_where_they_were() {
    let runtime = runtime();
    let main = bind(&runtime, 0..0, true);
    let before = main.addresses();
    let again = |any_port| rules(0..0, any_port).bind(runtime.handle(), Some(before));

    assert_eq!(again(false).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    let elsewhere = again(true).unwrap().addresses();
    assert_ne!((elsewhere.client, elsewhere.server), (before.client, before.server));
    drop(main);
    assert_eq!(again(false).unwrap().addresses(), before);
}

#[test]
fn a_closed_socket_frees_its_port_at_once() {
    let pair = Pair::new();

    pair.sockets.close(SocketId::SERVER);

    let port = u32::from(pair.server.port());
    assert_eq!(
        bind(&pair.runtime, port..port + 1, false).addresses().server.port(),
        pair.server.port()
    );
}
