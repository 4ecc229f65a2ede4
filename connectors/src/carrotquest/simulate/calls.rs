//! What a simulated app answers, call by call (3, 4). Requests are let in and counted before they come here.

use std::collections::BTreeMap;

use chatledger_projections::time::Timestamp;
use serde_json::{Value, json};

use super::account::{Account, By};
use super::documents::{self, Ids};
use crate::carrotquest::decode::values::moment;
use crate::simulator::Reaction;

/// Longer than any chat message; the real limit is not documented (11).
pub(super) const LONGEST_TEXT: usize = 10_000;

/// Ten megabytes (3.2).
const LARGEST_FILE: u64 = 10_000_000;

/// The operator who writes in the panel.
pub(super) const ADMIN: &str = "139001";

/// What a request says, with the way in which ids are to be written in the answer.
pub(super) struct Asked<'a> {
    pub(super) values: &'a BTreeMap<String, String>,
    pub(super) ids: Ids,
    pub(super) now: Timestamp,
}

/// An answer, and the parts that came to be because of it.
pub(super) type Answered = (Reaction, Vec<usize>);

impl Asked<'_> {
    /// A value that says something.
    fn value(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A flag: missing, or anything but `false`, `0` and nothing (2.3).
    fn flag(&self, key: &str) -> Option<bool> {
        let value = self.values.get(key)?;
        Some(!(value.is_empty() || value == "0" || value.eq_ignore_ascii_case("false")))
    }

    /// The operator in whose name something is done; a refusal if it is no operator.
    fn admin(&self) -> Result<Option<String>, Reaction> {
        match self.value("from_admin") {
            None => Ok(None),
            Some("default_admin") => Ok(Some(ADMIN.to_owned())),
            Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(number.to_owned())),
            Some(_) => Err(bad("from_admin: not an ID")),
        }
    }

    fn required_admin(&self) -> Result<String, Reaction> {
        self.admin()?.ok_or_else(|| bad("from_admin: required"))
    }

    /// The text of a message; a refusal if there is none, or too much.
    fn text(&self) -> Result<&str, Reaction> {
        let text = self.value("body").ok_or_else(|| bad("Neither a text nor a file"))?;
        if text.chars().count() > LONGEST_TEXT {
            return Err(documents::error(400, "ReplyTooBig", "The reply is too big"));
        }
        Ok(text)
    }

    /// The file that came along, as people see it (3.2). Here its field holds how many bytes it has.
    fn file(&self) -> Result<Option<String>, Reaction> {
        let Some(bytes) = self.value("attachment") else { return Ok(None) };
        if bytes.parse::<u64>().is_ok_and(|bytes| bytes > LARGEST_FILE) {
            return Err(documents::error(400, "FileTooBig", "The file is too big"));
        }
        let name = self.value("attachment_file_name").unwrap_or("?");
        Ok(Some(format!("📎{name}, {bytes} bytes")))
    }

    fn random_id(&self) -> Result<u64, Reaction> {
        let written = self.value("random_id");
        written.map_or(Ok(0), |text| text.parse::<u32>().map(u64::from).map_err(|_| bad("random_id: not an integer")))
    }

    /// How many elements a page holds (2.6).
    fn page_size(&self) -> Result<usize, Reaction> {
        let written = self.value("paginate_count").or_else(|| self.value("count"));
        let Some(written) = written else { return Ok(20) };
        let size = written.parse().ok().filter(|size| (1..=50).contains(size));
        size.ok_or_else(|| bad("paginate_count: from 1 to 50"))
    }

    /// Where the page begins: what was given before, byte for byte.
    fn position(&self) -> Result<Option<Vec<Value>>, Reaction> {
        let written = self.value("paginate_position").or_else(|| self.value("after"));
        let read = |text: &str| serde_json::from_str(text).map_err(|_| bad("paginate_position: not a position"));
        written.map(read).transpose()
    }
}

