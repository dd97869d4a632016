//! `%(name)s` in values: Python's `%` with a mapping (CFG-035 to CFG-050).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::names::repr;

/// How every error of this file begins.
pub const FORMAT: &str = "Format string";

/// What the reference says before it lists all the names it has.
pub const UNKNOWN_NAME: &str = "which cannot be expanded. Available names";

/// What a name stands for. Only numbers take numeric conversions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    Text(String),
    Number(i64),
}

/// The names that can be expanded in one place: variables as `ENV_X`, and others that go before them.
#[derive(Clone, Debug)]
pub struct Names {
    environment: Rc<BTreeMap<String, String>>,
    own: BTreeMap<String, Value>,
}

impl Names {
    /// The variables of an environment (CFG-039).
    pub fn new(environment: BTreeMap<String, String>) -> Names {
        Names { environment: Rc::new(environment), own: BTreeMap::new() }
    }

    /// Gives a name of this place a text; it goes before a variable.
    pub fn set(&mut self, name: &str, text: &str) {
        self.own.insert(name.to_string(), Value::Text(text.to_string()));
    }

    /// The same with a number, which takes numeric conversions too.
    pub fn set_number(&mut self, name: &str, number: i64) {
        self.own.insert(name.to_string(), Value::Number(number));
    }

    /// A section's own variables (CFG-041).
    pub fn set_variables(&mut self, variables: &BTreeMap<String, String>) {
        for (name, value) in variables {
            self.set(&format!("ENV_{name}"), value);
        }
    }

    /// Gives the environment back those of its variables that a section went over; the section's others stay, as they
    /// do from one process number to the next in the reference (CFG-041).
    pub fn restore_environment(&mut self) {
        let environment = Rc::clone(&self.environment);
        let from_environment =
            |name: &str| name.strip_prefix("ENV_").is_some_and(|name| environment.contains_key(name));
        self.own.retain(|name, _| !from_environment(name));
    }

    /// Expands `text`; `what` is named in the error, which is the reference's sentence (CFG-037, CFG-038).
    pub fn expand(&self, text: &str, what: &str) -> Result<String, String> {
        if !text.contains('%') {
            return Ok(text.to_string());
        }
        self.format(text).map_err(|trouble| {
            let head = format!("{FORMAT} {} for {}", repr(text), repr(what));
            match trouble {
                Trouble::Unknown(name) => {
                    let (name, known) = (repr(&name), self.known().join(", "));
                    format!("{head} contains names ({name}) {UNKNOWN_NAME}: {known}")
                }
                Trouble::Bad(reason) => format!("{head} is badly formatted: {reason}"),
            }
        })
    }

    fn format(&self, text: &str) -> Result<String, Trouble> {
        let mut reader = Reader { chars: text.chars().collect(), at: 0, names: self, any_named: false };
        let mut out = String::with_capacity(text.len());
        while let Some(c) = reader.next() {
            if c == '%' {
                out.push_str(&reader.conversion()?);
            } else {
                out.push(c);
            }
        }
        Ok(out)
    }

    fn get(&self, name: &str) -> Option<Value> {
        let variable = || self.environment.get(name.strip_prefix("ENV_")?).cloned().map(Value::Text);
        self.own.get(name).cloned().or_else(variable)
    }

    fn known(&self) -> Vec<String> {
        let variables = self.environment.keys().map(|name| format!("ENV_{name}"));
        let all: BTreeSet<String> = self.own.keys().cloned().chain(variables).collect();
        all.into_iter().collect()
    }
}

enum Trouble {
    Unknown(String),
    Bad(String),
}

fn bad<T>(reason: &str) -> Result<T, Trouble> {
    Err(Trouble::Bad(reason.to_string()))
}

/// Widths and precisions past this are refused; Python would fill the memory.
const WIDTH_MAX: usize = 65_536;

