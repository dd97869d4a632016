//! What the tab key offers (CTL-051).

use super::client::Client;
use super::collections::VERBS;
use super::commands::{self, Block, COMMANDS, Completion};
use crate::api::received::Described;
use crate::api::{CollectionInfo, Request};

/// What the daemon has, asked for once between two commands.
#[derive(Debug, Default)]
pub struct Known {
    processes: Option<Vec<Described>>,
    collections: Option<Vec<CollectionInfo>>,
}

impl Known {
    /// What may stand at the end of `line`: where the last word begins, and all it can become.
    pub fn offers(&mut self, client: &mut Client, line: &str) -> (usize, Vec<String>) {
        let start = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let word = &line[start..];
        let mut before = line[..start].split_whitespace();
        let Some(command) = before.next() else { return (start, fitting(commands(), word)) };
        let all = match commands::find(command).map_or(Completion::Nothing, |command| command.completion) {
            Completion::Nothing => Vec::new(),
            Completion::Commands => commands(),
            Completion::Groups => self.groups(client),
            Completion::Processes => {
                let collections = self.collections(client).into_iter().map(|name| format!("@{name}"));
                let processes = self.processes(client, word).into_iter();
                processes.chain(collections.collect::<Vec<_>>()).collect()
            }
            Completion::Collections if before.next().is_none() => VERBS.map(str::to_string).to_vec(),
            Completion::Collections => self.collections(client),
        };
        (start, fitting(all, word))
    }

    fn list(&mut self, client: &mut Client) -> &[Described] {
        // A daemon that does not answer has nothing to offer.
        self.processes
            .get_or_insert_with(|| client.processes(&Request::AllProcessInfo).unwrap_or_default())
            .as_slice()
    }

    fn groups(&mut self, client: &mut Client) -> Vec<String> {
        self.list(client).iter().map(|process| process.info.group.to_string()).collect()
    }

    /// Short names, unless the word already has a colon.
    fn processes(&mut self, client: &mut Client, word: &str) -> Vec<String> {
        let mut names = Vec::new();
        for process in self.list(client) {
            let (group, name) = (process.info.group.as_str(), process.info.name.as_str());
            if word.contains(':') || group != name {
                names.push(format!("{group}:{name}"));
                names.push(format!("{group}:*"));
            } else {
                names.push(name.to_string());
            }
        }
        names
    }

    fn collections(&mut self, client: &mut Client) -> Vec<String> {
        let known = self.collections.get_or_insert_with(|| client.collections().unwrap_or_default());
        known.iter().map(|collection| collection.name.to_string()).collect()
    }
}

fn commands() -> Vec<String> {
    let named = COMMANDS.iter().filter(|command| command.block != Block::Unlisted);
    std::iter::once("help").chain(named.map(|command| command.name)).map(str::to_string).collect()
}

/// Those that begin with the word, each once and with a blank after it.
fn fitting(all: Vec<String>, word: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in all.into_iter().filter(|name| name.starts_with(word)) {
        let name = format!("{name} ");
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ProcessInfo;
    use crate::ctl::http::Credentials;

    /// What is offered at the end of a line by a daemon with `web` and `site:worker`.
    fn offered(line: &str) -> (usize, Vec<String>) {
        let process = |group, name| Described {
            info: ProcessInfo::of_stopped(group, name),
            description: String::new(),
        };
        let processes = vec![process("site", "worker"), process("web", "web")];
        let mut known = Known { processes: Some(processes), collections: Some(Vec::new()) };
        // All is known already: nobody is asked.
        let mut client = Client::new("http://localhost:0".to_string(), Credentials::default());
        known.offers(&mut client, line)
    }

    #[test]
    fn names_are_short_unless_the_word_has_a_colon() {
        assert_eq!(offered("start w"), (6, vec!["web ".to_string()]));
        assert_eq!(offered("start web:").1, ["web:web ", "web:* "]);
        assert_eq!(offered("start si").1, ["site:worker ", "site:* "]);
        assert_eq!(offered("add s").1, ["site "]);
        assert_eq!(offered("sta").1, ["start ", "status "]);
        assert!(offered("version ").1.is_empty());
    }
}
