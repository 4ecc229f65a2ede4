//! The calls of the first generation: forms out, under `/p1` (3 to 7).

use serde_json::json;

use super::body::Form;
use super::{Metadata, Source, Stretch, flag};
use crate::connector::{Call, Request};
use crate::pact::{call, ids};

/// The client in a request that begins a dialogue (5.2): one of both, never both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::pact) enum Client<'a> {
    /// By number, digits only.
    Phone(&'a str),
    /// By public name, `telegram_personal` only.
    Username(&'a str),
}

impl Client<'_> {
    fn add_to(self, form: Form) -> Form {
        match self {
            Self::Phone(phone) => form.with("phone", phone),
            Self::Username(username) => form.with("username", username),
        }
    }
}

/// `GET /p1/companies` (3).
pub(in crate::pact) fn companies(stretch: Stretch) -> Call {
    call::call(call::COMPANIES_V1, Request::bare("GET", "/p1/companies".to_owned(), stretch.into_query()))
}

/// `POST /p1/companies`, or `PUT /p1/companies/<ID>` where the company is there already (3).
pub(in crate::pact) fn company(company: Option<i64>, fields: Form) -> Call {
    match company {
        None => call::call(call::CREATE_COMPANY_V1, fields.request("POST", "/p1/companies".to_owned())),
        Some(company) => call::call(call::UPDATE_COMPANY_V1, fields.request("PUT", format!("/p1/companies/{company}"))),
    }
}

/// `GET …/channels` (4.1).
pub(in crate::pact) fn channels(company: i64, stretch: Stretch) -> Call {
    let path = format!("/p1/companies/{company}/channels");
    call::call(call::CHANNELS_V1, Request::bare("GET", path, stretch.into_query()))
}

/// `POST …/channels`: what it takes depends on the messenger (4.2).
pub(in crate::pact) fn create_channel(company: i64, provider: &str, fields: Vec<(String, String)>) -> Call {
    let form = fields
        .into_iter()
        .fold(Form::default().with("provider", provider), |form, (name, value)| form.with(&name, value));
    call::call(call::CREATE_CHANNEL_V1, form.request("POST", format!("/p1/companies/{company}/channels")))
}

/// `PUT …/channels/<ID>`: another token (4.4).
pub(in crate::pact) fn update_channel(company: i64, channel: i64, token: &str) -> Call {
    let form = Form::default().with("token", token);
    call::call(call::UPDATE_CHANNEL_V1, form.request("PUT", channel_path(company, channel)))
}

/// `DELETE …/channels/<ID>` (4.4).
pub(in crate::pact) fn delete_channel(company: i64, channel: i64) -> Call {
    call::call(call::DELETE_CHANNEL_V1, Request::bare("DELETE", channel_path(company, channel), Vec::new()))
}

/// `POST …/channels/<ID>/request_code` and `…/confirm` (4.6).
pub(in crate::pact) fn code(company: i64, channel: i64, step: CodeStep, fields: Vec<(String, String)>) -> Call {
    let (name, word) = match step {
        CodeStep::Request => (call::REQUEST_CODE_V1, "request_code"),
        CodeStep::Confirm => (call::CONFIRM_CODE_V1, "confirm"),
    };
    let form = fields.into_iter().fold(Form::default(), |form, (name, value)| form.with(&name, value));
    call::call(name, form.request("POST", format!("{}/{word}", channel_path(company, channel))))
}

/// The two steps by which a channel is joined to a telephone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::pact) enum CodeStep {
    /// A code is sent to the telephone.
    Request,
    /// The code is given to Pact.
    Confirm,
}

/// `GET …/channels/<ID>/user_exists` (4.5).
pub(in crate::pact) fn user_exists(company: i64, channel: i64, phone: &str) -> Call {
    let query = vec![("phone".to_owned(), phone.to_owned())];
    let path = format!("{}/user_exists", channel_path(company, channel));
    call::call(call::USER_EXISTS_V1, Request::bare("GET", path, query))
}

/// `POST …/channels/<ID>/conversations`: the first message through a certain channel (4.5).
pub(in crate::pact) fn first_message(company: i64, channel: i64, phone: &str, says: &First<'_>) -> Call {
    let form = Form::default().with("phone", phone);
    let form = match says {
        First::Text(text) => form.with("message", *text),
        First::Template { id, language, parameters } => form
            .with("template[id]", *id)
            .with("template[language_code]", *language)
            .each("template[parameters][]", parameters.iter().cloned()),
    };
    let path = format!("{}/conversations", channel_path(company, channel));
    call::call(call::FIRST_MESSAGE_V1, form.request("POST", path))
}

/// What a first message through a channel says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::pact) enum First<'a> {
    /// In plain WhatsApp.
    Text(&'a str),
    /// In WhatsApp Business.
    Template {
        /// The template's id.
        id: &'a str,
        /// Its language, such as `ru`.
        language: &'a str,
        /// What is filled in.
        parameters: Vec<String>,
    },
}

/// `GET …/conversations` (5.1).
pub(in crate::pact) fn conversations(company: i64, stretch: Stretch) -> Call {
    let path = format!("/p1/companies/{company}/conversations");
    call::call(call::CONVERSATIONS_V1, Request::bare("GET", path, stretch.into_query()))
}

