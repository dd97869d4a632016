//! The pages that people know, at the real daemon: who may change what, collections, and life behind a proxy.

use std::io::Write;
use std::os::unix::net::UnixStream;

use crate::world::ports::free_port;
use crate::world::procfs::until;
use crate::world::rpc::{self, Server};
use crate::world::tools::tool;
use crate::world::web::{Page, ask, get};
use crate::world::{Boot, World, nginx};

const BROWSER: (&str, &str) = ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0");
const HOST: (&str, &str) = ("Host", "localhost:9001");

const TIERS: &str = "\
[program:web]
command=sleep 1000
[program:worker]
command=sleep 1000
numprocs=2
process_name=%(process_num)d
[program:other]
command=sleep 1000
[collection:tier]
programs=worker,web
priority=5
[collection:a<b>&c]
programs=other
";

fn start(body: &str) -> (World, Server) {
    let world = World::running(body);
    let server = Server::Unix(world.socket());
    (world, server)
}

fn tiers() -> (World, Server) {
    let (world, server) = start(TIERS);
    ["web", "worker:0", "worker:1", "other"].iter().for_each(|name| world.await_state(name, "RUNNING"));
    (world, server)
}

/// Where an answer leads, without the time at the end of the message.
fn location(page: &Page) -> String {
    assert_eq!(page.status, "301 Moved Permanently", "{page:?}");
    let location = page.header("Location").expect("a place").to_string();
    match location.split_once("%20at%20") {
        Some((before, time)) => {
            format!(
                "{before}{}",
                time.split_once('&').map(|(_, rest)| format!("&{rest}")).unwrap_or_default()
            )
        }
        None => location,
    }
}

/// The namespecs in the table.
fn names(page: &Page) -> Vec<String> {
    let all = page.elements();
    let tails = all.iter().filter(|e| e.attribute("href").is_some_and(|href| href.starts_with("tail.html")));
    tails.map(|element| element.text.clone()).collect()
}

/// The items of the list of collections.
fn views(page: &Page) -> Vec<String> {
    let all = page.elements();
    let counts = all.windows(2).filter(|pair| pair[1].attribute("class") == Some("count"));
    counts
        .map(|pair| format!("{}|{}|{}", pair[0].attribute("href").unwrap(), pair[0].text, pair[1].text))
        .collect()
}

#[test]
fn a_page_of_another_site_changes_nothing_bug_047() {
    let (world, server) = start("[program:web]\ncommand=sleep 1000\n");
    world.await_state("web", "RUNNING");
    let pid = world.pid_of("web");
    let foreign: [&[(&str, &str)]; 5] = [
        &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Dest", "image"), BROWSER],
        &[("Sec-Fetch-Site", "same-site"), BROWSER],
        &[("Origin", "http://evil.example"), BROWSER],
        &[("Origin", "null"), BROWSER],
        &[("Referer", "http://evil.example/localhost:9001/"), BROWSER],
    ];
    for headers in foreign {
        let headers = [&[HOST], headers].concat();
        for action in
            ["stop&processname=web", "restart&processname=web", "clearlog&processname=web", "stopall"]
        {
            for line in [format!("GET /?action={action}"), format!("POST /index.html?action={action}")] {
                assert_eq!(ask(&server, &line, &headers, "").status, "403 Forbidden", "{line} {headers:?}");
            }
        }
        let body = "action=stop&processname=web";
        assert_eq!(ask(&server, "POST /index.html", &headers, body).status, "403 Forbidden", "{headers:?}");
        let call = "<methodCall><methodName>supervisor.shutdown</methodName></methodCall>";
        assert_eq!(ask(&server, "POST /RPC2", &headers, call).status, "403 Forbidden", "{headers:?}");
        // Looking changes nothing, and a link from a wiki to the page is no attack.
        assert_eq!(ask(&server, "GET /", &headers, "").status, "200 OK");
        assert_eq!(ask(&server, "GET /tail.html?processname=web", &headers, "").status, "200 OK");
        assert_eq!(ask(&server, "GET /?action=refresh", &headers, "").status, "301 Moved Permanently");
    }
    assert_eq!(world.pid_of("web"), pid);
}

