//! Groups of requests that a step of the announcer waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;

use super::signed::{self, Draft};
use crate::net::{Net, Owner, Reply, RequestKey, RequestSpec};
use crate::noise::{KeyPair, PublicKey};
use crate::wire::{Target, hash};
use crate::{Cx, Event, RequestError, ServerId};

/// The server that is announced, and the next tag for its requests.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) server: ServerId,
    signer: Signer,
    pub(super) target: Target,
    next_tag: u32,
}

/// The key that is announced, and what signs for it.
#[derive(Clone, Debug)]
pub(crate) enum Signer {
    KeyPair(KeyPair),
    /// The application signs: `Event::Sign` asks it.
    Application(PublicKey),
}

/// Requests that have not ended.
#[derive(Debug, Default)]
pub(super) struct Pending {
    by_tag: BTreeMap<u32, Progress>,
    /// Nodes that have refused a token. Each node is asked a second time only once.
    refused_by: BTreeSet<SocketAddrV4>,
}

#[derive(Debug)]
enum Progress {
    /// The application is signing the request.
    Signing(Draft),
    Sent(RequestKey, SocketAddrV4),
}

/// Unannouncing at some nodes: a FIND_PEER to each for a token, then a signed UNANNOUNCE.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    asking: Pending,
    unannouncing: Pending,
}

impl Identity {
    pub(super) fn new(server: ServerId, signer: Signer) -> Self {
        let target = hash(&[&signer.public_key()]);
        Self { server, signer, target, next_tag: 0 }
    }

    /// A tag that no running request or query has, and the owner that goes with it.
    pub(super) fn tag(&mut self) -> (u32, Owner) {
        let tag = self.next_tag;
        self.next_tag = tag.wrapping_add(1);
        (tag, Owner::Announce(self.server, tag))
    }
}

impl Signer {
    fn public_key(&self) -> PublicKey {
        match self {
            Self::KeyPair(key_pair) => key_pair.public(),
            Self::Application(public_key) => *public_key,
        }
    }
}

impl Pending {
    /// Has a request signed, sends it, and waits until it has ended.
    pub(super) fn sign_and_request(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        identity: &mut Identity,
        draft: Draft,
    ) {
        match &identity.signer {
            Signer::KeyPair(key_pair) => {
                let spec = draft.signed_by(key_pair);
                self.request(cx, net, identity, spec);
            }
            Signer::Application(_) => {
                let (tag, _) = identity.tag();
                let wanted = Box::new(draft.unsigned());
                cx.emit(Event::Sign { server: identity.server, tag, wanted });
                self.by_tag.insert(tag, Progress::Signing(draft));
            }
        }
    }

    /// Sends the request that waited for this signature, or drops it if there is no signature.
    pub(super) fn handle_signature(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        identity: &Identity,
        tag: u32,
        signature: Option<[u8; 64]>,
    ) {
        let Some(Progress::Signing(draft)) = self.by_tag.get(&tag) else {
            return;
        };
        let Some(signature) = signature else {
            self.by_tag.remove(&tag);
            return;
        };
        let spec = draft.with(identity.signer.public_key(), signature);
        let to = spec.to;
        let key = net.request(cx, spec, Owner::Announce(identity.server, tag));
        self.by_tag.insert(tag, Progress::Sent(key, to));
    }

    /// Sends a request and waits until it has ended.
    pub(super) fn request(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        identity: &mut Identity,
        spec: RequestSpec,
    ) {
        let (tag, owner) = identity.tag();
        let to = spec.to;
        let key = net.request(cx, spec, owner);
        self.by_tag.insert(tag, Progress::Sent(key, to));
    }

    /// Pings a node from the socket that all requests are sent from, and waits for the pong.
    pub(super) fn ping(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        identity: &mut Identity,
        to: SocketAddrV4,
    ) {
        let (tag, owner) = identity.tag();
        let key = net.ping(cx, to, None, signed::RETRIES, owner);
        self.by_tag.insert(tag, Progress::Sent(key, to));
    }

    /// Removes a request that has ended. Returns its destination; `None` if it is not in this
    /// group.
    pub(super) fn end(&mut self, tag: u32) -> Option<SocketAddrV4> {
        self.by_tag.remove(&tag).map(|progress| progress.to())
    }

    /// Repeats a signed request if the node has refused its token as too old and has sent a new
    /// one.
    pub(super) fn handle_refusal(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        identity: &mut Identity,
        reply: &Reply,
        announces: bool,
    ) {
        let Some(draft) = Draft::new(identity.target, reply, announces) else { return };
        if reply.renews_token() && self.refused_by.insert(reply.from) {
            self.sign_and_request(cx, net, identity, draft);
        }
    }

    /// Cancels all requests that have not ended; returns their destinations.
    pub(super) fn cancel(self, cx: &mut Cx<'_>, net: &mut Net) -> Vec<SocketAddrV4> {
        let cancel = |progress: Progress| {
            if let Progress::Sent(key, _) = progress {
                net.cancel_request(cx, key);
            }
            progress.to()
        };
        self.by_tag.into_values().map(cancel).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_tag.is_empty()
    }
}

impl Progress {
    fn to(&self) -> SocketAddrV4 {
        match self {
            Self::Signing(draft) => draft.to(),
            Self::Sent(_, to) => *to,
        }
    }
}

impl Leaving {
    /// Asks all nodes for tokens.
    pub(super) fn start(
        cx: &mut Cx<'_>,
        net: &mut Net,
        identity: &mut Identity,
        nodes: Vec<SocketAddrV4>,
    ) -> Self {
        let mut asking = Pending::default();
        for node in nodes {
            let spec = signed::find_peer(identity.target, node);
            asking.request(cx, net, identity, spec);
        }
        Self { asking, unannouncing: Pending::default() }
    }

    /// Goes on with the node that replied. A node that has no record or does not answer is skipped.
    pub(super) fn handle_reply(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        identity: &mut Identity,
        tag: u32,
        result: Result<Reply, RequestError>,
    ) {
        let is_unannounced = self.unannouncing.end(tag).is_some();
        if !is_unannounced && self.asking.end(tag).is_none() {
            return;
        }
        let Ok(reply) = result else {
            return;
        };
        if is_unannounced {
            return self.unannouncing.handle_refusal(cx, net, identity, &reply, false);
        }
        if reply.value.is_none() {
            return;
        }
        let Some(draft) = Draft::new(identity.target, &reply, false) else {
            return;
        };
        self.unannouncing.sign_and_request(cx, net, identity, draft);
    }

    /// Goes on with the node whose UNANNOUNCE was signed.
    pub(super) fn handle_signature(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        identity: &Identity,
        tag: u32,
        signature: Option<[u8; 64]>,
    ) {
        self.unannouncing.handle_signature(cx, net, identity, tag, signature);
    }

    /// True when all nodes are done.
    pub(super) fn is_done(&self) -> bool {
        self.asking.is_empty() && self.unannouncing.is_empty()
    }

    /// Cancels all requests; returns the nodes that are not done.
    pub(super) fn cancel(self, cx: &mut Cx<'_>, net: &mut Net) -> Vec<SocketAddrV4> {
        let mut nodes = self.asking.cancel(cx, net);
        nodes.extend(self.unannouncing.cancel(cx, net));
        nodes
    }
}
