//! Errors for JavaScript, and results that are a value or an error.

use std::io::ErrorKind;

use hyperdht::wire::Writer;

use crate::field::{Encode, Sample, Shape};
use crate::sample::Random;

/// An error for JavaScript: the code that programs match on, and a text. An error without a code
/// crosses with an empty one.
pub(crate) trait Failure {
    fn code(&self) -> Option<&'static str>;

    fn text(&self) -> String;
}

impl<T: Shape, E> Shape for Result<T, E> {
    fn shape() -> String {
        format!("{{\"outcome\":{}}}", T::shape())
    }
}

impl<T: Encode, E: Failure> Encode for Result<T, E> {
    fn encode(&self, w: &mut Writer) {
        w.u8(u8::from(self.is_ok()));
        match self {
            Ok(value) => value.encode(w),
            Err(error) => failure(w, error),
        }
    }
}

impl<T: Sample, E: Sample> Sample for Result<T, E> {
    fn sample(random: &mut Random) -> Self {
        if random.coin() { Ok(T::sample(random)) } else { Err(E::sample(random)) }
    }
}

/// The shape of all errors.
pub(crate) const FAILURE: &str =
    r#"{"record":"Failure","fields":[["code","string"],["message","string"]]}"#;

/// Writes an error.
pub(crate) fn failure(w: &mut Writer, error: &impl Failure) {
    w.buffer(error.code().unwrap_or_default().as_bytes()).buffer(error.text().as_bytes());
}

/// The errors of binding a socket.
impl Failure for ErrorKind {
    fn code(&self) -> Option<&'static str> {
        crate::bind_error::words(*self).map(|(code, _)| code)
    }

    fn text(&self) -> String {
        match crate::bind_error::words(*self) {
            Some((_, text)) => text.to_owned(),
            None => self.to_string(),
        }
    }
}

impl Shape for ErrorKind {
    fn shape() -> String {
        FAILURE.to_owned()
    }
}

impl Encode for ErrorKind {
    fn encode(&self, w: &mut Writer) {
        failure(w, self);
    }
}

impl Sample for ErrorKind {
    fn sample(random: &mut Random) -> Self {
        random.pick(&[Self::AddrInUse, Self::PermissionDenied, Self::OutOfMemory])
    }
}
