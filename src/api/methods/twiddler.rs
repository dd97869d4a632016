//! The methods of `supervisor_twiddler`, under the namespace that its section gives it.

use super::table::required;
use super::{Action, Kind, Method, Parameter};
use crate::api::arguments::{Argument, Arguments};
use crate::api::plugin::Twiddle;
use crate::api::{Fault, FaultCode, Request};

const GROUP: Parameter = required(Kind::Text, "group_name", "A group under supervision");

fn ask(twiddle: Twiddle) -> Result<Request, Fault> {
    Ok(Request::Twiddle(twiddle))
}

fn add(a: Arguments) -> Result<Request, Fault> {
    let Argument::Record(options) = a.get(2)? else { return Err(FaultCode::IncorrectParameters.into()) };
    ask(Twiddle::AddProgram { group: a.group(0)?, program: a.name(1)?, options: options.clone() })
}

fn log(a: Arguments) -> Result<Request, Fault> {
    ask(Twiddle::Log { message: a.name(0)?, level: a.get(1).ok().cloned() })
}

/// One row each.
pub const TWIDDLER: &[Method] = &[
    Method {
        name: "getAPIVersion",
        parameters: &[],
        returns: (Kind::Text, "The version"),
        help: "The version of this interface.",
        action: Action::Ask(|_| ask(Twiddle::ApiVersion)),
    },
    Method {
        name: "getGroupNames",
        parameters: &[],
        returns: (Kind::List, "Group names"),
        help: "The names of all groups under supervision.",
        action: Action::Ask(|_| ask(Twiddle::GroupNames)),
    },
    Method {
        name: "addProgramToGroup",
        parameters: &[
            GROUP,
            required(Kind::Text, "program_name", "The name of the new program"),
            required(Kind::Record, "program_options", "Its options, as in its section of a configuration"),
        ],
        returns: (Kind::Flag, "True, or a fault"),
        help: "Add the processes of a new program to a group. They are gone when the daemon begins anew.",
        action: Action::Ask(add),
    },
    Method {
        name: "removeProcessFromGroup",
        parameters: &[GROUP, required(Kind::Text, "process_name", "A process of it that has stopped")],
        returns: (Kind::Flag, "True, or a fault"),
        help: "Remove one process from a group.",
        action: Action::Ask(|a| ask(Twiddle::RemoveProcess { group: a.group(0)?, process: a.name(1)? })),
    },
    Method {
        name: "log",
        parameters: &[
            required(Kind::Text, "message", "The line to write"),
            Parameter {
                kind: Kind::Text,
                name: "level",
                help: "CRIT, ERRO, WARN, INFO, DEBG, TRAC or BLAT, or its number; INFO when left out",
                optional: true,
            },
        ],
        returns: (Kind::Flag, "True, or a fault"),
        help: "Write a line to the main log.",
        action: Action::Ask(log),
    },
];
