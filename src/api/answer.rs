//! What calls give, and how it is written as XML-RPC documents: straight from the structs into one string.

use super::calls::value;
use super::writer::Writer;
use super::{ChannelInfo, CollectionInfo, ConfigInfo, Fault, LogSetting, Outcome, ProcessInfo, Reply};

/// Room for one process in an answer, so that a long list is written without growing the string.
const BYTES_PER_PROCESS: usize = 1_400;

/// What a call gives when it succeeds.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    Reply(Reply),
    Texts(Vec<String>),
    /// The entries of a multicall's array, already written by [`write_entry`].
    Entries(String),
}

/// Writes Unix seconds as `Nov 22 09:44 AM` in local time (RPC-044).
pub type LocalTime = fn(i64) -> String;

/// The whole document that answers a call.
pub fn write_response(result: &Result<Answer, Fault>, local: LocalTime) -> String {
    let mut w = Writer::with_capacity(512 + size_hint(result));
    w.raw("<?xml version='1.0'?>\n<methodResponse>\n");
    match result {
        Ok(value) => {
            w.raw("<params>\n<param>\n");
            answer(&mut w, value, local);
            w.raw("</param>\n</params>\n");
        }
        Err(refused) => {
            w.raw("<fault>\n");
            fault(&mut w, refused);
            w.raw("</fault>\n");
        }
    }
    w.raw("</methodResponse>\n");
    w.into_string()
}

/// One entry of a multicall's array: the bare value, or a struct that tells the fault (RPC-061).
pub fn write_entry(w: &mut Writer, result: &Result<Answer, Fault>, local: LocalTime) {
    match result {
        Ok(value) => answer(w, value, local),
        Err(refused) => fault(w, refused),
    }
}

fn size_hint(result: &Result<Answer, Fault>) -> usize {
    match result {
        Ok(Answer::Reply(Reply::Processes(processes))) => processes.len() * BYTES_PER_PROCESS,
        Ok(Answer::Reply(Reply::Configs(configs))) => configs.len() * 2 * BYTES_PER_PROCESS,
        Ok(Answer::Entries(entries)) => entries.len(),
        Ok(Answer::Reply(Reply::Text(text) | Reply::Tail { text, .. })) => text.len(),
        Ok(Answer::Reply(
            Reply::True
            | Reply::Texts(_)
            | Reply::Value(_)
            | Reply::Number(_)
            | Reply::State(_)
            | Reply::Process(_)
            | Reply::Collections(_)
            | Reply::Outcomes(_)
            | Reply::Metrics(_)
            | Reply::Reread { .. },
        ))
        | Ok(Answer::Texts(_))
        | Err(_) => 0,
    }
}

fn answer(w: &mut Writer, value: &Answer, local: LocalTime) {
    match value {
        Answer::Reply(value) => reply(w, value, local),
        Answer::Texts(texts) => w.strings(texts),
        Answer::Entries(entries) => w.array(|w| w.raw(entries)),
    }
}

fn fault(w: &mut Writer, fault: &Fault) {
    w.structure(|w| {
        w.member("faultCode", |w| w.int(fault.code as i64));
        w.member("faultString", |w| w.string(&fault.to_string()));
    });
}

fn reply(w: &mut Writer, reply: &Reply, local: LocalTime) {
    match reply {
        Reply::True => w.boolean(true),
        Reply::Text(text) => w.string(text),
        Reply::Texts(texts) => w.strings(texts),
        Reply::Value(stored) => value(w, stored),
        Reply::Number(number) => w.int(*number),
        Reply::State(state) => w.structure(|w| {
            w.member("statecode", |w| w.int(i64::from(state.number())));
            w.member("statename", |w| w.string(state.name()));
        }),
        Reply::Process(info) => process(w, info, local),
        Reply::Processes(infos) => w.array(|w| infos.iter().for_each(|info| process(w, info, local))),
        Reply::Configs(infos) => w.array(|w| infos.iter().for_each(|info| config(w, info))),
        Reply::Collections(infos) => w.array(|w| infos.iter().for_each(|info| collection(w, info))),
        Reply::Outcomes(outcomes) => w.array(|w| outcomes.iter().for_each(|one| outcome(w, one))),
        // No method gives it: `/metrics` has a format of its own.
        Reply::Metrics(_) => w.structure(|_| ()),
        Reply::Tail { text, size, overflow } => w.array(|w| {
            w.string(text);
            w.int(*size);
            w.boolean(*overflow);
        }),
        // Wrapped once more than needed: clients unpack exactly this (RPC-025).
        Reply::Reread { added, changed, removed } => w.array(|w| {
            w.array(|w| {
                w.strings(added);
                w.strings(changed);
                w.strings(removed);
            });
        }),
    }
}

