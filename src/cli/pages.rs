//! Completions for shells and pages for `man`, written by the programs themselves from what clap knows of them.

use clap::Command;
use clap_complete::Shell;

/// The shells there are completions for.
const SHELLS: [(&str, Shell); 3] = [("bash", Shell::Bash), ("zsh", Shell::Zsh), ("fish", Shell::Fish)];

/// The script for one shell; the error says which there are.
pub fn completions(shell: &str, mut command: Command) -> Result<String, String> {
    let known = SHELLS.iter().find(|(name, _)| *name == shell);
    let (_, shell) =
        known.ok_or_else(|| format!("there are completions for bash, zsh and fish, not for {shell}"))?;
    let name = command.get_name().to_string();
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut command, name, &mut script);
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// The manual page, for section 1, or 8 where only administrators run the program.
pub fn manual(command: Command, section: &str) -> String {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.disable_help_subcommand(true)).section(section);
    // Writing to a Vec cannot fail.
    let _ = man.render(&mut page);
    String::from_utf8_lossy(&page).into_owned()
}
