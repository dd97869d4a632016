//! Every method a client can call, one row each. Dispatch, `listMethods`, `methodHelp` and
//! `methodSignature` all read this table, so none of them can fall behind.

mod cache;
mod table;
mod twiddler;

use std::fmt::Write;

use super::arguments::{Argument, Arguments};
use super::{Fault, FaultCode, Request};

pub use cache::CACHE;
pub use table::METHODS;
pub use twiddler::TWIDDLER;

/// The type names of XML-RPC, as signatures show them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Text,
    Flag,
    Number,
    Record,
    List,
}

impl Kind {
    /// The word in a signature.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "string",
            Kind::Flag => "boolean",
            Kind::Number => "int",
            Kind::Record => "struct",
            Kind::List => "array",
        }
    }
}

/// One parameter of a method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameter {
    pub kind: Kind,
    pub name: &'static str,
    pub help: &'static str,
    /// Optional parameters come last; the only one there is defaults to true.
    pub optional: bool,
}

/// One row of [`METHODS`].
#[derive(Debug)]
pub struct Method {
    /// Without its namespace.
    pub name: &'static str,
    pub parameters: &'static [Parameter],
    pub returns: (Kind, &'static str),
    pub help: &'static str,
    pub action: Action,
}

/// What a call of a method does.
#[derive(Debug)]
pub enum Action {
    /// Asks the supervisor; found in every namespace that serves its table.
    Ask(fn(Arguments) -> Result<Request, Fault>),
    /// The rest is answered from this table or, for `Multicall`, by calling others; found in `system`.
    ListMethods,
    MethodHelp,
    MethodSignature,
    Multicall,
}

/// The namespace of introspection and `multicall`; always there.
const SYSTEM: &str = "system";

impl Method {
    fn is_system(&self) -> bool {
        match self.action {
            Action::Ask(_) => false,
            Action::ListMethods | Action::MethodHelp | Action::MethodSignature | Action::Multicall => true,
        }
    }

    /// The arguments, once their number is right; else INCORRECT_PARAMETERS (RPC-009).
    pub fn arguments<'a>(&self, sent: &'a [Argument]) -> Result<Arguments<'a>, Fault> {
        let least = self.parameters.iter().filter(|parameter| !parameter.optional).count();
        if (least..=self.parameters.len()).contains(&sent.len()) {
            Ok(Arguments(sent))
        } else {
            Err(FaultCode::IncorrectParameters.into())
        }
    }

    /// The text of `methodHelp`, in the layout that clients take apart for its tags (RPC-059).
    pub fn help_text(&self) -> String {
        let mut text = format!(" {}\n\n", self.help);
        for parameter in self.parameters {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "        @param {} {} {}",
                parameter.kind.name(),
                parameter.name,
                parameter.help
            );
        }
        let (kind, what) = self.returns;
        let _ = writeln!(text, "        @return {} result {what}", kind.name());
        text.push_str("        ");
        text
    }

    /// The result's type, then the parameters' types (RPC-060).
    pub fn signature(&self) -> Vec<String> {
        let kinds = self.parameters.iter().map(|parameter| parameter.kind);
        std::iter::once(self.returns.0).chain(kinds).map(|kind| kind.name().to_string()).collect()
    }
}

/// A table under a name.
#[derive(Clone, Debug)]
pub struct Served {
    pub namespace: String,
    pub table: &'static [Method],
    /// The only methods that may be called; all of them if it is empty.
    pub whitelist: Vec<String>,
}

impl Served {
    /// The classic methods.
    pub fn main(namespace: &str) -> Served {
        Served { namespace: namespace.to_string(), table: METHODS, whitelist: Vec::new() }
    }
}

/// The methods as one daemon serves them: tables under their namespaces, and `system`.
#[derive(Clone, Debug)]
pub struct Methods {
    served: Vec<Served>,
}

impl Methods {
    /// Methods that ask the supervisor are in `served` only; none is legal (CFG-135).
    pub fn new(served: Vec<Served>) -> Methods {
        Methods { served }
    }

    /// Refuses what a whitelist leaves out. Asked after the number of arguments is known to be right.
    pub fn permit(&self, name: &str) -> Result<(), Fault> {
        let (namespace, method) = name.split_once('.').unwrap_or_default();
        let mut served = self.served.iter().filter(|served| served.namespace == namespace);
        let whitelist = served.next().map_or(&[][..], |served| served.whitelist.as_slice());
        if whitelist.is_empty() || whitelist.iter().any(|allowed| allowed == method) {
            Ok(())
        } else {
            Err(Fault::new(FaultCode::NotInWhitelist, method))
        }
    }

