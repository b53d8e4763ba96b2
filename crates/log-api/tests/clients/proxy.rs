//! Real proxies, as Debian packages them, each with a configuration of its own in a temporary folder.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use test_support::free_address;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::documented::program;

/// A proxy and how it is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing but where to go: HTTP/1.0 to the service.
    Nginx,
    /// As docs/CLIENTS.md recommends it: HTTP/1.1, connections that are kept.
    NginxKept,
    /// Told to compress everything.
    NginxCompressing,
    /// HTTP/2 to the client, without TLS.
    NginxHttp2,
    Haproxy,
    /// As docs/CLIENTS.md recommends it: it asks whether the service is ready.
    HaproxyChecked,
    /// With `encode`.
    Caddy,
    /// With `mod_deflate` for the types for which Debian turns it on.
    Apache,
    /// Nothing but where to go.
    Varnish,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Nginx,
        Self::NginxKept,
        Self::NginxHttp2,
        Self::Haproxy,
        Self::HaproxyChecked,
        Self::Caddy,
        Self::Apache,
        Self::Varnish,
    ];
}

/// What a proxy serves besides the service.
#[derive(Debug, Default, Clone)]
pub(crate) struct Extras<'a> {
    /// Sent to the service as a bearer token with every request.
    pub(crate) token: Option<&'a str>,
    /// A page at `/page`, and where `/report` goes. With them, the proxy speaks HTTP/2 over TLS.
    pub(crate) page: Option<(&'a Path, SocketAddr)>,
}

/// A running proxy. Killed on drop.
pub(crate) struct Proxy {
    child: Child,
    pub(crate) addr: SocketAddr,
    /// Whether it has processes of its own.
    has_workers: bool,
    folder: TempDir,
}

impl Proxy {
    pub(crate) async fn start(kind: Kind, services: &[SocketAddr], extras: Extras<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let addr = free_address();
        if extras.page.is_some() {
            make_certificate(folder.path());
        }
        let setup = Setup {
            addr,
            services,
            extras,
            folder: folder.path(),
        };
        let (program, arguments, text) = match kind {
            Kind::Nginx | Kind::NginxKept | Kind::NginxCompressing | Kind::NginxHttp2 => {
                ("nginx", &["-c"][..], setup.nginx(kind))
            }
            Kind::Haproxy | Kind::HaproxyChecked => {
                ("haproxy", &["-db", "-f"][..], setup.haproxy(kind))
            }
            Kind::Caddy => (
                "caddy",
                &["run", "--adapter", "caddyfile", "--config"][..],
                setup.caddy(),
            ),
            Kind::Apache => ("apache2", &["-D", "FOREGROUND", "-f"][..], setup.apache()),
            Kind::Varnish => ("varnishd", &["-F", "-f"][..], setup.varnish()),
        };
        let file = folder.path().join("proxy.conf");
        std::fs::write(&file, text).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg(&file)
            .env("HOME", folder.path());
        if kind == Kind::Varnish {
            let (work, listen) = (folder.path().join("varnish"), addr.to_string());
            command.arg("-n").arg(work).args(["-a", &listen]);
            command.args(["-j", "none", "-s", "malloc,16m"]);
        }
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut proxy = Self {
            child,
            addr,
            has_workers: matches!(program, "nginx" | "apache2" | "varnishd"),
            folder,
        };
        proxy.listens().await;
        proxy
    }

    /// What it has written to its log.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    async fn listens(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(self.addr).await.is_err() {
            let log = self.log();
            assert_eq!(self.child.try_wait().unwrap(), None, "{log}");
            assert!(Instant::now() < deadline, "it does not listen: {log}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if self.has_workers {
            // It ends its worker processes at once, and then itself.
            let pid = self.child.id().to_string();
            let _ = Command::new("kill").args(["-s", "TERM", &pid]).status();
        } else {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// nginx and `HAProxy` with their defaults, for the places of the configurations that docs/CLIENTS.md prints.
const PLAIN_NGINX: &str = "upstream joblog {
    server 10.0.0.1:8080;
}
server {
    listen 443 ssl http2;
    location /api/jobs/ {
        proxy_pass http://joblog;
    }
}
";
const PLAIN_HAPROXY: &str = "backend joblog
    server a 10.0.0.1:8080
";

struct Setup<'a> {
    addr: SocketAddr,
    services: &'a [SocketAddr],
    extras: Extras<'a>,
    folder: &'a Path,
}

