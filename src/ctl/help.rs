//! `help`: what there is, in columns, and what each command takes (CTL-047, CTL-048).

use super::commands::{self, Block, COMMANDS, Flow};
use super::failure::Failure;
use super::session::Session;

/// How wide the table of commands may be.
const WIDTH: usize = 79;

/// `help [command]`.
pub fn help(session: &mut Session, topic: &str) -> Result<Flow, Failure> {
    if topic.is_empty() {
        let blocks = [(Block::Stock, "default"), (Block::Ours, "additional")];
        for (block, name) in blocks {
            let mut names: Vec<&str> = COMMANDS
                .iter()
                .filter(|command| command.block == block)
                .map(|command| command.name)
                .collect();
            names.sort_unstable();
            let heading = format!("{name} commands (type help <topic>):");
            let table = columns(&names, WIDTH);
            session.out.line(&format!("\n{heading}\n{}\n{table}", "=".repeat(heading.len())));
        }
        return Ok(Flow::On);
    }
    match commands::find(topic).filter(|command| !command.help.is_empty()) {
        Some(command) => session.out.line(command.help),
        None => session.out.line(&format!("*** No help on {topic}")),
    }
    Ok(Flow::On)
}

/// What a command takes, below a complaint about its arguments.
pub fn after_complaint(session: &mut Session, name: &str) {
    if let Some(command) = commands::find(name).filter(|_| !session.out.is_document()) {
        session.out.line(command.help);
    }
}

/// Names in as few rows as fit, column by column, as Python's `cmd` lays them out. Each row ends its line.
fn columns(names: &[&str], width: usize) -> String {
    let widest = |column: &[&str]| column.iter().map(|name| name.len()).max().unwrap_or(0);
    for rows in 1..=names.len() {
        let mut widths: Vec<usize> = names.chunks(rows).map(widest).collect();
        if rows == names.len() {
            // A single column is not filled up.
            widths = vec![0];
        }
        let total: usize = widths.iter().map(|width| width + 2).sum::<usize>() - 2;
        if total > width && rows < names.len() {
            continue;
        }
        let row = |row: usize| {
            let cells: Vec<String> = names
                .chunks(rows)
                .zip(&widths)
                .filter_map(|(column, width)| column.get(row).map(|name| format!("{name:<width$}")))
                .collect();
            format!("{}\n", cells.join("  "))
        };
        return (0..rows).map(row).collect();
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_as_few_rows_as_fit() {
        assert_eq!(columns(&["a", "bb", "ccc"], 10), "a  bb  ccc\n");
        assert_eq!(columns(&["a", "bb", "ccc"], 9), "a   ccc\nbb\n");
        assert_eq!(columns(&["aaaa", "b"], 3), "aaaa\nb\n");
        assert_eq!(columns(&[], 3), "");
    }
}
