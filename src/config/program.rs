//! `[program:x]` and its kin: one section, one `ProcessConfig` for each of its processes (CFG-102 to CFG-115).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::{Context, Section};
use super::error::Warning;
use super::habit::{self, Habit};
use super::value::{self, LogSetting};
use super::{AutoRestart, LogFile, OutputConfig, ProcessConfig, shlex};
use crate::names::{GroupName, ProgramName, Signal};

/// Processes of one section at most. The reference has no bound, and fills the memory on a slip of the finger.
pub const NUMPROCS_MAX: i64 = 100_000;

/// The processes of `section` as members of `group`, by priority and name (CFG-119).
pub fn processes(context: &mut Context<'_>, section: &str, group: &str) -> Vec<Arc<ProcessConfig>> {
    let hostname = context.host.hostname().to_string();
    let mut section = context.section(section);
    section.wrapped = true;
    let program = section.name.split_once(':').map_or("", |(_, name)| name).to_string();
    let program = match value::name(&program) {
        Ok(name) => name,
        Err(sentence) => {
            section.fail(sentence, None);
            return Vec::new();
        }
    };
    section.names.set("program_name", &program);
    section.names.set("host_node_name", &hostname);
    section.names.set("group_name", group);
    let errors = section.context.errors.len();
    let shared = Shared::read(&mut section, &program, group);
    let mut processes = Vec::new();
    for number in shared.numprocs_start..shared.numprocs_start.saturating_add(shared.numprocs) {
        processes.push(Arc::new(process(&mut section, &shared, number)));
        if section.context.errors.len() > errors {
            // The others would say the same again.
            break;
        }
    }
    processes.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    processes
}

/// Processes of one name collapse: the first keeps its place, the last its settings (CFG-104).
pub fn unique(processes: Vec<Arc<ProcessConfig>>) -> Vec<Arc<ProcessConfig>> {
    let mut kept: indexmap::IndexMap<_, Arc<ProcessConfig>> = indexmap::IndexMap::new();
    for process in processes {
        kept.insert(process.name.clone(), process);
    }
    kept.into_values().collect()
}

/// What is read once for the section, whatever `numprocs` is (CFG-043).
struct Shared {
    template: ProcessConfig,
    process_name: String,
    environment: String,
    numprocs: i64,
    numprocs_start: i64,
}

impl Shared {
    /// In the reference's order, so that of several errors the same one comes first.
    fn read(section: &mut Section<'_, '_>, program: &str, group: &str) -> Shared {
        let host = section.context.host;
        let priority = section.read("priority", 999, value::integer);
        let autostart = section.read("autostart", true, value::boolean);
        let autorestart = section.read("autorestart", AutoRestart::Unexpected, value::autorestart);
        let startsecs = section.read("startsecs", 1, value::integer);
        let startretries = section.read("startretries", 3, value::integer);
        let stopsignal = section.read("stopsignal", Signal::TERM, value::signal);
        let stopwaitsecs = section.read("stopwaitsecs", 10, value::integer);
        let stopasgroup = section.read("stopasgroup", false, value::boolean);
        let killasgroup = section.read("killasgroup", stopasgroup, value::boolean);
        let exitcodes = section.read("exitcodes", vec![0], value::exitcodes);
        let redirect_stderr = section.read("redirect_stderr", false, value::boolean);
        let numprocs = section.read("numprocs", 1, value::integer);
        let numprocs_start = section.read("numprocs_start", 0, value::integer);
        let environment = section.raw("environment").unwrap_or_default();
        let stdout = channel_basics(section, "stdout");
        let stderr = channel_basics(section, "stderr");
        let serverurl = section.text("serverurl").filter(|url| !url.trim().eq_ignore_ascii_case("auto"));
        let user = section.read_optional("user", |text| value::user(text, host));
        let umask = section.read_optional("umask", value::octal);
        let process_name = section.raw("process_name").unwrap_or_else(|| "%(program_name)s".to_string());
        let process_name = match value::name(&process_name) {
            Ok(name) => {
                if numprocs > 1 && !name.contains("%(process_num)") {
                    let sentence = "%(process_num) must be present within process_name when numprocs > 1";
                    section.fail(sentence.to_string(), Some("process_name"));
                }
                name
            }
            Err(sentence) => {
                section.fail(sentence, Some("process_name"));
                String::new()
            }
        };
        if numprocs > NUMPROCS_MAX {
            section
                .fail(format!("numprocs must be at most {NUMPROCS_MAX}, not {numprocs}"), Some("numprocs"));
        }
        if stopasgroup && !killasgroup {
            let sentence = "Cannot set stopasgroup=true and killasgroup=false";
            let help = "leave killasgroup out: stopasgroup implies it";
            section.fail_with_help(sentence.to_string(), Some("killasgroup"), help);
        }
        let template = ProcessConfig {
            program: ProgramName::from(program),
            group: GroupName::from(group),
            name: "".into(),
            command: String::new(),
            priority,
            autostart,
            autorestart,
            startsecs,
            startretries,
            exitcodes,
            stopsignal,
            stopwaitsecs,
            stopasgroup,
            killasgroup,
            user,
            umask,
            directory: None,
            environment: Default::default(),
            serverurl,
            redirect_stderr,
            stdout,
            stderr,
            socket: None,
            listener: false,
        };
        Shared { template, process_name, environment, numprocs, numprocs_start }
    }
}

