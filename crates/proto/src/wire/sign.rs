//! Namespaces and what is signed under them (PROTOCOL C.3).
