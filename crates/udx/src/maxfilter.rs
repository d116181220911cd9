//! A windowed maximum.

/// The largest value of the last `window` ticks, estimated from its three best samples in time
/// order (Kathleen Nichols' algorithm, as in Linux `lib/win_minmax.c`).
#[derive(Debug)]
pub(crate) struct MaxFilter {
    window: u64,
    best: [Entry; 3],
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    tick: u64,
    value: u64,
}

impl MaxFilter {
    pub(crate) fn new(window: u64) -> Self {
        Self { window, best: [Entry::default(); 3] }
    }

    pub(crate) fn value(&self) -> u64 {
        self.best[0].value
    }

    pub(crate) fn update(&mut self, tick: u64, value: u64) {
        let entry = Entry { tick, value };
        let [first, second, third] = &mut self.best;
        if value >= first.value || tick.saturating_sub(third.tick) > self.window {
            self.best = [entry; 3];
            return;
        }
        if value >= second.value {
            (*second, *third) = (entry, entry);
        } else if value >= third.value {
            *third = entry;
        }
        self.age(entry);
    }

    fn age(&mut self, entry: Entry) {
        let [first, second, third] = &mut self.best;
        let age = entry.tick.saturating_sub(first.tick);
        if age > self.window {
            (*first, *second, *third) = (*second, *third, entry);
            if entry.tick.saturating_sub(first.tick) > self.window {
                (*first, *second) = (*second, *third);
            }
        } else if second.tick == first.tick && age > self.window / 4 {
            (*second, *third) = (entry, entry);
        } else if third.tick == second.tick && age > self.window / 2 {
            *third = entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_maxima_leave() {
        let mut filter = MaxFilter::new(10);
        filter.update(0, 100);
        for tick in 1..=10 {
            filter.update(tick, 50);
            assert_eq!(filter.value(), 100);
        }
        filter.update(11, 50);
        assert_eq!(filter.value(), 50);
    }
}