/// The text after a `%` being taken apart.
struct Reader<'a> {
    chars: Vec<char>,
    at: usize,
    names: &'a Names,
    /// Whether a conversion with a name came before: Python then has nothing left for one without.
    any_named: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += usize::from(c.is_some());
        c
    }

    fn conversion(&mut self) -> Result<String, Trouble> {
        if self.peek() == Some('%') {
            self.at += 1;
            return Ok("%".to_string());
        }
        let mut value = None;
        if self.peek() == Some('(') {
            let key = self.key()?;
            value = Some(self.names.get(&key).ok_or(Trouble::Unknown(key))?);
            self.any_named = true;
        }
        let mut how = self.flags();
        how.width = self.number("width", &mut value)?.unwrap_or(0);
        if self.peek() == Some('.') {
            self.at += 1;
            how.precision = Some(self.number("precision", &mut value)?.unwrap_or(0));
        }
        if matches!(self.peek(), Some('h' | 'l' | 'L')) {
            self.at += 1;
        }
        let index = self.at;
        match (self.next(), value) {
            (None, _) => bad("incomplete format"),
            (Some(kind), Some(value)) => how.apply(&value, kind, index),
            (Some(kind), None) => Err(self.without_name(kind, index)),
        }
    }

    /// The text between balanced parentheses.
    fn key(&mut self) -> Result<String, Trouble> {
        let start = self.at + 1;
        let mut depth = 0;
        while let Some(c) = self.next() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => (),
            }
            if depth == 0 {
                return Ok(self.chars[start..self.at - 1].iter().collect());
            }
        }
        bad("incomplete format key")
    }

    fn flags(&mut self) -> Conversion {
        let mut how = Conversion::default();
        while let Some(flag) = self.peek() {
            match flag {
                '-' => how.left = true,
                '0' => how.zero = true,
                '+' => how.plus = true,
                ' ' => how.space = true,
                '#' => how.alternate = true,
                _ => break,
            }
            self.at += 1;
        }
        how
    }

    /// Digits. A `*` takes the value for a number, and none is left to be formatted.
    fn number(&mut self, what: &str, value: &mut Option<Value>) -> Result<Option<usize>, Trouble> {
        if self.peek() == Some('*') {
            self.at += 1;
            return match value.take() {
                Some(Value::Number(_)) => Ok(None),
                None if self.any_named => bad("not enough arguments for format string"),
                Some(Value::Text(_)) | None => bad("* wants int"),
            };
        }
        let mut number = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            self.at += 1;
            let next = number.unwrap_or(0_usize) * 10 + digit as usize;
            if next > WIDTH_MAX {
                return bad(&format!("{what} too big"));
            }
            number = Some(next);
        }
        Ok(number)
    }

    /// Without a name Python formats the whole mapping: `%s` would put every variable of the environment into the
    /// value (BUG-010).
    fn without_name(&self, kind: char, index: usize) -> Trouble {
        let reason = match kind {
            _ if self.any_named => "not enough arguments for format string".to_string(),
            's' | 'r' | 'a' => format!("%{kind} without a name; write %%{kind} for the plain characters"),
            'd' | 'i' | 'u' => format!("%{kind} format: a real number is required, not dict"),
            'x' | 'X' | 'o' => format!("%{kind} format: an integer is required, not dict"),
            'c' => "%c requires int or char".to_string(),
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => "must be real number, not dict".to_string(),
            _ => return unsupported(kind, index),
        };
        Trouble::Bad(reason)
    }
}

fn unsupported(kind: char, index: usize) -> Trouble {
    let shown = if ('\u{1f}'..='~').contains(&kind) { kind } else { '?' };
    Trouble::Bad(format!("unsupported format character '{shown}' (0x{:x}) at index {index}", kind as u32))
}

/// `-05.3` of `%(key)-05.3d`.
#[derive(Clone, Copy, Default)]
struct Conversion {
    left: bool,
    zero: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

impl Conversion {
    fn apply(&self, value: &Value, kind: char, index: usize) -> Result<String, Trouble> {
        match value {
            Value::Text(text) => self.apply_text(text, kind, index),
            Value::Number(number) => self.apply_number(*number, kind, index),
        }
    }

    fn apply_text(&self, text: &str, kind: char, index: usize) -> Result<String, Trouble> {
        match kind {
            's' => Ok(self.text(text.to_string())),
            'r' => Ok(self.text(repr(text))),
            'a' => Ok(self.text(ascii(text))),
            'c' if text.chars().count() == 1 => Ok(self.character(text.to_string())),
            'c' => bad("%c requires int or char"),
            'd' | 'i' | 'u' => bad(&format!("%{kind} format: a real number is required, not str")),
            'x' | 'X' | 'o' => bad(&format!("%{kind} format: an integer is required, not str")),
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => bad("must be real number, not str"),
            _ => Err(unsupported(kind, index)),
        }
    }

