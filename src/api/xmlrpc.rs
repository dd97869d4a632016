//! XML-RPC documents to calls. The only file that knows dxr.

use dxr::{MethodCall, Value};

use super::arguments::Argument;
use super::lenient;

/// A call as a client sent it.
#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    /// With its namespace.
    pub method: String,
    pub arguments: Vec<Argument>,
}

/// A document is no call. Says nothing of its content: the parser's own errors repeat all of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotACall;

/// Reads a call, as leniently as RPC-003 says.
pub fn read_call(document: &[u8]) -> Result<Call, NotACall> {
    let text = std::str::from_utf8(document).map_err(|_| NotACall)?;
    if let Ok(call) = MethodCall::from_xml(text) {
        return Ok(taken(call));
    }
    MethodCall::from_xml(&lenient::rewrite(text)).map(taken).map_err(|_| NotACall)
}

fn taken(call: MethodCall<'_>) -> Call {
    let arguments = call.params.into_iter().map(argument).collect();
    Call { method: call.name.into_owned(), arguments }
}

fn argument(value: Value) -> Argument {
    match value {
        Value::Integer(number) => Argument::Number(i64::from(number)),
        Value::Long(number) => Argument::Number(number),
        Value::Boolean(flag) => Argument::Flag(flag),
        Value::String(text) => Argument::Text(text),
        Value::Double(double) => Argument::Double(double),
        // Perl's XMLRPC::Lite sends every string in base64 that is not ASCII.
        Value::Base64(bytes) => Argument::Text(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Array(values) => Argument::List(values.into_iter().map(argument).collect()),
        Value::Struct(members) => {
            Argument::Record(members.into_iter().map(|(name, value)| (name, argument(value))).collect())
        }
        // No method takes a date; as nil it fits no parameter. dxr's enum is open, hence the wildcard.
        Value::Nil | Value::DateTime(_) | _ => Argument::Nil,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::methods::{Action, Methods};
    use crate::api::{Request, Target};

    fn call(inner: &str) -> Result<Call, NotACall> {
        read_call(format!("<?xml version='1.0'?>\n<methodCall>{inner}</methodCall>").as_bytes())
    }

    #[test]
    fn arguments_are_read_leniently_rpc_003() {
        let text = |text: &str| Argument::Text(text.to_string());
        let cases = [
            ("plain", text("plain")),
            ("", text("")),
            ("<string>  </string>", text("  ")),
            ("<string>a&amp;b&#233;<![CDATA[<c>]]></string>", text("a&bé<c>")),
            ("<base64>w6k=</base64>", text("é")),
            ("<int>5</int>", Argument::Number(5)),
            ("<i4> -5 </i4>", Argument::Number(-5)),
            ("<i8>3000000000</i8>", Argument::Number(3_000_000_000)),
            ("<int>3000000000</int>", Argument::Number(3_000_000_000)),
            ("<boolean>1</boolean>", Argument::Flag(true)),
            ("<boolean>0</boolean>", Argument::Flag(false)),
            ("<boolean>true</boolean>", Argument::Flag(true)),
            ("<boolean>false</boolean>", Argument::Flag(false)),
            ("<double>1.5</double>", Argument::Double(1.5)),
            ("<nil/>", Argument::Nil),
            ("<i1>7</i1>", text("7")),
            ("<array><data/></array>", Argument::List(Vec::new())),
        ];
        for (value, expected) in cases {
            let params = format!("<params><param><value>{value}</value></param></params>");
            let read = call(&format!("<methodName>m</methodName>{params}"));
            assert_eq!(read, Ok(Call { method: "m".to_string(), arguments: vec![expected] }), "{value}");
        }
    }

    #[test]
    fn params_may_be_missing_and_the_root_may_have_any_name() {
        let expected = Ok(Call { method: "a.b".to_string(), arguments: Vec::new() });
        for inner in ["", "<params/>", "<params></params>", "<!-- c --><params>\n</params>"] {
            assert_eq!(call(&format!("<methodName>a.b</methodName>{inner}")), expected, "{inner}");
        }
        assert_eq!(read_call(b"<x><methodName>a.b</methodName></x>"), expected);
    }

    #[test]
    fn what_is_no_call_is_refused_rpc_004() {
        let documents: [&[u8]; 7] = [
            b"",
            b"abc",
            b"<methodCall>",
            b"<methodCall><params/></methodCall>",
            b"<methodCall><methodName>a</methodNam></methodCall>",
            b"<methodCall><methodName>\xe9</methodName></methodCall>",
            b"<methodCall><methodName>a</methodName><params><param><value><int>x</int></value></param></params></methodCall>",
        ];
        for document in documents {
            assert_eq!(read_call(document), Err(NotACall), "{}", document.escape_ascii());
        }
        assert_eq!(call("<methodName></methodName>"), Err(NotACall));
    }

    #[test]
    fn deep_nesting_and_entity_bombs_are_refused() {
        let deep = "<value><array><data>".repeat(50_000);
        assert!(call(&format!("<methodName>a</methodName><params><param>{deep}")).is_err());
        let bomb = b"<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]>\
            <methodCall><methodName>&c;</methodName></methodCall>";
        assert!(read_call(bomb).is_err());
    }

    fn target(method: &'static str, target: &Target) -> (String, Vec<Value>) {
        let named =
            |suffix: &str, name: &str| (format!("{method}{suffix}"), vec![Value::String(name.to_string())]);
        match target {
            Target::Namespec(name) => named("Process", name),
            Target::Group(name) => named("ProcessGroup", name),
            Target::Collection(name) => named("Collection", name),
            Target::All => (format!("{method}AllProcesses"), Vec::new()),
        }
    }

    /// The call that a client makes for a request.
    fn as_call(request: &Request) -> (String, Vec<Value>) {
        let bare = |method: &str| (method.to_string(), Vec::new());
        let named = |method: &str, name: &str| (method.to_string(), vec![Value::String(name.to_string())]);
        let with = |(method, mut sent): (String, Vec<Value>), value: Value| {
            sent.push(value);
            (method, sent)
        };
        match request {
            Request::ApiVersion => bare("getAPIVersion"),
            Request::SupervisorVersion => bare("getSupervisorVersion"),
            Request::Identification => bare("getIdentification"),
            Request::State => bare("getState"),
            Request::Pid => bare("getPID"),
            Request::Start { target: to, wait } => with(target("start", to), Value::Boolean(*wait)),
            Request::Stop { target: to, wait } => with(target("stop", to), Value::Boolean(*wait)),
            Request::Restart { collection, wait } => {
                with(named("restartCollection", collection), Value::Boolean(*wait))
            }
            Request::Signal { target: to, signal } => {
                with(target("signal", to), Value::String(signal.clone()))
            }
            Request::ProcessInfo { name } => named("getProcessInfo", name),
            Request::AllProcessInfo => bare("getAllProcessInfo"),
            Request::AllConfigInfo => bare("getAllConfigInfo"),
            Request::ReloadConfig => bare("reloadConfig"),
            Request::AddGroup { name } => named("addProcessGroup", name),
            Request::RemoveGroup { name } => named("removeProcessGroup", name),
            Request::ListCollections => bare("listCollections"),
            Request::CollectionProcessInfo { name } => named("getCollectionProcessInfo", name),
            Request::Shutdown => bare("shutdown"),
            Request::RestartDaemon => bare("restart"),
        }
    }

    fn any_target() -> impl Strategy<Value = Target> {
        prop_oneof![
            any::<String>().prop_map(Target::Namespec),
            any::<String>().prop_map(Target::Group),
            any::<String>().prop_map(Target::Collection),
            Just(Target::All),
        ]
    }

    fn any_request() -> impl Strategy<Value = Request> {
        let bare = [
            Request::ApiVersion,
            Request::SupervisorVersion,
            Request::Identification,
            Request::State,
            Request::Pid,
            Request::AllProcessInfo,
            Request::AllConfigInfo,
            Request::ReloadConfig,
            Request::ListCollections,
            Request::Shutdown,
            Request::RestartDaemon,
        ];
        let name = any::<String>;
        prop_oneof![
            proptest::sample::select(bare.to_vec()),
            (any_target(), any::<bool>()).prop_map(|(target, wait)| Request::Start { target, wait }),
            (any_target(), any::<bool>()).prop_map(|(target, wait)| Request::Stop { target, wait }),
            (name(), any::<bool>()).prop_map(|(collection, wait)| Request::Restart { collection, wait }),
            (any_target(), name()).prop_map(|(target, signal)| Request::Signal { target, signal }),
            name().prop_map(|name| Request::ProcessInfo { name }),
            name().prop_map(|name| Request::AddGroup { name }),
            name().prop_map(|name| Request::RemoveGroup { name }),
            name().prop_map(|name| Request::CollectionProcessInfo { name }),
        ]
    }

    proptest! {
        #[test]
        fn every_request_survives_its_way_over_the_wire(request in any_request()) {
            let (method, params) = as_call(&request);
            let sent = MethodCall { name: format!("supervisor.{method}").into(), params };
            let read = read_call(sent.to_xml().unwrap().as_bytes()).unwrap();
            let row = Methods::new(vec!["supervisor".to_string()]).find(&read.method).unwrap();
            let Action::Ask(decode) = row.action else { panic!("{method} asks nothing") };
            prop_assert_eq!(decode(row.arguments(&read.arguments).unwrap()), Ok(request));
        }

        #[test]
        fn no_document_makes_the_reader_panic(document in any::<Vec<u8>>(), text in "[<>/a-z!\\[\\]& -]{0,60}") {
            let _ = read_call(&document);
            let _ = read_call(text.as_bytes());
            let _ = call(&format!("<methodName>a</methodName>{text}"));
        }
    }
}
