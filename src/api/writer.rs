//! Writes XML-RPC values into one string, byte for byte as Python's `xmlrpc.client` lays them out (RPC-005).

/// Grows one document. Values are written whole; arrays and structs by what their closure writes.
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
}

impl Writer {
    /// An empty document with room for about `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Writer {
        Writer { out: String::with_capacity(capacity) }
    }

    /// What was written.
    pub fn into_string(self) -> String {
        self.out
    }

    /// How many bytes were written so far.
    pub fn bytes(&self) -> usize {
        self.out.len()
    }

    /// Markup, or values that another writer wrote.
    pub fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    /// Numbers outside 32 bits become the nearest one inside, since clients accept no others (BUG-018).
    pub fn int(&mut self, number: i64) {
        self.out.push_str("<value><int>");
        self.number(number);
        self.out.push_str("</int></value>\n");
    }

    /// The digits of an `int`, for whoever writes its tags.
    pub fn number(&mut self, number: i64) {
        let number = number.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
        if number < 0 {
            self.out.push('-');
        }
        // From the right; ten digits are the most that 32 bits have.
        let (mut digits, mut first, mut rest) = ([b'0'; 10], 10, number.unsigned_abs());
        while rest > 0 || first == 10 {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.out.push_str(str::from_utf8(&digits[first..]).unwrap_or_default());
    }

    /// A `boolean`: 1 or 0.
    pub fn boolean(&mut self, flag: bool) {
        self.out.push_str(if flag {
            "<value><boolean>1</boolean></value>\n"
        } else {
            "<value><boolean>0</boolean></value>\n"
        });
    }

    /// A `string`; see [`Writer::escaped`].
    pub fn string(&mut self, text: &str) {
        self.out.push_str("<value><string>");
        self.escaped(text);
        self.out.push_str("</string></value>\n");
    }

    /// An `array` of the values that `items` writes.
    pub fn array(&mut self, items: impl FnOnce(&mut Writer)) {
        self.out.push_str("<value><array><data>\n");
        items(self);
        self.out.push_str("</data></array></value>\n");
    }

    /// An `array` of strings.
    pub fn strings<T: AsRef<str>>(&mut self, texts: &[T]) {
        self.array(|w| texts.iter().for_each(|text| w.string(text.as_ref())));
    }

    /// A `struct` of what `members` writes, each by [`Writer::member`].
    pub fn structure(&mut self, members: impl FnOnce(&mut Writer)) {
        self.out.push_str("<value><struct>\n");
        members(self);
        self.out.push_str("</struct></value>\n");
    }

    /// A member of the struct being written; `name` needs no escaping.
    pub fn member(&mut self, name: &str, value: impl FnOnce(&mut Writer)) {
        self.out.push_str("<member>\n<name>");
        self.out.push_str(name);
        self.out.push_str("</name>\n");
        value(self);
        self.out.push_str("</member>\n");
    }

    /// The text of a `string`, for whoever writes its tags. What XML 1.0 cannot hold becomes U+FFFD: as it is,
    /// no client could read the answer (BUG-017).
    pub fn escaped(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let (mut copied, mut at) = (0, 0);
        while let Some(skipped) = special(&bytes[at..]) {
            at += skipped;
            let (replacement, width) = match bytes[at] {
                b'&' => ("&amp;", 1),
                b'<' => ("&lt;", 1),
                b'>' => ("&gt;", 1),
                // U+FFFE and U+FFFF are EF BF BE and EF BF BF; the rest that begins with EF may stay.
                0xef if !matches!(bytes[at..], [_, 0xbf, 0xbe | 0xbf, ..]) => {
                    at += 3;
                    continue;
                }
                0xef => ("\u{fffd}", 3),
                _ => ("\u{fffd}", 1),
            };
            self.out.push_str(&text[copied..at]);
            self.out.push_str(replacement);
            at += width;
            copied = at;
        }
        self.out.push_str(&text[copied..]);
    }
}

