//! The only file that opens files: the search path, `[include]`, and the real [`Host`].

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{AccessFlags, Gid, Group, Uid, User, access};

use super::client::ClientConfig;
use super::context::{help, missing};
use super::error::{Error, Place, Warning};
use super::expand::Names;
use super::glob;
use super::host::{Host, absolute, dirname, join};
use super::ini::{Document, is_space};
use super::{Config, LogLevel, Message, ProcessConfig};

/// The machine the daemon runs on.
#[derive(Clone, Debug)]
pub struct SystemHost {
    environment: BTreeMap<String, String>,
    hostname: String,
    cwd: String,
    tempdir: String,
    /// Programs run already, and nothing may hold their daemon up for longer than [`PATIENCE`].
    in_haste: bool,
}

/// How long a reading waits for a named pipe or a terminal in the place of a file while programs run. Past that the file
/// cannot be read; the first reading waits for as long as it takes.
const PATIENCE: Duration = Duration::from_secs(1);

impl SystemHost {
    /// As things are now. Variables that are not UTF-8 cannot be expanded and are left out.
    pub fn now() -> SystemHost {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let hostname = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        let cwd = std::env::current_dir().ok().and_then(|path| path.to_str().map(str::to_string));
        let cwd = cwd.unwrap_or_else(|| "/".to_string());
        let tempdir = tempdir(&environment, &cwd);
        SystemHost { environment, hostname: hostname.unwrap_or_default(), cwd, tempdir, in_haste: false }
    }

    /// From now on a reading waits a second at most for what is no regular file.
    pub fn hurry(&mut self) {
        self.in_haste = true;
    }
}

/// The first directory of CFG-089 in which a file can be made.
fn tempdir(environment: &BTreeMap<String, String>, cwd: &str) -> String {
    let named = ["TMPDIR", "TEMP", "TMP"].iter().filter_map(|name| environment.get(*name));
    let named = named.filter(|path| !path.is_empty()).map(|path| join(cwd, path));
    let fixed = ["/tmp", "/var/tmp", "/usr/tmp", cwd].map(str::to_string);
    let usable = |path: &String| {
        Path::new(path).is_dir() && access(path.as_str(), AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
    };
    named.chain(fixed).find(usable).unwrap_or_else(|| cwd.to_string())
}

impl Host for SystemHost {
    fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    fn hostname(&self) -> &str {
        &self.hostname
    }

    fn cwd(&self) -> &str {
        &self.cwd
    }

    fn tempdir(&self) -> &str {
        &self.tempdir
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).exists()
    }

    fn is_dir(&self, path: &str) -> bool {
        Path::new(path).is_dir()
    }

    /// Names that are not UTF-8 come with U+FFFD in them, to be told of: nothing is found under such a name.
    fn list(&self, directory: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        if self.in_haste { read_in_time(path) } else { std::fs::read(path) }
    }

    fn uid_of(&self, name: &str) -> Option<u32> {
        User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
    }

    fn has_uid(&self, uid: u32) -> bool {
        User::from_uid(Uid::from_raw(uid)).is_ok_and(|user| user.is_some())
    }

    fn uid(&self) -> u32 {
        nix::unistd::getuid().as_raw()
    }

    fn primary_gid(&self, uid: u32) -> Option<u32> {
        User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.gid.as_raw())
    }

    fn gid_of(&self, name: &str) -> Option<u32> {
        Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw())
    }

    fn has_gid(&self, gid: u32) -> bool {
        Group::from_gid(Gid::from_raw(gid)).is_ok_and(|group| group.is_some())
    }

    fn home(&self, user: Option<&str>) -> Option<String> {
        let user = match user {
            None => match self.environment.get("HOME") {
                Some(home) => return Some(home.clone()),
                None => User::from_uid(nix::unistd::getuid()),
            },
            Some(name) => User::from_name(name),
        };
        user.ok().flatten().and_then(|user| user.dir.to_str().map(str::to_string))
    }
}

/// The name of the user by whose permissions we act, or the number of one without a name.
pub fn ourselves() -> String {
    match User::from_uid(Uid::effective()) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => Uid::effective().to_string(),
    }
}

/// A whole file, or what a pipe gives in time.
fn read_in_time(path: &str) -> io::Result<Vec<u8>> {
    let mut file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let deadline = Instant::now() + PATIENCE;
    let mut bytes = Vec::new();
    loop {
        // A regular file is always ready.
        let left = deadline.saturating_duration_since(Instant::now());
        let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        if poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLIN)], left)? == 0 {
            return Err(ErrorKind::TimedOut.into());
        }
        match file.read_to_end(&mut bytes) {
            Ok(_) => return Ok(bytes),
            Err(error) if error.kind() == ErrorKind::WouldBlock => (),
            Err(error) => return Err(error),
        }
    }
}

