//! When a socket is lent to the application's thread, and when it comes back.
//!
//! A message that waits for an answer takes one wake-up less if the thread that answers also
//! receives it. More than a few datagrams at a time are the driver's work: it decrypts while the
//! application runs.

use std::time::{Duration, Instant};

use proto::SocketId;

/// The driver's side: the socket of one node that is lent, or may be.
#[derive(Debug)]
pub(super) struct Lending {
    state: State,
    /// No loan begins before.
    rests_until: Option<Instant>,
    /// The rest after the next loan that proves to be too much for the application's thread.
    rest: Duration,
    /// So many calm turns begin the next loan.
    needed: u32,
}

#[derive(Debug)]
enum State {
    /// The driver reads all sockets.
    Home {
        /// The last turn that had datagrams, if it was a calm one.
        last: Option<Turn>,
        /// How many calm turns there were in a row, less what late ones undo.
        calm: u32,
        /// How many turns there were since the application last did something.
        unanswered: u32,
    },
    /// The application's thread reads one socket, and the driver the others.
    Lent {
        since: Instant,
        /// The datagrams that the application had got before.
        before: u64,
        look_at: Instant,
        /// The datagrams that the application had got at the last look.
        served: u64,
    },
}

/// A turn of the driver in which one socket had datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) now: Instant,
    pub(super) socket: SocketId,
    pub(super) received: usize,
    /// How many datagrams the socket had sent by then.
    pub(super) sent: u64,
    /// How often the application had given commands or drained events by then.
    pub(super) calls: usize,
}

/// The end of a loan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing came any more, or the application was busy with something else.
    Quiet,
    /// More came than the application's thread should receive.
    TooMuch,
}

/// The application's side: whether a loan is too much for its thread.
#[derive(Debug)]
pub(super) struct Serving {
    /// How many datagrams the socket had sent after the last call.
    sent: u64,
    /// How many calls in a row were not calm.
    strikes: u32,
}

impl Lending {
    pub(super) fn new() -> Self {
        Self { state: HOME, rests_until: None, rest: FIRST_REST, needed: CALM_TURNS }
    }

    /// Counts a turn that had datagrams; `None` if several sockets had some. True if the socket
    /// should be lent.
    pub(super) fn handle_turn(&mut self, turn: Option<Turn>) -> bool {
        let State::Home { last, calm, unanswered } = &mut self.state else {
            return false;
        };
        let Some(turn) = turn else {
            self.state = HOME;
            return false;
        };
        let Some(last) = last.replace(turn) else {
            return false;
        };
        let is_answered = turn.calls != last.calls;
        *unanswered = if is_answered { 0 } else { *unanswered + 1 };
        if !turn.is_calm_after(last) || *unanswered > MAX_UNANSWERED {
            *calm = 0;
        } else if turn.now.saturating_duration_since(last.now) >= GAP {
            *calm = calm.saturating_sub(LATE_COSTS);
        } else if is_answered {
            *calm += 1;
        }
        *calm >= self.needed && self.rests_until.is_none_or(|until| until <= turn.now)
    }

    /// The socket is lent. The application has got `served` datagrams of loans so far.
    pub(super) fn handle_lent(&mut self, now: Instant, served: u64) {
        self.state = State::Lent { since: now, before: served, look_at: now + LOOK, served };
    }

    pub(super) fn is_lent(&self) -> bool {
        matches!(self.state, State::Lent { .. })
    }

    /// When to look at the loan.
    pub(super) fn look_at(&self) -> Option<Instant> {
        match self.state {
            State::Home { .. } => None,
            State::Lent { look_at, .. } => Some(look_at),
        }
    }

    /// Looks at what the application has got. True if the socket has to come back.
    pub(super) fn look(&mut self, now: Instant, so_far: u64) -> bool {
        let State::Lent { look_at, served, .. } = &mut self.state else {
            return false;
        };
        if now < *look_at {
            return false;
        }
        *look_at = now + LOOK;
        let is_over = *served == so_far;
        *served = so_far;
        is_over
    }

    /// The socket is back.
    pub(super) fn handle_back(&mut self, now: Instant, end: End) {
        if let State::Lent { since, before, served, .. } = self.state {
            if now.saturating_duration_since(since) >= GOOD_LOAN {
                self.rest = FIRST_REST;
            }
            let was_good = end == End::Quiet && served - before >= MANY_SERVED;
            self.needed = if was_good { CALM_TURNS_AGAIN } else { CALM_TURNS };
        }
        if end == End::TooMuch {
            self.rests_until = Some(now + self.rest);
            self.rest = LAST_REST.min(2 * self.rest);
        }
        self.state = HOME;
    }
}

