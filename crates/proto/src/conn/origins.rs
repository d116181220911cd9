//! How the paths of a connection were found.

use crate::PathOrigin;
use crate::streams::Path;

/// A path, and how it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FoundPath {
    pub(crate) path: Path,
    pub(crate) origin: PathOrigin,
}

impl From<Path> for FoundPath {
    /// A path that needed neither a punch nor a relay.
    fn from(path: Path) -> Self {
        Self { path, origin: PathOrigin::default() }
    }
}

/// The origin of the current path, and of the one that the connection returns to if the current
/// one turns out not to work.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Origins {
    current: PathOrigin,
    fallback: Option<PathOrigin>,
}

impl Origins {
    pub(super) fn current(&self) -> PathOrigin {
        self.current
    }

    /// The connection opens.
    pub(super) fn start(&mut self, origin: PathOrigin) {
        *self = Self { current: origin, fallback: None };
    }

    /// The connection moves. A path that was not validated yet is no path to return to.
    pub(super) fn advance(&mut self, origin: PathOrigin) {
        self.fallback.get_or_insert(self.current);
        self.current = origin;
    }

    /// The current path works.
    pub(super) fn settle(&mut self) {
        self.fallback = None;
    }

    /// The current path does not work.
    pub(super) fn go_back(&mut self) {
        if let Some(origin) = self.fallback.take() {
            self.current = origin;
        }
    }
}
