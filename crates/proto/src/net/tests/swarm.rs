//! Many nodes together.

use std::time::Duration;

use super::world::World;
use crate::net::{Answering, Commit, Output, Owner, QuerySpec, Reply, RequestSpec};
use crate::wire::{NodeId, command, error_code, node_id};
use crate::{BootstrapNode, Config, Event, QueryError, QueryId, SocketId};

const OWNER: Owner = Owner::UserQuery(QueryId(7));

#[test]
fn thirty_nodes_find_each_other_under_loss() {
    let mut world = World::new();
    world.loss = 10;
    let bootstrapper = world.add_bootstrapper();
    world.run(secs(1));
    for _ in 0..30 {
        world.add_persistent(bootstrapper);
        world.run(secs(3));
    }
    world.run(secs(600));
    for index in 1..world.hosts.len() {
        assert!(world.hosts[index].net.bootstrapped());
        assert_eq!(world.hosts[index].net.id(), Some(node_id(world.hosts[index].server)));
    }
    let wanted = node_id(world.hosts[17].server);
    let mut missed = 0;
    for index in (1..world.hosts.len()).filter(|index| *index != 17) {
        let closest = find_node(&mut world, index, wanted);
        missed += usize::from(closest.first() != Some(&wanted));
        assert_eq!(closest.len(), 20);
    }
    // About one query in 25 loses every try to the node that it looks for.
    assert!(missed <= 3, "{missed}");
    let at_rest = |host: &super::world::Host| host.stats.requests_active;
    world.loss = 0;
    world.run(secs(20));
    let queries = world.hosts.iter().map(|host| host.stats.queries_active).sum::<u64>();
    let requests = world.hosts.iter().map(at_rest).sum::<u64>();
    let live = world.hosts.iter().map(|host| host.net.live_requests() as u64).sum::<u64>();
    assert_eq!((queries, requests), (0, live));
}

#[test]
fn a_lonely_node_is_ready_at_once() {
    let mut world = World::new();
    let node = world.add(true, Config::default());
    assert!(world.hosts[node].net.bootstrapped());
    let events = &world.hosts[node].events;
    assert!(matches!(events[..], [Event::Listening, Event::Ready]), "{events:?}");
}

#[test]
fn a_node_whose_bootstrap_was_silent_tries_again() {
    let mut world = World::new();
    let bootstrapper = world.add_bootstrapper();
    world.hosts[bootstrapper].silent = true;
    let node = world.add(true, world.knows(bootstrapper));
    world.run(secs(5));
    assert!(!world.hosts[node].net.bootstrapped());
    world.run(secs(25));
    assert!(world.hosts[node].net.bootstrapped());
    assert!(world.hosts[node].net.recent_nodes(9).is_empty());
    world.hosts[bootstrapper].silent = false;
    world.run(secs(15));
    assert_eq!(world.hosts[node].net.recent_nodes(9), [world.hosts[bootstrapper].server]);
}

#[test]
fn a_bootstrap_without_an_answer_begins_again_with_its_check() {
    let (mut world, bootstrapper) = network(8);
    let node = world.add(true, world.knows(bootstrapper));
    world.hosts[node].silent = true;
    world.run(secs(31));
    assert!(world.hosts[node].net.bootstrapped() && world.hosts[node].net.firewalled());
    world.hosts[node].silent = false;
    world.with(node, |net, cx| net.handle_network_change(cx));
    world.run(secs(4));
    assert!(!world.hosts[node].net.firewalled());
    let is_ready = |event: &&Event| matches!(event, Event::Ready);
    assert_eq!(world.hosts[node].events.iter().filter(is_ready).count(), 1);
}

/// In a network of one node, the query has ended when the test of the firewall comes back.
#[test]
fn a_node_that_was_alone_at_first_learns_that_it_is_not_firewalled() {
    for silent in [false, true] {
        let (mut world, bootstrapper) = network(0);
        let node = world.add(true, world.knows(bootstrapper));
        world.hosts[node].silent = silent;
        world.run(secs(9));
        world.hosts[node].silent = false;
        world.with(node, |net, cx| net.handle_network_change(cx));
        world.run(secs(9));
        // Like the reference, a node with a network from the start does not wait for the test.
        assert_eq!(world.hosts[node].net.firewalled(), !silent);
    }
}

