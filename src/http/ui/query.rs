//! What stands behind the question mark of an address, and what a form sends.

use crate::http::form_decoded;

/// Pairs of names and values, decoded, in their order.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=1&b=two+words`; what cannot be decoded stays as it is, and bytes that are no text become U+FFFD.
    pub(super) fn parse(text: &str) -> Query {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (form_decoded(name), form_decoded(value))
        });
        Query(pairs.collect())
    }

    /// The first value of this name; one that is empty counts as none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }
}

/// Writes a value so that it stands for itself in an address.
pub(super) fn encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn queries_are_read_as_browsers_write_them() {
        let query = Query::parse("collection=web+tier&q=%C3%A4%26&empty=&alone&q=second&bad=%zz%FF");
        assert_eq!(query.get("collection"), Some("web tier"));
        assert_eq!(query.get("q"), Some("ä&"));
        assert_eq!((query.get("empty"), query.get("alone"), query.get("none")), (None, None, None));
        assert_eq!(query.get("bad"), Some("%zz\u{fffd}"));
        assert_eq!(Query::parse(""), Query::default());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(name in "[a-z]+", value in ".+") {
            let query = Query::parse(&format!("{name}={}", encoded(&value)));
            prop_assert_eq!(query.get(&name), Some(value.as_str()));
        }
    }
}
