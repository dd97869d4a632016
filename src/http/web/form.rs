//! What stands behind the question mark of an address and in the body of a form, read as the reference reads it
//! (WEB-001), and how a text is written there.

use std::fmt;

use crate::http::form_decoded;

/// Names and values, decoded.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(in crate::http) struct Form {
    query: Vec<(String, String)>,
    body: Vec<(String, String)>,
}

impl Form {
    /// Reads both. What is sent besides `name=value` is passed over, and so are empty values.
    pub(in crate::http) fn of(query: &str, body: &[u8]) -> Form {
        Form { query: pairs(query), body: pairs(&String::from_utf8_lossy(body)) }
    }

    /// The body's last value of this name, else the query's first.
    pub(in crate::http) fn get(&self, name: &str) -> Option<&str> {
        let last = self.body.iter().rfind(|(known, _)| known == name);
        let found = last.or_else(|| self.query.iter().find(|(known, _)| known == name));
        found.map(|(_, value)| value.as_str())
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (form_decoded(name), form_decoded(value)))
        .collect()
}

/// Shows a text as part of an address, in the characters that Python's `quote` leaves.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"_.-~/".contains(&byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_body_wins_and_of_many_the_first_of_the_query_and_the_last_of_the_body_web_001() {
        let form = Form::of("a=1&a=2&b=x+y&c=%C3%A9%zz&empty=&alone&=n", b"b=3&b=4&d=%FF");
        let read = |name| form.get(name);
        assert_eq!((read("a"), read("b"), read("c")), (Some("1"), Some("4"), Some("\u{e9}%zz")));
        assert_eq!((read("d"), read("empty"), read("alone")), (Some("\u{fffd}"), None, None));
    }

    #[test]
    fn what_is_quoted_is_pythons() {
        assert_eq!(
            Quoted("a b/c:*~_.-\u{e9}&=?#\"<%").to_string(),
            "a%20b/c%3A%2A~_.-%C3%A9%26%3D%3F%23%22%3C%25"
        );
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(name in "[a-z]+", value in ".+") {
            let query = format!("{name}={}", Quoted(&value));
            for form in [Form::of(&query, b""), Form::of("", query.as_bytes())] {
                prop_assert_eq!(form.get(&name), Some(value.as_str()));
            }
        }
    }
}
