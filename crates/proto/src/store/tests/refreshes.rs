//! Announcements that are refreshed without a signature.

use super::*;

#[test]
fn a_refresh_is_a_link_of_a_chain_and_good_once() {
    let mut world = World::new();
    let chain = [[1; 32], hash(&[&[1; 32]]), hash(&[&hash(&[&[1; 32]])])];
    world.answer(Some(ID), &announce_with(TOPIC, 1, 0, Some(chain[2]))).unwrap();
    let unsigned = |link| Announce { peer: None, refresh: Some(link), signature: None, bump: 0 };
    let mut refresh = |link: [u8; 32]| {
        let value = Some(unsigned(link).encode().into());
        // The target is ignored, because the remembered announcement is stored.
        let request = Incoming { value, target: Some([9; 32]), ..announce(TOPIC, 1, 0) };
        let answer = world.answer(Some(ID), &request);
        (answer.map(|answer| (answer.token, answer.closer_nodes)), world.peers(TOPIC).len())
    };

    assert_eq!(refresh(chain[0]), (Err(Silence::Refused), 1), "a link is missing");
    assert_eq!(refresh(chain[1]), (Ok((false, false)), 1));
    assert_eq!(refresh(chain[1]), (Err(Silence::Refused), 1), "used up");
    assert_eq!(refresh(chain[0]), (Ok((false, false)), 1));
    assert_eq!(refresh([8; 32]), (Err(Silence::Refused), 1));
}

#[test]
fn refreshing_keeps_an_announcement() {
    let mut world = World::new();
    let mut links = vec![[1; 32]];
    for at in 0..5 {
        links.push(hash(&[&links[at]]));
    }
    world.answer(Some(ID), &announce_with(TOPIC, 1, 0, links.pop())).unwrap();

    for link in links.into_iter().rev() {
        world.age();
        let refresh = Announce { peer: None, refresh: Some(link), signature: None, bump: 0 };
        let value = Some(refresh.encode().into());
        world.answer(Some(ID), &Incoming { value, ..announce(TOPIC, 1, 0) }).unwrap();
    }

    assert_eq!(world.peers(TOPIC).len(), 1);
}

#[test]
fn a_refreshed_self_announcement_moves_to_where_it_came_from() {
    let mut world = World::new();
    let target = hash(&[&key_pair(1).public()]);
    let link = [1; 32];
    world.answer(Some(ID), &announce_with(target, 1, 0, Some(hash(&[&link])))).unwrap();
    let moved = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 77), 7);
    let value = Announce { peer: None, refresh: Some(link), signature: None, bump: 0 }.encode();

    let request = announce(target, 1, 0);
    let request = Incoming { from: moved, value: Some(value.into()), ..request };
    world.answer(Some(ID), &request).unwrap();

    assert_eq!(world.store.router.relay(Some(target)), Some(moved));
}