#[test]
fn other_routes_send_requests_again() {
    let (mut world, bootstrapper) = network(8);
    let node = world.add(true, world.knows(bootstrapper));
    world.run(secs(20));
    let before = world.hosts[node].stats.retries;
    world.with(node, |net, cx| {
        let spec = RequestSpec::internal("10.9.9.9:9".parse().unwrap(), command::PING);
        // The caller may have asked for one that is never sent twice.
        let once = RequestSpec { retries: 0, ..spec.clone() };
        net.request(cx, spec, OWNER);
        net.request(cx, once, OWNER);
        net.handle_network_change(cx);
    });
    assert_eq!(world.hosts[node].stats.retries, before + 1);
}

#[test]
fn an_open_node_learns_that_it_is_not_firewalled() {
    let (mut world, bootstrapper) = network(8);
    let node = world.add(true, world.knows(bootstrapper));
    world.run(secs(20));
    let net = &world.hosts[node].net;
    assert!(!net.firewalled() && net.bootstrapped());
    assert_eq!(net.remote_address(), Some(world.hosts[node].server));
    assert_eq!(net.id(), None);
}

#[test]
fn a_closed_node_stays_firewalled() {
    let (mut world, bootstrapper) = network(8);
    let node = world.add(false, world.knows(bootstrapper));
    world.run(secs(20));
    let net = &world.hosts[node].net;
    assert!(net.firewalled() && net.bootstrapped());
    assert_eq!((net.remote_address(), net.nat_address().1), (None, 30000));
}

#[test]
fn a_forced_node_checks_its_firewall_and_becomes_persistent() {
    let (mut world, bootstrapper) = network(8);
    let config = Config { ephemeral: Some(false), ..world.knows(bootstrapper) };
    let node = world.add(true, config);
    world.run(secs(20));
    let id = node_id(world.hosts[node].server);
    assert_eq!(world.hosts[node].net.id(), Some(id));
    let told = |event: &Event| matches!(event, Event::Persistent { id: told } if *told == id);
    assert!(world.hosts[node].events.iter().any(told));
}

#[test]
fn a_forced_node_whose_first_attempt_failed_tries_again() {
    let mut world = World::new();
    let bootstrapper = world.add_bootstrapper();
    world.hosts[bootstrapper].silent = true;
    let node = world.add_persistent(bootstrapper);
    world.run(secs(20));
    assert_eq!(world.hosts[node].net.id(), None);
    world.hosts[bootstrapper].silent = false;
    world.run(secs(1300));
    assert!(world.hosts[node].net.id().is_some());
}

#[test]
fn an_adaptive_node_becomes_persistent_and_sleep_makes_it_ephemeral() {
    let (mut world, bootstrapper) = network(8);
    let node = world.add(true, world.knows(bootstrapper));
    world.run(secs(60));
    assert_eq!(world.hosts[node].net.id(), None);
    world.run(secs(1200));
    assert!(world.hosts[node].net.id().is_some());
    world.sleep(secs(60));
    world.run(secs(10));
    assert_eq!(world.hosts[node].net.id(), None);
    let woken = world.hosts[node].outputs.iter().any(|o| matches!(o, Output::Wakeup));
    assert!(woken);
}

#[test]
fn a_suggested_address_is_used_without_dns() {
    let (mut world, bootstrapper) = network(3);
    let server = world.hosts[bootstrapper].server;
    let node = world.add(true, named(Some(*server.ip())));
    world.run(secs(2));
    assert!(world.hosts[node].net.bootstrapped());
    assert!(world.hosts[node].out.actions.is_empty());
    assert_eq!(world.hosts[node].net.recent_nodes(99).len(), 4);
}

#[test]
fn a_silent_suggestion_leads_to_dns() {
    let (mut world, bootstrapper) = network(3);
    let server = world.hosts[bootstrapper].server;
    let node = world.add(true, named(Some([10, 9, 9, 9].into())));
    world.run(secs(5));
    let action = world.hosts[node].out.actions.pop_front().unwrap();
    assert_eq!(action, crate::Action::Resolve { host: "example.org".into() });
    world.run(secs(8));
    assert!(!world.hosts[node].net.bootstrapped());
    let addresses = [*server.ip()];
    world.with(node, |net, cx| net.handle_resolved(cx, "example.org", &addresses));
    world.run(secs(2));
    assert!(world.hosts[node].net.bootstrapped());
    assert_eq!(world.hosts[node].net.recent_nodes(99).len(), 4);
}

