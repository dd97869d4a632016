//! What a client passed to a method, and how each kind of parameter takes it.

use std::collections::BTreeMap;

use super::{Fault, FaultCode, Target};
use crate::names::repr;

/// One argument as a client sent it, whatever it was typed as.
#[derive(Clone, PartialEq, Debug)]
pub enum Argument {
    Text(String),
    Number(i64),
    Double(f64),
    Flag(bool),
    Nil,
    List(Vec<Argument>),
    Record(BTreeMap<String, Argument>),
}

impl Argument {
    /// As Python's `str` shows it: what becomes of anything that is put into a text.
    pub fn shown(&self) -> String {
        match self {
            Argument::Text(text) => text.clone(),
            Argument::Number(number) => number.to_string(),
            Argument::Double(double) => double_shown(*double),
            Argument::Flag(flag) => if *flag { "True" } else { "False" }.to_string(),
            Argument::Nil => "None".to_string(),
            Argument::List(list) => {
                let items: Vec<String> = list.iter().map(Argument::quoted).collect();
                format!("[{}]", items.join(", "))
            }
            Argument::Record(record) => {
                let member =
                    |(name, item): (&String, &Argument)| format!("{}: {}", repr(name), item.quoted());
                let members: Vec<String> = record.iter().map(member).collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }

    /// As Python's `repr` shows it.
    fn quoted(&self) -> String {
        if let Argument::Text(text) = self { repr(text) } else { self.shown() }
    }
}

/// Python's shortest form, with an exponent from 1e16 on and below 1e-4.
fn double_shown(double: f64) -> String {
    let plain = format!("{double:?}");
    match plain.split_once('e') {
        None if double.is_nan() => "nan".to_string(),
        None => plain,
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
    }
}

/// Python allows single underscores between digits.
fn whole_number(text: &str) -> Option<i64> {
    let digits = text.trim_start_matches(['+', '-']);
    let odd = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    if odd { None } else { text.replace('_', "").parse().ok() }
}

/// Arguments whose number fits their method. A type that does not fit is INCORRECT_PARAMETERS, where the
/// reference breaks off with HTTP 500 (RPC-008).
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a>(pub(super) &'a [Argument]);

impl<'a> Arguments<'a> {
    /// The one at `index`, which the method requires.
    pub fn get(self, index: usize) -> Result<&'a Argument, Fault> {
        self.0.get(index).ok_or_else(|| FaultCode::IncorrectParameters.into())
    }

    /// Text.
    pub fn name(self, index: usize) -> Result<String, Fault> {
        let Argument::Text(text) = self.get(index)? else {
            return Err(FaultCode::IncorrectParameters.into());
        };
        Ok(text.clone())
    }

    /// Text for a process; the fault shows what was sent instead (RPC-054).
    pub fn chars(self, index: usize) -> Result<String, Fault> {
        let sent = self.get(index)?;
        self.name(index).map_err(|_| match sent {
            // Nothing sent is nothing to show.
            Argument::Nil => FaultCode::IncorrectParameters.into(),
            sent => Fault::new(FaultCode::IncorrectParameters, sent.shown()),
        })
    }

    /// A whole number, by the rules of Python's `int()`: text and fractions will do (RPC-021).
    pub fn integer(self, index: usize) -> Result<i64, Fault> {
        let number = match self.get(index)? {
            Argument::Number(number) => Some(*number),
            Argument::Flag(flag) => Some(i64::from(*flag)),
            // Saturates: no log is as long.
            Argument::Double(double) => double.is_finite().then_some(*double as i64),
            Argument::Text(text) => whole_number(text.trim()),
            Argument::Nil | Argument::List(_) | Argument::Record(_) => None,
        };
        number.ok_or_else(|| FaultCode::IncorrectParameters.into())
    }

    /// Text, as a target.
    pub fn namespec(self, index: usize) -> Result<Target, Fault> {
        self.name(index).map(Target::Namespec)
    }

    /// Here the reference looks anything plain up like a name, and answers BAD_NAME with it in Python's words.
    pub fn group(self, index: usize) -> Result<String, Fault> {
        match self.get(index)? {
            Argument::Text(text) => Ok(text.clone()),
            Argument::Number(number) => Ok(number.to_string()),
            Argument::Double(double) => Ok(format!("{double:?}")),
            Argument::Flag(flag) => Ok(if *flag { "True" } else { "False" }.to_string()),
            Argument::Nil => Err(FaultCode::BadName.into()),
            Argument::List(_) | Argument::Record(_) => Err(FaultCode::IncorrectParameters.into()),
        }
    }

    /// A name, a number, or a number as text; whether there is such a signal is the supervisor's to say.
    pub fn signal(self, index: usize) -> Result<String, Fault> {
        match self.get(index)? {
            Argument::Text(text) => Ok(text.clone()),
            Argument::Number(_) | Argument::Double(_) | Argument::Flag(_) => {
                self.integer(index).map(|number| number.to_string())
            }
            Argument::Nil | Argument::List(_) | Argument::Record(_) => {
                Err(FaultCode::IncorrectParameters.into())
            }
        }
    }

    /// Python's idea of truth, since that is what clients in other languages were tried against.
    pub fn flag(self, index: usize) -> bool {
        match self.0.get(index) {
            None => true,
            Some(Argument::Flag(flag)) => *flag,
            Some(Argument::Number(number)) => *number != 0,
            Some(Argument::Double(double)) => *double != 0.0,
            Some(Argument::Text(text)) => !text.is_empty(),
            Some(Argument::Nil) => false,
            Some(Argument::List(list)) => !list.is_empty(),
            Some(Argument::Record(record)) => !record.is_empty(),
        }
    }
}
