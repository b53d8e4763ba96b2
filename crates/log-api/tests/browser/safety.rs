//! What a hostile log tries, under the page's policy.

use serde_json::json;

use crate::page::Page;
use crate::support::{Job, shared};

#[tokio::test]
async fn text_links_and_names_never_become_code() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let hostile = [
        "<script>window.broken = 1</script>",
        "<img src=x onerror=\"window.broken = 2\">",
        "\"><svg onload=window.broken=3>",
        "\x1b]8;;javascript:window.broken=4\x1b\\click\x1b]8;;\x1b\\",
        "\x1b]8;;data:text/html,<script>parent.broken=5</script>\x07click\x1b]8;;\x07",
        "::group::<img src=x onerror=window.broken=6>",
        "inside",
        "::endgroup::",
        "https://a.example/\"onmouseover=\"window.broken=7",
        "{{constructor.constructor('window.broken=8')()}}",
    ];
    job.append_all(hostile).await;
    let phase = "<img src=x onerror=window.broken=9>".as_bytes();
    job.append_entry(
        "*",
        &[
            b"text",
            b"in a phase",
            b"phase",
            phase,
            b"source",
            b"\"><script>1</script>",
        ],
    )
    .await;
    let page = Page::open(&api, &job).await;
    page.until("texts().includes('in a phase')").await;
    page.run("press(']'); await frame(); for (const link of root.querySelectorAll('.text a')) link.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }));").await;
    page.run("log.search('<img src=x onerror=window.broken=10>'); await new Promise((done) => setTimeout(done, 500));").await;
    assert_eq!(page.get("window.broken ?? null").await, json!(null));
    assert_eq!(
        page.get(
            "root.querySelectorAll('.rows img, .rows script, .rows svg, .rows iframe').length"
        )
        .await,
        json!(0)
    );
    let links = page
        .text("[...root.querySelectorAll('.text a')].map((link) => link.href).join(' ')")
        .await;
    assert_eq!(links, "https://a.example/");
    let rel = page.text("root.querySelector('.text a').rel").await;
    for word in ["noopener", "noreferrer", "nofollow", "ugc"] {
        assert!(rel.contains(word), "{rel}");
    }
    assert_eq!(page.text("texts()[0]").await, hostile[0]);
}

#[tokio::test]
async fn the_policy_refuses_what_a_fault_of_ours_would_let_in() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let page = Page::open(&api, &job).await;
    let refused = page
        .run(
            "const tries = [
                 () => { document.body.innerHTML = '<b>x</b>'; },
                 () => { document.body.insertAdjacentHTML('beforeend', '<b>x</b>'); },
                 () => { document.createElement('iframe').srcdoc = '<b>x</b>'; },
                 () => { document.createElement('script').text = 'window.broken = 1'; },
             ];
             let refused = 0;
             for (const attempt of tries) try { attempt(); } catch { refused += 1; }
             const away = await fetch('https://example.com/').then(() => 'sent', () => 'refused');
             return [refused, away];",
        )
        .await;
    assert_eq!(refused, json!([4, "refused"]));
}

#[tokio::test]
async fn characters_that_deceive_are_marked_and_copied_as_they_are() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let text = "if admin\u{202e} } else {\u{2066} // \u{200b}ok\u{7}";
    job.append(text).await;
    let page = Page::open(&api, &job).await;
    page.until_lines(1).await;
    let marks = page
        .text("[...root.querySelectorAll('.mark')].map((mark) => mark.dataset.name).join()")
        .await;
    assert_eq!(marks, "RLO,LRI,ZWSP,^G");
    page.run("press('a', { ctrlKey: true })").await;
    assert_eq!(page.text("copied()").await, text);
}
