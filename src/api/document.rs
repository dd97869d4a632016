//! What is looked at before an XML-RPC document is parsed: that it is text that XML may hold, and that its size has
//! bounds in every direction.

use std::borrow::Cow;

use super::lenient::{Tag, is_space, markup_at};

/// Elements inside one another; a document with more is no call. An array of arrays takes three for each level.
pub const DEPTH_MAX: usize = 100;

/// Values in one document, each of which takes much more room once it is parsed, and a microsecond in which nobody else
/// is served; a document with more is no call.
pub const VALUES_MAX: usize = 20_000;

/// A document that the parser may be given.
#[derive(Debug)]
pub struct Document<'a> {
    pub text: Cow<'a, str>,
    /// It has a value that is nothing but blanks, which the parser would take as empty.
    pub has_blank_values: bool,
}

/// `None` for what is no well-formed document, as far as this sees, or is past a bound.
pub fn vetted(document: &[u8]) -> Option<Document<'_>> {
    let text = decoded(document)?;
    let has_blank_values = looked_over(&text)?;
    Some(Document { text, has_blank_values })
}

/// The text of a document. UTF-8 is tried first whatever is declared: Perl's RPC::XML declares `us-ascii`, and sends
/// UTF-8 all the same. A mark at the beginning is no part of the text.
fn decoded(document: &[u8]) -> Option<Cow<'_, str>> {
    let utf_16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, []) = bytes.as_chunks::<2>() else { return None };
        let units: Vec<u16> = pairs.iter().copied().map(unit).collect();
        String::from_utf16(&units).ok().map(Cow::Owned)
    };
    match document {
        [0xff, 0xfe, rest @ ..] => return utf_16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return utf_16(rest, u16::from_be_bytes),
        [b'<', 0, ..] => return utf_16(document, u16::from_le_bytes),
        [0, b'<', ..] => return utf_16(document, u16::from_be_bytes),
        _ => (),
    }
    if let Ok(text) = std::str::from_utf8(document) {
        return Some(Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)));
    }
    // The characters of ISO-8859-1 are the first of Unicode.
    declares_latin_1(document)
        .then(|| document.iter().map(|byte| char::from(*byte)).collect::<String>().into())
}

/// Whether the XML declaration says ISO-8859-1.
fn declares_latin_1(document: &[u8]) -> bool {
    let end = document.iter().position(|byte| *byte == b'>').unwrap_or(0);
    let head = String::from_utf8_lossy(&document[..end]).to_ascii_lowercase();
    head.starts_with("<?xml")
        && ["iso-8859-1", "iso8859-1", "latin-1", "latin1"].iter().any(|name| {
            let after = head.split_once("encoding").map_or("", |(_, after)| after);
            let quoted = after.trim_start_matches(|c: char| c == '=' || c.is_ascii_whitespace());
            quoted.get(1..).is_some_and(|quoted| {
                quoted.strip_prefix(name).is_some_and(|rest| rest.starts_with(['"', '\'']))
            })
        })
}

/// Whether there is a value of blanks; `None` if the document is not to be parsed.
fn looked_over(text: &str) -> Option<bool> {
    if text.chars().any(|c| !is_xml(c)) || !references_are_xml(text) {
        return None;
    }
    let (mut depth, mut values, mut roots) = (0_usize, 0, 0);
    let (mut has_blank_values, mut opened_value) = (false, false);
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        let (before, tail) = rest.split_at(open);
        let markup = markup_at(tail);
        rest = &tail[markup.len()..];
        if depth == 0 && !before.chars().all(is_space) || !is_whole(markup) {
            return None;
        }
        // With entities of its own a small document could become a large one.
        if markup.starts_with("<!DOCTYPE") && (roots > 0 || tail.contains("<!ENTITY")) {
            return None;
        }
        let Some(tag) = Tag::parse(markup) else {
            opened_value &= markup.starts_with("<!--") && before.is_empty();
            continue;
        };
        let blank = !before.is_empty() && before.chars().all(is_space);
        has_blank_values |= opened_value && blank && tag.closing;
        opened_value = tag.name == "value" && !tag.closing && !tag.empty;
        values += usize::from(tag.name == "value" && !tag.closing);
        match (tag.closing, tag.empty) {
            (true, _) => depth = depth.checked_sub(1)?,
            (false, empty) => {
                roots += usize::from(depth == 0);
                depth += usize::from(!empty);
            }
        }
        if depth > DEPTH_MAX || values > VALUES_MAX || roots > 1 {
            return None;
        }
    }
    (depth == 0 && roots == 1 && rest.chars().all(is_space)).then_some(has_blank_values)
}

/// Whether a piece of markup has its end.
fn is_whole(markup: &str) -> bool {
    let ends = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"), ("<", ">")];
    let end = ends.into_iter().find_map(|(start, end)| markup.strip_prefix(start).map(|rest| (rest, end)));
    end.is_some_and(|(rest, end)| rest.ends_with(end))
}

