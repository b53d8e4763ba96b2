//! The other servers that fan lines out over SSE, set up as their own documents say.

use std::path::Path;
use std::process::Command;

use crate::bench::Bench;
use crate::error::BenchError;
use crate::http;
use crate::line;
use crate::load::{Protocol, Viewers};
use crate::producer::Sink;
use crate::server::Server;

const DURABLE_STREAMS_ADVICE: &str = "`cargo xtask bench peers` installs it";
const NCHAN_ADVICE: &str = "install Debian's nginx and libnginx-mod-nchan";

/// A server beside ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// `durable-streams`, a text stream in memory mode.
    DurableStreams,
    /// nginx with nchan, messages in memory.
    Nchan,
}

impl Peer {
    /// Its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::DurableStreams => "durable-streams",
            Self::Nchan => "nchan",
        }
    }

    /// Starts it, with an empty stream.
    pub(crate) fn start(self, bench: &Bench) -> Result<Server, BenchError> {
        match self {
            Self::DurableStreams => {
                let server = durable_streams(bench)?;
                let create = "PUT /bench HTTP/1.1\r\nHost: b\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n";
                match http::status(server.address, create)? {
                    201 => Ok(server),
                    status => Err(BenchError::peer(
                        self.name(),
                        format!("it did not create a stream: {status}"),
                    )),
                }
            }
            Self::Nchan => nchan(bench),
        }
    }

    /// Its viewers.
    pub(crate) fn viewers(self, server: &Server, count: usize) -> Viewers {
        let path = match self {
            Self::DurableStreams => "/bench?offset=now&live=sse",
            Self::Nchan => "/sub",
        };
        Viewers {
            server: server.address,
            count,
            request: format!(
                "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
            ),
            first: 1,
            reads: true,
        }
    }

    /// A producer's requests: a `POST` a line. The line break ends the line in a stream of text, and only there is it
    /// part of what is sent.
    pub(crate) fn sink(self, server: &Server) -> Sink {
        let (path, end) = match self {
            Self::DurableStreams => ("/bench", "\n"),
            Self::Nchan => ("/pub", ""),
        };
        Sink {
            server: server.address,
            protocol: Protocol::Http,
            // nchan leaves requests that wait behind others without an answer, a few in a thousand.
            pipelined: self == Self::DurableStreams,
            request: Box::new(move |k, now| {
                let text = line::text(k + 1, now);
                let length = text.len() + end.len();
                let head = format!(
                    "POST {path} HTTP/1.1\r\nHost: b\r\nContent-Type: text/plain\r\nContent-Length: {length}"
                );
                format!("{head}\r\n\r\n{text}{end}").into_bytes()
            }),
        }
    }
}

fn durable_streams(bench: &Bench) -> Result<Server, BenchError> {
    let program = &bench.programs.durable_streams;
    present("durable-streams-server", program, DURABLE_STREAMS_ADVICE)?;
    Server::start("durable-streams", &bench.stop, |address, folder| {
        let mut command = Command::new(program);
        command.args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
        command
            .args(["--durability", "memory", "--data-dir"])
            .arg(folder.path().join("data"));
        Ok(command)
    })
}

fn nchan(bench: &Bench) -> Result<Server, BenchError> {
    let (program, module) = (&bench.programs.nginx, &bench.programs.nchan);
    present("nginx", program, NCHAN_ADVICE)?;
    present("nchan", module, NCHAN_ADVICE)?;
    Server::start("nchan", &bench.stop, |address, folder| {
        let conf = folder.path().join("nginx.conf");
        let text = format!(
            "load_module {};\ndaemon off;\nworker_processes auto;\npid nginx.pid;\nerror_log error.log warn;\n\
             events {{ worker_connections 19000; }}\n\
             http {{\n\
               access_log off;\n\
               client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;\n\
               scgi_temp_path scgi;\n\
               nchan_shared_memory_size 512M;\n\
               server {{\n\
                 listen {address} backlog=4096;\n\
                 keepalive_requests 100000000;\n\
                 location = /pub {{ nchan_publisher http; nchan_channel_id bench; nchan_message_timeout 10m;\n\
                                    nchan_message_buffer_length 200000; }}\n\
                 location = /sub {{ nchan_subscriber eventsource; nchan_channel_id bench;\n\
                                    nchan_subscriber_first_message oldest; }}\n\
               }}\n\
             }}\n",
            module.display()
        );
        std::fs::write(&conf, text).map_err(BenchError::io("write nginx.conf"))?;
        let mut command = Command::new(program);
        command.arg("-p").arg(folder.path()).arg("-c").arg(conf);
        Ok(command)
    })
}

fn present(program: &'static str, path: &Path, advice: &'static str) -> Result<(), BenchError> {
    if path.is_file() {
        return Ok(());
    }
    Err(BenchError::Absent {
        program,
        path: path.display().to_string(),
        advice,
    })
}
