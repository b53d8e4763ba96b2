//! The log page as it is served: its pages, its modules, and what turns them off. What the page does is in tests/browser.

use test_support::RedisServer;

use crate::support::{Api, shared};

/// The first address of a module in a page.
fn module(html: &str, name: &str) -> String {
    let start = html.find("/viewer/").expect("a module");
    let version = html[start..].split('/').nth(2).unwrap();
    format!("/viewer/{version}/{name}")
}

#[tokio::test]
async fn the_page_of_any_job_is_served_to_anybody_under_a_strict_policy() {
    let (_redis, api) = shared().await;
    let page = api.anonymous().get("/jobs/no-such-job").send().await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert!(page.header("x-request-id").is_some());
    let policy = page.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(
            policy.split("; ").any(|given| given == part),
            "{part}: {policy}"
        );
    }
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[tokio::test]
async fn a_module_is_kept_by_its_version_and_asked_for_without_it() {
    let (_redis, api) = shared().await;
    let html = api.anonymous().get("/jobs/x").send().await;
    let kept = module(html.text(), "element/job-log.js");
    let answer = api.anonymous().get(&kept).send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
    let plain = "/viewer/element/job-log.js";
    let answer = api.anonymous().get(plain).send().await;
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let tag = answer.header("etag").unwrap().to_owned();
    assert!(tag.starts_with('"'), "a strong tag: {tag}");
    let again = api.anonymous().get(plain).header("If-None-Match", &tag);
    let again = again.send().await;
    assert_eq!((again.status, again.text()), (304, ""));
    let packed = api.anonymous().get(plain).header("Accept-Encoding", "gzip");
    let packed = packed.send().await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_ne!(packed.header("etag"), Some(tag.as_str()));
}

#[tokio::test]
async fn a_page_is_one_script_and_so_is_the_element_for_other_sites() {
    let (_redis, api) = shared().await;
    let mut bytes = 0;
    let html = api.anonymous().get("/jobs/x").send().await;
    for name in ["page.js", "page/page.css"] {
        let file = module(html.text(), name);
        assert!(html.text().contains(&format!("\"{file}\"")), "{name}");
        let packed = api.anonymous().get(&file).header("Accept-Encoding", "gzip");
        let packed = packed.send().await;
        assert_eq!(packed.status, 200, "{name}");
        let length = packed.header("content-length").unwrap();
        bytes += length.parse::<usize>().unwrap();
    }
    assert!(bytes < 60_000, "a visit costs {bytes} bytes");
    let element = api.anonymous().get("/viewer/job-log.js").send().await;
    assert_eq!(element.header("access-control-allow-origin"), Some("*"));
    assert!(!element.text().contains("\nimport "));
    assert!(element.text().contains("\nexport const { JobLog } = $"));
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_read_is_refused_as_everywhere() {
    let (_redis, api) = shared().await;
    for path in [
        "/viewer/no-such.js",
        "/viewer/",
        "/viewer/../Cargo.toml",
        "/viewer/test/model.test.js",
    ] {
        let answer = api.anonymous().get(path).send().await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["code"], "route-not-found", "{path}");
    }
    let answer = api.anonymous().request("POST", "/jobs/x").send().await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), Some("GET, HEAD"));
}

#[tokio::test]
async fn a_log_is_shown_in_frames_of_named_origins_only() {
    let redis = RedisServer::shared().await;
    let origins = [("LOG_API_EMBED_ORIGINS", "https://app.example.com")];
    let api = Api::start(&redis.url(), &origins).await;
    let policy = |path: &'static str| async {
        let answer = api.anonymous().get(path).send().await;
        answer.header("content-security-policy").unwrap().to_owned()
    };
    assert!(
        policy("/embed/jobs/x")
            .await
            .contains("frame-ancestors https://app.example.com;")
    );
    assert!(policy("/jobs/x").await.contains("frame-ancestors 'none';"));
}

#[tokio::test]
async fn turned_off_nothing_of_the_page_is_there() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_VIEWER", "off")]).await;
    for path in ["/jobs/x", "/embed/jobs/x", "/viewer/element/job-log.js"] {
        assert_eq!(api.anonymous().get(path).send().await.status, 404, "{path}");
    }
}
