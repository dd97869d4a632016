//! A second chance for calls that the XML-RPC grammar refuses and the reference accepts (RPC-003).
//!
//! The document is written anew, tag by tag, with what clients are known to send put into the grammar's
//! words: `<boolean>true</boolean>`, integers past 32 bits in `<int>`, attributes, values of blanks, and unknown types,
//! which are text. The result is parsed again by the strict parser, so nothing here needs to be complete.

/// The elements of XML-RPC. Any other one directly inside a value is taken as a string.
const KNOWN: [&str; 18] = [
    "methodCall",
    "methodName",
    "params",
    "param",
    "value",
    "array",
    "data",
    "struct",
    "member",
    "name",
    "int",
    "i4",
    "i8",
    "boolean",
    "string",
    "double",
    "base64",
    "nil",
];

/// The document in the grammar's words, as far as this knows how.
pub fn rewrite(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    let mut in_value = false;
    let mut foreign: Option<&str> = None;
    while let Some(open) = rest.find('<') {
        let (text, tail) = rest.split_at(open);
        let markup = markup_at(tail);
        rest = &tail[markup.len()..];
        if in_value && markup == "</value>" && !text.is_empty() && text.chars().all(is_space) {
            // The parser would take blanks without a type as nothing.
            out.push_str("<string>");
            out.push_str(text);
            out.push_str("</string></value>");
            in_value = false;
            continue;
        }
        out.push_str(text);
        in_value &= text.chars().all(is_space);
        let Some(tag) = Tag::parse(markup) else {
            out.push_str(markup);
            continue;
        };
        if foreign == Some(tag.name) {
            // Its own end, since start tags inside it are dropped with the rest of the markup.
            out.push_str("</string>");
            foreign = None;
        } else if in_value && !tag.closing && !KNOWN.contains(&tag.name) && tag.name != "dateTime.iso8601" {
            out.push_str(if tag.empty { "<string/>" } else { "<string>" });
            foreign = (!tag.empty).then_some(tag.name);
        } else if !tag.closing && !tag.empty && matches!(tag.name, "boolean" | "int" | "i4") {
            rest = scalar(&mut out, tag.name, rest);
        } else {
            tag.write(&mut out);
        }
        in_value = tag.name == "value" && !tag.closing && !tag.empty;
    }
    out.push_str(rest);
    out
}

/// A document, as [`rewrite`] leaves it, with a name for its method where it has none or one of blanks; and those
/// blanks. `None` if it has a name.
pub fn named(document: &str) -> Option<(String, &str)> {
    const NAME: &str = "<methodName>x</methodName>";
    if let Some((before, after)) = document.split_once("<methodName/>") {
        return Some((format!("{before}{NAME}{after}"), ""));
    }
    if let Some((before, after)) = document.split_once("<methodName>") {
        let (text, after) = after.split_once("</methodName>")?;
        return text.chars().all(is_space).then(|| (format!("{before}{NAME}{after}"), text));
    }
    let mut rest = document;
    while let Some(open) = rest.find('<') {
        let markup = markup_at(&rest[open..]);
        rest = &rest[open + markup.len()..];
        let Some(root) = Tag::parse(markup) else { continue };
        let before = &document[..document.len() - rest.len() - markup.len()];
        let end = if root.empty { format!("</{}>", root.name) } else { String::new() };
        return Some((format!("{before}<{}>{NAME}{end}{rest}", root.name), ""));
    }
    None
}

/// A boolean or an integer, up to and with its end tag; gives what follows.
fn scalar<'a>(out: &mut String, name: &str, rest: &'a str) -> &'a str {
    let end = format!("</{name}>");
    let Some((text, after)) = rest.split_once(&end) else {
        out.push_str(&format!("<{name}>"));
        return rest;
    };
    if name == "boolean" {
        // The reference reads `true` as false; the client meant what it wrote.
        let flag = i32::from(matches!(text.trim(), "1" | "true" | "True"));
        out.push_str(&format!("<boolean>{flag}</boolean>"));
    } else {
        out.push_str(&format!("<i8>{}</i8>", text.trim()));
    }
    after
}