fn bad(message: &str) -> Reaction {
    documents::error(400, "BadRequest", message)
}

/// The dialogues of the app, last changed first.
/// Without those that nobody is assigned to, unless they are asked for (3.1, quirk).
pub(super) fn conversations(account: &Account, asked: &Asked<'_>) -> Result<Answered, Reaction> {
    let closed = asked.flag("closed");
    let with_unassigned = asked.flag("include_not_assigned").unwrap_or(false);
    let shown: Vec<usize> = (0..account.dialogues.len())
        .filter(|number| {
            let dialogue = &account.dialogues[*number];
            closed.is_none_or(|closed| closed == dialogue.closed) && (with_unassigned || dialogue.assignee.is_some())
        })
        .collect();
    dialogues(account, shown, asked)
}

/// One visitor's dialogues.
pub(super) fn conversations_of(account: &Account, user: &str, asked: &Asked<'_>) -> Result<Answered, Reaction> {
    let visitor = find_user(account, user, asked);
    let visitor = visitor.ok_or_else(|| documents::error(400, "LookupError", "There is no such user"))?;
    let shown = (0..account.dialogues.len()).filter(|number| account.dialogues[*number].visitor == visitor);
    dialogues(account, shown.collect(), asked)
}

/// A page of dialogues.
fn dialogues(account: &Account, mut shown: Vec<usize>, asked: &Asked<'_>) -> Result<Answered, Reaction> {
    let (size, position) = (asked.page_size()?, asked.position()?);
    let place = |number: &usize| (account.dialogues[*number].last_update, *number);
    shown.sort_by_key(|number| std::cmp::Reverse(place(number)));
    if let Some([at, id]) = position.as_deref() {
        let (at, id) = (moment(&at.to_string()), id.as_str().and_then(|id| account.by_id(id)));
        let (Some(at), Some(id)) = (at, id) else { return Err(bad("paginate_position: not a position")) };
        shown.retain(|number| place(number) < (at, id));
    }
    let next = shown.get(size - 1).filter(|_| shown.len() > size).map(|last| {
        let dialogue = &account.dialogues[*last];
        json!([documents::fraction(dialogue.last_update), dialogue.id])
    });
    shown.truncate(size);
    let data: Value = shown.into_iter().map(|number| documents::conversation(account, number)).collect();
    Ok((documents::answer(&data, Some(("next_before_position", next.unwrap_or_default())), asked.ids), Vec::new()))
}

/// A dialogue's parts, newest first.
pub(super) fn parts(account: &Account, dialogue: usize, asked: &Asked<'_>) -> Result<Answered, Reaction> {
    let (size, position) = (asked.page_size()?, asked.position()?);
    let mut shown: Vec<_> = account.parts.iter().rev().filter(|part| part.dialogue == dialogue).collect();
    if let Some([id]) = position.as_deref() {
        let last = shown.iter().position(|part| Some(part.id.as_str()) == id.as_str());
        let last = last.ok_or_else(|| bad("paginate_position: not a position"))?;
        shown.drain(..=last);
    }
    let next = shown.get(size - 1).filter(|_| shown.len() > size).map(|last| json!([last.id]));
    shown.truncate(size);
    let data: Value = shown.into_iter().map(|part| documents::part(account, part)).collect();
    Ok((documents::answer(&data, Some(("next_before_position", next.unwrap_or_default())), asked.ids), Vec::new()))
}