#[test]
fn the_pages_own_links_bookmarks_and_scripts_work_as_before() {
    let (_world, server) = start("[program:web]\ncommand=sleep 1000\nautostart=false\nstartsecs=0\n");
    let ours: [&[(&str, &str)]; 7] = [
        &[HOST],
        &[HOST, ("User-Agent", "curl/8.5.0")],
        &[HOST, BROWSER, ("Sec-Fetch-Site", "same-origin")],
        &[HOST, BROWSER, ("Sec-Fetch-Site", "none")],
        &[HOST, BROWSER, ("Referer", "http://localhost:9001/?message=x")],
        &[HOST, BROWSER, ("Origin", "http://localhost:9001")],
        &[
            ("Host", "127.0.0.1:9001"),
            BROWSER,
            ("X-Forwarded-Host", "x.org"),
            ("Referer", "https://x.org/sup/"),
        ],
    ];
    for headers in ours {
        for (action, done) in [("start", "started"), ("stop", "stopped")] {
            let line = format!("GET /index.html?processname=web&action={action}");
            let place = location(&ask(&server, &line, headers, ""));
            assert!(place.ends_with(&format!("/?message=Process%20web%20{done}")), "{headers:?}: {place}");
        }
    }
}

#[test]
fn a_browser_that_says_nothing_is_asked_once_more() {
    let (world, server) = start("[program:web]\ncommand=sleep 1000\n");
    world.await_state("web", "RUNNING");
    let browser = [HOST, BROWSER, ("Accept-Language", "en")];
    let asked = ask(&server, "GET /?action=stop&processname=web&collection=%22x%22", &browser, "");
    assert_eq!(asked.status, "403 Forbidden");
    assert_eq!(world.state("web"), "RUNNING");
    let fields: Vec<String> = asked
        .elements()
        .iter()
        .filter(|element| element.name == "input")
        .map(|e| format!("{}={}", e.attribute("name").unwrap(), e.attribute("value").unwrap()))
        .collect();
    assert_eq!(fields, ["action=stop", "processname=web", "collection=\"x\""]);
    // The form that it shows is a request from this server's own page.
    let headers = [HOST, BROWSER, ("Origin", "http://localhost:9001")];
    let done = ask(&server, "POST /index.html", &headers, "action=stop&processname=web");
    assert_eq!(location(&done), "http://localhost:9001/?message=Process%20web%20stopped");
    assert_eq!(world.state("web"), "STOPPED");
}

#[test]
fn a_name_made_of_html_stays_text_and_no_script_may_run() {
    let name = "<img>\"'&";
    let (_world, server) = start(&format!(
        "[program:x]\ncommand=sleep 1000\nprocess_name={name}\n[collection:{name}]\nprograms=x\n"
    ));
    let quoted = "%3Cimg%3E%22%27%26";
    for target in [
        "/".to_string(),
        format!("/?message={quoted}"),
        format!("/?collection={quoted}"),
        format!("/?collection=no{quoted}"),
        format!("/tail.html?processname={quoted}&collection={quoted}"),
        format!("/tail.html?processname=x:{quoted}"),
    ] {
        let page = get(&server, &target);
        assert!(!page.body.contains("<img") && page.body.contains("img"), "{target}: {}", page.body);
        assert!(page.elements().iter().all(|e| e.name != "script" && e.name != "style"), "{target}");
        let inline = page.elements().into_iter().flat_map(|e| e.attributes);
        assert!(inline.into_iter().all(|(name, _)| !name.starts_with("on") && name != "style"), "{target}");
        let policy = page.header("Content-Security-Policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(
            policy.contains("frame-ancestors 'self'") && policy.contains("script-src 'self'"),
            "{policy}"
        );
        assert_eq!(page.header("X-Content-Type-Options"), Some("nosniff"));
    }
}

#[test]
fn a_collections_page_shows_its_members_and_keeps_to_them() {
    let (_world, server) = tiers();
    let all = get(&server, "/");
    assert_eq!(names(&all), ["other", "web", "worker:0", "worker:1"]);
    let listed = [
        "index.html|All processes|4 of 4 running",
        "index.html?collection=tier|tier|3 of 3 running",
        "index.html?collection=a%3Cb%3E%26c|a<b>&c|1 of 1 running",
    ];
    assert_eq!(views(&all), listed);
    let tier = get(&server, "/?collection=tier");
    assert_eq!(
        (tier.status.as_str(), names(&tier)),
        ("200 OK", ["web", "worker:0", "worker:1"].map(String::from).to_vec())
    );
    // Every link keeps the view, but those that lead to another, to a log or to a file.
    let links = tier.elements();
    let links =
        links.iter().filter_map(|element| element.attribute("href")).filter(|href| href.contains(".html?"));
    let (kept, lost): (Vec<&str>, Vec<&str>) = links.partition(|href| href.contains("collection=tier"));
    assert_eq!(lost, ["index.html?collection=a%3Cb%3E%26c"]);
    assert_eq!(kept.len(), 4 + 1 + 3 * 4, "four buttons, its own entry, and four of each row: {kept:?}");
    // So do actions of one process, and the page of its log.
    let done = get(&server, "/?collection=tier&action=stop&processname=web");
    assert_eq!(location(&done), "http://localhost:9001/?message=Process%20web%20stopped&collection=tier");
    let tail = get(&server, "/tail.html?processname=web&collection=tier");
    let links = tail.elements();
    let links: Vec<&str> =
        links.iter().filter(|e| e.name == "a").filter_map(|e| e.attribute("href")).collect();
    assert_eq!(links, ["tail.html?processname=web&limit=1024&collection=tier", "index.html?collection=tier"]);
    assert_eq!(
        views(&get(&server, "/?collection=tier"))[1],
        "index.html?collection=tier|tier|2 of 3 running"
    );
}

