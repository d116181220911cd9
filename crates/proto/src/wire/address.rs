//! Keys as text, long addresses, bootstrap strings, address classes (PROTOCOL G, D.12).
