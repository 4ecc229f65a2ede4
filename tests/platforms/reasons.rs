//! Why something is never heard from a platform. The only part of the page that is said here and not asked.

/// Why some kinds are never heard in some columns.
pub struct Reason {
    pub columns: &'static [&'static str],
    pub kinds: &'static [&'static str],
    pub why: &'static str,
}

const fn reason(columns: &'static [&'static str], kinds: &'static [&'static str], why: &'static str) -> Reason {
    Reason { columns, kinds, why }
}

const AMO: &[&str] = &["amoCRM"];
const CARROT: &[&str] = &["Carrot quest"];
const PACT: &[&str] = &["Pact, v1", "Pact, v2"];
const V1: &[&str] = &["Pact, v1"];
const V2: &[&str] = &["Pact, v2"];
const SELARTI: &[&str] = &["Selarti"];

pub const SILENT: &[Reason] = &[
    reason(AMO, &["message of the client"], "clients write in the messenger; what they wrote is ours to tell"),
    reason(AMO, &["message changed", "message taken away"], "amoCRM announces neither (14.6)"),
    reason(AMO, &["shown without a reaction"], "it tells what changes"),
    reason(
        &["amoCRM", "Pact, v1", "Pact, v2"],
        &["note for the company's people"],
        "it tells of none (amoCRM 9.3, Pact 10.3 and 10.6)",
    ),
    reason(SELARTI, &["note for the company's people"], "no parameter for it (6)"),
    reason(AMO, &["visiting card"], "read if one comes; no document shows one"),
    reason(AMO, &["quotation in words"], "it quotes by ids (9.4)"),
    reason(
        AMO,
        &["delivery: raised", "delivery: sent", "delivery: delivered", "delivery: read", "delivery: failed"],
        "how messages stand is told to it, not by it (5.6)",
    ),
    reason(AMO, &["the messenger's own name of a message", "no such conversation"], "it knows of none"),
    reason(AMO, &["a group's conversation"], "every chat has one client"),
    reason(
        AMO,
        &["connection up", "connection down", "connection recovering"],
        "it tells of no state; refused calls show it",
    ),
    reason(AMO, &["our address is tried"], "it tries no address; `connect` alone sets it"),
    reason(PACT, &["template"], "a template comes as its words"),
    reason(
        PACT,
        &["buttons", "forwarded message", "visiting card"],
        "no field for it (10.4, 10.6): it comes as text, or not",
    ),
    reason(PACT, &["film", "recording", "sticker"], "read by the attachment's type; no document shows one"),
    reason(V1, &["voice", "document"], "read by the attachment's type; no document shows one"),
    reason(V1, &["place on the map"], "read from `location`, which is empty in all documents"),
    reason(V2, &["place on the map"], "no field for it (10.6)"),
    reason(PACT, &["something unknown"], "an attachment of an unknown type is a document"),
    reason(PACT, &["somebody is writing"], "Pact does not tell (16)"),
    reason(PACT, &["quotation in words"], "it quotes by the messenger's id"),
    reason(
        V1,
        &[
            "quotation by an id",
            "reaction",
            "message changed",
            "message taken away",
            "the messenger's own name of a message",
        ],
        "the second generation alone tells of it",
    ),
    reason(V1, &["reaction taken back", "shown without a reaction"], "the second generation alone tells of reactions"),
    reason(
        V2,
        &["reaction taken back"],
        "it shows what stands: whether one was taken back is concluded from that (see `docs/decisions/0010`)",
    ),
    reason(V2, &["delivery: raised"], "\u{ab}created\u{bb} is read; no document of our own message shows it"),
    reason(
        PACT,
        &["no such conversation"],
        "answered with 404, which is read; no document shows it with its conversation",
    ),
    reason(
        CARROT,
        &["template", "film", "recording", "voice", "sticker", "place on the map", "visiting card"],
        "no field for it: a part has a text and attachments (5.3)",
    ),
    reason(CARROT, &["forwarded message", "something unknown"], "no field for it (5.3)"),
    reason(CARROT, &["quotation by an id", "quotation in words"], "a part cannot quote another (5.3)"),
    reason(
        CARROT,
        &["message changed", "message taken away"],
        "told in realtime and in the parts list, without a document here",
    ),
    reason(PACT, &["who has a number or an address"], "a conversation is opened by the number itself"),
    reason(AMO, &["who has a number or an address"], "a chat is begun under our own id"),
    reason(SELARTI, &["who has a number or an address"], "only the client begins"),
    reason(CARROT, &["reaction", "reaction taken back", "shown without a reaction"], "there are none"),
    reason(
        CARROT,
        &["delivery: raised", "delivery: sent", "delivery: delivered", "delivery: read", "delivery: failed"],
        "`read` says who has read, not which message (11)",
    ),
    reason(CARROT, &["the messenger's own name of a message", "a group's conversation"], "it knows of none"),
    reason(CARROT, &["no such conversation"], "answered with 404, which is read; no document shows it"),
    reason(CARROT, &["connection up", "connection down", "connection recovering"], "it tells of no state"),
    reason(CARROT, &["our address is tried"], "it tries no address"),
    reason(
        SELARTI,
        &[
            "template",
            "picture",
            "film",
            "recording",
            "voice",
            "sticker",
            "document",
            "place on the map",
            "visiting card",
            "buttons",
            "forwarded message",
            "something unknown",
        ],
        "it speaks in text alone (5, 6)",
    ),
    reason(SELARTI, &["quotation by an id", "quotation in words"], "no parameter for it (6)"),
    reason(
        SELARTI,
        &["message changed", "message taken away", "reaction", "reaction taken back", "shown without a reaction"],
        "no webhook for it (6)",
    ),
    reason(SELARTI, &["somebody is writing"], "no webhook for it (6)"),
    reason(
        SELARTI,
        &["delivery: raised", "delivery: sent", "delivery: delivered", "delivery: read", "delivery: failed"],
        "it hands its messages to us, and is told nothing of them",
    ),
    reason(
        SELARTI,
        &[
            "the messenger's own name of a message",
            "whose conversation it is",
            "a group's conversation",
            "no such conversation",
        ],
        "a dialogue is named by our own id",
    ),
    reason(SELARTI, &["connection up", "connection down", "connection recovering"], "it tells of no state"),
    reason(SELARTI, &["our address is tried"], "it tries no address"),
    reason(&["amoCRM", "Pact, v1", "Pact, v2", "Carrot quest"], &["how an assistant stands"], "it is no assistant"),
];
