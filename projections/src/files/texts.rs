//! How a text that is longer than a platform takes becomes several messages, in order, with nothing left out.
//!
//! Takes one message's content and the most signs that the platform takes; gives what is to be said in each message. A
//! text is parted where a paragraph ends, else a line, else a sentence, else a word; never inside what people see as one
//! sign. What is no text is counted as the longest words that any platform makes of it.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::content::{Content, File, Part};

/// How much of a quoted message a platform may repeat in words, with its marks: more than any connector does.
const QUOTE: usize = 640;

/// The marks and words that a platform may put around what is no text, beside its own words.
const MARKS: usize = 64;

/// The same for a file, with the reason for which it does not go along.
const MARKS_OF_FILE: usize = 256;

/// The messages that one becomes where at most so many signs are taken; always at least one.
///
/// What has no words that could be parted, as an endless address, stays longer than that.
pub(crate) fn fitting(content: Content, longest: usize) -> Vec<Content> {
    let quoted = if content.quote.as_ref().is_some_and(|quote| quote.text.is_some()) { QUOTE } else { 0 };
    let all = quoted + content.text.as_deref().map_or(0, signs) + content.parts.iter().map(signs_of).sum::<usize>();
    if all <= longest {
        return vec![content];
    }
    let Content { text, parts, quote } = content;
    let mut made = Made { longest, done: Vec::new(), last: Content { quote, ..Content::default() }, used: quoted };
    let first = longest.saturating_sub(quoted).max(longest / 2);
    for piece in parted(text.as_deref().unwrap_or_default(), first, longest) {
        made.say(piece);
    }
    for part in parts.into_iter().flat_map(|part| parts_of(part, longest)) {
        made.add(part);
    }
    made.done.push(made.last);
    made.done
}

/// The messages so far.
struct Made {
    longest: usize,
    done: Vec<Content>,
    /// The one that is being filled.
    last: Content,
    /// How many signs of it are taken.
    used: usize,
}

impl Made {
    /// A piece of the text begins a message.
    fn say(&mut self, piece: &str) {
        self.turn_over();
        self.last.text = Some(piece.to_owned());
        self.used += signs(piece);
    }

    /// Something else stands under the last piece, if there is room.
    fn add(&mut self, part: Part) {
        let more = signs_of(&part);
        if self.used + more > self.longest {
            self.turn_over();
        }
        self.used += more;
        self.last.parts.push(part);
    }

    /// Begins a message, unless nothing stands in the one that there is; a quotation alone says nothing.
    fn turn_over(&mut self) {
        if self.last.text.is_some() || !self.last.parts.is_empty() {
            self.done.push(std::mem::take(&mut self.last));
            self.used = 0;
        }
    }
}

/// How long a text is, as UTF-16 counts it: never less than people count, and what most platforms count.
pub(crate) fn signs(text: &str) -> usize {
    text.encode_utf16().count()
}

/// How long the words may be that stand for what is no text.
fn signs_of(part: &Part) -> usize {
    let words = |words: &Option<String>| words.as_deref().map_or(0, signs);
    match part {
        Part::File(file) => signs_of_file(file),
        Part::Location { .. } => MARKS,
        Part::Contact { name, phone } => MARKS + words(name) + words(phone),
        Part::Buttons { rows } => {
            rows.iter().flatten().map(|button| MARKS + signs(&button.text) + words(&button.url)).sum()
        }
        Part::Template { id, values } => {
            MARKS + signs(id) + values.iter().map(|value| MARKS + signs(value)).sum::<usize>()
        }
        Part::Forward { text, files } => MARKS + words(text) + files.iter().map(signs_of_file).sum::<usize>(),
        Part::Unsupported { kind } => MARKS + signs(kind),
    }
}

fn signs_of_file(file: &File) -> usize {
    let words = [&file.name, &file.url].into_iter().flatten();
    MARKS_OF_FILE + words.map(|word| signs(word)).sum::<usize>()
}

/// What is longer than a message by itself, as smaller ones of its kind; anything else as it is.
fn parts_of(part: Part, longest: usize) -> Vec<Part> {
    if signs_of(&part) <= longest {
        return vec![part];
    }
    match part {
        Part::Forward { text, files } => {
            let room = longest.saturating_sub(MARKS).max(longest / 2);
            let said = parted(text.as_deref().unwrap_or_default(), room, room).into_iter();
            let said = said.map(|piece| Part::Forward { text: Some(piece.to_owned()), files: Vec::new() });
            said.chain(files.into_iter().map(|file| Part::Forward { text: None, files: vec![file] })).collect()
        }
        Part::Buttons { rows } => {
            rows.into_iter().flatten().map(|button| Part::Buttons { rows: vec![vec![button]] }).collect()
        }
        Part::File(_)
        | Part::Location { .. }
        | Part::Contact { .. }
        | Part::Template { .. }
        | Part::Unsupported { .. } => vec![part],
    }
}

/// A text in pieces of at most so many signs, in order; the first has its own room. White space where it is parted goes,
/// and nothing else.
fn parted(text: &str, first: usize, other: usize) -> Vec<&str> {
    let (mut pieces, mut rest, mut room) = (Vec::new(), text, first.max(1));
    while !rest.trim().is_empty() {
        let (piece, after) = if signs(rest) <= room { (rest, "") } else { rest.split_at(end_of_piece(rest, room)) };
        if after.is_empty() {
            pieces.push(piece);
            break;
        }
        let said = piece.trim_end();
        rest = if said.ends_with('\n') || piece.ends_with('\n') {
            // The indentation of the line that begins there is its own.
            after.trim_start_matches(['\n', '\r'])
        } else {
            after.trim_start()
        };
        if !said.is_empty() {
            pieces.push(said);
            room = other.max(1);
        }
    }
    pieces
}

