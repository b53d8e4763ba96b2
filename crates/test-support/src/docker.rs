//! A Redis in a container.
//!
//! All requests to the Docker engine are made on one thread with a runtime of its own, for two reasons:
//! - The connections of the client belong to the runtime that made them. Each test has a runtime of its own, which ends
//!   with the test.
//! - A handle that is dropped can wait for the removal of its container, wherever it is dropped.
//!
//! If a test process is killed, its containers stay behind. The next test process removes them: each container has a
//! label that names its process.

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::sync::OnceLock;
use std::time::Duration;

use testcontainers::bollard::Docker;
use testcontainers::bollard::models::{
    NetworkConnectRequest, NetworkDisconnectRequest, PortBinding,
};
use testcontainers::bollard::query_parameters::{
    KillContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
};
use testcontainers::core::client::docker_client_instance;
use testcontainers::core::{ContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::local::free_port;

const REDIS_PORT: u16 = 6379;

/// The network of a container that names no other.
const NETWORK: &str = "bridge";

/// The label that names the process a container belongs to.
const OWNER: &str = "log-api.test-owner";

/// Set when a port on loopback could not be reached.
static LOOPBACK_UNREACHABLE: OnceLock<()> = OnceLock::new();

/// How long an engine may take to answer a ping.
const PING_LIMIT: Duration = Duration::from_secs(5);

/// A container. It is removed when its handle is dropped.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
    id: String,
    /// Taken out before it is dropped: its own drop would remove the container on the runtime of the test.
    handle: Option<ContainerAsync<GenericImage>>,
}

/// Whether a Docker engine answers.
pub(crate) async fn is_available() -> bool {
    let pong = async {
        let client = docker_client_instance().await.ok()?;
        client.ping().await.ok()
    };
    let answered = on_engine_thread(async { tokio::time::timeout(PING_LIMIT, pong).await });
    matches!(answered.await, Ok(Some(_)))
}

impl Container {
    pub(crate) async fn start(image: &str, arguments: Vec<String>) -> Self {
        let image = image.to_owned();
        on_engine_thread(async move {
            remove_leftovers().await;
            if LOOPBACK_UNREACHABLE.get().is_none() {
                let container = Self::published(&image, &arguments, true).await;
                if TcpStream::connect((container.host, container.port))
                    .await
                    .is_ok()
                {
                    return container;
                }
                // The engine is on another machine, or the tests run in a container themselves.
                LOOPBACK_UNREACHABLE.set(()).ok();
                container.remove().await;
            }
            Self::published(&image, &arguments, false).await
        })
        .await
    }

    /// Starts a container. Its port is published on loopback, or where the engine publishes ports.
    async fn published(image: &str, arguments: &[String], on_loopback: bool) -> Self {
        // Another program may take the port between its choice and its use.
        for _ in 0..5 {
            let port = free_port();
            let error = match request(image, arguments, port, on_loopback).start().await {
                Ok(container) if on_loopback => {
                    return Self::new(Ipv4Addr::LOCALHOST.into(), port, container);
                }
                Ok(container) => {
                    let host = container.get_host().await.expect("the engine's host");
                    return Self::new(address_of(&host.to_string()), port, container);
                }
                Err(error) => error,
            };
            assert!(
                format!("{error:?}").contains("port is already allocated"),
                "the container of {image} did not start: {error}. Without a registry, `cargo xtask redis-image` makes \
                 the image"
            );
        }
        panic!("no free port for a container");
    }

    fn new(host: IpAddr, port: u16, handle: ContainerAsync<GenericImage>) -> Self {
        Self {
            host,
            port,
            id: handle.id().to_owned(),
            handle: Some(handle),
        }
    }

    async fn remove(mut self) {
        if let Some(handle) = self.handle.take() {
            handle.rm().await.ok();
        }
    }

    pub(crate) async fn stop(&self) {
        self.request(async |docker, id| docker.stop_container(&id, None).await)
            .await;
    }

    pub(crate) async fn kill(&self) {
        let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
        self.request(async |docker, id| docker.kill_container(&id, Some(options)).await)
            .await;
        // The engine answers when it has sent the signal, not when the process has ended.
        self.request(async |docker, id| {
            while docker
                .inspect_container(&id, None)
                .await?
                .state
                .and_then(|s| s.running)
                == Some(true)
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(())
        })
        .await;
    }

    pub(crate) async fn start_again(&self) {
        self.request(async |docker, id| docker.start_container(&id, None).await)
            .await;
    }

    pub(crate) async fn pause(&self) {
        self.request(async |docker, id| docker.pause_container(&id).await)
            .await;
    }

    pub(crate) async fn unpause(&self) {
        self.request(async |docker, id| docker.unpause_container(&id).await)
            .await;
    }