#[test]
fn start_stop_and_restart_act_on_the_whole_view() {
    let (world, server) = tiers();
    let other = world.pid_of("other");
    let does =
        |action: &str| location(&get(&server, &format!("/index.html?action={action}&collection=tier")));
    let to =
        |words: &str| format!("http://localhost:9001/?message=Collection%20tier%20{words}&collection=tier");
    let states = || ["web", "worker:0", "worker:1", "other"].map(|name| world.state(name));
    assert_eq!(does("stopall"), to("stopped"));
    assert_eq!(states(), ["STOPPED", "STOPPED", "STOPPED", "RUNNING"]);
    assert_eq!(does("startall"), to("started"));
    assert_eq!(states(), ["RUNNING"; 4]);
    let before = world.pid_of("web");
    assert_eq!(does("restartall"), to("restarted"));
    assert_eq!(states(), ["RUNNING"; 4]);
    assert_ne!(world.pid_of("web"), before);
    assert_eq!(does("refresh"), "http://localhost:9001/?message=Page%20refreshed&collection=tier");
    assert_eq!(world.pid_of("other"), other, "it is in another collection");
    // And without a collection on everything.
    let all = |action: &str| location(&get(&server, &format!("/?action={action}")));
    assert_eq!(all("stopall"), "http://localhost:9001/?message=All%20stopped");
    assert_eq!(states(), ["STOPPED"; 4]);
    assert_eq!(all("startall"), "http://localhost:9001/?message=All%20started");
    assert_eq!(states(), ["RUNNING"; 4]);
}

#[test]
fn an_unknown_collection_is_said_to_be_unknown() {
    let (_world, server) = tiers();
    let page = get(&server, "/?collection=nobody");
    assert_eq!(page.status, "404 Not Found");
    assert_eq!(page.message().as_deref(), Some("No such collection named nobody"));
    assert_eq!(names(&page), Vec::<String>::new());
    assert_eq!(views(&page).len(), 3, "the way to those that there are");
    let done = get(&server, "/?collection=nobody&action=stopall");
    let to = "http://localhost:9001/?message=No%20such%20collection%20named%20nobody&collection=nobody";
    assert_eq!(location(&done), to);
}

#[test]
fn a_waiting_action_holds_up_nobody() {
    let (world, server) = start("[program:slow]\ncommand=sleep 1000\nautostart=false\nstartsecs=3\n");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| location(&get(&server, "/?action=start&processname=slow")));
        world.await_state("slow", "STARTING");
        let page = get(&server, "/");
        assert!(page.body.contains("<span class=\"statusnominal\">starting</span>"), "{}", page.body);
        assert!(!waiting.is_finished());
        assert_eq!(waiting.join().unwrap(), "http://localhost:9001/?message=Process%20slow%20started");
    });
    assert_eq!(world.state("slow"), "RUNNING");
}

#[test]
fn who_leaves_during_a_restart_leaves_nothing_stopped() {
    let mut world = World::ours();
    world.script("lingers", "trap 'sleep 0.5; exit 0' TERM\necho ready\nwhile :; do sleep 0.1; done");
    world.configure("[program:lingers]\ncommand={dir}/lingers\nstartsecs=0\nstdout_logfile={dir}/out.log\n");
    world.boot();
    until("it can be told to stop", || world.read("out.log").contains("ready").then_some(()));
    let pid = world.pid_of("lingers");
    let mut leaves = UnixStream::connect(world.socket()).unwrap();
    let line = "GET /?action=restart&processname=lingers HTTP/1.1\r\nHost: x\r\n\r\n";
    leaves.write_all(line.as_bytes()).unwrap();
    world.await_state("lingers", "STOPPING");
    drop(leaves);
    until("it has been started again", || {
        let now = world.pid_of("lingers");
        (now != 0 && now != pid).then_some(())
    });
}

