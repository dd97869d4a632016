//! What things are called: programs, processes, groups, namespecs, selectors, pids, signals, errnos.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::io;
use std::sync::Arc;

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name(Arc::from(text))
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

name_type!(
    /// The `x` of `[program:x]`.
    ProgramName
);
name_type!(
    /// One process of a group; with `numprocs` a program has several (CFG-103).
    ProcessName
);
name_type!(
    /// A group: the `x` of `[group:x]`, or the program's own name (CFG-117).
    GroupName
);
name_type!(
    /// The `x` of `[collection:x]`.
    CollectionName
);

/// A process or a whole group as clients write it: `name`, `group:process`, `group:*`, `group:` (RPC-013).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Namespec<'a> {
    pub group: &'a str,
    /// `None` means every process of the group.
    pub process: Option<&'a str>,
}

impl<'a> Namespec<'a> {
    /// Splits at the first colon only; a bare `a` is group `a`, process `a`.
    pub fn parse(text: &'a str) -> Namespec<'a> {
        match text.split_once(':') {
            None => Namespec { group: text, process: Some(text) },
            Some((group, "" | "*")) => Namespec { group, process: None },
            Some((group, process)) => Namespec { group, process: Some(process) },
        }
    }

    /// The short form that clients are shown: `name` when group and process are called the same.
    pub fn display(group: &GroupName, process: &ProcessName) -> String {
        if group.as_str() == process.as_str() { process.to_string() } else { format!("{group}:{process}") }
    }
}

/// A name with `*`, `?` and `[...]` in it, as a shell would match it; no path rules, case counts.
pub fn pattern_matches(pattern: &str, name: &str) -> bool {
    // What is plain decides nearly always: every process there is will be asked.
    let special = |byte| matches!(byte, b'*' | b'?' | b'[');
    let Some(plain) = pattern.bytes().position(special) else { return pattern == name };
    let (head, pattern) = pattern.split_at(plain);
    let Some(name) = name.strip_prefix(head) else { return false };
    if pattern == "*" {
        return true;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    wildcard(&pattern, &name)
}

/// Greedy matching with one remembered star: linear in practice, quadratic at worst, never exponential.
fn wildcard(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('[') => match bracket(&pattern[p..], name[n]) {
                Some((true, width)) => Some(width),
                Some((false, _)) => None,
                None => (name[n] == '[').then_some(1),
            },
            Some(c) if *c == name[n] => Some(1),
            Some(_) | None => None,
        };
        match (step, star) {
            (Some(width), _) => {
                p += width;
                n += 1;
            }
            (None, Some((star_p, star_n))) => {
                star = Some((star_p, star_n + 1));
                p = star_p + 1;
                n = star_n + 1;
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// `[abc]`, `[a-z]`, `[!x]` at the head of `pattern`: whether it takes `c`, and its width. `None` when unclosed.
fn bracket(pattern: &[char], c: char) -> Option<(bool, usize)> {
    let negated = pattern.get(1) == Some(&'!');
    let first = if negated { 2 } else { 1 };
    let close = (first + 1..pattern.len()).find(|i| pattern[*i] == ']')?;
    let set = &pattern[first..close];
    let mut found = false;
    let mut i = 0;
    while i < set.len() {
        if i + 2 < set.len() && set[i + 1] == '-' {
            found |= (set[i]..=set[i + 2]).contains(&c);
            i += 3;
        } else {
            found |= set[i] == c;
            i += 1;
        }
    }
    Some((found != negated, close + 1))
}

/// One item of a collection's `programs=` or `exclude=`: a program, a process, or a namespec, each maybe a pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selector {
    text: String,
}

impl Selector {
    /// Any text is a selector; what it matches is asked anew each time.
    pub fn new(text: &str) -> Selector {
        Selector { text: text.to_string() }
    }

    /// As it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it means this process: by program, by process name, or by `group:process` and `group:*`.
    pub fn matches(&self, program: &ProgramName, group: &GroupName, process: &ProcessName) -> bool {
        match self.text.split_once(':') {
            None => {
                pattern_matches(&self.text, program.as_str()) || pattern_matches(&self.text, process.as_str())
            }
            Some((g, p)) => {
                pattern_matches(g, group.as_str()) && (p.is_empty() || pattern_matches(p, process.as_str()))
            }
        }
    }
}

/// The number the kernel gave a running child. Only `daemon` acts on it; elsewhere it is for display.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pid(pub i32);

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A signal number that the reference would accept (CFG-060).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Signal(i32);

/// Linux's signals, the name shown first where a number has two (PROC-052: SIGPOLL, SIGABRT).
const SIGNALS: [(i32, &str); 36] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (6, "SIGIOT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (10, "SIGUSR1"),
    (11, "SIGSEGV"),
    (12, "SIGUSR2"),
    (13, "SIGPIPE"),
    (14, "SIGALRM"),
    (15, "SIGTERM"),
    (16, "SIGSTKFLT"),
    (17, "SIGCHLD"),
    (17, "SIGCLD"),
    (18, "SIGCONT"),
    (19, "SIGSTOP"),
    (20, "SIGTSTP"),
    (21, "SIGTTIN"),
    (22, "SIGTTOU"),
    (23, "SIGURG"),
    (24, "SIGXCPU"),
    (25, "SIGXFSZ"),
    (26, "SIGVTALRM"),
    (27, "SIGPROF"),
    (28, "SIGWINCH"),
    (29, "SIGPOLL"),
    (29, "SIGIO"),
    (30, "SIGPWR"),
    (31, "SIGSYS"),
    (34, "SIGRTMIN"),
    (64, "SIGRTMAX"),
];

impl Signal {
    pub const HUP: Signal = Signal(1);
    pub const INT: Signal = Signal(2);
    pub const QUIT: Signal = Signal(3);
    pub const KILL: Signal = Signal(9);
    pub const USR1: Signal = Signal(10);
    pub const USR2: Signal = Signal(12);
    pub const TERM: Signal = Signal(15);
    pub const CHLD: Signal = Signal(17);

    /// Any number, as the kernel reports it.
    pub fn from_number(number: i32) -> Signal {
        Signal(number)
    }

    /// The kernel's number.
    pub fn number(self) -> i32 {
        self.0
    }

    /// `SIGTERM`, or `signal 40` where the number has no name.
    pub fn name(self) -> Cow<'static, str> {
        match SIGNALS.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => Cow::Borrowed(name),
            None => Cow::Owned(format!("signal {}", self.0)),
        }
    }

    /// Reads `TERM`, `sigterm`, `15`; the error is the reference's sentence (CFG-060).
    pub fn parse(text: &str) -> Result<Signal, String> {
        if let Ok(number) = text.trim().parse::<i32>() {
            // 0 to 2 are SIG_DFL, SIG_IGN and SIG_BLOCK in the table the reference asks.
            let known = (0..=2).contains(&number) || SIGNALS.iter().any(|(n, _)| *n == number);
            return if known {
                Ok(Signal(number))
            } else {
                Err(format!("value '{text}' is not a valid signal number"))
            };
        }
        let upper = text.trim().to_uppercase();
        let name = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
        SIGNALS
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(number, _)| Signal(*number))
            .ok_or_else(|| format!("value '{text}' is not a valid signal name"))
    }
}

