//! Where each command goes.

use super::lower::Lower;
use super::machines::{Lifecycle, Machines, SuspendRequest};
use super::refusal::refuse;
use crate::conn::{Call, ConnOwner, OwnedConn};
use crate::ops::UserQuery;
use crate::{Action, Answer, AskId, Command, ConnId, Cx, HostCommand};

impl Machines {
    pub(super) fn handle_command(&mut self, cx: &mut Cx<'_>, command: Command) {
        if self.life == Lifecycle::Destroyed {
            refuse(cx, command);
        } else {
            self.carry_out(cx, command);
        }
    }

    fn carry_out(&mut self, cx: &mut Cx<'_>, command: Command) {
        let Self { lower: Lower { net, conns, .. }, ops, store, subscription, .. } = self;
        match command {
            Command::Raw { conn, command } => self.lower.raw(cx, conn, command),
            Command::Write { conn, data } => self.call(cx, conn, Call::Write(data)),
            Command::WriteAll { conn, data } => self.call(cx, conn, Call::WriteAll(data)),
            Command::SendMessage { conn, data } => self.call(cx, conn, Call::SendMessage(data)),
            Command::SendRaw { conn, data } => self.call(cx, conn, Call::SendRaw(data)),
            Command::Flush { conn, flush } => self.call(cx, conn, Call::Flush(flush)),
            Command::End { conn } => self.call(cx, conn, Call::End),
            Command::Consumed { conn, bytes } => self.call(cx, conn, Call::Consumed(bytes)),
            Command::SetKeepAlive { conn, interval } => {
                self.call(cx, conn, Call::SetKeepAlive(interval));
            }
            Command::SetDefaultKeepAlive { interval } => conns.set_default_keep_alive(interval),
            Command::DestroyConn { conn } => self.destroy_conn(cx, APPLICATION, conn),
            Command::Connect { conn, remote, options } => {
                self.connect(cx, OwnedConn { id: conn, owner: APPLICATION }, remote, options);
            }
            Command::Listen { server, options } => self.listen(cx, server, options),
            Command::RefreshServer { server } => self.refresh(cx, server),
            Command::CloseServer { server } => self.close_server(cx, server),
            Command::SetHooks { server, firewall, holepunch, handshake } => {
                self.servers.set_hooks(server, firewall, holepunch, handshake);
            }
            Command::SetRelayThrough { server, relay_through, ask } => {
                self.servers.set_relay_through(server, relay_through, ask);
            }
            Command::Answer { ask, answer } => self.handle_answer(cx, ask, answer),
            Command::Query { query, target, kind, options } => {
                ops.start_query(cx, net, store, UserQuery { query, target, kind, options });
            }
            Command::CancelQuery { query } => ops.cancel_query(cx, net, query),
            Command::Signed { server, tag, signature } => {
                self.handle_signature(cx, server, tag, signature);
            }
            Command::SteerQuery { query, steer } => ops.steer_query(cx, net, query, steer),
            Command::Unlink { target, public_key } => store.unannounce(&target, &public_key),
            Command::Request { request, options } => ops.start_request(cx, net, request, options),
            Command::CancelRequest { request } => ops.cancel_request(cx, net, request),
            Command::Subscribe { interests } => subscription.subscribe(interests),
            Command::AnswerRequest { incoming, answer } => {
                self.handle_request_answer(cx, &incoming, answer);
            }
            Command::Taken { events } => subscription.handle_taken(events),
            Command::HandleDatagram { socket, from, data } => {
                net.handle_datagram(cx, socket, from, &data);
            }
            Command::Host(command) => pass_to_host(cx, command),
            Command::CheckLocal { host } => cx.act(Action::CheckLocal { host }),
            Command::AddNode { address } => net.add_node(cx, address),
            Command::RemoveNode { id } => net.remove_node(cx, &id),
            Command::ResetHealth => net.reset_health(cx),
            Command::JudgeHealth => net.judge_health(cx),
            Command::WatchTable { watch } => net.watch_table(watch),
            Command::Suspend => self.handle_suspend_request(cx, SuspendRequest::Suspend),
            Command::Resume => self.handle_suspend_request(cx, SuspendRequest::Resume),
            Command::SuspendServer { server } => self.suspend_server(cx, server),
            Command::ResumeServer { server } => self.resume_server(cx, server),
            Command::Destroy { force } => self.destroy(cx, force),
        }
    }

    /// The application has answered a question, or its time is over.
    pub(super) fn handle_answer(&mut self, cx: &mut Cx<'_>, ask: AskId, answer: Answer) {
        let Lower { net, raws, streams, .. } = &mut self.lower;
        net.handle_answer(cx, ask, matches!(answer, Answer::Accept));
        raws.handle_answer(cx, streams, ask, &answer);
        let base = &mut self.lower.base();
        if self.servers.asks(ask) {
            self.servers.handle_answer(cx, base, ask, answer);
        } else {
            self.connector.handle_answer(cx, base, ask, answer);
        }
    }

    fn call(&mut self, cx: &mut Cx<'_>, conn: ConnId, call: Call) {
        self.lower.call(cx, APPLICATION, conn, call);
    }
}

fn pass_to_host(cx: &mut Cx<'_>, command: HostCommand) {
    match command {
        HostCommand::SendDatagram { socket, to, ttl, data } => {
            cx.send_of_application(socket, to, ttl, data.to_vec());
        }
        HostCommand::CloseSocket { socket } => cx.act(Action::Close { socket }),
        HostCommand::Lookup { lookup, host, family } => {
            cx.act(Action::Lookup { lookup, host, family });
        }
    }
}

/// Commands come from the application, so they may only change its own connections.
const APPLICATION: ConnOwner = ConnOwner::Application;
