//! The Node-API binding.
