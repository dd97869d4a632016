//! Every command, one row each. Dispatch, `help`, completion, and the pages for shells and `man` read this table.

use super::failure::Failure;
use super::session::Session;
use super::{act, collections, foreground, groups, help, plugins, show, status, tail};

/// Whether the shell goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    On,
    Quit,
}

/// Where `help` lists a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Block {
    Stock,
    Ours,
    Unlisted,
}

/// What may follow a command's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Completion {
    Nothing,
    Commands,
    Groups,
    /// Processes, groups as `group:*`, and collections as `@name`.
    Processes,
    /// What the `collection` command takes.
    Collections,
}

/// One row of [`COMMANDS`].
#[derive(Debug)]
pub struct Command {
    pub name: &'static str,
    pub block: Block,
    pub completion: Completion,
    /// Whether it can answer in JSON.
    pub json: bool,
    /// What it does, in a few words.
    pub about: &'static str,
    /// Its forms, a line each, what each does after tabs. Empty for a command that is not spoken of.
    pub help: &'static str,
    pub run: fn(&mut Session, &str) -> Result<Flow, Failure>,
}

impl Command {
    /// Whether it ends the shell and does nothing else.
    pub fn leaves(&self) -> bool {
        matches!(self.name, "EOF" | "exit" | "quit")
    }
}

/// The command of this name; case counts.
pub fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// The commands as clap describes them.
pub fn described(program: clap::Command) -> clap::Command {
    let listed = COMMANDS.iter().filter(|command| command.block != Block::Unlisted);
    let form = |line: &str| line.split('\t').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("    ");
    listed.fold(program, |program, command| {
        let forms: Vec<String> = command.help.lines().map(form).collect();
        program.subcommand(
            clap::Command::new(command.name)
                .about(command.about)
                .disable_help_flag(true)
                .after_help(forms.join("\n")),
        )
    })
}

const fn stock(
    name: &'static str,
    completion: Completion,
    about: &'static str,
    help: &'static str,
    run: fn(&mut Session, &str) -> Result<Flow, Failure>,
) -> Command {
    Command { name, block: Block::Stock, completion, json: true, about, help, run }
}

const fn plain(command: Command) -> Command {
    Command { json: false, ..command }
}

const fn ours(command: Command) -> Command {
    Command { block: Block::Ours, ..command }
}

use Completion::{Collections, Commands, Groups, Nothing, Processes};

