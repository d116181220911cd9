//! The consumer of received data.

/// Takes received data, in order, during [`crate::Stream::handle_packet`] and
/// [`crate::Stream::set_unread`].
pub trait Sink {
    /// Gets the next bytes of the stream. Returns how many of all delivered bytes the application
    /// has not read yet. Once that reaches the receive window, no more data is delivered until
    /// [`crate::Stream::set_unread`] is called.
    fn data(&mut self, payload: &[u8]) -> usize;
    /// Gets an unreliable message.
    fn message(&mut self, payload: &[u8]);
    /// The peer will send no more data.
    fn end(&mut self);
}
