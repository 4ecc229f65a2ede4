//! Every call that Pact knows, in `fixtures/contracts/pact/calls/`: recorded requests and replies of both generations.
//!
//! A file is a person's command, the recorded request that it must say the same as (in whichever of Pact's ways of saying:
//! query, form, JSON, parts), and the reply. Beside it stands what the reply proves and what people and programs are shown.
//! The simulated Pact must know the call, too.

use std::collections::BTreeMap;
use std::time::Duration;

use chatledger_connectors::administration::{Given, Takes, Typing};
use chatledger_connectors::connector::{Connector, Reply, Request, Secret, Secrets, SimulatedAccount};
use chatledger_connectors::pact::Pact;
use chatledger_projections::bytes::Bytes;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::outcome::Outcome;
use chatledger_projections::time::Timestamp;
use serde_json::{Value, json};

/// The commands of all cases, with their cases.
fn calls() -> Vec<(String, Value)> {
    let read = |(name, body): (String, Vec<u8>)| {
        let case = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, case)
    };
    crate::cases(&crate::fixtures("pact", "calls")).into_iter().map(read).collect()
}

fn given(case: &Value, command: &chatledger_connectors::administration::Command) -> Given {
    let mut given = Given::default();
    for (name, typed) in case["arguments"].as_object().expect("a case has arguments") {
        let argument = command.arguments.iter().find(|argument| argument.name == name);
        let argument = argument.unwrap_or_else(|| panic!("{} {} takes no {name}", command.noun, command.verb));
        let each = typed.as_array().cloned().unwrap_or_else(|| vec![typed.clone()]);
        for typed in each {
            match argument.takes {
                Takes::Text | Takes::Choice(_) => given.add(argument.name, Typing::Text(text(&typed))),
                Takes::Whole(..) => given.add(argument.name, Typing::Whole(typed.as_i64().expect("a number"))),
                Takes::File => {
                    let bytes = bytes(typed["base64"].as_str().expect("a file has bytes"));
                    given.add(argument.name, Typing::File { name: text(&typed["name"]), bytes });
                }
                Takes::Pair => {
                    for (key, value) in typed.as_object().expect("pairs are an object") {
                        given.add(argument.name, Typing::Pair(key.clone(), text(value)));
                    }
                }
            }
        }
    }
    given
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// The two files of the samples are too small for a decoder of their own.
fn bytes(base64: &str) -> Vec<u8> {
    match base64 {
        "iVBORw0KGgo=" => b"\x89PNG\r\n\x1a\n".to_vec(),
        "/9j/4AAQ" => b"\xff\xd8\xff\xe0\x00\x10".to_vec(),
        other => panic!("{other} is in no sample"),
    }
}

/// What a request says: its method, its path without slashes too many, and everything beside it, however that is written.
type Said = (String, String, BTreeMap<String, Vec<String>>);

fn said_by(request: &Request) -> Said {
    let mut said = Vec::new();
    said.extend(request.query.iter().cloned());
    let kind = request.headers.iter().find(|(name, _)| *name == "content-type").map(|(_, kind)| kind.as_str());
    match kind {
        Some("application/json") => {
            flatten("", &serde_json::from_slice(&request.body).expect("we write JSON"), &mut said);
        }
        Some("application/x-www-form-urlencoded") => {
            said.extend(form_urlencoded::parse(&request.body).into_owned());
        }
        Some(kind) => parts(&request.body, kind.split_once("boundary=").expect("parts are divided").1, &mut said),
        None => assert!(request.body.is_empty(), "a body has a content type"),
    }
    normal(request.method, &request.path, said)
}

fn said_in(recorded: &Value) -> Said {
    let (path, query) = recorded["path"]
        .as_str()
        .expect("a path")
        .split_once('?')
        .unwrap_or((recorded["path"].as_str().expect("a path"), ""));
    let mut said: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    flatten("", &recorded["json"], &mut said);
    for pair in recorded["form"].as_array().into_iter().flatten() {
        said.push((text(&pair[0]), text(&pair[1])));
    }
    for part in recorded["multipart"].as_array().into_iter().flatten() {
        let value = part["filename"].as_str().map_or_else(|| text(&part["value"]), |name| format!("file {name}"));
        said.push((text(&part["name"]), value));
    }
    normal(recorded["method"].as_str().expect("a method"), path, said)
}

fn normal(method: &str, path: &str, said: Vec<(String, String)>) -> Said {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in said.into_iter().filter(|(key, _)| key != "private_api_token") {
        let key = key.strip_suffix("[]").unwrap_or(&key).to_owned();
        values.entry(key).or_default().push(value);
    }
    let path = path.replace("//", "/").trim_end_matches('/').to_owned();
    (method.to_owned(), path, values)
}

fn flatten(path: &str, value: &Value, said: &mut Vec<(String, String)>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let below = if path.is_empty() { key.clone() } else { format!("{path}[{key}]") };
                flatten(&below, value, said);
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| flatten(path, entry, said)),
        Value::Null => {}
        Value::String(text) => said.push((path.to_owned(), text.clone())),
        Value::Bool(_) | Value::Number(_) => said.push((path.to_owned(), value.to_string())),
    }
}

