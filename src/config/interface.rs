//! `[rpcinterface:x]`: which methods are served, and under what names (CFG-134 to CFG-136).

use super::context::Context;
use super::foreign::instead;
use super::known::nearest;
use super::{Interface, InterfaceKind, value};

/// The factory that serves the classic methods (EXT-004).
const MAIN: &str = "supervisor.rpcinterface:make_main_rpcinterface";
const TWIDDLER: &str = "supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface";
const CACHE: &str = "supervisor_cache.rpcinterface:make_cache_rpcinterface";

const FACTORY: &str = "supervisor.rpcinterface_factory";

/// The interfaces, in the order of the files. Those whose factory is Python code that nothing here stands in for are
/// left out, with a warning.
pub fn interfaces(context: &mut Context<'_>) -> Vec<Interface> {
    let mut interfaces = Vec::new();
    for name in context.document.sections() {
        let Some(namespace) = name.strip_prefix("rpcinterface:") else { continue };
        let mut section = context.section_without_here(&name);
        if section.raw(FACTORY).is_none() {
            section.fail(format!("section [{name}] does not specify a {FACTORY}"), Some(FACTORY));
            continue;
        }
        let factory = section.text(FACTORY);
        // They are the factory's arguments, and expanded whether or not it wants them.
        let mut whitelist = String::new();
        for extra in section.context.document.options(&name).iter().filter(|extra| *extra != FACTORY) {
            let text = section.text(extra).unwrap_or_default();
            if extra == "whitelist" {
                whitelist = text;
            }
        }
        let kind = match factory.as_deref() {
            Some(MAIN) => InterfaceKind::Main,
            Some(TWIDDLER) => InterfaceKind::Twiddler { whitelist: value::list(&whitelist) },
            Some(CACHE) => InterfaceKind::Cache,
            Some(factory) => {
                warn_python(context, &name, namespace, factory);
                continue;
            }
            None => continue,
        };
        interfaces.push(Interface { namespace: namespace.to_string(), kind });
    }
    interfaces
}

fn warn_python(context: &mut Context<'_>, section: &str, namespace: &str, factory: &str) {
    let tell = |place: &str| {
        format!(
            "[{section}] names the Python factory {factory}, which cannot be loaded{place}: the methods {namespace}.* \
             will be missing"
        )
    };
    let help = match nearest(factory, [MAIN, TWIDDLER, CACHE].into_iter()) {
        Some(near) => format!("did you mean {near}?"),
        None if factory.starts_with("supervisor.") => format!("did you mean {MAIN}?"),
        None => instead(factory),
    };
    context.warn_in_place(tell, section, Some(FACTORY), &help);
}