#[test]
fn a_name_that_nobody_answers_for_is_given_up() {
    let mut world = World::new();
    let node = world.add(true, named(None));
    world.run(secs(60));
    assert!(world.hosts[node].net.bootstrapped());
}

#[test]
fn dead_nodes_leave_the_table() {
    let (mut world, bootstrapper) = network(8);
    let dead = world.hosts[3].server;
    world.hosts[3].silent = true;
    world.run(secs(600));
    let nodes = world.hosts[bootstrapper].net.recent_nodes(99);
    assert!(!nodes.contains(&dead));
    assert_eq!(nodes.len(), 7);
}

#[test]
fn a_query_tells_who_names_the_dead() {
    let (mut world, _) = network(8);
    world.hosts[3].silent = true;
    let target = node_id(world.hosts[3].server);
    let before = world.hosts[1].stats.commands[3][0];
    let closest = find_node(&mut world, 1, target);
    assert_eq!(closest.len(), 7);
    assert!(world.hosts[1].stats.commands[3][0] > before);
}

#[test]
fn one_commit_that_is_answered_is_a_success() {
    let (mut world, _) = network(4);
    let target = [9; 32];
    let spec = QuerySpec { commit: Commit::Ask, ..QuerySpec::find_node(target) };
    let query = world.with(1, |net, cx| net.query(cx, spec, OWNER));
    world.run(secs(3));
    let closest = world.hosts[1].outputs.iter().find_map(|output| {
        let Output::Commit { query: told, closest, .. } = output else {
            return None;
        };
        (*told == query).then(|| closest.clone())
    });
    let closest = closest.unwrap();
    assert_eq!(closest.len(), 4);
    let first = closest[0].from;
    for host in world.hosts.iter_mut().filter(|host| host.server != first) {
        host.silent = host.server != first && host.server.ip().octets()[3] != 2;
    }
    let send = |reply: &Reply| RequestSpec::internal(reply.from, command::PING);
    let specs = closest.iter().map(send).collect();
    world.with(1, |net, cx| net.commit(cx, query, specs));
    world.run(secs(9));
    assert_eq!(done(&world, 1), Some(Ok(())));
}

/// A malicious node must not be able to make a query repeat a commit forever.
#[test]
fn a_node_may_refuse_a_commit_once() {
    let (mut world, bootstrapper) = network(1);
    let error = error_code::INVALID_TOKEN;
    let refusal = Answering { error, token: true, ..Answering::default() };
    world.hosts[bootstrapper].answering = Some(refusal);
    let spec = QuerySpec { commit: Commit::Ask, ..QuerySpec::find_node([9; 32]) };
    let query = world.with(1, |net, cx| net.query(cx, spec, OWNER));

    let mut commits = 0;
    while done(&world, 1).is_none() && commits < 10 {
        world.run(secs(3));
        for closest in take_commits(&mut world, 1) {
            commits += 1;
            let send = |reply: &Reply| RequestSpec::user(reply.from, 1000, Some([9; 32]));
            let specs = closest.iter().map(send).collect();
            world.with(1, |net, cx| net.commit(cx, query, specs));
        }
    }

    assert_eq!((commits, done(&world, 1)), (2, Some(Err(QueryError::TooFewNodes))));
}

#[test]
fn a_commit_without_anybody_is_too_few() {
    let mut world = World::new();
    let node = world.add(true, Config::default());
    let spec = QuerySpec { commit: Commit::Ask, ..QuerySpec::find_node([9; 32]) };
    world.with(node, |net, cx| net.query(cx, spec, OWNER));
    assert_eq!(done(&world, node), Some(Err(QueryError::TooFewNodes)));
}

