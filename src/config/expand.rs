//! `%(name)s` in values: Python's `%` with a mapping (CFG-035 to CFG-050).

use std::collections::BTreeMap;

use crate::names::repr;

/// What a name stands for. Only numbers take numeric conversions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    Text(String),
    Number(i64),
}

/// The names that can be expanded in one place.
#[derive(Clone, Default, Debug)]
pub struct Names(BTreeMap<String, Value>);

impl Names {
    pub fn set(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_string(), Value::Text(text.to_string()));
    }

    pub fn set_number(&mut self, name: &str, number: i64) {
        self.0.insert(name.to_string(), Value::Number(number));
    }

    /// Every variable of an environment, as `ENV_X` (CFG-039).
    pub fn set_environment<'a>(&mut self, variables: impl Iterator<Item = (&'a String, &'a String)>) {
        for (name, value) in variables {
            self.set(&format!("ENV_{name}"), value);
        }
    }

    /// Expands `text`; `what` is named in the error, which is the reference's sentence (CFG-037, CFG-038).
    pub fn expand(&self, text: &str, what: &str) -> Result<String, String> {
        if !text.contains('%') {
            return Ok(text.to_string());
        }
        format_text(text, &self.0).map_err(|trouble| {
            let head = format!("Format string {} for {}", repr(text), repr(what));
            match trouble {
                Trouble::Unknown(name) => {
                    let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
                    let (name, known) = (repr(&name), known.join(", "));
                    format!(
                        "{head} contains names ({name}) which cannot be expanded. Available names: {known}"
                    )
                }
                Trouble::Bad(reason) => format!("{head} is badly formatted: {reason}"),
            }
        })
    }
}

enum Trouble {
    Unknown(String),
    Bad(String),
}

/// `%(key)-05.3d` and the like, taken apart.
#[derive(Default)]
struct Conversion {
    left: bool,
    zero: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

/// Widths past this are refused; Python would fill the memory.
const WIDTH_MAX: usize = 65_536;

fn format_text(text: &str, names: &BTreeMap<String, Value>) -> Result<String, Trouble> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        at += 1;
        if c == '%' {
            out.push_str(&conversion(&chars, &mut at, names)?);
        } else {
            out.push(c);
        }
    }
    Ok(out)
}

fn conversion(chars: &[char], at: &mut usize, names: &BTreeMap<String, Value>) -> Result<String, Trouble> {
    let incomplete = || Trouble::Bad("incomplete format".to_string());
    let mut value = None;
    if chars.get(*at) == Some(&'(') {
        let key = key(chars, at)?;
        value = Some(names.get(&key).ok_or(Trouble::Unknown(key))?);
    }
    let mut how = Conversion::default();
    while let Some(flag) = chars.get(*at) {
        match flag {
            '-' => how.left = true,
            '0' => how.zero = true,
            '+' => how.plus = true,
            ' ' => how.space = true,
            '#' => how.alternate = true,
            _ => break,
        }
        *at += 1;
    }
    how.width = number(chars, at)?.unwrap_or(0);
    if chars.get(*at) == Some(&'.') {
        *at += 1;
        how.precision = Some(number(chars, at)?.unwrap_or(0));
    }
    if matches!(chars.get(*at), Some('h' | 'l' | 'L')) {
        *at += 1;
    }
    let kind = *chars.get(*at).ok_or_else(incomplete)?;
    *at += 1;
    if kind == '%' {
        return Ok("%".to_string());
    }
    match value {
        Some(value) => how.apply(value, kind, *at - 1),
        None => Err(without_name(kind, *at - 1)),
    }
}

/// The text between balanced parentheses; `at` is at the first.
fn key(chars: &[char], at: &mut usize) -> Result<String, Trouble> {
    let start = *at + 1;
    let mut depth = 0;
    while let Some(c) = chars.get(*at) {
        *at += 1;
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => (),
        }
        if depth == 0 {
            return Ok(chars[start..*at - 1].iter().collect());
        }
    }
    Err(Trouble::Bad("incomplete format key".to_string()))
}

fn number(chars: &[char], at: &mut usize) -> Result<Option<usize>, Trouble> {
    if chars.get(*at) == Some(&'*') {
        return Err(Trouble::Bad("* wants int".to_string()));
    }
    let mut number: Option<usize> = None;
    while let Some(digit) = chars.get(*at).and_then(|c| c.to_digit(10)) {
        *at += 1;
        let next = number.unwrap_or(0) * 10 + digit as usize;
        if next > WIDTH_MAX {
            return Err(Trouble::Bad(format!("a width of at most {WIDTH_MAX} is supported")));
        }
        number = Some(next);
    }
    Ok(number)
}

