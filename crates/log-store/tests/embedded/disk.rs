//! The store on disk.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use log_domain::{EntryId, JobId, JobStatus, LogBounds, ReadLimit, UserId};
use log_store::conformance::{
    JobSubject, JobWriteSubject, LogSubject, NumberedSubject, RevocationSubject, RunSubject,
    Subject, TicketSubject, fresh_job, lifecycle, new_job,
};
use log_store::{
    EmbeddedOptions, EmbeddedStore, JobWrites, Jobs, LogAppend, LogStore, NewJob, NewLine,
    NumberedAppend, OpenError, Revocations, RunClaims, Tickets, Transition,
};
use tempfile::TempDir;
use tokio::time::timeout;

struct Disk {
    store: EmbeddedStore,
    /// Removed after the store is gone.
    _dir: TempDir,
}

impl Subject for Disk {
    fn watched(&self) -> usize {
        self.store.watched()
    }

    /// A write waits for the disk.
    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

#[async_trait]
impl LogSubject for Disk {
    fn store(&self) -> Arc<dyn LogStore> {
        Arc::new(self.store.clone())
    }

    fn appender(&self) -> Arc<dyn LogAppend> {
        Arc::new(self.store.clone())
    }

    async fn append_at(&self, job: &JobId, id: EntryId, line: &NewLine) {
        self.store.append_at(job, id, line).await;
    }

    async fn put_raw_line(&self, job: &JobId, id: EntryId, fields: &[(&str, &[u8])]) {
        self.store.put_raw_line(job, id, fields).await;
    }

    async fn trim_to(&self, job: &JobId, keep: usize) {
        self.store.trim_to(job, keep).await;
    }

    async fn delete_line(&self, job: &JobId, id: EntryId) {
        self.store.delete_line(job, id).await;
    }

    async fn delete_log(&self, job: &JobId) {
        self.store.delete_log(job).await;
    }

    async fn age_log(&self, job: &JobId, by: Duration) {
        self.store.age_log(job, by).await;
    }
}

impl NumberedSubject for Disk {
    fn numbered(&self) -> Arc<dyn NumberedAppend> {
        Arc::new(self.store.clone())
    }
}

#[async_trait]
impl JobSubject for Disk {
    fn jobs(&self) -> Arc<dyn Jobs> {
        Arc::new(self.store.clone())
    }

    async fn put_job(&self, job: &JobId, owner: &str) {
        self.store.create(job, &new_job(owner)).await.unwrap();
    }

    async fn set_status_raw(&self, job: &JobId, status: Option<&str>) {
        self.store.set_status_raw(job, status).await;
    }

    async fn remove_owner(&self, job: &JobId) {
        self.store.remove_owner(job).await;
    }

    async fn set_org_raw(&self, job: &JobId, org: Option<&str>) {
        self.store.set_org_raw(job, org).await;
    }

    async fn delete_job(&self, job: &JobId) {
        self.store.delete_job(job).await;
    }
}

impl JobWriteSubject for Disk {
    fn job_writes(&self) -> Arc<dyn JobWrites> {
        Arc::new(self.store.clone())
    }
}

impl RunSubject for Disk {
    fn runs(&self) -> Arc<dyn RunClaims> {
        Arc::new(self.store.clone())
    }
}

impl TicketSubject for Disk {
    fn tickets(&self) -> Arc<dyn Tickets> {
        Arc::new(self.store.clone())
    }
}

impl RevocationSubject for Disk {
    fn revocations(&self) -> Arc<dyn Revocations> {
        Arc::new(self.store.clone())
    }
}

async fn subject() -> Disk {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, EmbeddedOptions::default()).await;
    Disk { store, _dir: dir }
}

async fn open(dir: &TempDir, options: EmbeddedOptions) -> EmbeddedStore {
    EmbeddedStore::open(dir.path(), options).await.unwrap()
}

log_store::log_store_conformance!(subject());

const HOUR: Duration = Duration::from_secs(3600);

fn lines(texts: impl IntoIterator<Item = u64>) -> Vec<NewLine> {
    let line = |n: u64| NewLine {
        text: Some(n.to_string()),
        ..NewLine::default()
    };
    texts.into_iter().map(line).collect()
}

fn anns_job() -> NewJob {
    NewJob::new(UserId::new("ann").unwrap(), SystemTime::now())
}

#[tokio::test]
async fn a_store_that_is_opened_again_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (kept, forgotten) = (fresh_job(), fresh_job());
    let store = open(&dir, EmbeddedOptions::default()).await;
    let ids = store.append(&kept, &lines(0..10)).await.unwrap();
    store.append(&forgotten, &lines(0..10)).await.unwrap();
    store.delete_line(&kept, ids[3]).await;
    store.delete_log(&forgotten).await;
    store.create(&kept, &anns_job()).await.unwrap();
    let before = store
        .read_after(&kept, EntryId::ZERO, ReadLimit::lines(100))
        .await
        .unwrap();
    store.close().await;

    let store = open(&dir, EmbeddedOptions::default()).await;
    let after = store
        .read_after(&kept, EntryId::ZERO, ReadLimit::lines(100))
        .await
        .unwrap();
    assert_eq!(after, before);
    assert_eq!(store.bounds(&forgotten).await.unwrap(), LogBounds::ABSENT);
    let job = store.get(&kept).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.owner),
        (JobStatus::QUEUED, UserId::new("ann"))
    );
    let next = store.append(&kept, &lines(10..11)).await.unwrap();
    assert!(next[0] > ids[9]);
}