#[test]
fn given_nodes_are_asked_first() {
    let (mut world, _) = network(8);
    let given = world.hosts[5].server;
    let spec =
        QuerySpec { nodes: vec![given], concurrency: Some(1), ..QuerySpec::find_node([9; 32]) };
    world.with(1, |net, cx| net.query(cx, spec, OWNER));
    world.run(secs(5));
    let mut replies = world.hosts[1].outputs.iter().filter_map(|output| {
        let Output::QueryReply { reply, .. } = output else {
            return None;
        };
        Some(reply.from)
    });
    assert_eq!(replies.next(), Some(given));
    assert!(replies.next().is_some());
}

#[test]
fn only_the_given_nodes_are_asked() {
    let (mut world, _) = network(8);
    let given = world.hosts[5].server;
    let spec =
        QuerySpec { nodes: vec![given], only_closest_nodes: true, ..QuerySpec::find_node([9; 32]) };
    world.with(1, |net, cx| net.query(cx, spec, OWNER));
    world.run(secs(5));
    let replies = world.hosts[1].outputs.iter();
    let replies = replies.filter(|output| matches!(output, Output::QueryReply { .. }));
    assert_eq!(replies.count(), 1);
    assert_eq!(done(&world, 1), Some(Ok(())));
}

#[test]
fn a_destroyed_node_tells_every_owner_and_has_no_timers() {
    let (mut world, bootstrapper) = network(4);
    let to = world.hosts[bootstrapper].server;
    world.hosts[bootstrapper].silent = true;
    world.with(1, |net, cx| net.query(cx, QuerySpec::find_node([9; 32]), OWNER));
    world.with(1, |net, cx| net.ping(cx, to, Some(SocketId::SERVER), 3, OWNER));
    world.with(1, |net, cx| net.destroy(cx));
    world.with(1, |net, cx| net.query(cx, QuerySpec::find_node([9; 32]), OWNER));
    world.with(1, |net, cx| net.ping(cx, to, None, 3, OWNER));
    let host = &world.hosts[1];
    let dones = host.outputs.iter().filter(|o| matches!(o, Output::QueryDone { .. })).count();
    let replies = host.outputs.iter().filter(|o| matches!(o, Output::Reply { .. })).count();
    assert_eq!((dones, replies), (2, 2));
    assert!(host.timers.is_empty());
    assert_eq!((host.net.live_queries(), host.net.live_requests()), (0, 0));
    assert_eq!((host.stats.queries_active, host.stats.requests_active), (0, 0));
}

/// A bootstrapper and `n` persistent nodes that know each other.
fn network(n: usize) -> (World, usize) {
    let mut world = World::new();
    let bootstrapper = world.add_bootstrapper();
    for _ in 0..n {
        world.add_persistent(bootstrapper);
        world.run(secs(2));
    }
    (world, bootstrapper)
}

fn named(suggested: Option<std::net::Ipv4Addr>) -> Config {
    let node = BootstrapNode::Name { host: "example.org".into(), port: 49737, suggested };
    Config { bootstrap: vec![node], ..Config::default() }
}

fn find_node(world: &mut World, index: usize, target: NodeId) -> Vec<NodeId> {
    world.with(index, |net, cx| net.query(cx, QuerySpec::find_node(target), OWNER));
    world.run(secs(10));
    let outputs = &world.hosts[index].outputs;
    let closest = outputs.iter().rev().find_map(|output| {
        let Output::QueryDone { closest, .. } = output else {
            return None;
        };
        Some(closest)
    });
    closest.unwrap().iter().filter_map(|reply| reply.from_id).collect()
}

/// The closest nodes of each query of a node that waits for commits.
fn take_commits(world: &mut World, index: usize) -> Vec<Vec<Reply>> {
    let is_commit = |output: &mut Output| matches!(output, Output::Commit { .. });
    let commits = world.hosts[index].outputs.extract_if(.., is_commit);
    let closest = commits.filter_map(|output| {
        let Output::Commit { closest, .. } = output else { return None };
        Some(closest)
    });
    closest.collect()
}

fn done(world: &World, index: usize) -> Option<Result<(), QueryError>> {
    world.hosts[index].outputs.iter().rev().find_map(|output| {
        let Output::QueryDone { result, .. } = output else {
            return None;
        };
        Some(*result)
    })
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}
