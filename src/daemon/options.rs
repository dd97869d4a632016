//! The command line of supervisord, read as the reference reads it (CLI-002 to CLI-016).

use std::fmt;
use std::io;
use std::sync::Arc;

use super::check::{self, Check};
use super::machine::ConfigReader;
use crate::api::SUPERVISOR_VERSION;
use crate::cli::{self, Grammar, Row, pages};
use crate::config::host::normalize;
use crate::config::read::{self, Reading, SystemHost};
use crate::config::{self, Config, MainLog, ProcessConfig, SupervisordConfig, value};
use crate::names::{reason, repr};
use crate::supervisor::ProgramText;

/// Why the daemon does not start, or no longer runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// Asked for on the command line: printed, and all is well.
    Asked(String),
    /// What `--check` found: printed; status 0 if all is well, else 2.
    Checked { text: String, ok: bool },
    /// Two lines on standard error, status 2 (CLI-008).
    Usage(String),
    /// The same, for all that is wrong with the configuration.
    Config(Vec<config::Error>),
    /// Something the machine refused; status 1.
    Failed(String),
}

impl Stop {
    /// What was attempted, and why it did not work.
    pub fn failed(what: &str, error: &io::Error) -> Stop {
        Stop::Failed(format!("{what}: {}", reason(error)))
    }

    /// Tells the person who started the daemon, and gives the exit status (CLI-025).
    pub fn report(&self, program: &str) -> u8 {
        match self {
            Stop::Asked(text) => u8::from(!cli::say(text)),
            Stop::Checked { text, ok } => match (cli::say(text), ok) {
                (false, _) => 1,
                (true, true) => 0,
                (true, false) => 2,
            },
            Stop::Usage(_) | Stop::Config(_) => {
                // For people, and only where it says more than the line that scripts look for.
                if let Stop::Config(errors) = self
                    && errors.iter().any(|error| error.place.is_some())
                {
                    cli::complain(config::error::explain(errors, &SystemHost::now()));
                }
                cli::complain(format_args!("{self}\nFor help, use {program} -h"));
                2
            }
            Stop::Failed(_) => {
                cli::complain(self);
                1
            }
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Asked(text) | Stop::Checked { text, .. } => f.write_str(text),
            Stop::Usage(text) | Stop::Failed(text) => write!(f, "Error: {text}"),
            Stop::Config(errors) => match errors.first() {
                Some(error) => write!(f, "Error: {error}"),
                None => f.write_str("Error: the configuration cannot be used"),
            },
        }
    }
}

/// One thing the command line can say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Name {
    Configuration,
    Nodaemon,
    Silent,
    Help,
    Version,
    User,
    Umask,
    Directory,
    Logfile,
    LogfileMaxbytes,
    LogfileBackups,
    Loglevel,
    Pidfile,
    Identifier,
    Childlogdir,
    Nocleanup,
    Minfds,
    StripAnsi,
    Minprocs,
    Profile,
    Check,
    Json,
    Strict,
    Completions,
    Manual,
}

