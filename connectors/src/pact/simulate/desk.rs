//! What a simulated company holds beside its dialogues: channels, addresses for webhooks, files, templates, jobs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::requests::ChannelChange;
use crate::pact::settings::Settings;

/// At most so many addresses for webhooks a company has (9.5).
const ADDRESSES_AT_MOST: usize = 5;

/// Everything beside the dialogues.
pub(super) struct Desk {
    pub(super) channels: Vec<Channel>,
    pub(super) webhooks: Vec<Webhook>,
    pub(super) files: Vec<File>,
    /// The first generation's one address.
    pub(super) webhook_url: Option<String>,
    /// The message that a job made, by the job; none if it failed.
    pub(super) jobs: BTreeMap<i64, Option<usize>>,
    numbers: i64,
}

/// A channel: a messenger's account.
pub(super) struct Channel {
    pub(super) id: i64,
    pub(super) provider: String,
    pub(super) enabled: bool,
}

/// An address for webhooks.
pub(super) struct Webhook {
    pub(super) id: i64,
    pub(super) url: String,
    pub(super) active: bool,
}

/// A file that was uploaded.
pub(super) struct File {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) size: usize,
}

/// The approved templates of every simulated company: `waba_id`, words, gaps.
pub(super) const TEMPLATES: [(&str, &str, usize); 2] = [
    ("hello", "Здравствуйте! Чем можем помочь?", 0),
    ("with_params", "Привет, {{1}}. Это тест параметров. {{2}} - тест второго параметра.", 2),
];

impl Desk {
    /// A company with one working channel.
    pub(super) fn new(settings: &Settings) -> Self {
        let channel =
            Channel { id: settings.channel.unwrap_or(399), provider: settings.provider.clone(), enabled: true };
        Self {
            channels: vec![channel],
            webhooks: Vec::new(),
            files: Vec::new(),
            webhook_url: None,
            jobs: BTreeMap::new(),
            numbers: 0,
        }
    }

    /// Whether messages through a messenger can leave.
    pub(super) fn can_send(&self, provider: &str) -> bool {
        self.channels.iter().any(|channel| channel.provider == provider && channel.enabled)
    }

    pub(super) fn add_file(&mut self, name: String, size: usize) -> &File {
        let id = 53_000_000 + self.next();
        self.files.push(File { id, name, size });
        self.files.last().expect("it was just added")
    }

    /// One channel for each messenger (4).
    pub(super) fn add_channel(&mut self, provider: &str) -> Result<&Channel, String> {
        if !is_messenger(provider) {
            return Err(format!("provider {provider} is not supported"));
        }
        if self.channels.iter().any(|channel| channel.provider == provider) {
            return Err(format!("the company already has a channel of {provider}"));
        }
        let id = 66_000 + self.next();
        self.channels.push(Channel { id, provider: provider.to_owned(), enabled: false });
        Ok(self.channels.last().expect("it was just added"))
    }

    /// Changes a channel; the reply tells of it as the first generation does. `None`: there is no such channel.
    pub(super) fn change_channel(&mut self, id: i64, change: &ChannelChange) -> Option<Value> {
        let place = self.channels.iter().position(|channel| channel.id == id)?;
        Some(match change {
            ChannelChange::Enable | ChannelChange::Disable => {
                self.channels[place].enabled = *change == ChannelChange::Enable;
                json!({ "auth": self.channels[place].shown_v2() })
            }
            ChannelChange::Delete => {
                self.channels.remove(place);
                json!({ "status": "deleted" })
            }
            ChannelChange::Token => json!({ "status": "updated", "data": { "external_id": id } }),
            // Without their usual envelope (2.3, 4.6).
            ChannelChange::RequestCode { provider } if provider == "whatsapp" => {
                json!({ "sessionId": "1426", "code": "ZHHJ-KQSP", "ttl": "160s" })
            }
            ChannelChange::RequestCode { .. } => json!({
                "code_length": 6, "code_type": "app", "expires_in": 60, "next_type": "app", "session_id": 1337,
                "status": "ok",
            }),
            ChannelChange::ConfirmCode => {
                self.channels[place].enabled = true;
                json!({ "result": "ok", "state": "enabled" })
            }
        })
    }

    pub(super) fn add_webhook(&mut self, url: String) -> Result<&Webhook, String> {
        if self.webhooks.len() >= ADDRESSES_AT_MOST {
            return Err(format!("a company has at most {ADDRESSES_AT_MOST} webhooks"));
        }
        let id = self.next();
        self.webhooks.push(Webhook { id, url, active: false });
        Ok(self.webhooks.last().expect("it was just added"))
    }

    pub(super) fn webhook(&mut self, id: i64) -> Option<&mut Webhook> {
        self.webhooks.iter_mut().find(|webhook| webhook.id == id)
    }

    fn next(&mut self) -> i64 {
        self.numbers += 1;
        self.numbers
    }
}

impl Channel {
    /// As the second generation shows it (9.4).
    pub(super) fn shown_v2(&self) -> Value {
        json!({
            "id": self.id,
            "provider": self.provider,
            "state": if self.enabled { "enabled" } else { "disabled" },
            "phone_number": null,
            "username": null,
            "pages": null,
        })
    }
}

impl Webhook {
    pub(super) fn shown(&self) -> Value {
        json!({ "id": self.id, "url": self.url, "active": self.active })
    }
}

impl File {
    /// As the second generation shows it (9.3), with a type that need not be true (15.9).
    pub(super) fn shown_v2(&self) -> Value {
        json!({
            "id": self.id,
            "message_id": null,
            "file_name": self.name,
            "mime_type": "image/jpg",
            "size": self.size,
            "attachment_url": format!("https://cdn.pact.im/{}/{}", self.id, self.name),
            "preview_url": null,
            "aspect_ratio": null,
            "data": {},
        })
    }
}

/// The words of 4 and 9.4.
pub(super) fn is_messenger(provider: &str) -> bool {
    matches!(
        provider,
        "whatsapp"
            | "whatsapp_business"
            | "telegram"
            | "telegram_personal"
            | "viber"
            | "vkontakte"
            | "vkontakte_direct"
            | "facebook"
            | "instagram"
            | "instagram_business"
            | "avito"
            | "max"
            | "max_bot"
            | "odnoklassniki"
            | "custom"
    )
}

/// A template with its gaps filled in; `None` if there is no such template or the gaps are another number.
pub(super) fn filled_in(waba: &str, values: &[String]) -> Option<String> {
    let (_, words, gaps) = TEMPLATES.iter().find(|(known, ..)| *known == waba)?;
    if values.len() != *gaps {
        return None;
    }
    let fill = |words: String, (gap, value): (usize, &String)| words.replace(&format!("{{{{{}}}}}", gap + 1), value);
    Some(values.iter().enumerate().fold((*words).to_owned(), fill))
}