#[tokio::test]
async fn a_directory_can_be_opened_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, EmbeddedOptions::default()).await;
    let second = EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await;
    let error = second.unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .contains(&dir.path().display().to_string())
    );
    assert!(error.to_string().contains("in use"));
    store.close().await;
    open(&dir, EmbeddedOptions::default()).await;
}

#[tokio::test]
async fn a_file_of_another_kind_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("log-store.redb"), b"not a database").unwrap();
    let opened = EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await;
    assert!(
        matches!(opened, Err(OpenError::Backend { .. })),
        "{opened:?}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_can_read_a_directory_that_the_store_creates() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b");
    EmbeddedStore::open(&path, EmbeddedOptions::default())
        .await
        .unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn a_log_keeps_its_newest_lines_and_little_more() {
    const KEPT: u64 = 200;
    let dir = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions::default().max_lines(KEPT);
    let (store, job) = (open(&dir, options).await, fresh_job());
    let mut appended = 0;
    for size in [1, 150, 49, 3, 1, 1, 60, 700, 1] {
        store
            .append(&job, &lines(appended..appended + size))
            .await
            .unwrap();
        appended += size;
        let tail = store
            .read_after(&job, EntryId::ZERO, ReadLimit::lines(10_000))
            .await
            .unwrap();
        let bounds = tail.bounds;
        assert_eq!(bounds.entries_added, appended);
        assert_eq!(bounds.length, tail.lines.len() as u64);
        assert!(
            (KEPT.min(appended)..=KEPT + KEPT / 50).contains(&bounds.length),
            "{bounds:?}"
        );
        assert_eq!(bounds.first_id, Some(tail.lines[0].id));
        let oldest = appended - bounds.length;
        assert_eq!(tail.lines[0].text, Some(oldest.to_string()));
        assert_eq!(tail.gap(EntryId::ZERO).is_some(), oldest > 0);
    }
}

#[tokio::test]
async fn a_job_expires_when_its_log_and_its_record_are_old() {
    let dir = tempfile::tempdir().unwrap();
    let (store, job) = (open(&dir, EmbeddedOptions::default()).await, fresh_job());
    store.create(&job, &anns_job()).await.unwrap();
    store.append(&job, &lines(0..3)).await.unwrap();
    store.age_job(&job, 49 * HOUR).await;
    assert!(store.get(&job).await.unwrap().is_some(), "its log is there");
    let step = Transition {
        to: JobStatus::STARTING,
        message: String::new(),
        at: SystemTime::now(),
    };
    store.transition(&job, &step).await.unwrap();
    store.age_log(&job, 25 * HOUR).await;
    store.age_job(&job, 47 * HOUR).await;
    assert!(
        store.get(&job).await.unwrap().is_some(),
        "it was written 47 hours ago"
    );
    let mut watch = store.watch_job(&job);
    watch.get().await.unwrap();
    store.age_job(&job, HOUR).await;
    timeout(Duration::from_secs(5), watch.changed())
        .await
        .unwrap();
    assert_eq!(watch.get().await.unwrap(), None);
}

#[tokio::test]
async fn tickets_and_revocations_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let key = log_store::TicketKey::new([7; 32]);
    let revoked = log_domain::Revocation {
        what: log_domain::Revoked::Session("sess_1".into()),
        issued_until: u64::MAX,
    };
    let store = open(&dir, EmbeddedOptions::default()).await;
    store.put(&key, "grant", HOUR).await.unwrap();
    assert!(
        store
            .revoke("m-1", std::slice::from_ref(&revoked), HOUR)
            .await
            .unwrap()
    );
    store.close().await;

    let store = open(&dir, EmbeddedOptions::default()).await;
    assert_eq!(store.take(&key).await.unwrap().as_deref(), Some("grant"));
    assert_eq!(store.take(&key).await.unwrap(), None);
    let mut watch = store.watch_revocations();
    assert_eq!(watch.news().await.unwrap(), std::slice::from_ref(&revoked));
    assert!(!store.revoke("m-1", &[revoked], HOUR).await.unwrap());
}

#[tokio::test]
async fn the_embedded_store_keeps_a_lifecycle_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions::default().lifecycle(lifecycle::example());
    let store = open(&dir, options).await;
    lifecycle::a_store_keeps_a_lifecycle_of_its_own(&store).await;
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let dir = TempDir::new().unwrap();
    let mut opening = pin!(EmbeddedStore::open(dir.path(), EmbeddedOptions::default()));
    let polled = opening
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(
        matches!(polled, Poll::Ready(Err(OpenError::NoRuntime))),
        "{polled:?}"
    );
}
