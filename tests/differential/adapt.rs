//! Makes a configuration run anywhere without changing what it says of names, numbers, order and expansion.
//!
//! - A command becomes the stand-in with the old command as its arguments, so that expansions, quotes, comments and
//!   continuation lines stay.
//! - Files move into the world's directory, users and owners go, servers on the network go.
//! - Long times become short ones.
//! - Event listeners and FastCGI programs go.

/// The script that every command becomes. `exits N` ends soon, not at once: whether the reference sees a process
/// run that ends at once is chance (PROC-056). Anything else stays until it is told to end.
pub const STAND_IN: &str = "#!/bin/sh\n[ \"$1\" = exits ] && sleep 0.5 && exit \"$2\"\nexec sleep 10000\n";

const STAND_IN_PATH: &str = "{dir}/stand-in";

/// The text, line by line; `{dir}` is the world's directory.
pub fn adapt(text: &str) -> String {
    let mut adapted = String::new();
    let (mut section, mut skipping, mut indent) = (String::new(), false, 0);
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let end = &line[content.len()..];
        let depth = content.len() - content.trim_start().len();
        let body = content.trim();
        if let Some(header) = body.strip_prefix('[') {
            section = header.split(']').next().unwrap().to_string();
            skipping = dropped(&section);
            indent = usize::MAX;
            if !skipping {
                adapted.push_str(line);
            }
        } else if dropped(&section) || body.is_empty() || body.starts_with([';', '#']) || depth > indent {
            if !skipping {
                adapted.push_str(line);
            }
        } else if let Some(option) = option(&section, body) {
            (skipping, indent) = (false, depth);
            adapted.push_str(&content[..depth]);
            adapted.push_str(&option);
            adapted.push_str(end);
        } else {
            (skipping, indent) = (true, depth);
        }
    }
    if !adapted.ends_with('\n') {
        adapted.push('\n');
    }
    adapted
}

/// What every daemon needs and this configuration does not have.
pub fn missing_sections(all: &str) -> String {
    let mut missing = String::new();
    if !all.contains("[unix_http_server]") {
        missing.push_str("\n[unix_http_server]\nfile={dir}/supervisor.sock\n");
    }
    if !all.contains("[rpcinterface:supervisor]") {
        let factory = "supervisor.rpcinterface:make_main_rpcinterface";
        missing
            .push_str(&format!("\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory={factory}\n"));
    }
    missing
}

/// One program more, one with another command, and one less where a group does not need it.
pub fn edit(files: &mut [(String, String)]) {
    let all: String = files.iter().map(|(_, text)| text.as_str()).collect();
    let sections: Vec<&str> = all.lines().filter_map(|line| line.strip_prefix("[program:")).collect();
    let names: Vec<&str> = sections.iter().map(|rest| rest.split(']').next().unwrap()).collect();
    let members = all.lines().filter(|line| line.trim_start().starts_with("programs")).collect::<String>();
    let spare = names.iter().skip(1).rfind(|name| !members.contains(**name));
    for (_, text) in files.iter_mut() {
        let sections = split(text);
        let edited = sections.into_iter().filter(|section| !spare.is_some_and(|name| is(section, name)));
        let edited = edited.map(|section| match is(&section, names[0]) {
            true => section.replacen(STAND_IN_PATH, &format!("{STAND_IN_PATH} changed"), 1),
            false => section,
        });
        *text = edited.collect();
    }
    files[0].1.push_str(&format!("\n[program:added]\ncommand={STAND_IN_PATH}\npriority=50\n"));
}

fn is(section: &str, program: &str) -> bool {
    section.starts_with(&format!("[program:{program}]"))
}

/// The text cut before each header.
fn split(text: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if line.starts_with('[') {
            sections.push(String::new());
        }
        sections.last_mut().unwrap().push_str(line);
    }
    sections
}

fn dropped(section: &str) -> bool {
    let kinds = ["inet_http_server", "supervisorctl", "eventlistener:", "fcgi-program:", "ctlplugin:"];
    kinds.iter().any(|kind| section.starts_with(kind))
}

/// The option as it is to stand, or nothing if it goes.
fn option(section: &str, body: &str) -> Option<String> {
    let at = body.find(['=', ':'])?;
    let (name, value) = (body[..at].trim().to_lowercase(), body[at + 1..].trim());
    let (value, comment) = value.split_at(comment_start(value));
    let value = value.trim_end();
    let value = match (kind(section), name.as_str()) {
        ("supervisord", "logfile") => "{dir}/supervisord.log".to_string(),
        ("supervisord", "pidfile") => "{dir}/supervisord.pid".to_string(),
        ("supervisord", "childlogdir") => "{dir}/childlogs".to_string(),
        ("supervisord", "user" | "directory") | ("program", "user") => return None,
        ("unix_http_server", "file") => "{dir}/supervisor.sock".to_string(),
        ("unix_http_server", "chown" | "username" | "password") => return None,
        ("include", "files") => value.split_whitespace().map(inside).collect::<Vec<_>>().join(" "),
        ("program", "command") if value.starts_with("/nonexistent/") => value.to_string(),
        ("program", "command") => format!("{STAND_IN_PATH} {value}"),
        ("program", "directory") => "{dir}".to_string(),
        ("program", "stdout_logfile" | "stderr_logfile") => log(value),
        ("program", "startsecs") => shorter(value, 1),
        ("program", "stopwaitsecs") => shorter(value, 2),
        _ => return Some(body.to_string()),
    };
    // The blank keeps a comment a comment.
    Some(format!("{}{value} {comment}", &body[..=at]).trim_end().to_string())
}

fn kind(section: &str) -> &str {
    section.split(':').next().unwrap()
}

/// Where an inline comment begins: at a `;` or `#` after a blank.
fn comment_start(value: &str) -> usize {
    let bytes = value.as_bytes();
    let found =
        (1..bytes.len()).find(|&at| matches!(bytes[at], b';' | b'#') && bytes[at - 1].is_ascii_whitespace());
    found.unwrap_or(value.len())
}

fn inside(pattern: &str) -> String {
    match pattern.starts_with('/') {
        true => format!("{{dir}}{pattern}"),
        false => pattern.to_string(),
    }
}

fn log(value: &str) -> String {
    let magic = ["", "none", "off", "auto", "syslog"].contains(&value.to_lowercase().as_str());
    match value.rsplit('/').next() {
        _ if magic || value.starts_with("/dev/") => value.to_string(),
        Some(file) => format!("{{dir}}/logs/{file}"),
        None => value.to_string(),
    }
}

fn shorter(seconds: &str, most: i64) -> String {
    seconds.parse().map_or(seconds.to_string(), |seconds: i64| seconds.min(most).to_string())
}

#[test]
fn adapting_keeps_comments_expansions_and_continuations() {
    let real = "[supervisord]\nuser=root ; no\n[program:a]\ncommand = run %(ENV_X)s ; why\n   --more\nuser=www\n  x\n\
                startsecs=60\n[inet_http_server]\nport=9001\n[group:g]\nprograms=a\n";
    let adapted = "[supervisord]\n[program:a]\ncommand ={dir}/stand-in run %(ENV_X)s ; why\n   --more\n\
                   startsecs=1\n[group:g]\nprograms=a\n";
    assert_eq!(adapt(real), adapted);
}
