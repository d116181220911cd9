//! The task that runs one node on the driver thread.

use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use proto::{HostEvent, Interface, SocketId};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task;
use tokio::time::{Sleep, sleep, sleep_until};

use super::batch::Batch;
use super::giving_way::GivingWay;
use super::host::{ClockWatch, KnownNetwork, Look, NetworkWatch, SleepWatch};
use super::lending::{End, Lending, Turn};
use super::loan::Borrower;
use super::network_news::{NetworkNews, News, WITH_NEWS, WITHOUT_NEWS};
use super::shared::Shared;
use super::state::Next;
use super::withholding::Withholding;

/// Receives for a node, runs its timers, and sends what callers could not send.
pub(super) struct Driver {
    shared: Arc<Shared>,
    batch: Arc<Mutex<Batch>>,
    network: Arc<Mutex<NetworkWatch>>,
    known: KnownNetwork,
    sleep: SleepWatch,
    clock: ClockWatch,
    look_at: Instant,
    look_interval: Duration,
    /// Counts what the system tells of changes.
    news: watch::Receiver<News>,
    /// The counts at the last look.
    seen: News,
    giving_way: GivingWay,
    lending: Lending,
    /// The socket that was read last, so that the sockets take turns.
    last: SocketId,
    room: Room,
    alarm: Pin<Box<Sleep>>,
    alarm_at: Option<Instant>,
}

impl Driver {
    /// Starts the task of a node. If it panics, the node ends and others go on.
    pub(super) fn spawn(
        runtime: &Handle,
        shared: Arc<Shared>,
        batch: Arc<Mutex<Batch>>,
        network: Arc<Mutex<NetworkWatch>>,
        interfaces: Vec<Interface>,
        news: &NetworkNews,
    ) {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let _context = runtime.enter();
        let (news, look_interval) = news.subscribe();
        let routes = news.borrow().routes;
        let look = Look { now, news: 0, interval: look_interval };
        let source = way_out(&shared, &mut network.lock(), look);
        let driver = Self {
            shared: Arc::clone(&shared),
            batch,
            network,
            known: KnownNetwork::new(interfaces, source),
            sleep: SleepWatch::new(now, wall),
            clock: ClockWatch::new(now, wall),
            look_at: now + look_interval,
            look_interval,
            seen: News { all: 0, routes },
            news,
            giving_way: GivingWay::new(now),
            lending: Lending::new(),
            last: SocketId::SERVER,
            room: Room::default(),
            alarm: Box::pin(sleep_until(now.into())),
            alarm_at: Some(now),
        };
        // Unconstrained, since tokio's budget would count each poll of hundreds of sockets.
        let task = runtime.spawn(task::unconstrained(driver.run()));
        runtime.spawn(async move {
            if let Err(error) = task.await
                && error.is_panic()
            {
                tracing::error!("the driver of a node has panicked");
                shared.fail();
            }
        });
    }

    async fn run(mut self) {
        let mut idle = false;
        let mut withholding = Withholding::default();
        let mut next = Next::Again;
        let batch = Arc::clone(&self.batch);
        loop {
            idle &= !self.look_at_loan();
            let mut news = self.look();
            let (more, may_lend) = {
                let mut batch = batch.lock();
                let more = batch.fill(&self.shared.sockets, &mut self.last);
                news.extend(batch.take_news());
                let may_lend = self.may_lend(&batch);
                if !idle || withholding.is_owing() || !batch.is_empty() || !news.is_empty() {
                    let holds = withholding.begin_turn(more && batch.is_coalesced());
                    next = self.shared.turn(&mut batch, news, holds);
                }
                (more, may_lend)
            };
            match next {
                Next::End => {
                    self.shared.take_back();
                    return;
                }
                Next::Again => {
                    idle = false;
                    self.give_way().await;
                }
                Next::Wait { .. } if more => {
                    idle = true;
                    self.give_way().await;
                }
                Next::Wait { until, writable } => {
                    if writable.is_some() {
                        // Only the driver's event queue tells when there is room.
                        self.end_loan(End::TooMuch);
                    } else if may_lend {
                        self.offer();
                    }
                    idle = self.wait(until, writable).await;
                    self.giving_way.slept();
                }
            }
        }
    }

    /// Counts a turn. True if the socket that was read last should be lent.
    fn may_lend(&mut self, batch: &Batch) -> bool {
        if batch.is_empty() {
            return false;
        }
        let turn = batch.only_socket().map(|socket| Turn {
            now: Instant::now(),
            socket,
            received: batch.datagrams(),
            sent: self.shared.sent_by(socket),
            calls: self.shared.calls(),
        });
        self.lending.handle_turn(turn)
    }

    fn offer(&mut self) {
        let served = self.shared.served();
        if self.shared.offer(self.last) {
            self.lending.handle_lent(Instant::now(), served);
        }
    }