impl Setup<'_> {
    fn nginx(&self, kind: Kind) -> String {
        let (addr, folder) = (self.addr, self.folder.display());
        // nginx does not know `no-transform`; it compresses what it is told to.
        let gzip_types = if kind == Kind::NginxCompressing {
            "*"
        } else {
            "text/plain application/json application/x-ndjson"
        };
        let listen = match (kind, self.extras.page) {
            (_, Some(_)) => format!("listen {addr} ssl http2;"),
            (Kind::NginxHttp2, None) => format!("listen {addr} http2;"),
            _ => format!("listen {addr};"),
        };
        let token = self.extras.token.map_or_else(String::new, |token| {
            format!("proxy_set_header Authorization \"Bearer {token}\";")
        });
        let page = self.extras.page.map_or_else(String::new, |(page, report)| {
            format!(
                "ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
                location = /page {{ default_type text/html; alias {}; }}
                location = /report {{ client_max_body_size 0; proxy_pass http://{report}; }}",
                page.display()
            )
        });
        let printed = if kind == Kind::Nginx {
            PLAIN_NGINX
        } else {
            program("nginx")
        };
        let service = self
            .to_services(printed)
            .replace("listen 443 ssl http2;", &format!("{listen} {page}"))
            .replace("location /api/jobs/ {", &format!("location / {{ {token}"));
        format!(
            "daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;
            events {{ worker_connections 1000; }}
            http {{
                access_log off; gzip on; gzip_proxied any; gzip_types {gzip_types};
                client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
                uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
                {service}
            }}"
        )
    }

    /// A configuration as docs/CLIENTS.md prints it, with a line for each of these services.
    fn to_services(&self, printed: &str) -> String {
        let mut text = String::new();
        for line in printed.lines() {
            if line.contains("10.0.0.1:8080") {
                for (n, service) in self.services.iter().enumerate() {
                    let line = line.replace("10.0.0.1:8080", &service.to_string());
                    let line = line.replace("server a ", &format!("server s{n} "));
                    let _ = writeln!(text, "{line}");
                }
            } else if !line.contains("10.0.0.2:8080") {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }

    fn haproxy(&self, kind: Kind) -> String {
        let (addr, folder) = (self.addr, self.folder.display());
        let mut text = format!(
            "global\n  maxconn 1000\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 50s\n  timeout server 50s\n\
             frontend front\n  bind {addr}"
        );
        if let Some((page, _)) = self.extras.page {
            let key = std::fs::read_to_string(self.folder.join("key.pem")).unwrap();
            let cert = std::fs::read_to_string(self.folder.join("cert.pem")).unwrap();
            std::fs::write(self.folder.join("both.pem"), cert + key.as_str()).unwrap();
            let _ = writeln!(
                text,
                " ssl crt {folder}/both.pem alpn h2,http/1.1\n  http-request return status 200 content-type text/html file {} if {{ path /page }}\n  \
                 use_backend report if {{ path /report }}",
                page.display()
            );
        }
        text += "\n  compression algo gzip\n  compression type text/event-stream text/plain\n  default_backend joblog\n";
        let printed = if kind == Kind::Haproxy {
            PLAIN_HAPROXY
        } else {
            program("HAProxy")
        };
        text += &self.to_services(printed);
        if let Some(token) = self.extras.token {
            let _ = writeln!(
                text,
                "    http-request set-header Authorization \"Bearer {token}\""
            );
        }
        if let Some((_, report)) = self.extras.page {
            let _ = writeln!(text, "backend report\n  server report {report}");
        }
        text
    }

    fn caddy(&self) -> String {
        let services = self
            .services
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ");
        let folder = self.folder.display();
        format!(
            "{{\n  admin off\n  auto_https off\n  storage file_system {folder}\n}}\nhttp://{} {{\n  bind 127.0.0.1\n  encode gzip\n  \
             reverse_proxy {services}\n}}\n",
            self.addr
        )
    }

    fn apache(&self) -> String {
        let folder = self.folder.display();
        let modules = [
            "mpm_event",
            "authz_core",
            "proxy",
            "proxy_http",
            "filter",
            "deflate",
        ];
        let mut text = String::new();
        for module in modules {
            let _ = writeln!(
                text,
                "LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so"
            );
        }
        let _ = writeln!(
            text,
            "ServerRoot {folder}\nDefaultRuntimeDir {folder}\nPidFile {folder}/pid\nServerName localhost\nListen {}\n\
             ErrorLog /dev/stderr\n\
             AddOutputFilterByType DEFLATE text/html text/plain application/json\nProxyPass / http://{}/",
            self.addr, self.services[0]
        );
        text
    }

    fn varnish(&self) -> String {
        let service = self.services[0];
        format!(
            "vcl 4.1;\nbackend service {{ .host = \"{}\"; .port = \"{}\"; }}\n",
            service.ip(),
            service.port()
        )
    }
}

fn make_certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem".split(' '))
        .current_dir(folder)
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success(), "openssl");
}
