//! The pages that people know: `/`, `/index.html`, `/tail.html` and `/ok.html`, with the addresses, parameters, words
//! and redirects of the reference (WEB-001 to WEB-018). They work without a script.

mod action;
pub(super) mod escape;
mod files;
pub(super) mod form;
mod frame;
mod status;
mod tail;

use std::fmt::Write;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, EXPIRES, HOST, PRAGMA};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::origin::Origin;
use super::{Site, redirect, refuse, refuse_foreign, refuse_saying, rpc, secure, with_type};
use action::{Asked, NoMessage};
use escape::Escaped;
use form::{Form, Quoted};
use frame::Page;
use status::Status;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum View {
    Status,
    Tail,
    Ok,
}

/// The page or file at a path, if there is one. Pages take any number of slashes before their names (HTTP-020).
pub(super) async fn page(site: &Site, path: &[u8], request: Request) -> Option<Response<Body>> {
    let method = request.method().clone();
    if !path.starts_with(b"/") {
        return None;
    }
    let start = path.iter().position(|byte| *byte != b'/').unwrap_or(path.len());
    let view = match &path[start..] {
        b"" | b"index.html" => Some(View::Status),
        b"tail.html" => Some(View::Tail),
        b"ok.html" => Some(View::Ok),
        _ => None,
    };
    match (view, method) {
        (Some(view), Method::GET | Method::POST) => Some(match read(site, request).await {
            Ok((form, headers, method)) => show(site, view, &form, &headers, &method).await,
            Err(refused) => refused,
        }),
        (None, method @ (Method::GET | Method::HEAD)) => {
            files::file(path, &method, request.headers(), site.since)
        }
        (_, _) => None,
    }
}

/// What is asked for: by the address, and by the body of a POST.
async fn read(site: &Site, request: Request) -> Result<(Form, HeaderMap, Method), Response<Body>> {
    let (headers, method) = (request.headers().clone(), request.method().clone());
    let query = request.uri().query().unwrap_or_default().to_string();
    let body = if method == Method::POST {
        rpc::body(request, &mut site.rpc.budget().claim()).await?
    } else {
        Vec::new()
    };
    Ok((Form::of(&query, &body), headers, method))
}

async fn show(site: &Site, view: View, form: &Form, headers: &HeaderMap, method: &Method) -> Response<Body> {
    match view {
        View::Ok => with_type(StatusCode::OK, "text/plain", Body::from("OK")),
        View::Tail => match tail::page(site.rpc.handle(), site.rpc.budget(), form).await {
            Some(page) => html(site, StatusCode::OK, page),
            None => refuse(StatusCode::SERVICE_UNAVAILABLE),
        },
        View::Status => match form.get("action") {
            Some(action) => act(site, action, form, headers, method).await,
            None => status(site, form).await,
        },
    }
}

async fn status(site: &Site, form: &Form) -> Response<Body> {
    let Ok(status) = Status::ask(site.rpc.handle()).await else { return shutting_down() };
    let (collection, message) = (form.get("collection"), form.get("message"));
    let unknown =
        collection.filter(|name| !status.knows(name)).map(|name| format!("No such collection named {name}"));
    let code = if unknown.is_some() { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let page = status.page(collection, message.or(unknown.as_deref()), site.rpc.local_time());
    html(site, code, page)
}

/// Does what a link says, and leads back to the page with a sentence about it (WEB-009).
async fn act(site: &Site, action: &str, form: &Form, headers: &HeaderMap, method: &Method) -> Response<Body> {
    let text = |name| form.get(name).map(str::to_string);
    let asked =
        Asked { action: action.to_string(), process: text("processname"), collection: text("collection") };
    match Origin::of(headers) {
        Origin::Foreign if asked.changes() => return refuse_foreign(),
        Origin::Unnamed if asked.changes() && method == Method::GET => {
            return html(site, StatusCode::FORBIDDEN, confirmation(&asked));
        }
        Origin::Ours | Origin::Script | Origin::Unnamed | Origin::Foreign => (),
    }
    match asked.carry_out(site.rpc.handle(), site.ctime).await {
        Ok(message) => {
            let mut location = format!("{}/?message={}", base(site, headers), Quoted(&message));
            if let Some(name) = &asked.collection {
                let _ = write!(location, "&collection={}", Quoted(name));
            }
            let mut response = redirect(&location);
            forbid_caching(&mut response);
            response
        }
        Err(NoMessage::UnknownAction) => {
            tracing::error!("Web interface error: no action {action:?}, or it needs a processname");
            refuse(StatusCode::INTERNAL_SERVER_ERROR)
        }
        Err(NoMessage::ShuttingDown) => shutting_down(),
        Err(NoMessage::GivenUp) => refuse(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The server's address as its clients know it. With a `base_path` it is for the browser to know scheme and host;
/// else it is the reference's (WEB-010), whose scheme is always http.
fn base(site: &Site, headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).map(str::trim).unwrap_or_default();
    let host = host.strip_suffix(":80").or(host.strip_suffix(':')).unwrap_or(host);
    match &site.web.base_path {
        Some(base) => base.clone(),
        None if host.is_empty() => String::new(),
        None => format!("http://{host}"),
    }
}

/// A browser that does not say where a link was may have been led here by another site's page; a form of our own says
/// where it is from.
fn confirmation(asked: &Asked) -> String {
    let mut page = Page::new("Supervisor Status", "Please confirm", 512);
    let whom = asked.process.as_ref().or(asked.collection.as_ref()).map_or("", String::as_str);
    let _ = write!(
        page,
        "<p>Your browser does not say which page this request comes from. Go on only if you asked for it.</p>\n\
         <form action=\"index.html\" method=\"post\">\n"
    );
    let fields = [
        ("action", Some(&asked.action)),
        ("processname", asked.process.as_ref()),
        ("collection", asked.collection.as_ref()),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            let _ = writeln!(page, "<input type=\"hidden\" name=\"{name}\" value=\"{}\">", Escaped(value));
        }
    }
    let _ = write!(
        page,
        "<button type=\"submit\">{} {}</button>\n</form>\n",
        Escaped(&asked.action),
        Escaped(whom)
    );
    page.finish()
}

/// Nothing can be shown or done any more (WEB-017).
fn shutting_down() -> Response<Body> {
    tracing::error!("Web interface error: supervisord is shutting down");
    refuse_saying(StatusCode::INTERNAL_SERVER_ERROR, "supervisord is shutting down")
}

fn html(site: &Site, status: StatusCode, page: String) -> Response<Body> {
    let Some(body) = site.rpc.budget().body(page) else { return refuse(StatusCode::SERVICE_UNAVAILABLE) };
    let mut response = with_type(status, "text/html;charset=utf-8", body);
    forbid_caching(&mut response);
    secure(&mut response);
    response
}

/// WEB-002.
pub(super) fn forbid_caching(response: &mut Response<Body>) {
    for (name, value) in
        [(PRAGMA, "no-cache"), (CACHE_CONTROL, "no-cache"), (EXPIRES, "Thu, 01 Jan 1970 00:00:00 GMT")]
    {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
}
