//! The table of the machine, and the rules its cells cannot show.

use super::*;
use crate::supervisor::event::CommandError;
use crate::supervisor::testing::{at, process_config};

/// A process brought to each state by inputs alone, at second 100.
fn in_every_state() -> Vec<(&'static str, Process)> {
    let pid = Pid(7);
    let paths: [(ProcessState, Vec<(i64, Input)>); 9] = [
        (ProcessState::Stopped, vec![]),
        (ProcessState::Starting, vec![(100, Input::Start)]),
        (ProcessState::Starting, vec![(100, Input::Start), (100, Input::Spawned(pid))]),
        (ProcessState::Running, vec![(90, Input::Start), (90, Input::Spawned(pid)), (100, Input::Wake)]),
        (
            ProcessState::Backoff,
            vec![(100, Input::Start), (100, Input::SpawnFailed(SpawnError::Fork(Errno::EAGAIN)))],
        ),
        (
            ProcessState::Stopping,
            vec![(90, Input::Start), (90, Input::Spawned(pid)), (99, Input::Wake), (100, Input::Stop)],
        ),
        (
            ProcessState::Exited,
            vec![
                (90, Input::Start),
                (90, Input::Spawned(pid)),
                (99, Input::Wake),
                (100, Input::Exited(ExitStatus::Exited(0))),
            ],
        ),
        (
            ProcessState::Fatal,
            vec![
                (100, Input::Start),
                (100, Input::SpawnFailed(SpawnError::Fork(Errno::EAGAIN))),
                (100, Input::GiveUp),
            ],
        ),
        (
            ProcessState::Unknown,
            vec![
                (90, Input::Start),
                (90, Input::Spawned(pid)),
                (99, Input::Wake),
                (100, Input::Stop),
                (100, Input::KillFailed(Errno(1))),
            ],
        ),
    ];
    paths
        .into_iter()
        .map(|(state, inputs)| {
            let mut config = process_config("g", "p");
            config.autostart = false;
            let mut process = Process::new(Arc::new(config), at(90));
            for (when, input) in inputs {
                process.step(at(when), input, &mut Vec::new());
            }
            assert_eq!(process.state(), state);
            let unborn = state == ProcessState::Starting && process.pid().is_none();
            (if unborn { "STARTING, no pid yet" } else { state.name() }, process)
        })
        .collect()
}

/// What one input does to a process, as a cell of the table.
fn cell(process: &Process, when: i64, input: Input) -> String {
    let mut process = process.clone();
    let mut out = Vec::new();
    let before = process.state();
    process.step(at(when), input, &mut out);
    let mut words: Vec<String> = Vec::new();
    for effect in &out {
        match effect {
            Effect::Spawn => words.push("spawn".to_string()),
            Effect::Kill { signal, .. } => words.push(format!("send {}", signal.name())),
            Effect::Note(Note::Event(Event::ProcessState { to, .. })) => {
                let name =
                    Event::ProcessState { process: "p".into(), group: "g".into(), from: before, to: *to };
                words.push(format!("→ {}", name.name().trim_start_matches("PROCESS_STATE_")));
            }
            Effect::Note(_) => (),
        }
    }
    words.join(", ")
}

