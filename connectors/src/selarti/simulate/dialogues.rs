//! What a simulated task holds: its dialogues, how each stands, and what was said in them.

use chatledger_projections::time::Timestamp;
use serde_json::{Value, json};

use crate::selarti::settings::Settings;
use crate::simulator::{Line, LineAuthor};

/// In whose name the assistant speaks.
const ASSISTANT: &str = "Assistant";

/// Who writes in the panel.
const OPERATOR: &str = "Operator";

/// The dialogues of one task.
pub(super) struct Dialogues {
    task: String,
    channel: String,
    company: String,
    manager: String,
    dialogues: Vec<Dialogue>,
    messages: Vec<Message>,
    /// Parts the ids of two accounts.
    offset: u64,
    made: u64,
}

/// One client.
struct Dialogue {
    thread: String,
    /// Our id of it.
    chat: String,
    name: String,
    username: String,
    phone: String,
    handed_over: bool,
    closed: bool,
    interested: bool,
    succeeded: bool,
}

struct Message {
    /// Its place among the dialogues.
    dialogue: usize,
    id: String,
    by: By,
    text: String,
}

/// Who said something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    Client,
    Assistant,
    Operator,
}

impl By {
    const fn word(self) -> &'static str {
        match self {
            Self::Client => "user",
            Self::Assistant => "bot",
            Self::Operator => "operator",
        }
    }
}

/// Something that was said, as the feed tells of it.
pub(super) struct Said {
    pub(super) webhook: Value,
}