#[test]
fn a_start_that_fails_says_how() {
    let (world, server) = start(
        "[program:fails]\ncommand=false\nautostart=false\nstartretries=0\n\
         [program:stopped]\ncommand=sleep 1000\nautostart=false\nstartsecs=3600\n",
    );
    let start = |name: &str| location(&get(&server, &format!("/?action=start&processname={name}")));
    assert_eq!(
        start("fails"),
        "http://localhost:9001/?message=ERROR%3A%20Process%20fails%3A%20spawn%20error"
    );
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| start("stopped"));
        world.await_state("stopped", "STARTING");
        get(&server, "/?action=stop&processname=stopped");
        let aborted =
            "http://localhost:9001/?message=ERROR%3A%20Process%20stopped%3A%20abnormal%20termination";
        assert_eq!(waiting.join().unwrap(), aborted);
    });
}

#[test]
fn behind_a_proxy_every_address_stays_below_its_path() {
    let mut world = World::ours();
    world.configure("[program:web]\ncommand=sleep 1000\n[unix_http_server]\nbase_path=/tools/sup/\n");
    world.boot();
    world.await_state("web", "RUNNING");
    let server = Server::Unix(world.socket());
    let headers = [("Host", "127.0.0.1:1"), BROWSER, ("Sec-Fetch-Site", "same-origin")];
    let done = "/tools/sup/?message=Process%20web%20stopped";
    for (line, expected) in [
        ("GET /tools/sup/?action=stop&processname=web", done),
        ("GET /?action=start&processname=web", "/tools/sup/?message=Process%20web%20started"),
        ("GET /tools/sup", "/tools/sup/"),
    ] {
        assert_eq!(location(&ask(&server, line, &headers, "")), expected, "{line}");
    }
    for target in [
        "/tools/sup/",
        "/tools/sup/index.html",
        "/tools/sup/ok.html",
        "/tools/sup/stylesheets/supervisor.css",
        "/",
    ] {
        let page = get(&server, target);
        assert_eq!(page.status, "200 OK", "{target}");
        for element in page.elements() {
            for address in ["href", "src", "action"].iter().filter_map(|name| element.attribute(name)) {
                assert!(
                    !address.starts_with('/') && !address.contains("://"),
                    "{target}: {address} is not relative"
                );
            }
        }
    }
    assert_eq!(get(&server, "/tools/supper/").status, "404 Not Found");
    assert_eq!(get(&server, "/tools/").status, "404 Not Found");
    // Calls find their way too, with the path and without.
    let call = "<methodCall><methodName>supervisor.getState</methodName></methodCall>";
    assert_eq!(ask(&server, "POST /tools/sup/RPC2", &[HOST], call).status, "200 OK");
    assert_eq!(rpc::post(&server, call).unwrap().0, 200);
}

#[test]
fn a_redirect_leads_to_the_host_that_was_asked_web_010() {
    let (_world, server) = start("");
    for (host, expected) in [
        ("example.org", "http://example.org/"),
        ("example.org:80", "http://example.org/"),
        ("example.org:8080", "http://example.org:8080/"),
        ("[::1]:9001", "http://[::1]:9001/"),
        ("", "/"),
        (":80", "/"),
    ] {
        let page = ask(&server, "GET /?action=refresh", &[("Host", host)], "");
        let location = location(&page);
        assert_eq!(location.split("?message=").next(), Some(expected), "{host}");
    }
}

#[test]
fn an_unknown_action_is_500_and_a_line_in_the_log_web_013() {
    let (world, server) = start("");
    assert_eq!(get(&server, "/?action=explode").status, "500 Internal Server Error");
    world.await_log("ERRO Web interface error: no action \"explode\"");
}

#[test]
fn the_pages_need_no_rpcinterface_section_web_016() {
    let mut world = World::ours();
    world.configure("[program:web]\ncommand=sleep 1000\nautostart=false\nstartsecs=0\n");
    let plain = world.read("supervisord.conf");
    let without: String =
        plain.lines().filter(|line| !line.contains("rpcinterface")).map(|l| format!("{l}\n")).collect();
    world.write("supervisord.conf", &without);
    world.boot_as(&Boot::default());
    until("the daemon listens", || rpc::listens(&world.socket()).then_some(()));
    let server = Server::Unix(world.socket());
    let done = get(&server, "/?action=start&processname=web");
    assert_eq!(location(&done), "http://localhost:9001/?message=Process%20web%20started");
    assert_eq!(names(&get(&server, "/")), ["web"]);
    let call = "<methodCall><methodName>supervisor.getState</methodName></methodCall>";
    assert!(rpc::post(&server, call).unwrap().1.contains("UNKNOWN_METHOD"));
}

