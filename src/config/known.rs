//! Every section and every option there is, for telling of those that are none. tests/tidy.rs holds the reader and
//! docs/configuration.md against this list.

/// How a kind of section is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Naming {
    /// `supervisord`.
    Exact,
    /// `inet_http_server`, or anything that begins so.
    Beginning,
    /// `program:x`.
    Named,
}

/// One kind of section.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What comes before the colon.
    pub head: &'static str,
    pub naming: Naming,
    /// Its own options, in lower case.
    pub options: &'static [&'static str],
    /// Whether it has those of a program too.
    pub program: bool,
    /// Whether others are arguments for Python code.
    pub open: bool,
}

const PROGRAM: &str = "program";

/// In the order of docs/configuration.md.
pub const KINDS: [Kind; 12] = [
    Kind {
        options: &[
            "logfile",
            "logfile_maxbytes",
            "logfile_backups",
            "loglevel",
            "pidfile",
            "umask",
            "directory",
            "nodaemon",
            "silent",
            "nocleanup",
            "strip_ansi",
            "minfds",
            "minprocs",
            "user",
            "identifier",
            "childlogdir",
            "environment",
        ],
        ..kind("supervisord", Naming::Exact)
    },
    Kind {
        options: &["file", "chmod", "chown", "username", "password", "base_path", "metrics", "healthz_auth"],
        ..kind("unix_http_server", Naming::Beginning)
    },
    Kind {
        options: &["port", "username", "password", "base_path", "metrics", "healthz_auth"],
        ..kind("inet_http_server", Naming::Beginning)
    },
    Kind { options: &["files"], ..kind("include", Naming::Exact) },
    Kind {
        options: &[
            "command",
            "process_name",
            "numprocs",
            "numprocs_start",
            "priority",
            "autostart",
            "startsecs",
            "startretries",
            "autorestart",
            "exitcodes",
            "stopsignal",
            "stopwaitsecs",
            "stopasgroup",
            "killasgroup",
            "user",
            "umask",
            "directory",
            "environment",
            "serverurl",
            "redirect_stderr",
            "stdout_logfile",
            "stdout_logfile_maxbytes",
            "stdout_logfile_backups",
            "stdout_capture_maxbytes",
            "stdout_events_enabled",
            "stdout_syslog",
            "stderr_logfile",
            "stderr_logfile_maxbytes",
            "stderr_logfile_backups",
            "stderr_capture_maxbytes",
            "stderr_events_enabled",
            "stderr_syslog",
        ],
        ..kind(PROGRAM, Naming::Named)
    },
    Kind { options: &["programs", "priority"], ..kind("group", Naming::Named) },
    Kind {
        options: &["programs", "groups", "collections", "exclude", "priority"],
        ..kind("collection", Naming::Named)
    },
    Kind {
        options: &["supervisor.rpcinterface_factory", "whitelist"],
        open: true,
        ..kind("rpcinterface", Naming::Named)
    },
    Kind {
        options: &["serverurl", "username", "password", "prompt", "history_file"],
        ..kind("supervisorctl", Naming::Exact)
    },
    Kind { options: &["supervisor.ctl_factory"], open: true, ..kind("ctlplugin", Naming::Named) },
    Kind {
        options: &["events", "buffer_size", "result_handler", "events_extended"],
        program: true,
        ..kind("eventlistener", Naming::Named)
    },
    Kind {
        options: &["socket", "socket_owner", "socket_mode", "socket_backlog"],
        program: true,
        ..kind("fcgi-program", Naming::Named)
    },
];

const fn kind(head: &'static str, naming: Naming) -> Kind {
    Kind { head, naming, options: &[], program: false, open: false }
}

/// What other programs that run programs call an option, and its name here.
const ELSEWHERE: [(&[&str], &str); 13] = [
    (&["cmd", "exec", "execstart", "script", "program"], "command"),
    (&["restart", "respawn", "restart_policy", "keepalive"], "autorestart"),
    (&["enabled", "start", "autoload"], "autostart"),
    (&["env", "envs", "environ", "variables"], "environment"),
    (&["uid", "runas", "run_as", "as_user"], "user"),
    (
        &["cwd", "dir", "workdir", "working_dir", "working_directory", "workingdirectory", "chdir"],
        "directory",
    ),
    (&["log", "logfile", "stdout", "output", "stdout_file"], "stdout_logfile"),
    (&["stderr", "errors", "error_log", "stderr_file"], "stderr_logfile"),
    (&["logfile_maxbytes", "log_maxbytes", "maxbytes"], "stdout_logfile_maxbytes"),
    (&["logfile_backups", "log_backups", "backups"], "stdout_logfile_backups"),
    (&["instances", "processes", "count", "replicas", "workers"], "numprocs"),
    (&["retries", "maxretries", "max_retries"], "startretries"),
    (&["nodaemonize", "foreground"], "nodaemon"),
];

