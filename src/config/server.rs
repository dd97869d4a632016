//! `[supervisord]` and the HTTP servers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::context::{Context, Section};
use super::error::Error;
use super::host::normalize;
use super::value;
use super::{Address, LogLevel, MainLog, ServerConfig, SupervisordConfig, WebConfig, shlex};

const SUPERVISORD: &str = "supervisord";

/// `[supervisord]`, in the reference's order of reading (CFG-080 to CFG-091), and the text of `user`, which it makes
/// sense of last of all.
pub fn supervisord(context: &mut Context<'_>) -> (SupervisordConfig, Option<String>) {
    let host = context.host;
    let mut section = context.section(SUPERVISORD);
    let minfds = section.read("minfds", 1024, value::integer);
    let minprocs = section.read("minprocs", 200, value::integer);
    let directory = section.read_optional("directory", |text| value::existing_directory(text, host));
    let user = section.text("user");
    let umask = section.read("umask", 0o22, value::octal);
    let path = |text: &str| value::existing_dirpath(text, host);
    let logfile = section.read("logfile", "supervisord.log".to_string(), path);
    let logfile_maxbytes = section.read("logfile_maxbytes", 50 << 20, value::byte_size);
    let logfile_backups = section.read("logfile_backups", 10, value::integer);
    let loglevel = section.read("loglevel", LogLevel::Info, value::log_level);
    let pidfile = section.read("pidfile", "supervisord.pid".to_string(), path);
    let identifier = section.read("identifier", "supervisor".to_string(), |text| Ok(text.to_string()));
    let nodaemon = section.read("nodaemon", false, value::boolean);
    let silent = section.read("silent", false, value::boolean);
    let childlogdir =
        section.read("childlogdir", host.tempdir().to_string(), |text| value::existing_directory(text, host));
    let nocleanup = section.read("nocleanup", false, value::boolean);
    let strip_ansi = section.read("strip_ansi", false, value::boolean);
    let environment = environment(&mut section);
    let supervisord = SupervisordConfig {
        logfile: match logfile.as_str() {
            "syslog" => MainLog::Syslog,
            path => MainLog::Path(normalize(path, host)),
        },
        logfile_maxbytes,
        logfile_backups,
        loglevel,
        pidfile: normalize(&pidfile, host),
        umask,
        directory,
        nodaemon,
        silent,
        nocleanup,
        strip_ansi,
        minfds,
        minprocs,
        user: None,
        identifier,
        childlogdir,
        environment,
    };
    (supervisord, user)
}

/// 4.3 expands it twice, first without the host's name; 4.4 once, with it (CFG-042, CFG-048). What either takes is
/// taken, 4.3's reading first, and an error is 4.3's.
fn environment(section: &mut Section<'_, '_>) -> BTreeMap<String, String> {
    let raw = section.raw("environment").unwrap_or_default();
    let old = &section.names;
    let mut new = old.clone();
    new.set("host_node_name", section.context.host.hostname());
    let twice = old
        .expand(&raw, &format!("{SUPERVISORD}.environment"))
        .and_then(|text| new.expand(&text, "environment"));
    let text = twice.or_else(|error| new.expand(&raw, "environment").map_err(|_| error));
    text.and_then(|text| shlex::environment(&text)).unwrap_or_else(|sentence| {
        section.fail(sentence, Some("environment"));
        BTreeMap::new()
    })
}

/// `user` of `[supervisord]` (CFG-087).
pub fn user(context: &mut Context<'_>, text: Option<&str>) -> Option<u32> {
    let user = value::user(text?, context.host);
    user.map_err(|sentence| context.fail(sentence, SUPERVISORD, Some("user"))).ok()
}

/// `-u`: the reference looks at it when the files have been read, and then not at theirs (CLI-015).
pub fn user_of_the_command_line(context: &mut Context<'_>, text: &str) -> Option<u32> {
    value::user(text, context.host).map_err(|sentence| context.errors.push(Error::bare(sentence))).ok()
}

impl ServerConfig {
    /// Whether machines other than this one can reach it, and it asks nobody for a password.
    pub fn is_exposed(&self) -> bool {
        let guarded = self.username.as_deref().is_some_and(|name| !name.is_empty());
        match &self.address {
            Address::Inet { host, .. } => !guarded && !is_loopback(host),
            Address::Unix { .. } => false,
        }
    }
}

/// An IPv6 address stands in brackets (CFG-068).
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// All inet servers in the order of the files, then all unix servers (CFG-092, CFG-096).
pub fn servers(context: &mut Context<'_>) -> Vec<ServerConfig> {
    let sections = context.document.sections();
    let mut servers = Vec::new();
    for section in sections.iter().filter(|section| section.starts_with("inet_http_server")) {
        servers.extend(inet_server(context, section));
    }
    for section in sections.iter().filter(|section| section.starts_with("unix_http_server")) {
        servers.extend(unix_server(context, section));
    }
    servers
}

fn inet_server(context: &mut Context<'_>, name: &str) -> Option<ServerConfig> {
    let (username, password) = credentials(context, name);
    let mut section = context.section_without_here(name);
    if section.raw("port").is_none() {
        section.fail(format!("section [{name}] has no port value"), Some("port"));
        return None;
    }
    let (host, port) = section.read_optional("port", value::inet_address)?;
    let web = web(context, name);
    Some(ServerConfig {
        section: name.to_string(),
        address: Address::Inet { host, port },
        username,
        password,
        web,
    })
}

fn unix_server(context: &mut Context<'_>, name: &str) -> Option<ServerConfig> {
    let host = context.host;
    let mut section = context.section(name);
    if section.raw("file").is_none() {
        section.fail(format!("section [{name}] has no file value"), Some("file"));
        return None;
    }
    let path = section.text("file")?;
    let path = normalize(path.trim_matches(super::ini::is_space), host);
    let (username, password) = credentials(context, name);
    let mut section = context.section_without_here(name);
    let owner = section.read("chown", (None, None), |text| {
        value::owner(text, host).ok_or_else(|| format!("Invalid sockchown value {text}"))
    });
    let mode = section
        .read("chmod", 0o700, |text| value::octal(text).map_err(|_| format!("Invalid chmod value {text}")));
    let address = Address::Unix { path, mode, owner };
    let web = web(context, name);
    Some(ServerConfig { section: name.to_string(), address, username, password, web })
}

/// Both or none (CFG-095).
fn credentials(context: &mut Context<'_>, name: &str) -> (Option<String>, Option<String>) {
    let mut section = context.section_without_here(name);
    let username = section.text("username");
    let password = section.text("password");
    if section.raw("username").is_some() != section.raw("password").is_some() {
        let sentence = format!(
            "Section [{name}] contains incomplete authentication: If a username or a password is specified, both \
             the username and password must be specified"
        );
        section.fail(sentence, Some("username"));
    }
    (username, password)
}

/// What is said of the pages; the reference passes these options over.
fn web(context: &mut Context<'_>, name: &str) -> WebConfig {
    let mut section = context.section_without_here(name);
    WebConfig {
        base_path: section.read_optional("base_path", value::base_path),
        metrics: section.read("metrics", false, value::boolean),
        healthz_auth: section.read("healthz_auth", false, value::boolean),
    }
}
