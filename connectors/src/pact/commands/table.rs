//! The commands themselves, as data: what they are called, what they take, what they do.

use crate::administration::{Argument, Command, Takes, Typed};

/// No number of Pact's is greater; beyond it some of their readers lose digits.
const GREATEST: i64 = 9_007_199_254_740_991;

const fn place(name: &'static str, about: &'static str) -> Argument {
    Argument { name, about, takes: Takes::Whole(1, GREATEST), typed: Typed::Place }
}

const fn named(name: &'static str, about: &'static str) -> Argument {
    Argument { name, about, takes: Takes::Text, typed: Typed::NameIfAny }
}

const fn choice(name: &'static str, about: &'static str, words: &'static [&'static str]) -> Argument {
    Argument { name, about, takes: Takes::Choice(words), typed: Typed::NameIfAny }
}

const CONVERSATION: Argument = place("conversation", "The conversation's number");
const CHANNEL: Argument = place("channel", "The channel's number");
const FROM: Argument = named("from", "The token of the page before (first generation)");
const PAGE: Argument = Argument {
    name: "page",
    about: "The page's number, from one (second generation)",
    takes: Takes::Whole(1, GREATEST),
    typed: Typed::NameIfAny,
};
const PER: Argument = Argument {
    name: "per",
    about: "How many entries a page has",
    takes: Takes::Whole(1, 100),
    typed: Typed::NameIfAny,
};
const SORT: Argument = choice("sort", "From old to new, or from new to old", &["asc", "desc"]);
const TEXT: Argument = named("text", "What is said");
const SEND_TO_CRM: Argument = choice(
    "send-to-crm",
    "Whether Pact copies it into CRMs connected inside Pact; false unless said otherwise, for the bridge carries it; `default` leaves it to Pact",
    &["true", "false", "default"],
);
const TEMPLATE: Argument = named("template", "The id of an approved template (WhatsApp Business)");
const PARAMETER: Argument = Argument {
    name: "parameter",
    about: "What is filled into the template's next gap",
    takes: Takes::Text,
    typed: Typed::Names,
};
const SET: Argument = Argument {
    name: "set",
    about: "Another parameter of Pact's, as KEY=VALUE",
    takes: Takes::Pair,
    typed: Typed::Names,
};
const COMPANY: [Argument; 5] = [
    named("name", "Its name"),
    named("phone", "Its phone"),
    named("description", "What it is"),
    named("webhook-url", "Where its webhooks of the first generation go"),
    choice("hidden", "Whether it is hidden in Pact's windows", &["true", "false"]),
];

