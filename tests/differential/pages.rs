//! The pages that people know, under both daemons: status, headers, redirects and messages of each address, and what
//! is in the rows (WEB-001 to WEB-017).

use crate::beside::side_by_side;
use crate::world::World;
use crate::world::rpc::Server;
use crate::world::web::{Element, Page, ask, get};

/// Headers that clients may act on.
const HEADERS: [&str; 5] = ["Content-Type", "Pragma", "Cache-Control", "Expires", "Location"];

const PROGRAMS: &str = "\
[program:cat]
command=/bin/cat
stdout_logfile={dir}/cat.log
[program:gone]
command=/nowhere/at/all
autostart=false
[program:plain]
command={dir}/plain
autostart=false
[program:html]
command=sleep 1000
process_name=x&<b>\"é\"
autostart=false
[program:many]
command=sleep 1000
numprocs=2
process_name=%(process_num)d
stdout_logfile=NONE
[program:broken]
command=sh -c 'exit 3'
startretries=0
[program:done]
command=true
startsecs=0
autorestart=false
";

/// One that is on its way for long, and so is waited for by whoever starts everything.
const SLOW: &str = "[program:slow]\ncommand=sleep 1000\nstartsecs=3600\n";

fn world(world: &mut World, more: &str) -> Server {
    world.configure(&format!("{PROGRAMS}{more}"));
    world.write("plain", "text");
    world.boot();
    for (name, state) in
        [("cat", "RUNNING"), ("many:0", "RUNNING"), ("many:1", "RUNNING"), ("done", "EXITED")]
    {
        world.await_state(name, state);
    }
    // The reference sees that it ended a little later than that it ran.
    world.await_state("broken", "FATAL");
    Server::Unix(world.socket())
}

/// What of an answer both daemons must agree on.
fn gist(page: &Page) -> (String, Vec<Option<String>>) {
    let headers = HEADERS.map(|name| page.header(name).map(timeless));
    (page.status.clone(), headers.to_vec())
}

/// A text without the time that ends it, as in `Page refreshed at Sun Nov  2 09:44:01 2026`.
fn timeless(text: &str) -> String {
    for at in ["%20at%20", " at "] {
        if let Some((before, time)) = text.split_once(at) {
            let plain = time.replace("%20", " ").replace("%3A", ":");
            assert!(plain.len() == 24 && plain.ends_with(|c: char| c.is_ascii_digit()), "{text}");
            return format!("{before}{at}TIME");
        }
    }
    text.to_string()
}

/// One row of the table: class, then every element with what matters of it.
fn rows(page: &Page) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for element in page.elements() {
        match element.name.as_str() {
            "tr" => rows.push(vec![element.attribute("class").unwrap_or_default().to_string()]),
            "span" | "a" | "th" if !rows.is_empty() => rows.last_mut().unwrap().push(shown(&element)),
            // What follows the table.
            "div" | "footer" if !rows.is_empty() => break,
            _ => (),
        }
    }
    rows
}

fn shown(element: &Element) -> String {
    let of = |name| element.attribute(name).unwrap_or("-");
    let mut text = element.text.trim().to_string();
    if let Some((before, _)) = text.split_once("pid ") {
        text = format!("{before}pid N");
    }
    if text.ends_with(" AM") || text.ends_with(" PM") {
        text = "WHEN".to_string();
    }
    match element.name.as_str() {
        "a" => format!("{} {} {} {text} {}", of("class"), of("href"), of("name"), of("target")),
        _ => format!("{} {text}", of("class")),
    }
}

/// The links above the table; ours has one more at their end.
fn buttons(page: &Page) -> Vec<String> {
    let all = page.elements();
    let links = all.windows(2).filter(|pair| pair[0].attribute("class") == Some("action-button"));
    links.take(3).map(|pair| format!("{} {}", pair[1].attribute("href").unwrap(), pair[1].text)).collect()
}

#[test]
fn the_status_page_shows_the_same_rows_web_002_to_web_007() {
    side_by_side(|world| {
        let server = self::world(world, SLOW);
        let title =
            |page: &Page| page.elements().into_iter().find(|element| element.name == "title").unwrap().text;
        let seen = ["/", "/index.html", "//index.html", "/?processname=cat"].map(|target| {
            let page = get(&server, target);
            (gist(&page), title(&page), buttons(&page), rows(&page), page.message())
        });
        assert_eq!(seen[0].3.len(), 10, "a head and nine rows");
        seen
    });
}

#[test]
fn without_programs_the_page_says_so_web_008() {
    side_by_side(|world| {
        world.configure("");
        world.boot();
        let page = get(&Server::Unix(world.socket()), "/");
        assert!(page.body.contains("No programs to manage"), "{}", page.body);
        (gist(&page), rows(&page))
    });
}

