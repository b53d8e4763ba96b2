//! A real Chromium, driven by `WebDriver`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::mem::ManuallyDrop;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities as _;
use thirtyfour::{DesiredCapabilities, WebDriver};

/// How a Chromium is started.
#[derive(Debug, Clone, Default)]
pub struct ChromiumOptions {
    /// Further arguments of the browser.
    pub arguments: Vec<String>,
    /// The size of a phone's screen, with touch.
    pub phone: bool,
}

/// A Chromium without a window, with a profile of its own. It ends when this is dropped, also in a test that fails.
pub struct Chromium {
    /// Drives the browser. It is never dropped: its own way to end the session waits for the runtime that drops it.
    pub web: ManuallyDrop<WebDriver>,
    chromedriver: Child,
    address: SocketAddr,
    session: String,
    _profile: TempDir,
}

impl Chromium {
    /// A browser with default options.
    pub async fn new() -> Self {
        Self::start(ChromiumOptions::default()).await
    }

    /// Starts a browser.
    ///
    /// # Panics
    /// If there is no browser, or no driver for it: then it says what to install.
    pub async fn start(options: ChromiumOptions) -> Self {
        let mut chromedriver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("chromedriver cannot be started ({error}); `cargo xtask test --full` installs it (Debian: chromium-driver)")
            });
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port_of(&mut chromedriver)));
        let profile = TempDir::with_prefix("chromium-").unwrap();
        let capabilities = capabilities(&options, &profile);
        let web = match WebDriver::new(format!("http://{address}"), capabilities).await {
            Ok(web) => web,
            Err(error) => {
                let _ = chromedriver.kill();
                panic!(
                    "Chromium cannot be started: {error}; `cargo xtask test --full` installs it (Debian: chromium)"
                );
            }
        };
        let session = web.handle().session_id().to_string();
        web.set_script_timeout(Duration::from_secs(60))
            .await
            .unwrap();
        Self {
            web: ManuallyDrop::new(web),
            chromedriver,
            address,
            session,
            _profile: profile,
        }
    }

    /// Opens an address.
    pub async fn open(&self, url: &str) {
        self.web.goto(url).await.unwrap();
    }

    /// Runs the body of an async function in the page, and returns its value.
    ///
    /// # Panics
    /// If it throws.
    pub async fn run(&self, body: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             (async () => {{ {body} }})().then((value) => done({{ value: value ?? null }}), (error) => done({{ error: String(error.stack ?? error) }}));"
        );
        let answer = self.web.execute_async(script, Vec::new()).await;
        let mut answer = answer
            .unwrap_or_else(|error| panic!("{error}\n{body}"))
            .json()
            .clone();
        if let Some(error) = answer.get("error") {
            panic!("{error}\nin {body}");
        }
        answer["value"].take()
    }

    /// Sends a command of the `DevTools` protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.web.cdp().send_raw(command, parameters).await.unwrap()
    }
}

impl Drop for Chromium {
    /// Ends the session and its browser. A driver that is killed would leave the browser behind.
    fn drop(&mut self) {
        if let Ok(mut driver) = TcpStream::connect_timeout(&self.address, Duration::from_secs(2)) {
            let request = format!(
                "DELETE /session/{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                self.session, self.address
            );
            let _ = driver.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = driver.write_all(request.as_bytes());
            let _ = driver.read(&mut [0; 64]);
        }
        let _ = self.chromedriver.kill();
        let _ = self.chromedriver.wait();
    }
}

/// The port that the driver has chosen, which it prints.
fn port_of(chromedriver: &mut Child) -> u16 {
    let mut lines = BufReader::new(chromedriver.stdout.take().unwrap()).lines();
    let port = lines.find_map(|line| {
        let line = line.ok()?;
        let port = line.rsplit_once("successfully on port ")?.1;
        port.trim_end_matches('.').parse().ok()
    });
    // What it says later must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    port.expect("chromedriver says its port")
}

fn capabilities(options: &ChromiumOptions, profile: &TempDir) -> thirtyfour::ChromeCapabilities {
    let mut capabilities = DesiredCapabilities::chrome();
    let profile = format!("--user-data-dir={}", profile.path().display());
    let fixed = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1280,800",
        "--ignore-certificate-errors",
        "--lang=en-US",
        profile.as_str(),
    ];
    let further = options.arguments.iter().map(String::as_str);
    for argument in fixed.into_iter().chain(further) {
        capabilities.add_arg(argument).unwrap();
    }
    if options.phone {
        let metrics = json!({"width": 390, "height": 780, "pixelRatio": 2.0, "touch": true});
        let emulation = json!({ "deviceMetrics": metrics });
        capabilities
            .add_experimental_option("mobileEmulation", emulation)
            .unwrap();
    }
    capabilities
}
