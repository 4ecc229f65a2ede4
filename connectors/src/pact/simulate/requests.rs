//! What a request asks of a simulated Pact.
//!
//! As lenient as a mock should be (2.2): a form or JSON, the token in a header or in the address, double slashes and a
//! slash at the end.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::connector::{FormPart, Request};
use crate::pact::limits;
use crate::pact::settings::Api;

/// A request, understood.
pub(super) struct Asked {
    pub(super) api: Api,
    /// For which company, if it says so.
    pub(super) company: Option<i64>,
    pub(super) what: What,
}

/// What is asked.
pub(super) enum What {
    Open {
        phone: String,
    },
    FirstMessage {
        phone: String,
        provider: String,
        text: String,
        file: Option<i64>,
    },
    Send {
        conversation: String,
        text: String,
        file: Option<i64>,
    },
    /// A file: its name and its size.
    Upload {
        file: String,
    },
    Conversation {
        conversation: String,
    },
    Messages {
        conversation: String,
        page: Page,
    },
    Search {
        text: Option<String>,
        page: Page,
    },
}

/// Which part of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    /// From one.
    pub(super) number: usize,
    pub(super) size: usize,
    pub(super) newest_first: bool,
}

impl What {
    /// The quota that it falls under (17.1).
    pub(super) const fn class(&self) -> &'static str {
        match self {
            Self::Open { .. } | Self::FirstMessage { .. } | Self::Send { .. } => limits::SEND,
            Self::Upload { .. } => limits::FILES,
            Self::Conversation { .. } | Self::Search { .. } => limits::CONVERSATIONS,
            Self::Messages { .. } => limits::MESSAGES,
        }
    }
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
            ["p1", "companies", company, rest @ ..] => {
                let what = read_v1(request.method, rest, &values).ok_or(Api::V1)?;
                Ok(Self { api: Api::V1, company: company.parse().ok(), what })
            }
            ["api", "p2", rest @ ..] => {
                let what = read_v2(request.method, rest, &values).ok_or(Api::V2)?;
                let company = values.text("company_id").and_then(|company| company.parse().ok());
                Ok(Self { api: Api::V2, company, what })
            }
            ["p1", ..] => Err(Api::V1),
            _ => Err(Api::V2),
        }
    }
}

fn read_v1(method: &str, rest: &[&str], values: &Values) -> Option<What> {
    match (method, rest) {
        ("POST", ["conversations"]) => Some(What::Open { phone: values.text("phone").unwrap_or_default() }),
        ("GET", ["conversations", id]) => Some(What::Conversation { conversation: (*id).to_owned() }),
        ("POST", ["conversations", _, "messages", "attachments"]) => Some(What::Upload { file: values.text("file")? }),
        ("POST", ["conversations", id, "messages"]) => Some(What::Send {
            conversation: (*id).to_owned(),
            text: values.text("message").unwrap_or_default(),
            file: values.file(),
        }),
        ("GET", ["conversations", id, "messages"]) => {
            let newest_first = values.text("sort_direction").as_deref() == Some("desc");
            let size = values.whole("per").filter(|size| (1..=100).contains(size)).unwrap_or(50);
            Some(What::Messages { conversation: (*id).to_owned(), page: Page { number: 1, size, newest_first } })
        }
        _ => None,
    }
}

fn read_v2(method: &str, rest: &[&str], values: &Values) -> Option<What> {
    // The direction is nowhere stated (19.8); the newest first is the more useful.
    let page = |size| Page {
        number: values.whole("page").filter(|number| *number > 0).unwrap_or(1),
        size: values.whole("per_page").filter(|size| *size > 0).unwrap_or(size),
        newest_first: true,
    };
    match (method, rest) {
        ("POST", ["messages"]) => Some(What::FirstMessage {
            phone: values.text("phone").unwrap_or_default(),
            provider: values.text("provider").unwrap_or_default(),
            text: values.text("text").unwrap_or_default(),
            file: values.file(),
        }),
        ("POST", ["attachments"]) => Some(What::Upload { file: values.text("file")? }),
        ("GET", ["conversations"]) => Some(What::Search { text: values.text("search_string"), page: page(25) }),
        ("GET", ["conversations", id]) => Some(What::Conversation { conversation: (*id).to_owned() }),
        ("POST", ["conversations", id, "messages"]) => {
            let text = values.text("text").unwrap_or_default();
            Some(What::Send { conversation: (*id).to_owned(), text, file: values.file() })
        }
        ("GET", ["conversations", id, "messages"]) => {
            Some(What::Messages { conversation: (*id).to_owned(), page: page(150) })
        }
        _ => None,
    }
}

/// The token that a request shows.
pub(super) fn token(request: &Request) -> Option<String> {
    let in_header = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-private-api-token"));
    in_header.map(|(_, token)| token.clone()).or_else(|| Values::of(request).text("private_api_token"))
}

/// What a request says in its query and in its body, whatever the body's form.
struct Values(BTreeMap<String, String>);

impl Values {
    fn of(request: &Request) -> Self {
        let mut values: BTreeMap<String, String> = request.query.iter().cloned().collect();
        match serde_json::from_slice::<Value>(&request.body) {
            Ok(Value::Object(entries)) => values.extend(entries.into_iter().map(|(key, value)| {
                let text = value.as_str().map(str::to_owned);
                (key, text.unwrap_or_else(|| value.to_string()))
            })),
            Ok(_) | Err(_) => values.extend(form_urlencoded::parse(&request.body).into_owned()),
        }
        for part in &request.form {
            match part {
                FormPart::Field { name, value } => drop(values.insert((*name).to_owned(), value.clone())),
                FormPart::File { name, stored, file_name } => {
                    values.insert((*name).to_owned(), format!("{file_name}, {} bytes", stored.bytes));
                }
            }
        }
        Self(values)
    }

    /// The number of the file that goes along; one in a message.
    fn file(&self) -> Option<i64> {
        let listed =
            ["attachment_ids", "attachments_ids", "attachments_ids[]"].into_iter().find_map(|key| self.text(key))?;
        listed.trim_matches(['[', ']']).parse().ok()
    }

    fn text(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn whole(&self, key: &str) -> Option<usize> {
        self.0.get(key)?.parse().ok()
    }
}
