//! What a request asks of a simulated Pact, and what of it the real one refuses.
//!
//! Lenient in its form: the token in a header, in the address or in the body, double slashes and a slash at the end (2.2).
//! Strict in what is said: one of two things that exclude each other, numbers that are numbers, texts of a sane length.

use percent_encoding::percent_decode_str;

use super::values::Values;
use crate::connector::Request;
use crate::pact::limits;
use crate::pact::settings::Api;

/// No messenger takes more in one message.
const LONGEST_TEXT: usize = 4096;

/// A request, understood.
pub(super) struct Asked {
    pub(super) api: Api,
    /// For which company.
    pub(super) company: Company,
    /// The quota that it falls under (17.1).
    pub(super) class: &'static str,
    /// What is asked, or what is wrong with it.
    pub(super) what: Result<What, String>,
}

/// For which company something is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Company {
    /// For this one.
    Named(i64),
    /// It is not said, or is no number.
    Missing,
    /// For all of the token.
    All,
}

/// By what a client is named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Client {
    Phone(String),
    Username(String),
}

/// What a message says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Saying {
    pub(super) text: Option<String>,
    pub(super) attachments: Vec<i64>,
    pub(super) replied_to: Option<String>,
    /// A template's `waba_id`, and what is filled in.
    pub(super) template: Option<(String, Vec<String>)>,
}

/// What is asked.
pub(super) enum What {
    Open { provider: String, client: Client, text: Option<String> },
    FirstMessage { provider: String, client: Client, saying: Saying },
    FirstThroughChannel { channel: i64, phone: String, saying: Saying },
    Send { conversation: String, saying: Saying },
    Conversation { conversation: String },
    Conversations { page: Page, search: Option<String> },
    Messages { conversation: String, page: Page },
    Message { conversation: String, message: i64 },
    DeleteMessages { conversation: String, messages: Vec<i64> },
    Note { conversation: String, note: String },
    Assign { conversation: String, assignee: Option<i64> },
    Block { conversation: String, enabled: bool },
    Mark { conversation: String, state: Option<String>, reply: Option<String>, assignee: Option<Option<i64>> },
    Upload { conversation: Option<String>, name: String, size: usize },
    Job { job: i64 },
    Companies,
    CreateCompany,
    UpdateCompany { webhook: Option<String> },
    Channels { page: Page },
    CreateChannel { provider: String },
    TouchChannel { channel: i64, change: ChannelChange },
    UserExists { phone: String },
    Webhooks,
    CreateWebhook { url: String },
    UpdateWebhook { webhook: i64, url: Option<String>, active: Option<bool> },
    DeleteWebhook { webhook: i64 },
    Templates { page: Page },
    Billing,
}

/// What shall become of a channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ChannelChange {
    Enable,
    Disable,
    Delete,
    Token,
    RequestCode { provider: String },
    ConfirmCode,
}

/// Which part of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    /// How many entries come before it.
    pub(super) skipped: usize,
    pub(super) size: usize,
    pub(super) newest_first: bool,
}

impl Asked {
    /// Understands a request, or says whose way of "not found" is due.
    pub(super) fn read(request: &Request) -> Result<Self, Api> {
        let parts: Vec<String> = request
            .path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let values = Values::of(request);
        match parts.as_slice() {
            ["p1", rest @ ..] => {
                let (company, class, what) = read_v1(request.method, rest, &values).ok_or(Api::V1)?;
                Ok(Self { api: Api::V1, company, class, what })
            }
            ["api", "p2", rest @ ..] => {
                let (company, class, what) = read_v2(request.method, rest, &values).ok_or(Api::V2)?;
                Ok(Self { api: Api::V2, company, class, what })
            }
            _ => Err(Api::V2),
        }
    }
}

