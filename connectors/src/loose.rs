//! Wire values that never make a document unreadable.
//!
//! Platforms send numbers as strings, `null` or `""` for "absent", and now and then an object where a text was
//! documented. A [`Loose`] field takes in anything; reading it gives the value, nothing, or nothing and a remark.
//! Typed structs of such fields keep `wire.rs` a mirror of the platform and decoding free of intermediate trees.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, Visitor};

use chatledger_projections::fact::RemarkKind;

use crate::connector::Decoded;

/// A field that may hold anything: absent, of its type, or odd.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Loose<T> {
    /// Missing, `null` or an empty text: the platforms mean the same by them.
    #[default]
    Absent,
    /// Of its type.
    Value(T),
    /// Of another shape, named here.
    Odd(&'static str),
}

impl<T> Loose<T> {
    /// The value; an odd one is remarked at `at`.
    pub fn read(self, at: &str, decoded: &mut Decoded) -> Option<T> {
        match self {
            Self::Absent => None,
            Self::Value(value) => Some(value),
            Self::Odd(shape) => {
                decoded.remark(RemarkKind::OddValue, at, shape);
                None
            }
        }
    }

    /// The value; its absence is remarked, too.
    pub fn expect(self, at: &str, decoded: &mut Decoded) -> Option<T> {
        if matches!(self, Self::Absent) {
            decoded.remark(RemarkKind::Missing, at, "");
        }
        self.read(at, decoded)
    }

    /// The value, silently.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Odd(_) => None,
        }
    }

    /// Whether there is anything, readable or not.
    pub const fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

/// What a scalar can be made from; `None` makes the field odd.
pub trait Scalar<'de>: Sized {
    /// From a text, borrowed from the document if it needed no unescaping.
    fn from_text(text: Cow<'de, str>) -> Option<Self>;
    /// From a whole number.
    fn from_whole(number: i128) -> Option<Self>;
    /// From a number with a fraction.
    fn from_fraction(number: f64) -> Option<Self>;
    /// From true or false.
    fn from_flag(flag: bool) -> Option<Self>;
}

/// A text; numbers and flags become the text that writes them.
pub type Text<'de> = Cow<'de, str>;

impl<'de: 'a, 'a> Scalar<'de> for Text<'a> {
    fn from_text(text: Cow<'de, str>) -> Option<Self> {
        Some(text)
    }
    fn from_whole(number: i128) -> Option<Self> {
        Some(Cow::Owned(number.to_string()))
    }
    fn from_fraction(number: f64) -> Option<Self> {
        Some(Cow::Owned(number.to_string()))
    }
    fn from_flag(flag: bool) -> Option<Self> {
        Some(Cow::Owned(flag.to_string()))
    }
}

impl<'de> Scalar<'de> for i64 {
    fn from_text(text: Cow<'de, str>) -> Option<Self> {
        text.trim().parse().ok()
    }
    fn from_whole(number: i128) -> Option<Self> {
        number.try_into().ok()
    }
    fn from_fraction(number: f64) -> Option<Self> {
        // Only what a double holds exactly; anything else would be invented.
        #[allow(clippy::cast_possible_truncation)]
        (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as Self)
    }
    fn from_flag(_: bool) -> Option<Self> {
        None
    }
}

impl<'de> Scalar<'de> for f64 {
    fn from_text(text: Cow<'de, str>) -> Option<Self> {
        text.trim().parse().ok().filter(|number: &Self| number.is_finite())
    }
    #[allow(clippy::cast_precision_loss)]
    fn from_whole(number: i128) -> Option<Self> {
        Some(number as Self)
    }
    fn from_fraction(number: f64) -> Option<Self> {
        number.is_finite().then_some(number)
    }
    fn from_flag(_: bool) -> Option<Self> {
        None
    }
}

