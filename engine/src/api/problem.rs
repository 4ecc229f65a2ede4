//! Why there is no answer, as a problem document (RFC 9457). It names the field that is at fault, and nothing of the inside.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tracing::warn;
use utoipa::ToSchema;

use super::access::Denied;
use crate::live::chain;
use crate::reading::ReadingError;

/// A problem document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// What kind of problem it is, as a name that does not change.
    #[serde(rename = "type")]
    #[schema(example = "urn:chatledger:problem:bad-value")]
    pub kind: String,
    /// The kind, for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here, and what to do about it.
    pub detail: String,
    /// Which parameter, header or field of the body it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:chatledger:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
        }
    }

    fn of(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }

    /// A value cannot be used.
    pub fn bad_value(field: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-value", "a value cannot be used", detail).of(field)
    }

    /// The body of a request cannot be read.
    pub fn bad_body(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(status, "bad-body", "the body cannot be read", detail).of("body")
    }

    /// There is nothing at this address.
    pub fn nowhere() -> Self {
        let detail = "there is nothing at this address; /api/v1/openapi.json lists all that there is";
        Self::new(StatusCode::NOT_FOUND, "nowhere", "there is no such address", detail)
    }

    /// The address takes other methods.
    pub fn other_method() -> Self {
        let detail = "the address does not take this method; /api/v1/openapi.json says which it takes";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", "the method cannot be used here", detail)
    }

    /// The request did not come from where it may come.
    pub fn elsewhere(field: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "elsewhere", "it is not taken from there", detail).of(field)
    }

    /// What is asked for is not so.
    pub fn conflict(field: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "it cannot be done as things are", detail).of(field)
    }

    /// Too many ask at once.
    pub fn crowded(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "crowded", "there are too many already", detail)
    }

    /// The log does not take what is to be recorded.
    pub fn not_recorded() -> Self {
        let detail = "the log does not take it now; try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "log-away", "it is not on record", detail)
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let (status, kind) = match denied {
            Denied::Missing | Denied::Unknown => (StatusCode::UNAUTHORIZED, "who-are-you"),
            Denied::ReadingOnly | Denied::NobodyActs => (StatusCode::FORBIDDEN, "not-yours"),
        };
        Self::new(status, kind, "it is not yours to ask", denied.to_string()).of("authorization")
    }
}

impl From<ReadingError> for Problem {
    fn from(error: ReadingError) -> Self {
        let away = |kind, detail: &str| {
            Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, "there is no answer now", detail.to_owned())
        };
        match &error {
            ReadingError::Off => away("reading-off", &error.to_string()),
            ReadingError::NotFound { what } => {
                Self::new(StatusCode::NOT_FOUND, "not-found", "there is no such thing", error.to_string()).of(what)
            }
            ReadingError::Ambiguous { among } => {
                let names: Vec<_> = among.iter().map(|key| format!("{}:{}", key.connection, key.message)).collect();
                let detail = format!("{error}: {}", names.join(", "));
                Self::new(StatusCode::CONFLICT, "ambiguous", "it may be several things", detail).of("connection")
            }
            ReadingError::Cursor(wrong) => Self::bad_value("cursor", wrong.to_string()),
            ReadingError::TooMuch(why) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "too-much", "it is too much for one answer", why.clone())
            }
            // What exactly is for those who run the program, and stands in its own words.
            ReadingError::Trouble(_) | ReadingError::Log(_) | ReadingError::Model(_) | ReadingError::Interrupted => {
                warn!(error = %chain(&error), "a question could not be answered");
                away("out-of-order", "the rows cannot be read now; the engine's own log says why")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"chatledger\""));
        }
        response
    }
}
