//! The Node-API binding: converts, forwards, returns. No decision lives here.
//!
//! All structured values cross the border as bytes in compact-encoding, the reference's own
//! format, so that no JavaScript object is ever made here, and none but arrays of bytes is read:
//! that keeps the binding inside the part of Node-API which Node.js, Bare, Bun and Deno have in
//! common. Arguments are not checked for their types either (Bare has no checks): `lib/` checks
//! before it calls.

mod byte_arrays;
mod environment;
mod errors;
mod event_loop;
mod held;
mod loans;
pub mod node;
pub mod noise;
mod openssl;
pub mod protection;
pub mod schema;
mod slab;
pub mod statics;
mod symbols;
mod wake;
