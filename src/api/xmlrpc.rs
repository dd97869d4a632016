//! XML-RPC documents to calls and to answers. The only file that knows dxr.

use dxr::{FaultResponse, MethodCall, MethodResponse, Value};

use super::arguments::Argument;
use super::document;
use super::lenient;
use super::received::RemoteFault;

/// A call as a client sent it.
#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    /// With its namespace.
    pub method: String,
    pub arguments: Vec<Argument>,
}

/// Why a document is no call. Says nothing of its content: the parser's own errors repeat all of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotACall {
    Unreadable,
    /// It could be one, but names no method.
    Nameless,
}

impl NotACall {
    /// As the log says it (LOG-012).
    pub fn reason(self) -> &'static str {
        match self {
            NotACall::Unreadable => "unmarshallable",
            NotACall::Nameless => "no method name",
        }
    }
}

/// Reads a call, as leniently as RPC-003 says.
pub fn read_call(document: &[u8]) -> Result<Call, NotACall> {
    let document = document::vetted(document).ok_or(NotACall::Unreadable)?;
    if !document.has_blank_values
        && let Ok(call) = MethodCall::from_xml(&document.text)
    {
        return Ok(taken(call));
    }
    let text = lenient::rewrite(&document.text);
    MethodCall::from_xml(&text).map(taken).or_else(|_| nameless(&text))
}

/// A second look at what may be refused for its method's name alone. One of blanks is a name like any other.
fn nameless(text: &str) -> Result<Call, NotACall> {
    let (named, blanks) = lenient::named(text).ok_or(NotACall::Unreadable)?;
    let call = MethodCall::from_xml(&named).map_err(|_| NotACall::Unreadable)?;
    if blanks.is_empty() {
        return Err(NotACall::Nameless);
    }
    Ok(Call { method: blanks.to_string(), ..taken(call) })
}

/// A document is no answer to a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAResponse;

/// Reads an answer: what the call gave, or the fault it ended in.
pub fn read_response(document: &[u8]) -> Result<Result<Argument, RemoteFault>, NotAResponse> {
    let text = String::from_utf8_lossy(document);
    if let Ok(response) = MethodResponse::from_xml(&text) {
        return Ok(Ok(argument(response.value)));
    }
    let FaultResponse { fault } = FaultResponse::from_xml(&text).map_err(|_| NotAResponse)?;
    Ok(Err(RemoteFault { code: i64::from(fault.code()), text: fault.string().to_string() }))
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
    use crate::api::calls::{call_of, write_call};
    use crate::api::methods::{Action, Methods, Served};
    use crate::api::{Channel, LogName, LogRead, Request, Target};

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
            ("  ", text("  ")),
            ("\n<int>5</int>\n", Argument::Number(5)),
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
        let documents: [&[u8]; 6] = [
            b"",
            b"abc",
            b"<methodCall>",
            b"<methodCall><methodName>a</methodNam></methodCall>",
            b"<methodCall><methodName>\xe9</methodName></methodCall>",
            b"<methodCall><methodName>a</methodName><params><param><value><int>x</int></value></param></params></methodCall>",
        ];
        for document in documents {
            assert_eq!(read_call(document), Err(NotACall::Unreadable), "{}", document.escape_ascii());
        }
    }

    #[test]
    fn a_call_without_a_name_is_told_from_other_trouble_log_012() {
        for inner in
            ["", "<params/>", "<methodName></methodName>", "<methodName/>", "<params></params><methodName/>"]
        {
            assert_eq!(call(inner), Err(NotACall::Nameless), "{inner}");
        }
        assert_eq!(read_call(b"<a/>"), Err(NotACall::Nameless));
        assert_eq!(
            call("<methodName/><params><param><value><int>x</int></value></param></params>"),
            Err(NotACall::Unreadable)
        );
        let blank = Ok(Call { method: " \n".to_string(), arguments: vec![Argument::Number(5)] });
        assert_eq!(
            call("<methodName> \n</methodName><params><param><value><int>5</int></value></param></params>"),
            blank
        );
    }

    #[test]
    fn deep_nesting_and_entity_bombs_are_refused() {
        let deep = "<value><array><data>".repeat(50_000);
        assert!(call(&format!("<methodName>a</methodName><params><param>{deep}")).is_err());
        let bomb = b"<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]>\
            <methodCall><methodName>&c;</methodName></methodCall>";
        assert!(read_call(bomb).is_err());
    }

    fn any_log_read() -> impl Strategy<Value = Request> {
        let channel = any::<bool>().prop_map(|err| if err { Channel::Stderr } else { Channel::Stdout });
        let process =
            (any::<String>(), channel).prop_map(|(name, channel)| LogName::Process { name, channel });
        let slice = |(offset, length)| LogRead::Slice { offset, length };
        let tail = |(offset, length)| LogRead::Tail { offset, length };
        // A client writes no longer numbers.
        let range = || any::<(i32, i32)>().prop_map(|(offset, length)| (offset.into(), length.into()));
        prop_oneof![
            range().prop_map(move |range| Request::ReadLog { log: LogName::Main, read: slice(range) }),
            (process.clone(), range())
                .prop_map(move |(log, range)| Request::ReadLog { log, read: slice(range) }),
            (process, range()).prop_map(move |(log, range)| Request::ReadLog { log, read: tail(range) }),
        ]
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
            Request::ClearLog,
            Request::ClearProcessLogs { target: Target::All },
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
            any_log_read(),
            name().prop_map(|name| Request::ClearProcessLogs { target: Target::Namespec(name) }),
            name().prop_map(|name| Request::AddGroup { name }),
            name().prop_map(|name| Request::RemoveGroup { name }),
            name().prop_map(|name| Request::CollectionProcessInfo { name }),
        ]
    }

    proptest! {
        #[test]
        fn every_request_survives_its_way_over_the_wire(request in any_request()) {
            let (method, arguments) = call_of(&request);
            let read = read_call(write_call(&format!("supervisor.{method}"), &arguments).as_bytes()).unwrap();
            let row = Methods::new(vec![Served::main("supervisor")]).find(&read.method).unwrap();
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
