//! Which messages one message becomes, where a platform shows at most one file in each.
//!
//! Takes what was written and the rules of the platform that it goes to; gives what is to be said there, in order, and
//! always at least one message. The first bears the text, the quotation and everything that is no file.

use super::{FileRules, Wants, bears_text};
use crate::content::{Content, File, Part};

/// How many messages one may become; the files beyond it stay together in the last as words. An album has ten.
const PIECES_AT_MOST: usize = 32;

/// The messages that one message becomes.
pub fn pieces(content: Content, rules: &FileRules) -> Vec<Content> {
    match rules.wants {
        Wants::Words => return vec![content],
        Wants::Link | Wants::Bytes | Wants::Upload | Wants::UploadByLink => {}
    }
    let Content { text, parts, quote } = content;
    let (mut files, mut rest) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            // One without an address is a line in words wherever it stands.
            Part::File(file) if file.url.is_some() && files.len() < PIECES_AT_MOST => files.push(file),
            other => rest.push(other),
        }
    }
    let has_text = text.as_deref().is_some_and(|text| !text.is_empty());
    let with_first = |file: &File| {
        let alone = !has_text && quote.is_none() && rest.is_empty();
        alone || (bears_text(file.kind, rules.captions) && !rest.iter().any(is_shown_by_itself))
    };
    let mut files = files.into_iter().peekable();
    let mut first = Content { text, parts: Vec::new(), quote: None };
    if let Some(file) = files.next_if(with_first) {
        first.parts.push(Part::File(file));
    }
    first.parts.append(&mut rest);
    first.quote = quote;
    let mut pieces = vec![first];
    pieces.extend(files.map(|file| Content { parts: vec![Part::File(file)], ..Content::default() }));
    pieces
}

/// What a platform may show as an attachment of its own, so that a file beside it would be one too many.
const fn is_shown_by_itself(part: &Part) -> bool {
    match part {
        Part::Location { .. } | Part::Contact { .. } => true,
        Part::File(_)
        | Part::Buttons { .. }
        | Part::Template { .. }
        | Part::Forward { .. }
        | Part::Unsupported { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Captions;
    use super::*;
    use crate::content::FileKind;

    fn file(kind: FileKind, url: &str) -> Part {
        Part::File(File { url: Some(url.to_owned()), ..File::of(kind) })
    }

    fn rules(captions: Captions) -> FileRules {
        FileRules { wants: Wants::Upload, captions, ..FileRules::default() }
    }

    #[test]
    fn an_album_becomes_one_message_for_each_file_and_the_text_stays_with_the_first() {
        let parts = vec![file(FileKind::Picture, "https://e.com/1"), file(FileKind::Picture, "https://e.com/2")];
        let album = Content { text: Some("two".to_owned()), parts: parts.clone(), quote: None };
        let pieces = pieces(album, &rules(Captions::Pictures));
        let expected = [
            Content { text: Some("two".to_owned()), parts: vec![parts[0].clone()], quote: None },
            Content { parts: vec![parts[1].clone()], ..Content::default() },
        ];
        assert_eq!(pieces, expected);
    }

    #[test]
    fn where_a_file_bears_no_text_the_text_goes_before_it() {
        let content = Content {
            text: Some("here".to_owned()),
            parts: vec![file(FileKind::Document, "https://e.com/1")],
            quote: None,
        };
        assert_eq!(pieces(content.clone(), &rules(Captions::All)).len(), 1);
        let apart = pieces(content.clone(), &rules(Captions::Pictures));
        assert_eq!((apart[0].text.as_deref(), apart[0].parts.len()), (Some("here"), 0));
        assert_eq!((apart[1].text.as_deref(), apart[1].parts.len()), (None, 1));
        assert_eq!(pieces(content, &FileRules::default()).len(), 1, "words need no second message");
    }

    #[test]
    fn nothing_is_one_message_and_a_file_without_a_text_is_one_too() {
        assert_eq!(pieces(Content::default(), &rules(Captions::Never)), [Content::default()]);
        let alone = Content { parts: vec![file(FileKind::Voice, "https://e.com/1")], ..Content::default() };
        assert_eq!(pieces(alone.clone(), &rules(Captions::Never)), [alone]);
    }

    #[test]
    fn ever_so_many_files_do_not_become_ever_so_many_messages_and_none_is_lost() {
        let parts: Vec<Part> = (0..100).map(|n| file(FileKind::Picture, &format!("https://e.com/{n}"))).collect();
        let pieces = pieces(Content { parts, ..Content::default() }, &rules(Captions::All));
        assert!(pieces.len() <= PIECES_AT_MOST + 1);
        assert_eq!(pieces.iter().map(|piece| piece.parts.len()).sum::<usize>(), 100);
    }
}
