//! What the targets share.

/// The steps that an input stands for: an operation, the one that it concerns, and its bytes.
pub fn steps(mut input: &[u8]) -> impl Iterator<Item = (u8, u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[op, who, len], tail) = input.split_first_chunk::<3>()?;
        let (bytes, rest) = tail.split_at(usize::from(len).min(tail.len()));
        input = rest;
        Some((op, who, bytes))
    })
}
