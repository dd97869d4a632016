//! What a client gets: the document of an answer, and what its parts mean.
//!
//! Servers of any age are read: a member that an older one does not send gets a value that says nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::arguments::Argument;
use super::{
    ChannelInfo, CollectionInfo, ConfigInfo, FaultCode, LogSetting, Outcome, ProcessInfo, ProcessState,
};
use crate::names::{CollectionName, GroupName, Pid, ProcessName, Signal};

/// A fault as it came: its code need not be one we know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteFault {
    pub code: i64,
    pub text: String,
}

impl RemoteFault {
    /// Whether it is this fault of ours.
    pub fn is(&self, code: FaultCode) -> bool {
        self.code == code as i64
    }
}

/// A process, with the text about it that the server wrote: its clock and its time zone are not ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Described {
    pub info: ProcessInfo,
    pub description: String,
}

/// What became of one process. `Outcome` with a status that need not be one we know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    pub name: String,
    pub group: String,
    pub status: i64,
    pub description: String,
}

impl From<&Outcome> for Received {
    fn from(outcome: &Outcome) -> Received {
        Received {
            name: outcome.name.to_string(),
            group: outcome.group.to_string(),
            status: outcome.status as i64,
            description: outcome.description.clone(),
        }
    }
}

/// Group names: added, changed, removed (RPC-025).
pub type Changes = [Vec<String>; 3];

/// The text of a string.
pub fn text(value: &Argument) -> Option<&str> {
    let Argument::Text(text) = value else { return None };
    Some(text)
}

/// The number of an int.
pub fn number(value: &Argument) -> Option<i64> {
    let Argument::Number(number) = value else { return None };
    Some(*number)
}

/// Either of a boolean; some servers send an int.
pub fn flag(value: &Argument) -> Option<bool> {
    match value {
        Argument::Flag(flag) => Some(*flag),
        Argument::Number(number) => Some(*number != 0),
        Argument::Text(_) | Argument::Double(_) | Argument::Nil | Argument::List(_) | Argument::Record(_) => {
            None
        }
    }
}

/// Every item of an array, if `read` can make sense of each.
pub fn list<T>(value: &Argument, read: impl Fn(&Argument) -> Option<T>) -> Option<Vec<T>> {
    let Argument::List(items) = value else { return None };
    items.iter().map(read).collect()
}

/// `getProcessInfo` (RPC-041).
pub fn process(value: &Argument) -> Option<Described> {
    let it = Members::of(value)?;
    let state = it.number("state")?;
    let pid = it.number("pid").and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid != 0);
    let info = ProcessInfo {
        name: ProcessName::from(it.text("name")?),
        group: GroupName::from(it.text("group")?),
        start: it.number("start").unwrap_or(0),
        stop: it.number("stop").unwrap_or(0),
        now: it.number("now").unwrap_or(0),
        state: ProcessState::ALL.into_iter().find(|known| i64::from(known.number()) == state)?,
        spawnerr: Arc::from(it.text("spawnerr").unwrap_or_default()),
        exitstatus: it.number("exitstatus").and_then(|code| i32::try_from(code).ok()).unwrap_or(0),
        stdout_logfile: Arc::from(
            it.text("stdout_logfile").or_else(|| it.text("logfile")).unwrap_or_default(),
        ),
        stderr_logfile: Arc::from(it.text("stderr_logfile").unwrap_or_default()),
        pid: pid.map(Pid),
        last_exit: None,
    };
    Some(Described { info, description: it.text("description").unwrap_or_default().to_string() })
}

/// One outcome of RPC-034.
pub fn outcome(value: &Argument) -> Option<Received> {
    let it = Members::of(value)?;
    Some(Received {
        name: it.text("name")?.to_string(),
        group: it.text("group")?.to_string(),
        status: it.number("status")?,
        description: it.text("description").unwrap_or_default().to_string(),
    })
}

/// `reloadConfig`, out of its two wrappings (RPC-025).
pub fn changes(value: &Argument) -> Option<Changes> {
    let names = |value: &Argument| list(value, |name| text(name).map(str::to_string));
    let triples = list(value, |triple| list(triple, names))?;
    triples.into_iter().next()?.try_into().ok()
}