impl<'de> Scalar<'de> for bool {
    fn from_text(text: Cow<'de, str>) -> Option<Self> {
        match text.trim() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }
    fn from_whole(number: i128) -> Option<Self> {
        match number {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
    fn from_fraction(_: f64) -> Option<Self> {
        None
    }
    fn from_flag(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

/// A scalar field.
#[derive(Clone, PartialEq, Debug)]
pub struct Field<T>(pub Loose<T>);

impl<T> Default for Field<T> {
    fn default() -> Self {
        Self(Loose::Absent)
    }
}

impl<T> std::ops::Deref for Field<T> {
    type Target = Loose<T>;
    fn deref(&self) -> &Loose<T> {
        &self.0
    }
}

impl<'de, T: Scalar<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor<T>(PhantomData<T>);

        impl<'de, T: Scalar<'de>> Visitor<'de> for ScalarVisitor<T> {
            type Value = Loose<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("anything")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Loose<T>, E> {
                Ok(from_text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Loose<T>, E> {
                Ok(from_text(Cow::Owned(text.to_owned())))
            }
            fn visit_string<E>(self, text: String) -> Result<Loose<T>, E> {
                Ok(from_text(Cow::Owned(text)))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Loose<T>, E> {
                Ok(or_odd(T::from_whole(number.into()), "a number"))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Loose<T>, E> {
                Ok(or_odd(T::from_whole(number.into()), "a number"))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Loose<T>, E> {
                Ok(or_odd(T::from_fraction(number), "a number with a fraction"))
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Loose<T>, E> {
                Ok(or_odd(T::from_flag(flag), "true or false"))
            }
            fn visit_unit<E>(self) -> Result<Loose<T>, E> {
                Ok(Loose::Absent)
            }
            fn visit_none<E>(self) -> Result<Loose<T>, E> {
                Ok(Loose::Absent)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose<T>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Loose::Odd("a list"))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose<T>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Loose::Odd("an object"))
            }
        }

        fn from_text<'de, T: Scalar<'de>>(text: Cow<'de, str>) -> Loose<T> {
            if text.is_empty() { Loose::Absent } else { or_odd(T::from_text(text), "a text") }
        }

        fn or_odd<T>(value: Option<T>, shape: &'static str) -> Loose<T> {
            value.map_or(Loose::Odd(shape), Loose::Value)
        }

        deserializer.deserialize_any(ScalarVisitor(PhantomData)).map(Field)
    }
}

/// A field that holds an object of a known shape.
#[derive(Clone, PartialEq, Debug)]
pub struct Object<T>(pub Loose<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(Loose::Absent)
    }
}

impl<T> std::ops::Deref for Object<T> {
    type Target = Loose<T>;
    fn deref(&self) -> &Loose<T> {
        &self.0
    }
}

/// A field that holds a list; its elements are [`Object`]s or [`Field`]s, so that one odd element loses only itself.
#[derive(Clone, PartialEq, Debug)]
pub struct List<T>(pub Loose<Vec<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Loose::Absent)
    }
}

impl<T> std::ops::Deref for List<T> {
    type Target = Loose<Vec<T>>;
    fn deref(&self) -> &Loose<Vec<T>> {
        &self.0
    }
}

struct Shape<T> {
    objects: bool,
    kind: PhantomData<T>,
}

enum Shaped<T, L> {
    Object(T),
    List(L),
    Absent,
    Odd(&'static str),
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
    type Value = Shaped<T, Vec<T>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        if self.objects {
            return T::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Shaped::Object);
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Shaped::Odd("an object"))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        if self.objects {
            let mut empty = true;
            while seq.next_element::<IgnoredAny>()?.is_some() {
                empty = false;
            }
            // Backends in PHP write an empty object as an empty list.
            return Ok(if empty { Shaped::Absent } else { Shaped::Odd("a list") });
        }
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(Shaped::List(elements))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(if text.is_empty() { Shaped::Absent } else { Shaped::Odd("a text") })
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Shaped::Odd("a number"))
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Shaped::Odd("a number"))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Shaped::Odd("a number with a fraction"))
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Shaped::Odd("true or false"))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Shaped::Absent)
    }
    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Shaped::Absent)
    }
    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Ok(Shaped::Odd("something else"))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shaped = deserializer.deserialize_any(Shape::<T> { objects: true, kind: PhantomData })?;
        Ok(Self(match shaped {
            Shaped::Object(object) => Loose::Value(object),
            Shaped::List(_) => Loose::Odd("a list"),
            Shaped::Absent => Loose::Absent,
            Shaped::Odd(shape) => Loose::Odd(shape),
        }))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shaped = deserializer.deserialize_any(Shape::<T> { objects: false, kind: PhantomData })?;
        Ok(Self(match shaped {
            Shaped::List(list) => Loose::Value(list),
            Shaped::Object(_) => Loose::Odd("an object"),
            Shaped::Absent => Loose::Absent,
            Shaped::Odd(shape) => Loose::Odd(shape),
        }))
    }
}