const ROWS: [Row<Name>; 25] = [
    (
        Name::Configuration,
        &["-c"],
        "--configuration",
        Some("FILE"),
        "read this file instead of searching for one",
    ),
    (Name::Nodaemon, &["-n"], "--nodaemon", None, "stay in the foreground"),
    (Name::Silent, &["-s"], "--silent", None, "in the foreground, do not copy the log to standard output"),
    (Name::Help, &["-h", "-?"], "--help", None, "print this text and leave"),
    (Name::Version, &["-v"], "--version", None, "print the version and leave"),
    (Name::User, &["-u"], "--user", Some("USER"), "become this user, given by name or number"),
    (Name::Umask, &["-m"], "--umask", Some("OCTAL"), "use this umask in the background"),
    (Name::Directory, &["-d"], "--directory", Some("DIR"), "go to this directory in the background"),
    (Name::Logfile, &["-l"], "--logfile", Some("FILE"), "write the main log to this file"),
    (Name::LogfileMaxbytes, &["-y"], "--logfile_maxbytes", Some("BYTES"), "rotate the main log at this size"),
    (Name::LogfileBackups, &["-z"], "--logfile_backups", Some("NUMBER"), "keep so many rotated main logs"),
    (
        Name::Loglevel,
        &["-e"],
        "--loglevel",
        Some("LEVEL"),
        "critical, error, warn, info, debug, trace or blather",
    ),
    (Name::Pidfile, &["-j"], "--pidfile", Some("FILE"), "write the process id to this file"),
    (Name::Identifier, &["-i"], "--identifier", Some("TEXT"), "go by this name among other supervisors"),
    (Name::Childlogdir, &["-q"], "--childlogdir", Some("DIR"), "put the AUTO logs of programs here"),
    (Name::Nocleanup, &["-k"], "--nocleanup", None, "leave the AUTO logs of an earlier run alone"),
    (Name::Minfds, &["-a"], "--minfds", Some("NUMBER"), "start only with so many file descriptors"),
    (Name::StripAnsi, &["-t"], "--strip_ansi", None, "take ANSI escapes out of the programs' output"),
    (Name::Minprocs, &[], "--minprocs", Some("NUMBER"), "start only with so many processes"),
    (Name::Profile, &[], "--profile_options", Some("LIST"), "accepted and without effect"),
    (Name::Check, &[], "--check", None, "say what is wrong with the configuration, and leave"),
    (Name::Json, &[], "--json", None, "with --check: write one JSON object"),
    (Name::Strict, &[], "--strict", None, "with --check: take warnings for errors"),
    (
        Name::Completions,
        &[],
        "--completions",
        Some("SHELL"),
        "write completions for bash, zsh or fish and leave",
    ),
    (Name::Manual, &[], "--man", None, "write the manual page and leave"),
];

/// Abbreviations that the options of our own would make ambiguous, and what they have always meant (CLI-002).
const KEPT: [(&str, &[&str]); 3] =
    [("--childlogdir", &["ch"]), ("--strip_ansi", &["st", "str", "stri"]), ("--configuration", &["co"])];

const GRAMMAR: Grammar<Name> = Grammar { rows: &ROWS, kept: &KEPT };

/// Whoever can write to one of those places decides what root runs.
const SEARCH_WARNING: &str = "UserWarning: Supervisord is running as root and it is searching for its configuration \
                              file in default locations, its current working directory among them; give an absolute \
                              path with \"-c\" instead";

/// What the command line asks for. It wins over the configuration (CLI-013).
#[derive(Clone, Debug)]
pub struct Options {
    /// The machine as it was at the start: relative names mean the same for ever.
    host: SystemHost,
    /// As given until it has been read once, absolute from then on.
    configuration: String,
    nodaemon: bool,
    silent: bool,
    nocleanup: bool,
    strip_ansi: bool,
    /// A name or a number, looked up at each reading.
    user: Option<String>,
    umask: Option<u32>,
    directory: Option<String>,
    logfile: Option<MainLog>,
    logfile_maxbytes: Option<i64>,
    logfile_backups: Option<i64>,
    loglevel: Option<config::LogLevel>,
    pidfile: Option<String>,
    identifier: Option<String>,
    childlogdir: Option<String>,
    minfds: Option<i64>,
    minprocs: Option<i64>,
    check: Option<Check>,
}