/// `POST …/conversations`: finds or opens a conversation, and says something in it if there is a text (5.2).
pub(in crate::pact) fn open(
    company: i64,
    provider: &str,
    client: Client<'_>,
    text: Option<&str>,
    send_to_crm: Option<bool>,
) -> Call {
    let form = client.add_to(Form::default().with("provider", provider));
    let form = form.maybe("text", text).maybe("send_to_crm", send_to_crm.map(flag));
    // Without words a second try finds what the first one opened; with words it would say them again.
    let name = if text.is_some() { call::OPEN_AND_SAY_V1 } else { call::OPEN_V1 };
    call::call(name, form.request("POST", format!("/p1/companies/{company}/conversations")))
}

/// `GET …/conversations/<ID>` (5.4).
pub(in crate::pact) fn conversation(company: i64, conversation: &str) -> Call {
    call::call(call::CONVERSATION_V1, Request::bare("GET", conversation_path(company, conversation), Vec::new()))
}

/// `PUT …/conversations/<ID>/note` (5.3).
pub(in crate::pact) fn note(company: i64, conversation: &str, note: &str) -> Call {
    let form = Form::default().with("note", note);
    call::call(call::NOTE_V1, form.request("PUT", format!("{}/note", conversation_path(company, conversation))))
}

/// `PUT …/conversations/<ID>/assign` (5.5); nobody clears.
pub(in crate::pact) fn assign(company: i64, conversation: &str, assignee: Option<i64>) -> Call {
    let form = Form::default().with("assignee_id", assignee.map(|id| id.to_string()).unwrap_or_default());
    call::call(call::ASSIGN_V1, form.request("PUT", format!("{}/assign", conversation_path(company, conversation))))
}

/// `PUT …/conversations/<ID>/toggle_bitrix_block_openlines`: sets the given value, and toggles nothing (5.6).
pub(in crate::pact) fn block(company: i64, conversation: &str, enabled: bool) -> Call {
    let path = format!("{}/toggle_bitrix_block_openlines", conversation_path(company, conversation));
    call::call(call::BLOCK_V1, Form::default().with("enabled", flag(enabled)).request("PUT", path))
}

/// `POST …/conversations/<ID>/messages/attachments` (5.7).
pub(in crate::pact) fn upload(company: i64, conversation: &str, source: &Source, metadata: &Metadata) -> Call {
    let path = format!("{}/messages/attachments", conversation_path(company, conversation));
    let size = match (metadata.width, metadata.height) {
        (Some(width), Some(height)) => Some(json!({ "data": { "width": width, "height": height } }).to_string()),
        (_, _) => None,
    };
    let form = Form::default().maybe("push_to_talk", metadata.push_to_talk.map(flag)).maybe("metadata", size);
    let request = match source {
        Source::File(file) => form.request_with_file(path, file),
        Source::Url(url) => form.with("file_url", url.as_str()).request("POST", path),
    };
    call::call(call::UPLOAD_V1, request)
}

/// `GET …/conversations/<ID>/messages` (6.1).
pub(in crate::pact) fn messages(company: i64, conversation: &str, stretch: Stretch) -> Call {
    let path = format!("{}/messages", conversation_path(company, conversation));
    call::call(call::LIST_MESSAGES_V1, Request::bare("GET", path, stretch.into_query()))
}

/// A message into a conversation (6.2).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::pact) struct Saying {
    /// The text.
    pub(in crate::pact) text: Option<String>,
    /// Uploaded files; only VK takes several.
    pub(in crate::pact) attachments: Vec<i64>,
    /// Buttons under the text, WhatsApp Business only.
    pub(in crate::pact) buttons: Vec<String>,
    /// Whether Pact copies it into CRMs that are connected inside Pact.
    pub(in crate::pact) send_to_crm: Option<bool>,
}

/// `POST …/conversations/<ID>/messages` (6.2). The only sample with buttons is JSON, so they go as JSON.
pub(in crate::pact) fn send(company: i64, conversation: &str, saying: Saying) -> Call {
    let path = format!("{}/messages", conversation_path(company, conversation));
    let Saying { text, attachments, buttons, send_to_crm } = saying;
    let request = if buttons.is_empty() {
        Form::default()
            .maybe("message", text)
            .each("attachments_ids[]", attachments.iter().map(i64::to_string))
            .maybe("send_to_crm", send_to_crm.map(flag))
            .request("POST", path)
    } else {
        let mut body = json!({ "message": text, "interactive": { "type": "button", "buttons": buttons } });
        if !attachments.is_empty() {
            body["attachments_ids"] = json!(attachments);
        }
        if let Some(send_to_crm) = send_to_crm {
            body["send_to_crm"] = json!(send_to_crm);
        }
        Request::json("POST", path, &body)
    };
    call::call(call::SEND_V1, request)
}

/// `GET …/channels/<ID>/jobs/<ID>` (6.4).
pub(in crate::pact) fn job(company: i64, channel: i64, job: i64) -> Call {
    let path = format!("{}/jobs/{job}", channel_path(company, channel));
    call::call(call::JOB_V1, Request::bare("GET", path, Vec::new()))
}

/// `GET …/waba_templates` (7).
pub(in crate::pact) fn templates(company: i64, stretch: Stretch) -> Call {
    let path = format!("/p1/companies/{company}/waba_templates");
    call::call(call::TEMPLATES_V1, Request::bare("GET", path, stretch.into_query()))
}

/// `GET /p1/billing` (7).
pub(in crate::pact) fn billing() -> Call {
    call::call(call::BILLING_V1, Request::bare("GET", "/p1/billing".to_owned(), Vec::new()))
}

fn channel_path(company: i64, channel: i64) -> String {
    format!("/p1/companies/{company}/channels/{channel}")
}

fn conversation_path(company: i64, conversation: &str) -> String {
    format!("/p1/companies/{company}/conversations/{}", ids::text_in_path(conversation))
}