/// A number from the C library's `errno`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(pub i32);

/// The names that people meet in a supervisor's log; others print as their number.
const ERRNOS: [(i32, &str); 29] = [
    (1, "EPERM"),
    (2, "ENOENT"),
    (3, "ESRCH"),
    (4, "EINTR"),
    (5, "EIO"),
    (6, "ENXIO"),
    (7, "E2BIG"),
    (8, "ENOEXEC"),
    (9, "EBADF"),
    (10, "ECHILD"),
    (11, "EAGAIN"),
    (12, "ENOMEM"),
    (13, "EACCES"),
    (16, "EBUSY"),
    (17, "EEXIST"),
    (20, "ENOTDIR"),
    (21, "EISDIR"),
    (22, "EINVAL"),
    (23, "ENFILE"),
    (24, "EMFILE"),
    (26, "ETXTBSY"),
    (28, "ENOSPC"),
    (29, "ESPIPE"),
    (30, "EROFS"),
    (36, "ENAMETOOLONG"),
    (40, "ELOOP"),
    (98, "EADDRINUSE"),
    (99, "EADDRNOTAVAIL"),
    (122, "EDQUOT"),
];

impl Errno {
    pub const ESRCH: Errno = Errno(3);
    pub const EAGAIN: Errno = Errno(11);
    pub const EMFILE: Errno = Errno(24);