/// The first configuration of the search path that exists (CLI-019 to CLI-021).
pub fn find(argv0: &str, host: &dyn Host) -> Result<String, Vec<Error>> {
    let above = dirname(dirname(argv0));
    let paths = [
        join(above, "etc/supervisord.conf"),
        join(above, "supervisord.conf"),
        "supervisord.conf".to_string(),
        "etc/supervisord.conf".to_string(),
        "/etc/supervisord.conf".to_string(),
        "/etc/supervisor/supervisord.conf".to_string(),
    ];
    paths.iter().find(|path| host.exists(path)).cloned().ok_or_else(|| {
        vec![Error::bare(format!(
            "No config file found at default paths ({}); use the -c option to specify a config file at a different \
             path",
            paths.join(", ")
        ))]
    })
}

/// A configuration that has been read, with what a check needs beside it.
#[derive(Debug)]
pub struct Reading {
    pub config: Result<Config, Vec<Error>>,
    /// What the log would be warned of.
    pub warnings: Vec<Warning>,
    /// All files, merged.
    pub document: Document,
    /// Whether every line of them could be read: a line that is lost makes its neighbours look wrong.
    pub whole: bool,
}

/// Reads a configuration and all it includes. Lines that cannot be read are reported for all files together, and only
/// then is sense made of the values, since a line that is lost makes its neighbours look wrong.
pub fn read(path: &str, host: &dyn Host) -> Result<Config, Vec<Error>> {
    survey(path, host, None).config
}

/// The same, with all there is to know about the files. `user` is the command line's, which counts instead of theirs
/// (CLI-013).
pub fn survey(path: &str, host: &dyn Host, user: Option<&str>) -> Reading {
    let (mut document, mut warnings) = (Document::default(), Vec::new());
    let merged = merge(path, host, &mut document, &mut warnings);
    let whole = merged.is_ok();
    let config = merged.and_then(|Merged { here, messages }| {
        super::parse(&document, &here, messages, &mut warnings, host, user)
    });
    Reading { config, warnings, document, whole }
}

/// A file that is no configuration: one that holds a password.
pub fn text(path: &str) -> io::Result<String> {
    std::fs::read_to_string(path)
}

/// Why the client cannot use a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientTrouble {
    /// It could not be taken apart, which ends the reference in a traceback (CLI-050).
    Grammar(Vec<Error>),
    /// The rest.
    Settings(Vec<Error>),
}

/// Reads what the client needs, from this file alone (CLI-052).
pub fn client(path: &str, host: &dyn Host) -> Result<ClientConfig, ClientTrouble> {
    let mut document = Document::default();
    let bytes = open(path, host).map_err(ClientTrouble::Settings)?;
    let errors = take_in(&mut document, path, &bytes);
    if !errors.is_empty() {
        let undecodable = std::str::from_utf8(&bytes).is_err();
        return Err(if undecodable {
            ClientTrouble::Settings(errors)
        } else {
            ClientTrouble::Grammar(errors)
        });
    }
    super::client::parse(&document, &absolute(dirname(path), host), host).map_err(ClientTrouble::Settings)
}

/// The processes of a program that is in no file, as a section `[program:NAME]` of the file at `path` would describe
/// them; as members of `group`.
pub fn program(
    path: &str,
    host: &dyn Host,
    group: &str,
    name: &str,
    options: &BTreeMap<String, String>,
) -> Result<Vec<Arc<ProcessConfig>>, Vec<Error>> {
    let section = format!("program:{name}");
    let mut document = Document::default();
    document.add_section(path, &section, options);
    super::program_alone(&document, &absolute(dirname(path), host), host, &section, group)
}

/// What is known beside the document once all files are in it.
struct Merged {
    /// The directory of the main file.
    here: String,
    messages: Vec<Message>,
}

fn merge(
    path: &str,
    host: &dyn Host,
    document: &mut Document,
    warnings: &mut Vec<Warning>,
) -> Result<Merged, Vec<Error>> {
    let bytes = open(path, host)?;
    let here = absolute(dirname(path), host);
    let mut errors = take_in(document, path, &bytes);
    let mut messages = Vec::new();
    if document.has_section("include") {
        document.expand_here(&here);
        errors.extend(include(document, &here, host, &mut messages, warnings));
    }
    if errors.is_empty() { Ok(Merged { here, messages }) } else { Err(errors) }
}

fn open(path: &str, host: &dyn Host) -> Result<Vec<u8>, Vec<Error>> {
    if !host.exists(path) {
        return Err(vec![Error::bare(format!("could not find config file {path}"))]);
    }
    host.read(path).map_err(|error| {
        vec![Error::bare(format!("could not read config file {path}")).with_help(&error.kind().to_string())]
    })
}