fn parts(body: &[u8], boundary: &str, said: &mut Vec<(String, String)>) {
    let body = String::from_utf8_lossy(body).into_owned();
    let named = |head: &str, key: &str| {
        let (_, value) = head.split_once(&format!(" {key}=\""))?;
        value.split_once('"').map(|(value, _)| value.to_owned())
    };
    for part in body.split(&format!("--{boundary}")) {
        let Some((head, content)) = part.split_once("\r\n\r\n") else { continue };
        let name = named(head, "name").expect("a part has a name");
        let file = named(head, "filename").map(|file| format!("file {file}"));
        said.push((name, file.unwrap_or_else(|| content.trim_end_matches("\r\n").to_owned())));
    }
}

fn reply(case: &Value) -> Option<RecordedReply> {
    let reply = case.get("reply")?;
    let headers = reply["headers"].as_object().into_iter().flatten();
    let body = reply["body_text"].as_str().map(str::to_owned);
    Some(RecordedReply {
        status: reply["status"].as_u64()?.try_into().ok()?,
        headers: headers.map(|(name, value)| (name.to_lowercase(), text(value))).collect(),
        body: Bytes(body.unwrap_or_else(|| reply["body"].to_string()).into_bytes()),
        cut: false,
    })
}

#[test]
fn commands_say_what_was_recorded_and_their_replies_are_shown() {
    for (name, case) in calls() {
        let account = Pact
            .connect(&ConnectionName::new("pact.sales"), &case["settings"])
            .unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
        let (noun, verb) = (case["command"][0].as_str(), case["command"][1].as_str());
        let command = Pact.commands().iter().find(|known| Some(known.noun) == noun && Some(known.verb) == verb);
        let command = command.unwrap_or_else(|| panic!("{name}: there is no such command"));
        let call =
            account.administer(command, &given(&case, command)).unwrap_or_else(|misuse| panic!("{name}: {misuse}"));
        assert_eq!(said_by(&call.request), said_in(&case["request"]), "{name}");
        assert_eq!(account.class_of_call(call.name), Some(call.class), "{name}");
        assert!(account.limits().iter().any(|limit| limit.class == call.class), "{name}: no limit for {}", call.class);

        let Some(reply) = reply(&case) else { continue };
        let outcome =
            account.classify(call.name, Reply::Answered(&reply), Timestamp::from_millis(0), Duration::from_secs(0));
        let shown = match &outcome {
            Outcome::Accepted => match account.answer(call.name, &reply) {
                Ok(answer) => json!({
                    "document": answer.document,
                    "columns": answer.table.columns,
                    "rows": answer.table.rows,
                    "next": answer.next.map(|(argument, typing)| format!("{argument} {typing:?}")),
                }),
                Err(lacking) => json!({ "lacking": lacking }),
            },
            Outcome::Refused { .. } | Outcome::Postponed { .. } | Outcome::Uncertain { .. } => Value::Null,
        };
        let value = json!({ "call": call.name, "class": call.class, "outcome": outcome, "shown": shown });
        crate::assert_snapshot(&crate::fixtures("pact", "calls"), &name, &value);
    }
}

