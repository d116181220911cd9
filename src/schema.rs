//! The schema of what crosses the border, and functions for its tests.

use border::Random;
use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::slab;

/// Writes the tables of commands, events and questions, in JSON. Returns the length, or minus the
/// room that it needs.
#[napi]
pub fn schema(mut out: Uint8ArraySlice<'_>) -> i32 {
    // SAFETY: JavaScript waits for this call and lib/ made the array for it alone.
    slab::copy(border::schema().as_bytes(), unsafe { out.as_mut() })
}

/// For tests: decodes one command and encodes it again. Returns as `schema`.
#[napi]
pub fn echo_command(bytes: &[u8], mut out: Uint8ArraySlice<'_>) -> Result<i32> {
    let command = border::command(bytes).map_err(malformed)?;
    // SAFETY: as in `schema`.
    Ok(slab::copy(&border::encode_command(&command), unsafe { out.as_mut() }))
}

/// For tests: decodes the options of a node and encodes them again. Returns as `schema`.
#[napi]
pub fn echo_options(bytes: &[u8], mut out: Uint8ArraySlice<'_>) -> Result<i32> {
    let options = border::echo_options(bytes).map_err(malformed)?;
    // SAFETY: as in `schema`.
    Ok(slab::copy(&options, unsafe { out.as_mut() }))
}

/// For tests: any event with this number. Returns as `schema`; 0 if there is no such event.
#[napi]
pub fn sample_event(number: u8, seed: u32, mut out: Uint8ArraySlice<'_>) -> i32 {
    let event = border::sample_event(number, &mut Random::from_seed(seed.into()));
    let event = event.map_or_else(Vec::new, |event| border::encode_event(&event));
    // SAFETY: as in `schema`.
    slab::copy(&event, unsafe { out.as_mut() })
}

/// For tests: any answer to this question. Returns as `schema`; 0 if there is no such question.
#[napi]
pub fn sample_answer(question: u32, seed: u32, mut out: Uint8ArraySlice<'_>) -> i32 {
    let answer = border::sample_answer(question, &mut Random::from_seed(seed.into()));
    // SAFETY: as in `schema`.
    slab::copy(&answer, unsafe { out.as_mut() })
}

pub(crate) fn malformed(error: hyperdht::wire::Malformed) -> Error {
    Error::from_reason(format!("The border is broken: {error}"))
}