/// What stands before the value of a member: one piece, since a list of processes has thousands of them.
macro_rules! head {
    ($name:literal, $kind:literal) => {
        concat!("<member>\n<name>", $name, "</name>\n<value><", $kind, ">")
    };
}

/// The members of RPC-041, in its order.
fn process(w: &mut Writer, info: &ProcessInfo, local: LocalTime) {
    let text = |w: &mut Writer, head: &str, text: &str| {
        w.raw(head);
        w.escaped(text);
        w.raw("</string></value>\n</member>\n");
    };
    let int = |w: &mut Writer, head: &str, number: i64| {
        w.raw(head);
        w.number(number);
        w.raw("</int></value>\n</member>\n");
    };
    w.structure(|w| {
        text(w, head!("name", "string"), info.name.as_str());
        text(w, head!("group", "string"), info.group.as_str());
        int(w, head!("start", "int"), info.start);
        int(w, head!("stop", "int"), info.stop);
        int(w, head!("now", "int"), info.now);
        int(w, head!("state", "int"), i64::from(info.state.number()));
        text(w, head!("statename", "string"), info.state.name());
        text(w, head!("spawnerr", "string"), &info.spawnerr);
        int(w, head!("exitstatus", "int"), i64::from(info.exitstatus));
        // The name that clients of old know stdout_logfile by (RPC-069).
        text(w, head!("logfile", "string"), &info.stdout_logfile);
        text(w, head!("stdout_logfile", "string"), &info.stdout_logfile);
        text(w, head!("stderr_logfile", "string"), &info.stderr_logfile);
        int(w, head!("pid", "int"), info.pid.map_or(0, |pid| i64::from(pid.0)));
        text(w, head!("description", "string"), &info.description(local));
    });
}

/// The members of RPC-034, in its order.
fn outcome(w: &mut Writer, outcome: &Outcome) {
    w.structure(|w| {
        w.member("name", |w| w.string(outcome.name.as_str()));
        w.member("group", |w| w.string(outcome.group.as_str()));
        w.member("status", |w| w.int(outcome.status as i64));
        w.member("description", |w| w.string(&outcome.description));
    });
}

/// The members of RPC-047, in its order; what is not set is the text `none` (RPC-048).
fn config(w: &mut Writer, info: &ConfigInfo) {
    w.structure(|w| {
        w.member("autostart", |w| w.boolean(info.autostart));
        w.member("autorestart", |w| match info.autorestart {
            Some(flag) => w.boolean(flag),
            None => w.string("unexpected"),
        });
        w.member("directory", |w| w.string(info.directory.as_deref().unwrap_or("none")));
        w.member("uid", |w| match info.uid {
            Some(uid) => w.int(i64::from(uid)),
            None => w.string("none"),
        });
        w.member("command", |w| w.string(&info.command));
        w.member("exitcodes", |w| {
            w.array(|w| info.exitcodes.iter().for_each(|code| w.int(i64::from(*code))))
        });
        w.member("group", |w| w.string(info.group.as_str()));
        w.member("group_prio", |w| w.int(info.group_prio));
        w.member("inuse", |w| w.boolean(info.inuse));
        w.member("killasgroup", |w| w.boolean(info.killasgroup));
        w.member("name", |w| w.string(info.name.as_str()));
        w.member("process_prio", |w| w.int(info.process_prio));
        w.member("redirect_stderr", |w| w.boolean(info.redirect_stderr));
        w.member("startretries", |w| w.int(info.startretries));
        w.member("startsecs", |w| w.int(info.startsecs));
        channel(w, &STDOUT, &info.stdout);
        w.member("stopsignal", |w| w.int(i64::from(info.stopsignal.number())));
        w.member("stopwaitsecs", |w| w.int(info.stopwaitsecs));
        channel(w, &STDERR, &info.stderr);
        w.member("serverurl", |w| w.string(info.serverurl.as_deref().unwrap_or("none")));
    });
}

