//! How soon data flows again after the path was cut.

use super::ends::{End, Ours};
use super::reference::ReferenceReceiver;
use super::{Line, World};

#[test]
fn data_flows_soon_after_a_cut() {
    for rtt in [40, 100, 300] {
        for cut in [1.0, 1.3, 2.9, 5.2, 9.9] {
            let again = after_cut(rtt, cut);
            let trip = rtt as f64 / 1000.0;
            // The record counts hundredths of a second, and timers are late.
            assert!(again[0] < 0.32 + trip, "{rtt} ms, {cut} s: {again:?}");
            assert!(again[1] < 0.62 + 4.0 * trip, "{rtt} ms, {cut} s: {again:?}");
        }
    }
}

/// The end of what a program writes is lost. A peer of the reference says nothing of a packet beyond
/// so many missing ones.
#[test]
fn the_end_of_a_message_is_sent_again_soon() {
    for knows_peer in [true, false] {
        for start in 5..25 {
            let mut world = World::new(Line::new(20, 40, 0, 100), 5);
            let now = world.instant();
            let receiver: Box<dyn End> = match knows_peer {
                true => Ours::receiver(now, true),
                false => ReferenceReceiver::new(),
            };
            world.add(Ours::sender_of(5, now, knows_peer), receiver);
            world.run_for(f64::from(start) / 100.0);
            world.is_cut = true;
            world.run_for(0.03);
            world.is_cut = false;
            world.run_for(10.0);
            let record = &world.flows[0].record;
            assert_eq!(record.arrivals.iter().sum::<u64>(), 5 * 65536);
            assert!(record.arrivals.len() < 60, "{knows_peer} {start}: {}", record.arrivals.len());
        }
    }
}

/// The seconds after the end of the cut until data arrives, and until it does at 80 % of the rate.
fn after_cut(rtt: u64, cut: f64) -> [f64; 2] {
    let line = Line::new(20, rtt, 0, 100);
    let mut world = World::new(line, 5);
    let now = world.instant();
    world.add(Ours::sender(now, true), Ours::receiver(now, true));
    world.run_for(BEFORE);
    world.is_cut = true;
    world.run_for(cut);
    world.is_cut = false;
    // What has left before the cut has arrived.
    let record = &mut world.flows[0].record;
    record.arrivals.clear();
    world.run_for(4.0);
    let record = &world.flows[0].record;
    let start = BEFORE + cut;
    let first = record.arrivals.iter().position(|bytes| *bytes > 0);
    let first = first.map_or(f64::INFINITY, |at| (at + 1) as f64 / 100.0 - start);
    [first, record.rises_at(10, line.rate).unwrap_or(f64::INFINITY) - start]
}

/// How long the flow lasts before the cut, in seconds.
const BEFORE: f64 = 7.0;
