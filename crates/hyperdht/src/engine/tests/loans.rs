//! A socket that is lent to the application.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use proto::SocketId;

use super::{Pair, runtime};
use crate::engine::batch::Batch;
use crate::engine::sockets::Sockets;

#[test]
fn a_lent_socket_is_read_by_the_application_alone_and_comes_back() {
    let pair = Pair::new();
    let mut loans = Batch::for_loans();
    let copy = pair.sockets.lend(SocketId::SERVER).expect("a copy of the descriptor");
    pair.send(b"lent", None, None);

    let mut driver = Batch::new();
    driver.fill(&pair.sockets, &mut { SocketId::CLIENT });
    assert!(driver.is_empty(), "the driver does not read it");
    let until = Instant::now() + Duration::from_secs(5);
    while loans.is_empty() && Instant::now() < until {
        loans.fill_from(&pair.sockets, SocketId::SERVER);
    }
    loans.for_each(|run| assert_eq!(run.data, b"lent"));

    drop(copy);
    pair.send(b"waits", None, None);
    assert!(pair.sockets.take_back(SocketId::SERVER, pair.runtime.handle()));
    loans.fill_from(&pair.sockets, SocketId::SERVER);
    assert!(loans.is_empty(), "the application does not read it any more");
    assert_eq!(pair.receive(1), [(pair.client, b"waits".to_vec())]);
}

#[test]
fn a_socket_stays_lent_if_the_event_queue_does_not_take_it() {
    let pair = Pair::new();
    let _copy = pair.sockets.lend(SocketId::SERVER).expect("a copy of the descriptor");
    pair.send(b"not lost", None, None);

    let ended = runtime().handle().clone();
    assert!(!pair.sockets.take_back(SocketId::SERVER, &ended));
    assert!(pair.sockets.is_lent(SocketId::SERVER));

    assert!(pair.sockets.take_back(SocketId::SERVER, pair.runtime.handle()));
    assert_eq!(pair.receive(1), [(pair.client, b"not lost".to_vec())]);
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn a_socket_that_closes_leaves_its_port_during_a_loan_and_after_it() {
    let one: fn(&Sockets) = |sockets| sockets.close(SocketId::SERVER);
    for (close, is_over) in [(one, false), (one, true), (Sockets::close_all, false)] {
        let pair = Pair::new();
        let copy = pair.sockets.lend(SocketId::SERVER).expect("a copy of the descriptor");
        let number = copy.with_number(|number| number);
        if is_over {
            assert!(pair.sockets.take_back(SocketId::SERVER, pair.runtime.handle()));
        }
        UdpSocket::bind(pair.server).expect_err("the port is occupied");

        close(&pair.sockets);

        UdpSocket::bind(pair.server).expect("the port is free");
        assert_eq!(copy.with_number(|number| number), number);
    }
}
