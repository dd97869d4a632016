//! `[eventlistener:x]`: a group whose processes are told of events (CFG-127 to CFG-133).

use std::sync::Arc;

use super::context::{Context, Section};
use super::event_type::EventType;
use super::{GroupConfig, GroupKind, ListenerConfig, ResultHandler, program, value};

const STANDARD_HANDLER: &str = "supervisor.dispatchers:default_handler";
const STDOUT_HANDLER: &str = "supervisor_stdout:event_handler";

/// The pool of a section. Its name is not looked at before its processes are (CFG-052).
pub fn pool(context: &mut Context<'_>, section: &str) -> GroupConfig {
    let name = section.split_once(':').map_or("", |(_, name)| name);
    let mut options = context.section(section);
    // Pools are started first and stopped last; their processes keep the priority of any other (CFG-130).
    let priority = options.read("priority", -1, value::integer);
    let listener = listener(&mut options);
    let mut processes = program::processes(context, section, name);
    for process in &mut processes {
        Arc::make_mut(process).listener = true;
    }
    let kind = GroupKind::EventListeners(listener);
    GroupConfig { name: name.into(), priority, kind, processes: program::unique(processes) }
}

/// In the reference's order, so that of several errors the same one comes first.
fn listener(options: &mut Section<'_, '_>) -> ListenerConfig {
    let name = options.name.clone();
    let buffer_size = options.read("buffer_size", 10, |text| {
        let size = value::integer(text)?;
        if size < 1 { Err(format!("[{name}] section sets invalid buffer_size ({size})")) } else { Ok(size) }
    });
    let result_handler =
        options.read("result_handler", ResultHandler::Standard, |text| result_handler(text, &name));
    let events = events(options, &name);
    let interferes = options.read("redirect_stderr", false, value::boolean);
    if interferes {
        let sentence = format!(
            "[{name}] section sets redirect_stderr=true but this is not allowed because it will interfere with \
             the eventlistener protocol"
        );
        let help = Some("leave it out: standard output is for the protocol alone".to_string());
        options.context.fail_with_help(sentence, &name, Some("redirect_stderr"), help);
    }
    let extended = options.read("events_extended", false, value::boolean);
    ListenerConfig { events, buffer_size, result_handler, extended }
}

/// CFG-133; no Python code can be loaded, but what two packages do is built in.
fn result_handler(text: &str, section: &str) -> Result<ResultHandler, String> {
    match text {
        STANDARD_HANDLER => Ok(ResultHandler::Standard),
        STDOUT_HANDLER => Ok(ResultHandler::Stdout),
        other => Err(format!("{other} cannot be resolved within [{section}]")),
    }
}

/// CFG-128: in any case, each once. Sorted, since another order in the file is no change of the pool (CFG-139).
fn events(options: &mut Section<'_, '_>, section: &str) -> Vec<EventType> {
    let before = options.context.errors.len();
    let names = options.text("events").map(|text| value::list(&text)).unwrap_or_default();
    if names.is_empty() {
        if options.context.errors.len() == before {
            options.fail(format!("[{section}] section requires an \"events\" line"), Some("events"));
        }
        return Vec::new();
    }
    let mut events = Vec::new();
    for name in names {
        match EventType::parse(&name) {
            Some(event) if events.contains(&event) => (),
            Some(event) => events.push(event),
            None => {
                let sentence = format!("Unknown event type {} in [{section}] events", name.to_uppercase());
                options.context.fail_with_help(sentence, section, Some("events"), event_help(&name));
            }
        }
    }
    events.sort();
    events
}

fn event_help(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("a comma too many".to_string());
    }
    EventType::similar(name).map(|near| format!("did you mean {near}?"))
}
