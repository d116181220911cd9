//! Hosts come, go and sleep while others announce, look up and connect.

use std::time::Duration;

use netsim::HostId;
use proto::ConnId;

use super::Crowd;

/// What happens in a period, evenly spread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Churn {
    pub(crate) duration: Duration,
    pub(crate) lookups: usize,
    /// Hosts that leave or crash. As many new ones come.
    pub(crate) departures: usize,
    /// Hosts that sleep for something between a minute and an hour.
    pub(crate) naps: usize,
    /// Connections to servers.
    pub(crate) connections: usize,
}

impl Crowd {
    /// Runs the crowd for a period. Every topic is announced again every 10 minutes.
    pub(crate) fn live(&mut self, churn: Churn) {
        let topics = self.app.topics.len();
        let seconds = churn.duration.as_secs() as usize;
        let announcements = topics * seconds / ANNOUNCE_INTERVAL.as_secs() as usize;
        let counts = [churn.lookups, churn.departures, churn.naps, churn.connections];
        let moments = 2 * counts.into_iter().chain([announcements, seconds / 60]).max().unwrap();
        for moment in 0..moments {
            let due = |count| is_due(moment, moments, count);
            if due(churn.lookups) {
                let host = self.anybody();
                self.look_up(host, |_| true);
            }
            if due(churn.departures) {
                self.somebody_goes();
                self.somebody_comes();
            }
            if due(announcements) {
                self.announce_next();
            }
            if due(churn.naps) {
                self.somebody_sleeps();
            }
            if due(churn.connections) {
                self.somebody_connects();
            }
            self.run(churn.duration / moments as u32);
            self.wake_up();
        }
    }

    /// A host leaves or crashes, one as likely as the other. Bootstrap nodes stay.
    fn somebody_goes(&mut self) {
        let host = self.anybody_of(|host| host.0 >= super::BOOTSTRAPS);
        if self.world.rng().below(2) == 0 {
            self.world.leave(host);
        } else {
            self.world.crash(host);
        }
        self.gone.push(host);
        self.forget(host);
    }

    /// Adds a new host, or a new node at an address that was used before.
    fn somebody_comes(&mut self) {
        let config = self.config();
        if self.gone.len() > RESTING && self.world.rng().below(2) == 0 {
            let host = self.gone.remove(0);
            self.world.restart(host, config);
        } else {
            self.world.host(config);
        }
    }

    fn somebody_sleeps(&mut self) {
        let host = self.anybody_of(|host| host.0 >= super::BOOTSTRAPS);
        let nap = Duration::from_secs(60 + self.world.rng().below(3540));
        self.world.sleep(host, nap);
        self.asleep.push(host);
        self.forget(host);
    }

    fn somebody_connects(&mut self) {
        let Some(remote) = self.any_server() else { return };
        self.app.connected.asked += 1;
        let (host, conn) = (self.anybody(), ConnId(self.app.connected.asked as u32));
        self.world.connect(host, conn, remote);
    }

    /// Hosts that have woken take part again.
    fn wake_up(&mut self) {
        let world = &self.world;
        let (awake, asleep) = self.asleep.iter().partition(|host| world.get(**host).is_on());
        self.asleep = asleep;
        self.app.ready.extend::<Vec<HostId>>(awake);
    }

    /// Removes a host, and hands its topics over to other hosts.
    fn forget(&mut self, host: HostId) {
        self.app.ready.retain(|ready| *ready != host);
        for topic in self.app.topics.forget(host) {
            self.hand_over(topic);
        }
    }
}

/// True `count` times of `moments`, evenly spread.
fn is_due(moment: usize, moments: usize, count: usize) -> bool {
    moment * count / moments != (moment + 1) * count / moments
}

/// The interval of hyperswarm.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(600);

/// An address is used again only when more hosts than this are gone.
const RESTING: usize = 5;
