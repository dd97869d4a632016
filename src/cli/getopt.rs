//! Command lines in the way of classic getopt (CLI-002), with its sentences (CLI-009).
//!
//! clap knows the grammar; what follows from it is here, so that the sentences people know stay what they are.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches};

/// Name, short forms, long form, what its value is called if it takes one, help.
pub type Row<N> = (N, &'static [&'static str], &'static str, Option<&'static str>, &'static str);

/// The options of one program.
#[derive(Clone, Copy, Debug)]
pub struct Grammar<N: 'static> {
    pub rows: &'static [Row<N>],
    /// Abbreviations that an option of our own would make ambiguous, and the long form they have always meant.
    pub kept: &'static [(&'static str, &'static [&'static str])],
}

/// What a command line holds.
#[derive(Debug)]
pub struct Given<N> {
    /// Each option in the order it was given: the form it was written in, and its value if it takes one.
    pub options: Vec<(N, &'static str, String)>,
    /// All from the first word on that is no option.
    pub words: Vec<String>,
}

/// Where words that are no options end up.
const POSITIONAL: &str = "positional";

impl<N: Copy> Grammar<N> {
    /// Takes the words after the program's name apart; the error is the reference's sentence.
    pub fn read(&self, words: &[String]) -> Result<Given<N>, String> {
        let matches = self.clap().try_get_matches_from(words).map_err(|error| self.refusal(&error))?;
        let positional = matches.get_many::<String>(POSITIONAL).into_iter().flatten().cloned();
        Ok(Given { options: self.in_order(&matches), words: positional.collect() })
    }

    /// The options, a line each, for a usage text.
    pub fn usage(&self) -> String {
        let mut text = String::new();
        for (_, short, long, takes, help) in self.rows {
            let forms: Vec<&str> = short.iter().copied().chain([*long]).collect();
            let forms = format!("{} {}", forms.join(", "), takes.unwrap_or_default());
            text.push_str(&format!("\n  {forms:<32} {help}"));
        }
        text
    }

    /// The options as clap describes them: each one argument, with all its forms.
    pub fn described(&self, command: clap::Command) -> clap::Command {
        self.rows.iter().fold(command, |command, (_, short, long, takes, help)| {
            let letters: Vec<char> = short.iter().filter_map(|form| form.chars().nth(1)).collect();
            // Shells and manuals have no use for the question mark.
            let letters = letters.into_iter().filter(char::is_ascii_alphabetic);
            let argument = Arg::new(*long).long(long.trim_start_matches('-')).help(*help);
            let argument = letters.fold(argument, |argument, letter| argument.short(letter));
            command.arg(match takes {
                Some(value) => argument.value_name(*value).num_args(1),
                None => argument.action(ArgAction::SetTrue),
            })
        })
    }

    /// The short and the long form are two arguments to clap, since messages name the one that was used.
    fn clap(&self) -> clap::Command {
        let mut grammar = clap::Command::new("")
            .no_binary_name(true)
            .disable_help_flag(true)
            .disable_version_flag(true)
            .infer_long_args(true)
            .arg(Arg::new(POSITIONAL).num_args(0..).trailing_var_arg(true));
        for (_, short, long, takes, _) in self.rows {
            let argument = |form: &'static str| match takes {
                Some(_) => Arg::new(form).action(ArgAction::Append).num_args(1).allow_hyphen_values(true),
                None => Arg::new(form).action(ArgAction::Append).num_args(0).default_missing_value(""),
            };
            let kept =
                self.kept.iter().filter(|(of, _)| of == long).flat_map(|(_, kept)| kept.iter().copied());
            grammar = grammar.arg(argument(long).long(long.trim_start_matches('-')).aliases(kept));
            for form in *short {
                let letters = form.chars().skip(1);
                grammar = letters.fold(grammar, |grammar, letter| grammar.arg(argument(form).short(letter)));
            }
        }
        grammar
    }

    fn in_order(&self, matches: &ArgMatches) -> Vec<(N, &'static str, String)> {
        let mut given = Vec::new();
        for (name, short, long, _, _) in self.rows {
            for form in short.iter().copied().chain([*long]) {
                let indices = matches.indices_of(form).into_iter().flatten();
                let values = matches.get_many::<String>(form).into_iter().flatten();
                given.extend(indices.zip(values).map(|(at, value)| (at, (*name, form, value.clone()))));
            }
        }
        given.sort_by_key(|(at, _)| *at);
        given.into_iter().map(|(_, given)| given).collect()
    }

    fn refusal(&self, error: &clap::Error) -> String {
        let word = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(word)) => word.split_whitespace().next().unwrap_or_default(),
            _ => "",
        };
        let name = word.split('=').next().unwrap_or_default();
        let meant = self.rows.iter().filter(|(_, _, long, _, _)| name.len() > 1 && long.starts_with(name));
        match error.kind() {
            ErrorKind::UnknownArgument if meant.count() > 1 => format!("option {name} not a unique prefix"),
            ErrorKind::UnknownArgument => format!("option {name} not recognized"),
            ErrorKind::InvalidValue => format!("option {name} requires argument"),
            ErrorKind::TooManyValues => format!("option {name} must not have an argument"),
            _ => error.to_string().lines().next().unwrap_or_default().to_string(),
        }
    }
}
