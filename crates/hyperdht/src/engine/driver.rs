//! The task that runs one node on the driver thread.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use proto::{HostEvent, Interface, SocketId};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task;
use tokio::time::{Sleep, sleep_until};

use super::address_news::{AddressNews, WITH_NEWS, WITHOUT_NEWS};
use super::batch::Batch;
use super::giving_way::GivingWay;
use super::host::{ClockWatch, InterfaceWatch, SleepWatch};
use super::shared::Shared;
use super::state::Next;

/// Receives for a node, runs its timers, and sends what callers could not send.
pub(super) struct Driver {
    shared: Arc<Shared>,
    batch: Arc<Mutex<Batch>>,
    interfaces: Arc<Mutex<InterfaceWatch>>,
    /// The interfaces that the node was last told of.
    known: Vec<Interface>,
    sleep: SleepWatch,
    clock: ClockWatch,
    look_at: Instant,
    look_interval: Duration,
    /// Counts what the system tells of changes of addresses.
    news: watch::Receiver<u64>,
    /// The count at the last look.
    seen_news: u64,
    giving_way: GivingWay,
    /// The socket that was read last, so that the sockets take turns.
    last: SocketId,
    alarm: Pin<Box<Sleep>>,
    alarm_at: Option<Instant>,
}

impl Driver {
    /// Starts the task of a node. If it panics, the node ends and others go on.
    pub(super) fn spawn(
        runtime: &Handle,
        shared: Arc<Shared>,
        batch: Arc<Mutex<Batch>>,
        interfaces: Arc<Mutex<InterfaceWatch>>,
        known: Vec<Interface>,
        news: &AddressNews,
    ) {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let _context = runtime.enter();
        let (news, look_interval) = news.subscribe();
        let driver = Self {
            shared: Arc::clone(&shared),
            batch,
            interfaces,
            known,
            sleep: SleepWatch::new(now, wall),
            clock: ClockWatch::new(now, wall),
            look_at: now + look_interval,
            look_interval,
            news,
            seen_news: 0,
            giving_way: GivingWay::new(now),
            last: SocketId::SERVER,
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
        let mut next = Next::Again;
        loop {
            let news = self.look();
            let more = {
                let mut batch = self.batch.lock();
                let more = batch.fill(&self.shared.sockets, &mut self.last);
                if !idle || !batch.is_empty() || !news.is_empty() {
                    next = self.shared.turn(&mut batch, news);
                }
                more
            };
            match next {
                Next::End => return,
                Next::Again => {
                    idle = false;
                    self.give_way().await;
                }
                Next::Wait { .. } if more => {
                    idle = true;
                    self.give_way().await;
                }
                Next::Wait { until, writable } => {
                    idle = self.wait(until, writable).await;
                    self.giving_way.slept();
                }
            }
        }
    }

    /// Lets the application and the other nodes of the engine run.
    async fn give_way(&mut self) {
        self.giving_way.give_way(|| self.shared.calls());
        task::yield_now().await;
    }

    /// The only place where the driver sleeps. True if only the sockets have to be read.
    async fn wait(&mut self, until: Option<Instant>, writable: Option<SocketId>) -> bool {
        let until = until.map_or(self.look_at, |at| at.min(self.look_at));
        if self.alarm_at != Some(until) {
            self.alarm.as_mut().reset(until.into());
            self.alarm_at = Some(until);
        }
        let Self { shared, alarm, news, look_interval, .. } = self;
        let readable = poll_fn(|cx| shared.sockets.poll_readable(cx));
        let room = poll_fn(|cx| match writable {
            Some(id) => shared.sockets.poll_writable(id, cx),
            None => Poll::Pending,
        });
        tokio::select! {
            biased;
            () = shared.notify.notified() => false,
            () = alarm.as_mut() => {
                self.alarm_at = None;
                false
            }
            told = news.changed(), if *look_interval == WITH_NEWS => {
                if told.is_err() {
                    // There will be no more.
                    *look_interval = WITHOUT_NEWS;
                }
                false
            }
            () = room => false,
            () = readable => true,
        }
    }

    /// The host events since the last look; none if it is too early to look.
    fn look(&mut self) -> Vec<HostEvent> {
        let now = Instant::now();
        let told = *self.news.borrow();
        if now < self.look_at && told == self.seen_news {
            return Vec::new();
        }
        self.seen_news = told;
        self.look_at = now + self.look_interval;
        let mut news = Vec::new();
        let wall = SystemTime::now();
        if let Some(unix_time) = self.clock.look(now, wall) {
            news.push(HostEvent::Clock { unix_time });
        }
        if self.sleep.look(now, wall) {
            news.push(HostEvent::MachineSlept);
        }
        let mut watch = self.interfaces.lock();
        let interfaces = watch.read(now, told, self.look_interval);
        if interfaces != self.known {
            self.known = interfaces.to_vec();
            news.push(HostEvent::Interfaces { interfaces: self.known.clone() });
        }
        news
    }
}