    /// Exactly `namespace.method`, or UNKNOWN_METHOD (RPC-010).
    pub fn find(&self, name: &str) -> Result<&'static Method, Fault> {
        let (namespace, method) = name.split_once('.').ok_or(FaultCode::UnknownMethod)?;
        let in_system = namespace == SYSTEM;
        let mut served = self.served.iter().filter(|served| served.namespace == namespace);
        let table = if in_system { Some(METHODS) } else { served.next().map(|served| served.table) };
        let mut rows = table.into_iter().flatten();
        rows.find(|row| row.name == method && row.is_system() == in_system)
            .ok_or_else(|| FaultCode::UnknownMethod.into())
    }

    /// `listMethods`: sorted by code point, each once (RPC-057).
    pub fn names(&self) -> Vec<String> {
        let system = METHODS.iter().filter(|row| row.is_system());
        let mut names: Vec<String> = system.map(|row| format!("{SYSTEM}.{}", row.name)).collect();
        for Served { namespace, table, .. } in self.served.iter().filter(|served| served.namespace != SYSTEM)
        {
            let rows = table.iter().filter(|row| !row.is_system());
            names.extend(rows.map(|row| format!("{namespace}.{}", row.name)));
        }
        names.sort();
        names.dedup();
        names
    }

    /// The row that `methodHelp` and `methodSignature` ask for; SIGNATURE_UNSUPPORTED if there is none.
    pub fn described(&self, name: &Argument) -> Result<&'static Method, Fault> {
        let Argument::Text(name) = name else { return Err(FaultCode::SignatureUnsupported.into()) };
        self.find(name).map_err(|_| FaultCode::SignatureUnsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Target;

    fn stock() -> Methods {
        Methods::new(vec![Served::main("supervisor")])
    }

    fn ask(name: &str, sent: &[Argument]) -> Result<Request, Fault> {
        let method = stock().find(name)?;
        match method.action {
            Action::Ask(decode) => decode(method.arguments(sent)?),
            Action::ListMethods | Action::MethodHelp | Action::MethodSignature | Action::Multicall => {
                panic!("{name} asks nothing")
            }
        }
    }

    fn text(text: &str) -> Argument {
        Argument::Text(text.to_string())
    }

    #[test]
    fn only_two_part_names_of_a_served_namespace_are_found_rpc_010() {
        for good in ["supervisor.getState", "system.listMethods", "supervisor.restartCollection"] {
            assert!(stock().find(good).is_ok(), "{good}");
        }
        let bad = [
            "",
            "getState",
            "supervisor.",
            ".getState",
            "other.getState",
            "supervisor.nope",
            "supervisor._update",
            "supervisor.getState.x",
            "supervisor.supervisord.shutdown",
            "system.getState",
            "supervisor.multicall",
            "supervisor.getstate",
        ];
        for name in bad {
            let fault = stock().find(name).map(|method| method.name);
            assert_eq!(fault, Err(FaultCode::UnknownMethod.into()), "{name}");
        }
    }

    #[test]
    fn methods_move_with_their_namespace_cfg_136() {
        let moved = Methods::new(vec![Served::main("x"), Served::main("y")]);
        assert!(moved.find("x.getState").is_ok() && moved.find("y.getState").is_ok());
        assert!(moved.find("supervisor.getState").is_err());
        let none = Methods::new(Vec::new());
        let expected =
            ["system.listMethods", "system.methodHelp", "system.methodSignature", "system.multicall"];
        assert_eq!(none.names(), expected);
    }

    #[test]
    fn names_are_sorted_and_unique() {
        let names = Methods::new(["supervisor", "a", "a"].map(Served::main).to_vec()).names();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        assert!(names.contains(&"supervisor.getVersion".to_string()), "aliases are listed (RPC-058)");
    }

    #[test]
    fn signatures_are_those_of_rpc_060() {
        let cases = [
            ("supervisor.startProcess", "boolean string boolean"),
            ("supervisor.signalProcess", "boolean string string"),
            ("supervisor.signalAllProcesses", "array string"),
            ("supervisor.stopAllProcesses", "array boolean"),
            ("supervisor.getProcessInfo", "struct string"),
            ("supervisor.getPID", "int"),
            ("system.multicall", "array array"),
        ];
        for (name, expected) in cases {
            assert_eq!(stock().described(&text(name)).unwrap().signature().join(" "), expected, "{name}");
        }
        let unknown = stock().described(&text("supervisor.nope")).map(|method| method.name);
        assert_eq!(unknown, Err(FaultCode::SignatureUnsupported.into()));
        let number = stock().described(&Argument::Number(5)).map(|method| method.name);
        assert_eq!(number, Err(FaultCode::SignatureUnsupported.into()));
    }

    #[test]
    fn help_has_the_tags_of_rpc_059() {
        let help = stock().find("supervisor.stopProcessGroup").unwrap().help_text();
        let expected = " Stop every running process of a group.\n\n        \
            @param string name A group, or @name for a collection\n        \
            @param boolean wait Answer only once it is done; true when left out\n        \
            @return array result A struct for each process acted on: name, group, status, description\n        ";
        assert_eq!(help, expected);
    }

    #[test]
    fn a_wrong_number_of_arguments_is_fault_2() {
        let fault = Err(FaultCode::IncorrectParameters.into());
        assert_eq!(ask("supervisor.getState", &[text("x")]), fault);
        assert_eq!(ask("supervisor.startProcess", &[]), fault);
        assert_eq!(ask("supervisor.startProcess", &[text("a"), text("b"), text("c")]), fault);
        assert_eq!(ask("supervisor.signalProcess", &[text("a")]), fault);
    }

    #[test]
    fn a_process_name_of_another_type_is_fault_2_and_a_group_number_is_a_name() {
        let fault = Err(FaultCode::IncorrectParameters.into());
        assert_eq!(ask("supervisor.getProcessInfo", &[Argument::Number(5)]), fault);
        assert_eq!(ask("supervisor.startProcess", &[Argument::Nil]), fault);
        assert_eq!(ask("supervisor.startProcessGroup", &[Argument::List(Vec::new())]), fault);
        let five = Request::Start { target: Target::Group("5".to_string()), wait: true };
        assert_eq!(ask("supervisor.startProcessGroup", &[Argument::Number(5)]), Ok(five));
    }

    #[test]
    fn wait_is_true_when_left_out_and_otherwise_what_python_thinks_true() {
        let cases = [
            (Argument::Flag(true), true),
            (Argument::Flag(false), false),
            (Argument::Number(1), true),
            (Argument::Number(0), false),
            (Argument::Double(0.0), false),
            (text("no"), true),
            (text(""), false),
            (Argument::Nil, false),
        ];
        for (argument, wait) in cases {
            let request = Ok(Request::Start { target: Target::All, wait });
            assert_eq!(
                ask("supervisor.startAllProcesses", std::slice::from_ref(&argument)),
                request,
                "{argument:?}"
            );
        }
        let request = Ok(Request::Start { target: Target::All, wait: true });
        assert_eq!(ask("supervisor.startAllProcesses", &[]), request);
    }

    #[test]
    fn signals_are_kept_as_given() {
        for (argument, signal) in [(text("hUp"), "hUp"), (Argument::Number(1), "1"), (text("nope"), "nope")] {
            let target = Target::Namespec("a:*".to_string());
            let request = Ok(Request::Signal { target, signal: signal.to_string() });
            assert_eq!(ask("supervisor.signalProcess", &[text("a:*"), argument]), request);
        }
    }

    #[test]
    fn every_method_is_in_the_manual() {
        let manual = include_str!("../../docs/api.md");
        for name in stock().names() {
            assert!(manual.contains(&format!("\n### `{name}(")), "docs/api.md has no heading for {name}");
        }
        let headings = manual.lines().filter(|line| line.starts_with("### `")).count();
        assert_eq!(headings, METHODS.len(), "docs/api.md describes a method that is not in METHODS");
    }

    #[test]
    fn the_manual_has_an_example_of_every_method_and_every_fault() {
        let manual = include_str!("../../docs/api.md");
        for section in manual.split("\n### `").skip(1) {
            let name = section.split(['(', '`']).next().unwrap_or_default();
            let method = name.rsplit('.').next().unwrap_or_default();
            let example = section.split("```python\n").nth(1).and_then(|rest| rest.split("```").next());
            let shows = example.is_some_and(|example| example.contains(&format!(".{method}(")));
            assert!(shows, "docs/api.md has no example of {name}");
        }
        for code in FaultCode::ALL.into_iter().filter(|code| *code != FaultCode::Success) {
            let row = format!("| {} | `{}` | ", code as i32, code.name());
            assert!(manual.contains(&row), "docs/api.md does not tell of {}", code.name());
        }
    }
}