/// What XML calls white space.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// One piece of markup at the head of `text`, which begins with `<`: a tag, comment, CDATA or instruction.
pub(super) fn markup_at(text: &str) -> &str {
    let end = if text.starts_with("<!--") {
        "-->"
    } else if text.starts_with("<![CDATA[") {
        "]]>"
    } else if text.starts_with("<?") {
        "?>"
    } else {
        ">"
    };
    match text.find(end) {
        Some(at) => &text[..at + end.len()],
        None => text,
    }
}

/// One tag.
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    pub(super) closing: bool,
    pub(super) empty: bool,
}

impl<'a> Tag<'a> {
    /// `None` for a comment, CDATA, declaration, instruction, or what has no name.
    pub(super) fn parse(markup: &'a str) -> Option<Tag<'a>> {
        let inner = markup.strip_prefix('<')?.strip_suffix('>')?;
        if inner.starts_with(['!', '?']) {
            return None;
        }
        let closing = inner.starts_with('/');
        let empty = inner.ends_with('/');
        let inner = inner.trim_matches('/');
        let name = inner.split(|c: char| c.is_ascii_whitespace() || c == '/').next()?;
        (!name.is_empty()).then_some(Tag { name, closing, empty })
    }

    /// Without its attributes.
    fn write(&self, out: &mut String) {
        out.push_str(if self.closing { "</" } else { "<" });
        out.push_str(self.name);
        out.push_str(if self.empty { "/>" } else { ">" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_send_is_put_into_the_grammars_words() {
        let cases = [
            ("<value><boolean>true</boolean></value>", "<value><boolean>1</boolean></value>"),
            ("<value><boolean>false</boolean></value>", "<value><boolean>0</boolean></value>"),
            ("<value><int> 3000000000 </int></value>", "<value><i8>3000000000</i8></value>"),
            ("<value a=\"b\"><i4>5</i4></value>", "<value><i8>5</i8></value>"),
            ("<value><i1>7</i1></value>", "<value><string>7</string></value>"),
            ("<value> <foo/></value>", "<value> <string/></value>"),
            ("<x><value>text<b>bold</b></value></x>", "<x><value>text<b>bold</b></value></x>"),
            (
                "<value><![CDATA[<boolean>true</boolean>]]></value>",
                "<value><![CDATA[<boolean>true</boolean>]]></value>",
            ),
            ("<!-- <i1> --><value/>", "<!-- <i1> --><value/>"),
            ("<value> \n</value>", "<value><string> \n</string></value>"),
            ("<value> <nil/> </value>", "<value> <nil/> </value>"),
        ];
        for (document, expected) in cases {
            assert_eq!(rewrite(document), expected);
        }
    }

    #[test]
    fn a_name_is_put_where_there_is_none() {
        let name = "<methodName>x</methodName>";
        for (document, expected) in [
            ("<?xml?><a/>", Some((format!("<?xml?><a>{name}</a>"), ""))),
            ("<!-- c --><a><b/></a>", Some((format!("<!-- c --><a>{name}<b/></a>"), ""))),
            ("<a><methodName/></a>", Some((format!("<a>{name}</a>"), ""))),
            ("<a><methodName> </methodName></a>", Some((format!("<a>{name}</a>"), " "))),
            ("<a><methodName>b</methodName></a>", None),
            ("<a><methodName>", None),
            ("a", None),
        ] {
            assert_eq!(named(document), expected, "{document}");
        }
    }

    #[test]
    fn broken_markup_passes_through_whole() {
        for broken in ["", "<", "<value", "a<![CDATA[", "</", "<>", "</>", "<boolean>", "é<é"] {
            assert_eq!(rewrite(broken), broken);
        }
    }
}
