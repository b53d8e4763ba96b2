//! A page of history.

use test_support::RedisServer;

use crate::support::{Api, Job};

#[tokio::test]
async fn a_page_is_the_newest_lines_oldest_first() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let ids = job.append_all(["a", "b", "c"]).await;

    let answer = api.get(&format!("{}?limit=2", job.path())).await;

    assert_eq!(answer.status, 200);
    let page = answer.json();
    let texts: Vec<_> = page["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["text"].clone())
        .collect();
    assert_eq!(texts, ["b", "c"]);
    assert_eq!(page["has_more"], true);
    assert_eq!(
        (&page["oldest_id"], &page["newest_id"]),
        (&ids[1].clone().into(), &ids[2].clone().into())
    );
}
