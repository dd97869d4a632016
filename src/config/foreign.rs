//! Python code that files name: it cannot be loaded, and this is what to do instead.

/// Factories of packages that are in use, and what does the same.
const INSTEAD: [(&str, &str); 4] = [
    (
        "multivisor.rpc:make_rpc_interface",
        "run multivisor-rpc, of the same package, as an event listener: events=PROCESS_STATE,SUPERVISOR_STATE_CHANGE",
    ),
    (
        "mr.laforge.rpcinterface:make_laforge_rpcinterface",
        "supervisor.signalProcess and supervisor.signalProcessGroup do the same",
    ),
    (
        "mr.laforge.controllerplugin:make_laforge_controllerplugin",
        "the command signal does what its kill does",
    ),
    (
        "supervisor_cache.controllerplugin:make_cache_controllerplugin",
        "the methods cache.* are built in, its commands are not",
    ),
];

/// The way out for a factory that nothing here stands in for.
pub fn instead(factory: &str) -> String {
    match INSTEAD.iter().find(|(known, _)| *known == factory) {
        Some((_, instead)) => format!("Python code cannot be loaded; {instead}"),
        None => "Python code cannot be loaded; take the section out if nobody needs it".to_string(),
    }
}
