//! Numbers with their words: how many, how long ago, how large.

use std::time::Duration;

use super::Words;

/// The forms of a word beside a number: 1, 2, 5.
type Forms = [&'static str; 3];

impl Words {
    /// A word in the form that a number asks for.
    fn form(&self, number: u64, english: Forms, russian: Forms) -> &'static str {
        match self.code {
            "ru" => russian[russian_form(number)],
            _ => english[usize::from(number != 1)],
        }
    }

    /// So many attempts.
    pub fn attempts(&self, number: u64) -> String {
        let word = self.form(number, ["attempt", "attempts", "attempts"], ["попытка", "попытки", "попыток"]);
        format!("{} {word}", self.number(number))
    }

    /// How long ago something was.
    pub fn ago(&self, age: Duration) -> String {
        let seconds = age.as_secs();
        let (number, english, russian): (u64, Forms, Forms) = match seconds {
            0..=4 => return self.form(0, ["now", "just now", ""], ["", "", "только что"]).to_owned(),
            5..=59 => (seconds, ["s", "s", "s"], ["с", "с", "с"]),
            60..=3_599 => (seconds / 60, ["min", "min", "min"], ["мин", "мин", "мин"]),
            3_600..=86_399 => (seconds / 3_600, ["h", "h", "h"], ["ч", "ч", "ч"]),
            _ => (seconds / 86_400, ["day", "days", "days"], ["день", "дня", "дней"]),
        };
        let unit = self.form(number, english, russian);
        match self.code {
            "ru" => format!("{number} {unit} назад"),
            _ => format!("{number} {unit} ago"),
        }
    }

    /// How long something took or takes.
    pub fn span(&self, millis: u64) -> String {
        let (english, russian, number) = match millis {
            0..=999 => ("ms", "мс", millis.to_string()),
            1_000..=9_999 => ("s", "с", self.decimal(millis as f64 / 1_000.0)),
            10_000..=119_999 => ("s", "с", (millis / 1_000).to_string()),
            120_000..=7_199_999 => ("min", "мин", (millis / 60_000).to_string()),
            _ => ("h", "ч", (millis / 3_600_000).to_string()),
        };
        let unit = self.form(1, [english; 3], [russian; 3]);
        format!("{number} {unit}")
    }

    /// How large something is.
    pub fn bytes(&self, bytes: u64) -> String {
        let (english, russian, number) = match bytes {
            0..=1_023 => ("B", "Б", bytes.to_string()),
            1_024..=1_048_575 => ("KB", "КБ", (bytes / 1_024).to_string()),
            _ => ("MB", "МБ", self.decimal(bytes as f64 / 1_048_576.0)),
        };
        let unit = self.form(1, [english; 3], [russian; 3]);
        format!("{number} {unit}")
    }

    /// A number with its thousands apart.
    pub fn number(&self, number: u64) -> String {
        let digits = number.to_string();
        let mut apart = String::with_capacity(digits.len() * 4 / 3);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) && digits.len() > 4 {
                // A narrow space that does not break, in both languages.
                apart.push('\u{202f}');
            }
            apart.push(digit);
        }
        apart
    }

    fn decimal(&self, number: f64) -> String {
        let text = format!("{number:.1}");
        match self.code {
            "ru" => text.replace('.', ","),
            _ => text,
        }
    }
}

/// Which of three forms Russian wants: 1, 21 … the first; 2 to 4, 22 … the second; the rest, 11 to 14 too, the third.
const fn russian_form(number: u64) -> usize {
    match (number % 10, number % 100) {
        (_, 11..=14) => 2,
        (1, _) => 0,
        (2..=4, _) => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ENGLISH, RUSSIAN};
    use super::*;

    #[test]
    fn a_word_beside_a_number_has_the_form_that_the_language_wants() {
        let russian = [1, 2, 5, 11, 12, 21, 22, 25, 111, 0].map(|number| RUSSIAN.attempts(number));
        let expected = [
            "1 попытка",
            "2 попытки",
            "5 попыток",
            "11 попыток",
            "12 попыток",
            "21 попытка",
            "22 попытки",
            "25 попыток",
            "111 попыток",
            "0 попыток",
        ];
        assert_eq!(russian, expected);
        assert_eq!([0, 1, 2].map(|number| ENGLISH.attempts(number)), ["0 attempts", "1 attempt", "2 attempts"]);
    }

    #[test]
    fn ages_spans_and_sizes_are_told_in_the_unit_that_fits() {
        let ago = |seconds| RUSSIAN.ago(Duration::from_secs(seconds));
        assert_eq!(
            [0, 30, 61, 7_300, 86_400 * 3].map(ago),
            ["только что", "30 с назад", "1 мин назад", "2 ч назад", "3 дня назад"]
        );
        assert_eq!(ENGLISH.ago(Duration::from_secs(1)), "just now");
        assert_eq!(
            [40, 1_234, 61_000, 600_000].map(|millis| RUSSIAN.span(millis)),
            ["40 мс", "1,2 с", "61 с", "10 мин"]
        );
        assert_eq!([900, 2_048, 3_500_000].map(|bytes| ENGLISH.bytes(bytes)), ["900 B", "2 KB", "3.3 MB"]);
        assert_eq!(ENGLISH.number(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(ENGLISH.number(1234), "1234");
    }
}