    /// `ENOENT`, or the number where it has no name here.
    pub fn name(self) -> Cow<'static, str> {
        match ERRNOS.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => Cow::Borrowed(name),
            None => Cow::Owned(self.0.to_string()),
        }
    }
}

/// An error as people read it, without the number that Rust adds.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let number = error.raw_os_error().map(|number| format!(" (os error {number})"));
    number.and_then(|number| text.strip_suffix(&number)).unwrap_or(&text).to_string()
}

/// How a child ended, from its wait status (PROC-052).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitStatus {
    Exited(u8),
    Signaled {
        signal: Signal,
        core_dumped: bool,
    },
    /// A wait status that is neither; kept whole for the log.
    Unknown(i32),
}

impl ExitStatus {
    /// Reads the word that `waitpid` gives.
    pub fn from_wait(status: i32) -> ExitStatus {
        match status & 0x7f {
            0 => ExitStatus::Exited(((status >> 8) & 0xff) as u8),
            0x7f => ExitStatus::Unknown(status),
            signal => {
                ExitStatus::Signaled { signal: Signal::from_number(signal), core_dumped: status & 0x80 != 0 }
            }
        }
    }

    /// The number that `exitcodes` and `getProcessInfo` see: the exit code, or -1 (PROC-013).
    pub fn code(self) -> i32 {
        match self {
            ExitStatus::Exited(code) => i32::from(code),
            ExitStatus::Signaled { .. } | ExitStatus::Unknown(_) => -1,
        }
    }

    /// The words of the log: `exit status 1`, `terminated by SIGKILL`.
    pub fn cause(self) -> String {
        match self {
            ExitStatus::Exited(code) => format!("exit status {code}"),
            ExitStatus::Signaled { signal, core_dumped } => {
                let core = if core_dumped { " (core dumped)" } else { "" };
                format!("terminated by {}{core}", signal.name())
            }
            ExitStatus::Unknown(status) => format!("unknown termination cause 0x{:04x}", status & 0xffff),
        }
    }
}

/// Text in quotes as Python's `repr` writes it, which many of the stock sentences hold.
pub fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() || is_unprintable(c) => {
                let code = c as u32;
                out.push_str(&match code {
                    0..=0xff => format!("\\x{code:02x}"),
                    0x100..=0xffff => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                });
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// What log lines and events make of bytes that should be text (LOG-006, EVT-013).
pub fn decoded(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => format!("Undecodable: {}", bytes_repr(bytes)).into(),
    }
}

