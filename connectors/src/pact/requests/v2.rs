//! The calls of the second generation: JSON out, under `/api/p2` (9). What reading calls take stands in the query.

use serde_json::{Map, Value, json};

use super::body::Form;
use super::{Metadata, Page, Source, flag};
use crate::connector::{Call, Request};
use crate::pact::{call, ids};

/// `GET /conversations` (9.1).
pub(in crate::pact) fn conversations(company: i64, search: Option<&str>, page: Page) -> Call {
    let form = page.add_to(of_company(company).maybe("search_string", search));
    let request = Request::bare("GET", "/api/p2/conversations".to_owned(), form.into_pairs());
    call::call(call::SEARCH_CONVERSATIONS_V2, request)
}

/// `GET /conversations/<ID>` (9.1).
pub(in crate::pact) fn conversation(company: i64, conversation: &str) -> Call {
    let request = Request::bare("GET", conversation_path(conversation), of_company(company).into_pairs());
    call::call(call::CONVERSATION_V2, request)
}

/// `PUT /conversations/<ID>` with whatever shall be otherwise (9.1).
pub(in crate::pact) fn update_conversation(company: i64, conversation: &str, changes: Map<String, Value>) -> Call {
    let request = Request::json("PUT", conversation_path(conversation), &with_company(company, changes));
    call::call(call::UPDATE_CONVERSATION_V2, request)
}

/// `GET /conversations/<ID>/messages` (9.2).
pub(in crate::pact) fn messages(company: i64, conversation: &str, page: Page) -> Call {
    let path = format!("{}/messages", conversation_path(conversation));
    let query = page.add_to(of_company(company)).into_pairs();
    call::call(call::LIST_MESSAGES_V2, Request::bare("GET", path, query))
}

/// `GET /conversations/<ID>/messages/<ID>` (9.2).
pub(in crate::pact) fn message(company: i64, conversation: &str, message: i64) -> Call {
    let path = format!("{}/messages/{message}", conversation_path(conversation));
    call::call(call::MESSAGE_V2, Request::bare("GET", path, of_company(company).into_pairs()))
}

/// A message into a conversation, or the first one to a client (9.2).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::pact) struct Saying<'a> {
    /// The text.
    pub(in crate::pact) text: Option<&'a str>,
    /// An uploaded file; one a message.
    pub(in crate::pact) attachment: Option<i64>,
    /// The messenger's id of the quoted message.
    pub(in crate::pact) replied_to: Option<&'a str>,
    /// Whether Pact copies it into CRMs that are connected inside Pact.
    pub(in crate::pact) send_to_crm: Option<bool>,
}

impl Saying<'_> {
    fn into_fields(self) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut add = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(key.to_owned(), value);
            }
        };
        add("text", self.text.map(Value::from));
        add("attachment_ids", self.attachment.map(|id| json!([id])));
        add("replied_to_id", self.replied_to.map(Value::from));
        add("send_to_crm", self.send_to_crm.map(Value::from));
        fields
    }
}

/// `POST /conversations/<ID>/messages` (9.2).
pub(in crate::pact) fn send(company: i64, conversation: &str, saying: Saying<'_>) -> Call {
    let path = format!("{}/messages", conversation_path(conversation));
    call::call(call::SEND_V2, Request::json("POST", path, &with_company(company, saying.into_fields())))
}