/// Where a piece of at most so many signs ends: at the best place in its last half that there is.
fn end_of_piece(text: &str, room: usize) -> usize {
    let most = whole_signs(text, room);
    let head = &text[..most];
    let is_late = |end: &usize| *end > 0 && *end >= most / 2;
    let after = |mark: &str| head.rfind(mark).map(|at| at + mark.len()).filter(is_late);
    let paragraph = || after("\n\n").or_else(|| after("\r\n\r\n"));
    let line = || after("\n");
    let sentence = || head.unicode_sentences().last().and_then(|last| head.rfind(last)).filter(is_late);
    let word = || head.rfind(char::is_whitespace).map(|at| at + sign_at(head, at)).filter(is_late);
    // A word that ends exactly there is whole.
    let is_whole = text[most..].starts_with(char::is_whitespace);
    paragraph().or_else(line).or_else(sentence).or(is_whole.then_some(most)).or_else(word).unwrap_or(most)
}

fn sign_at(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

/// How many bytes the most whole signs have that fit. One sign that does not fit by itself, as no language has any, is
/// parted between its code points, or there would be no end.
fn whole_signs(text: &str, room: usize) -> usize {
    let fits = |signs_of_text: &mut dyn Iterator<Item = &str>| {
        let (mut used, mut end) = (0, 0);
        for sign in signs_of_text {
            used += signs(sign);
            if used > room {
                break;
            }
            end += sign.len();
        }
        end
    };
    let whole = fits(&mut text.graphemes(true));
    if whole > 0 {
        return whole;
    }
    let points = fits(&mut text.char_indices().map(|(at, sign)| &text[at..at + sign.len_utf8()]));
    points.max(sign_at(text, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{FileKind, Quote};
    use proptest::prelude::*;

    fn texts(content: Content, longest: usize) -> Vec<String> {
        fitting(content, longest).into_iter().filter_map(|piece| piece.text).collect()
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let content = Content::text("  a\n\nb ");
        assert_eq!(fitting(content.clone(), 7), [content]);
    }

    #[test]
    fn a_text_is_parted_at_the_best_place() {
        for (text, longest, expected) in [
            ("one.\n\ntwo three four five", 10, &["one.", "two three", "four five"][..]),
            ("a longer line\n  indented line", 20, &["a longer line", "  indented line"]),
            ("First one. Second one.", 15, &["First one.", "Second one."]),
            ("one two three", 7, &["one two", "three"]),
            ("onetwothree", 4, &["onet", "woth", "ree"]),
            ("a          b", 4, &["a", "b"]),
        ] {
            assert_eq!(texts(Content::text(text), longest), expected, "{text}");
        }
    }

    #[test]
    fn no_sign_is_parted() {
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(texts(Content::text(family.repeat(3)), 25), [family.repeat(2), family.to_owned()]);
        assert_eq!(texts(Content::text("e\u{301}e\u{301}e\u{301}"), 3), ["e\u{301}"; 3]);
        // One that is too long by itself ends somewhere, but between its code points.
        assert_eq!(texts(Content::text("👨‍👩"), 2), ["👨", "\u{200d}", "👩"]);
    }

    #[test]
    fn the_quotation_stands_with_the_first_and_everything_else_with_the_last() {
        let quote = Some(Quote { text: Some("А?".to_owned()), ..Quote::default() });
        let file = |name: &str| Part::File(File { name: Some(name.to_owned()), ..File::of(FileKind::Document) });
        let parts = vec![file("1"), file("2"), file("3"), file("4")];
        let pieces =
            fitting(Content { text: Some("word ".repeat(250)), parts: parts.clone(), quote: quote.clone() }, 1000);
        assert_eq!(pieces[0].quote, quote);
        assert!(pieces[1..].iter().all(|piece| piece.quote.is_none()));
        let there: Vec<Part> = pieces.iter().flat_map(|piece| piece.parts.clone()).collect();
        assert_eq!(there, parts, "none is lost, and they stand in their order");
        assert!(pieces[0].parts.is_empty());
        assert!(pieces.iter().all(|piece| piece.text.is_some() || !piece.parts.is_empty()));
    }

    #[test]
    fn a_long_forwarded_message_becomes_several() {
        let forward = Part::Forward { text: Some("слово ".repeat(500)), files: vec![File::of(FileKind::Picture)] };
        let pieces = fitting(Content { parts: vec![forward], ..Content::default() }, 1000);
        assert!(pieces.len() >= 4);
        assert!(pieces.iter().all(|piece| piece.parts.iter().map(signs_of).sum::<usize>() <= 1000));
    }

    proptest! {
        #[test]
        fn every_piece_fits_and_together_they_say_all(text in "(\\PC|\\s|[а-я ]){0,400}", longest in 2_usize..60) {
            let pieces = texts(Content::text(text.clone()), longest);
            let without_space = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(without_space(&pieces.concat()), without_space(&text));
            for piece in &pieces {
                prop_assert!(signs(piece) <= longest);
            }
        }
    }
}
