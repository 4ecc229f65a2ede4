//! What kinds of parts there are, by what ways they come, and what becomes of each.
//!
//! The words are those of the owner's page on ConversationPart and of the contract (5.3, 5.4). Every one has its
//! variant, and every variant its fate, stated in a match without a wildcard: a new kind must be considered here.

/// What kind of part it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::carrotquest) enum PartKind {
    /// The client, in the chat or through a messenger.
    ReplyUser,
    /// An operator.
    ReplyAdmin,
    /// The old name of an operator's reply; only the example of the owner's page has it.
    ReplyDjangoUser,
    /// The system answers by itself.
    AutoReply,
    /// An operator's note, which the client does not see.
    Note,
    /// A tag was added to the dialogue.
    TagAdded,
    /// A tag was taken from the dialogue.
    TagDeleted,
    /// The dialogue was assigned to an operator.
    Assigned,
    /// The dialogue was closed.
    Closed,
    /// The dialogue's question was solved; deprecated.
    FinalClosed,
    /// The dialogue was opened again; old.
    Opened,
    /// The dialogue was put off.
    Delayed,
    /// The dialogue was moved to another channel.
    ChannelChanged,
    /// The client rated the dialogue.
    Vote,
    /// An operator sent an article of the knowledge base.
    Article,
    /// A bot said something.
    ChatBotAdmin,
    /// A bot asked for something: a button, a field.
    ChatBotUser,
    /// A service message of the system, as from an integration.
    Service,
}

/// What becomes of a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::carrotquest) enum Fate {
    /// It is mirrored as the client's words.
    Received,
    /// It is mirrored as the company's words.
    Sent,
    /// It is for the company's own people: a note, and never shown to a client.
    Noted,
    /// It says how the dialogue stands at Carrot quest, which is known there and carried nowhere.
    StateOnly,
}

impl PartKind {
    /// The kind of this word, if we know it.
    pub(in crate::carrotquest) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "reply_user" => Self::ReplyUser,
            "reply_admin" => Self::ReplyAdmin,
            "reply_django_user" => Self::ReplyDjangoUser,
            "auto_reply" => Self::AutoReply,
            "note" => Self::Note,
            "tag_added" => Self::TagAdded,
            "tag_deleted" => Self::TagDeleted,
            "assigned" => Self::Assigned,
            "closed" => Self::Closed,
            "final_closed" => Self::FinalClosed,
            "opened" => Self::Opened,
            "delayed" => Self::Delayed,
            "channel_changed" => Self::ChannelChanged,
            "vote" => Self::Vote,
            "article" => Self::Article,
            "chat_bot_admin" => Self::ChatBotAdmin,
            "chat_bot_user" => Self::ChatBotUser,
            "service" => Self::Service,
            _ => return None,
        })
    }

    /// Carrot quest's word for it.
    pub(in crate::carrotquest) const fn word(self) -> &'static str {
        match self {
            Self::ReplyUser => "reply_user",
            Self::ReplyAdmin => "reply_admin",
            Self::ReplyDjangoUser => "reply_django_user",
            Self::AutoReply => "auto_reply",
            Self::Note => "note",
            Self::TagAdded => "tag_added",
            Self::TagDeleted => "tag_deleted",
            Self::Assigned => "assigned",
            Self::Closed => "closed",
            Self::FinalClosed => "final_closed",
            Self::Opened => "opened",
            Self::Delayed => "delayed",
            Self::ChannelChanged => "channel_changed",
            Self::Vote => "vote",
            Self::Article => "article",
            Self::ChatBotAdmin => "chat_bot_admin",
            Self::ChatBotUser => "chat_bot_user",
            Self::Service => "service",
        }
    }

    /// What becomes of it. By the kind alone: ways and directions may lie, and `direction` is deprecated.
    pub(in crate::carrotquest) const fn fate(self) -> Fate {
        match self {
            Self::ReplyUser => Fate::Received,
            Self::ReplyAdmin
            | Self::ReplyDjangoUser
            | Self::AutoReply
            | Self::Article
            | Self::ChatBotAdmin
            | Self::ChatBotUser => Fate::Sent,
            // A rating and a service message have words, but nobody said them in the dialogue.
            Self::Note | Self::Vote | Self::Service => Fate::Noted,
            Self::TagAdded
            | Self::TagDeleted
            | Self::Assigned
            | Self::Closed
            | Self::FinalClosed
            | Self::Opened
            | Self::Delayed
            | Self::ChannelChanged => Fate::StateOnly,
        }
    }
}