/// Whether XML 1.0 allows the character.
fn is_xml(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => c >= ' ',
    }
}

/// Whether no `&#N;` stands for a character that XML does not allow. What is no reference is the parser's to refuse.
fn references_are_xml(text: &str) -> bool {
    text.split("&#").skip(1).all(|after| {
        let Some((digits, _)) = after.split_once(';') else { return true };
        let number = match digits.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => digits.parse(),
        };
        number.is_ok_and(|number| char::from_u32(number).is_some_and(is_xml))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(document: &[u8]) -> Option<String> {
        vetted(document).map(|document| document.text.into_owned())
    }

    #[test]
    fn documents_come_in_the_encodings_that_clients_use() {
        let utf_16 = |mark: &[u16], swap: fn(u16) -> [u8; 2]| -> Vec<u8> {
            mark.iter().copied().chain("<a>é</a>".encode_utf16()).flat_map(swap).collect()
        };
        let cases: [(&[u8], &str); 9] = [
            ("<a>é</a>".as_bytes(), "<a>é</a>"),
            ("\u{feff}<a>é</a>".as_bytes(), "<a>é</a>"),
            (&utf_16(&[0xfeff], u16::to_le_bytes), "<a>é</a>"),
            (&utf_16(&[0xfeff], u16::to_be_bytes), "<a>é</a>"),
            (&utf_16(&[], u16::to_le_bytes), "<a>é</a>"),
            (&utf_16(&[], u16::to_be_bytes), "<a>é</a>"),
            (
                b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>",
                "<?xml version='1.0' encoding='ISO-8859-1'?><a>é</a>",
            ),
            (
                b"<?xml version=\"1.0\" encoding = \"latin1\" ?><a>\xe9</a>",
                "<?xml version=\"1.0\" encoding = \"latin1\" ?><a>é</a>",
            ),
            (
                "<?xml version='1.0' encoding='us-ascii'?><a>é</a>".as_bytes(),
                "<?xml version='1.0' encoding='us-ascii'?><a>é</a>",
            ),
        ];
        for (document, expected) in cases {
            assert_eq!(text(document).as_deref(), Some(expected), "{}", document.escape_ascii());
        }
        let refused: [&[u8]; 4] = [
            b"<a>\xe9</a>",
            b"<?xml version='1.0' encoding='koi8-r'?><a>\xe9</a>",
            b"<?xml version='1.0' encoding='iso-8859-15'?><a>\xe9</a>",
            b"\xff\xfe<",
        ];
        for document in refused {
            assert!(vetted(document).is_none(), "{}", document.escape_ascii());
        }
    }

    #[test]
    fn what_xml_cannot_hold_is_refused_and_so_is_all_but_one_root() {
        for good in [
            "<a/>",
            " <a></a>\n",
            "<?xml version='1.0'?><!-- c --><a>&#233;&#x9;</a><!-- d -->",
            "<!DOCTYPE a><a/>",
        ] {
            assert!(vetted(good.as_bytes()).is_some(), "{good}");
        }
        for bad in [
            "",
            "x",
            "<a>",
            "</a>",
            "<a/>x",
            "x<a/>",
            "<a/><b/>",
            "<a>\u{1b}</a>",
            "<a>\0</a>",
            "<a>\u{ffff}</a>",
            "<a>&#27;</a>",
            "<a>&#x0;</a>",
            "<a>&#xd800;</a>",
            "<a>&#99999999999;</a>",
            "<a>&#;</a>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
            "<a/><!DOCTYPE a>",
            "<a/><",
            "<a/><!-- c >",
            "<a/><!-->",
            "<a/><?b>",
        ] {
            assert!(vetted(bad.as_bytes()).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn depth_and_number_of_values_have_bounds() {
        let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(vetted(deep(DEPTH_MAX).as_bytes()).is_some());
        assert!(vetted(deep(DEPTH_MAX + 1).as_bytes()).is_none());
        let wide = |count: usize| format!("<a>{}</a>", "<value/>".repeat(count));
        assert!(vetted(wide(VALUES_MAX).as_bytes()).is_some());
        assert!(vetted(wide(VALUES_MAX + 1).as_bytes()).is_none());
    }

    #[test]
    fn values_of_blanks_are_noticed() {
        let blank = |document: &str| vetted(document.as_bytes()).map(|document| document.has_blank_values);
        assert_eq!(blank("<a><value> </value></a>"), Some(true));
        for none in
            ["<a><value></value> </a>", "<a> <value>x</value></a>", "<a><value> <i4>5</i4> </value></a>"]
        {
            assert_eq!(blank(none), Some(false), "{none}");
        }
    }
}
