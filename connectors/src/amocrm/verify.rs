//! What proves that a request is amo's.
//!
//! Takes a request that reached our address; gives it an id and the headers to record, or says why not. Whether the
//! body makes sense is not asked: rubbish with a good signature is let in, for amo sends every hook only once.

use chatledger_projections::ids::ConnectionName;
use serde::Deserialize;

use super::ids::{self, Scope};
use super::sign;
use crate::connector::{Decoded, InboundRequest, Rejection, Secret, Verified};
use crate::loose::{self, Field, Text, WireDocument};

/// Decides on one request. Without a secret nothing can be proven.
pub(super) fn hook(
    connection: &ConnectionName,
    scope: &Scope,
    request: &InboundRequest<'_>,
    secret: Option<&Secret>,
) -> Result<Verified, Rejection> {
    if request.method != "POST" {
        return Err(Rejection::WrongMethod);
    }
    let signature = request.header("x-signature").filter(|signature| !signature.trim_ascii().is_empty());
    let (Some(signature), Some(secret)) = (signature, secret) else {
        return Err(Rejection::Unproven);
    };
    if !sign::proves_hook(secret, signature, request.body) {
        return Err(Rejection::Forged);
    }
    // The secret is the channel's, and a channel may be connected to many accounts: the signature does not tell them
    // apart, the path and the body do (contract, 9.2).
    if request.tail != scope.as_str() || account_of(request.body).is_some_and(|account| account != scope.account()) {
        return Err(Rejection::Misdirected);
    }
    let content_type = request.header("content-type").map(|value| String::from_utf8_lossy(value).into_owned());
    let headers = content_type.map(|value| ("content-type".to_owned(), value)).into_iter().collect();
    Ok(Verified::new(ids::delivery(connection, request.body), headers))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Addressed<'a> {
    #[serde(borrow)]
    account_id: Field<Text<'a>>,
}

impl WireDocument for Addressed<'_> {
    type Document<'de> = Addressed<'de>;
}

/// The account that a body names, if it can be read and names one.
fn account_of(body: &[u8]) -> Option<String> {
    // What is odd about the body will be remarked when it is decoded.
    let mut unheard = Decoded::default();
    loose::with_document::<Addressed<'_>, _>(body, &mut unheard, |addressed, _| {
        addressed.account_id.get().map(|account| account.clone().into_owned())
    })?
}
