//! What is to be done for files, case by case.

use super::*;
use crate::content::Person;
use crate::fact::ConversationKey;
use crate::ids::{ConversationId, MessageId};
use crate::intent::Destination;
use crate::time::Timestamp;

fn sent(speaker: Speaker, file: File) -> SendMessage {
    SendMessage {
        to: Destination::Conversation(ConversationKey::theirs(ConversationId::new("1"))),
        speaker,
        author: Person::default(),
        client: Person::default(),
        ours: MessageId::new("m"),
        written_at: Timestamp::default(),
        content: Content { text: Some("here".to_owned()), parts: vec![Part::File(file)], quote: None },
        source: None,
        silent: false,
    }
}

fn picture() -> File {
    let url = Some("https://files.example/1.jpg".to_owned());
    File { url, name: Some("1.jpg".to_owned()), ..File::of(FileKind::Picture) }
}

fn rules(wants: Wants) -> FileRules {
    FileRules { wants, ..FileRules::default() }
}

fn stored(bytes: u64, media_type: &str) -> Filed {
    let stored = Stored { sha256: "ab".repeat(32), bytes, media_type: media_type.to_owned() };
    Filed { stored: Some(stored), ..Filed::default() }
}

fn known(filed: Filed) -> BTreeMap<u32, Filed> {
    BTreeMap::from([(0, filed)])
}

fn way(send: &SendMessage, rules: &FileRules, filed: Filed) -> Option<Way> {
    let equipped = equipped(send, rules, &known(filed), &|_, _| None);
    places(&equipped.content).next().and_then(|(_, file)| file.way.clone())
}

#[test]
fn a_file_is_fetched_then_given_then_named() {
    let send = sent(Speaker::Manager, picture());
    let rules = rules(Wants::Upload);
    assert_eq!(next(&send, &rules, false, &BTreeMap::new()), Need::Fetch { file: 0 });
    let here = stored(10, "image/jpeg");
    assert_eq!(next(&send, &rules, false, &known(here.clone())), Need::Upload { file: 0 });
    let there = Filed { taken: Some(FileId::new("7")), ..here };
    assert_eq!(next(&send, &rules, false, &known(there.clone())), Need::Nothing);
    assert_eq!(way(&send, &rules, there), Some(Way::Taken(FileId::new("7"))));
}

#[test]
fn a_link_is_enough_where_the_platform_fetches_itself_unless_it_may_run_out() {
    let send = sent(Speaker::Client, picture());
    let rules = rules(Wants::Link);
    assert_eq!(next(&send, &rules, false, &BTreeMap::new()), Need::Nothing);
    assert_eq!(next(&send, &rules, true, &BTreeMap::new()), Need::Fetch { file: 0 });
    let here = known(stored(10, "image/png"));
    assert_eq!(next(&send, &rules, true, &here), Need::Nothing);
    let show = |stored: &Stored, _: &File| Some(format!("https://us.example/{}", stored.bytes));
    let shown = equipped(&send, &rules, &here, &show);
    let (_, file) = places(&shown.content).next().expect("it has a file");
    assert_eq!(file.url.as_deref(), Some("https://us.example/10"));
    assert_eq!((file.size_bytes, file.media_type.as_deref(), &file.way), (Some(10), Some("image/png"), &None));
}

#[test]
fn too_large_a_file_fails_a_managers_message_and_is_words_in_a_clients() {
    let large = File { size_bytes: Some(11_000_000), ..picture() };
    let bytes = FileRules { max_bytes: Some(10_000_000), ..rules(Wants::Bytes) };
    let refused = next(&sent(Speaker::Manager, large.clone()), &bytes, false, &BTreeMap::new());
    let reason = "the file has 11.0 MB, and at most 10.0 MB are taken".to_owned();
    assert_eq!(refused, Need::Refuse(Failure { kind: FailureKind::Other, reason: reason.clone() }));
    // A claim was a lie; what was fetched is not.
    let small = sent(Speaker::Manager, picture());
    assert!(matches!(next(&small, &bytes, false, &known(stored(10_000_001, "image/jpeg"))), Need::Refuse(_)));
    assert_eq!(next(&small, &bytes, false, &known(stored(10_000_000, "image/jpeg"))), Need::Nothing);
    let link = FileRules { max_bytes: Some(10_000_000), ..rules(Wants::Link) };
    let client = sent(Speaker::Client, large);
    assert_eq!(next(&client, &link, true, &BTreeMap::new()), Need::Nothing);
    assert_eq!(way(&client, &link, Filed::default()), Some(Way::Words { why: Some(reason) }));
}

#[test]
fn a_kind_that_is_not_taken_is_words_and_nothing_fails() {
    let rules = FileRules { endings: vec!["jpg".to_owned()], ..rules(Wants::Bytes) };
    let film = File { name: Some("film.MP4".to_owned()), ..picture() };
    let send = sent(Speaker::Manager, film);
    assert_eq!(next(&send, &rules, false, &BTreeMap::new()), Need::Nothing);
    assert_eq!(way(&send, &rules, Filed::default()), Some(Way::Words { why: None }));
    let upper = sent(Speaker::Manager, File { name: Some("A.JPG".to_owned()), ..picture() });
    assert_eq!(next(&upper, &rules, false, &BTreeMap::new()), Need::Fetch { file: 0 });
    // Without an ending, what it is decides, once it is here.
    let unnamed = sent(Speaker::Manager, File { name: Some("фото".to_owned()), ..picture() });
    assert_eq!(next(&unnamed, &rules, false, &BTreeMap::new()), Need::Fetch { file: 0 });
    assert_eq!(way(&unnamed, &rules, stored(1, "video/mp4")), Some(Way::Words { why: None }));
    assert!(matches!(way(&unnamed, &rules, stored(1, "image/jpeg")), Some(Way::Stored(_))));
}

#[test]
fn what_is_gone_or_has_no_address_of_the_web_is_never_silence() {
    let gone = Filed { missing: Some(lost("it is gone (404)")), ..Filed::default() };
    let manager = sent(Speaker::Manager, picture());
    assert_eq!(
        next(&manager, &rules(Wants::Bytes), false, &known(gone.clone())),
        Need::Refuse(lost("it is gone (404)"))
    );
    let client = sent(Speaker::Client, picture());
    assert_eq!(way(&client, &rules(Wants::Link), gone), Some(Way::Words { why: Some("it is gone (404)".to_owned()) }));
    for url in [None, Some("file:///etc/passwd"), Some("javascript:alert(1)"), Some("https://a b"), Some("")] {
        let file = File { url: url.map(str::to_owned), ..picture() };
        assert!(matches!(
            next(&sent(Speaker::Bot, file.clone()), &rules(Wants::Upload), false, &BTreeMap::new()),
            Need::Refuse(_)
        ));
        assert!(matches!(
            way(&sent(Speaker::Client, file), &rules(Wants::Link), Filed::default()),
            Some(Way::Words { why: Some(_) })
        ));
    }
}