impl Kind {
    /// The kind of a section; `None` for one that nobody reads.
    pub fn of(section: &str) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| match kind.naming {
            Naming::Exact => section == kind.head,
            Naming::Beginning => section.starts_with(kind.head),
            Naming::Named => section.strip_prefix(kind.head).is_some_and(|rest| rest.starts_with(':')),
        })
    }

    /// All its options, those of a program included.
    pub fn all_options(&self) -> impl Iterator<Item = &'static str> {
        let program = KINDS.iter().filter(|kind| self.program && kind.head == PROGRAM);
        self.options.iter().chain(program.flat_map(|kind| kind.options)).copied()
    }

    /// What an option of this kind is called that has another name elsewhere.
    pub fn elsewhere_called(&self, word: &str) -> Option<&'static str> {
        let (_, name) = ELSEWHERE.iter().find(|(names, _)| names.contains(&word))?;
        self.all_options().find(|option| option == name)
    }

    /// How a section of this kind is written.
    pub fn example(&self, name: &str) -> String {
        match self.naming {
            Naming::Exact | Naming::Beginning => format!("[{}]", self.head),
            Naming::Named => format!("[{}:{}]", self.head, if name.is_empty() { "NAME" } else { name }),
        }
    }
}

/// The section that was probably meant, as it should be written.
pub fn similar_section(section: &str) -> Option<String> {
    let (head, name) = section.split_once([':', ' ']).unwrap_or((section, ""));
    let head = nearest(head.trim(), KINDS.iter().map(|kind| kind.head))?;
    KINDS.iter().find(|kind| kind.head == head).map(|kind| kind.example(name.trim()))
}

/// The one of `candidates` that `word` is a slip of the finger away from: letters wrong, missing, too many or
/// exchanged, two at most, and fewer in short words.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(WORD_MAX).collect();
    let bound = if word.len() < 5 { 1 } else { 2 };
    let rated = candidates.map(|candidate| (distance(&word, candidate), candidate));
    // Of two that are as near, the one with a sign more: letters are left out more often than added.
    rated
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, near)| (*distance, std::cmp::Reverse(near.len())))
        .map(|(_, near)| near)
}

/// Nothing that is known comes near this length.
const WORD_MAX: usize = 64;

/// The changes of one sign that lead from one word to the other, an exchange of neighbours being one.
fn distance(word: &[char], other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    // The last three rows of the table; each holds one entry more than `other` has signs.
    let (mut before, mut row) = (Vec::new(), (0..=other.len()).collect::<Vec<usize>>());
    for (i, a) in word.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let same = usize::from(a != b);
            let mut best = (row[j] + same).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && word[i - 1] == *b && other[j - 1] == *a {
                best = best.min(before.get(j - 1).map_or(best, |known: &usize| known + 1));
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_seen_and_other_words_are_not() {
        let options = || Kind::of("program:x").unwrap().all_options();
        for (wrong, right) in [
            ("autorestrat", Some("autorestart")),
            ("autorestrt", Some("autorestart")),
            ("comand", Some("command")),
            ("enviroment", Some("environment")),
            ("numproc", Some("numprocs")),
            ("stdout_log_file", Some("stdout_logfile")),
            ("usr", Some("user")),
            ("us", None),
            ("nice", None),
            ("restart_policy", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, options()), right, "{wrong}");
        }
    }

    #[test]
    fn sections_are_suggested_as_they_are_written() {
        for (wrong, right) in [
            ("progam:web", Some("[program:web]")),
            ("program web", Some("[program:web]")),
            ("program", Some("[program:NAME]")),
            ("Supervisord", Some("[supervisord]")),
            ("inet_htp_server", Some("[inet_http_server]")),
            ("fcgi_program:x", Some("[fcgi-program:x]")),
            ("nginx", None),
        ] {
            assert!(Kind::of(wrong).is_none(), "{wrong} is known");
            assert_eq!(similar_section(wrong).as_deref(), right, "{wrong}");
        }
        assert!(Kind::of("inet_http_server:second").is_some() && Kind::of("program:").is_some());
    }
}