type Read = (Company, &'static str, Result<What, String>);

fn read_v1(method: &str, rest: &[&str], values: &Values) -> Option<Read> {
    let (company, rest) = match rest {
        ["companies", company, rest @ ..] => (company.parse().map_or(Company::Missing, Company::Named), rest),
        ["companies"] | ["billing"] => (Company::All, rest),
        _ => return None,
    };
    let own = |id: &&str| (*id).to_owned();
    let (class, what) = match (method, rest) {
        ("GET", ["companies"]) => (limits::CHANGES, Ok(What::Companies)),
        ("POST", ["companies"]) => (limits::CHANGES, values.needed("name").map(|_| What::CreateCompany)),
        ("GET", ["billing"]) => (limits::CHANGES, Ok(What::Billing)),
        ("PUT", []) => (limits::CHANGES, values.text("webhook_url").map(|webhook| What::UpdateCompany { webhook })),
        ("GET", ["channels"]) => (limits::CHANGES, stretch(values).map(|page| What::Channels { page })),
        ("POST", ["channels"]) => {
            (limits::CHANGES, values.needed("provider").map(|provider| What::CreateChannel { provider }))
        }
        ("PUT", ["channels", id]) => {
            (limits::CHANGES, values.needed("token").and_then(|_| touch(id, ChannelChange::Token)))
        }
        ("DELETE", ["channels", id]) => (limits::CHANGES, touch(id, ChannelChange::Delete)),
        ("POST", ["channels", id, "request_code"]) => {
            let provider = values.needed("provider");
            (limits::CHANGES, provider.and_then(|provider| touch(id, ChannelChange::RequestCode { provider })))
        }
        ("POST", ["channels", id, "confirm"]) => {
            (limits::CHANGES, values.needed("provider").and_then(|_| touch(id, ChannelChange::ConfirmCode)))
        }
        ("GET", ["channels", _, "user_exists"]) => {
            (limits::CHANGES, values.needed("phone").map(|phone| What::UserExists { phone }))
        }
        ("POST", ["channels", id, "conversations"]) => (limits::SEND, first_through_channel(id, values)),
        ("GET", ["channels", _, "jobs", job]) => (limits::MESSAGES, number(job).map(|job| What::Job { job })),
        ("GET", ["conversations"]) => {
            (limits::CONVERSATIONS, stretch(values).map(|page| What::Conversations { page, search: None }))
        }
        ("POST", ["conversations"]) => (limits::SEND, open(values)),
        ("GET", ["conversations", id]) => (limits::CONVERSATIONS, Ok(What::Conversation { conversation: own(id) })),
        ("PUT", ["conversations", id, "note"]) => {
            (limits::CHANGES, values.needed("note").map(|note| What::Note { conversation: own(id), note }))
        }
        ("PUT", ["conversations", id, "assign"]) => (
            limits::CHANGES,
            values.whole("assignee_id").map(|assignee| What::Assign { conversation: own(id), assignee }),
        ),
        ("PUT", ["conversations", id, "toggle_bitrix_block_openlines"]) => (
            limits::CHANGES,
            values
                .flag("enabled")
                .map(|enabled| What::Block { conversation: own(id), enabled: enabled.unwrap_or_default() }),
        ),
        ("POST", ["conversations", id, "messages", "attachments"]) => (limits::UPLOADS, upload(Some(own(id)), values)),
        ("GET", ["conversations", id, "messages"]) => {
            (limits::MESSAGES, stretch(values).map(|page| What::Messages { conversation: own(id), page }))
        }
        // The sample with buttons misspells the path (6.2).
        ("POST", ["conversations", id, "messages" | "message"]) => {
            (limits::SEND, said_v1(values).map(|saying| What::Send { conversation: own(id), saying }))
        }
        ("GET", ["waba_templates"]) => (limits::TEMPLATES, stretch(values).map(|page| What::Templates { page })),
        _ => return None,
    };
    Some((company, class, what))
}

fn read_v2(method: &str, rest: &[&str], values: &Values) -> Option<Read> {
    let own = |id: &&str| (*id).to_owned();
    // A company in quotes is another one: it is answered with 403 (15.4).
    let beside = || values.whole("company_id").ok().flatten().map_or(Company::Missing, Company::Named);
    let in_path = |company: &str| company.parse().map_or(Company::Missing, Company::Named);
    Some(match (method, rest) {
        ("GET", ["conversations"]) => {
            let asked = numbered(values, 25)
                .and_then(|page| Ok(What::Conversations { page, search: values.text("search_string")? }));
            (beside(), limits::CONVERSATIONS, asked)
        }
        ("GET", ["conversations", id]) => {
            (beside(), limits::CONVERSATIONS, Ok(What::Conversation { conversation: own(id) }))
        }
        ("PUT" | "PATCH", ["conversations", id]) => (beside(), limits::CHANGES, mark(own(id), values)),
        ("POST", ["messages"]) => (beside(), limits::SEND, first_message(values)),
        ("GET", ["conversations", id, "messages"]) => {
            let asked = numbered(values, 150).map(|page| What::Messages { conversation: own(id), page });
            (beside(), limits::MESSAGES, asked)
        }
        ("GET", ["conversations", id, "messages", message]) => {
            let asked = number(message).map(|message| What::Message { conversation: own(id), message });
            (beside(), limits::MESSAGES, asked)
        }
        ("POST", ["conversations", id, "messages"]) => {
            (beside(), limits::SEND, said_v2(values).map(|saying| What::Send { conversation: own(id), saying }))
        }
        ("DELETE", ["conversations", id, "messages"]) => {
            let asked = values.wholes("message_ids").and_then(|messages| match messages.len() {
                1..=100 => Ok(What::DeleteMessages { conversation: own(id), messages }),
                _ => Err("message_ids must hold 1 to 100 ids".to_owned()),
            });
            (beside(), limits::SEND, asked)
        }
        ("POST", ["attachments"]) => (beside(), limits::UPLOADS, upload(None, values)),
        ("GET", ["companies", company, "auths"]) => {
            (in_path(company), limits::CHANGES, numbered(values, 25).map(|page| What::Channels { page }))
        }
        ("GET", ["auths"]) => (Company::All, limits::CHANGES, numbered(values, 25).map(|page| What::Channels { page })),
        ("POST", ["companies", company, "auths"]) => {
            let asked = values.needed("provider").map(|provider| What::CreateChannel { provider });
            (in_path(company), limits::CHANGES, asked)
        }
        ("PUT" | "PATCH", ["companies", company, "auths", id, "enable"]) => {
            (in_path(company), limits::CHANGES, touch(id, ChannelChange::Enable))
        }
        ("PUT", ["companies", company, "auths", id, "disable"]) => {
            (in_path(company), limits::CHANGES, touch(id, ChannelChange::Disable))
        }
        ("DELETE", ["companies", company, "auths", id]) => {
            (in_path(company), limits::CHANGES, touch(id, ChannelChange::Delete))
        }
        ("GET", ["companies", company, "webhooks"]) => (in_path(company), limits::CHANGES, Ok(What::Webhooks)),
        ("POST", ["companies", company, "webhooks"]) => {
            (in_path(company), limits::CHANGES, address(values).map(|url| What::CreateWebhook { url }))
        }
        ("PUT", ["companies", company, "webhooks", id]) => {
            let url = if values.has("url") { address(values).map(Some) } else { Ok(None) };
            let asked = url
                .and_then(|url| Ok(What::UpdateWebhook { webhook: number(id)?, url, active: values.flag("active")? }));
            (in_path(company), limits::CHANGES, asked)
        }
        ("DELETE", ["companies", company, "webhooks", id]) => {
            (in_path(company), limits::CHANGES, number(id).map(|webhook| What::DeleteWebhook { webhook }))
        }
        ("GET", ["waba_templates"]) => {
            (Company::All, limits::TEMPLATES, numbered(values, 25).map(|page| What::Templates { page }))
        }
        _ => return None,
    })
}

/// An id that is no number is no id of anything.
fn number(id: &str) -> Result<i64, String> {
    id.parse().map_err(|_| format!("{id:?} is no id"))
}

fn touch(id: &str, change: ChannelChange) -> Result<What, String> {
    Ok(What::TouchChannel { channel: number(id)?, change })
}

fn address(values: &Values) -> Result<String, String> {
    let url = values.needed("url")?;
    if url.starts_with("https://") || url.starts_with("http://") { Ok(url) } else { Err("url is invalid".to_owned()) }
}

/// A list of the first generation; a token that is none begins at the beginning (5.1).
fn stretch(values: &Values) -> Result<Page, String> {
    let size = match values.whole("per")? {
        None => 50,
        Some(per @ 1..=100) => usize::try_from(per).unwrap_or(50),
        Some(_) => return Err("per must be between 1 and 100".to_owned()),
    };
    let direction = values.text("sort_direction")?;
    if direction.as_deref().is_some_and(|direction| !matches!(direction, "asc" | "desc")) {
        return Err("sort_direction must be asc or desc".to_owned());
    }
    let from = values.text("from")?.unwrap_or_default();
    if from.len() > 255 {
        return Err("from must be a String not more than 255 symbols".to_owned());
    }
    let skipped = token_read(&from).unwrap_or(0);
    Ok(Page { skipped, size, newest_first: direction.as_deref() == Some("desc") })
}

/// The token of the page that begins after so many entries; opaque, as Pact's.
pub(super) fn token(skipped: usize) -> String {
    hex::encode(format!("after:{skipped}"))
}

fn token_read(token: &str) -> Option<usize> {
    let bytes = hex::decode(token).ok()?;
    std::str::from_utf8(&bytes).ok()?.strip_prefix("after:")?.parse().ok()
}

/// A list of the second generation. The direction is nowhere stated (19.8); the newest first is the more useful.
fn numbered(values: &Values, size: usize) -> Result<Page, String> {
    let positive = |key: &str, otherwise: usize| {
        // In the address a number is a text.
        let Some(word) = values.word(key) else { return Ok(otherwise) };
        word.parse::<usize>().ok().filter(|number| *number > 0).ok_or_else(|| format!("{key} must be an Integer"))
    };
    let (page, size) = (positive("page", 1)?, positive("per_page", size)?);
    Ok(Page { skipped: size.saturating_mul(page - 1), size, newest_first: true })
}

fn open(values: &Values) -> Result<What, String> {
    let provider = values.needed("provider")?;
    let client = client(values, &provider, "username")?;
    Ok(What::Open { provider, client, text: said(values.text("text")?)? })
}

/// One of two that exclude each other (5.2).
fn client(values: &Values, provider: &str, name: &str) -> Result<Client, String> {
    match (values.text("phone")?, values.text(name)?) {
        (Some(_), Some(_)) => Err(format!("only one of phone and {name} may be given")),
        (Some(phone), None) => Ok(Client::Phone(phone)),
        (None, Some(username)) if provider == "telegram_personal" => Ok(Client::Username(username)),
        (None, Some(_)) => Err(format!("{name} is not supported for {provider}")),
        (None, None) => Err("phone is missing".to_owned()),
    }
}

fn first_message(values: &Values) -> Result<What, String> {
    let provider = values.needed("provider")?;
    let client = client(values, &provider, "nickname")?;
    let template = values.text("waba_id")?.map(|waba| (waba, values.texts("substitutions")));
    if provider == "whatsapp_business" && template.is_none() {
        return Err("waba_id is missing".to_owned());
    }
    let saying = Saying { template, ..content_v2(values)? };
    if saying.text.is_none() && saying.attachments.is_empty() && saying.template.is_none() {
        return Err("text is missing".to_owned());
    }
    Ok(What::FirstMessage { provider, client, saying })
}

fn first_through_channel(id: &str, values: &Values) -> Result<What, String> {
    let phone = values.needed("phone")?;
    // The vendor's own sample says `text`, everything else `message` (4.5).
    let text = match values.text("message")? {
        Some(text) => Some(text),
        None => values.text("text")?,
    };
    let template = values.text("template[id]")?.map(|id| (id, values.texts("template[parameters]")));
    let saying = Saying { text: said(text)?, template, ..Saying::default() };
    match (&saying.text, &saying.template) {
        (None, None) => Err("message is missing".to_owned()),
        (_, Some(_)) if values.text("template[language_code]")?.is_none() => {
            Err("template[language_code] is missing".to_owned())
        }
        (_, _) => Ok(What::FirstThroughChannel { channel: number(id)?, phone, saying }),
    }
}

fn said_v1(values: &Values) -> Result<Saying, String> {
    // With numbers between its brackets a list is taken for an object (15.10).
    if values.has_within("attachments_ids") {
        return Err("attachments_ids must be an Array".to_owned());
    }
    let mut attachments = values.wholes("attachments_ids")?;
    attachments.extend(values.wholes("attachment_ids")?);
    let text = said(values.text("message")?)?;
    values.flag("send_to_crm")?;
    if text.is_none() && attachments.is_empty() && !values.has("interactive[type]") {
        return Err("message is missing".to_owned());
    }
    Ok(Saying { text, attachments, ..Saying::default() })
}

fn said_v2(values: &Values) -> Result<Saying, String> {
    let saying = content_v2(values)?;
    if saying.text.is_none() && saying.attachments.is_empty() {
        return Err("text is missing".to_owned());
    }
    Ok(saying)
}

fn content_v2(values: &Values) -> Result<Saying, String> {
    let attachments = values.wholes("attachment_ids")?;
    if attachments.len() > 1 {
        return Err("only one attachment per message is supported".to_owned());
    }
    values.flag("send_to_crm")?;
    Ok(Saying {
        text: said(values.text("text")?)?,
        attachments,
        replied_to: values.text("replied_to_id")?,
        template: None,
    })
}

fn said(text: Option<String>) -> Result<Option<String>, String> {
    if text.as_deref().is_some_and(|text| text.chars().count() > LONGEST_TEXT) {
        return Err(format!("text is too long (maximum is {LONGEST_TEXT} characters)"));
    }
    Ok(text)
}

fn mark(conversation: String, values: &Values) -> Result<What, String> {
    let word = |key: &str, known: [&str; 2]| match values.text(key)? {
        Some(word) if !known.contains(&word.as_str()) => Err(format!("{key} must be one of {}", known.join(", "))),
        word => Ok(word),
    };
    Ok(What::Mark {
        conversation,
        state: word("operational_state", ["open", "archived"])?,
        reply: word("replied_state", ["replied", "unreplied"])?,
        assignee: values.has("assignee_id").then(|| values.whole("assignee_id")).transpose()?,
    })
}

/// A file or its address, never both (5.7, 9.3).
fn upload(conversation: Option<String>, values: &Values) -> Result<What, String> {
    match (&values.file, values.text("file_url")?) {
        (Some(_), Some(_)) => Err("only one of file and file_url may be given".to_owned()),
        (Some((name, size)), None) => Ok(What::Upload { conversation, name: name.clone(), size: *size }),
        (None, Some(url)) if url.starts_with("http://") || url.starts_with("https://") => {
            let name = url.rsplit('/').next().unwrap_or_default().to_owned();
            Ok(What::Upload { conversation, name, size: 1_024 })
        }
        (None, Some(_)) => Err("file_url is invalid".to_owned()),
        (None, None) => Err("file is missing".to_owned()),
    }
}

/// The token that a request shows.
pub(super) fn shown_token(request: &Request) -> Option<String> {
    let in_header = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-private-api-token"));
    in_header.map(|(_, token)| token.clone()).or_else(|| Values::of(request).word("private_api_token"))
}
