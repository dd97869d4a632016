//! The part of the daemon that carries out effects, by itself.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use convoke::config::{self, Config, ProcessConfig};
use convoke::daemon::fcgi::Sockets;
use convoke::daemon::handle::{Change, News};
use convoke::daemon::log::Log;
use convoke::daemon::machine::{ConfigReader, Machine};
use convoke::daemon::notify::Notify;
use convoke::daemon::settings::Settings;
use convoke::supervisor::{Effect, Input, ProcessKey, ProgramText};
use tokio::sync::mpsc;

use crate::common;

/// One that has no configuration to read, and tells `news`.
pub fn machine(inbox: mpsc::Sender<Input>, news: News) -> Machine {
    let mut settings = Settings {
        identifier: String::new(),
        childlogdir: String::new(),
        strip_ansi: false,
        server_url: None,
        environment: Vec::new(),
        open_files: None,
    };
    settings.follow(&common::config(Vec::new(), Vec::new()));
    Machine::new(
        Rc::new(Notify::default()),
        settings,
        Box::new(NoFiles),
        Log::default(),
        Sockets::default(),
        inbox,
        news,
    )
}

/// There is nothing to read.
struct NoFiles;

impl ConfigReader for NoFiles {
    fn config(&self) -> Result<Config, Vec<config::Error>> {
        Err(Vec::new())
    }

    fn program(&self, _: &ProgramText) -> Result<Vec<Arc<ProcessConfig>>, Vec<config::Error>> {
        Err(Vec::new())
    }
}

#[tokio::test(start_paused = true)]
async fn the_deaths_of_a_storm_are_told_so_that_their_memory_goes_back() {
    let news = News::default();
    let (inbox, _arrivals) = mpsc::channel(1);
    let mut machine = machine(inbox, news.clone());
    let told = async || tokio::time::timeout(Duration::ZERO, news.let_go.happened()).await.is_ok();
    machine.bury(ProcessKey(1));
    assert!(!told().await, "one death is nothing to speak of");
    (2..=1_000).for_each(|key| machine.bury(ProcessKey(key)));
    assert!(told().await);
    assert!(!told().await, "it is told once");
}

#[tokio::test]
async fn who_joins_or_leaves_a_group_in_force_is_news_for_who_watches() {
    let news = News::default();
    let (inbox, _arrivals) = mpsc::channel(1);
    let mut machine = machine(inbox, news.clone());
    let mut watcher = news.changes.watch();
    let config = Arc::new(common::process("g", "p"));
    for effect in [Effect::Join(ProcessKey(1), config), Effect::Leave(ProcessKey(1))] {
        machine.perform(effect);
        assert_eq!(watcher.try_recv(), Ok(Change::Everything));
    }
}
