//! What a person can have done at a Pact company, beside what the bridge does by itself.
//!
//! `table` lists the commands; this file makes a call of what was typed. Where both generations can do a thing, the account's
//! own is asked; what only one can do (notes, jobs: the first; quotes, deletion, webhooks to several addresses: the second)
//! is asked of that one, for they share a token and their numbers (1, lines 1 and 4). Unless it is said otherwise, Pact is
//! told not to copy messages into CRMs connected inside Pact: the bridge carries them there (1, line 12).

mod table;

use serde_json::{Map, Value, json};

use super::limits::LONGEST_TEXT;
use super::requests::v1::CodeStep;
use super::requests::{Form, Metadata, Page, Source, Stretch, Upload, v1, v2};
use super::settings::{Api, BUSINESS, Settings};
use crate::administration::{Given, Misuse, Typing};
use crate::connector::Call;

pub(super) use table::COMMANDS;

/// The call that a command is, with what was typed for it.
pub(super) fn call(settings: &Settings, noun: &str, verb: &str, given: &Given) -> Result<Call, Misuse> {
    let company = settings.company;
    let typed = Typed { settings, given };
    match (noun, verb) {
        ("conversations", "list") => Ok(match settings.api {
            Api::V1 => v1::conversations(company, typed.stretch("search")?),
            Api::V2 => v2::conversations(company, given.text("search"), typed.page()?),
        }),
        ("conversations", "create") => typed.create(),
        ("conversations", "show") => {
            let id = typed.id("conversation");
            Ok(match settings.api {
                Api::V1 => v1::conversation(company, &id),
                Api::V2 => v2::conversation(company, &id),
            })
        }
        ("conversations", "note") => Ok(v1::note(company, &typed.id("conversation"), typed.text("text"))),
        ("conversations", "assign") => {
            let (id, assignee) = (typed.id("conversation"), given.whole("assignee"));
            Ok(match settings.api {
                Api::V1 => v1::assign(company, &id, assignee),
                Api::V2 => v2::update_conversation(company, &id, fields([("assignee_id", json!(assignee))])),
            })
        }
        ("conversations", "block") => Ok(v1::block(company, &typed.id("conversation"), typed.text("state") == "on")),
        ("conversations", "mark") => typed.mark(),
        ("messages", "list") => {
            let id = typed.id("conversation");
            Ok(match settings.api {
                Api::V1 => v1::messages(company, &id, typed.stretch("")?),
                Api::V2 => v2::messages(company, &id, typed.page()?),
            })
        }
        ("messages", "show") => Ok(v2::message(company, &typed.id("conversation"), typed.number("message"))),
        ("messages", "send") => typed.send(),
        ("messages", "delete") => {
            let messages: Vec<i64> = given.wholes("message").collect();
            if messages.len() > 100 {
                return Err(Misuse::new("more than 100 messages are named", "delete them in several goes"));
            }
            Ok(v2::delete_messages(company, &typed.id("conversation"), &messages))
        }
        ("jobs", "show") => Ok(v1::job(company, typed.number("channel"), typed.number("job"))),
        ("attachments", "upload") => typed.upload(),
        ("channels", "list") => Ok(match settings.api {
            Api::V1 => v1::channels(company, typed.stretch("")?),
            Api::V2 => v2::auths(company, typed.page()?),
        }),
        ("channels", "create") => {
            let provider = typed.text("provider");
            Ok(match settings.api {
                Api::V1 => v1::create_channel(company, provider, typed.pairs()),
                Api::V2 => v2::create_auth(company, provider, typed.pairs()),
            })
        }
        ("channels", "update") => Ok(v1::update_channel(company, typed.number("channel"), typed.text("token"))),
        ("channels", "enable") => Ok(v2::enable_auth(company, typed.number("channel"), given.text("code"))),
        ("channels", "disable") => Ok(v2::disable_auth(company, typed.number("channel"))),
        ("channels", "delete") => Ok(match settings.api {
            Api::V1 => v1::delete_channel(company, typed.number("channel")),
            Api::V2 => v2::delete_auth(company, typed.number("channel")),
        }),
        ("channels", "request-code") => {
            Ok(v1::code(company, typed.number("channel"), CodeStep::Request, typed.pairs()))
        }
        ("channels", "confirm-code") => {
            Ok(v1::code(company, typed.number("channel"), CodeStep::Confirm, typed.pairs()))
        }
        ("channels", "check") => Ok(v1::user_exists(company, typed.number("channel"), &typed.phone("phone")?)),
        ("channels", "write") => typed.write(),
        ("templates", "list") => Ok(match settings.api {
            Api::V1 => v1::templates(company, typed.stretch("sort-by")?),
            Api::V2 => {
                let by = given.text("sort-by").unwrap_or("created_at");
                let sort = given.text("sort").map(|direction| (by, direction));
                v2::templates(company, sort, typed.page_unsorted()?)
            }
        }),
        ("webhooks", "show") => Ok(match settings.api {
            Api::V1 => v1::companies(Stretch::default()),
            Api::V2 => v2::webhooks(company),
        }),
        ("webhooks", "set") => {
            let url = typed.url("url")?;
            Ok(match settings.api {
                Api::V1 => v1::company(Some(company), Form::default().with("webhook_url", url)),
                Api::V2 => v2::create_webhook(company, url),
            })
        }
        ("webhooks", "activate") => Ok(v2::update_webhook(company, typed.number("webhook"), given.text("url"), true)),
        ("webhooks", "deactivate") => Ok(v2::update_webhook(company, typed.number("webhook"), None, false)),
        ("webhooks", "delete") => Ok(v2::delete_webhook(company, typed.number("webhook"))),
        ("companies", "list") => Ok(v1::companies(typed.stretch("")?)),
        ("companies", "create") => Ok(v1::company(None, typed.company())),
        ("companies", "update") => {
            let form = typed.company();
            if form.clone().into_pairs().is_empty() {
                return Err(Misuse::new("nothing is to be changed", "give --name, --phone, --description or --hidden"));
            }
            Ok(v1::company(Some(company), form))
        }
        ("billing", "show") => Ok(v1::billing()),
        _ => Err(Misuse::new(format!("there is no command {noun} {verb}"), "see --help")),
    }
}

