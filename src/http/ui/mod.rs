//! `ui/`: the page that follows what happens. It comes from this program whole, works without its script, and names
//! everything relative to itself, so that a proxy may show it anywhere.

mod act;
mod assets;
mod events;
mod log;
mod page;
mod query;
mod row;
mod snapshot;
mod view;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ACCEPT, ALLOW, CACHE_CONTROL, LOCATION};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde::Serialize;

use super::rpc::{Rpc, body};
use super::{origin, refuse, refuse_foreign, secure, with_type};
use act::Said;
use query::{Query, encoded};
use snapshot::Snapshot;
use view::View;

/// Letters of a sentence that an address carries to the page after an action; what is longer is cut.
const MESSAGE_MAX: usize = 600;

/// Answers for `ui` and everything below it; `path` is decoded and begins after `/ui`.
pub(super) async fn answer(rpc: &Arc<Rpc>, path: &[u8], request: Request) -> Response<Body> {
    let mut response = route(rpc, path, request).await;
    secure(&mut response);
    response
}

async fn route(rpc: &Arc<Rpc>, path: &[u8], request: Request) -> Response<Body> {
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let (method, client) = (request.method(), request.extensions().get());
    if path == b"/act" {
        return if method != Method::POST {
            only("POST")
        } else if origin::allowed(request.headers()) {
            act(rpc, &query, request).await
        } else {
            refuse_foreign()
        };
    }
    if method != Method::GET && method != Method::HEAD {
        return only("GET, HEAD");
    }
    match path {
        b"" => {
            let kept = request.uri().query().map_or_else(String::new, |query| format!("?{query}"));
            elsewhere(StatusCode::MOVED_PERMANENTLY, &format!("ui/{kept}"))
        }
        b"/" => fresh(status(rpc, &query).await),
        b"/state" => fresh(state(rpc).await),
        b"/log" => fresh(log::page(rpc, &query).await),
        // These have no end, and so no head without one.
        b"/events" if method == Method::GET => fresh(events::stream(rpc, client)),
        b"/tail" if method == Method::GET => fresh(log::stream(rpc, &query, client).await),
        _ => assets::find(path)
            .map_or_else(|| refuse(StatusCode::NOT_FOUND), |asset| asset.answer(request.headers())),
    }
}

/// The page itself.
async fn status(rpc: &Rpc, query: &Query) -> Response<Body> {
    let view = View::of(query);
    let said = query.get("message").map(|text| Said { ok: query.get("failed").is_none(), text: cut(text) });
    let (status, html) = match Snapshot::take(rpc.handle(), rpc.local_time()).await {
        Ok(all) => {
            let found = view.collection.as_deref().is_none_or(|name| all.collection(name).is_some());
            let status = if found { StatusCode::OK } else { StatusCode::NOT_FOUND };
            (status, page::status(&all, &view, said.as_ref()))
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, page::closing(&view)),
    };
    write(rpc, status, "text/html; charset=utf-8", html)
}

/// Everything as JSON, for a page whose events do not get through.
async fn state(rpc: &Rpc) -> Response<Body> {
    match Snapshot::take(rpc.handle(), rpc.local_time()).await {
        Ok(all) => json(rpc, StatusCode::OK, &all),
        Err(_) => refuse(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// A button was pressed: does what it says, and then shows the same view with a sentence about it.
async fn act(rpc: &Rpc, query: &Query, request: Request) -> Response<Body> {
    let wants_json = wants_json(request.headers());
    let mut claim = rpc.budget().claim();
    let form = match body(request, &mut claim).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let form = Query::parse(&String::from_utf8_lossy(&form));
    let Some(button) = form.get("do") else { return refuse(StatusCode::BAD_REQUEST) };
    let view = View::of(query);
    let said = match Snapshot::take(rpc.handle(), rpc.local_time()).await {
        Ok(all) => act::act(rpc.handle(), button, &view, all).await,
        Err(_) => Said { ok: false, text: "supervisord is shutting down".to_string() },
    };
    if wants_json {
        return fresh(json(rpc, StatusCode::OK, &said));
    }
    let failed = if said.ok { "" } else { "&failed=1" };
    let back = query.get("back").filter(|back| *back == "log").map_or("./", |_| "log");
    let kept = if back == "log" { log::Which::of(query).query() } else { view.query() };
    let to = format!("{back}{kept}&message={}{failed}", encoded(&cut(&said.text)));
    elsewhere(StatusCode::SEE_OTHER, &to)
}

fn wants_json(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"application/json"))
}

fn cut(text: &str) -> String {
    text.chars().take(MESSAGE_MAX).collect()
}

fn json(rpc: &Rpc, status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_string(value) {
        Ok(text) => write(rpc, status, "application/json", text),
        Err(_) => refuse(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// An answer that counts while the client has not read it.
fn write(rpc: &Rpc, status: StatusCode, content_type: &'static str, text: String) -> Response<Body> {
    match rpc.budget().body(text) {
        Some(body) => with_type(status, content_type, body),
        None => refuse(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// What is shown is of this moment.
fn fresh(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn only(methods: &'static str) -> Response<Body> {
    let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// To an address relative to that of the request.
fn elsewhere(status: StatusCode, to: &str) -> Response<Body> {
    let Ok(to) = HeaderValue::from_str(to) else { return refuse(StatusCode::BAD_REQUEST) };
    let mut response = refuse(status);
    response.headers_mut().insert(LOCATION, to);
    response
}