/// Without a name Python formats the whole mapping: `%s` would put every variable of the environment into the
/// value (BUG-010).
fn without_name(kind: char, index: usize) -> Trouble {
    match kind {
        's' | 'r' | 'a' => {
            Trouble::Bad(format!("'%{kind}' names no value; write '%%{kind}' for a plain '%{kind}'"))
        }
        'd' | 'i' | 'u' => Trouble::Bad(format!("%{kind} format: a real number is required, not dict")),
        'x' | 'X' | 'o' => Trouble::Bad(format!("%{kind} format: an integer is required, not dict")),
        'c' => Trouble::Bad("%c requires int or char".to_string()),
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => Trouble::Bad("must be real number, not dict".to_string()),
        _ => unsupported(kind, index),
    }
}

fn unsupported(kind: char, index: usize) -> Trouble {
    let shown = if (' '..='~').contains(&kind) { kind } else { '?' };
    Trouble::Bad(format!("unsupported format character '{shown}' (0x{:x}) at index {index}", kind as u32))
}

impl Conversion {
    fn apply(&self, value: &Value, kind: char, index: usize) -> Result<String, Trouble> {
        match (kind, value) {
            ('s', Value::Text(text)) => Ok(self.text(text.clone())),
            ('r' | 'a', Value::Text(text)) => Ok(self.text(repr(text))),
            ('s' | 'r' | 'a', Value::Number(number)) => Ok(self.text(number.to_string())),
            ('d' | 'i' | 'u', Value::Number(number)) => {
                Ok(self.integer(*number, number.unsigned_abs().to_string(), ""))
            }
            ('x', Value::Number(number)) => {
                Ok(self.integer(*number, format!("{:x}", number.unsigned_abs()), "0x"))
            }
            ('X', Value::Number(number)) => {
                Ok(self.integer(*number, format!("{:X}", number.unsigned_abs()), "0X"))
            }
            ('o', Value::Number(number)) => {
                Ok(self.integer(*number, format!("{:o}", number.unsigned_abs()), "0o"))
            }
            ('c', Value::Text(text)) if text.chars().count() == 1 => Ok(self.text(text.clone())),
            ('c', Value::Number(number)) => {
                let c = u32::try_from(*number).ok().and_then(char::from_u32);
                let c = c.ok_or_else(|| Trouble::Bad("%c arg not in range(0x110000)".to_string()))?;
                Ok(self.text(c.to_string()))
            }
            ('f' | 'F', Value::Number(number)) => {
                let digits = format!("{:.*}", self.precision.unwrap_or(6), number.unsigned_abs() as f64);
                Ok(Conversion { precision: None, alternate: false, ..*self }.integer(*number, digits, ""))
            }
            ('d' | 'i' | 'u', Value::Text(_)) => {
                Err(Trouble::Bad(format!("%{kind} format: a real number is required, not str")))
            }
            ('x' | 'X' | 'o', Value::Text(_)) => {
                Err(Trouble::Bad(format!("%{kind} format: an integer is required, not str")))
            }
            ('c', Value::Text(_)) => Err(Trouble::Bad("%c requires int or char".to_string())),
            ('e' | 'E' | 'f' | 'F' | 'g' | 'G', Value::Text(_)) => {
                Err(Trouble::Bad("must be real number, not str".to_string()))
            }
            (_, Value::Text(_) | Value::Number(_)) => Err(unsupported(kind, index)),
        }
    }

    fn text(&self, text: String) -> String {
        let cut: String = match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text,
        };
        self.pad(String::new(), cut, false)
    }

    fn integer(&self, number: i64, digits: String, prefix: &str) -> String {
        let sign = match (number < 0, self.plus, self.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        };
        let zeros = self.precision.unwrap_or(0).saturating_sub(digits.len());
        let prefix = if self.alternate { prefix } else { "" };
        self.pad(format!("{sign}{prefix}"), format!("{}{digits}", "0".repeat(zeros)), self.zero)
    }

    fn pad(&self, head: String, body: String, zero: bool) -> String {
        let fill = self.width.saturating_sub(head.chars().count() + body.chars().count());
        match (self.left, zero) {
            (true, _) => format!("{head}{body}{}", " ".repeat(fill)),
            (false, true) => format!("{head}{}{body}", "0".repeat(fill)),
            (false, false) => format!("{}{head}{body}", " ".repeat(fill)),
        }
    }
}
