//! What people are used to from shells, and what nothing here does: the most common mistakes in a `command` and an
//! `environment`. Both are read as they stand (CFG-073, CFG-102), so a check is the only place to learn of it.

use std::collections::BTreeMap;

use super::shlex;

/// A habit that was seen: what is wrong with it, and the way out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Habit {
    pub sentence: String,
    pub help: String,
}

/// Programs that read some of their arguments as a shell does, or replace variables themselves.
const READERS: [&str; 14] = [
    "sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "busybox", "su", "ssh", "envsubst", "awk", "perl",
    "sed",
];

/// Words that a shell would not hand to a program.
const OPERATORS: [&str; 5] = ["|", "||", "&&", "&", "<"];

/// Beginnings of words that send output elsewhere.
const REDIRECTIONS: [&str; 8] = [">", "1>", "2>", "&>", ">>", "1>>", "2>>", "&>>"];

/// A shell's own commands that people put first.
const OWN_COMMANDS: [&str; 7] = ["cd", "source", ".", "export", "ulimit", "umask", "set"];

/// The first habit in a command, `%(...)s` being expanded.
pub fn in_command(command: &str) -> Option<Habit> {
    let words = shlex::split_command(command).ok()?;
    let first = words.first()?;
    let is_plain = |word: &&String| !READERS.contains(&word.rsplit('/').next().unwrap_or_default());
    line_end(command)
        .or_else(|| first_word(first))
        .or_else(|| words.iter().skip(1).find_map(|word| operator(word)))
        .or_else(|| words.iter().take_while(is_plain).find_map(|word| variable(word)))
        .or_else(|| background(first, &words))
}

/// Programs that hand another one over to somebody else.
const STARTERS: [&str; 5] = ["service", "systemctl", "initctl", "rc-service", "start-stop-daemon"];

/// A program that goes into the background has ended, for all that a supervisor can see.
fn background(first: &str, words: &[String]) -> Option<Habit> {
    let name = first.rsplit('/').next().unwrap_or_default();
    let starts = STARTERS.contains(&name) || first.starts_with("/etc/init.d/");
    let is_off = |word: &String| ["no", "off", "false", "0"].contains(&word.as_str());
    let daemon = words.iter().enumerate().find(|(at, word)| {
        ["--daemon", "--daemonize"].contains(&word.as_str()) && !words.get(at + 1).is_some_and(is_off)
    });
    let sign = if starts { first } else { daemon?.1 };
    let sentence =
        format!("{sign} leaves a program in the background, where supervisord cannot look after it");
    Some(Habit { sentence, help: "run the program itself, in the foreground".to_string() })
}

/// A backslash does not join lines, it keeps the line break (CFG-012).
fn line_end(command: &str) -> Option<Habit> {
    let sentence = "a \\ at the end of a line puts a line break into the word after it".to_string();
    let help = "leave it out: lines that are indented more go on".to_string();
    command.contains("\\\n").then_some(Habit { sentence, help })
}

/// The word that a program's name should be.
fn first_word(word: &str) -> Option<Habit> {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let help = match word.split_once('=') {
        _ if OWN_COMMANDS.contains(&word) => {
            let rest = if word == "cd" { "; directory= is where a program runs" } else { "" };
            format!("{word} is a shell's own{rest}")
        }
        _ if word.starts_with('~') => "write the whole path: ~ stays as it is".to_string(),
        Some((name, value)) if !name.is_empty() && is_name(name) => {
            format!("a line environment={name}=\"{value}\" sets a variable")
        }
        Some(_) | None => return variable(word),
    };
    Some(no_shell(word, help))
}

fn operator(word: &str) -> Option<Habit> {
    let help = if REDIRECTIONS.iter().any(|sign| word == *sign || is_target(word.strip_prefix(sign))) {
        "stdout_logfile= and stderr_logfile= say where output goes, redirect_stderr=true joins them"
    } else if word == "&" {
        "leave it out: supervisord looks after programs that stay in the foreground"
    } else if OPERATORS.contains(&word) {
        "sh -c '...' runs a line in a shell"
    } else {
        return None;
    };
    Some(no_shell(word, help.to_string()))
}

/// What a redirection may be followed by in the same word; `>5` may be a number that is compared.
fn is_target(rest: Option<&str>) -> bool {
    rest.is_some_and(|rest| rest.starts_with(['/', '&', '$', '~']))
}

/// `$NAME` or `${NAME}` in capitals, in a word without blanks: one that has some is probably a script.
fn variable(word: &str) -> Option<Habit> {
    let name = variables(word).next().filter(|_| !word.contains(char::is_whitespace))?;
    Some(no_shell(&format!("${name}"), format!("%(ENV_{name})s is a variable's value")))
}

/// The names after dollar signs.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('$').filter_map(|(at, _)| {
        let rest = &text[at + 1..];
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let name = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
        let ends = !rest[name.len()..].starts_with(|c: char| c.is_ascii_lowercase());
        (name.len() > 1 && ends && name.starts_with(|c: char| c.is_ascii_uppercase())).then_some(name)
    })
}

