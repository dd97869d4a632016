//! The methods of `supervisor_cache`, under the namespace that its section gives it.

use super::table::required;
use super::{Action, Kind, Method, Parameter};
use crate::api::plugin::CacheCall;
use crate::api::{Fault, Request};

const KEY: Parameter = required(Kind::Text, "key", "A text that is not empty");
const TRUE: (Kind, &str) = (Kind::Flag, "True, or a fault");

fn ask(call: CacheCall) -> Result<Request, Fault> {
    Ok(Request::Cache(call))
}

/// One row each.
pub const CACHE: &[Method] = &[
    Method {
        name: "getAPIVersion",
        parameters: &[],
        returns: (Kind::Text, "The version"),
        help: "The version of this interface.",
        action: Action::Ask(|_| ask(CacheCall::ApiVersion)),
    },
    Method {
        name: "getKeys",
        parameters: &[],
        returns: (Kind::List, "Keys, sorted"),
        help: "The keys under which something is stored.",
        action: Action::Ask(|_| ask(CacheCall::Keys)),
    },
    Method {
        name: "getCount",
        parameters: &[],
        returns: (Kind::Number, "How many"),
        help: "How many keys there are.",
        action: Action::Ask(|_| ask(CacheCall::Count)),
    },
    Method {
        name: "store",
        parameters: &[KEY, required(Kind::Text, "data", "What to keep")],
        returns: TRUE,
        help: "Keep a value under a key, until the daemon ends or begins anew.",
        action: Action::Ask(|a| ask(CacheCall::Store { key: a.get(0)?.clone(), data: a.get(1)?.clone() })),
    },
    Method {
        name: "fetch",
        parameters: &[KEY],
        returns: (Kind::Text, "What was stored"),
        help: "The value under a key.",
        action: Action::Ask(|a| ask(CacheCall::Fetch { key: a.get(0)?.clone() })),
    },
    Method {
        name: "delete",
        parameters: &[KEY],
        returns: TRUE,
        help: "Forget a key, if it is there.",
        action: Action::Ask(|a| ask(CacheCall::Delete { key: a.get(0)?.clone() })),
    },
    Method {
        name: "clear",
        parameters: &[],
        returns: TRUE,
        help: "Forget every key.",
        action: Action::Ask(|_| ask(CacheCall::Clear)),
    },
];