/// Bytes as Python's `repr` shows them, for the log (LOG-006).
pub fn bytes_repr(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    let mut out = String::with_capacity(bytes.len() + 3);
    out.push('b');
    out.push(char::from(quote));
    for &byte in bytes {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'\\' => out.push_str("\\\\"),
            byte if byte == quote => {
                out.push('\\');
                out.push(char::from(byte));
            }
            0x20..=0x7e => out.push(char::from(byte)),
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push(char::from(quote));
    out
}

/// The separators and format characters people really meet; Python escapes them.
fn is_unprintable(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{ad}' | '\u{1680}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
        | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_without_its_number() {
        assert_eq!(reason(&io::Error::from_raw_os_error(2)), "No such file or directory");
        assert_eq!(reason(&io::Error::other("the file (os error 2)")), "the file (os error 2)");
    }

    #[test]
    fn namespec_splits_at_the_first_colon_only_rpc_013() {
        let cases = [
            ("a", "a", Some("a")),
            ("g:p", "g", Some("p")),
            ("g:*", "g", None),
            ("g:", "g", None),
            ("*", "*", Some("*")),
            ("g:p:q", "g", Some("p:q")),
        ];
        for (text, group, process) in cases {
            assert_eq!(Namespec::parse(text), Namespec { group, process }, "{text}");
        }
    }

    #[test]
    fn signals_parse_as_cfg_060_says() {
        for good in ["TERM", "sigterm", "15", "SIGTERM", "Term"] {
            assert_eq!(Signal::parse(good), Ok(Signal::TERM), "{good}");
        }
        assert_eq!(Signal::parse("CLD"), Ok(Signal::CHLD));
        assert_eq!(Signal::parse("0").map(Signal::number), Ok(0));
        assert_eq!(Signal::parse("64").map(Signal::number), Ok(64));
        assert_eq!(Signal::parse("63"), Err("value '63' is not a valid signal number".to_string()));
        assert_eq!(Signal::parse("RTMIN+1"), Err("value 'RTMIN+1' is not a valid signal name".to_string()));
    }

    #[test]
    fn causes_read_as_proc_052_says() {
        assert_eq!(ExitStatus::from_wait(0).cause(), "exit status 0");
        assert_eq!(ExitStatus::from_wait(3 << 8).cause(), "exit status 3");
        assert_eq!(ExitStatus::from_wait(9).cause(), "terminated by SIGKILL");
        assert_eq!(ExitStatus::from_wait(11 | 0x80).cause(), "terminated by SIGSEGV (core dumped)");
        assert_eq!(ExitStatus::from_wait(40).cause(), "terminated by signal 40");
        assert_eq!(ExitStatus::from_wait(29).cause(), "terminated by SIGPOLL");
        assert_eq!(ExitStatus::from_wait(9).code(), -1);
    }

    #[test]
    fn repr_writes_what_python_writes() {
        let cases = [
            ("plain", "'plain'"),
            ("it's", "\"it's\""),
            ("both ' and \"", "'both \\' and \"'"),
            ("a\nb\t\\", "'a\\nb\\t\\\\'"),
            ("\u{1b}\u{a0}é中", "'\\x1b\\xa0é中'"),
            ("\u{feff}[a]", "'\\ufeff[a]'"),
        ];
        for (text, expected) in cases {
            assert_eq!(repr(text), expected);
        }
    }

    #[test]
    fn patterns_match_as_a_shell_does() {
        let yes =
            [("*", ""), ("a*", "abc"), ("*c", "abc"), ("a?c", "abc"), ("[a-c]x", "bx"), ("[!a]x", "bx")];
        let yes_too = [("a*b*c", "a1b2b3c"), ("[]]", "]"), ("[", "["), ("web-[0-9][0-9]", "web-07")];
        for (pattern, name) in yes.into_iter().chain(yes_too) {
            assert!(pattern_matches(pattern, name), "{pattern} should match {name}");
        }
        for (pattern, name) in [("a", "A"), ("a*", "ba"), ("?", ""), ("[!a]", "a"), ("a*b", "abc"), ("", "x")]
        {
            assert!(!pattern_matches(pattern, name), "{pattern} should not match {name}");
        }
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        assert!(!pattern_matches(&"*a".repeat(40), &"a".repeat(39)));
        assert!(!pattern_matches(&format!("{}b", "*a".repeat(200)), &"a".repeat(2_000)));
    }

    #[test]
    fn a_selector_means_a_program_a_process_or_a_namespec() {
        let (program, group, process) =
            (ProgramName::from("worker"), GroupName::from("jobs"), ProcessName::from("worker_01"));
        for text in ["worker", "worker_01", "work*", "jobs:*", "jobs:", "jobs:worker_0?", "*:worker_01"] {
            assert!(Selector::new(text).matches(&program, &group, &process), "{text}");
        }
        for text in ["jobs", "other:*", "jobs:worker", "worker_02", ""] {
            assert!(!Selector::new(text).matches(&program, &group, &process), "{text}");
        }
    }

    #[test]
    fn bytes_show_as_python_shows_them() {
        assert_eq!(bytes_repr(b"a'\xff\n"), "b\"a'\\xff\\n\"");
        assert_eq!(bytes_repr(b"\"'\x00"), "b'\"\\'\\x00'");
    }
}
