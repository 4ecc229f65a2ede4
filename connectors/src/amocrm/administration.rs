//! Connecting the channel to the account, and disconnecting it (contract, 5.1 and 5.2).
//!
//! Switching the integration off in amoCRM disconnects its channel silently, so connecting must be repeated after every
//! installation; repeating it does no harm. The hooks' version must be asked for: the default is a deprecated one.

use chatledger_projections::event::RecordedReply;
use chatledger_projections::time::Timestamp;
use serde_json::{Value, json};

use super::ids;
use super::limits::CALLS;
use super::wire::requests::{Connect, Disconnect};
use super::{Account, CONNECT, DISCONNECT};
use crate::connector::{Call, Request};
use crate::errands::{Administration, Document, Joined, Learnt};

/// The only version of hooks that bears amo's ids (contract, 9.8).
const HOOK_VERSION: &str = "v2";

impl Administration for Account {
    fn join(&self) -> Call {
        let settings = &self.settings;
        let body = Connect {
            account_id: settings.scope.account(),
            title: settings.title.as_deref(),
            hook_api_version: HOOK_VERSION,
            is_time_window_disabled: settings.time_window.map(|wanted| !wanted),
        };
        let path = format!("/v2/origin/custom/{}/connect", settings.scope.channel());
        Call { name: CONNECT, class: CALLS, request: Request::json("POST", path, &body) }
    }

    fn part(&self) -> Call {
        let body = Disconnect { account_id: self.settings.scope.account() };
        let path = format!("/v2/origin/custom/{}/disconnect", self.settings.scope.channel());
        Call { name: DISCONNECT, class: CALLS, request: Request::json("DELETE", path, &body) }
    }

    fn joined(&self, call: &Call, reply: &RecordedReply, now: Timestamp) -> Joined {
        let answer: Option<Value> = serde_json::from_slice(&reply.body.0).ok();
        let said = |key: &str| answer.as_ref().and_then(|answer| answer.get(key)?.as_str()).map(str::to_owned);
        let mut oddities = Vec::new();
        let mut settings = Vec::new();
        if call.name == CONNECT {
            match said("scope_id") {
                Some(scope) => {
                    let is_configured = scope == self.settings.scope.as_str();
                    settings.push(Learnt { key: "scope_id", value: scope, is_configured });
                }
                None => oddities.push(
                    "the answer names no scope_id; check in the account whether the channel is connected".to_owned(),
                ),
            }
            if let Some(other) = said("hook_api_version").filter(|version| version != HOOK_VERSION) {
                oddities.push(format!("amoCRM will send hooks of version {other}, not {HOOK_VERSION}; connect again"));
            }
        }
        let body = json!({
            "account_id": self.settings.scope.account(),
            "time": now.as_seconds(),
            "connection": {"call": call.name, "answer": answer},
        });
        let body = body.to_string().into_bytes();
        let document = Document { id: ids::delivery(&self.name, &body), written_at: Some(now), body };
        Joined { document, settings, oddities }
    }

    fn remedy(&self, status: u16) -> &'static str {
        match status {
            400 => "check `scope_id`: its second half is the account's amojo_id, from `/api/v4/account?with=amojo_id`",
            403 => {
                "check `channel_secret` and this machine's clock; a private channel is also refused to accounts that \
                    its registration does not name"
            }
            404 => {
                "check `scope_id`, whose first half is the channel's id, and `base_url`: each platform has its own host"
            }
            _ => "try again later",
        }
    }
}
