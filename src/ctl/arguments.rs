//! The command line of supervisorctl and the file it names (CLI-046 to CLI-055).

use std::io::Read;

use crate::cli::{Grammar, Row, pages};
use crate::config::Error;
use crate::config::client::{ClientConfig, CtlPlugin};
use crate::config::host::normalize;
use crate::config::read::{self, ClientTrouble, SystemHost};
use crate::names::{reason, repr};

use super::commands;

/// What the client is to do and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    pub serverurl: String,
    /// Whether the command line named it.
    pub server_given: bool,
    pub username: Option<String>,
    pub password: Option<String>,
    pub prompt: String,
    pub history_file: Option<String>,
    /// Questions may be asked.
    pub interactive: bool,
    pub json: bool,
    /// The file that was read; none where none was found.
    pub file: Option<String>,
    pub pidfile: Option<String>,
    pub plugins: Vec<CtlPlugin>,
    /// All words that are no options, as one line (CLI-053). `None` when there are none.
    pub line: Option<String>,
}

/// Why nothing is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// Asked for: printed, and all is well.
    Asked(String),
    /// Two lines on standard error, status 2.
    Usage(String),
    /// The same, for what is wrong with the file.
    Config(Vec<Error>),
    /// A file that could not be taken apart: told in its places, status 1 (CLI-050, BUG-042).
    Grammar(Vec<Error>),
}

/// One thing the command line can say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Name {
    Configuration,
    Help,
    Interactive,
    Serverurl,
    Username,
    Password,
    PasswordFile,
    HistoryFile,
    Json,
    Completions,
    Manual,
}

const ROWS: [Row<Name>; 11] = [
    (
        Name::Configuration,
        &["-c"],
        "--configuration",
        Some("FILE"),
        "read this file instead of searching for one",
    ),
    (Name::Help, &["-h", "-?"], "--help", None, "print this text and leave"),
    (
        Name::Interactive,
        &["-i"],
        "--interactive",
        None,
        "ask before a shutdown; after a command, go on asking",
    ),
    (
        Name::Serverurl,
        &["-s"],
        "--serverurl",
        Some("URL"),
        "talk to this server: http://HOST:PORT or unix://PATH",
    ),
    (Name::Username, &["-u"], "--username", Some("USER"), "log in as this user"),
    (
        Name::Password,
        &["-p"],
        "--password",
        Some("PASSWORD"),
        "log in with this password; - reads it from input",
    ),
    (
        Name::PasswordFile,
        &[],
        "--password-file",
        Some("FILE"),
        "log in with the password on this file's first line",
    ),
    (Name::HistoryFile, &["-r"], "--history_file", Some("FILE"), "remember what is typed in the shell"),
    (Name::Json, &[], "--json", None, "answer in JSON"),
    (
        Name::Completions,
        &[],
        "--completions",
        Some("SHELL"),
        "write completions for bash, zsh or fish and leave",
    ),
    (Name::Manual, &[], "--man", None, "write the manual page and leave"),
];

const GRAMMAR: Grammar<Name> = Grammar {
    rows: &ROWS,
    kept: &[
        ("--configuration", &["c", "co"]),
        ("--password", &["p", "pa", "pas", "pass", "passw", "passwo", "passwor"]),
    ],
};

