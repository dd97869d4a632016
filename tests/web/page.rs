//! The page at `/ui/`, in a browser.

use std::net::TcpStream;

use crate::browser::{is_there, play, serve};
use crate::world::ports::free_port;
use crate::world::procfs::until;
use crate::world::tools::tool;
use crate::world::{World, nginx};

/// A group of three and one on its own, in two collections; `web` has logs in places that are known.
const SHOP: &str = "\
[program:web]
command=cat
startsecs=0
stdout_logfile={dir}/web.log
stderr_logfile={dir}/web.err
[program:worker]
command=cat
startsecs=0
process_name=%(program_name)s_%(process_num)d
numprocs=2
[program:cache]
command=cat
startsecs=0
[group:site]
programs=web,worker
[collection:front]
programs=web,cache
[collection:back]
programs=worker
";

/// Plays a scenario with the programs of [`SHOP`].
fn in_the_shop(scenario: &str) {
    if !is_there() {
        return;
    }
    let (world, port) = serve(SHOP);
    ["site:web", "site:worker_0", "site:worker_1", "cache"]
        .iter()
        .for_each(|name| world.await_state(name, "RUNNING"));
    play(scenario, &world, port);
}

#[test]
fn every_action_with_and_without_a_collection() {
    in_the_shop("live_actions");
}

#[test]
fn every_action_with_and_without_a_collection_and_without_javascript() {
    in_the_shop("plain_actions");
}

#[test]
fn every_action_of_the_classic_page_with_and_without_a_collection() {
    in_the_shop("classic_actions");
}

#[test]
fn filter_sorting_grouping_and_collections_are_kept() {
    in_the_shop("views");
}

#[test]
fn a_crash_is_seen_within_a_second() {
    in_the_shop("crash_is_seen");
}

#[test]
fn without_events_the_page_is_refreshed() {
    in_the_shop("without_events");
}

#[test]
fn logs_are_followed_paused_and_searched() {
    in_the_shop("logs");
}

#[test]
fn long_names_leave_room_for_the_rest() {
    if !is_there() {
        return;
    }
    let name = "a-name-that-goes-on-".repeat(5);
    let (world, port) = serve(&format!("[program:{name}]\ncommand=cat\nstartsecs=0\nprocess_name={name}x\n"));
    world.await_state(&format!("{name}:{name}x"), "RUNNING");
    play("long_names", &world, port);
}

#[test]
fn light_dark_and_narrow_pages_have_no_serious_barrier() {
    in_the_shop("looks");
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    in_the_shop("foreign_pages_are_refused");
}

#[test]
fn of_a_thousand_rows_only_the_changed_one_is_touched() {
    if !is_there() {
        return;
    }
    let many = "[program:web]\ncommand=cat\nstartsecs=0\nautorestart=false\n[program:many]\ncommand=cat\n\
                process_name=%(process_num)04d\nnumprocs=1000\nautostart=false\n";
    let (world, port) = serve(many);
    world.await_state("web", "RUNNING");
    play("thousand_rows", &world, port);
}

#[test]
fn a_name_made_of_html_stays_text() {
    if !is_there() {
        return;
    }
    let odd = "[program:<u>x&lt;']\ncommand=sh -c 'echo \"<s>said</s>\"; exec cat'\nstartsecs=0\n[program:bad]\n\
               command=/no/<s>\nstartretries=0\n[group:<i>g]\nprograms=<u>x&lt;',bad\n[collection:<i>c]\n\
               groups=<i>g\n";
    let (mut world, port) = (World::ours(), free_port());
    world.configure(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n{odd}"));
    let conf = world.read("supervisord.conf").replace("[supervisord]\n", "[supervisord]\nidentifier=<em>\n");
    world.write("supervisord.conf", &conf);
    world.boot();
    world.await_state("<i>g:<u>x&lt;'", "RUNNING");
    world.await_state("<i>g:bad", "FATAL");
    play("names_stay_text", &world, port);
}

#[test]
fn a_proxy_at_any_path_and_a_password_change_nothing() {
    let Some(nginx) = tool("nginx") else { return };
    if !is_there() {
        return;
    }
    let (mut world, port, proxy) = (World::ours(), free_port(), free_port());
    let locations = format!(
        "location /deep/er/ {{ proxy_pass http://127.0.0.1:{port}/; proxy_set_header Host $http_host; }}"
    );
    let nginx = nginx::program(&world, &nginx, proxy, &locations);
    world.configure(&format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\nusername=u\npassword=p\n\
         [program:cat]\ncommand=cat\nstartsecs=0\n{nginx}"
    ));
    world.boot();
    world.await_state("cat", "RUNNING");
    until("nginx answers", || TcpStream::connect(("127.0.0.1", proxy)).ok());
    play("behind_a_proxy", &world, port);
}