/// Everything that a person can have done.
pub(in crate::pact) const COMMANDS: &[Command] = &[
    Command {
        noun: "conversations",
        verb: "list",
        about: "List the conversations",
        arguments: &[FROM, PAGE, PER, SORT, named("search", "A number, a name or a public name (second generation)")],
        example: "--per 50",
    },
    Command {
        noun: "conversations",
        verb: "create",
        about: "Find or open the conversation with a client, and say something in it if a text is given",
        arguments: &[
            named("provider", "The messenger, in Pact's word; the account's own unless given"),
            named("phone", "The client's number, with its country"),
            named("username", "The client's public name (telegram_personal)"),
            named("vk-id", "The client's number in VK (vkontakte_direct, second generation)"),
            named("vk-domain", "The name in the address of the client's page in VK (the same)"),
            TEXT,
            TEMPLATE,
            PARAMETER,
            SEND_TO_CRM,
        ],
        example: "--provider whatsapp --phone 79250000001",
    },
    Command {
        noun: "conversations",
        verb: "show",
        about: "Show one conversation",
        arguments: &[CONVERSATION],
        example: "8741",
    },
    Command {
        noun: "conversations",
        verb: "note",
        about: "Write the conversation's note, in the place of the one before",
        arguments: &[
            CONVERSATION,
            Argument { name: "text", about: "The note", takes: Takes::Text, typed: Typed::Place },
        ],
        example: "8741 \"calls back on Monday\"",
    },
    Command {
        noun: "conversations",
        verb: "assign",
        about: "Give the conversation to a user of Pact, or to nobody",
        arguments: &[
            CONVERSATION,
            Argument {
                name: "assignee",
                about: "The user's number; left out, nobody has it",
                takes: Takes::Whole(1, GREATEST),
                typed: Typed::PlaceIfAny,
            },
        ],
        example: "8741 42",
    },
    Command {
        noun: "conversations",
        verb: "block",
        about: "Keep the conversation from Bitrix's open lines, or let it in again",
        arguments: &[
            CONVERSATION,
            Argument {
                name: "state",
                about: "Whether it is kept from them",
                takes: Takes::Choice(&["on", "off"]),
                typed: Typed::Place,
            },
        ],
        example: "8741 on",
    },
    Command {
        noun: "conversations",
        verb: "mark",
        about: "Archive the conversation or open it again, mark it as answered or not (second generation)",
        arguments: &[
            CONVERSATION,
            choice("state", "Whether it is shown among the open ones", &["open", "archived"]),
            choice("reply", "Whether it counts as answered", &["replied", "unreplied"]),
        ],
        example: "8741 --reply replied",
    },
    Command {
        noun: "messages",
        verb: "list",
        about: "List the messages of a conversation",
        arguments: &[CONVERSATION, FROM, PAGE, PER, SORT],
        example: "8741 --per 20",
    },
    Command {
        noun: "messages",
        verb: "show",
        about: "Show one message (second generation)",
        arguments: &[CONVERSATION, place("message", "The message's number")],
        example: "8741 1400000001",
    },
    Command {
        noun: "messages",
        verb: "send",
        about: "Send a message into a conversation",
        arguments: &[
            CONVERSATION,
            TEXT,
            Argument {
                name: "attachment",
                about: "The number of an uploaded file",
                takes: Takes::Whole(1, GREATEST),
                typed: Typed::Names,
            },
            named("reply-to", "The messenger's id of the message that is answered (second generation)"),
            Argument {
                name: "button",
                about: "A button under the text (WhatsApp Business, first generation)",
                takes: Takes::Text,
                typed: Typed::Names,
            },
            SEND_TO_CRM,
        ],
        example: "8741 --text \"Hello\"",
    },
    Command {
        noun: "messages",
        verb: "delete",
        about: "Take messages back from the client: whatsapp, telegram_personal and max (second generation)",
        arguments: &[
            CONVERSATION,
            Argument {
                name: "message",
                about: "The messages' numbers",
                takes: Takes::Whole(1, GREATEST),
                typed: Typed::Places,
            },
        ],
        example: "8741 1400000001 1400000002",
    },
    Command {
        noun: "jobs",
        verb: "show",
        about: "Show where a delivery job of the first generation stands",
        arguments: &[CHANNEL, place("job", "The job's number")],
        example: "399 17",
    },
    Command {
        noun: "attachments",
        verb: "upload",
        about: "Upload a file, to be attached to a message",
        arguments: &[
            Argument {
                name: "conversation",
                about: "The conversation that it is for (first generation)",
                takes: Takes::Whole(1, GREATEST),
                typed: Typed::NameIfAny,
            },
            Argument { name: "file", about: "A file on this machine", takes: Takes::File, typed: Typed::NameIfAny },
            named("url", "The address of a file, which Pact fetches"),
            choice("push-to-talk", "Whether a recording is shown as a voice message", &["true", "false"]),
            Argument {
                name: "width",
                about: "A picture's width in points",
                takes: Takes::Whole(1, 100_000),
                typed: Typed::NameIfAny,
            },
            Argument {
                name: "height",
                about: "A picture's height in points",
                takes: Takes::Whole(1, 100_000),
                typed: Typed::NameIfAny,
            },
        ],
        example: "--url https://files.example.com/price.pdf",
    },
    Command {
        noun: "channels",
        verb: "list",
        about: "List the channels",
        arguments: &[FROM, PAGE, PER, SORT],
        example: "",
    },
    Command {
        noun: "channels",
        verb: "create",
        about: "Make a channel; what it takes beside its messenger depends on that",
        arguments: &[
            Argument {
                name: "provider",
                about: "The messenger, in Pact's word",
                takes: Takes::Text,
                typed: Typed::Place,
            },
            SET,
        ],
        example: "whatsapp --set sync_period=week",
    },
    Command {
        noun: "channels",
        verb: "update",
        about: "Give a channel another token (first generation)",
        arguments: &[
            CHANNEL,
            Argument { name: "token", about: "The messenger's token", takes: Takes::Text, typed: Typed::Name },
        ],
        example: "399 --token TOKEN",
    },
    Command {
        noun: "channels",
        verb: "enable",
        about: "Switch a channel on (second generation)",
        arguments: &[CHANNEL, named("code", "The code that Telegram showed")],
        example: "399",
    },
    Command {
        noun: "channels",
        verb: "disable",
        about: "Switch a channel off (second generation)",
        arguments: &[CHANNEL],
        example: "399",
    },
    Command {
        noun: "channels",
        verb: "delete",
        about: "Take a channel away for ever",
        arguments: &[CHANNEL],
        example: "399",
    },
    Command {
        noun: "channels",
        verb: "request-code",
        about: "Have a code sent to the channel's telephone (first generation)",
        arguments: &[CHANNEL, SET],
        example: "399 --set provider=telegram_personal",
    },
    Command {
        noun: "channels",
        verb: "confirm-code",
        about: "Give the code to Pact (first generation)",
        arguments: &[CHANNEL, SET],
        example: "399 --set provider=telegram_personal --set confirmation_type=code --set code=12345",
    },
    Command {
        noun: "channels",
        verb: "check",
        about: "Ask whether a number has the channel's messenger (first generation)",
        arguments: &[
            CHANNEL,
            Argument { name: "phone", about: "The number, with its country", takes: Takes::Text, typed: Typed::Place },
        ],
        example: "399 79250000001",
    },
    Command {
        noun: "channels",
        verb: "write",
        about: "Write to a number first, through a certain channel (first generation)",
        arguments: &[
            CHANNEL,
            Argument { name: "phone", about: "The number, with its country", takes: Takes::Text, typed: Typed::Place },
            TEXT,
            TEMPLATE,
            named("language", "The template's language, such as ru"),
            PARAMETER,
        ],
        example: "400 79250000001 --template welcome --parameter Anna",
    },
    Command {
        noun: "templates",
        verb: "list",
        about: "List the approved templates of WhatsApp Business",
        arguments: &[
            FROM,
            PAGE,
            PER,
            SORT,
            choice("sort-by", "By what they are sorted (second generation)", &["created_at", "position"]),
        ],
        example: "",
    },
    Command { noun: "webhooks", verb: "show", about: "Show where webhooks go", arguments: &[], example: "" },
    Command {
        noun: "webhooks",
        verb: "set",
        about: "Have webhooks sent to an address, which Pact tries at once; the second generation's wait for `activate`",
        arguments: &[Argument { name: "url", about: "The address", takes: Takes::Text, typed: Typed::Place }],
        example: "https://your.host/hooks/NAME/THE_WEBHOOK_SECRET",
    },
    Command {
        noun: "webhooks",
        verb: "activate",
        about: "Switch an address on, which Pact tries first (second generation)",
        arguments: &[place("webhook", "The address's number, from `webhooks show`"), named("url", "Another address")],
        example: "1",
    },
    Command {
        noun: "webhooks",
        verb: "deactivate",
        about: "Switch an address off (second generation)",
        arguments: &[place("webhook", "The address's number, from `webhooks show`")],
        example: "1",
    },
    Command {
        noun: "webhooks",
        verb: "delete",
        about: "Take an address away (second generation)",
        arguments: &[place("webhook", "The address's number, from `webhooks show`")],
        example: "1",
    },
    Command {
        noun: "companies",
        verb: "list",
        about: "List the companies that the token opens",
        arguments: &[FROM, PER, SORT],
        example: "",
    },
    Command {
        noun: "companies",
        verb: "create",
        about: "Make a company",
        arguments: &[
            Argument { name: "name", about: "Its name", takes: Takes::Text, typed: Typed::Name },
            COMPANY[1],
            COMPANY[2],
            COMPANY[3],
        ],
        example: "--name \"Sales\"",
    },
    Command {
        noun: "companies",
        verb: "update",
        about: "Change the account's company",
        arguments: &COMPANY,
        example: "--name \"Sales\"",
    },
    Command {
        noun: "billing",
        verb: "show",
        about: "Show what this month has cost a partner so far",
        arguments: &[],
        example: "",
    },
];
