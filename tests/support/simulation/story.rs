//! A failure as a story: a folder with the webhooks and the replies in the order in which the log has them.
//!
//! Takes a script and how it ended; writes what `chatledger story` reads. Told so, what a platform said and answered is the same;
//! what has no file of its own (a log that refuses, a clock that is set) is listed in `story.md` in words. An engine that does
//! otherwise than the one that failed (for a bug that was planted is not planted in the story) comes to the story's end, too: an
//! answer goes to a call of its name, and where none is made nobody hears it.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use chatledger::dispatch::circuit::{INTERRUPTED, NO_CALL};
use chatledger_projections::event::Event;

use crate::ending::Ending;
use crate::script::Script;
use crate::world::town;
use crate::world::watch::Complaint;

/// Writes a story into a folder, which is made.
pub fn save(folder: &Path, script: &Script, ending: &Ending, complaint: &Complaint) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("config.toml"), town::document(script.setting))?;
    let about = format!(
        "# {}\n\n{}\n\nFound by the simulation. The whole script:\n\n```text{script:?}```\n",
        complaint.rule, complaint.detail
    );
    fs::write(folder.join("story.md"), about)?;
    let mut number = 0;
    let mut last = None;
    let mut file = |name: String, content: Vec<u8>| {
        number += 1;
        fs::write(folder.join(format!("{number:04}-{name}")), content)
    };
    for recorded in &ending.log {
        let passed = last.map_or(0, |last| recorded.recorded_at.since(last).as_secs());
        last = Some(recorded.recorded_at);
        if passed > 0 {
            file(format!("wait-{passed}s.txt"), Vec::new())?;
        }
        match &recorded.event {
            Event::WebhookReceived(webhook) => {
                let mut text = format!("POST /hooks/{} HTTP/1.1\n", webhook.connection);
                headers(&mut text, &webhook.headers);
                file(format!("from-{}.http", webhook.connection), [text.as_bytes(), &webhook.body, b"\n"].concat())?;
            }
            Event::AttemptSettled(settled) if settled.call == INTERRUPTED => {
                file("restart.txt".to_owned(), Vec::new())?;
            }
            Event::AttemptSettled(settled) if settled.call != NO_CALL => {
                let content = match &settled.reply {
                    Some(reply) => {
                        let mut text = format!("HTTP/1.1 {}\n", reply.status);
                        headers(&mut text, &reply.headers);
                        [text.as_bytes(), &reply.body.0, b"\n"].concat()
                    }
                    None => b"no answer\n".to_vec(),
                };
                file(format!("answer-{}-from-{}.http", settled.call, settled.connection), content)?;
            }
            Event::AttemptSettled(_)
            | Event::IntentRaised(_)
            | Event::AttemptStarted(_)
            | Event::ConfigurationApplied(_)
            | Event::OperatorInstructed(_)
            | Event::PolicyAdvanced(_)
            | Event::PollAdvanced(_)
            | Event::Arranged(_) => {}
        }
    }
    Ok(())
}

fn headers(text: &mut String, headers: &[(String, String)]) {
    for (name, value) in headers {
        writeln!(text, "{name}: {value}").expect("a text takes everything");
    }
    text.push('\n');
}