    fn apply_number(&self, number: i64, kind: char, index: usize) -> Result<String, Trouble> {
        let digits = number.unsigned_abs();
        match kind {
            's' | 'r' | 'a' => Ok(self.text(number.to_string())),
            'd' | 'i' | 'u' => Ok(self.integer(number, digits.to_string(), "")),
            'x' => Ok(self.integer(number, format!("{digits:x}"), "0x")),
            'X' => Ok(self.integer(number, format!("{digits:X}"), "0X")),
            'o' => Ok(self.integer(number, format!("{digits:o}"), "0o")),
            'c' => match u32::try_from(number).ok().and_then(char::from_u32) {
                Some(c) => Ok(self.character(c.to_string())),
                None => bad("%c arg not in range(0x110000)"),
            },
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => Ok(self.float(number, kind)),
            _ => Err(unsupported(kind, index)),
        }
    }

    fn text(&self, text: String) -> String {
        let cut = match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text,
        };
        self.pad("", cut, false)
    }

    fn character(&self, text: String) -> String {
        self.pad("", text, false)
    }

    fn integer(&self, number: i64, digits: String, prefix: &str) -> String {
        let zeros = "0".repeat(self.precision.unwrap_or(0).saturating_sub(digits.len()));
        let prefix = if self.alternate { prefix } else { "" };
        self.pad(&format!("{}{prefix}", self.sign(number)), format!("{zeros}{digits}"), self.zero)
    }

    fn float(&self, number: i64, kind: char) -> String {
        let precision = self.precision.unwrap_or(6);
        let value = number.unsigned_abs() as f64;
        let body = match kind.to_ascii_lowercase() {
            'f' => fixed(value, precision, self.alternate),
            'e' => scientific(value, precision, self.alternate),
            _ => general(value, precision.max(1), self.alternate),
        };
        let body = if kind.is_ascii_uppercase() { body.to_uppercase() } else { body };
        self.pad(self.sign(number), body, self.zero)
    }

    fn sign(&self, number: i64) -> &'static str {
        match (number < 0, self.plus, self.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }

    fn pad(&self, head: &str, body: String, zero: bool) -> String {
        let fill = self.width.saturating_sub(head.chars().count() + body.chars().count());
        match (self.left, zero) {
            (true, _) => format!("{head}{body}{}", " ".repeat(fill)),
            (false, true) => format!("{head}{}{body}", "0".repeat(fill)),
            (false, false) => format!("{}{head}{body}", " ".repeat(fill)),
        }
    }
}

/// Python's `ascii()`: `repr` with everything beyond ASCII escaped.
fn ascii(text: &str) -> String {
    let escaped = |c: char| match c as u32 {
        0..=0x7f => c.to_string(),
        code @ 0x80..=0xff => format!("\\x{code:02x}"),
        code @ 0x100..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    };
    repr(text).chars().map(escaped).collect()
}

fn fixed(value: f64, precision: usize, alternate: bool) -> String {
    let point = if alternate && precision == 0 { "." } else { "" };
    format!("{value:.precision$}{point}")
}

fn scientific(value: f64, precision: usize, alternate: bool) -> String {
    let text = format!("{value:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if alternate && precision == 0 { "." } else { "" };
    format!("{digits}{point}e+{exponent:0>2}")
}

/// The shorter of the two, to so many significant digits. Values here are whole numbers, so exponents are not negative.
fn general(value: f64, digits: usize, alternate: bool) -> String {
    let text = format!("{value:.*e}", digits - 1);
    let exponent: usize = text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let (mantissa, tail) = if exponent < digits {
        (fixed(value, digits - 1 - exponent, alternate), String::new())
    } else {
        let text = scientific(value, digits - 1, alternate);
        let at = text.find('e').unwrap_or(text.len());
        (text[..at].to_string(), text[at..].to_string())
    };
    if alternate || !mantissa.contains('.') {
        return format!("{mantissa}{tail}");
    }
    format!("{}{tail}", mantissa.trim_end_matches('0').trim_end_matches('.'))
}
