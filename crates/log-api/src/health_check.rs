//! `log-api health`: one plain HTTP request, so that a container image needs no curl.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use url::Url;

use crate::cli_result::CliResult;
use crate::config::{Env, ServerSettings};

const TIMEOUT: Duration = Duration::from_secs(3);

/// Succeeds if `/healthz` answers 200.
pub(crate) fn run(url: Option<String>, env: &dyn Env) -> CliResult {
    let (host, addr) = match url {
        Some(url) => address_in(&url)?,
        None => own_address(env)?,
    };
    let mut stream = TcpStream::connect_timeout(&addr, TIMEOUT)
        .map_err(|error| format!("{addr} cannot be reached: {error}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut head = [0; 12];
    stream
        .read_exact(&mut head)
        .map_err(|error| format!("{addr} does not answer: {error}"))?;
    match &head {
        b"HTTP/1.1 200" => Ok(()),
        _ => Err(format!("{addr} is not healthy").into()),
    }
}

fn address_in(url: &str) -> Result<(String, SocketAddr), Box<dyn Error>> {
    const RULE: &str = "--url must be like http://127.0.0.1:8080";
    let url = Url::parse(url)
        .ok()
        .filter(|url| url.scheme() == "http")
        .ok_or(RULE)?;
    let host = url.host_str().ok_or(RULE)?.to_owned();
    let addr = url
        .socket_addrs(|| Some(80))?
        .into_iter()
        .next()
        .ok_or(RULE)?;
    Ok((host, addr))
}

/// The address of the service, as seen from this machine.
fn own_address(env: &dyn Env) -> Result<(String, SocketAddr), Box<dyn Error>> {
    let mut addr = ServerSettings::bind_from_env(env)?;
    if addr.ip().is_unspecified() {
        addr.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    Ok((addr.to_string(), addr))
}
