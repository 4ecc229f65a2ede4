//! The read API over HTTP, on the private address: who asks, what they ask, and what they get or why not.
//!
//! * [`access`]: who may what; [`problem`]: why there is no answer; [`parameters`]: what a query says;
//! * [`questions`]: what may be read; [`follow`]: what is told by itself; [`acts`]: what operators may have done.
//!
//! The description of all of it (OpenAPI 3.1) is made of the same functions that answer: [`description`].

pub mod access;
pub mod acts;
mod follow;
mod parameters;
pub mod problem;
mod questions;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use access::{Access, Denied, Role, Who};
pub use problem::Problem;

use crate::clock::Clock;
use crate::instructions::{Peer, is_this_machine};
use crate::log::EventLog;
use crate::reading::Reader;

/// Where everything stands.
pub const BASE: &str = "/api/v1";

/// The largest body of a request, in bytes.
const LARGEST_BODY: usize = 16 * 1024;

/// Everything that answers are made of.
#[derive(Clone, Debug)]
pub struct Api {
    /// Whoever answers.
    pub reader: Reader,
    /// Who may what.
    pub access: Arc<Access>,
    /// Where acts go.
    pub log: Arc<dyn EventLog>,
    /// When they were said.
    pub clock: Arc<dyn Clock>,
    /// How many may follow.
    pub followers: Arc<Semaphore>,
    /// When streams end.
    pub end: CancellationToken,
}

/// What the description says beside the addresses.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Chatledger",
        description = "What was said between clients and managers, where every message is and why, as it is now or as \
                       it was at any position of the log."
    ),
    tags((name = "reading", description = "What is so, or was."), (name = "acting", description = "What operators may have done.")),
    modifiers(&Secured)
)]
struct Description;

struct Secured;

impl Modify for Secured {
    fn modify(&self, description: &mut OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token that `chatledger token new` made."))
            .build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        let token = utoipa::openapi::security::SecurityRequirement::new::<_, _, &str>("token", []);
        // Without tokens, reading is open on the machine itself.
        description.security = Some(vec![token, utoipa::openapi::security::SecurityRequirement::default()]);
    }
}

fn described() -> (Router<Api>, OpenApi) {
    OpenApiRouter::with_openapi(Description::openapi())
        .nest(
            BASE,
            OpenApiRouter::new()
                .routes(routes!(questions::overview))
                .routes(routes!(questions::threads))
                .routes(routes!(questions::thread))
                .routes(routes!(questions::timeline))
                .routes(routes!(questions::message))
                .routes(routes!(questions::explanation))
                .routes(routes!(questions::held))
                .routes(routes!(questions::held_one))
                .routes(routes!(questions::connections))
                .routes(routes!(questions::remarks))
                .routes(routes!(questions::events))
                .routes(routes!(questions::event))
                .routes(routes!(questions::standpoint))
                .routes(routes!(questions::me))
                .routes(routes!(follow::follow))
                .routes(routes!(acts::retry))
                .routes(routes!(acts::edit_target))
                .routes(routes!(acts::skip))
                .routes(routes!(acts::assistant)),
        )
        .split_for_parts()
}

/// The description of everything, OpenAPI 3.1.
pub fn description() -> OpenApi {
    described().1
}

impl Api {
    /// The router for the private listener; it must know who asks, see [`Peer`].
    pub fn router(self) -> Router {
        let (router, description) = described();
        let description = Arc::new(description);
        let document = get(async move || Json(Arc::clone(&description)).into_response());
        router
            .route(&format!("{BASE}/openapi.json"), document)
            .route("/api/{*rest}", axum::routing::any(async || Problem::nowhere()))
            .method_not_allowed_fallback(async || Problem::other_method())
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .layer(from_fn_with_state(self.clone(), guard))
            .with_state(self)
    }
}

/// Nobody gets further who may not; whatever is answered is for nobody's cache.
async fn guard(State(api): State<Api>, request: Request, next: Next) -> Response {
    if let Err(problem) = let_in(&api, &request) {
        return problem.into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn let_in(api: &Api, request: &Request) -> Result<(), Problem> {
    if api.access.is_open() {
        is_from_here(request)?;
    }
    if request.method() == Method::GET || request.method() == Method::HEAD {
        api.access.who(request.headers())?;
    } else {
        api.access.who_acts(request.headers())?;
    }
    Ok(())
}

/// Without tokens, only this machine asks, and under a name of its own: a name of the world's that leads here is a trick.
pub fn is_from_here(request: &Request) -> Result<(), Problem> {
    let peer = request.extensions().get::<Peer>();
    if peer.is_some_and(|Peer(peer)| !peer.ip().to_canonical().is_loopback()) {
        return Err(Problem::elsewhere("authorization", "without tokens, only this machine is answered"));
    }
    if !is_this_machine(request.headers()) {
        let detail = "without tokens, this machine is asked by its number or as localhost";
        return Err(Problem::elsewhere("host", detail));
    }
    Ok(())
}