/// By what way a part came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::carrotquest) enum SentVia {
    /// The client, in the chat.
    WebUser,
    /// The client, by electronic mail.
    EmailUser,
    /// An operator, in the panel.
    WebPanel,
    /// An operator, by answering a letter.
    EmailAdmin,
    /// An operator, in the app for Android.
    AppAndroid,
    /// An operator, in the app for iOS.
    AppIos,
    /// An operator, in the app for Chrome.
    AppChrome,
    /// An operator, in the app for Windows.
    AppDesktop,
    /// A message that is sent by itself.
    MessageAuto,
    /// A message that an operator sent to many or to one.
    MessageManual,
    /// A bot.
    MessageChatBot,
    /// The interface: we, or another program.
    Api,
    /// An integration with a messenger.
    Integrations,
    /// The system.
    System,
    /// The answer that the system gives by itself.
    AutoReply,
    /// Another word, such as an integration's name: documented to happen.
    Other,
}

/// Who uses a way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::carrotquest) enum User {
    /// Only clients.
    Client,
    /// Only the company: its people and its machines.
    Company,
    /// Either.
    Anybody,
}

impl SentVia {
    /// The way of this word.
    pub(in crate::carrotquest) fn of(word: &str) -> Self {
        match word {
            "web_user" => Self::WebUser,
            "email_user" => Self::EmailUser,
            "web_panel" => Self::WebPanel,
            "email_admin" => Self::EmailAdmin,
            "app_android" => Self::AppAndroid,
            "app_ios" => Self::AppIos,
            "app_chrome" => Self::AppChrome,
            "app_desktop" => Self::AppDesktop,
            "message_auto" => Self::MessageAuto,
            "message_manual" => Self::MessageManual,
            "message_chat_bot" => Self::MessageChatBot,
            "api" => Self::Api,
            "integrations" => Self::Integrations,
            "system" => Self::System,
            "auto_reply" => Self::AutoReply,
            _ => Self::Other,
        }
    }

    /// Who uses it. A way never decides a part's fate, but it may contradict the kind.
    pub(in crate::carrotquest) const fn user(self) -> User {
        match self {
            Self::WebUser | Self::EmailUser => User::Client,
            Self::WebPanel
            | Self::EmailAdmin
            | Self::AppAndroid
            | Self::AppIos
            | Self::AppChrome
            | Self::AppDesktop
            | Self::MessageAuto
            | Self::MessageManual
            | Self::MessageChatBot
            | Self::System
            | Self::AutoReply => User::Company,
            Self::Api | Self::Integrations | Self::Other => User::Anybody,
        }
    }

    /// Whether its texts may be HTML: letters and automatic messages are, chats are not (5.5). What people type into a
    /// chat or a messenger may look like HTML, and stays as it is; so does what comes through the interface, for it is
    /// most often our own.
    pub(in crate::carrotquest) const fn may_be_markup(self) -> bool {
        match self {
            Self::EmailUser
            | Self::EmailAdmin
            | Self::MessageAuto
            | Self::MessageManual
            | Self::MessageChatBot
            | Self::System
            | Self::AutoReply
            | Self::Other => true,
            Self::WebUser
            | Self::WebPanel
            | Self::AppAndroid
            | Self::AppIos
            | Self::AppChrome
            | Self::AppDesktop
            | Self::Api
            | Self::Integrations => false,
        }
    }
}

/// Every type that the owner's page lists, the one of its example, and the old one of the contract.
pub(in crate::carrotquest) const PART_TYPES: [&str; 18] = [
    "reply_user",
    "reply_admin",
    "reply_django_user",
    "auto_reply",
    "note",
    "tag_added",
    "tag_deleted",
    "assigned",
    "closed",
    "final_closed",
    "opened",
    "delayed",
    "channel_changed",
    "vote",
    "article",
    "chat_bot_admin",
    "chat_bot_user",
    "service",
];

/// Every way that the owner's page lists.
pub(in crate::carrotquest) const WAYS: [&str; 15] = [
    "web_user",
    "email_user",
    "web_panel",
    "email_admin",
    "app_android",
    "app_ios",
    "app_chrome",
    "app_desktop",
    "message_auto",
    "message_manual",
    "message_chat_bot",
    "api",
    "integrations",
    "system",
    "auto_reply",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_kind_is_known_and_reads_back() {
        for word in PART_TYPES {
            assert_eq!(PartKind::of(word).map(PartKind::word), Some(word));
        }
        assert_eq!(PartKind::of("reply_robot"), None);
    }

    #[test]
    fn every_documented_way_is_known() {
        for word in WAYS {
            assert_ne!(SentVia::of(word), SentVia::Other, "{word}");
        }
        assert_eq!(SentVia::of("telegram"), SentVia::Other);
    }
}
