//! The answers of a destroyed node.

use crate::{
    Command, ConnReport, ConnectReason, ConnectTrace, Cx, Event, HostCommand, ListenError,
    QueryError, RawCommand, RequestError, Tally,
};

/// Refuses a command that was sent before its sender knew of the node's end. If the command has an
/// outcome, that is an error.
pub(super) fn refuse(cx: &mut Cx<'_>, command: Command) {
    match command {
        Command::Connect { conn, .. } => {
            let trace = ConnectTrace::refused(ConnectReason::NodeDestroyed);
            cx.emit(ConnReport::unopened(Some(Box::new(trace))).into_event(conn));
        }
        Command::Raw { conn, command: RawCommand::Create(_) } => {
            cx.emit(ConnReport::unopened(None).into_event(conn));
        }
        Command::Host(command) => refuse_host(cx, command),
        Command::Listen { server, .. } => {
            cx.emit(Event::ServerFailed { server, error: ListenError::NodeDestroyed });
        }
        Command::Query { query, .. } => {
            let (result, tally) = (Err(QueryError::NodeDestroyed), Tally::default());
            cx.emit(Event::QueryDone { query, closest: Vec::new(), tally, result });
        }
        Command::Request { request, .. } => {
            cx.emit(Event::Reply { request, result: Err(RequestError::NodeDestroyed) });
        }
        Command::CheckLocal { host } => cx.emit(Event::LocalChecked { host, valid: false }),
        // The outcome of these was reported when the node ended, or they have none.
        Command::Raw { .. }
        | Command::Write { .. }
        | Command::WriteAll { .. }
        | Command::SendMessage { .. }
        | Command::SendRaw { .. }
        | Command::Flush { .. }
        | Command::End { .. }
        | Command::DestroyConn { .. }
        | Command::Consumed { .. }
        | Command::SetKeepAlive { .. }
        | Command::SetDefaultKeepAlive { .. }
        | Command::RefreshServer { .. }
        | Command::CloseServer { .. }
        | Command::SetHooks { .. }
        | Command::SetRelayThrough { .. }
        | Command::Answer { .. }
        | Command::CancelQuery { .. }
        | Command::Signed { .. }
        | Command::SteerQuery { .. }
        | Command::Unlink { .. }
        | Command::CancelRequest { .. }
        | Command::Subscribe { .. }
        | Command::AnswerRequest { .. }
        | Command::Taken { .. }
        | Command::HandleDatagram { .. }
        | Command::AddNode { .. }
        | Command::RemoveNode { .. }
        | Command::ResetHealth
        | Command::JudgeHealth
        | Command::WatchTable { .. }
        | Command::Suspend
        | Command::Resume
        | Command::SuspendServer { .. }
        | Command::ResumeServer { .. }
        | Command::Destroy { .. } => {}
    }
}

fn refuse_host(cx: &mut Cx<'_>, command: HostCommand) {
    match command {
        HostCommand::Lookup { lookup, .. } => cx.emit(Event::LookedUp { lookup, address: None }),
        HostCommand::CloseSocket { socket } => cx.emit(Event::SocketClosed { socket }),
        HostCommand::SendDatagram { .. } => {}
    }
}
