//! `/healthz`, for probes of containers and load balancers: whether all runs that should run.

use axum::body::Body;
use axum::http::{Method, Response, StatusCode};

use super::web::form::Form;
use super::{Site, refuse, with_type};
use crate::api::{FaultCode, Reply, Request};
use crate::names::Namespec;

const PATH: &[u8] = b"/healthz";

/// Whether a path is the probe's.
pub(super) fn is_at(path: &[u8]) -> bool {
    path == PATH
}

/// 200 when all is well, 503 with a line for each process that is not, 404 for a collection that nobody knows.
pub(super) async fn answer(site: &Site, method: &Method, query: &str) -> Response<Body> {
    if method != Method::GET && method != Method::HEAD {
        return refuse(StatusCode::BAD_REQUEST);
    }
    let collection = Form::of(query, b"").get("collection").map(str::to_string);
    let (status, text) = match site.rpc.handle().call(Request::Health { collection }).await {
        Ok(Reply::Processes(unwell)) if unwell.is_empty() => (StatusCode::OK, "OK\n".to_string()),
        Ok(Reply::Processes(unwell)) => {
            let local_time = site.rpc.local_time();
            let lines = unwell.iter().map(|info| {
                let (name, why) = (Namespec::display(&info.group, &info.name), info.description(local_time));
                let line = format!("{name} {} {why}", info.state.name()).replace('\n', " ");
                format!("{}\n", line.trim_end())
            });
            (StatusCode::SERVICE_UNAVAILABLE, lines.collect())
        }
        Err(fault) if fault.code == FaultCode::BadName => {
            (StatusCode::NOT_FOUND, format!("no such collection: {}\n", fault.extra.unwrap_or_default()))
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "supervisord is shutting down\n".to_string()),
        // The supervisor answers each request with its own kind of reply; should it not, this request fails.
        Ok(_) => return refuse(StatusCode::INTERNAL_SERVER_ERROR),
    };
    // It is long where many are unwell, and anybody may ask.
    let Some(body) = site.rpc.budget().body(text) else { return refuse(StatusCode::SERVICE_UNAVAILABLE) };
    let mut response = with_type(status, "text/plain;charset=utf-8", body);
    super::web::forbid_caching(&mut response);
    super::secure(&mut response);
    response
}