impl Dialogues {
    pub(super) fn new(name: &str, settings: &Settings) -> Self {
        let offset = name.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000);
        let made_up = |millis: u64| format!("{millis}x{:018}", offset + 1);
        Self {
            task: settings.task.clone(),
            channel: settings.channel.clone().unwrap_or_else(|| made_up(1_719_304_410_215)),
            company: settings.company.clone().unwrap_or_else(|| made_up(1_718_876_001_442)),
            manager: made_up(1_719_305_127_734),
            dialogues: Vec::new(),
            messages: Vec::new(),
            offset,
            made: 0,
        }
    }

    /// The id of the account's owner.
    pub(super) fn user(&self) -> String {
        format!("1718876001999x{:018}", self.offset + 1)
    }

    /// A dialogue by our id of it, or by a part of that.
    pub(super) fn find(&self, chat: &str) -> Option<usize> {
        let exactly = self.dialogues.iter().position(|dialogue| dialogue.chat == chat);
        exactly.or_else(|| self.dialogues.iter().position(|dialogue| dialogue.chat.contains(chat)))
    }

    /// The same id is the same dialogue, for ever (5).
    pub(super) fn find_or_open(
        &mut self,
        chat: &str,
        name: Option<&str>,
        username: Option<&str>,
        now: Timestamp,
    ) -> usize {
        let known = self.dialogues.iter().position(|dialogue| dialogue.chat == chat);
        let dialogue = known.unwrap_or_else(|| {
            let thread = self.next_id(now);
            self.dialogues.push(Dialogue {
                thread,
                chat: chat.to_owned(),
                name: String::new(),
                username: String::new(),
                phone: String::new(),
                handed_over: false,
                closed: false,
                interested: false,
                succeeded: false,
            });
            self.dialogues.len() - 1
        });
        let found = &mut self.dialogues[dialogue];
        for (known, said) in [(&mut found.name, name), (&mut found.username, username)] {
            if let Some(said) = said {
                said.clone_into(known);
            }
        }
        dialogue
    }

    pub(super) fn client_writes(&mut self, dialogue: usize, text: &str, now: Timestamp) -> Said {
        if let Some(phone) = number_in(text) {
            self.dialogues[dialogue].phone = phone;
        }
        self.add(dialogue, By::Client, text, now)
    }

    /// A person in the panel; the assistant goes on speaking all the same (7).
    pub(super) fn operator_writes(&mut self, dialogue: usize, text: &str, now: Timestamp) -> Said {
        self.add(dialogue, By::Operator, text, now)
    }

    /// What the assistant says to these words; nothing where it is silent (7).
    pub(super) fn assistant_answers(&mut self, dialogue: usize, text: &str, now: Timestamp) -> Option<Said> {
        let found = &mut self.dialogues[dialogue];
        if found.handed_over || found.closed {
            return None;
        }
        let text = text.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let answer = if has(&["оператор", "operator"]) {
            found.handed_over = true;
            "Сейчас подключу специалиста."
        } else if has(&["до свидания", "goodbye"]) {
            found.closed = true;
            "Спасибо за обращение, всего доброго!"
        } else if number_in(&text).is_some() {
            found.interested = true;
            found.succeeded = true;
            "Записал ваш номер."
        } else if has(&["сколько", "цена", "price"]) {
            found.interested = true;
            "Доставка по городу стоит 300 ₽ и занимает один день."
        } else {
            "Здравствуйте! Чем могу помочь?"
        };
        Some(self.add(dialogue, By::Assistant, answer, now))
    }

    pub(super) fn transcript(&self) -> Vec<Line> {
        let line = |message: &Message| {
            let dialogue = &self.dialogues[message.dialogue];
            let (author, name) = match message.by {
                By::Client => (LineAuthor::Client, dialogue.name.as_str()),
                By::Assistant => (LineAuthor::Bot, ASSISTANT),
                By::Operator => (LineAuthor::Company, OPERATOR),
            };
            Line {
                chat: dialogue.chat.clone(),
                chat_id: dialogue.thread.clone(),
                author,
                name: name.to_owned(),
                text: message.text.clone(),
                id: message.id.clone(),
                status: None,
                reactions: Vec::new(),
            }
        };
        self.messages.iter().map(line).collect()
    }

    fn add(&mut self, dialogue: usize, by: By, text: &str, now: Timestamp) -> Said {
        let id = self.next_id(now);
        let message = Message { dialogue, id, by, text: text.to_owned() };
        let said = Said { webhook: self.webhook(&message) };
        self.messages.push(message);
        said
    }

    /// All twenty parameters (6.1); the flags are those of the moment (7).
    fn webhook(&self, message: &Message) -> Value {
        let dialogue = &self.dialogues[message.dialogue];
        let thread = &dialogue.thread;
        json!({
            "channel_id": self.channel,
            "close": dialogue.closed,
            "company_id": self.company,
            "contacts": { "phone": dialogue.phone, "username": dialogue.username, "email": "" },
            "external_chat_id": dialogue.chat,
            "get_contact": !dialogue.phone.is_empty(),
            "interest": dialogue.interested,
            "is_bot": false,
            "manager_id": self.manager,
            "message_id": message.id,
            "message_text": message.text,
            "message_type": message.by.word(),
            "operator": dialogue.handed_over,
            "panel_url": format!("https://selarti.com/panel?menu=chats&thread={thread}"),
            "share_url": format!("https://selarti.com/share?thread={thread}"),
            "success": dialogue.succeeded,
            "task_id": self.task,
            "thread_id": thread,
            "title": dialogue.name,
            "wh_type": "all_messages",
        })
    }

    /// Milliseconds, `x`, eighteen digits (3).
    fn next_id(&mut self, now: Timestamp) -> String {
        self.made += 1;
        format!("{}x{:018}", now.as_millis(), self.offset * 1_000_000 + self.made)
    }
}

/// A telephone number among words.
fn number_in(text: &str) -> Option<String> {
    let runs = text.split(|sign: char| !(sign.is_ascii_digit() || " +-()".contains(sign)));
    let digits = |run: &str| run.chars().filter(char::is_ascii_digit).collect::<String>();
    runs.map(digits).find(|digits| (10..=15).contains(&digits.len())).map(|digits| format!("+{digits}"))
}
