//! The body of an append, read and expanded within bounds.

use std::io::{BufReader, Read};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::Payload;
use futures_util::StreamExt as _;
use log_wire::{ErrorCode, WriteProblem};
use tokio::time::{Instant, timeout_at};

use super::head::{Encoding, invalid};
use super::memory::Part;
use crate::error::ApiError;

/// The most bytes of one body, expanded.
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The most lines of one body.
pub(super) const MAX_LINES: usize = 20_000;

/// A body that expands to no more than this may expand as much as it wants.
const FREE_EXPANSION: usize = 1024 * 1024;

/// Beyond it, by this factor at most. Build logs shrink three to ten times.
const MAX_RATIO: usize = 100;

/// The greatest window of a Zstandard body, as a power of two: 8 MiB, because nothing larger is accepted.
const MAX_WINDOW_LOG: u32 = 23;

/// How long a body may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// How long a whole body may take.
const WHOLE: Duration = Duration::from_secs(120);

/// How much of a refused body is read, and for how long.
const DISCARD_BYTES: usize = 2 * MAX_BYTES;
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// Reads a whole body as it was sent.
///
/// # Errors
/// 413 above the limit, 408 if it stops coming, 503 if the bodies under way use all memory that they may.
pub(crate) async fn read_all(
    request: &HttpRequest,
    payload: &mut Payload,
    memory: &mut Part,
) -> Result<Vec<u8>, ApiError> {
    let announced = request.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BYTES) {
        return Err(too_large());
    }
    let end = Instant::now() + WHOLE;
    let mut body = Vec::with_capacity(announced.unwrap_or_default().min(64 * 1024));
    loop {
        let deadline = end.min(Instant::now() + SILENCE);
        let next = timeout_at(deadline, payload.next()).await;
        let Some(chunk) = next.map_err(|_| ApiError::Code(ErrorCode::BodyTimeout))? else {
            return Ok(body);
        };
        let chunk = chunk.map_err(|_| cut_short())?;
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(too_large());
        }
        memory.grow(chunk.len())?;
        body.extend_from_slice(&chunk);
    }
}

/// Reads the rest of a refused body and forgets it, within bounds: a client that is still sending may not read the answer.
pub(crate) async fn discard(payload: &mut Payload) {
    let end = Instant::now() + DISCARD_TIME;
    let mut left = DISCARD_BYTES;
    while let Ok(Some(Ok(chunk))) = timeout_at(end, payload.next()).await {
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// A body that does not come to its end. Its sender will not read this.
pub(super) fn cut_short() -> ApiError {
    invalid("body", "ended before it was complete")
}

/// Expands a body.
///
/// # Errors
/// 413 above the limit, or if it expands beyond all reason; 422 if it is not what its head says.
pub(super) fn expand(
    encoding: Encoding,
    body: Vec<u8>,
    memory: &mut Part,
) -> Result<Vec<u8>, ApiError> {
    match encoding {
        Encoding::Identity => Ok(body),
        Encoding::Gzip => {
            let decoder = flate2::bufread::MultiGzDecoder::new(body.as_slice());
            read_bounded(decoder, body.len(), "gzip", memory)
        }
        Encoding::Zstd => {
            let not_zstd = |_| invalid("body", "is not zstd, although `Content-Encoding` says so");
            let input = BufReader::with_capacity(16 * 1024, body.as_slice());
            let mut decoder = zstd::stream::read::Decoder::with_buffer(input).map_err(not_zstd)?;
            decoder.window_log_max(MAX_WINDOW_LOG).map_err(not_zstd)?;
            read_bounded(decoder, body.len(), "zstd", memory)
        }
    }
}

fn read_bounded(
    mut decoder: impl Read,
    compressed: usize,
    name: &str,
    memory: &mut Part,
) -> Result<Vec<u8>, ApiError> {
    let allowed = FREE_EXPANSION.max(compressed.saturating_mul(MAX_RATIO));
    let (mut plain, mut chunk) = (Vec::new(), vec![0; 32 * 1024]);
    loop {
        let read = decoder.read(&mut chunk).map_err(|_| {
            invalid(
                "body",
                format!("is not {name}, although `Content-Encoding` says so"),
            )
        })?;
        let Some(read) = chunk.get(..read).filter(|read| !read.is_empty()) else {
            return Ok(plain);
        };
        if plain.len() + read.len() > MAX_BYTES {
            return Err(too_large());
        }
        if plain.len() + read.len() > allowed {
            return Err(large(format!(
                "The body expands to more than {MAX_RATIO} times its size"
            )));
        }
        memory.grow(read.len())?;
        plain.extend_from_slice(read);
    }
}

pub(super) fn too_large() -> ApiError {
    large(format!(
        "A body has at most {MAX_BYTES} bytes and {MAX_LINES} lines; send the lines in several requests"
    ))
}

fn large(detail: String) -> ApiError {
    ApiError::Write {
        code: ErrorCode::BodyTooLarge,
        detail,
        more: Box::<WriteProblem>::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::ingest::memory::Memory;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd_of(plain: &[u8]) -> Vec<u8> {
        zstd::encode_all(plain, 19).unwrap()
    }

    fn expanded(encoding: Encoding, body: &[u8]) -> Result<Vec<u8>, u16> {
        let mut memory = Memory::new(64 * 1024 * 1024).part();
        expand(encoding, body.to_vec(), &mut memory).map_err(|error| error.code().status())
    }

    #[test]
    fn bodies_are_expanded() {
        let plain: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
        assert_eq!(expanded(Encoding::Gzip, &gzip(&plain)), Ok(plain.clone()));
        assert_eq!(
            expanded(Encoding::Zstd, &zstd_of(&plain)),
            Ok(plain.clone())
        );
        let two = [gzip(b"a\n"), gzip(b"b\n")].concat();
        assert_eq!(expanded(Encoding::Gzip, &two), Ok(b"a\nb\n".to_vec()));
    }

    #[test]
    fn a_bomb_is_refused_before_it_has_expanded() {
        let zeros = vec![0; 100 * 1024 * 1024];
        for (encoding, body) in [
            (Encoding::Gzip, gzip(&zeros)),
            (Encoding::Zstd, zstd_of(&zeros)),
        ] {
            assert_eq!(expanded(encoding, &body), Err(413));
        }
        // Within the limit of bytes, and beyond the ratio.
        let body = zstd_of(&vec![0; 6 * 1024 * 1024]);
        assert_eq!(expanded(Encoding::Zstd, &body), Err(413));
        let body = zstd_of(&vec![0; FREE_EXPANSION]);
        assert_eq!(
            expanded(Encoding::Zstd, &body).unwrap().len(),
            FREE_EXPANSION
        );
    }

    #[test]
    fn a_body_that_is_cut_or_changed_is_refused() {
        for (encoding, body) in [
            (Encoding::Gzip, gzip(b"some lines\nof text\n")),
            (Encoding::Zstd, zstd_of(b"some lines\nof text\n")),
        ] {
            for len in 1..body.len() {
                assert_eq!(
                    expanded(encoding, &body[..len]),
                    Err(422),
                    "{encoding:?} {len}"
                );
            }
            assert_eq!(expanded(encoding, b"plain text"), Err(422));
        }
    }
}