fn no_shell(sign: &str, help: String) -> Habit {
    Habit { sentence: format!("no shell reads the command, so {sign} is a word like others"), help }
}

/// The first habit in an `environment`, `known` being the daemon's variables.
pub fn in_environment(
    variables_set: &BTreeMap<String, String>,
    known: &BTreeMap<String, String>,
) -> Option<Habit> {
    let is_known = |name: &&str| known.contains_key(*name) || variables_set.contains_key(*name);
    let name = variables_set.values().find_map(|value| variables(value).find(is_known))?;
    let sentence = format!("${name} stays as it is: no shell reads the value");
    Some(Habit { sentence, help: format!("%(ENV_{name})s is the variable's value") })
}

/// A separator of pairs that is no comma: it is read over, and with it what was meant for a part of a value
/// (CFG-073).
pub fn odd_separator(text: &str) -> Option<Habit> {
    let (name, separator) = shlex::odd_separator(text)?;
    let sentence = format!("{separator} stands where a comma between two variables belongs, and is left out");
    Some(Habit { sentence, help: format!("quotes keep a value together: {name}=\"...\"") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_shell_would_understand_is_seen() {
        for (command, sign, help) in [
            ("/bin/echo hi > /tmp/log", ">", "stdout_logfile="),
            ("/bin/echo hi >/tmp/log", ">/tmp/log", "stdout_logfile="),
            ("/bin/echo hi 2>&1", "2>&1", "redirect_stderr=true"),
            ("cat /etc/passwd | grep root", "|", "sh -c"),
            ("bash -c echo hi && echo ho", "&&", "sh -c"),
            ("/bin/sleep 100 &", "&", "leave it out"),
            ("cd /srv && python app.py", "cd", "directory= is where"),
            ("~/run.sh", "~/run.sh", "whole path"),
            ("PORT=80 /bin/cat", "PORT=80", "environment=PORT=\"80\""),
            ("$HOME/bin/run", "$HOME", "%(ENV_HOME)s"),
            ("/bin/echo --port=${PORT}", "$PORT", "%(ENV_PORT)s"),
            ("su - www -c run > /dev/null", ">", "stdout_logfile="),
        ] {
            let habit = in_command(command).unwrap_or_else(|| panic!("{command}: nothing seen"));
            assert_eq!(
                habit.sentence,
                format!("no shell reads the command, so {sign} is a word like others")
            );
            assert!(habit.help.contains(help), "{command}: {}", habit.help);
        }
        for command in
            ["service nginx start", "/etc/init.d/nginx start", "gunicorn --daemon app", "x --daemonize"]
        {
            let habit = in_command(command).unwrap_or_else(|| panic!("{command}: nothing seen"));
            assert!(habit.help.contains("in the foreground"), "{command}: {}", habit.help);
        }
        let habit = in_command("/bin/echo a \\\n--b c").unwrap();
        assert!(habit.sentence.contains("line break"), "{}", habit.sentence);
    }

    #[test]
    fn what_is_meant_as_it_stands_is_left_alone() {
        for command in [
            "/bin/cat",
            "sh -c 'echo $HOME > /tmp/x && date | cat'",
            "/bin/bash -lc \"exec run $PORT\"",
            "env bash -c $SCRIPT",
            "su www -c 'cd /srv && ./run $X'",
            "grep '^a$' file",
            "awk {print$NF} file",
            "envsubst $PORT,$HOST",
            "curl http://host/?a=1&b=2",
            "test 5 -gt 3",
            "php artisan queue:work --queue=a,b",
            "openssl passwd $2b$12$abcdefGH",
            "redis-server --daemonize no",
            "find /tmp -type f -exec rm {} \\;",
            "a --filter=x>5",
            "/usr/bin/printf '$Ab ${x} $1 $'",
            "",
            "'unclosed",
        ] {
            assert_eq!(in_command(command), None, "{command}");
        }
    }

    #[test]
    fn what_environment_reads_over_is_seen_cfg_073() {
        for (text, name, separator) in [
            ("OPTS=-a -b", "OPTS", "-b"),
            ("A=1,URL=http://a?b=c", "URL", "?"),
            ("A=\"1\";B=\"2\"", "A", ";"),
        ] {
            let habit = odd_separator(text).unwrap_or_else(|| panic!("{text}: nothing seen"));
            assert!(
                habit.sentence.starts_with(&format!("{separator} stands where a comma")),
                "{}",
                habit.sentence
            );
            assert!(habit.help.contains(&format!("{name}=\"")), "{}", habit.help);
        }
        for text in ["", "A=1", "A=1,B=2,", "A=\"x y\" , B='?'", "A"] {
            assert_eq!(odd_separator(text), None, "{text}");
        }
    }

    #[test]
    fn a_known_variable_after_a_dollar_sign_is_seen() {
        let pairs =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let known = pairs(&[("PATH", "/bin")]);
        let habit = in_environment(&pairs(&[("PATH", "/x:$PATH")]), &known).unwrap();
        assert_eq!(habit.help, "%(ENV_PATH)s is the variable's value");
        assert_eq!(in_environment(&pairs(&[("HASH", "$2y$10$ABCdef"), ("P", "100$")]), &known), None);
    }
}
