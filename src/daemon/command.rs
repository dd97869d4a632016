//! From the text of `command` to a file and its arguments, and the child's environment.

use std::ffi::{CString, NulError, OsString};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::unistd::{AccessFlags, access};

use crate::config::ProcessConfig;
use crate::config::split_command;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::process_config;

    fn config(command: &str) -> ProcessConfig {
        ProcessConfig { command: command.to_string(), ..process_config("g", "x") }
    }

    /// A directory with one file in it.
    fn dir_with(name: &str, mode: u32) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(name);
        std::fs::write(&file, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        dir
    }

    fn text(dir: &tempfile::TempDir) -> String {
        dir.path().to_string_lossy().into_owned()
    }

    fn found(config: &ProcessConfig, path: &str) -> Result<String, String> {
        Command::find(config, Some(path)).map(|command| command.file).map_err(|error| error.to_string())
    }

    #[test]
    fn the_search_goes_on_past_what_cannot_be_run_bug_032() {
        let (plain, runs, directory) =
            (dir_with("prog", 0o644), dir_with("prog", 0o755), text(&dir_with("a", 0)));
        std::fs::create_dir_all(format!("{directory}/prog")).unwrap();
        let (plain, runs) = (text(&plain), text(&runs));
        let prog = config("prog");
        let good = Ok(format!("{runs}/prog"));
        assert_eq!(found(&prog, &format!("/nonexistent:{plain}:{directory}:{runs}")), good);
        assert_eq!(found(&prog, &format!("{directory}:{runs}/")), good);
        assert_eq!(
            found(&prog, &format!("{plain}:{directory}")),
            Err(format!("command at '{plain}/prog' is not executable"))
        );
        assert_eq!(
            found(&prog, &format!("{directory}:{plain}")),
            Err(format!("command at '{directory}/prog' is a directory"))
        );
        assert_eq!(found(&prog, "/nonexistent"), Err("can't find command 'prog'".to_string()));
    }

    #[test]
    fn the_configured_path_is_searched_instead_of_the_daemons_proc_036() {
        let runs = dir_with("prog", 0o755);
        let mut prog = config("prog");
        assert_eq!(found(&prog, &text(&runs)), Ok(format!("{}/prog", text(&runs))));
        prog.environment.insert("PATH".to_string(), "/nonexistent".to_string());
        assert!(found(&prog, &text(&runs)).is_err());
        assert_eq!(
            Command::find(&config("sh"), Some("")).map(|command| command.file),
            Ok("/bin/sh".to_string())
        );
    }

    #[test]
    fn a_relative_command_is_looked_for_where_it_will_run_bug_033() {
        let runs = dir_with("prog", 0o755);
        let mut prog = config("./prog -x");
        assert_eq!(found(&prog, ""), Err("can't find command './prog'".to_string()));
        prog.directory = Some(text(&runs));
        assert_eq!(found(&prog, ""), Ok("./prog".to_string()));
    }

    #[test]
    fn broken_commands_say_so_proc_034() {
        assert_eq!(found(&config(""), ""), Err("command is empty".to_string()));
        assert_eq!(
            found(&config("a 'b"), ""),
            Err("can't parse command \"a 'b\": No closing quotation".to_string())
        );
    }

    #[test]
    fn later_variables_win_proc_045() {
        let inherited: Vec<(OsString, OsString)> =
            [("A", "daemon"), ("B", "daemon"), ("SUPERVISOR_ENABLED", "0"), ("HOME", "/root")]
                .map(|(name, value)| (name.into(), value.into()))
                .to_vec();
        let mut process = config("x");
        for (name, value) in [("B", "program"), ("SUPERVISOR_GROUP_NAME", "mine")] {
            process.environment.insert(name.to_string(), value.to_string());
        }
        let variables = |process: &ProcessConfig, url| {
            let mut all: Vec<String> = environment(&inherited, url, process)
                .unwrap()
                .into_iter()
                .map(|pair| pair.into_string().unwrap())
                .collect();
            all.sort();
            all.join(" ")
        };
        let rest = "SUPERVISOR_ENABLED=1 SUPERVISOR_GROUP_NAME=mine SUPERVISOR_PROCESS_NAME=x";
        assert_eq!(variables(&process, None), format!("A=daemon B=program HOME=/root {rest}"));
        process.serverurl = Some("http://own".to_string());
        assert!(variables(&process, Some("unix:///s")).ends_with("SUPERVISOR_SERVER_URL=http://own"));
        process.serverurl = None;
        assert!(variables(&process, Some("unix:///s")).ends_with("SUPERVISOR_SERVER_URL=unix:///s"));
    }
}