#[test]
fn every_action_leads_to_the_same_place_with_the_same_words_web_009_to_web_013() {
    side_by_side(|world| {
        let server = self::world(world, "");
        let queries = [
            "action=refresh",
            "action=start&processname=gone",
            "action=start&processname=plain",
            "action=start&processname=cat",
            "action=stop&processname=gone",
            "action=stop&processname=cat",
            "action=start&processname=cat",
            "action=restart&processname=cat",
            "action=restart&processname=gone",
            "action=clearlog&processname=cat",
            "action=start&processname=html:x%26%3Cb%3E%22%C3%A9%22",
            "action=stop&processname=html:x%26%3Cb%3E%22%C3%A9%22",
            "action=stop&processname=many:*",
            "action=start&processname=many",
            "action=start&processname=a+b",
            "action=nope&processname=nobody",
            "action=nope&processname=cat",
            "action=nope",
            "action=start",
            "action=&processname=cat",
            "action=stopall",
            "action=restartall",
            "action=stopall&action=refresh",
            "message=%3Cscript%3E%26+%22",
        ];
        queries.map(|query| {
            let page = get(&server, &format!("/index.html?{query}"));
            (query, gist(&page), page.message().map(|text| timeless(&text)))
        })
    });
}

#[test]
fn forms_are_read_as_addresses_are_web_001() {
    side_by_side(|world| {
        let server = self::world(world, "");
        let host = ("Host", "example.org:80");
        let post = |target: &str, body: &str| {
            let page = ask(&server, &format!("POST {target}"), &[host], body);
            (gist(&page), page.message())
        };
        let long = format!("{}&message=end", "x=y&".repeat(5_000));
        [
            post("/", "action=stop&processname=cat"),
            post("/?action=stop", "processname=cat&action=start"),
            post("/?message=query&message=second", "x=1"),
            post("/?message=query", "message=body&message=last+one&message="),
            post("/index.html", &long),
            post("/?action=refresh", "none"),
            post("/tail.html", "processname=cat"),
            post("/ok.html", "x=y"),
        ]
    });
}

#[test]
fn the_tail_of_a_log_is_the_same_web_014_web_015() {
    side_by_side(|world| {
        let server = self::world(world, "");
        // Without what looks like an escape already, which the reference leaves as it is, and without what can be cut
        // inside a character, which it answers with 500 (BUG-016).
        let lines: String = (0..400).map(|number| format!("line {number} <b>& \"x\"\n")).collect();
        world.write("cat.log", &lines);
        let queries = [
            "",
            "?processname=cat",
            "?processname=cat&limit=5000",
            "?processname=cat&limit=10",
            "?processname=cat&limit=-5",
            "?processname=cat&limit=5k",
            "?processname=cat&limit=9999999",
            "?processname=many:0",
            "?processname=many:*",
            "?processname=nobody",
            "?processname=%3Ci%3E",
            "?processname=",
            "?limit=2048",
        ];
        queries.map(|query| {
            let page = get(&server, &format!("/tail.html{query}"));
            let all = page.elements();
            let text = |name: &str| {
                let found = all.iter().find(|element| element.name == name).expect(name);
                found.text.trim_start_matches('\n').to_string()
            };
            let again = all.iter().filter_map(|element| element.attribute("href"));
            let again = again.filter(|href| href.starts_with("tail.html")).map(str::to_string).next();
            (query, gist(&page), text("title"), text("pre"), again)
        })
    });
}

#[test]
fn other_addresses_and_methods_are_answered_the_same_http_018_to_http_024() {
    side_by_side(|world| {
        world.configure("");
        world.boot();
        let server = Server::Unix(world.socket());
        let host = [("Host", "localhost")];
        let lines = [
            "GET /ok.html",
            "GET ///ok.html",
            "GET /ok.html?x=y",
            "HEAD /",
            "HEAD /index.html",
            "PUT /",
            "DELETE /index.html",
            "GET /index.htm",
            "GET /index.html/",
            "GET /%69ndex.html?message=x",
            "GET /images/",
            "GET /stylesheets/",
            "GET /images/nothing.gif",
            "GET /../../etc/passwd",
            "GET /%2e%2e/x",
            "GET /favicon.ico",
            "POST /stylesheets/supervisor.css",
        ];
        lines.map(|line| (line, gist(&ask(&server, line, &host, ""))))
    });
}

#[test]
fn style_sheet_and_images_are_at_the_same_addresses_http_021_http_022() {
    side_by_side(|world| {
        world.configure("");
        world.boot();
        let server = Server::Unix(world.socket());
        let files = ["stylesheets/supervisor.css", "images/icon.png", "images/rule.gif", "images/state0.gif"];
        let more = ["images/state1.gif", "images/state2.gif", "images/state3.gif", "images/supervisor.gif"];
        // What a page at `//` asks for, and other ways round.
        let astray = ["/stylesheets/supervisor.css", "images/../images//icon.png", "../images/./rule.gif"];
        [&files[..], &more, &astray]
            .concat()
            .into_iter()
            .map(|path| {
                let host = ("Host", "localhost");
                let head = ask(&server, &format!("HEAD /{path}"), &[host], "");
                let modified = head.header("Last-Modified").expect("a date").to_string();
                assert!(head.header("Content-Length").is_some_and(|length| length != "0"), "{path}");
                // A date of the future is none that an answer has had.
                let known = |date: &str| {
                    ask(&server, &format!("GET /{path}"), &[host, ("If-Modified-Since", date)], "").status
                };
                let known =
                    [known(&modified), known(&format!("{modified}; length=999999"))].map(|status| status);
                (path, head.status.clone(), head.header("Content-Type").map(str::to_string), known[0].clone())
            })
            .collect::<Vec<_>>()
    });
}
