//! The only file that opens files: the search path, `[include]`, and the real [`Host`].

use std::collections::BTreeMap;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User};

use super::error::Error;
use super::expand::Names;
use super::host::{Host, dirname, normalize};
use super::ini::{Document, universal_newlines};
use super::{Config, LogLevel, Message};
use crate::names::repr;

/// The machine the daemon runs on.
#[derive(Clone, Debug)]
pub struct SystemHost {
    environment: BTreeMap<String, String>,
    hostname: String,
    cwd: String,
    tempdir: String,
}

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
        SystemHost { environment, hostname: hostname.unwrap_or_default(), cwd, tempdir }
    }
}

/// The first directory of CFG-089 that can be written to.
fn tempdir(environment: &BTreeMap<String, String>, cwd: &str) -> String {
    let named = ["TMPDIR", "TEMP", "TMP"].iter().filter_map(|name| environment.get(*name));
    let fixed = ["/tmp", "/var/tmp", "/usr/tmp", cwd].map(str::to_string);
    let usable = |path: &String| {
        Path::new(path).is_dir() && nix::unistd::access(path.as_str(), nix::unistd::AccessFlags::W_OK).is_ok()
    };
    named
        .filter(|path| !path.is_empty())
        .cloned()
        .chain(fixed)
        .find(usable)
        .unwrap_or_else(|| cwd.to_string())
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

    fn is_dir(&self, path: &str) -> bool {
        Path::new(path).is_dir()
    }

    fn uid_of(&self, name: &str) -> Option<u32> {
        User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
    }

    fn has_uid(&self, uid: u32) -> bool {
        User::from_uid(Uid::from_raw(uid)).is_ok_and(|user| user.is_some())
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

/// The first configuration of the search path that exists (CLI-019 to CLI-021).
pub fn find(argv0: &str) -> Result<String, Vec<Error>> {
    let above = dirname(dirname(argv0));
    let beside = |tail: &str| if above.is_empty() { tail.to_string() } else { format!("{above}/{tail}") };
    let paths = [
        beside("etc/supervisord.conf"),
        beside("supervisord.conf"),
        "supervisord.conf".to_string(),
        "etc/supervisord.conf".to_string(),
        "/etc/supervisord.conf".to_string(),
        "/etc/supervisor/supervisord.conf".to_string(),
    ];
    paths.iter().find(|path| Path::new(path).exists()).cloned().ok_or_else(|| {
        vec![Error::bare(format!(
            "No config file found at default paths ({}); use the -c option to specify a config file at a different \
             path",
            paths.join(", ")
        ))]
    })
}

/// Reads a configuration and all it includes.
pub fn read(path: &str, host: &dyn Host) -> Result<Config, Vec<Error>> {
    if !Path::new(path).exists() {
        return Err(vec![Error::bare(format!("could not find config file {path}"))]);
    }
    let here = dirname(&normalize(path, host)).to_string();
    let mut document = Document::default();
    let bytes =
        std::fs::read(path).map_err(|_| vec![Error::bare(format!("could not read config file {path}"))])?;
    document.read(path, &decode(path, bytes)?)?;
    let messages = include(&mut document, &here, host)?;
    super::parse(&document, &here, messages, host)
}

/// Takes in what the main file's `[include]` names, each match once for each pattern it matches (CFG-021 to
/// CFG-033). All errors of all files come together.
fn include(document: &mut Document, here: &str, host: &dyn Host) -> Result<Vec<Message>, Vec<Error>> {
    let mut messages = Vec::new();
    if !document.has_section("include") {
        return Ok(messages);
    }
    document.expand_here(here);
    let Some(files) = document.get("include", "files") else {
        let sentence = ".ini file has [include] section, but no files setting".to_string();
        return Err(vec![Error::at(sentence, document, "include", None)]);
    };
    let mut names = Names::default();
    names.set_environment(host.environment().iter());
    names.set("here", here);
    names.set("host_node_name", host.hostname());
    let files = names
        .expand(&files, "include.files")
        .map_err(|sentence| vec![Error::at(sentence, document, "include", Some("files"))])?;
    let mut errors = Vec::new();
    for pattern in files.split(super::ini::is_space).filter(|pattern| !pattern.is_empty()) {
        let pattern =
            if pattern.starts_with('/') { pattern.to_string() } else { format!("{here}/{pattern}") };
        let matches = matches(&pattern);
        if matches.is_empty() {
            let text = format!("No file matches via include \"{pattern}\"");
            messages.push(Message { level: LogLevel::Warn, text });
        }
        for file in matches {
            let text = format!("Included extra file \"{file}\" during parsing");
            messages.push(Message { level: LogLevel::Info, text });
            match std::fs::read(&file) {
                Err(error) => messages.push(unreadable(&file, &error)),
                Ok(bytes) => match decode(&file, bytes).and_then(|text| document.read(&file, &text)) {
                    Ok(()) => document.expand_here(dirname(&normalize(&file, host))),
                    Err(found) => errors.extend(found),
                },
            }
        }
    }
    if errors.is_empty() { Ok(messages) } else { Err(errors) }
}

/// The reference skips it without a word (CFG-029); its programs would be missing unexplained.
fn unreadable(file: &str, error: &std::io::Error) -> Message {
    let text = format!("could not read included file \"{file}\": {}; it is left out", error.kind());
    Message { level: LogLevel::Warn, text }
}

/// Python's `glob`, by the bytes of the paths (CFG-025, CFG-026).
fn matches(pattern: &str) -> Vec<String> {
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    if !pattern.contains(['*', '?', '[']) {
        let exists = std::fs::symlink_metadata(pattern).is_ok();
        return exists.then(|| pattern.to_string()).into_iter().collect();
    }
    // `**` would go down whole trees and round in circles of links.
    let mut plain = pattern.to_string();
    while plain.contains("**") {
        plain = plain.replace("**", "*");
    }
    let Ok(paths) = glob::glob_with(&plain, options) else { return Vec::new() };
    let mut found: Vec<String> = paths.filter_map(|path| path.ok()?.to_str().map(str::to_string)).collect();
    found.sort();
    found
}

/// Text in UTF-8, ends of lines as Python reads them (CFG-001, CFG-002).
fn decode(file: &str, bytes: Vec<u8>) -> Result<String, Vec<Error>> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(universal_newlines(&text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let reason = match error.utf8_error().error_len() {
                None => "unexpected end of data",
                Some(1) => "invalid start byte",
                Some(_) => "invalid continuation byte",
            };
            let byte = error.as_bytes().get(at).copied().unwrap_or_default();
            let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            let sentence = format!("'utf-8' codec can't decode byte 0x{byte:02x} in position {at}: {reason}");
            let mut error = Error::bare(sentence);
            error.help = Some(format!("save {} as UTF-8; the byte is in line {line}", repr(file)));
            Err(vec![error])
        }
    }
}
