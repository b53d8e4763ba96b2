//! The log page: the files of `web/`, embedded in the binary, and the pages that use them.
//!
//! - `/jobs/{job_id}` is the page of a job, and `/embed/jobs/{job_id}` the same for a frame of another page.
//! - `/viewer/…` are the modules, one by one, and joined to one file for each page and for the element. Pages name them with
//!   a version, so that browsers keep them; other sites, which load `<job-log>` from here, name them without.
//!
//! Nothing here is private and nothing depends on who asks: the page asks the API, like any other client.

mod asset;
mod files;
mod join;
mod pages;
mod slim;

use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use log_wire::ErrorCode;

use self::asset::{Asset, File};
use self::files::FILES;
use self::join::JOINED;
use self::pages::Pages;
use crate::error::ApiError;
use crate::http::sealed;

/// What is served of the log page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ViewerOptions {
    /// Whether there is a log page.
    pub enabled: bool,
    /// The origins whose pages may show a log in a frame.
    pub embed_origins: Vec<String>,
}

impl ViewerOptions {
    /// Sets [`ViewerOptions::enabled`].
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Sets [`ViewerOptions::embed_origins`].
    #[must_use]
    pub fn embed_origins(mut self, embed_origins: Vec<String>) -> Self {
        self.embed_origins = embed_origins;
        self
    }
}

/// What is sent for each file, compressed once.
static MODULES: LazyLock<HashMap<&str, Asset>> = LazyLock::new(|| {
    let asset = |file: &File| Asset::new(file.path, Bytes::from(slim::slim(file.text)));
    let modules = FILES.iter().map(|file| (file.path, asset(file)));
    let joined = JOINED.iter().map(|joined| {
        let text = Bytes::from(joined.text());
        (joined.path, Asset::new(joined.path, text))
    });
    modules.chain(joined).collect()
});

/// Mounts the routes of the log page.
pub(crate) fn configure(config: &mut web::ServiceConfig, options: &ViewerOptions) {
    if !options.enabled {
        return;
    }
    // Now, so that no visitor waits for it.
    LazyLock::force(&MODULES);
    let pages = web::Data::new(Pages::new(&options.embed_origins));
    config.app_data(pages);
    config.service(readable("/viewer/{path:.*}", || web::route().to(file)));
    config.service(readable("/jobs/{job_id}", || web::route().to(job_page)));
    config.service(readable("/embed/jobs/{job_id}", || {
        web::route().to(embed_page)
    }));
}

async fn file(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let versioned = path.strip_prefix(pages::version());
    let versioned = versioned.and_then(|rest| rest.strip_prefix('/'));
    let name = versioned.unwrap_or(&path);
    match MODULES.get(name) {
        Some(module) => module.module(&request, versioned.is_some()),
        None => sealed(&ApiError::Code(ErrorCode::RouteNotFound), request.headers()),
    }
}

async fn job_page(request: HttpRequest, pages: web::Data<Pages>) -> HttpResponse {
    pages.job(&request)
}

async fn embed_page(request: HttpRequest, pages: web::Data<Pages>) -> HttpResponse {
    pages.embed(&request)
}

/// A route for `GET` and `HEAD`. Its answers carry no `Vary: Cookie`, which would make browsers fetch the modules again
/// whenever a session's cookie is renewed.
fn readable(path: &str, route: impl Fn() -> actix_web::Route) -> actix_web::Resource {
    let refuse = |request: HttpRequest| async move {
        let allow = "GET, HEAD";
        sealed(&ApiError::MethodNotAllowed { allow }, request.headers())
    };
    web::resource(path)
        .route(route().method(Method::GET))
        .route(route().method(Method::HEAD))
        .default_service(web::to(refuse))
}