/// The first byte that does not simply stay as it is.
fn special(bytes: &[u8]) -> Option<usize> {
    // Nearly all text is plain, so eight bytes are looked at in one go.
    let (words, _) = bytes.as_chunks::<8>();
    let plain = words.iter().take_while(|word| !is_special(u64::from_ne_bytes(**word))).count() * 8;
    bytes[plain..].iter().position(|byte| SPECIAL[usize::from(*byte)]).map(|at| plain + at)
}

/// Whether one of eight bytes may be among [`SPECIAL`]; also says so of tabs and line ends.
fn is_special(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // The high bit of a byte is set where the byte is below the limit.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let equals = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | equals(b'&') | equals(b'<') | equals(b'>') | equals(0xef)) != 0
}

/// Bytes that do not simply stay as they are.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        special[byte] = !matches!(byte as u8, b'\t' | b'\n' | b'\r');
        byte += 1;
    }
    special[b'&' as usize] = true;
    special[b'<' as usize] = true;
    special[b'>' as usize] = true;
    special[0xef] = true;
    special
};

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Writer)) -> String {
        let mut writer = Writer::default();
        write(&mut writer);
        writer.into_string()
    }

    #[test]
    fn only_three_characters_are_escaped_rpc_005() {
        let value = written(|w| w.string("a<b>&\"'\r\n\té\u{7f}"));
        assert_eq!(value, "<value><string>a&lt;b&gt;&amp;\"'\r\n\té\u{7f}</string></value>\n");
    }

    #[test]
    fn characters_xml_cannot_hold_are_replaced_bug_017() {
        let value = written(|w| w.string("\u{1b}[1m\0x\u{fffe}\u{ffff}\u{fffd}\u{ffbf}\u{1f600}"));
        let expected = "\u{fffd}[1m\u{fffd}x\u{fffd}\u{fffd}\u{fffd}\u{ffbf}\u{1f600}";
        assert_eq!(value, format!("<value><string>{expected}</string></value>\n"));
    }

    #[test]
    fn a_special_character_is_found_at_every_place_of_a_long_text() {
        for (special, replacement) in
            [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\u{1}", "\u{fffd}"), ("\u{ffff}", "\u{fffd}")]
        {
            for place in 0..20 {
                let (before, after) = ("é~ ".repeat(place), "x".repeat(20 - place));
                let value = written(|w| w.string(&format!("{before}{special}{after}\n{special}")));
                let expected = format!("{before}{replacement}{after}\n{replacement}");
                assert_eq!(value, format!("<value><string>{expected}</string></value>\n"));
            }
        }
    }

    #[test]
    fn numbers_stay_within_32_bits_bug_018() {
        let cases = [
            (0, "0"),
            (7, "7"),
            (-1, "-1"),
            (1_000, "1000"),
            (2_147_483_647, "2147483647"),
            (2_147_483_648, "2147483647"),
            (i64::MIN, "-2147483648"),
        ];
        for (number, expected) in cases {
            assert_eq!(written(|w| w.int(number)), format!("<value><int>{expected}</int></value>\n"));
        }
    }

    #[test]
    fn containers_are_laid_out_as_python_lays_them_out() {
        let value = written(|w| {
            w.structure(|w| {
                w.member("a", |w| w.strings(&["x", ""]));
                w.member("b", |w| w.boolean(true));
            });
        });
        let expected = "<value><struct>\n<member>\n<name>a</name>\n<value><array><data>\n\
            <value><string>x</string></value>\n<value><string></string></value>\n</data></array></value>\n\
            </member>\n<member>\n<name>b</name>\n<value><boolean>1</boolean></value>\n</member>\n\
            </struct></value>\n";
        assert_eq!(value, expected);
        assert_eq!(written(|w| w.array(|_| ())), "<value><array><data>\n</data></array></value>\n");
    }
}