/// Every state against every input, for a program with the stock settings and a clean exit.
fn table() -> String {
    let heads = ["Start", "Stop", "Wake, when due", "Exited", "SpawnFailed", "KillFailed", "GiveUp"];
    let mut table = format!("| state | {} |\n|---|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
    for (label, process) in in_every_state() {
        let due = process.deadline().map_or(200, |at| (at.0 / 1_000_000_000) as i64 + 1);
        let cells = [
            cell(&process, 100, Input::Start),
            cell(&process, 100, Input::Stop),
            cell(&process, due, Input::Wake),
            cell(&process, 100, Input::Exited(ExitStatus::Exited(0))),
            cell(&process, 100, Input::SpawnFailed(SpawnError::Command(CommandError::Empty))),
            cell(&process, 100, Input::KillFailed(Errno(1))),
            cell(&process, 100, Input::GiveUp),
        ];
        table.push_str(&format!("| {label} | {} |\n", cells.join(" | ")));
    }
    table
}

#[test]
fn the_table_in_the_docs_is_what_the_code_does() {
    let docs = include_str!("../../../docs/architecture.md");
    assert!(docs.contains(&table()), "docs/architecture.md should hold this table:\n{}", table());
}

fn run(config: ProcessConfig, inputs: &[(i64, Input)]) -> (Process, Vec<Effect>) {
    let mut process = Process::new(Arc::new(config), at(0));
    let mut out = Vec::new();
    for (when, input) in inputs {
        out.clear();
        process.step(at(*when), input.clone(), &mut out);
    }
    (process, out)
}

#[test]
fn running_takes_more_than_startsecs_not_as_much_proc_006() {
    let (mut process, _) = run(process_config("g", "p"), &[(0, Input::Start), (0, Input::Spawned(Pid(7)))]);
    process.step(at(1), Input::Wake, &mut Vec::new());
    assert_eq!(process.state(), ProcessState::Starting);
    let later = Now { at: at(1).at.just_after(), unix: at(1).unix, nanos: 0 };
    process.step(later, Input::Wake, &mut Vec::new());
    assert_eq!(process.state(), ProcessState::Running);
}

#[test]
fn a_process_is_as_old_as_its_child_not_as_the_plan_to_start_it() {
    let (process, _) = run(process_config("g", "p"), &[(0, Input::Start), (5, Input::Spawned(Pid(7)))]);
    assert_eq!(process.deadline(), Some(at(6).at.just_after()));
}

#[test]
fn an_early_exit_is_a_failed_start_even_with_code_0_proc_007() {
    let mut config = process_config("g", "p");
    config.startsecs = 2;
    let inputs = [(0, Input::Start), (0, Input::Spawned(Pid(7))), (1, Input::Exited(ExitStatus::Exited(0)))];
    let (process, _) = run(config, &inputs);
    assert_eq!(process.state(), ProcessState::Backoff);
    assert_eq!(process.spawnerr().map(|text| &**text), Some(EXITED_TOO_QUICKLY));
}

#[test]
fn why_a_child_never_began_is_told_once() {
    let why = Input::NeverBegan(Arc::from("couldn't chdir to /x: ENOENT"));
    let dead = Input::Exited(ExitStatus::Exited(127));
    let failed = [(0, Input::Start), (0, Input::Spawned(Pid(7))), (0, why), (0, dead.clone())];
    let (mut process, _) = run(process_config("g", "p"), &failed);
    let told = format!("{EXITED_TOO_QUICKLY}: couldn't chdir to /x: ENOENT");
    assert_eq!(process.spawnerr().map(|text| &**text), Some(told.as_str()));
    // The next child began, and said why it ended itself if at all.
    for input in [Input::Wake, Input::Spawned(Pid(8)), dead] {
        process.step(at(2), input, &mut Vec::new());
    }
    assert_eq!(process.spawnerr().map(|text| &**text), Some(EXITED_TOO_QUICKLY));
}

#[test]
fn startsecs_0_passes_through_running_on_its_way_to_exited_q_13() {
    let mut config = process_config("g", "p");
    config.startsecs = 0;
    let inputs = [(0, Input::Start), (0, Input::Spawned(Pid(7))), (0, Input::Exited(ExitStatus::Exited(0)))];
    let (process, out) = run(config, &inputs);
    assert_eq!(process.state(), ProcessState::Exited);
    let names: Vec<&str> = out
        .iter()
        .filter_map(|effect| match effect {
            Effect::Note(Note::Event(event)) => Some(event.name()),
            Effect::Spawn | Effect::Kill { .. } | Effect::Note(_) => None,
        })
        .collect();
    assert_eq!(names, ["PROCESS_STATE_RUNNING", "PROCESS_STATE_EXITED"]);
}

#[test]
fn startretries_plus_one_attempts_then_fatal_proc_008() {
    let fail = || Input::SpawnFailed(SpawnError::Fork(Errno::EAGAIN));
    let mut config = process_config("g", "p");
    config.startretries = 1;
    let (process, _) = run(config.clone(), &[(0, Input::Start), (0, fail())]);
    assert_eq!(process.state(), ProcessState::Backoff);
    assert_eq!(process.deadline(), Some(at(1).at.just_after()));
    let (process, _) = run(config, &[(0, Input::Start), (0, fail()), (2, Input::Wake), (2, fail())]);
    assert_eq!(process.state(), ProcessState::Fatal);
}

#[test]
fn an_automatic_restart_waits_for_the_floor() {
    let mut config = process_config("g", "p");
    config.startsecs = 0;
    config.autorestart = AutoRestart::Always;
    let inputs = [(5, Input::Start), (5, Input::Spawned(Pid(7))), (5, Input::Exited(ExitStatus::Exited(0)))];
    let (process, _) = run(config.clone(), &inputs);
    assert_eq!(process.deadline(), Some(at(6).at));
    let inputs = [(5, Input::Start), (5, Input::Spawned(Pid(7))), (9, Input::Exited(ExitStatus::Exited(0)))];
    assert_eq!(run(config, &inputs).0.deadline(), Some(at(9).at));
}

#[test]
fn a_stop_calls_off_the_restart_that_is_due() {
    let mut config = process_config("g", "p");
    config.autorestart = AutoRestart::Always;
    let inputs = [
        (5, Input::Start),
        (5, Input::Spawned(Pid(7))),
        (9, Input::Exited(ExitStatus::Exited(1))),
        (9, Input::Stop),
    ];
    let (process, _) = run(config, &inputs);
    assert_eq!((process.state(), process.deadline()), (ProcessState::Exited, None));
}

#[test]
fn sigkill_comes_at_stopwaitsecs_and_again_each_stopwaitsecs_proc_025() {
    let mut config = process_config("g", "p");
    config.stopwaitsecs = 3;
    config.killasgroup = true;
    let inputs = [
        (0, Input::Start),
        (0, Input::Spawned(Pid(7))),
        (9, Input::Wake),
        (10, Input::Stop),
        (13, Input::Wake),
    ];
    let (process, out) = run(config, &inputs);
    assert!(out.contains(&Effect::Kill { signal: Signal::KILL, whole_group: true }));
    assert_eq!(process.deadline(), Some(at(16).at));
}

#[test]
fn stop_in_backoff_starts_counting_anew_bug_020() {
    let fail = || Input::SpawnFailed(SpawnError::Fork(Errno::EAGAIN));
    let inputs = [(0, Input::Start), (0, fail()), (0, Input::Stop), (1, Input::Start)];
    let (_, out) = run(process_config("g", "p"), &inputs);
    let payload = "processname:p groupname:g from_state:STOPPED tries:0";
    assert!(matches!(&out[0], Effect::Note(Note::Event(event)) if event.payload() == payload), "{out:?}");
}

#[test]
fn a_held_process_starts_nothing_any_more_proc_015() {
    let mut config = process_config("g", "p");
    config.autorestart = AutoRestart::Always;
    let inputs = [
        (0, Input::Start),
        (0, Input::Spawned(Pid(7))),
        (0, Input::Hold),
        (9, Input::Exited(ExitStatus::Exited(1))),
    ];
    assert_eq!(run(config, &inputs).0.deadline(), None);
    let (process, _) = run(process_config("g", "p"), &[(0, Input::Hold)]);
    assert!(!process.would_start());
}

#[test]
fn how_it_ended_last_is_remembered_through_the_next_start() {
    let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
    let mut inputs = vec![
        (90, Input::Start),
        (90, Input::Spawned(Pid(7))),
        (99, Input::Wake),
        (100, Input::Exited(killed)),
        (101, Input::Start),
        (101, Input::Spawned(Pid(8))),
    ];
    let (process, _) = run(process_config("g", "p"), &inputs);
    let info = process.info(at(101));
    assert_eq!((info.exitstatus, info.last_exit, info.stop), (0, Some(killed), at(100).unix.0));
    inputs.push((101, Input::Exited(ExitStatus::Exited(2))));
    let (process, _) = run(process_config("g", "p"), &inputs);
    assert_eq!(process.info(at(101)).last_exit, Some(ExitStatus::Exited(2)), "too quick an exit is one, too");
}