#[test]
fn in_a_shutdown_the_page_and_the_probe_say_so_web_017() {
    let mut world = World::ours();
    world.script("stays", "trap '' TERM\nwhile :; do sleep 0.1; done");
    world.configure("[program:stays]\ncommand={dir}/stays\nstopwaitsecs=3600\n");
    world.boot();
    world.await_state("stays", "RUNNING");
    world.rpc_ok("supervisor.shutdown", &[]);
    let server = Server::Unix(world.socket());
    for target in ["/", "/?action=start&processname=stays", "/?action=stopall", "/?collection=x"] {
        let page = get(&server, target);
        assert_eq!(page.status, "500 Internal Server Error", "{target}");
        assert!(page.body.contains("supervisord is shutting down"), "{target}: {}", page.body);
    }
    let probe = get(&server, "/healthz");
    let said = (probe.status.as_str(), probe.body.as_str());
    assert_eq!(said, ("503 Service Unavailable", "supervisord is shutting down\n"));
    world.kill();
}

const LOCATIONS: &str = "location /cut/ {
    proxy_pass http://unix:{dir}/cut.sock:/;
}
location /kept/ {
    proxy_pass http://unix:{dir}/kept.sock;
    proxy_set_header Host $http_host;
}";

/// With the proxy's own `Host`, which names the socket, and with that of the browser; with the path taken off, and left.
#[test]
fn a_real_proxy_shows_the_pages_at_a_path_of_its_own() {
    let Some(nginx) = tool("nginx") else { return };
    let port = free_port();
    let mut world = World::ours();
    let nginx = nginx::program(&world, &nginx, port, LOCATIONS);
    world.configure(&format!(
        "[unix_http_server:cut]\nfile={{dir}}/cut.sock\nbase_path=/cut\n\
         [unix_http_server:kept]\nfile={{dir}}/kept.sock\nbase_path=/kept\n\
         [program:web]\ncommand=sleep 1000\nautostart=false\nstartsecs=0\n\
         [collection:c]\nprograms=web\n{nginx}"
    ));
    world.boot();
    let server = Server::Tcp(port, None);
    let host = format!("127.0.0.1:{port}");
    until("nginx answers", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    for path in ["/cut/", "/kept/"] {
        let from = [("Host", host.as_str()), BROWSER, ("Sec-Fetch-Site", "same-origin")];
        let page = ask(&server, &format!("GET {path}?collection=c"), &from, "");
        assert_eq!((page.status.as_str(), names(&page)), ("200 OK", vec!["web".to_string()]), "{path}");
        let links = page.elements();
        let start =
            links.iter().find(|e| e.attribute("name") == Some("Start")).expect("a link that starts it");
        // A browser takes a relative link from the page's own place.
        let link = format!("{path}{}", start.attribute("href").unwrap());
        let done = ask(&server, &format!("GET {link}"), &from, "");
        let to = format!("{path}?message=Process%20web%20started&collection=c");
        assert_eq!(location(&done), to, "{path}");
        let shown = ask(&server, &format!("GET {to}"), &from, "");
        assert_eq!(shown.message().as_deref(), Some("Process web started"), "{path}");
        let style =
            links.iter().find_map(|e| e.attribute("href").filter(|href| href.ends_with(".css"))).unwrap();
        assert_eq!(ask(&server, &format!("GET {path}{style}"), &from, "").status, "200 OK", "{path}");
        assert_eq!(
            ask(&server, &format!("GET {path}healthz?collection=c"), &from, "").status,
            "200 OK",
            "{path}"
        );
        let foreign = [("Host", host.as_str()), BROWSER, ("Sec-Fetch-Site", "cross-site")];
        assert_eq!(ask(&server, &format!("GET {link}"), &foreign, "").status, "403 Forbidden", "{path}");
        world.rpc_ok("supervisor.stopProcess", &["web".into()]);
    }
    // A browser that says only where it is from: known where the proxy passes the host on.
    let origin = format!("http://{host}");
    let from = [("Host", host.as_str()), BROWSER, ("Origin", origin.as_str())];
    let post =
        |path: &str| ask(&server, &format!("POST {path}?action=start&processname=web"), &from, "").status;
    assert_eq!((post("/kept/").as_str(), post("/cut/").as_str()), ("301 Moved Permanently", "403 Forbidden"));
}
