//! Python's `shlex`, in the two ways that Supervisor uses it: `command=` and `environment=`.

use std::collections::BTreeMap;

/// Latin-1 letters count as word characters in POSIX mode.
const LATIN: &str = "ßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞ";

/// What `environment=` adds to the characters of a word (CFG-071).
const ENVIRONMENT_CHARS: &str = "/.+-():";

/// Splits a command as `shlex.split` does: POSIX rules, no comments (CFG-102). The error is Python's text.
pub fn split_command(command: &str) -> Result<Vec<String>, String> {
    tokens(command, Mode { posix: true, split_on_space_only: true })
}

/// Reads `KEY="value",KEY2="value"` by POSIX rules, as 4.4 does; what those refuse and 4.3 took is read as 4.3 read
/// it (CFG-071 to CFG-079, Q-07).
pub fn environment(text: &str) -> Result<BTreeMap<String, String>, String> {
    let read = |posix| pairs(text, &tokens(text, Mode { posix, split_on_space_only: false })?);
    read(true).or_else(|_| read(false).map(unquoted))
}

/// The first separator that is no comma, and the name before it, in a text that can be read.
pub fn odd_separator(text: &str) -> Option<(String, String)> {
    let read = |posix| {
        let tokens = tokens(text, Mode { posix, split_on_space_only: false }).ok()?;
        pairs(text, &tokens).is_ok().then_some(tokens)
    };
    let tokens = read(true).or_else(|| read(false))?;
    tokens.chunks(4).find_map(|chunk| match chunk {
        [key, _, _, separator] if separator != "," => Some((key.clone(), separator.clone())),
        _ => None,
    })
}

fn unquoted(pairs: BTreeMap<String, String>) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key, value.trim_matches(['\'', '"']).to_string())).collect()
}

/// Key, `=`, value, and one token more, whatever it is (CFG-073).
fn pairs(text: &str, tokens: &[String]) -> Result<BTreeMap<String, String>, String> {
    let mut pairs = BTreeMap::new();
    for chunk in tokens.chunks(4) {
        match chunk {
            [key, equals, value, ..] if equals == "=" => pairs.insert(key.clone(), value.clone()),
            _ => return Err(format!("Unexpected end of key/value pairs in value '{text}'")),
        };
    }
    Ok(pairs)
}

#[derive(Clone, Copy)]
struct Mode {
    /// Quotes join with what is beside them and are taken off; a backslash escapes.
    posix: bool,
    split_on_space_only: bool,
}

impl Mode {
    fn is_word(self, c: char) -> bool {
        self.split_on_space_only
            || c.is_ascii_alphanumeric()
            || c == '_'
            || (self.posix && LATIN.contains(c))
            || ENVIRONMENT_CHARS.contains(c)
    }

    fn is_comment(self, c: char) -> bool {
        c == '#' && !self.split_on_space_only
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Between,
    Word,
    Quoted(char),
    /// After a backslash; what comes next belongs to the state before.
    Escaped {
        in_quote: Option<char>,
    },
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_quote(c: char) -> bool {
    matches!(c, '\'' | '"')
}

fn tokens(text: &str, mode: Mode) -> Result<Vec<String>, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = token(&chars, &mut at, mode)? {
        found.push(token);
    }
    Ok(found)
}

/// The next token, or `None` at the end. One that is empty counts only if it was quoted.
fn token(chars: &[char], at: &mut usize, mode: Mode) -> Result<Option<String>, String> {
    let mut token = String::new();
    let mut quoted = false;
    let mut state = State::Between;
    loop {
        let next = chars.get(*at).copied();
        let Some(c) = next else {
            return match state {
                State::Quoted(_) => Err("No closing quotation".to_string()),
                State::Escaped { .. } => Err("No escaped character".to_string()),
                State::Between | State::Word => Ok((quoted || !token.is_empty()).then_some(token)),
            };
        };
        *at += 1;
        let has_token = !token.is_empty() || (mode.posix && quoted);
        match state {
            State::Between | State::Word if is_space(c) || mode.is_comment(c) => {
                if mode.is_comment(c) {
                    skip_line(chars, at);
                    // The older way goes on with the word where the next line begins.
                    if !mode.posix {
                        continue;
                    }
                }
                if has_token {
                    return Ok(Some(token));
                }
                state = State::Between;
            }
            State::Between | State::Word if mode.posix && c == '\\' => {
                state = State::Escaped { in_quote: None };
            }
            State::Between | State::Word if mode.posix && is_quote(c) => {
                quoted = true;
                state = State::Quoted(c);
            }
            State::Between if is_quote(c) => {
                token.push(c);
                state = State::Quoted(c);
            }
            State::Between if mode.is_word(c) => {
                token.push(c);
                state = State::Word;
            }
            State::Between => {
                token.push(c);
                return Ok(Some(token));
            }
            State::Word if mode.is_word(c) || is_quote(c) => token.push(c),
            State::Word => {
                *at -= 1;
                if has_token {
                    return Ok(Some(token));
                }
                state = State::Between;
            }
            State::Quoted(quote) if c == quote && mode.posix => state = State::Word,
            State::Quoted(quote) if c == quote => {
                token.push(c);
                return Ok(Some(token));
            }
            State::Quoted('"') if mode.posix && c == '\\' => state = State::Escaped { in_quote: Some('"') },
            State::Quoted(_) => token.push(c),
            State::Escaped { in_quote: Some(quote) } => {
                if c != '\\' && c != quote {
                    token.push('\\');
                }
                token.push(c);
                state = State::Quoted(quote);
            }
            State::Escaped { in_quote: None } => {
                token.push(c);
                state = State::Word;
            }
        }
    }
}

fn skip_line(chars: &[char], at: &mut usize) {
    while chars.get(*at).is_some_and(|c| *c != '\n') {
        *at += 1;
    }
    *at += 1;
}
