//! As much of HTTP/1.1 as it takes to ask a server something and read the answer.

use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::BenchError;

/// Asks once on a connection of its own; the answer's status.
pub(crate) fn status(server: SocketAddr, request: &str) -> Result<u16, BenchError> {
    let ask = || -> std::io::Result<u16> {
        let mut socket = TcpStream::connect(server)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        socket.write_all(request.as_bytes())?;
        read_answer(&mut BufReader::new(socket))
    };
    ask().map_err(BenchError::io(format!("ask the server at {server}")))
}

/// Reads one answer, body included, from a connection that stays; its status.
pub(crate) fn read_answer(from: &mut impl BufRead) -> std::io::Result<u16> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.ok_or(std::io::ErrorKind::InvalidData)?;
    let mut length = 0;
    loop {
        line.clear();
        from.read_line(&mut line)?;
        let Some((key, value)) = line.trim_end().split_once(':') else {
            break;
        };
        if key.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_on_one_connection_are_read_one_by_one() {
        let wire =
            b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 204 No Content\r\n\r\n";
        let mut from = BufReader::new(&wire[..]);
        assert_eq!(read_answer(&mut from).unwrap(), 201);
        assert_eq!(read_answer(&mut from).unwrap(), 204);
        read_answer(&mut from).unwrap_err();
    }
}
