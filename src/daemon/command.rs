//! From the text of `command` to a file and its arguments, and the child's environment.

use std::ffi::{CString, NulError, OsString};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::unistd::{AccessFlags, access};

use crate::config::ProcessConfig;
use crate::config::value::split_command;
use crate::supervisor::CommandError;

/// What to execute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// The file; if relative, it is so to the directory the child will be in.
    pub file: String,
    /// Never empty.
    pub arguments: Vec<String>,
}

impl Command {
    /// Splits the command and looks the program up (PROC-034 to PROC-037). `path` is the daemon's own PATH.
    pub fn find(config: &ProcessConfig, path: Option<&str>) -> Result<Command, CommandError> {
        let command = &config.command;
        let unparsable = |message| CommandError::Unparsable { command: command.clone(), message };
        let arguments = split_command(command).map_err(unparsable)?;
        let Some(program) = arguments.first() else { return Err(CommandError::Empty) };
        let file = if program.contains('/') {
            check(program, config.directory.as_deref())?;
            program.clone()
        } else {
            search(program, config, path)?
        };
        Ok(Command { file, arguments })
    }
}

/// The first of the PATH that can be run. One that cannot does not end the search, as it does not in a shell
/// (BUG-032), but if none can, the first found says why.
fn search(program: &str, config: &ProcessConfig, path: Option<&str>) -> Result<String, CommandError> {
    let inherited = path.filter(|path| !path.is_empty()).unwrap_or("/bin:/usr/bin:/usr/local/bin");
    let path = config.environment.get("PATH").map_or(inherited, String::as_str);
    let mut first = None;
    for directory in path.split(':') {
        let file = match directory {
            "" => program.to_string(),
            directory if directory.ends_with('/') => format!("{directory}{program}"),
            directory => format!("{directory}/{program}"),
        };
        match check(&file, config.directory.as_deref()) {
            Ok(()) => return Ok(file),
            Err(CommandError::NotFound { .. }) => (),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| CommandError::NotFound { command: program.to_string() }))
}

/// Whether a file could be executed. It is looked for where the child will look, after its change of directory
/// (BUG-033).
fn check(file: &str, directory: Option<&str>) -> Result<(), CommandError> {
    let seen = match directory {
        // Joining leaves an absolute name alone.
        Some(directory) => Path::new(directory).join(file),
        None => Path::new(file).to_path_buf(),
    };
    let path = file.to_string();
    let Ok(meta) = std::fs::metadata(&seen) else {
        return Err(CommandError::NotFound { command: path });
    };
    if meta.is_dir() {
        Err(CommandError::Directory { path })
    } else if meta.permissions().mode() & 0o111 == 0 {
        Err(CommandError::NotExecutable { path })
    } else if access(&seen, AccessFlags::X_OK).is_err() {
        Err(CommandError::NoPermission { path })
    } else {
        Ok(())
    }
}

/// The child's variables as `NAME=value`: the daemon's own, then `SUPERVISOR_*`, then the configured ones; the
/// later win (PROC-045).
pub fn environment(
    inherited: &[(OsString, OsString)],
    server_url: Option<&str>,
    config: &ProcessConfig,
) -> Result<Vec<CString>, NulError> {
    let url = config.serverurl.as_deref().or(server_url);
    let own = [
        Some(("SUPERVISOR_ENABLED", "1")),
        url.map(|url| ("SUPERVISOR_SERVER_URL", url)),
        Some(("SUPERVISOR_PROCESS_NAME", config.name.as_str())),
        Some(("SUPERVISOR_GROUP_NAME", config.group.as_str())),
    ];
    let configured = config.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let ours: Vec<(&str, &str)> = own
        .into_iter()
        .flatten()
        .filter(|(name, _)| !config.environment.contains_key(*name))
        .chain(configured)
        .collect();

    let kept = inherited.iter().filter(|(name, _)| !ours.iter().any(|(ours, _)| name == ours));
    let kept = kept.map(|(name, value)| {
        let mut pair = name.clone();
        pair.push("=");
        pair.push(value);
        CString::new(pair.into_vec())
    });
    kept.chain(ours.iter().map(|(name, value)| CString::new(format!("{name}={value}")))).collect()
}