/// A reply (3.2). There is no idempotency: nothing says that a `random_id` is taken only once (7.4).
pub(super) fn reply(account: &mut Account, dialogue: usize, asked: &Asked<'_>) -> Result<Answered, Reaction> {
    let file = asked.file()?;
    let text = if file.is_some() && asked.value("body").is_none() { "" } else { asked.text()? };
    let (random_id, admin) = (asked.random_id()?, asked.admin()?);
    let admin = || admin.unwrap_or_else(|| ADMIN.to_owned());
    let by = match (asked.value("from_user"), asked.value("type")) {
        (Some(_), _) => By::User,
        (None, Some("note")) => By::Note(admin()),
        (None, None | Some("reply_admin" | "article")) => By::Admin(admin()),
        (None, Some(_)) => return Err(bad("type: not one of reply_admin, note, article")),
    };
    let number = account.add(dialogue, text, by, "api", asked.now);
    let part = &mut account.parts[number];
    part.file = file;
    part.external_id = asked.value("external_id").map(str::to_owned);
    part.random_id = random_id;
    Ok(created(account, number, asked))
}

/// The first message of the company (3.4). Its text becomes a part of a new dialogue, which hides until it is answered.
pub(super) fn send_message(account: &mut Account, user: &str, asked: &Asked<'_>) -> Result<Answered, Reaction> {
    let visitor =
        find_user(account, user, asked).ok_or_else(|| documents::error(400, "LookupError", "There is no such user"))?;
    let text = asked.text()?.to_owned();
    if asked.value("type").is_some_and(|kind| !matches!(kind, "popup_chat" | "popup_small" | "popup_big")) {
        return Err(bad("type: not one of popup_chat, popup_small, popup_big"));
    }
    account.manual += 1;
    let message = account.manual.to_string();
    let dialogue = account.open(visitor, asked.now);
    let opened = &mut account.dialogues[dialogue];
    (opened.message, opened.replied) = (Some(message.clone()), false);
    let number = account.add(dialogue, &text, By::Admin(ADMIN.to_owned()), "message_manual", asked.now);
    let data = json!({ "conversation": account.dialogues[dialogue].id, "message": message });
    Ok((documents::answer(&data, None, asked.ids), vec![number]))
}

/// The first message of a user (3.4). A user whom an integration names is made if there is none.
pub(super) fn start_conversation(account: &mut Account, user: &str, asked: &Asked<'_>) -> Result<Answered, Reaction> {
    let text = asked.text()?.to_owned();
    let random_id = asked.random_id()?;
    let by_user_id = asked.flag("by_user_id").unwrap_or(false);
    let visitor = match find_user(account, user, asked) {
        Some(visitor) => visitor,
        None if by_user_id => account.meet(Some(user.to_owned()), "", ""),
        None => return Err(documents::error(400, "LookupError", "There is no such user")),
    };
    let dialogue = account.open(visitor, asked.now);
    let number = account.add(dialogue, &text, By::User, "api", asked.now);
    account.parts[number].random_id = random_id;
    let data = json!({ "id": account.dialogues[dialogue].id });
    Ok((documents::answer(&data, None, asked.ids), vec![number]))
}

/// One user; one whom an integration names is made if there is none, though this is a question (4, quirk).
pub(super) fn user(account: &mut Account, user: &str, asked: &Asked<'_>) -> Result<Answered, Reaction> {
    let visitor = match find_user(account, user, asked) {
        Some(visitor) => visitor,
        None if asked.flag("by_user_id").unwrap_or(false) => account.meet(Some(user.to_owned()), "", ""),
        None => return Err(documents::error(400, "LookupError", "There is no such user")),
    };
    Ok((documents::answer(&documents::user(&account.visitors[visitor]), None, asked.ids), Vec::new()))
}

