//! What the methods of two popular packages ask for; both are built in.

use std::collections::BTreeMap;

use super::arguments::Argument;

/// A method of `supervisor_twiddler`.
#[derive(Clone, PartialEq, Debug)]
pub enum Twiddle {
    ApiVersion,
    GroupNames,
    /// Processes for a program that is in no file; `options` as the caller typed them.
    AddProgram {
        group: String,
        program: String,
        options: BTreeMap<String, Argument>,
    },
    RemoveProcess {
        group: String,
        process: String,
    },
    /// A line for the main log; the level by name or number, INFO if `None`.
    Log {
        message: String,
        level: Option<Argument>,
    },
}

/// A method of `supervisor_cache`. A key that is no text, or empty, is BAD_NAME.
#[derive(Clone, PartialEq, Debug)]
pub enum CacheCall {
    ApiVersion,
    Keys,
    Count,
    Store { key: Argument, data: Argument },
    Fetch { key: Argument },
    Delete { key: Argument },
    Clear,
}

impl Twiddle {
    /// The method that asks for it, without its namespace, and what it is passed.
    pub fn call(&self) -> (String, Vec<Argument>) {
        let text = |text: &str| Argument::Text(text.to_string());
        let (method, sent) = match self {
            Twiddle::ApiVersion => ("getAPIVersion", Vec::new()),
            Twiddle::GroupNames => ("getGroupNames", Vec::new()),
            Twiddle::AddProgram { group, program, options } => {
                ("addProgramToGroup", vec![text(group), text(program), Argument::Record(options.clone())])
            }
            Twiddle::RemoveProcess { group, process } => {
                ("removeProcessFromGroup", vec![text(group), text(process)])
            }
            Twiddle::Log { message, level } => {
                ("log", std::iter::once(text(message)).chain(level.clone()).collect())
            }
        };
        (method.to_string(), sent)
    }
}

impl CacheCall {
    /// The method that asks for it, without its namespace, and what it is passed.
    pub fn call(&self) -> (String, Vec<Argument>) {
        let (method, sent) = match self {
            CacheCall::ApiVersion => ("getAPIVersion", Vec::new()),
            CacheCall::Keys => ("getKeys", Vec::new()),
            CacheCall::Count => ("getCount", Vec::new()),
            CacheCall::Store { key, data } => ("store", vec![key.clone(), data.clone()]),
            CacheCall::Fetch { key } => ("fetch", vec![key.clone()]),
            CacheCall::Delete { key } => ("delete", vec![key.clone()]),
            CacheCall::Clear => ("clear", Vec::new()),
        };
        (method.to_string(), sent)
    }
}
