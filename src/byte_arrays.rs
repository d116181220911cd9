//! Reads an array of byte arrays. napi-rs would make an object for each of them.

use std::{ptr, slice};

use hyperdht::{Command, ConnId, Message, Messages};
use napi::bindgen_prelude::*;
use napi::{JsValue, sys};

/// Adds the commands that write the messages of an array; after an error, those before it. Messages
/// that are too large to be packed together are made by `message`.
pub(crate) fn add_writes(
    env: &Env,
    conn: ConnId,
    array: &Unknown<'_>,
    message: impl Fn(&[u8]) -> Message,
    commands: &mut Vec<Command>,
) -> Result<()> {
    let mut packed: Option<Messages> = None;
    let read = for_each(env, array, |data, left| {
        if packed.as_mut().is_some_and(|messages| messages.push(data)) {
            return;
        }
        commands.extend(packed.take().map(|data| Command::WriteAll { conn, data }));
        let mut messages = Messages::with_room(left, data.len());
        if messages.push(data) {
            packed = Some(messages);
        } else {
            commands.push(Command::Write { conn, data: message(data) });
        }
    });
    commands.extend(packed.map(|data| Command::WriteAll { conn, data }));
    read
}

/// Calls `each` with the bytes of every `Uint8Array` in an array, and with how many elements are
/// left, this one included. `each` must not call JavaScript.
fn for_each(env: &Env, array: &Unknown<'_>, mut each: impl FnMut(&[u8], usize)) -> Result<()> {
    let (env, array) = (env.raw(), array.raw());
    let mut length = 0;
    // SAFETY: both handles are alive until the caller returns to JavaScript.
    check(unsafe { sys::napi_get_array_length(env, array, &mut length) })?;
    for index in 0..length {
        let mut element = ptr::null_mut();
        // SAFETY: as above.
        check(unsafe { sys::napi_get_element(env, array, index, &mut element) })?;
        let (mut kind, mut len, mut data) = (0, 0, ptr::null_mut());
        let (buffer, offset) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: as above; what is not wanted may be null.
        check(unsafe {
            sys::napi_get_typedarray_info(
                env, element, &mut kind, &mut len, &mut data, buffer, offset,
            )
        })?;
        if kind != sys::TypedarrayType::uint8_array {
            return Err(Error::from_reason("not a Uint8Array"));
        }
        let bytes = match data.is_null() {
            true => &[],
            // SAFETY: the array has so many bytes, which stay until `each` returns, since it does not
            // call JavaScript. A thread that shares them may change them meanwhile; they are only
            // copied.
            false => unsafe { slice::from_raw_parts(data.cast::<u8>(), len) },
        };
        each(bytes, (length - index) as usize);
    }
    Ok(())
}

/// An exception of JavaScript stays pending.
fn check(status: sys::napi_status) -> Result<()> {
    let status = Status::from(status);
    if status == Status::Ok {
        return Ok(());
    }
    Err(Error::new(status, "not an array of Uint8Array"))
}
