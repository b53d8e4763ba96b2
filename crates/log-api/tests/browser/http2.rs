//! The page through nginx over HTTP/2, where many streams share one connection.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::page::{Page, address, assert_whole};
use crate::support::{Job, shared};

/// An nginx with a certificate of its own in front of a server.
struct Nginx {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Nginx {
    async fn before(server: SocketAddr) -> Self {
        let folder = TempDir::with_prefix("nginx-").unwrap();
        let at = folder.path().display();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let made = Command::new("openssl")
            .args("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem".split(' '))
            .current_dir(folder.path())
            .stderr(Stdio::null())
            .status();
        assert!(
            made.expect("openssl (`cargo xtask test --full` installs it)")
                .success()
        );
        let configuration = format!(
            "daemon off; pid {at}/pid; error_log {at}/error.log; events {{}}
             http {{
                 access_log off;
                 client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
                 server {{
                     listen 127.0.0.1:{port} ssl http2;
                     ssl_certificate {at}/cert.pem; ssl_certificate_key {at}/key.pem;
                     location / {{ proxy_pass http://{server}; proxy_http_version 1.1; proxy_set_header Connection ''; }}
                 }}
             }}"
        );
        std::fs::write(folder.path().join("nginx.conf"), configuration).unwrap();
        let child = Command::new("nginx")
            .arg("-e")
            .arg(folder.path().join("start.log"))
            .arg("-c")
            .arg(folder.path().join("nginx.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx (`cargo xtask test --full` installs it)");
        let nginx = Self {
            child,
            port,
            _folder: folder,
        };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return nginx;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "nginx does not listen: {}",
            std::fs::read_to_string(nginx._folder.path().join("error.log")).unwrap_or_default()
        );
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM, so that its workers end too.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn eight_tabs_share_one_connection_and_each_has_its_stream() {
    let (redis, api) = shared().await;
    let nginx = Nginx::before(api.addr).await;
    let job = Job::new(&redis).await;
    job.append_all((0..600).map(|n| format!("line {n}"))).await;
    let plain = format!("http://{}", api.addr);
    let secure = format!("https://localhost:{}", nginx.port);
    let page = Page::open(&api, &job).await;
    let mut tabs = Vec::new();
    for _ in 0..8 {
        let tab = page.browser.web.new_tab().await.unwrap();
        page.browser
            .web
            .switch_to_window(tab.clone())
            .await
            .unwrap();
        page.browser
            .open(&address(&api, &job, "").replace(&plain, &secure))
            .await;
        page.until(
            "log?.dataset.state === 'live' && root.querySelector('.detail').textContent === ''",
        )
        .await;
        tabs.push(tab);
    }
    let protocols = page.run("return [...new Set(performance.getEntriesByType('resource').map((entry) => entry.nextHopProtocol))]").await;
    assert_eq!(protocols, json!(["h2"]));
    job.append("to all").await;
    for tab in tabs {
        page.browser.web.switch_to_window(tab).await.unwrap();
        page.until("texts().at(-1) === 'to all'").await;
    }
    assert_whole(&page, &job).await;
}