/// By what a client is found (9.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::pact) enum Client<'a> {
    /// By number.
    Phone(&'a str),
    /// By public name, `telegram_personal` only.
    Nickname(&'a str),
    /// By number in VK.
    VkontakteId(&'a str),
    /// By the name in the address of a page in VK.
    VkontakteDomain(&'a str),
}

/// A template of WhatsApp Business, and what is filled in (9.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::pact) struct Template<'a> {
    /// Its `waba_id`.
    pub(in crate::pact) waba: &'a str,
    /// As many values as it has gaps.
    pub(in crate::pact) substitutions: Vec<String>,
}

/// `POST /messages`: the first message (9.2).
pub(in crate::pact) fn first_message(
    company: i64,
    provider: &str,
    client: Client<'_>,
    saying: Saying<'_>,
    template: Option<Template<'_>>,
) -> Call {
    let mut fields = saying.into_fields();
    let (key, value) = match client {
        Client::Phone(phone) => ("phone", phone),
        Client::Nickname(nickname) => ("nickname", nickname),
        Client::VkontakteId(id) => ("vkontakte_id", id),
        Client::VkontakteDomain(domain) => ("vkontakte_domain", domain),
    };
    fields.insert("provider".to_owned(), provider.into());
    fields.insert(key.to_owned(), value.into());
    if let Some(template) = template {
        fields.insert("waba_id".to_owned(), template.waba.into());
        fields.insert("substitutions".to_owned(), template.substitutions.into());
    }
    let request = Request::json("POST", "/api/p2/messages".to_owned(), &with_company(company, fields));
    call::call(call::FIRST_MESSAGE_V2, request)
}

/// `DELETE /conversations/<ID>/messages`: 1 to 100 at once, in three messengers only (9.2).
pub(in crate::pact) fn delete_messages(company: i64, conversation: &str, messages: &[i64]) -> Call {
    let path = format!("{}/messages", conversation_path(conversation));
    let body = json!({ "company_id": company, "message_ids": messages });
    call::call(call::DELETE_MESSAGES_V2, Request::json("DELETE", path, &body))
}

/// `POST /attachments/`, with its slash at the end (9.3).
pub(in crate::pact) fn upload(company: i64, source: &Source, metadata: &Metadata) -> Call {
    let path = "/api/p2/attachments/".to_owned();
    let request = match source {
        Source::File(file) => of_company(company)
            .maybe("metadata[data][width]", metadata.width.map(|width| width.to_string()))
            .maybe("metadata[data][height]", metadata.height.map(|height| height.to_string()))
            .maybe("metadata[push_to_talk]", metadata.push_to_talk.map(flag))
            .request_with_file(path, file),
        Source::Url(url) => {
            let mut body = json!({ "company_id": company, "file_url": url });
            if let Some(push_to_talk) = metadata.push_to_talk {
                body["metadata"]["push_to_talk"] = json!(push_to_talk);
            }
            if let (Some(width), Some(height)) = (metadata.width, metadata.height) {
                body["metadata"]["data"] = json!({ "width": width, "height": height });
            }
            Request::json("POST", path, &body)
        }
    };
    call::call(call::UPLOAD_V2, request)
}

/// `GET /companies/<C>/auths`: channels (9.4).
pub(in crate::pact) fn auths(company: i64, page: Page) -> Call {
    let request = Request::bare("GET", auths_path(company), page.add_to(Form::default()).into_pairs());
    call::call(call::AUTHS_V2, request)
}

/// `POST /companies/<C>/auths`: what it takes depends on the messenger (9.4).
pub(in crate::pact) fn create_auth(company: i64, provider: &str, fields: Vec<(String, String)>) -> Call {
    let mut body = Map::new();
    body.insert("provider".to_owned(), provider.into());
    body.extend(fields.into_iter().map(|(name, value)| (name, value.into())));
    call::call(call::CREATE_AUTH_V2, Request::json("POST", auths_path(company), &body))
}

/// `PUT /companies/<C>/auths/<ID>/enable`; a code only for Telegram (9.4).
pub(in crate::pact) fn enable_auth(company: i64, auth: i64, code: Option<&str>) -> Call {
    let path = format!("{}/{auth}/enable", auths_path(company));
    let request = match code {
        Some(code) => Request::json("PUT", path, &json!({ "code": code })),
        None => Request::bare("PUT", path, Vec::new()),
    };
    call::call(call::ENABLE_AUTH_V2, request)
}

/// `PUT /companies/<C>/auths/<ID>/disable` (9.4).
pub(in crate::pact) fn disable_auth(company: i64, auth: i64) -> Call {
    let path = format!("{}/{auth}/disable", auths_path(company));
    call::call(call::DISABLE_AUTH_V2, Request::bare("PUT", path, Vec::new()))
}

/// `DELETE /companies/<C>/auths/<ID>`: for ever (9.4).
pub(in crate::pact) fn delete_auth(company: i64, auth: i64) -> Call {
    let path = format!("{}/{auth}", auths_path(company));
    call::call(call::DELETE_AUTH_V2, Request::bare("DELETE", path, Vec::new()))
}

/// `GET /companies/<C>/webhooks` (9.5).
pub(in crate::pact) fn webhooks(company: i64) -> Call {
    call::call(call::WEBHOOKS_V2, Request::bare("GET", webhooks_path(company), Vec::new()))
}

/// `POST /companies/<C>/webhooks`: inactive at first, at most five (9.5).
pub(in crate::pact) fn create_webhook(company: i64, url: &str) -> Call {
    call::call(call::CREATE_WEBHOOK_V2, Request::json("POST", webhooks_path(company), &json!({ "url": url })))
}

/// `PUT /companies/<C>/webhooks/<ID>`: Pact probes the address first (9.5, 10.1).
pub(in crate::pact) fn update_webhook(company: i64, webhook: i64, url: Option<&str>, active: bool) -> Call {
    let mut body = json!({ "active": active });
    if let Some(url) = url {
        body["url"] = json!(url);
    }
    let path = format!("{}/{webhook}", webhooks_path(company));
    call::call(call::UPDATE_WEBHOOK_V2, Request::json("PUT", path, &body))
}

/// `DELETE /companies/<C>/webhooks/<ID>`: answered with 204 (9.5).
pub(in crate::pact) fn delete_webhook(company: i64, webhook: i64) -> Call {
    let path = format!("{}/{webhook}", webhooks_path(company));
    call::call(call::DELETE_WEBHOOK_V2, Request::bare("DELETE", path, Vec::new()))
}

/// `GET /waba_templates` (9.6).
pub(in crate::pact) fn templates(company: i64, sort: Option<(&str, &str)>, page: Page) -> Call {
    let form = Form::default().with("company_ids[]", company.to_string());
    let form = match sort {
        Some((key, direction)) => form.with(&format!("sort[{key}]"), direction),
        None => form,
    };
    let request = Request::bare("GET", "/api/p2/waba_templates".to_owned(), page.add_to(form).into_pairs());
    call::call(call::TEMPLATES_V2, request)
}

/// The second generation wants the company beside the path (13).
fn of_company(company: i64) -> Form {
    Form::default().with("company_id", company.to_string())
}

/// As a number: a company in quotes is answered with 403 (15.4).
fn with_company(company: i64, mut fields: Map<String, Value>) -> Map<String, Value> {
    fields.insert("company_id".to_owned(), company.into());
    fields
}

fn conversation_path(conversation: &str) -> String {
    format!("/api/p2/conversations/{}", ids::text_in_path(conversation))
}

fn auths_path(company: i64) -> String {
    format!("/api/p2/companies/{company}/auths")
}

fn webhooks_path(company: i64) -> String {
    format!("/api/p2/companies/{company}/webhooks")
}