    /// Takes a lent socket back if it is time. True if it is back.
    fn look_at_loan(&mut self) -> bool {
        if !self.lending.is_lent() {
            return false;
        }
        if !self.shared.is_lending() {
            // The application has given it back, or it was closed.
            return self.end_loan(End::TooMuch);
        }
        let is_over = self.lending.look(Instant::now(), self.shared.served());
        is_over && self.end_loan(End::Quiet)
    }

    /// False if the loan has to go on until the next look.
    fn end_loan(&mut self, end: End) -> bool {
        if !self.lending.is_lent() {
            return true;
        }
        let is_back = self.shared.take_back();
        if is_back {
            self.lending.handle_back(Instant::now(), end);
        }
        is_back
    }

    /// Lets the application and the other nodes of the engine run.
    async fn give_way(&mut self) {
        self.giving_way.give_way(|| self.shared.calls());
        task::yield_now().await;
    }

    /// The only place where the driver sleeps. True if only the sockets have to be read, or a loan
    /// has to be looked at.
    async fn wait(&mut self, until: Option<Instant>, writable: Option<SocketId>) -> bool {
        let due = until.map_or(self.look_at, |at| at.min(self.look_at));
        let until = self.lending.look_at().map_or(due, |at| at.min(due));
        if self.alarm_at != Some(until) {
            self.alarm.as_mut().reset(until.into());
            self.alarm_at = Some(until);
        }
        let Self { shared, alarm, news, look_interval, room, .. } = self;
        let readable = poll_fn(|cx| shared.sockets.poll_readable(cx));
        let is_doubtful = room.is_doubtful(writable.is_some());
        let has_room = async {
            match writable {
                Some(_) if is_doubtful => sleep(PAUSE_FOR_ROOM).await,
                Some(id) => poll_fn(|cx| shared.sockets.poll_writable(id, cx)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shared.notify.notified() => false,
            () = alarm.as_mut() => {
                self.alarm_at = None;
                Instant::now() < due
            }
            told = news.changed(), if *look_interval == WITH_NEWS => {
                if told.is_err() {
                    // There will be no more.
                    *look_interval = WITHOUT_NEWS;
                }
                false
            }
            () = has_room => {
                room.handle_told();
                false
            }
            () = readable => true,
        }
    }

    /// The host events since the last look; none if it is too early to look.
    fn look(&mut self) -> Vec<HostEvent> {
        let now = Instant::now();
        let told = *self.news.borrow();
        if now < self.look_at && told.all == self.seen.all {
            return Vec::new();
        }
        let told_of_routes = told.routes != self.seen.routes;
        self.seen = told;
        self.look_at = now + self.look_interval;
        self.shared.shed();
        let mut news = Vec::new();
        let wall = SystemTime::now();
        if let Some(unix_time) = self.clock.look(now, wall) {
            news.push(HostEvent::Clock { unix_time });
        }
        if self.sleep.look(now, wall) {
            news.push(HostEvent::MachineSlept);
        }
        news.extend(self.look_at_network(now, told_of_routes));
        news
    }

    fn look_at_network(&mut self, now: Instant, told_of_routes: bool) -> Option<HostEvent> {
        let mut network = self.network.lock();
        let look = Look { now, news: self.seen.all, interval: self.look_interval };
        let source = way_out(&self.shared, &mut network, look);
        self.known.look(network.interfaces(look), source, told_of_routes)
    }
}

/// Whether to believe that a socket has room.
///
/// After an error of a socket tokio takes it for writable, whatever its buffer holds. So the second
/// of two waits for room is a pause: the driver would turn in a circle.
#[derive(Debug, Default)]
struct Room {
    /// The driver was told of room, and has waited for it ever since.
    was_told: bool,
}

impl Room {
    /// The driver waits, for room or not. Returns whether to pause instead.
    fn is_doubtful(&mut self, waits_for_room: bool) -> bool {
        self.was_told &= waits_for_room;
        self.was_told
    }

    /// The driver was told that a socket has room.
    fn handle_told(&mut self) {
        self.was_told = true;
    }
}

/// A send buffer has room again after about so long, and is not empty yet.
const PAUSE_FOR_ROOM: Duration = Duration::from_millis(1);

/// Where the datagrams of a node leave from. `None` if that is not known.
fn way_out(shared: &Shared, network: &mut NetworkWatch, look: Look) -> Option<Ipv4Addr> {
    if shared.has_hook() { None } else { network.source(look) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_of_two_waits_for_room_is_a_pause() {
        let mut room = Room::default();
        assert!(!room.is_doubtful(true));
        assert!(!room.is_doubtful(true), "something else has woken the driver");
        room.handle_told();
        assert!(room.is_doubtful(true) && room.is_doubtful(true));
        room.handle_told();
        assert!(room.is_doubtful(true), "the pause is over, and the buffer is still full");
        assert!(!room.is_doubtful(false), "everything was sent");
        assert!(!room.is_doubtful(true));
    }
}