/// What of a channel is read once.
fn channel_basics(section: &mut Section<'_, '_>, channel: &str) -> OutputConfig {
    OutputConfig {
        capture_maxbytes: section.read(&format!("{channel}_capture_maxbytes"), 0, value::byte_size),
        events_enabled: section.read(&format!("{channel}_events_enabled"), false, value::boolean),
        logfile: LogFile::Auto,
        maxbytes: 0,
        backups: 0,
        syslog: false,
    }
}

/// What is read anew for each process.
fn process(section: &mut Section<'_, '_>, shared: &Shared, number: i64) -> ProcessConfig {
    let mut process = shared.template.clone();
    section.names.restore_environment();
    section.names.set_number("process_num", number);
    section.names.set_number("numprocs", shared.numprocs);
    let environment = section
        .names
        .expand(&shared.environment, "environment")
        .and_then(|text| shlex::environment(&text))
        .unwrap_or_else(|sentence| {
            section.fail(sentence, Some("environment"));
            Default::default()
        });
    section.names.set_variables(&environment);
    process.environment = environment;
    if number == shared.numprocs_start {
        habits_of_environment(section, &shared.environment, &process.environment);
    }
    process.directory = section.text("directory");
    channel(section, "stdout", &mut process.stdout);
    channel(section, "stderr", &mut process.stderr);
    if process.redirect_stderr {
        if let LogFile::Path(_) = &process.stderr.logfile {
            let text = format!(
                "For [{}], redirect_stderr=true but stderr_logfile has also been set to a filename, the filename \
                 has been ignored",
                section.name
            );
            let help = "the one or the other";
            section.context.warn(text, &section.name, Some("stderr_logfile"), help);
        }
        process.stderr.logfile = LogFile::None;
    }
    match section.text("command") {
        Some(command) => process.command = command,
        None if section.raw("command").is_none() => {
            section.fail(
                format!("program section {} does not specify a command", section.name),
                Some("command"),
            );
        }
        None => (),
    }
    match section.names.expand(&shared.process_name, "process_name") {
        Ok(name) => process.name = name.as_str().into(),
        Err(sentence) => section.fail(sentence, Some("process_name")),
    }
    process
}

/// What a check shows of it. The text is taken apart once more for that, so once for a section is enough.
fn habits_of_environment(section: &mut Section<'_, '_>, text: &str, read: &BTreeMap<String, String>) {
    let known = section.context.host.environment();
    let expanded = section.names.expand(text, "environment").unwrap_or_default();
    let habits = [habit::odd_separator(&expanded), habit::in_environment(read, known)];
    for Habit { sentence, help } in habits.into_iter().flatten() {
        let sentence = format!("[{}] environment: {sentence}", section.name);
        let (context, name) = (&mut *section.context, &section.name);
        context.warnings.push(Warning::at(sentence, context.document, name, Some("environment"), &help));
    }
}

/// One channel's file and how it is kept; the file's name is expanded twice (CFG-047).
fn channel(section: &mut Section<'_, '_>, channel: &str, output: &mut OutputConfig) {
    let host = section.context.host;
    let option = format!("{channel}_logfile");
    let setting = section.text(&option).map(|text| {
        let again = section.names.expand(&text, &option);
        again.and_then(|text| value::logfile(&text, host))
    });
    let syslog = matches!(setting, Some(Ok(LogSetting::Syslog)));
    output.logfile = match setting {
        None => LogFile::Auto,
        Some(Ok(LogSetting::File(file))) => file,
        Some(Ok(LogSetting::Syslog)) => LogFile::None,
        Some(Err(sentence)) => {
            section.fail(sentence, Some(&option));
            LogFile::None
        }
    };
    output.backups = section.read(&format!("{channel}_logfile_backups"), 10, value::integer);
    output.maxbytes = section.read(&format!("{channel}_logfile_maxbytes"), 50 << 20, value::byte_size);
    output.syslog = section.read(&format!("{channel}_syslog"), false, value::boolean) || syslog;
    let name = &section.name;
    if syslog {
        let text = format!(
            "For [{name}], {option}=syslog but this is deprecated and will be removed.  Use {channel}_syslog=true \
             to enable syslog instead."
        );
        let help = format!("write {channel}_syslog=true");
        section.context.warn(text, name, Some(&option), &help);
    } else if output.logfile == LogFile::Auto && output.maxbytes == 0 {
        let text = format!(
            "For [{name}], AUTO logging used for {option} without rollover, set maxbytes > 0 to avoid filling up \
             filesystem unintentionally"
        );
        let help = "a size such as 50MB";
        section.context.warn(text, name, Some(&format!("{channel}_logfile_maxbytes")), help);
    }
}