impl Turn {
    fn is_calm_after(&self, last: Self) -> bool {
        self.socket == last.socket
            && self.received <= MOST_RECEIVED
            && self.sent.saturating_sub(last.sent) <= MOST_SENT
    }
}

impl Serving {
    /// The socket had sent so many datagrams before the loan.
    pub(super) fn new(sent: u64) -> Self {
        Self { sent, strikes: 0 }
    }

    /// Counts a call that has received datagrams, and what the socket had sent by then. True if the
    /// loan has to end.
    pub(super) fn handle_call(&mut self, received: usize, sent: u64) -> bool {
        let is_calm = (1..=MOST_SERVED).contains(&received);
        let is_calm = is_calm && sent.saturating_sub(self.sent) <= MOST_SENT;
        self.sent = sent;
        self.strikes = if is_calm { 0 } else { self.strikes + 1 };
        self.strikes >= MAX_STRIKES
    }
}

const HOME: State = State::Home { last: None, calm: 0, unanswered: 0 };

/// So many calm turns in a row make a loan. To move a socket costs as much as a few of them.
const CALM_TURNS: u32 = 32;

/// As many after a loan in which the application got many, which it was then too busy to receive.
const CALM_TURNS_AGAIN: u32 = 4;

/// The datagrams of such a loan.
const MANY_SERVED: u64 = 256;

/// The most turns in a row to which the application does nothing, as it does to acknowledgements.
const MAX_UNANSWERED: u32 = 2;

/// The most datagrams of a calm turn: an answer, and an acknowledgement.
const MOST_RECEIVED: usize = 2;

/// The most datagrams that leave between two calm turns, or two calls of a loan. Bulk takes more.
const MOST_SENT: u64 = 8;

/// A late turn undoes so many calm ones: on a busy machine, some are late.
const LATE_COSTS: u32 = 4;

/// A turn is late after this time. Where messages come more rarely, a wake-up less is worth less than
/// the driver's looks.
const GAP: Duration = Duration::from_millis(4);

/// The most datagrams of a calm call in a loan.
const MOST_SERVED: usize = 3;

/// So many calls in a row that are not calm end a loan.
const MAX_STRIKES: u32 = 8;

/// How often the driver looks at a loan. An application that is busy delays acknowledgements by two
/// of these at most. A look costs as much as a message.
const LOOK: Duration = Duration::from_millis(8);

/// After a loan of this length the next rest is a short one.
const GOOD_LOAN: Duration = Duration::from_secs(1);

/// The rest after a loan that was too much. It doubles with each such loan, up to the last one.
const FIRST_REST: Duration = Duration::from_millis(100);

