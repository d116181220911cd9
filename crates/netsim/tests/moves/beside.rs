//! Raw streams beside a connection whose ends get other addresses.

use std::time::Duration;

use super::scene::{End, Scene, Site};
use super::{HOME, PLACES, seeds};

#[test]
fn raw_streams_follow_the_connection_and_lose_no_byte() {
    let data: Vec<u8> = (0..LEN).map(|i| (i % 251) as u8).collect();
    for seed in 1..=seeds() {
        for (client, server, end) in PLACES {
            for loss in [0, 20] {
                let about = format!("seed {seed}, {client:?} to {server:?}, {loss} per mille");
                let mut scene = Scene::new(seed, client, server, loss);
                scene.run(Duration::from_secs(1), &End::BOTH);
                scene.open_beside();
                scene.run(Duration::from_millis(500), &End::BOTH);
                scene.write_beside(&data);
                scene.run(Duration::from_millis(150), &End::BOTH);
                scene.roam(end);
                scene.tell(end);
                scene.run(Duration::from_secs(15), &End::BOTH);
                for end in End::BOTH {
                    assert!(scene.beside(end).bytes == data, "{about}: {end:?} has missed data");
                    let path = scene.path(end).map(|(remote, _)| remote);
                    assert_eq!(scene.beside_path(end), path, "{about}");
                }
                scene.assert_complete(Duration::from_secs(8));
            }
        }
    }
}

/// As a program learns it from the connection.
#[test]
fn the_application_is_told_where_its_raw_stream_has_gone() {
    let mut scene = Scene::new(1, Site::Public, Site::Public, 0);
    scene.run(Duration::from_secs(1), &End::BOTH);
    scene.open_beside();
    scene.run(Duration::from_secs(1), &End::BOTH);
    scene.roam(End::Client);
    scene.tell(End::Client);
    scene.run(Duration::from_secs(1), &End::BOTH);
    let [told] = scene.paths_told(End::Server)[..] else { panic!("not one change of path") };
    let [follows] = scene.beside(End::Server).paths[..] else { panic!("not one change of path") };
    assert_eq!((follows.remote, follows.socket), (told.remote, told.socket));
    assert_eq!(scene.beside(End::Server).changes, 1);
    assert!(scene.beside(End::Client).paths.is_empty(), "the server has stayed where it was");
}

#[test]
fn raw_streams_follow_again_and_again() {
    let mut scene = Scene::new(1, HOME, Site::Public, 20);
    scene.run(Duration::from_secs(1), &End::BOTH);
    scene.open_beside();
    for round in 1..=5 {
        scene.run(Duration::from_secs(2), &End::BOTH);
        scene.write_beside(&[round; 100_000]);
        scene.run(Duration::from_millis(100), &End::BOTH);
        scene.roam(End::Client);
        scene.tell(End::Client);
        scene.run(Duration::from_secs(5), &End::BOTH);
        for end in End::BOTH {
            assert_eq!(scene.beside(end).bytes.len(), usize::from(round) * 100_000, "{round}");
        }
    }
}

/// More than a window.
const LEN: usize = 1_000_000;