fn fields<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// What was typed, and for which account.
struct Typed<'a> {
    settings: &'a Settings,
    given: &'a Given,
}

impl<'a> Typed<'a> {
    /// A text that a command line does not let be missing.
    fn text(&self, argument: &str) -> &'a str {
        self.given.text(argument).unwrap_or_default()
    }

    fn number(&self, argument: &str) -> i64 {
        self.given.whole(argument).unwrap_or_default()
    }

    fn id(&self, argument: &str) -> String {
        self.number(argument).to_string()
    }

    fn pairs(&self) -> Vec<(String, String)> {
        let pair = |typing: &Typing| match typing {
            Typing::Pair(key, value) => Some((key.clone(), value.clone())),
            Typing::Text(_) | Typing::Whole(_) | Typing::File { .. } => None,
        };
        self.given.all("set").iter().filter_map(pair).collect()
    }

    /// Where a list of the first generation begins; `absent` is what only the second one can do.
    fn stretch(&self, absent: &str) -> Result<Stretch, Misuse> {
        if self.given.has("page") || (!absent.is_empty() && self.given.has(absent)) {
            let name = if self.given.has("page") { "page" } else { absent };
            return Err(Misuse::new(
                format!("--{name} is not known to the first generation, which this account is set to"),
                "leave it out and use --from, or set api = \"v2\"",
            ));
        }
        let from = self.given.text("from").map(str::to_owned);
        if from.as_ref().is_some_and(|from| from.len() > 255) {
            // Pact would answer with the first page and say nothing.
            return Err(Misuse::new("--from is longer than any token", "copy it from the page before"));
        }
        let per = self.given.whole("per");
        Ok(Stretch { from, per, sort_direction: self.given.text("sort").map(str::to_owned) })
    }

    fn page(&self) -> Result<Page, Misuse> {
        if self.given.has("sort") {
            return Err(Misuse::new(
                "the second generation, which this account is set to, sorts this list in its own way",
                "leave --sort out, or set api = \"v1\"",
            ));
        }
        self.page_unsorted()
    }

    fn page_unsorted(&self) -> Result<Page, Misuse> {
        if self.given.has("from") {
            return Err(Misuse::new(
                "the second generation, which this account is set to, numbers its pages",
                "use --page, or set api = \"v1\"",
            ));
        }
        Ok(Page { page: self.given.whole("page"), per_page: self.given.whole("per") })
    }

    /// A number as Pact wants it: digits only, and without a trunk's 8 nothing is guessed (5.2).
    fn phone(&self, argument: &str) -> Result<String, Misuse> {
        let typed = self.text(argument);
        super::decode::values::phone_digits(typed).ok_or_else(|| {
            Misuse::new(format!("{typed:?} is no phone number"), "write it with its country, such as 79250000001")
        })
    }

    fn url(&self, argument: &str) -> Result<&'a str, Misuse> {
        let url = self.text(argument);
        if url.starts_with("https://") || url.starts_with("http://") {
            return Ok(url);
        }
        Err(Misuse::new(format!("{url:?} is no address"), "write it with https:// at its beginning"))
    }

    fn said(&self) -> Result<Option<&'a str>, Misuse> {
        let text = self.given.text("text");
        match text.map(|text| text.chars().count()).filter(|length| *length > LONGEST_TEXT.get() as usize) {
            Some(length) => Err(Misuse::new(
                format!("the text has {length} signs, and messengers take {LONGEST_TEXT}"),
                "send it in several messages",
            )),
            None => Ok(text),
        }
    }

    /// Whether Pact shall copy what is said; nothing if nothing is said.
    fn send_to_crm(&self, says: bool) -> Option<bool> {
        match self.given.text("send-to-crm") {
            Some("default") => None,
            Some(typed) => Some(typed == "true"),
            None => says.then_some(false),
        }
    }

    /// Finds or opens a conversation; with a text it says it, too (5.2, 9.2).
    fn create(&self) -> Result<Call, Misuse> {
        let provider = self.given.text("provider").unwrap_or(&self.settings.provider);
        let text = self.said()?;
        let client = self.client(provider)?;
        let template = self.template()?;
        if provider == BUSINESS && template.is_none() {
            return Err(Misuse::new(
                "in WhatsApp Business a conversation is begun with an approved template only",
                "give --template with --parameter for each of its gaps, or use `channels write`",
            ));
        }
        match self.settings.api {
            Api::V1 if template.is_some() => Err(Misuse::new(
                "the first generation sends templates through a channel",
                "use `channels write CHANNEL PHONE --template ID`",
            )),
            Api::V1 => {
                let send_to_crm = self.send_to_crm(text.is_some());
                Ok(v1::open(self.settings.company, provider, client.in_first()?, text, send_to_crm))
            }
            Api::V2 if text.is_none() && template.is_none() => {
                // Only the first generation opens a conversation in silence, and it is the same conversation (5.2).
                Ok(v1::open(self.settings.company, provider, client.in_first()?, None, self.send_to_crm(false)))
            }
            Api::V2 => {
                let saying = v2::Saying { text, send_to_crm: self.send_to_crm(true), ..v2::Saying::default() };
                Ok(v2::first_message(self.settings.company, provider, client.in_second(), saying, template))
            }
        }
    }

    /// By what the client is named: by one thing alone, and by one that the messenger knows (5.2, 9.2).
    fn client(&self, provider: &str) -> Result<Named<'a>, Misuse> {
        let mut named = Vec::new();
        if self.given.has("phone") {
            named.push(Named::Phone(self.phone("phone")?));
        }
        named.extend(self.given.text("username").map(|name| Named::Username(name.trim_start_matches('@'))));
        named.extend(self.given.text("vk-id").map(Named::VkontakteId));
        named.extend(self.given.text("vk-domain").map(Named::VkontakteDomain));
        let only = named.pop().filter(|_| named.is_empty()).ok_or_else(|| {
            let reason = "a client is named by one of --phone, --username, --vk-id and --vk-domain alone";
            Misuse::new(reason, "give exactly one")
        })?;
        let messenger = match only {
            Named::Phone(_) => return Ok(only),
            Named::Username(_) => "telegram_personal",
            Named::VkontakteId(_) | Named::VkontakteDomain(_) => "vkontakte_direct",
        };
        if provider == messenger {
            return Ok(only);
        }
        Err(Misuse::new(
            format!("in {provider} a client is not found by that name"),
            format!("give --phone, or --provider {messenger}"),
        ))
    }

    fn template(&self) -> Result<Option<v2::Template<'a>>, Misuse> {
        let substitutions: Vec<String> = self.given.texts("parameter").map(str::to_owned).collect();
        match self.given.text("template") {
            Some(waba) => Ok(Some(v2::Template { waba, substitutions })),
            None if substitutions.is_empty() => Ok(None),
            None => Err(Misuse::new("--parameter fills in a template, and none is named", "give --template")),
        }
    }

    fn mark(&self) -> Result<Call, Misuse> {
        let mut changes = Map::new();
        for (argument, key) in [("state", "operational_state"), ("reply", "replied_state")] {
            if let Some(value) = self.given.text(argument) {
                changes.insert(key.to_owned(), value.into());
            }
        }
        if changes.is_empty() {
            return Err(Misuse::new("nothing is to be changed", "give --state or --reply"));
        }
        Ok(v2::update_conversation(self.settings.company, &self.id("conversation"), changes))
    }

    fn send(&self) -> Result<Call, Misuse> {
        let text = self.said()?;
        let attachments: Vec<i64> = self.given.wholes("attachment").collect();
        let buttons: Vec<String> = self.given.texts("button").map(str::to_owned).collect();
        let replied_to = self.given.text("reply-to");
        if text.is_none() && attachments.is_empty() {
            return Err(Misuse::new("there is nothing to send", "give --text or --attachment"));
        }
        if replied_to.is_some() && !buttons.is_empty() {
            return Err(Misuse::new("no generation takes a quote together with buttons", "give only one of them"));
        }
        let id = self.id("conversation");
        let (company, send_to_crm) = (self.settings.company, self.send_to_crm(true));
        // Buttons only the first generation has, quotes only the second.
        let api = if replied_to.is_some() {
            Api::V2
        } else if buttons.is_empty() {
            self.settings.api
        } else {
            Api::V1
        };
        match api {
            Api::V1 => {
                let text = text.map(str::to_owned);
                Ok(v1::send(company, &id, v1::Saying { text, attachments, buttons, send_to_crm }))
            }
            Api::V2 if attachments.len() > 1 => {
                Err(Misuse::new("the second generation takes one file a message", "send a message for each file"))
            }
            Api::V2 => {
                let attachment = attachments.first().copied();
                Ok(v2::send(company, &id, v2::Saying { text, attachment, replied_to, send_to_crm }))
            }
        }
    }

    fn upload(&self) -> Result<Call, Misuse> {
        let source = match (self.given.all("file").first(), self.given.has("url")) {
            (Some(Typing::File { name, bytes }), false) => {
                Source::File(Upload { name: name.clone(), bytes: bytes.clone() })
            }
            (None, true) => Source::Url(self.url("url")?.to_owned()),
            (Some(_), _) | (None, false) => {
                return Err(Misuse::new(
                    "a file is given by --file or by --url, by one of them alone",
                    "give exactly one",
                ));
            }
        };
        let metadata = Metadata {
            push_to_talk: self.given.text("push-to-talk").map(|typed| typed == "true"),
            width: self.given.whole("width"),
            height: self.given.whole("height"),
        };
        match (self.settings.api, self.given.has("conversation")) {
            (Api::V1, true) => Ok(v1::upload(self.settings.company, &self.id("conversation"), &source, &metadata)),
            (Api::V1, false) => Err(Misuse::new(
                "the first generation takes a file for one conversation",
                "give its number with --conversation",
            )),
            (Api::V2, _) => Ok(v2::upload(self.settings.company, &source, &metadata)),
        }
    }

    /// The first message through a certain channel (4.5).
    fn write(&self) -> Result<Call, Misuse> {
        let phone = self.phone("phone")?;
        let says = match (self.said()?, self.template()?) {
            (Some(text), None) => v1::First::Text(text),
            (None, Some(template)) => v1::First::Template {
                id: template.waba,
                language: self.given.text("language").unwrap_or("ru"),
                parameters: template.substitutions,
            },
            (Some(_), Some(_)) | (None, None) => {
                return Err(Misuse::new("a first message is a --text or a --template", "give exactly one"));
            }
        };
        Ok(v1::first_message(self.settings.company, self.number("channel"), &phone, &says))
    }

    fn company(&self) -> Form {
        let form = Form::default().maybe("name", self.given.text("name")).maybe("phone", self.given.text("phone"));
        form.maybe("description", self.given.text("description"))
            .maybe("webhook_url", self.given.text("webhook-url"))
            .maybe("hidden", self.given.text("hidden"))
    }
}

/// By what the client is named of a conversation that is to be opened.
enum Named<'a> {
    Phone(String),
    Username(&'a str),
    VkontakteId(&'a str),
    VkontakteDomain(&'a str),
}

impl Named<'_> {
    fn in_first(&self) -> Result<v1::Client<'_>, Misuse> {
        match self {
            Self::Phone(phone) => Ok(v1::Client::Phone(phone)),
            Self::Username(name) => Ok(v1::Client::Username(name)),
            Self::VkontakteId(_) | Self::VkontakteDomain(_) => Err(Misuse::new(
                "in VK a conversation is opened only with its first words, and only by the second generation",
                "give --text, and set api = \"v2\"",
            )),
        }
    }

    fn in_second(&self) -> v2::Client<'_> {
        match self {
            Self::Phone(phone) => v2::Client::Phone(phone),
            Self::Username(name) => v2::Client::Nickname(name),
            Self::VkontakteId(id) => v2::Client::VkontakteId(id),
            Self::VkontakteDomain(domain) => v2::Client::VkontakteDomain(domain),
        }
    }
}