/// The member names of one channel, in the order of RPC-047.
type ChannelNames = [&'static str; 6];

const STDOUT: ChannelNames = [
    "stdout_capture_maxbytes",
    "stdout_events_enabled",
    "stdout_logfile",
    "stdout_logfile_backups",
    "stdout_logfile_maxbytes",
    "stdout_syslog",
];

const STDERR: ChannelNames = [
    "stderr_capture_maxbytes",
    "stderr_events_enabled",
    "stderr_logfile",
    "stderr_logfile_backups",
    "stderr_logfile_maxbytes",
    "stderr_syslog",
];

fn channel(w: &mut Writer, names: &ChannelNames, info: &ChannelInfo) {
    let [capture, events, logfile, backups, maxbytes, syslog] = names;
    w.member(capture, |w| w.int(info.capture_maxbytes));
    w.member(events, |w| w.boolean(info.events_enabled));
    w.member(logfile, |w| {
        w.string(match &info.logfile {
            LogSetting::Auto => "auto",
            LogSetting::None => "none",
            LogSetting::Path(path) => path,
        });
    });
    w.member(backups, |w| w.int(info.logfile_backups));
    w.member(maxbytes, |w| w.int(info.logfile_maxbytes));
    w.member(syslog, |w| w.boolean(info.syslog));
}

/// The members that `listCollections` promises, in its order.
fn collection(w: &mut Writer, info: &CollectionInfo) {
    w.structure(|w| {
        w.member("name", |w| w.string(info.name.as_str()));
        w.member("priority", |w| w.int(info.priority));
        w.member("program_names", |w| w.strings(&info.program_names));
        w.member("group_names", |w| w.strings(&info.group_names));
        w.member("collection_names", |w| w.strings(&info.collection_names));
        w.member("exclude_names", |w| w.strings(&info.exclude_names));
        w.member("processes", |w| w.strings(&info.processes));
        w.member("unresolved", |w| w.strings(&info.unresolved));
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::api::{FaultCode, ProcessState, SupervisorState};
    use crate::names::{CollectionName, GroupName, Pid, ProcessName, Signal};

    fn local(seconds: i64) -> String {
        format!("<{seconds}>")
    }

    /// The value inside a response to `reply`, with the frame checked.
    fn value_of(reply: Reply) -> String {
        let document = write_response(&Ok(Answer::Reply(reply)), local);
        let head = "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n";
        let tail = "</param>\n</params>\n</methodResponse>\n";
        document.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail)).expect(&document).to_string()
    }

    /// `name=value` for each member of a flat struct, in order.
    fn members(value: &str) -> Vec<String> {
        let members = value.split("<member>\n<name>").skip(1);
        members
            .map(|member| {
                let (name, rest) = member.split_once("</name>\n<value>").unwrap();
                let value = rest.split_once("</value>\n</member>").unwrap().0;
                format!("{name}={}", value.replace("<value>", "").replace("</value>\n", " "))
            })
            .collect()
    }

    fn process_info() -> ProcessInfo {
        ProcessInfo {
            name: ProcessName::from("cat_01"),
            group: GroupName::from("cats"),
            start: 1_795_529_873,
            stop: 0,
            now: 1_795_529_926,
            state: ProcessState::Running,
            spawnerr: Arc::from(""),
            exitstatus: 0,
            stdout_logfile: Arc::from("/tmp/out.log"),
            stderr_logfile: Arc::from(""),
            pid: Some(Pid(6648)),
            last_exit: None,
        }
    }

    #[test]
    fn a_state_is_written_as_the_reference_writes_it() {
        let expected = "<value><struct>\n<member>\n<name>statecode</name>\n<value><int>1</int></value>\n\
            </member>\n<member>\n<name>statename</name>\n<value><string>RUNNING</string></value>\n</member>\n\
            </struct></value>\n";
        assert_eq!(value_of(Reply::State(SupervisorState::Running)), expected);
    }

    #[test]
    fn a_fault_is_written_as_the_reference_writes_it() {
        let fault = Err(Fault::new(FaultCode::BadName, "a<b"));
        let expected = "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n\
            <name>faultCode</name>\n<value><int>10</int></value>\n</member>\n<member>\n\
            <name>faultString</name>\n<value><string>BAD_NAME: a&lt;b</string></value>\n</member>\n\
            </struct></value>\n</fault>\n</methodResponse>\n";
        assert_eq!(write_response(&fault, local), expected);
    }

    #[test]
    fn process_members_are_those_of_rpc_041_in_order() {
        let expected = [
            "name=<string>cat_01</string>",
            "group=<string>cats</string>",
            "start=<int>1795529873</int>",
            "stop=<int>0</int>",
            "now=<int>1795529926</int>",
            "state=<int>20</int>",
            "statename=<string>RUNNING</string>",
            "spawnerr=<string></string>",
            "exitstatus=<int>0</int>",
            "logfile=<string>/tmp/out.log</string>",
            "stdout_logfile=<string>/tmp/out.log</string>",
            "stderr_logfile=<string></string>",
            "pid=<int>6648</int>",
            "description=<string>pid 6648, uptime 0:00:53</string>",
        ];
        assert_eq!(members(&value_of(Reply::Process(Box::new(process_info())))), expected);
    }

    #[test]
    fn a_stopped_process_has_pid_0_and_its_time_in_local_words() {
        let stopped = ProcessInfo { state: ProcessState::Stopped, stop: 7, pid: None, ..process_info() };
        let value = members(&value_of(Reply::Process(Box::new(stopped))));
        assert_eq!(value[12..], ["pid=<int>0</int>", "description=<string>&lt;7&gt;</string>"]);
    }

    fn config_info(autorestart: Option<bool>) -> ConfigInfo {
        let channel = ChannelInfo {
            logfile: LogSetting::Auto,
            logfile_backups: 10,
            logfile_maxbytes: 3_000_000_000,
            capture_maxbytes: 0,
            events_enabled: false,
            syslog: true,
        };
        ConfigInfo {
            name: ProcessName::from("cat"),
            group: GroupName::from("cats"),
            group_prio: 1,
            process_prio: 2,
            inuse: true,
            command: "/bin/cat".to_string(),
            autostart: true,
            autorestart,
            directory: None,
            uid: None,
            exitcodes: vec![0, 2],
            killasgroup: false,
            redirect_stderr: false,
            startretries: 3,
            startsecs: 1,
            stopsignal: Signal::TERM,
            stopwaitsecs: 10,
            serverurl: None,
            stdout: channel.clone(),
            stderr: ChannelInfo { logfile: LogSetting::None, ..channel },
        }
    }

    #[test]
    fn config_members_are_those_of_rpc_047_in_order() {
        let expected = [
            "autostart=<boolean>1</boolean>",
            "autorestart=<string>unexpected</string>",
            "directory=<string>none</string>",
            "uid=<string>none</string>",
            "command=<string>/bin/cat</string>",
            "exitcodes=<array><data>\n<int>0</int> <int>2</int> </data></array>",
            "group=<string>cats</string>",
            "group_prio=<int>1</int>",
            "inuse=<boolean>1</boolean>",
            "killasgroup=<boolean>0</boolean>",
            "name=<string>cat</string>",
            "process_prio=<int>2</int>",
            "redirect_stderr=<boolean>0</boolean>",
            "startretries=<int>3</int>",
            "startsecs=<int>1</int>",
            "stdout_capture_maxbytes=<int>0</int>",
            "stdout_events_enabled=<boolean>0</boolean>",
            "stdout_logfile=<string>auto</string>",
            "stdout_logfile_backups=<int>10</int>",
            "stdout_logfile_maxbytes=<int>2147483647</int>",
            "stdout_syslog=<boolean>1</boolean>",
            "stopsignal=<int>15</int>",
            "stopwaitsecs=<int>10</int>",
            "stderr_capture_maxbytes=<int>0</int>",
            "stderr_events_enabled=<boolean>0</boolean>",
            "stderr_logfile=<string>none</string>",
            "stderr_logfile_backups=<int>10</int>",
            "stderr_logfile_maxbytes=<int>2147483647</int>",
            "stderr_syslog=<boolean>1</boolean>",
            "serverurl=<string>none</string>",
        ];
        assert_eq!(members_of_config(config_info(None)), expected);
    }

    /// Like [`members`], for the one struct with an array of numbers inside.
    fn members_of_config(info: ConfigInfo) -> Vec<String> {
        let value = value_of(Reply::Configs(vec![info]));
        assert!(value.starts_with("<value><array><data>\n<value><struct>\n"), "{value}");
        members(&value)
    }

    #[test]
    fn autorestart_is_a_boolean_unless_it_depends_on_the_exit_code_bug_013() {
        assert_eq!(members_of_config(config_info(Some(true)))[1], "autorestart=<boolean>1</boolean>");
        assert_eq!(members_of_config(config_info(Some(false)))[1], "autorestart=<boolean>0</boolean>");
    }

    #[test]
    fn the_rest_of_the_replies_are_laid_out_as_clients_expect() {
        let outcome = Outcome {
            name: ProcessName::from("a"),
            group: GroupName::from("g"),
            status: FaultCode::Success,
            description: "OK".to_string(),
        };
        let expected = [
            "name=<string>a</string>",
            "group=<string>g</string>",
            "status=<int>80</int>",
            "description=<string>OK</string>",
        ];
        assert_eq!(members(&value_of(Reply::Outcomes(vec![outcome]))), expected);
        assert_eq!(value_of(Reply::True), "<value><boolean>1</boolean></value>\n");
        assert_eq!(value_of(Reply::Number(-5)), "<value><int>-5</int></value>\n");
        let reread = Reply::Reread {
            added: vec!["a".to_string()],
            changed: Vec::new(),
            removed: vec!["r".to_string()],
        };
        let expected = "<value><array><data>\n<value><array><data>\n\
            <value><array><data>\n<value><string>a</string></value>\n</data></array></value>\n\
            <value><array><data>\n</data></array></value>\n\
            <value><array><data>\n<value><string>r</string></value>\n</data></array></value>\n\
            </data></array></value>\n</data></array></value>\n";
        assert_eq!(value_of(reread), expected);
    }

    #[test]
    fn a_collection_lists_what_it_was_given_and_what_it_means() {
        let texts = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect::<Vec<String>>();
        let info = CollectionInfo {
            name: CollectionName::from("web"),
            priority: 999,
            program_names: texts(&["p*"]),
            group_names: texts(&["g"]),
            collection_names: texts(&["c"]),
            exclude_names: texts(&["e"]),
            processes: texts(&["g:p1", "p2"]),
            unresolved: texts(&["c"]),
        };
        let array = |name: &str, texts: &[&str]| {
            let items: String = texts.iter().map(|text| format!("<string>{text}</string> ")).collect();
            format!("{name}=<array><data>\n{items}</data></array>")
        };
        let expected = [
            "name=<string>web</string>".to_string(),
            "priority=<int>999</int>".to_string(),
            array("program_names", &["p*"]),
            array("group_names", &["g"]),
            array("collection_names", &["c"]),
            array("exclude_names", &["e"]),
            array("processes", &["g:p1", "p2"]),
            array("unresolved", &["c"]),
        ];
        assert_eq!(members(&value_of(Reply::Collections(vec![info]))), expected);
    }
}