    /// Takes the container off its network.
    pub(crate) async fn cut_off(&self) {
        self.request(async |docker, id| {
            let cut = NetworkDisconnectRequest {
                container: id,
                force: Some(true),
            };
            docker.disconnect_network(NETWORK, cut).await
        })
        .await;
    }

    /// Puts the container back on its network.
    pub(crate) async fn connect_again(&self) {
        self.request(async |docker, id| {
            let connect = NetworkConnectRequest {
                container: id,
                endpoint_config: None,
            };
            docker.connect_network(NETWORK, connect).await
        })
        .await;
    }

    async fn request<F>(&self, operation: impl FnOnce(Docker, String) -> F + Send + 'static)
    where
        F: Future<Output = Result<(), testcontainers::bollard::errors::Error>> + Send,
    {
        let id = self.id.clone();
        on_engine_thread(async move {
            let docker = docker_client_instance().await.expect("the Docker engine");
            operation(docker, id)
                .await
                .expect("the Docker engine does it");
        })
        .await;
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else {
            return;
        };
        let (done, removed) = std::sync::mpsc::channel();
        engine_thread().spawn(async move {
            // It removes a paused or stopped container too, and its data.
            handle.rm().await.ok();
            done.send(()).ok();
        });
        removed.recv_timeout(Duration::from_secs(30)).ok();
    }
}

fn request(
    image: &str,
    arguments: &[String],
    port: u16,
    on_loopback: bool,
) -> ContainerRequest<GenericImage> {
    let (name, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
    let server = [
        "redis-server",
        "--port",
        "6379",
        "--bind",
        "0.0.0.0",
        "--protected-mode",
        "no",
    ];
    let command: Vec<_> = server
        .into_iter()
        .map(str::to_owned)
        .chain(arguments.iter().cloned())
        .collect();
    GenericImage::new(name, tag)
        .with_wait_for(WaitFor::message_on_stdout("Ready to accept connections"))
        .with_cmd(command)
        .with_label(OWNER, owner())
        .with_mapped_port(port, ContainerPort::Tcp(REDIS_PORT))
        .with_host_config_modifier(move |config| {
            if on_loopback {
                let loopback = PortBinding {
                    host_ip: Some(Ipv4Addr::LOCALHOST.to_string()),
                    host_port: Some(port.to_string()),
                };
                let bindings = HashMap::from([(format!("{REDIS_PORT}/tcp"), Some(vec![loopback]))]);
                config.port_bindings = Some(bindings);
            }
        })
}

fn address_of(host: &str) -> IpAddr {
    let mut addresses = (host, 0).to_socket_addrs().expect("the engine's host");
    let v4 = addresses.find(std::net::SocketAddr::is_ipv4);
    v4.expect("an IPv4 address of the engine's host").ip()
}

/// A name for this process: its id, its start time, the id of the machine's boot, and the process namespace. With the
/// last two, a process of another machine is not taken for one that has ended.
fn owner() -> String {
    let id = std::process::id();
    format!("{id}:{}:{}", start_time(id).unwrap_or_default(), machine())
}

fn machine() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}:{}", boot.trim(), namespace.display())
}

/// When a process started, in ticks since boot.
fn start_time(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name is in parentheses and may contain spaces. The start time is the 20th field after it.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19).map(str::to_owned)
}

/// Removes the containers of test processes that have ended.
async fn remove_leftovers() {
    static ONCE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    ONCE.get_or_init(|| async {
        let docker = docker_client_instance().await.expect("the Docker engine");
        let filters = HashMap::from([("label", vec![OWNER])]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters)
            .build();
        let all = docker.list_containers(Some(options)).await;
        for container in all.unwrap_or_default() {
            let label = container.labels.and_then(|mut labels| labels.remove(OWNER));
            if let (Some(id), Some(label)) = (container.id, label)
                && has_ended(&label)
            {
                let options = RemoveContainerOptionsBuilder::new()
                    .force(true)
                    .v(true)
                    .build();
                docker.remove_container(&id, Some(options)).await.ok();
            }
        }
    })
    .await;
}

/// Whether a label names a process of this machine that has ended.
fn has_ended(label: &str) -> bool {
    let mut parts = label.splitn(3, ':');
    let (Some(id), Some(start), Some(place)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let Ok(id) = id.parse() else { return false };
    place == machine() && start_time(id).as_deref() != Some(start)
}

/// Runs a future on the thread that makes the requests to the engine.
async fn on_engine_thread<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> T {
    match engine_thread().spawn(future).await {
        Ok(done) => done,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn engine_thread() -> &'static Handle {
    static HANDLE: OnceLock<Handle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let handle = runtime.handle().clone();
        std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        handle
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_not_ended_and_another_one_has() {
        assert!(!has_ended(&owner()));
        let ended = format!("{}:1:{}", std::process::id(), machine());
        assert!(has_ended(&ended));
        let elsewhere = format!("{}:1:elsewhere", std::process::id());
        assert!(!has_ended(&elsewhere));
    }
}
