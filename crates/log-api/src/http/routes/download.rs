//! `GET /api/jobs/{job_id}/logs/download`: the log as a file.

use std::sync::Arc;

use actix_web::http::header::{CONTENT_DISPOSITION, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};
use log_domain::EntryId;

use crate::access::AuthorizedJob;
use crate::error::ApiError;
use crate::state::AppState;
use crate::whole_log::LogReader;
use crate::whole_log::download::{self, DownloadRequest};

pub(super) async fn download(
    asked: AuthorizedJob<DownloadRequest>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let request = asked.query;
    // A job id consists of letters, digits, `_` and `-`: nothing that would end the quotes.
    let extension = request.format.extension();
    let disposition = format!("attachment; filename=\"{}.{extension}\"", asked.job_id);
    let permit = (state.access).permit_stream(asked.who, &asked.job_id, &asked.job)?;
    let store = Arc::clone(&state.store);
    let after = request.after.unwrap_or(EntryId::ZERO);
    let mut reader = LogReader::open(store, asked.job_id, after, download::READ, permit).await?;
    if let Some(before) = request.before {
        reader = reader.end_before(before);
    }
    Ok(HttpResponse::Ok()
        .content_type(request.format.content_type())
        .insert_header((CONTENT_DISPOSITION, disposition))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .streaming(download::body(reader, request)))
}
