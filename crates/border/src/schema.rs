//! The tables in JSON, from which JavaScript makes its side.

use hyperdht::{Command, Event};

use crate::commands::NodeOptions;
use crate::events::LARGE;
use crate::field::Shape;
use crate::questions;
use crate::run::{ALIGNMENT, RUN};

/// All tables.
pub fn schema() -> String {
    let options = NodeOptions::shape();
    let (commands, events) = (Command::shape(), Event::shape());
    let questions = questions::shapes().join(",");
    format!(
        "{{\"large\":{LARGE},\"run\":{RUN},\"alignment\":{ALIGNMENT},\"options\":{options},\"commands\":{commands},\
         \"events\":{events},\"questions\":[{questions}]}}"
    )
}
