//! Hosts come and go while others announce and look up.

use std::time::Duration;


use super::Crowd;

/// What happens in a stretch of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Churn {
    pub(crate) duration: Duration,
    pub(crate) lookups: usize,
    /// Hosts that go, and as many that come.
    pub(crate) departures: usize,
}

impl Crowd {
    /// Runs an hour or so of life. Topics are announced again every 10 minutes.
    pub(crate) fn live(&mut self, churn: Churn) {
        let topics = self.app.topics.len();
        let seconds = churn.duration.as_secs() as usize;
        let announcements = topics * seconds / ANNOUNCE_INTERVAL.as_secs() as usize;
        let moments = MOMENTS_PER_LOOKUP * churn.lookups.max(1);
        for moment in 0..moments {
            if due(moment, moments, churn.lookups) {
                let host = self.anybody();
                self.look_up_any(host);
            }
            if due(moment, moments, churn.departures) {
                self.somebody_goes();
                self.somebody_comes();
            }
            if due(moment, moments, announcements) {
                self.announce(moment * announcements / moments % topics);
            }
            self.run(churn.duration / moments as u32);
        }
    }

    /// A host leaves or crashes, one as likely as the other. Bootstrap nodes stay.
    pub(crate) fn somebody_goes(&mut self) {
        let host = self.anybody_of(|host| host.0 >= super::BOOTSTRAPS);
        if self.world.rng().below(2) == 0 {
            self.world.leave(host);
        } else {
            self.world.crash(host);
        }
        self.app.ready.retain(|ready| *ready != host);
        self.gone.push(host);
        for topic in self.app.topics.forget(host) {
            self.hand_over(topic);
        }
    }

    /// A new host comes, or a new node at an address that was there before.
    pub(crate) fn somebody_comes(&mut self) {
        let config = self.config();
        if self.gone.len() > RESTING && self.world.rng().below(2) == 0 {
            let host = self.gone.remove(0);
            self.world.restart(host, config);
        } else {
            self.world.host(config);
        }
    }
}

/// True `count` times of `moments`, evenly spread.
fn due(moment: usize, moments: usize, count: usize) -> bool {
    moment * count / moments != (moment + 1) * count / moments
}

/// As hyperswarm does.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(600);

const MOMENTS_PER_LOOKUP: usize = 2;

/// So many hosts are gone before the first of them comes back.
const RESTING: usize = 5;