impl Options {
    /// Reads the words after the program's name, and finds the configuration file.
    pub fn parse(program: &str, words: &[String]) -> Result<Options, Stop> {
        let given = GRAMMAR.read(words).map_err(Stop::Usage)?;
        if let Ok(directory) = std::env::current_dir()
            && directory.to_str().is_none()
        {
            // Relative names would mean something else.
            return Err(Stop::Usage(format!(
                "the working directory {directory:?} has a name that is not UTF-8; go to another one first"
            )));
        }
        if !given.words.is_empty() {
            let list = given.words.iter().map(|word| repr(word)).collect::<Vec<_>>().join(", ");
            return Err(Stop::Usage(format!("positional arguments are not supported: [{list}]")));
        }
        let mut options = Options::none();
        let mut seen: Vec<Name> = Vec::new();
        for (name, form, given) in given.options {
            match name {
                Name::Help => return Err(Stop::Asked(usage(program))),
                Name::Version => return Err(Stop::Asked(SUPERVISOR_VERSION.to_string())),
                Name::Completions => {
                    let script = pages::completions(&given, described());
                    return Err(script.map_or_else(Stop::Usage, Stop::Asked));
                }
                Name::Manual => return Err(Stop::Asked(pages::manual(described(), "8"))),
                name => {
                    options.set(name, &given).map_err(|why| {
                        Stop::Usage(format!("invalid value for {form} {}: {why}", repr(&given)))
                    })?;
                    if seen.contains(&name) {
                        return Err(Stop::Usage(format!("conflicting command line option {}", repr(form))));
                    }
                    seen.push(name);
                }
            }
        }
        if let Some(form) = seen_without_check(&seen) {
            return Err(Stop::Usage(format!("option {form} goes with --check only")));
        }
        options.check = seen
            .contains(&Name::Check)
            .then(|| Check { json: seen.contains(&Name::Json), strict: seen.contains(&Name::Strict) });
        if options.configuration.is_empty() {
            if nix::unistd::getuid().is_root() {
                // CLI-022: never in the log.
                cli::complain(SEARCH_WARNING);
            }
            let found = read::find(program, &options.host);
            options.configuration = found.map_err(|errors| match options.check {
                Some(wish) => check::verdict(Err(errors), Vec::new(), wish, &options.host),
                None => Stop::Config(errors),
            })?;
        }
        Ok(options)
    }

    /// Nothing is asked for.
    fn none() -> Options {
        Options {
            host: SystemHost::now(),
            configuration: String::new(),
            nodaemon: false,
            silent: false,
            nocleanup: false,
            strip_ansi: false,
            user: None,
            umask: None,
            directory: None,
            logfile: None,
            logfile_maxbytes: None,
            logfile_backups: None,
            loglevel: None,
            pidfile: None,
            identifier: None,
            childlogdir: None,
            minfds: None,
            minprocs: None,
            check: None,
        }
    }

    /// Makes the file's name absolute, so that a change of directory cannot make a later reading fail (BUG-003), nor a
    /// pipe hold one up.
    /// Not before the first reading, whose complaints repeat the name as it was given (CLI-023).
    pub fn pin(&mut self) {
        self.configuration = normalize(&self.configuration, &self.host);
        self.host.hurry();
    }

    /// Reads the configuration as it is now, the command line's wishes over it.
    pub fn read_config(&self) -> Result<Config, Vec<config::Error>> {
        self.survey().config
    }

    /// The same, with all there is to know about the files.
    pub fn survey(&self) -> Reading {
        let mut reading = read::survey(&self.configuration, &self.host, self.user.as_deref());
        if let Ok(config) = &mut reading.config {
            self.overlay(&mut config.supervisord);
        }
        reading
    }

    /// Whether the configuration is to be checked and no more.
    pub fn check(&self) -> Option<Check> {
        self.check
    }

    /// The machine as it was at the start.
    pub fn host(&self) -> &SystemHost {
        &self.host
    }

    fn overlay(&self, config: &mut SupervisordConfig) {
        config.nodaemon |= self.nodaemon;
        config.silent |= self.silent;
        config.nocleanup |= self.nocleanup;
        config.strip_ansi |= self.strip_ansi;
        over(&mut config.logfile, &self.logfile);
        over(&mut config.logfile_maxbytes, &self.logfile_maxbytes);
        over(&mut config.logfile_backups, &self.logfile_backups);
        over(&mut config.loglevel, &self.loglevel);
        over(&mut config.pidfile, &self.pidfile);
        over(&mut config.umask, &self.umask);
        over(&mut config.minfds, &self.minfds);
        over(&mut config.minprocs, &self.minprocs);
        over(&mut config.identifier, &self.identifier);
        over(&mut config.childlogdir, &self.childlogdir);
        config.childlogdir = normalize(&config.childlogdir, &self.host);
        config.directory = self.directory.clone().or_else(|| config.directory.take());
    }

