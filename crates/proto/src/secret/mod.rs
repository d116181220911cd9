//! Secret stream (PROTOCOL F).
