//! A letter or an automatic message in HTML as plain text (5.5).
//!
//! Takes HTML, gives text: line breaks, links and pictures stay as lines and addresses, everything else falls away. Not
//! a browser: what cannot be read as a tag stays as it was written.

/// Whether a text is HTML at all: it begins with a tag, or closes one.
pub(in crate::carrotquest) fn is_markup(text: &str) -> bool {
    text.trim_start().starts_with('<') || text.contains("</")
}

/// The same as plain text.
pub(in crate::carrotquest) fn plain(markup: &str) -> String {
    let mut text = String::with_capacity(markup.len());
    // Where an open link's words begin, and where it leads.
    let mut link: Option<(usize, String)> = None;
    let mut rest = markup;
    while let Some(start) = rest.find(['<', '&']) {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        if rest.starts_with('&') {
            let (sign, length) = entity(rest).unwrap_or(('&', 1));
            text.push(sign);
            rest = &rest[length..];
            continue;
        }
        let Some((tag, after)) = tag(rest) else {
            text.push('<');
            rest = &rest[1..];
            continue;
        };
        rest = after;
        match (tag.closes, tag.name.as_str()) {
            (false, "script" | "style") => rest = beyond(rest, &tag.name),
            (_, "br") | (true, "p" | "div" | "li" | "tr" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6") => text.push('\n'),
            (false, "a") => link = tag.value("href").map(|address| (text.len(), address)),
            (true, "a") => {
                if let Some((start, address)) = link.take()
                    && !address.is_empty()
                    && text[start..] != address
                {
                    text.push_str(&format!(" ({address})"));
                }
            }
            (false, "img") => text.push_str(&tag.value("src").unwrap_or_default()),
            (_, _) => {}
        }
    }
    text.push_str(rest);
    text.trim().to_owned()
}

/// One tag.
struct Tag<'a> {
    closes: bool,
    name: String,
    attributes: &'a str,
}

/// The tag at the beginning, and what comes after it.
fn tag(text: &str) -> Option<(Tag<'_>, &str)> {
    if let Some(comment) = text.strip_prefix("<!--") {
        let after = comment.find("-->").map_or("", |end| &comment[end + 3..]);
        return Some((Tag { closes: false, name: String::new(), attributes: "" }, after));
    }
    let inner = text.strip_prefix('<')?;
    let (closes, inner) = inner.strip_prefix('/').map_or((false, inner), |inner| (true, inner));
    if !inner.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '!') {
        return None;
    }
    // Another beginning before the end: this one was none. It also keeps the reading linear.
    let end = inner.find(['<', '>']).filter(|end| inner[*end..].starts_with('>'))?;
    let (inside, after) = (&inner[..end], &inner[end + 1..]);
    let name_end = inside.find(|sign: char| !sign.is_ascii_alphanumeric()).unwrap_or(inside.len());
    let name = inside[..name_end].to_ascii_lowercase();
    Some((Tag { closes, name, attributes: &inside[name_end..] }, after))
}

impl Tag<'_> {
    /// The value of an attribute, in quotes of either kind or without any.
    fn value(&self, name: &str) -> Option<String> {
        // Lower case in ASCII alone keeps every place.
        let lower = self.attributes.to_ascii_lowercase();
        let start = lower.find(&format!("{name}="))? + name.len() + 1;
        let written = &self.attributes[start..];
        let value = match written.chars().next()? {
            quote @ ('"' | '\'') => written[1..].split(quote).next()?,
            _ => written.split([' ', '/', '\t', '\n']).next()?,
        };
        Some(plain_entities(value))
    }
}

fn plain_entities(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(start) = rest.find('&') {
        text.push_str(&rest[..start]);
        let (sign, length) = entity(&rest[start..]).unwrap_or(('&', 1));
        text.push(sign);
        rest = &rest[start + length..];
    }
    text.push_str(rest);
    text
}

/// What comes after the closing tag of this name; nothing, if it is never closed.
fn beyond<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some(start) = rest.find("</") {
        rest = &rest[start + 2..];
        if rest.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return rest.find('>').map_or("", |end| &rest[end + 1..]);
        }
    }
    ""
}

/// The sign that an entity at the beginning stands for, and how long the entity is.
fn entity(text: &str) -> Option<(char, usize)> {
    const LONGEST: usize = 10;
    let end = text.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let sign = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "laquo" => '«',
        "raquo" => '»',
        "mdash" => '—',
        "ndash" => '–',
        "hellip" => '…',
        name => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((sign, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_links_and_pictures_stay() {
        for (markup, expected) in [
            ("<p>Some message</p>", "Some message"),
            ("<div>Раз</div><div>Два<br/>Три</div>", "Раз\nДва\nТри"),
            (
                r#"См. <a class="x" href='https://a.example/?b=1&amp;c=2'>тут</a>."#,
                "См. тут (https://a.example/?b=1&c=2).",
            ),
            (r#"<a href="https://a.example">https://a.example</a>"#, "https://a.example"),
            (r#"<img alt="" src="https://a.example/1.png">"#, "https://a.example/1.png"),
            ("<style>p{}</style><script>if(a</b>) x</script><!-- no --><b>Да</b>", "Да"),
            ("a &lt; b &amp;&#33; &#x263A; &unknown; &", "a < b &! ☺ &unknown; &"),
        ] {
            assert_eq!(plain(markup), expected, "{markup}");
        }
    }

    #[test]
    fn a_hostile_letter_takes_no_longer_than_a_friendly_one() {
        for hostile in ["<a", "<script></script>", "&", "<!--", "<p <", "</"] {
            let begun = hostile.repeat(200_000);
            assert!(plain(&begun).len() <= begun.len());
        }
    }

    #[test]
    fn what_is_no_tag_stays_as_it_was_written() {
        for text in ["a < b", "<3", "5 <", "<", "</", "&", "&;", "<b", "1 <2> 3"] {
            assert_eq!(plain(text), text);
        }
        assert!(!is_markup("a < b > c"));
        assert!(is_markup(" <p>x"));
        assert!(is_markup("x</b>"));
    }
}