impl Settings {
    /// Reads the words after the program's name, then the file.
    pub fn read(program: &str, words: &[String]) -> Result<Settings, Stop> {
        let host = SystemHost::now();
        let given = GRAMMAR.read(words).map_err(Stop::Usage)?;
        let mut wishes: Vec<(Name, String)> = Vec::new();
        for (name, form, value) in given.options {
            match name {
                Name::Help => return Err(Stop::Asked(usage(program))),
                Name::Manual => return Err(Stop::Asked(pages::manual(described(), "1"))),
                Name::Completions => {
                    let script = pages::completions(&value, described());
                    return Err(script.map_or_else(Stop::Usage, Stop::Asked));
                }
                Name::Serverurl if !is_url(&value) => {
                    let (value, form) = (repr(&value), form);
                    return Err(Stop::Usage(format!(
                        "invalid value for {form} {value}: value {value} is not a URL"
                    )));
                }
                Name::Configuration
                | Name::Interactive
                | Name::Serverurl
                | Name::Username
                | Name::Password
                | Name::PasswordFile
                | Name::HistoryFile
                | Name::Json => (),
            }
            if wishes.iter().any(|(known, _)| *known == name) {
                return Err(Stop::Usage(format!("conflicting command line option {}", repr(form))));
            }
            wishes.push((name, value));
        }
        let wish =
            |name: Name| wishes.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        // An option that was given as nothing counts as given.
        let file = wish(Name::Configuration).or_else(|| read::find(program, &host).ok());
        let config = file.as_deref().filter(|file| !file.is_empty()).map(|file| read::client(file, &host));
        let config = config.transpose().map_err(|trouble| match trouble {
            ClientTrouble::Grammar(errors) => Stop::Grammar(errors),
            ClientTrouble::Settings(errors) => Stop::Config(errors),
        })?;
        let config = config.unwrap_or_default();
        let password = password(wish(Name::Password), wish(Name::PasswordFile))?;
        let line = (!given.words.is_empty()).then(|| given.words.join(" "));
        let ClientConfig { serverurl, username, prompt, history_file, plugins, pidfile, .. } = config;
        Ok(Settings {
            server_given: wish(Name::Serverurl).is_some(),
            serverurl: wish(Name::Serverurl).unwrap_or(serverurl),
            username: wish(Name::Username).or(username),
            password: password.or(config.password),
            prompt,
            history_file: wish(Name::HistoryFile).map(|path| normalize(&path, &host)).or(history_file),
            interactive: wish(Name::Interactive).is_some() || line.is_none(),
            json: wish(Name::Json).is_some(),
            file,
            pidfile,
            plugins,
            line,
        })
    }
}

/// The password of the command line: itself, or where to read it.
fn password(given: Option<String>, file: Option<String>) -> Result<Option<String>, Stop> {
    match (given, file) {
        (Some(_), Some(_)) => {
            Err(Stop::Usage("--password and --password-file exclude each other".to_string()))
        }
        (Some(dash), None) | (None, Some(dash)) if dash == "-" => first_line(None).map(Some),
        (None, Some(file)) => first_line(Some(&file)).map(Some),
        (password, None) => Ok(password),
    }
}

/// A scheme, and something after it.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(plain);
    let place = rest.strip_prefix("//").unwrap_or(rest);
    named && !place.split(['?', '#']).next().unwrap_or_default().is_empty()
}

/// The first line of a file, or of standard input, without its end: a password.
fn first_line(file: Option<&str>) -> Result<String, Stop> {
    let text = match file {
        Some(file) => crate::config::read::text(file),
        None => super::terminal::secret_from_input("Password:").unwrap_or_else(|| {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text)
        }),
    };
    let text = text.map_err(|error| {
        let source = file.unwrap_or("standard input");
        Stop::Usage(format!("could not read the password from {source}: {}", reason(&error)))
    })?;
    Ok(text.lines().next().unwrap_or_default().to_string())
}

fn usage(program: &str) -> String {
    let options = GRAMMAR.usage();
    format!(
        "supervisorctl -- look after the programs that supervisord runs.\n\n\
         Usage: {program} [options] [command [arguments]]\n{options}\n\n\
         Without a command a shell asks for them. The command \"help\" lists all there are.\n"
    )
}

/// The program, for shells and manuals.
fn described() -> clap::Command {
    let command = clap::Command::new("supervisorctl")
        .about("look after the programs that supervisord runs")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .after_help(
            "Names are NAME, GROUP:NAME, GROUP:* for a whole group, @COLLECTION, all, and patterns with *, ? and [ ]. \
             Without -c the first of these files is read: ../etc/supervisord.conf and ../supervisord.conf, seen from \
             the program; supervisord.conf and etc/supervisord.conf, seen from the working directory; \
             /etc/supervisord.conf; /etc/supervisor/supervisord.conf. The exit status is 0 when all is well; 1 after \
             an error; 2 when arguments are wrong; 3 when status shows a process that is stopped; 4 when the server \
             refuses the connection or status does not know a name; 7 when the socket is missing, or a process is \
             dead.",
        );
    GRAMMAR.described(commands::described(command))
}
