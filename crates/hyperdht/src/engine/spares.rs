//! Buffers of large messages that wait for the next messages.

use parking_lot::Mutex;
use proto::{SPARE_CAPACITY, Spares};

/// A few buffers, from any thread to any other.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Buffers>);

#[derive(Debug, Default)]
struct Buffers {
    all: Vec<Vec<u8>>,
    /// The fewest buffers that there were since the last call of [`Pool::shed`].
    least: usize,
}

impl Pool {
    /// Frees the buffers that were not needed since the last call.
    pub(super) fn shed(&self) {
        let mut buffers = self.0.lock();
        let Buffers { all, least } = &mut *buffers;
        // The first ones are those that nobody has touched.
        let unneeded: Vec<_> = all.drain(..*least).collect();
        *least = all.len();
        drop(buffers);
        drop(unneeded);
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.lock().all.len()
    }
}

impl Spares for Pool {
    fn take(&self) -> Option<Vec<u8>> {
        let Buffers { all, least } = &mut *self.0.lock();
        let taken = all.pop();
        *least = all.len().min(*least);
        taken
    }

    fn give(&self, buf: Vec<u8>) {
        let mut buffers = self.0.lock();
        if buffers.all.len() < MOST && buf.capacity() == SPARE_CAPACITY {
            buffers.all.push(buf);
        }
    }
}

/// 2 MiB. A program writes 256 KiB before it waits, and acknowledgements free as much at once.
const MOST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_taken_again_and_their_number_is_bounded() {
        let pool = Pool::default();
        assert!(pool.take().is_none());
        (0..MOST + 3).for_each(|_| pool.give(buffer()));
        assert_eq!(pool.len(), MOST);
        assert!(pool.take().is_some_and(|buf| buf.capacity() >= SPARE_CAPACITY));
        pool.give(Vec::new());
        assert_eq!(pool.len(), MOST - 1, "one without memory is of no use");
    }

    #[test]
    fn what_nobody_has_needed_is_freed() {
        let pool = Pool::default();
        (0..10).for_each(|_| pool.give(buffer()));
        pool.shed();
        assert_eq!(pool.len(), 10, "they have just come");
        let taken: Vec<_> = (0..4).filter_map(|_| pool.take()).collect();
        taken.into_iter().for_each(|buf| pool.give(buf));
        pool.shed();
        assert_eq!(pool.len(), 4);
        pool.shed();
        assert_eq!(pool.len(), 0);
    }

    fn buffer() -> Vec<u8> {
        Vec::with_capacity(SPARE_CAPACITY)
    }
}