    /// Checks and takes one value (CLI-016); the error is the reference's sentence.
    fn set(&mut self, name: Name, given: &str) -> Result<(), String> {
        match name {
            Name::Configuration => self.configuration = given.to_string(),
            Name::Nodaemon => self.nodaemon = true,
            Name::Silent => self.silent = true,
            Name::Nocleanup => self.nocleanup = true,
            Name::StripAnsi => self.strip_ansi = true,
            Name::User => self.user = Some(given.to_string()),
            Name::Umask => self.umask = Some(value::octal(given)?),
            Name::Directory => self.directory = Some(value::existing_directory(given, &self.host)?),
            Name::Logfile if given == "syslog" => self.logfile = Some(MainLog::Syslog),
            Name::Logfile => self.logfile = Some(MainLog::Path(self.file_path(given)?)),
            Name::LogfileMaxbytes => self.logfile_maxbytes = Some(value::byte_size(given)?),
            Name::LogfileBackups => self.logfile_backups = Some(value::integer(given)?),
            Name::Loglevel => self.loglevel = Some(value::log_level(given)?),
            Name::Pidfile => self.pidfile = Some(self.file_path(given)?),
            Name::Identifier => self.identifier = Some(given.to_string()),
            Name::Childlogdir => self.childlogdir = Some(value::existing_directory(given, &self.host)?),
            Name::Minfds => self.minfds = Some(value::integer(given)?),
            Name::Minprocs => self.minprocs = Some(value::integer(given)?),
            // Python's profiler has nothing to measure here (CLI-018).
            Name::Profile => (),
            // Acted upon elsewhere.
            Name::Help
            | Name::Version
            | Name::Check
            | Name::Json
            | Name::Strict
            | Name::Completions
            | Name::Manual => (),
        }
        Ok(())
    }

    /// Where a file of the daemon's own will be, in a directory that is there.
    fn file_path(&self, given: &str) -> Result<String, String> {
        value::existing_dirpath(given, &self.host).map(|path| normalize(&path, &self.host))
    }
}

impl ConfigReader for Options {
    fn config(&self) -> Result<Config, Vec<config::Error>> {
        self.read_config()
    }

    fn program(&self, text: &ProgramText) -> Result<Vec<Arc<ProcessConfig>>, Vec<config::Error>> {
        read::program(&self.configuration, &self.host, &text.group, &text.program, &text.options)
    }
}

fn over<T: Clone>(value: &mut T, wish: &Option<T>) {
    if let Some(wish) = wish {
        value.clone_from(wish);
    }
}

/// What means nothing but for a check, where none is asked for.
fn seen_without_check(seen: &[Name]) -> Option<&'static str> {
    let alone = |name: &Name| [Name::Json, Name::Strict].contains(name) && !seen.contains(&Name::Check);
    let (_, _, form, _, _) = ROWS.iter().find(|(name, ..)| seen.contains(name) && alone(name))?;
    Some(form)
}

/// The program, for shells and manuals.
fn described() -> clap::Command {
    let command = clap::Command::new("supervisord")
        .about("run programs and keep them running")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .after_help(
            "Without -c the first of these files is read: ../etc/supervisord.conf and ../supervisord.conf, seen from \
             the program; supervisord.conf and etc/supervisord.conf, seen from the working directory; \
             /etc/supervisord.conf; /etc/supervisor/supervisord.conf. The exit status is 0 after an orderly end, 2 \
             when the command line or the configuration is wrong, and 1 when the machine refused something.",
        );
    GRAMMAR.described(command)
}

