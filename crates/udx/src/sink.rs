//! Where received data goes.

/// Takes received data, in order, during [`crate::Stream::handle_packet`] and
/// [`crate::Stream::set_unread`].
pub trait Sink {
    /// The next bytes of the stream. Returns how much of all that was delivered waits for the
    /// application, in bytes. When that is the window, no more comes until
    /// [`crate::Stream::set_unread`].
    fn data(&mut self, payload: &[u8]) -> usize;
    /// An unreliable message.
    fn message(&mut self, payload: &[u8]);
    /// The peer will send no more data.
    fn end(&mut self);
}
