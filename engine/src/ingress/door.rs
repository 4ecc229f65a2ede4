//! What is behind a listener. Requests in, answers out.
//!
//! Nearly all that comes from the world is webhooks, so they find their way in without being asked where they want to go;
//! everything else goes through a router, and what that does not know is the way in's again, which counts it.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use super::address::is_a_webhooks;
use super::receive::{Ingress, Words};
use crate::instructions::Peer;

/// What is behind a listener.
#[derive(Clone, Debug)]
pub struct Door {
    webhooks: Option<Arc<Ingress>>,
    others: TowerToHyperService<Router>,
}

impl Door {
    /// Webhooks are let in; a router of other things may stand beside.
    pub fn of(webhooks: Ingress, others: Option<Router>) -> Self {
        let webhooks = Arc::new(webhooks);
        let others = others.unwrap_or_default().fallback_service(Ingress::router(Arc::clone(&webhooks)));
        Self { webhooks: Some(webhooks), others: TowerToHyperService::new(others) }
    }

    /// Answers a request of somebody.
    pub(super) fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Response<Either<Words, Body>>> + use<> {
        let way = match &self.webhooks {
            Some(webhooks) if is_a_webhooks(request.uri().path()) => Way::In(Arc::clone(webhooks), request),
            Some(_) | None => {
                request.extensions_mut().insert(peer);
                Way::Elsewhere(self.others.call(request))
            }
        };
        async move {
            match way {
                Way::In(webhooks, request) => {
                    let (parts, body) = request.into_parts();
                    webhooks.answer(&parts, body, Some(peer)).await.map(Either::Left)
                }
                Way::Elsewhere(answering) => match answering.await {
                    Ok(answer) => answer.map(Either::Right),
                    Err(never) => match never {},
                },
            }
        }
    }
}

impl From<Router> for Door {
    fn from(router: Router) -> Self {
        Self { webhooks: None, others: TowerToHyperService::new(router) }
    }
}

/// Where a request goes.
enum Way<F> {
    In(Arc<Ingress>, Request<Incoming>),
    Elsewhere(F),
}
