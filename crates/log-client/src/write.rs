//! The requests of workers, one attempt each.

use log_domain::{JobId, Numbering};
use log_wire::{AppendedBody, CreateBody, CreatedBody, NewLineBody, StepBody, SteppedBody};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::endpoint::{Endpoint, expect_media_type};
use crate::error::RequestError;

pub(crate) async fn append(
    endpoint: &Endpoint,
    job: &JobId,
    numbering: Option<&Numbering>,
    lines: &[NewLineBody],
) -> Result<AppendedBody, RequestError> {
    let mut body = Vec::new();
    for line in lines {
        write(&mut body, line)?;
        body.push(b'\n');
    }
    let mut headers = HeaderMap::new();
    let ndjson = HeaderValue::from_static("application/x-ndjson");
    headers.insert(CONTENT_TYPE, ndjson);
    if let Some(numbering) = numbering {
        let values = [
            ("log-producer", numbering.producer().to_string()),
            ("log-epoch", numbering.epoch().to_string()),
            ("log-line", numbering.first().to_string()),
        ];
        for (name, value) in values {
            // A producer's name and numbers are always header values.
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
    let url = endpoint.logs_url(job, &[]);
    send(endpoint, Method::POST, url, headers, body).await
}

pub(crate) async fn create(
    endpoint: &Endpoint,
    job: &JobId,
    new: &CreateBody,
) -> Result<CreatedBody, RequestError> {
    send_json(endpoint, Method::PUT, job, new).await
}

pub(crate) async fn step(
    endpoint: &Endpoint,
    job: &JobId,
    step: &StepBody,
) -> Result<SteppedBody, RequestError> {
    send_json(endpoint, Method::PATCH, job, step).await
}

async fn send_json<T: DeserializeOwned>(
    endpoint: &Endpoint,
    method: Method,
    job: &JobId,
    value: &impl Serialize,
) -> Result<T, RequestError> {
    let mut body = Vec::new();
    write(&mut body, value)?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    send(endpoint, method, endpoint.logs_url(job, &[]), headers, body).await
}

async fn send<T: DeserializeOwned>(
    endpoint: &Endpoint,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Result<T, RequestError> {
    let response = endpoint.send(method, url, headers, body).await?;
    expect_media_type(&response, "application/json")?;
    let body = endpoint.read_body(response).await?;
    serde_json::from_slice(&body).map_err(|error| RequestError::not_the_api(error.to_string()))
}

fn write(out: &mut Vec<u8>, value: &impl Serialize) -> Result<(), RequestError> {
    serde_json::to_writer(out, value).map_err(|error| RequestError::not_the_api(error.to_string()))
}