/// Takes in what the main file's `[include]` names, each match once for each pattern it matches (CFG-021 to
/// CFG-033).
fn include(
    document: &mut Document,
    here: &str,
    host: &dyn Host,
    messages: &mut Vec<Message>,
    warnings: &mut Vec<Warning>,
) -> Vec<Error> {
    let warn = |document: &Document, message: &Message, help: &str| {
        Warning::at(message.text.clone(), document, "include", Some("files"), help)
    };
    let Some(files) = document.get("include", "files") else {
        let sentence = ".ini file has [include] section, but no files setting".to_string();
        let help = missing(document, "include", "files");
        return vec![Error::at(sentence, document, "include", Some("files")).with_help(&help)];
    };
    let mut names = Names::new(host.environment().clone());
    names.set("here", here);
    names.set("host_node_name", host.hostname());
    let files = match names.expand(&files, "include.files") {
        Ok(files) => files,
        Err(sentence) => {
            let help = help(&sentence, Some("files")).unwrap_or_default();
            return vec![Error::at(sentence, document, "include", Some("files")).with_help(&help)];
        }
    };
    let mut errors = Vec::new();
    for pattern in files.split(is_space).filter(|pattern| !pattern.is_empty()) {
        let pattern = join(here, pattern);
        let matches = glob::matches(&pattern, host);
        if matches.is_empty() {
            let text = format!("No file matches via include \"{pattern}\"");
            let message = Message { level: LogLevel::Warn, text };
            warnings.push(warn(document, &message, "patterns are relative to the directory of this file"));
            messages.push(message);
        }
        for file in matches {
            let text = format!("Included extra file \"{file}\" during parsing");
            messages.push(Message { level: LogLevel::Info, text });
            match host.read(&file) {
                Err(error) => {
                    let message = unreadable(&file, &error);
                    warnings.push(warn(document, &message, "its sections are missing"));
                    messages.push(message);
                }
                Ok(bytes) => errors.extend(take_in(document, &file, &bytes)),
            }
            // Even for one that could not be read, as the reference does it; nothing is left to replace then.
            document.expand_here(&absolute(dirname(&file), host));
        }
    }
    errors
}

/// The reference skips it without a word (CFG-029); its programs would be missing unexplained.
fn unreadable(file: &str, error: &io::Error) -> Message {
    let why = match error.kind() {
        ErrorKind::NotFound if file.contains(char::REPLACEMENT_CHARACTER) => {
            "its name is not UTF-8".to_string()
        }
        kind => kind.to_string(),
    };
    let text = format!("could not read included file \"{file}\": {why}; it is left out");
    Message { level: LogLevel::Warn, text }
}

fn take_in(document: &mut Document, file: &str, bytes: &[u8]) -> Vec<Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => document.read(file, text),
        Err(error) => vec![undecodable(file, bytes, error)],
    }
}

/// Python decodes a file in pieces of this size, and counts positions from where the piece at hand begins.
const PIECE: usize = 8_192;

/// CFG-001.
fn undecodable(file: &str, bytes: &[u8], error: std::str::Utf8Error) -> Error {
    let at = error.valid_up_to();
    let first = bytes.get(at).copied().unwrap_or_default();
    let starts_one = (0xc2..=0xf4).contains(&first);
    // `seen` is where the fault shows: at the byte itself, at the one that should have gone on, or at the end.
    let (length, seen, reason) = match error.error_len() {
        None => (bytes.len() - at, bytes.len() + PIECE, "unexpected end of data"),
        Some(length) if starts_one => (length, at + length, "invalid continuation byte"),
        Some(length) => (length, at, "invalid start byte"),
    };
    let from = at - piece_begin(bytes, seen, at);
    let sentence = if length == 1 {
        format!("'utf-8' codec can't decode byte 0x{first:02x} in position {from}: {reason}")
    } else {
        let to = from + length - 1;
        format!("'utf-8' codec can't decode bytes in position {from}-{to}: {reason}")
    };
    let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
    let place = Place { file: file.to_string(), line, section: None, option: None };
    Error { sentence, place: Some(place), help: Some("save the file as UTF-8".to_string()) }
}

/// Where the piece that holds the byte `seen` begins, `at` at the latest. A character that the piece before had not
/// whole is kept for it.
fn piece_begin(bytes: &[u8], seen: usize, at: usize) -> usize {
    let mut begin = seen - seen % PIECE;
    if begin >= at {
        return at;
    }
    while begin > 0 && bytes.get(begin).is_some_and(|byte| byte & 0xc0 == 0x80) {
        begin -= 1;
    }
    begin
}
