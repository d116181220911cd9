//! The tables in JSON, from which JavaScript makes its side.

use hyperdht::{Command, Event};

use crate::commands::NodeOptions;
use crate::events::LARGE;
use crate::field::Shape;
use crate::questions;

/// All tables.
pub fn schema() -> String {
    let options = NodeOptions::shape();
    let (commands, events) = (Command::shape(), Event::shape());
    let questions = questions::shapes().join(",");
    format!(
        "{{\"large\":{LARGE},\"options\":{options},\"commands\":{commands},\
         \"events\":{events},\"questions\":[{questions}]}}"
    )
}
