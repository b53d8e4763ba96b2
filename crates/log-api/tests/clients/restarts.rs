//! Two processes behind a proxy are restarted one after the other, under thirty `EventSource`s. Every one comes back, and sees
//! every line once.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::RedisServer;
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::chromium::{Chromium, Report, page};
use crate::programs::{Program, long_token};
use crate::proxy::{Extras, Kind, Proxy};
use crate::servers::Server;
use crate::support::Job;

const SOURCES: usize = 30;

/// What everybody must have seen, and how long nobody listened at each of the addresses.
struct Restarted {
    lines: Vec<Value>,
    away: Vec<Duration>,
}

/// Writes 50 lines a second during two rolling restarts, and ends the job.
async fn restart_twice(servers: &mut [Server; 2], job: &Arc<Job>) -> Restarted {
    let writing = tokio::spawn({
        let job = job.clone();
        async move {
            for n in 0..1_500 {
                job.append(&n.to_string()).await;
                sleep(Duration::from_millis(20)).await;
            }
        }
    });
    sleep(Duration::from_secs(2)).await;
    let mut away = Vec::new();
    for server in servers {
        away.push(server.restart().await);
        // nginx asks a service that it has found away again after 10 s.
        sleep(Duration::from_secs(11)).await;
    }
    writing.await.unwrap();
    job.set_status("ready").await;
    let lines = job.lines().await;
    let lines = lines
        .iter()
        .map(|line| json!({"id": line["id"], "text": line["text"]}));
    Restarted {
        lines: lines.collect(),
        away,
    }
}

/// What is wrong with what each source has printed: it must be each line once, in order, and the end.
fn wrong(seen: &[Value], expected: &[Value]) -> Vec<String> {
    let of_source = |number: usize| {
        let of_source = seen.iter().filter(|line| line["source"] == number);
        let mut of_source: Vec<_> = of_source.cloned().collect();
        for line in &mut of_source {
            line.as_object_mut().unwrap().remove("source");
        }
        let end = of_source.pop();
        let is_other = |(one, other): (&Value, &Value)| one != other;
        let first = of_source.iter().zip(expected).position(is_other);
        let is_right = end == Some(json!({"done": "ready"})) && of_source == expected;
        let first = first.map(|n| format!("; {} in place of {}", of_source[n], expected[n]));
        (!is_right).then(|| {
            format!(
                "source {number}: {} of {} lines, then {}{}",
                of_source.len(),
                expected.len(),
                end.unwrap_or_default(),
                first.unwrap_or_default()
            )
        })
    };
    (0..SOURCES).filter_map(of_source).collect()
}

fn assert_all_seen(proxy: &Proxy, kind: Kind, seen: &[Value], restarted: &Restarted) {
    let wrong = wrong(seen, &restarted.lines).join("\n");
    // HAProxy with its defaults gives up after three seconds of refused connections.
    let away = &restarted.away;
    assert!(
        wrong.is_empty(),
        "{kind:?}, nobody listened for {away:?}:\n{wrong}\n{}",
        proxy.log()
    );
    println!("{kind:?}: all seen; nobody listened for {away:?}");
}

const KINDS: [Kind; 4] = [
    Kind::Nginx,
    Kind::NginxKept,
    Kind::Haproxy,
    Kind::HaproxyChecked,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_event_sources_of_node_come_back_after_each_restart() {
    let redis = RedisServer::shared().await;
    let token = long_token();
    let mut servers = [Server::start(&redis).await, Server::start(&redis).await];
    let addresses = [servers[0].addr, servers[1].addr];
    let job = Arc::new(Job::new(&redis).await);
    let extras = Extras {
        token: Some(&token),
        page: None,
    };
    let mut running = Vec::new();
    for kind in KINDS {
        let proxy = Proxy::start(kind, &addresses, extras.clone()).await;
        let url = format!("http://{}{}/stream?from=start", proxy.addr, job.path());
        let sources = Program::follow(&format!("event-source:{SOURCES}"), &url, "");
        let sources = tokio::spawn(sources.finish(Duration::from_secs(180)));
        running.push((kind, proxy, sources));
    }
    let restarted = restart_twice(&mut servers, &job).await;
    for (kind, proxy, sources) in running {
        let (seen, success) = sources.await.unwrap();
        assert_all_seen(&proxy, kind, &seen, &restarted);
        assert!(success, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_event_sources_of_chromium_come_back_after_each_restart() {
    let redis = RedisServer::shared().await;
    let token = long_token();
    let mut servers = [Server::start(&redis).await, Server::start(&redis).await];
    let addresses = [servers[0].addr, servers[1].addr];
    let job = Arc::new(Job::new(&redis).await);
    let page = page();
    let (mut running, mut pages) = (Vec::new(), Vec::new());
    for kind in KINDS {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let extras = Extras {
            token: Some(&token),
            page: Some((&page, listener.local_addr().unwrap())),
        };
        let proxy = Proxy::start(kind, &addresses, extras).await;
        pages.push(format!("https://{}/page?job={}", proxy.addr, job.id));
        running.push((kind, proxy, Report::on(listener)));
    }
    let _browser = Chromium::open(&pages);
    let restarted = restart_twice(&mut servers, &job).await;
    for (kind, proxy, report) in running {
        assert_all_seen(&proxy, kind, &report.arrives().await, &restarted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_source_of_chromium_works_by_cookie_and_by_ticket() {
    let redis = RedisServer::shared().await;
    let server = Server::start(&redis).await;
    let token = long_token();
    let page = page();
    for way in ["cookie", "ticket"] {
        let job = Job::new(&redis).await;
        job.append_all(["1", "2 \u{2028} 🦀", ""]).await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let extras = Extras {
            token: None,
            page: Some((&page, listener.local_addr().unwrap())),
        };
        let proxy = Proxy::start(Kind::NginxKept, &[server.addr], extras).await;
        let query = format!("job={}&{way}={token}&count=1", job.id);
        let _browser = Chromium::open(&[format!("https://{}/page?{query}", proxy.addr)]);
        let report = Report::on(listener);
        sleep(Duration::from_secs(2)).await;
        job.append("live").await;
        job.set_status("ready").await;
        let seen = report.arrives().await;
        let texts: Vec<_> = seen
            .iter()
            .filter_map(|line| line["text"].as_str())
            .collect();
        assert_eq!(texts, ["1", "2 \u{2028} 🦀", "", "live"], "{way}");
        assert_eq!(
            seen.last(),
            Some(&json!({"source": 0, "done": "ready"})),
            "{way}"
        );
    }
    assert!(server.api().log().contains("answered"));
}
