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

/// The manual page, for section 1, or 8 where only administrators run the program. A subcommand's forms are told on
/// the same page.
pub fn manual(command: Command, section: &str) -> String {
    let commands = commands(&command);
    let man = clap_mangen::Man::new(command).section(section);
    let mut page = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = man.render_title(&mut page);
    let _ = man.render_name_section(&mut page);
    let _ = man.render_synopsis_section(&mut page);
    let _ = man.render_description_section(&mut page);
    let _ = man.render_options_section(&mut page);
    page.extend_from_slice(commands.as_bytes());
    let _ = man.render_extra_section(&mut page);
    String::from_utf8_lossy(&page).into_owned()
}

/// The section on subcommands, in roff.
fn commands(command: &Command) -> String {
    let mut text = String::new();
    for command in command.get_subcommands() {
        let plain = |text: Option<&clap::builder::StyledStr>| text.map(escaped).unwrap_or_default();
        let (about, forms) = (plain(command.get_about()), plain(command.get_after_help()));
        text.push_str(&format!(".TP\n\\fB{}\\fR\n{about}\n.nf\n{forms}\n.fi\n", command.get_name()));
    }
    if text.is_empty() { text } else { format!(".SH COMMANDS\n{text}") }
}

/// Text in which roff sees nothing to obey.
fn escaped(text: &clap::builder::StyledStr) -> String {
    let text = text.to_string().replace('\\', "\\\\").replace('-', "\\-");
    text.lines().map(|line| format!("\\&{line}")).collect::<Vec<_>>().join("\n")
}