/// All commands, by name.
pub const COMMANDS: &[Command] = &[
    plain(Command { block: Block::Unlisted, ..stock("EOF", Nothing, "leave the shell", "", show::quit) }),
    stock(
        "add",
        Groups,
        "bring new groups up",
        "add <group> [...]\tBring groups up that the file has and reread has seen",
        groups::add,
    ),
    stock(
        "avail",
        Nothing,
        "list what is configured",
        "avail\t\t\tList every process that the file has",
        show::avail,
    ),
    stock(
        "clear",
        Processes,
        "empty log files",
        "clear <name>\t\tEmpty a process's log files\n\
         clear <name> <name>\tThe same for several\n\
         clear all\t\tThe same for every process",
        act::clear,
    ),
    ours(stock(
        "collection",
        Collections,
        "look after collections",
        "collection status\t\t\tList the collections\n\
         collection status <name> [...]\t\tShow the processes of collections\n\
         collection start <name> [...]\t\tStart every process of collections\n\
         collection stop <name> [...]\t\tStop them\n\
         collection restart <name> [...]\t\tStop them, then start them\n\
         collection signal <signal> <name> [...]\tSend them a signal",
        collections::collection,
    )),
    plain(stock("exit", Nothing, "leave the shell", "exit\tLeave the shell.", show::quit)),
    plain(stock(
        "fg",
        Processes,
        "talk to a process",
        "fg <process>\tShow what a process writes, and send it what is typed\n\t\tCtrl-C to leave it again",
        foreground::fg,
    )),
    plain(Command {
        block: Block::Unlisted,
        ..stock(
            "help",
            Commands,
            "tell about commands",
            "help\t\tList the commands\nhelp <command>\tTell what a command takes",
            help::help,
        )
    }),
    plain(stock(
        "maintail",
        Nothing,
        "show the daemon's log",
        "maintail\t\tThe last 1600 *bytes* of the daemon's log\n\
         maintail -100\t\tThe last 100 *bytes*\n\
         maintail -n 20\t\tThe last 20 lines\n\
         maintail -f\t\tWhat is being written (Ctrl-C to leave)",
        tail::maintail,
    )),
    ours(stock(
        "mrestart",
        Processes,
        "restart by pattern",
        "mrestart <pattern> [...]\tRestart every process whose name fits, such as \"a*\"",
        plugins::mrestart,
    )),
    ours(stock(
        "mstart",
        Processes,
        "start by pattern",
        "mstart <pattern> [...]\tStart every process whose name fits, such as \"a*\"",
        plugins::mstart,
    )),
    ours(stock(
        "mstop",
        Processes,
        "stop by pattern",
        "mstop <pattern> [...]\tStop every process whose name fits, such as \"a*\"",
        plugins::mstop,
    )),
    plain(stock(
        "open",
        Nothing,
        "turn to another server",
        "open <url>\tTurn to the server at http://HOST:PORT\n\t\tor at unix:///PATH/OF/SOCKET",
        show::open,
    )),
    stock(
        "pid",
        Processes,
        "tell process ids",
        "pid\t\t\tThe daemon's process id\n\
         pid <name>\t\tA process's; 0 when it does not run\n\
         pid all\t\t\tEvery process's, a line each",
        show::pid,
    ),
    plain(stock("quit", Nothing, "leave the shell", "quit\tLeave the shell.", show::quit)),
    stock(
        "reload",
        Nothing,
        "restart the daemon",
        "reload \t\tRestart supervisord and all it runs",
        groups::reload,
    ),
    stock(
        "remove",
        Groups,
        "let go of groups",
        "remove <group> [...]\tLet go of groups whose processes are stopped",
        groups::remove,
    ),
    stock(
        "reread",
        Nothing,
        "read the configuration",
        "reread \t\t\tRead the configuration and tell what differs; nothing is started or stopped",
        groups::reread,
    ),
    stock(
        "restart",
        Processes,
        "stop, then start",
        "restart <name>\t\tRestart a process\n\
         restart <group>:*\tRestart all processes of a group\n\
         restart <name> <name>\tRestart several, one after another\n\
         restart all\t\tRestart everything\n\
         Note:\t\t\tthe configuration is not read again; see reread and update",
        act::restart,
    ),
    ours(stock(
        "serialrestart",
        Processes,
        "restart one after another",
        "serialrestart <name>\t\tRestart a process\n\
         serialrestart <group>:*\t\tRestart the processes of a group, each before the next\n\
         serialrestart <pattern>\t\tThe same for every process whose name fits, such as \"a*\"\n\
         serialrestart @<collection>\tThe same for the processes of a collection\n\
         serialrestart all\t\tThe same for every process",
        plugins::serialrestart,
    )),
    stock(
        "shutdown",
        Nothing,
        "end the daemon",
        "shutdown \tEnd supervisord and all it runs",
        groups::shutdown,
    ),
    stock(
        "signal",
        Processes,
        "send signals",
        "signal <signal> <name>\t\tSend a process a signal\n\
         signal <signal> <group>:*\tSend one to all processes of a group\n\
         signal <signal> <name> <name>\tSend one to several\n\
         signal <signal> all\t\tSend one to every process",
        act::signal,
    ),
    stock(
        "start",
        Processes,
        "start processes",
        "start <name>\t\tStart a process\n\
         start <group>:*\t\tStart all processes of a group\n\
         start <name> <name>\tStart several, one after another\n\
         start all\t\tStart everything",
        act::start,
    ),
    stock(
        "status",
        Processes,
        "show states",
        "status\t\t\tShow every process\n\
         status <name>\t\tShow one\n\
         status <group>:*\tShow a group\n\
         status <name> <name>\tShow several\n\
         status --wait <state> [--timeout <seconds>] [<name> ...]\n\
         \t\t\tShow them once all are in that state",
        status::status,
    ),
    stock(
        "stop",
        Processes,
        "stop processes",
        "stop <name>\t\tStop a process\n\
         stop <group>:*\t\tStop all processes of a group\n\
         stop <name> <name>\tStop several, one after another\n\
         stop all\t\tStop everything",
        act::stop,
    ),
    plain(stock(
        "tail",
        Processes,
        "show logs",
        "tail <name> [stdout|stderr]\tThe last 1600 *bytes* of a process's log\n\
         tail -100 <name> [stderr]\tThe last 100 *bytes*\n\
         tail -n 20 <name> [stderr]\tThe last 20 lines\n\
         tail -f <name> [stderr]\t\tWhat is being written (Ctrl-C to leave)",
        tail::tail,
    )),
    stock(
        "update",
        Groups,
        "bring what differs up",
        "update\t\t\tRead the configuration; stop, remove, add and restart what differs\n\
         update all\t\tThe same\n\
         update <group> [...]\tThe same for these groups only",
        groups::update,
    ),
    stock(
        "version",
        Nothing,
        "tell the daemon's version",
        "version\t\t\tThe daemon's version",
        show::version,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stock_commands_are_those_of_ctl_001() {
        let stock: Vec<&str> = COMMANDS
            .iter()
            .filter(|command| command.block == Block::Stock)
            .map(|command| command.name)
            .collect();
        let expected = "add avail clear exit fg maintail open pid quit reload remove reread restart shutdown signal \
                        start status stop tail update version";
        assert_eq!(stock.join(" "), expected);
        assert!(COMMANDS.is_sorted_by_key(|command| command.name), "sorted as help lists them");
    }
}