fn usage(program: &str) -> String {
    let options = GRAMMAR.usage();
    format!("supervisord -- run programs and keep them running.\n\nUsage: {program} [options]\n{options}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
        match Options::parse("supervisord", &words) {
            Err(Stop::Usage(text)) => text,
            other => format!("not refused: {other:?}"),
        }
    }

    fn parsed(words: &[&str]) -> Options {
        let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
        Options::parse("supervisord", &words).unwrap()
    }

    #[test]
    fn refusals_read_as_cli_009_to_cli_016_say() {
        for (words, expected) in [
            (&["--bogus"][..], "option --bogus not recognized"),
            (&["--bogus=3"], "option --bogus not recognized"),
            (&["-x"], "option -x not recognized"),
            (&["-nx"], "option -x not recognized"),
            (&["-c"], "option -c requires argument"),
            (&["--configuration"], "option --configuration requires argument"),
            (&["--log", "x"], "option --log not a unique prefix"),
            (&["--=x"], "option -- not a unique prefix"),
            (&["--nodaemon=1"], "option --nodaemon must not have an argument"),
            (&["foo", "bar"], "positional arguments are not supported: ['foo', 'bar']"),
            (&["-n", "foo", "--bogus"], "positional arguments are not supported: ['foo', '--bogus']"),
            (&["--", "-n"], "positional arguments are not supported: ['-n']"),
            (&["-c", "a", "-c", "b"], "conflicting command line option '-c'"),
            (&["-c", "a", "--conf=b"], "conflicting command line option '--configuration'"),
            (&["-nn"], "conflicting command line option '-n'"),
            (&["-e", "bogus"], "invalid value for -e 'bogus': bad logging level name 'bogus'"),
            (&["--logl", "bogus"], "invalid value for --loglevel 'bogus': bad logging level name 'bogus'"),
            (
                &["-d", "/nonexistent"],
                "invalid value for -d '/nonexistent': /nonexistent is not an existing directory",
            ),
            (
                &["-l", "/nonexistent/x"],
                "invalid value for -l '/nonexistent/x': The directory named as part of the path /nonexistent/x \
                 does not exist",
            ),
        ] {
            assert_eq!(refused(words), expected, "{words:?}");
        }
    }

    #[test]
    fn help_and_version_act_in_their_turn_cli_007() {
        let ask = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
            Options::parse("supervisord", &words).unwrap_err()
        };
        assert_eq!(ask(&["-v", "-e", "bogus"]), Stop::Asked("4.3.0".to_string()));
        assert!(matches!(ask(&["-e", "bogus", "-v"]), Stop::Usage(_)));
        assert!(matches!(ask(&["-v", "--bogus"]), Stop::Usage(_)));
        assert!(matches!(ask(&["-?"]), Stop::Asked(text) if text.contains("--minprocs")));
    }

    #[test]
    fn the_command_line_wins_over_the_configuration_cli_013() {
        let options = parsed(&["-nsc", "/x.conf", "--logfile_b=3", "-e", "Debug", "-y5MB", "-m", "077"]);
        assert_eq!(options.configuration, "/x.conf");
        assert!(options.nodaemon && options.silent && !options.nocleanup);
        assert_eq!(options.logfile_backups, Some(3));
        assert_eq!(options.loglevel, Some(config::LogLevel::Debug));
        assert_eq!(options.logfile_maxbytes, Some(5 * 1024 * 1024));
        assert_eq!(options.umask, Some(0o077));
        let mut options = parsed(&["-c", "-n"]);
        assert_eq!(options.configuration, "-n");
        options.pin();
        assert!(options.configuration.starts_with('/') && options.configuration.ends_with("/-n"));
    }

    #[test]
    fn every_abbreviation_means_what_it_meant_without_the_check_cli_002() {
        let ours = [Name::Check, Name::Json, Name::Strict, Name::Completions, Name::Manual];
        let stock: Vec<&Row<Name>> = ROWS.iter().filter(|(name, ..)| !ours.contains(name)).collect();
        for (_, _, long, takes, _) in &stock {
            for end in 3..=long.len() {
                let short = &long[..end];
                let alike = stock.iter().filter(|(_, _, other, ..)| other.starts_with(short)).count();
                let mut words = vec![short.to_string()];
                words.extend(takes.map(|_| "x".to_string()));
                let read = GRAMMAR.read(&words);
                let whole = stock.iter().any(|(_, _, other, ..)| *other == short);
                if alike > 1 && !whole {
                    assert_eq!(read.unwrap_err(), format!("option {short} not a unique prefix"));
                } else {
                    let given = read.unwrap_or_else(|error| panic!("{short}: {error}")).options;
                    let meant = if whole { short } else { *long };
                    assert_eq!(given.first().map(|(_, form, _)| *form), Some(meant), "{short}");
                }
            }
        }
    }

    #[test]
    fn a_checks_own_options_go_with_a_check_only() {
        assert_eq!(refused(&["-c", "x", "--json"]), "option --json goes with --check only");
        assert_eq!(refused(&["--strict", "-c", "x"]), "option --strict goes with --check only");
        assert_eq!(refused(&["--check", "--check"]), "conflicting command line option '--check'");
        assert_eq!(parsed(&["-c", "x", "-n"]).check(), None);
        let check = parsed(&["--strict", "-c", "x", "--check"]).check();
        assert_eq!(check, Some(Check { json: false, strict: true }));
    }
}
