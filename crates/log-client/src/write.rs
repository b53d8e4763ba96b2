//! The requests of workers, one attempt each.

use log_domain::{JobId, Numbering};
use log_wire::{AppendedBody, CreateBody, CreatedBody, NewLineBody, StepBody, SteppedBody};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::endpoint::{Endpoint, expect_media_type};
use crate::error::RequestError;

/// A smaller body is sent as it is: it would save less than a packet.
const WORTH_PACKING: usize = 1024;

/// The fastest level. Build logs of some kilobytes become seven times smaller by it, for about 4 ns a byte.
const LEVEL: i32 = 1;

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
    let (body, encoding) = packed(body);
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
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

/// The body as it is sent, and its encoding.
fn packed(body: Vec<u8>) -> (Vec<u8>, Option<&'static str>) {
    if body.len() < WORTH_PACKING {
        return (body, None);
    }
    match zstd::bulk::compress(&body, LEVEL) {
        Ok(packed) if packed.len() < body.len() => (packed, Some("zstd")),
        // What does not become smaller is sent as it is, and so is what cannot be packed.
        Ok(_) | Err(_) => (body, None),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_body_is_packed_and_a_small_one_and_one_of_noise_are_not() {
        let lines = b"{\"text\":\"   Compiling serde v1.0\"}\n".repeat(100);
        let (body, encoding) = packed(lines.clone());
        assert_eq!(encoding, Some("zstd"));
        assert!(body.len() * 4 < lines.len());
        assert_eq!(zstd::decode_all(body.as_slice()).unwrap(), lines);
        let small = vec![b'x'; WORTH_PACKING - 1];
        assert_eq!(packed(small.clone()), (small, None));
        let mut random = fastrand::Rng::with_seed(1);
        let noise: Vec<u8> = (0..4096).map(|_| random.u8(..)).collect();
        assert_eq!(packed(noise.clone()), (noise, None));
    }
}