/// The users with a property (4). The value stands in JSON within JSON, as observed.
pub(super) fn users(account: &Account, asked: &Asked<'_>) -> Result<Answered, Reaction> {
    let filters: Value = asked.value("filters").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut wanted = Vec::new();
    for filter in filters.as_array().ok_or_else(|| bad("filters: not an array"))? {
        let value = filter["value"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let value = value.as_ref().and_then(|value| value["value"].as_str()).map(str::to_owned);
        match (filter["type"].as_str(), filter["property_name"].as_str(), value) {
            (Some("str_eq"), Some(key), Some(value)) => wanted.push((key.to_owned(), value)),
            _ => return Err(bad("filters: not a filter")),
        }
    }
    let fits = |shown: &Value| wanted.iter().all(|(key, value)| shown["props"][key.as_str()] == value.as_str());
    let limit = asked.value("limit").map_or(Ok(20), str::parse).ok().filter(|limit| *limit <= 50);
    let limit: usize = limit.ok_or_else(|| bad("limit: from 0 to 50"))?;
    let found: Vec<Value> = account.visitors.iter().map(documents::user).filter(fits).collect();
    let data = json!({ "total": found.len(), "users": found.into_iter().take(limit).collect::<Vec<_>>() });
    Ok((documents::answer(&data, None, asked.ids), Vec::new()))
}

/// Gives a dialogue to an operator, or takes it away (3.3). Nothing in the answer means that nothing changed.
pub(super) fn assign(account: &mut Account, dialogue: usize, asked: &Asked<'_>) -> Result<Answered, Reaction> {
    let from = asked.required_admin()?;
    let admin = asked.value("admin").map(str::to_owned);
    if account.dialogues[dialogue].assignee == admin {
        return Ok((documents::answer(&json!({}), None, asked.ids), Vec::new()));
    }
    account.dialogues[dialogue].assignee = admin;
    let number = account.add(dialogue, "", By::Record("assigned", from), "api", asked.now);
    Ok(created(account, number, asked))
}

/// (3.3)
pub(super) fn close(account: &mut Account, dialogue: usize, asked: &Asked<'_>) -> Result<Answered, Reaction> {
    let from = asked.required_admin()?;
    let number = account.add(dialogue, "", By::Record("closed", from), "api", asked.now);
    account.dialogues[dialogue].closed = true;
    Ok(created(account, number, asked))
}

/// Puts a tag on a dialogue, or takes it off (3.3). What is so already is an error here.
pub(super) fn tag(account: &mut Account, dialogue: usize, on: bool, asked: &Asked<'_>) -> Result<Answered, Reaction> {
    let from = asked.required_admin()?;
    let fits = |tag: &&str| tag.chars().count() <= 255 && !tag.contains(',');
    let tag = asked.value("tag").filter(fits).ok_or_else(|| bad("tag: 1 to 255 signs without a comma"))?.to_owned();
    let tags = &mut account.dialogues[dialogue].tags;
    let kind = match (on, tags.iter().position(|known| *known == tag)) {
        (true, Some(_)) => return Err(documents::error(400, "ConversationTagAlreadyAssigned", "It has this tag")),
        (false, None) => return Err(documents::error(400, "ConversationTagIsNotAssigned", "It has no such tag")),
        (true, None) => {
            tags.push(tag);
            "tag_added"
        }
        (false, Some(place)) => {
            tags.remove(place);
            "tag_deleted"
        }
    };
    let number = account.add(dialogue, "", By::Record(kind, from), "api", asked.now);
    Ok(created(account, number, asked))
}

/// Somebody is typing; nobody is told of it by webhook (3.3).
pub(super) fn set_typing(asked: &Asked<'_>) -> Result<Answered, Reaction> {
    if asked.admin()?.is_none() && asked.value("from_user").is_none() {
        return Err(bad("from_admin or from_user: required"));
    }
    Ok((documents::answer(&json!({}), None, asked.ids), Vec::new()))
}

fn created(account: &Account, number: usize, asked: &Asked<'_>) -> Answered {
    let part = &account.parts[number];
    let data = json!({ "id": part.id, "part_group": account.dialogues[part.dialogue].id });
    (documents::answer(&data, None, asked.ids), vec![number])
}

fn find_user(account: &Account, user: &str, asked: &Asked<'_>) -> Option<usize> {
    if asked.flag("by_user_id").unwrap_or(false) { account.visitor_by_user_id(user) } else { account.visitor(user) }
}