const LAST_REST: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calm_exchange_is_lent_after_some_turns() {
        let mut driver = Simulated::new();
        assert_eq!(driver.turns_until_lent(|turn| turn), Some(CALM_TURNS + 1));
    }

    #[test]
    fn nothing_else_is_lent() {
        let changes: [fn(Turn) -> Turn; 4] = [
            |turn| Turn { received: MOST_RECEIVED + 1, ..turn },
            |turn| Turn { calls: 0, ..turn },
            |turn| Turn { sent: turn.sent * (MOST_SENT + 1), ..turn },
            |turn| Turn { socket: SocketId(turn.sent as u32 % 2), ..turn },
        ];
        for change in changes {
            assert_eq!(Simulated::new().turns_until_lent(change), None);
        }
        let mut slow = Simulated { pause: GAP, ..Simulated::new() };
        assert_eq!(slow.turns_until_lent(|turn| turn), None);
    }

    #[test]
    fn a_late_turn_only_delays_a_loan() {
        let mut driver = Simulated::new();
        (0..CALM_TURNS).for_each(|_| assert!(!driver.turn(|turn| turn)));
        driver.now += GAP;
        assert!(!driver.turn(|turn| turn));
        assert_eq!(driver.turns_until_lent(|turn| turn), Some(LATE_COSTS + 1));
    }

    #[test]
    fn an_acknowledgement_may_come_before_the_answer() {
        let mut driver = Simulated::new();
        let halved = |turn: Turn| Turn { calls: turn.calls / 2, ..turn };
        assert_eq!(driver.turns_until_lent(halved), Some(2 * CALM_TURNS));
    }

    #[test]
    fn a_socket_that_comes_back_from_a_good_loan_is_soon_lent_again() {
        let (mut lending, now) = lent();
        assert!(!lending.look(now + LOOK, MANY_SERVED));
        assert!(lending.look(now + 2 * LOOK, MANY_SERVED));
        lending.handle_back(now + 2 * LOOK, End::Quiet);
        let mut driver = Simulated { lending, ..Simulated::new() };
        assert_eq!(driver.turns_until_lent(|turn| turn), Some(CALM_TURNS_AGAIN + 1));
    }

    #[test]
    fn a_turn_of_several_sockets_begins_anew() {
        let mut driver = Simulated::new();
        (0..CALM_TURNS).for_each(|_| assert!(!driver.turn(|turn| turn)));
        assert!(!driver.lending.handle_turn(None));
        assert_eq!(driver.turns_until_lent(|turn| turn), Some(CALM_TURNS + 1));
    }

    #[test]
    fn a_socket_stays_lent_while_the_application_receives() {
        let (mut lending, mut now) = lent();
        for served in 1..100 {
            now += LOOK;
            assert!(!lending.look(now, served));
        }
    }

    #[test]
    fn a_socket_comes_back_when_nothing_was_received_between_two_looks() {
        let (mut lending, now) = lent();
        assert!(!lending.look(now + LOOK / 2, 0), "too early");
        assert!(!lending.look(now + LOOK, 1));
        assert!(!lending.look(now + LOOK, 1), "not a second look");
        assert!(lending.look(now + 2 * LOOK, 1));
        lending.handle_back(now + 2 * LOOK, End::Quiet);
        assert_eq!(lending.look_at(), None);
    }

    #[test]
    fn what_was_too_much_rests_for_longer_each_time() {
        let mut driver = Simulated::new();
        let mut rests = Vec::new();
        for _ in 0..10 {
            driver.turns_until_lent(|turn| turn).expect("a loan");
            driver.lending.handle_lent(driver.now, 0);
            driver.lending.handle_back(driver.now, End::TooMuch);
            let back = driver.now;
            driver.turns_until_lent(|turn| turn).expect("another loan");
            rests.push(driver.now - back);
        }
        assert!(rests[0] >= FIRST_REST && rests[1] >= 2 * FIRST_REST);
        assert!(rests[9] >= LAST_REST && rests[9] < LAST_REST + FIRST_REST);
    }

    #[test]
    fn a_long_loan_makes_the_rest_short_again() {
        let (mut lending, now) = lent();
        lending.rest = LAST_REST;
        lending.handle_back(now + GOOD_LOAN, End::TooMuch);
        assert_eq!(lending.rests_until, Some(now + GOOD_LOAN + FIRST_REST));
    }

    #[test]
    fn bulk_ends_a_loan() {
        for (received, sent) in [(MOST_SERVED + 1, 1), (1, MOST_SENT + 1), (0, 0)] {
            let mut serving = Serving::new(0);
            let calls = (1..100).find(|call| serving.handle_call(received, call * sent));
            assert_eq!(calls, Some(u64::from(MAX_STRIKES)));
        }
        let mut serving = Serving::new(0);
        assert!((1..100).all(|call| !serving.handle_call(1 + call as usize % 5, call)));
    }

    /// A driver with one socket.
    struct Simulated {
        lending: Lending,
        now: Instant,
        pause: Duration,
        turns: u32,
    }

    impl Simulated {
        fn new() -> Self {
            let pause = Duration::from_micros(50);
            Self { lending: Lending::new(), now: Instant::now(), pause, turns: 0 }
        }

        fn turn(&mut self, change: impl Fn(Turn) -> Turn) -> bool {
            self.now += self.pause;
            self.turns += 1;
            let turn = Turn {
                now: self.now,
                socket: SocketId::CLIENT,
                received: 1,
                sent: u64::from(self.turns),
                calls: self.turns as usize,
            };
            self.lending.handle_turn(Some(change(turn)))
        }

        fn turns_until_lent(&mut self, change: impl Fn(Turn) -> Turn) -> Option<u32> {
            (1..200_000).find(|_| self.turn(&change))
        }
    }

    fn lent() -> (Lending, Instant) {
        let now = Instant::now();
        let mut lending = Lending::new();
        lending.handle_lent(now, 0);
        (lending, now)
    }
}
