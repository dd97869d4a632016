//! What `supervisorctl` reads of the file: `[supervisorctl]` and `[ctlplugin:x]` (CFG-099 to CFG-101, CFG-137).

use std::collections::BTreeMap;

use super::context::{Context, Section};
use super::error::Error;
use super::expand::Names;
use super::host::{Host, normalize};
use super::ini::Document;

/// Where the client looks for a daemon when nothing else is said.
pub const DEFAULT_SERVER: &str = "http://localhost:9001";

/// The factory of supervisor-wildcards.
pub const WILDCARDS: &str = "supervisorwildcards.controllerplugin:make_wildcards_controllerplugin";

/// The factories of plug-ins whose commands the client has without them.
pub const BUILT_IN: [&str; 2] =
    [WILDCARDS, "supervisorserialrestart.controllerplugin:make_serialrestart_controllerplugin"];

/// The client's settings. Values are not checked here: a bad URL fails at its first use (CFG-101).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientConfig {
    /// The path of a unix URL is absolute.
    pub serverurl: String,
    pub username: Option<String>,
    pub password: Option<String>,
    pub prompt: String,
    /// Absolute.
    pub history_file: Option<String>,
    pub plugins: Vec<CtlPlugin>,
    /// Where a daemon of the same file writes its pid, to tell whether it lives. Absolute.
    pub pidfile: Option<String>,
}

/// One `[ctlplugin:x]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CtlPlugin {
    pub section: String,
    /// `module:callable`.
    pub factory: String,
    pub options: BTreeMap<String, String>,
}

impl Default for ClientConfig {
    fn default() -> ClientConfig {
        ClientConfig {
            serverurl: DEFAULT_SERVER.to_string(),
            username: None,
            password: None,
            prompt: "supervisor".to_string(),
            history_file: None,
            plugins: Vec::new(),
            pidfile: None,
        }
    }
}

/// Makes sense of the file, which is one: `[include]` is not for the client (CLI-052).
pub fn parse(document: &Document, here: &str, host: &dyn Host) -> Result<ClientConfig, Vec<Error>> {
    if !document.has_section("supervisorctl") {
        let sentence = ".ini file does not include supervisorctl section".to_string();
        let help = "add [supervisorctl] with a line serverurl=; without a file, -s names the server";
        return Err(vec![Error::bare(sentence).with_help(help)]);
    }
    let environment = Names::new(host.environment().clone());
    let mut context = Context {
        document,
        host,
        here,
        environment,
        errors: Vec::new(),
        messages: Vec::new(),
        warnings: Vec::new(),
    };
    let default = ClientConfig::default();
    let mut section = context.section("supervisorctl");
    let serverurl = section.text("serverurl").unwrap_or(default.serverurl);
    let mut bare = section.context.section_without_here("supervisorctl");
    let prompt = bare.text("prompt").unwrap_or(default.prompt);
    let (username, password) = (bare.text("username"), bare.text("password"));
    let history_file = context.section("supervisorctl").text("history_file").filter(|path| !path.is_empty());
    let plugins = plugins(&mut context);
    if !context.errors.is_empty() {
        return Err(context.errors);
    }
    // For an explanation only: what cannot be read there is the daemon's to complain of.
    let pidfile = context.section("supervisord").text("pidfile");
    Ok(ClientConfig {
        serverurl: match serverurl.strip_prefix("unix://") {
            Some(path) => format!("unix://{}", normalize(path, host)),
            None => serverurl,
        },
        username,
        password,
        prompt,
        history_file: history_file.map(|path| normalize(&path, host)),
        plugins,
        pidfile: pidfile.map(|path| normalize(&path, host)),
    })
}

fn plugins(context: &mut Context<'_>) -> Vec<CtlPlugin> {
    let sections = context.document.sections().into_iter();
    let sections: Vec<String> = sections.filter(|section| section.starts_with("ctlplugin:")).collect();
    sections.into_iter().filter_map(|name| plugin(&mut context.section_without_here(&name))).collect()
}

fn plugin(section: &mut Section<'_, '_>) -> Option<CtlPlugin> {
    const FACTORY: &str = "supervisor.ctl_factory";
    let Some(factory) = section.text(FACTORY) else {
        if section.raw(FACTORY).is_none() {
            let sentence = format!("section [{}] does not specify a {FACTORY}", section.name);
            section.fail(sentence, None);
        }
        return None;
    };
    let names = section.context.document.options(&section.name).into_iter().filter(|name| name != FACTORY);
    let names: Vec<String> = names.collect();
    let options =
        names.into_iter().filter_map(|name| section.text(&name).map(|value| (name, value))).collect();
    Some(CtlPlugin { section: section.name.clone(), factory, options })
}