/// A document read into a wire struct, and given to `then` while its text is at hand.
///
/// Tries the quick way first (borrowed, in one pass). A document with a byte-order mark, broken UTF-8 or a key twice
/// is read the slow way, with a remark. One that is no JSON at all gives the remark `unreadable` and nothing else.
pub fn with_document<W, R>(
    body: &[u8],
    decoded: &mut Decoded,
    then: impl FnOnce(W::Document<'_>, &mut Decoded) -> R,
) -> Option<R>
where
    W: WireDocument,
{
    // A derived struct would also read itself from a list, field by field.
    let is_object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if is_object && let Ok(document) = serde_json::from_slice::<W::Document<'_>>(body) {
        return Some(then(document, decoded));
    }
    let unmarked = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = String::from_utf8_lossy(unmarked);
    if matches!(text, Cow::Owned(_)) {
        decoded.remark(RemarkKind::OddValue, "", "bytes that are not UTF-8");
    }
    let value: serde_json::Value = match first_value(&text) {
        Ok((value, true)) => value,
        Ok((value, false)) => {
            decoded.remark(RemarkKind::OddValue, "", "more after the end of the document");
            value
        }
        Err(error) => {
            let found = if text.trim().is_empty() { "an empty body".to_owned() } else { shape_of(&error) };
            decoded.remark(RemarkKind::Unreadable, "", found);
            return None;
        }
    };
    if !value.is_object() {
        decoded.remark(RemarkKind::Unreadable, "", "JSON, but not an object");
        return None;
    }
    let once = value.to_string();
    match serde_json::from_str::<W::Document<'_>>(&once) {
        Ok(document) => Some(then(document, decoded)),
        Err(error) => {
            decoded.remark(RemarkKind::Unreadable, "", shape_of(&error));
            None
        }
    }
}

/// A wire struct that borrows from its document.
pub trait WireDocument {
    /// The struct itself, for a document that lives for `'de`.
    type Document<'de>: Deserialize<'de>;
}

/// Reads a wire struct that owns its texts; for replies, whose kind is known beforehand.
pub fn document<T: DeserializeOwned>(body: &[u8], decoded: &mut Decoded) -> Option<T> {
    struct Owned<T>(PhantomData<T>);
    impl<T: DeserializeOwned> WireDocument for Owned<T> {
        type Document<'de> = T;
    }
    with_document::<Owned<T>, T>(body, decoded, |document, _| document)
}

fn first_value(text: &str) -> Result<(serde_json::Value, bool), serde_json::Error> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    match values.next() {
        Some(Ok(value)) => {
            let rest = text.get(values.byte_offset()..).unwrap_or_default();
            Ok((value, rest.trim().is_empty()))
        }
        Some(Err(error)) => Err(error),
        None => serde_json::from_str("").map(|value| (value, true)),
    }
}