#[test]
fn every_command_is_called_in_some_pair_or_differs_from_one_by_a_word() {
    // What has no recorded sample, in the contract's words only (9.4, 9.5).
    let unrecorded = [("channels", "disable"), ("webhooks", "deactivate"), ("companies", "update")];
    let calls = calls();
    for command in Pact.commands() {
        let is_recorded = calls.iter().any(|(_, case)| {
            (case["command"][0].as_str(), case["command"][1].as_str()) == (Some(command.noun), Some(command.verb))
        });
        let is_excused = unrecorded.contains(&(command.noun, command.verb));
        assert_ne!(is_recorded, is_excused, "{} {}", command.noun, command.verb);
    }
}

#[test]
fn the_simulated_pact_knows_every_recorded_call() {
    for (name, case) in calls() {
        let mut secrets = Secrets::default();
        secrets.insert("token", Secret::new("YOUR_API_TOKEN"));
        let connection = ConnectionName::new("pact.sales");
        let account = SimulatedAccount { name: &connection, settings: &case["settings"], secrets: &secrets };
        let mut simulator = Pact.simulator(&account).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
        let reaction = simulator.handle(&as_recorded(&case["request"]), Timestamp::from_millis(0));
        let body = String::from_utf8_lossy(&reaction.body).into_owned();
        assert!(!body.contains("No route matches"), "{name}: {body}");
        // What is asked of conversations, channels and files of another company cannot be had from this one; but it is
        // understood, and nobody is turned away at the door.
        assert!(matches!(reaction.status, 200 | 201 | 204 | 404 | 422), "{name}: {} {body}", reaction.status);
    }
}

/// The request as recorded, with the token where it stood.
fn as_recorded(recorded: &Value) -> Request {
    let (path, query) = match text(&recorded["path"]).split_once('?') {
        Some((path, query)) => (path.to_owned(), form_urlencoded::parse(query.as_bytes()).into_owned().collect()),
        None => (text(&recorded["path"]), Vec::new()),
    };
    let method = ["GET", "POST", "PUT", "DELETE"].into_iter().find(|known| recorded["method"] == *known);
    let mut headers = vec![("x-private-api-token", "YOUR_API_TOKEN".to_owned())];
    let kind = recorded["headers"]["Content-Type"].as_str();
    headers.extend(kind.map(|kind| ("content-type", kind.to_owned())));
    let body = if recorded["json"].is_object() {
        recorded["json"].to_string().into_bytes()
    } else if let Some(form) = recorded["form"].as_array() {
        let mut written = form_urlencoded::Serializer::new(String::new());
        written.extend_pairs(form.iter().map(|pair| (text(&pair[0]), text(&pair[1]))));
        written.finish().into_bytes()
    } else {
        let mut body = String::new();
        for part in recorded["multipart"].as_array().into_iter().flatten() {
            let (name, file) = (text(&part["name"]), part["filename"].as_str());
            let file_name = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
            let value = part["value"].as_str().unwrap_or("bytes");
            body +=
                &format!("--BOUNDARY\r\ncontent-disposition: form-data; name=\"{name}\"{file_name}\r\n\r\n{value}\r\n");
        }
        if body.is_empty() { Vec::new() } else { (body + "--BOUNDARY--\r\n").into_bytes() }
    };
    Request { method: method.expect("a known method"), path, query, headers, body, form: Vec::new() }
}
