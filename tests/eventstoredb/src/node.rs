//! One node of the server: who it is in its cluster, whom it lets in, and what it says of itself.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tonic::{Code, Request, Response, Status};

use crate::faults::{Call, Faults, not_leader, with_exception};
use crate::protocol::Empty;
use crate::protocol::gossip::member_info::VNodeState;
use crate::protocol::gossip::{ClusterInfo, EndPoint, MemberInfo, gossip_server};
use crate::protocol::server_features::{SupportedMethod, SupportedMethods, server_features_server};
use crate::store::Store;

/// What a user may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rights {
    /// Everything, as a member of `$admins`.
    All,
    /// Writing and reading streams, but not the log as a whole.
    StreamsOnly,
}

/// The nodes of a cluster, as they tell each other. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cluster(Arc<Mutex<Vec<(SocketAddr, bool)>>>);

impl Cluster {
    /// Makes a node the leader.
    pub fn lead(&self, leader: SocketAddr) {
        for (address, leads) in self.members().iter_mut() {
            *leads = *address == leader;
        }
    }

    /// Takes a node that is gone away.
    pub fn forget(&self, node: SocketAddr) {
        self.members().retain(|(address, _)| *address != node);
    }

    pub(crate) fn join(&self, node: SocketAddr) {
        let mut members = self.members();
        let is_first = members.is_empty();
        members.push((node, is_first));
    }

    fn leader(&self) -> Option<SocketAddr> {
        self.members().iter().find(|(_, leads)| *leads).map(|(address, _)| *address)
    }

    fn members(&self) -> MutexGuard<'_, Vec<(SocketAddr, bool)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<Store>,
    pub(crate) faults: Faults,
    pub(crate) cluster: Cluster,
    pub(crate) users: Arc<HashMap<String, (String, Rights)>>,
    pub(crate) version: String,
    pub(crate) has_batch_append: bool,
}

impl Node {
    /// Whether a request may be served here, and with which rights.
    pub(crate) fn admit<T>(&self, request: &Request<T>) -> Result<Rights, Status> {
        let headers = request.metadata();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let rights = if self.users.is_empty() {
            Rights::All
        } else {
            let refused = || Status::unauthenticated("name and password are needed");
            let encoded = header("authorization").and_then(|value| value.strip_prefix("Basic ")).ok_or_else(refused)?;
            let decoded = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let decoded = decoded.ok_or_else(refused)?;
            let (user, password) = decoded.split_once(':').ok_or_else(refused)?;
            match self.users.get(user) {
                Some((known, rights)) if known == password => *rights,
                Some(_) | None => return Err(refused()),
            }
        };
        match self.cluster.leader() {
            Some(leader) if leader != self.address && header("requires-leader") == Some("true") => {
                Err(not_leader(leader))
            }
            Some(_) | None => Ok(rights),
        }
    }
}

/// The answer to somebody without the right to something.
pub(crate) fn access_denied() -> Status {
    with_exception(Code::PermissionDenied, "Access Denied", "access-denied")
}

#[tonic::async_trait]
impl server_features_server::ServerFeatures for Node {
    async fn get_supported_methods(&self, _: Request<Empty>) -> Result<Response<SupportedMethods>, Status> {
        self.faults.before(Call::Features).await?;
        let methods = ["append", "read", "delete", "tombstone", "batchappend"];
        let methods = methods.into_iter().filter(|name| self.has_batch_append || *name != "batchappend");
        let methods = methods.map(|name| SupportedMethod {
            method_name: name.to_owned(),
            service_name: "event_store.client.streams.streams".to_owned(),
            features: match name {
                "batchappend" => vec!["deadline_duration".to_owned()],
                "read" => vec!["position".to_owned(), "events".to_owned()],
                _ => Vec::new(),
            },
        });
        Ok(Response::new(SupportedMethods {
            methods: methods.collect(),
            event_store_server_version: self.version.clone(),
        }))
    }
}

#[tonic::async_trait]
impl gossip_server::Gossip for Node {
    async fn read(&self, _: Request<Empty>) -> Result<Response<ClusterInfo>, Status> {
        self.faults.before(Call::Gossip).await?;
        let members = self.cluster.members().clone();
        let members = members.into_iter().map(|(address, leads)| MemberInfo {
            instance_id: Some(crate::wire::structured(uuid::Uuid::new_v5(
                &uuid::Uuid::NAMESPACE_URL,
                address.to_string().as_bytes(),
            ))),
            time_stamp: 0,
            state: (if leads { VNodeState::Leader } else { VNodeState::Follower }).into(),
            is_alive: true,
            http_end_point: Some(EndPoint { address: address.ip().to_string(), port: u32::from(address.port()) }),
        });
        Ok(Response::new(ClusterInfo { members: members.collect() }))
    }
}