/// One collection of `listCollections`.
pub fn collection(value: &Argument) -> Option<CollectionInfo> {
    let it = Members::of(value)?;
    Some(CollectionInfo {
        name: CollectionName::from(it.text("name")?),
        priority: it.number("priority")?,
        program_names: it.texts("program_names")?,
        group_names: it.texts("group_names")?,
        collection_names: it.texts("collection_names")?,
        exclude_names: it.texts("exclude_names")?,
        processes: it.texts("processes")?,
        unresolved: it.texts("unresolved")?,
    })
}

/// One process of `getAllConfigInfo` (RPC-047).
pub fn config(value: &Argument) -> Option<ConfigInfo> {
    let it = Members::of(value)?;
    let set = |name: &str| it.text(name).filter(|text| *text != NOT_SET).map(str::to_string);
    Some(ConfigInfo {
        name: ProcessName::from(it.text("name")?),
        group: GroupName::from(it.text("group")?),
        group_prio: it.number("group_prio")?,
        process_prio: it.number("process_prio")?,
        inuse: it.flag("inuse"),
        command: it.text("command").unwrap_or_default().to_string(),
        autostart: it.flag("autostart"),
        autorestart: it.0.get("autorestart").and_then(flag),
        directory: set("directory"),
        uid: it.number("uid").and_then(|uid| u32::try_from(uid).ok()),
        exitcodes: it
            .0
            .get("exitcodes")
            .and_then(|codes| list(codes, |code| number(code).and_then(|code| u8::try_from(code).ok())))
            .unwrap_or_default(),
        killasgroup: it.flag("killasgroup"),
        redirect_stderr: it.flag("redirect_stderr"),
        startretries: it.number("startretries").unwrap_or(0),
        startsecs: it.number("startsecs").unwrap_or(0),
        stopsignal: Signal::from_number(
            it.number("stopsignal").and_then(|n| i32::try_from(n).ok()).unwrap_or(0),
        ),
        stopwaitsecs: it.number("stopwaitsecs").unwrap_or(0),
        serverurl: set("serverurl"),
        stdout: channel(&it, "stdout"),
        stderr: channel(&it, "stderr"),
    })
}

/// How a server says that an option has no value (RPC-048).
const NOT_SET: &str = "none";

fn channel(it: &Members<'_>, channel: &str) -> ChannelInfo {
    let name = |option: &str| format!("{channel}_{option}");
    ChannelInfo {
        logfile: match it.text(&name("logfile")) {
            Some("auto") => LogSetting::Auto,
            Some(NOT_SET) | None => LogSetting::None,
            Some(path) => LogSetting::Path(Arc::from(path)),
        },
        logfile_backups: it.number(&name("logfile_backups")).unwrap_or(0),
        logfile_maxbytes: it.number(&name("logfile_maxbytes")).unwrap_or(0),
        capture_maxbytes: it.number(&name("capture_maxbytes")).unwrap_or(0),
        events_enabled: it.flag(&name("events_enabled")),
        syslog: it.flag(&name("syslog")),
    }
}

/// The members of a struct.
struct Members<'a>(&'a BTreeMap<String, Argument>);

impl<'a> Members<'a> {
    fn of(value: &'a Argument) -> Option<Members<'a>> {
        let Argument::Record(members) = value else { return None };
        Some(Members(members))
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(text)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(number)
    }

    fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(flag).unwrap_or(false)
    }