/// What is wrong, without a word of the document: it may hold a person's data.
fn shape_of(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Eof => "JSON that is cut off",
        serde_json::error::Category::Syntax => "no JSON",
        serde_json::error::Category::Data => "JSON of another shape",
        serde_json::error::Category::Io => "no bytes",
    };
    format!("{kind}, at line {} column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize, Debug)]
    #[serde(default)]
    #[derive(Default)]
    struct Wire<'a> {
        #[serde(borrow)]
        text: Field<Text<'a>>,
        whole: Field<i64>,
        flag: Field<bool>,
        inner: Object<Inner>,
        list: List<Inner>,
    }

    #[derive(Deserialize, Debug, Default)]
    #[serde(default)]
    struct Inner {
        whole: Field<i64>,
    }

    struct Kind;
    impl WireDocument for Kind {
        type Document<'de> = Wire<'de>;
    }

    /// Text, whole, flag, the inner whole, and how long the list is.
    type Read = (Option<String>, Option<i64>, Option<bool>, Option<i64>, usize);

    fn read(body: &[u8]) -> (Option<Read>, Decoded) {
        let mut decoded = Decoded::default();
        let read = with_document::<Kind, _>(body, &mut decoded, |wire, decoded| {
            let inner =
                wire.inner.0.read("inner", decoded).and_then(|inner| inner.whole.0.read("inner.whole", decoded));
            (
                wire.text.0.read("text", decoded).map(Cow::into_owned),
                wire.whole.0.read("whole", decoded),
                wire.flag.0.read("flag", decoded),
                inner,
                wire.list.0.read("list", decoded).map_or(0, |list| list.len()),
            )
        });
        (read, decoded)
    }

    #[test]
    fn scalars_are_read_from_whatever_says_the_same() {
        let (read, decoded) = read(br#"{"text":17,"whole":"42","flag":"1","inner":{"whole":3.0},"list":[{},{}]}"#);
        assert_eq!(read, Some((Some("17".to_owned()), Some(42), Some(true), Some(3), 2)));
        assert!(decoded.remarks.is_empty());
    }

    #[test]
    fn null_empty_and_absent_are_the_same() {
        for body in [&br#"{}"#[..], br#"{"text":"","whole":null,"flag":"","inner":[],"list":null}"#] {
            let (read, decoded) = read(body);
            assert_eq!(read, Some((None, None, None, None, 0)));
            assert!(decoded.remarks.is_empty());
        }
    }

    #[test]
    fn odd_values_lose_only_themselves() {
        let (read, decoded) = read(br#"{"text":{"a":[1,{"b":2}]},"whole":"x","flag":7,"inner":"?","list":{"0":1}}"#);
        assert_eq!(read, Some((None, None, None, None, 0)));
        assert_eq!(decoded.remarks.len(), 5);
    }

    #[test]
    fn a_key_given_twice_a_mark_and_broken_text_are_survived() {
        let (read_twice, _) = read(br#"{"whole":1,"whole":2}"#);
        assert_eq!(read_twice.map(|read| read.1), Some(Some(2)));
        let (marked, _) = read(b"\xef\xbb\xbf{\"whole\":1}");
        assert_eq!(marked.map(|read| read.1), Some(Some(1)));
        let (broken, decoded) = read(b"{\"text\":\"\xff\",\"whole\":1}");
        assert_eq!(broken.map(|read| read.1), Some(Some(1)));
        assert_eq!(decoded.remarks.len(), 1);
    }

    #[test]
    fn what_is_no_object_gives_one_remark() {
        let deep = "[".repeat(100_000);
        for body in [&b""[..], b"   ", b"{\"a\":", b"nonsense", b"[1]", b"7", b"null", b"\xff\xfe", deep.as_bytes()] {
            let (read, decoded) = read(body);
            assert!(read.is_none());
            assert!(decoded.remarks.iter().any(|remark| remark.remark == RemarkKind::Unreadable), "{decoded:?}");
        }
    }
}
