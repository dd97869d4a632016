//! `getAllConfigInfo`: the configuration last read, and what of it is in force.

use std::sync::Arc;

use super::group::Groups;
use crate::api::{ChannelInfo, ConfigInfo, LogSetting};
use crate::config::{AutoRestart, Config, GroupConfig, LogFile, OutputConfig, ProcessConfig};

/// One record for each process of the configuration last read, by process name (RPC-047, RPC-049).
pub fn config_infos(config: &Config, groups: &Groups) -> Vec<ConfigInfo> {
    let mut infos: Vec<ConfigInfo> = Vec::new();
    for group in &config.groups {
        infos.extend(group.processes.iter().map(|process| info(group, process, groups)));
    }
    infos.sort_by(|a, b| a.name.cmp(&b.name));
    infos
}

fn info(group: &GroupConfig, process: &Arc<ProcessConfig>, groups: &Groups) -> ConfigInfo {
    let active = groups.get(group.name.as_str());
    let running = active
        .and_then(|active| active.by_name.get(&process.name))
        .and_then(|key| groups.process(*key))
        // An AUTO log shows its file only for the very configuration that is in force (RPC-048).
        .filter(|running| Arc::ptr_eq(&running.config, process));
    ConfigInfo {
        name: process.name.clone(),
        group: group.name.clone(),
        group_prio: group.priority,
        process_prio: process.priority,
        inuse: active.is_some(),
        command: process.command.clone(),
        autostart: process.autostart,
        autorestart: match process.autorestart {
            AutoRestart::Never => Some(false),
            AutoRestart::Unexpected => None,
            AutoRestart::Always => Some(true),
        },
        directory: process.directory.clone(),
        uid: process.user,
        exitcodes: process.exitcodes.clone(),
        killasgroup: process.killasgroup,
        redirect_stderr: process.redirect_stderr,
        startretries: process.startretries,
        startsecs: process.startsecs,
        stopsignal: process.stopsignal,
        stopwaitsecs: process.stopwaitsecs,
        serverurl: process.serverurl.clone(),
        stdout: channel(&process.stdout, running.map(|running| &running.logs.stdout)),
        stderr: channel(&process.stderr, running.map(|running| &running.logs.stderr)),
    }
}

fn channel(output: &OutputConfig, resolved: Option<&Arc<str>>) -> ChannelInfo {
    ChannelInfo {
        logfile: match (&output.logfile, resolved) {
            (LogFile::Auto, Some(path)) if !path.is_empty() => LogSetting::Path(path.clone()),
            (LogFile::Auto, Some(_) | None) => LogSetting::Auto,
            (LogFile::None, _) => LogSetting::None,
            (LogFile::Path(path), _) => LogSetting::Path(Arc::from(path.as_str())),
        },
        logfile_backups: output.backups,
        logfile_maxbytes: output.maxbytes,
        capture_maxbytes: output.capture_maxbytes,
        events_enabled: output.events_enabled,
        syslog: output.syslog,
    }
}