    fn texts(&self, name: &str) -> Option<Vec<String>> {
        list(self.0.get(name)?, |item| text(item).map(str::to_string))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::api::answer::{Answer, write_response};
    use crate::api::xmlrpc::read_response;
    use crate::api::{Fault, Reply, SupervisorState};

    fn local(seconds: i64) -> String {
        format!("at {seconds}")
    }

    /// What a client makes of an answer.
    fn over_the_wire(answer: Result<Answer, Fault>) -> Result<Argument, RemoteFault> {
        read_response(write_response(&answer, local).as_bytes()).expect("a response")
    }

    fn given(reply: Reply) -> Argument {
        over_the_wire(Ok(Answer::Reply(reply))).expect("no fault")
    }

    /// Text that XML can hold, and that no reader changes.
    fn words() -> impl Strategy<Value = String> {
        "[ -~é中<>&\n]{0,12}"
    }

    fn small() -> impl Strategy<Value = i64> {
        i64::from(i32::MIN)..=i64::from(i32::MAX)
    }

    fn any_process() -> impl Strategy<Value = ProcessInfo> {
        let numbers = (small(), small(), small(), any::<i32>(), any::<i32>());
        let state = proptest::sample::select(ProcessState::ALL.to_vec());
        (words(), words(), numbers, state, (words(), words(), words())).prop_map(
            |(name, group, (start, stop, now, exitstatus, pid), state, (spawnerr, out, err))| ProcessInfo {
                name: name.as_str().into(),
                group: group.as_str().into(),
                start,
                stop,
                now,
                state,
                spawnerr: spawnerr.into(),
                exitstatus,
                stdout_logfile: out.into(),
                stderr_logfile: err.into(),
                pid: (pid != 0).then_some(Pid(pid)),
                last_exit: None,
            },
        )
    }

    fn any_channel() -> impl Strategy<Value = ChannelInfo> {
        let logfile = prop_oneof![
            Just(LogSetting::Auto),
            Just(LogSetting::None),
            "/[a-z/]{0,9}".prop_map(|path| LogSetting::Path(path.into())),
        ];
        (logfile, small(), small(), small(), any::<bool>(), any::<bool>()).prop_map(
            |(logfile, logfile_backups, logfile_maxbytes, capture_maxbytes, events_enabled, syslog)| {
                ChannelInfo {
                    logfile,
                    logfile_backups,
                    logfile_maxbytes,
                    capture_maxbytes,
                    events_enabled,
                    syslog,
                }
            },
        )
    }

    fn any_config() -> impl Strategy<Value = ConfigInfo> {
        let names = (words(), words(), words(), any::<Option<bool>>());
        let set = || proptest::option::of("/[a-z]{0,9}");
        let numbers = (small(), small(), small(), small(), small());
        let flags = any::<[bool; 4]>();
        let rest = (any::<Option<u16>>(), vec(any::<u8>(), 0..3), 0..64_i32);
        (names, set(), set(), numbers, flags, rest, any_channel(), any_channel()).prop_map(
            |(names, directory, serverurl, numbers, flags, (uid, exitcodes, signal), stdout, stderr)| {
                ConfigInfo {
                    name: names.0.as_str().into(),
                    group: names.1.as_str().into(),
                    command: names.2,
                    autorestart: names.3,
                    directory,
                    serverurl,
                    group_prio: numbers.0,
                    process_prio: numbers.1,
                    startretries: numbers.2,
                    startsecs: numbers.3,
                    stopwaitsecs: numbers.4,
                    inuse: flags[0],
                    autostart: flags[1],
                    killasgroup: flags[2],
                    redirect_stderr: flags[3],
                    uid: uid.map(u32::from),
                    exitcodes,
                    stopsignal: Signal::from_number(signal),
                    stdout,
                    stderr,
                }
            },
        )
    }

    fn any_collection() -> impl Strategy<Value = CollectionInfo> {
        let names = || vec(words(), 0..3);
        (words(), small(), names(), names(), names(), names(), names(), names()).prop_map(
            |(
                name,
                priority,
                program_names,
                group_names,
                collection_names,
                exclude_names,
                processes,
                unresolved,
            )| {
                CollectionInfo {
                    name: name.as_str().into(),
                    priority,
                    program_names,
                    group_names,
                    collection_names,
                    exclude_names,
                    processes,
                    unresolved,
                }
            },
        )
    }

    fn any_outcome() -> impl Strategy<Value = Outcome> {
        let status =
            proptest::sample::select(vec![FaultCode::Success, FaultCode::BadName, FaultCode::SpawnError]);
        (words(), words(), status, words()).prop_map(|(name, group, status, description)| Outcome {
            name: name.as_str().into(),
            group: group.as_str().into(),
            status,
            description,
        })
    }

    proptest! {
        #[test]
        fn processes_come_back_as_they_were_sent(infos in vec(any_process(), 0..3)) {
            let sent: Vec<Described> = infos
                .iter()
                .map(|info| Described { info: info.clone(), description: info.description(local) })
                .collect();
            prop_assert_eq!(list(&given(Reply::Processes(infos.clone())), process), Some(sent.clone()));
            for (info, sent) in infos.into_iter().zip(sent) {
                prop_assert_eq!(process(&given(Reply::Process(Box::new(info)))), Some(sent));
            }
        }

        #[test]
        fn settings_and_collections_come_back_as_they_were_sent(
            configs in vec(any_config(), 0..3),
            collections in vec(any_collection(), 0..3),
        ) {
            prop_assert_eq!(list(&given(Reply::Configs(configs.clone())), config), Some(configs));
            prop_assert_eq!(list(&given(Reply::Collections(collections.clone())), collection), Some(collections));
        }

        #[test]
        fn plain_answers_come_back_as_they_were_sent(
            words in words(),
            number in small(),
            outcomes in vec(any_outcome(), 0..3),
            names in proptest::array::uniform3(vec("[a-z]{0,4}", 0..3)),
        ) {
            let told = given(Reply::Text(words.clone()));
            prop_assert_eq!(text(&told), Some(words.as_str()));
            let told = given(Reply::Number(number));
            prop_assert_eq!(super::number(&told), Some(number));
            let sent: Vec<Received> = outcomes.iter().map(Received::from).collect();
            prop_assert_eq!(list(&given(Reply::Outcomes(outcomes)), outcome), Some(sent));
            let [added, changed, removed] = names.clone();
            prop_assert_eq!(changes(&given(Reply::Reread { added, changed, removed })), Some(names));
        }

        #[test]
        fn faults_come_back_as_they_were_sent(extra in words()) {
            let fault = Fault::new(FaultCode::BadName, extra.clone());
            let got = over_the_wire(Err(fault)).expect_err("a fault");
            prop_assert!(got.is(FaultCode::BadName));
            prop_assert_eq!(got.text, format!("BAD_NAME: {extra}"));
        }

        #[test]
        fn no_answer_makes_the_reader_panic(document in any::<Vec<u8>>(), text in "[<>/a-z!\\[\\]& -]{0,60}") {
            let _ = read_response(&document);
            let _ = read_response(text.as_bytes());
        }
    }

    #[test]
    fn the_smallest_answers_are_read() {
        assert_eq!(flag(&given(Reply::True)), Some(true));
        let state = given(Reply::State(SupervisorState::Running));
        let expected = Members::of(&state).and_then(|members| members.number("statecode"));
        assert_eq!(expected, Some(1));
        assert!(read_response(b"<html>404</html>").is_err());
    }

    #[test]
    fn an_older_server_may_say_less() {
        let members = [("name", "a"), ("group", "g"), ("logfile", "/a.log")]
            .map(|(name, text)| (name, Argument::Text(text.to_string())));
        let numbers = [("state", 20), ("pid", 0), ("group_prio", 1), ("process_prio", 2)];
        let numbers = numbers.map(|(name, number)| (name, Argument::Number(number)));
        let members = members.into_iter().chain(numbers).map(|(name, value)| (name.to_string(), value));
        let value = Argument::Record(members.collect());
        let info = process(&value).unwrap().info;
        assert_eq!((info.state, &*info.stdout_logfile), (ProcessState::Running, "/a.log"), "RPC-069");
        assert_eq!(config(&value).map(|config| config.group_prio), Some(1));
    }

    #[test]
    fn a_server_may_send_an_int_where_another_sends_a_boolean() {
        let config = |inuse: Argument| {
            let text = |text: &str| Argument::Text(text.to_string());
            let members = [
                ("name", text("p")),
                ("group", text("g")),
                ("group_prio", Argument::Number(999)),
                ("process_prio", Argument::Number(999)),
                ("inuse", inuse),
            ];
            let members = members.map(|(name, value)| (name.to_string(), value));
            config(&Argument::Record(members.into())).map(|config| config.inuse)
        };
        for (sent, inuse) in
            [(Argument::Number(1), true), (Argument::Number(0), false), (Argument::Flag(true), true)]
        {
            assert_eq!(config(sent), Some(inuse));
        }
    }
}
