//! A writer moves its job by allowed steps, and never changes a final status.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{Job, JobId, JobStatus, Lifecycle, UserId};
use log_store::{
    CreateJobError, FaultyStore, JobWatch, JobWrites, Jobs, MemoryStore, NewJob, StoreError,
    StoreUnavailable, Transition, TransitionError,
};
use log_writer::{LogWriter, LogWriterBuilder, Outcome, Stores, create_job};
use tokio::io::AsyncWriteExt;

use crate::support::{Store, job, lines, status, store, store_with_job, texts};

/// Records the steps of a job, and loses some answers.
pub(crate) struct StepRecorder {
    store: Arc<Store>,
    steps: Mutex<Vec<Transition>>,
    /// The answer to the step to this status is lost, once.
    lose_answer_of: Mutex<Option<JobStatus>>,
    /// Another producer moves the job to this status right before the first step.
    other_producer: Mutex<Option<&'static str>>,
}

impl StepRecorder {
    pub(crate) fn new(store: &Arc<Store>) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::clone(store),
            steps: Mutex::default(),
            lose_answer_of: Mutex::default(),
            other_producer: Mutex::default(),
        })
    }

    pub(crate) fn builder(self: &Arc<Self>) -> LogWriterBuilder {
        let stores = Stores {
            jobs: Some(Arc::clone(self) as Arc<dyn JobWrites>),
            ..Stores::from(Arc::clone(&self.store))
        };
        LogWriter::builder(job(), stores)
    }

    fn writer(self: &Arc<Self>) -> LogWriter {
        self.builder().start().unwrap()
    }

    pub(crate) fn steps(&self) -> Vec<String> {
        let steps = self.steps.lock().unwrap();
        steps
            .iter()
            .map(|step| format!("{}: {}", step.to, step.message))
            .collect()
    }
}

#[async_trait]
impl Jobs for StepRecorder {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        self.store.get(job).await
    }

    fn watch_job(&self, job: &JobId) -> Box<dyn JobWatch> {
        self.store.watch_job(job)
    }

    async fn ping_jobs(&self) -> Result<(), StoreError> {
        self.store.ping_jobs().await
    }
}

#[async_trait]
impl JobWrites for StepRecorder {
    async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError> {
        self.store.create(job, new).await
    }

    async fn transition(
        &self,
        job: &JobId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        if let Some(status) = self.other_producer.lock().unwrap().take() {
            self.store.inner().set_status_raw(job, Some(status));
        }
        let before = self.store.transition(job, step).await?;
        self.steps.lock().unwrap().push(step.clone());
        if self
            .lose_answer_of
            .lock()
            .unwrap()
            .take_if(|lost| *lost == step.to)
            .is_some()
        {
            return Err(StoreError::from(StoreUnavailable::new("the answer was lost")).into());
        }
        Ok(before)
    }
}

async fn store_with_status(text: &str) -> Arc<Store> {
    let store = store_with_job().await;
    store.inner().set_status_raw(&job(), Some(text));
    store
}

#[tokio::test(start_paused = true)]
async fn finish_takes_the_allowed_steps_from_the_current_status() {
    let recorder = StepRecorder::new(&store_with_job().await);
    recorder
        .writer()
        .finish(Outcome::Ready, "Built in 3 s")
        .await
        .unwrap();
    let expected = [
        "starting: Starting",
        "scaffold: Scaffolding",
        "code: Writing code",
        "deps: Installing dependencies",
        "checks: Running checks",
        "ready: Built in 3 s",
    ];
    assert_eq!(recorder.steps(), expected);
    for step in recorder.steps.lock().unwrap().iter() {
        assert!(
            step.at
                .elapsed()
                .is_ok_and(|ago| ago < Duration::from_secs(60))
        );
    }

    let recorder = StepRecorder::new(&store_with_status("scheduled").await);
    recorder
        .writer()
        .finish(Outcome::Failed, "Broken")
        .await
        .unwrap();
    assert_eq!(recorder.steps(), ["queued: Queued", "failed: Broken"]);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_has_ended_keeps_its_status() {
    for (ended, outcome) in [
        ("failed", Outcome::Ready),
        ("ready", Outcome::Failed),
        ("ready", Outcome::Ready),
    ] {
        let store = store_with_status(ended).await;
        let writer = LogWriter::builder(job(), Arc::clone(&store))
            .start()
            .unwrap();
        writer.stdout().write_all(b"last\n").await.unwrap();
        let to = outcome.clone().status();
        let error = writer.finish(outcome, "Done").await.unwrap_err();
        let expected = format!(
            "the job did not end: a job that is `{ended}` cannot become `{to}`, because it has ended"
        );
        assert_eq!(error.to_string(), expected);
        assert_eq!(status(&store).await.as_str(), ended);
        assert_eq!(
            texts(&store).await,
            ["last"],
            "the log is complete all the same"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_in_between_wins() {
    let store = store_with_status("checks").await;
    let recorder = StepRecorder::new(&store);
    *recorder.other_producer.lock().unwrap() = Some("failed");
    let error = recorder
        .writer()
        .finish(Outcome::Ready, "Built")
        .await
        .unwrap_err();
    assert!(
        matches!(error.source, TransitionError::Illegal(_)),
        "{error}"
    );
    assert_eq!(status(&store).await.as_str(), "failed");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_another_producer_took_is_not_taken_again() {
    let store = store_with_status("deps").await;
    let recorder = StepRecorder::new(&store);
    *recorder.other_producer.lock().unwrap() = Some("checks");
    recorder
        .writer()
        .finish(Outcome::Ready, "Built")
        .await
        .unwrap();
    assert_eq!(recorder.steps(), ["ready: Built"]);
}

#[tokio::test(start_paused = true)]
async fn a_step_whose_answer_was_lost_is_not_an_error() {
    for lost in [JobStatus::CODE, JobStatus::READY] {
        let recorder = StepRecorder::new(&store_with_status("scaffold").await);
        *recorder.lose_answer_of.lock().unwrap() = Some(lost);
        recorder
            .writer()
            .finish(Outcome::Ready, "Built")
            .await
            .unwrap();
        assert_eq!(recorder.steps().len(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_does_not_exist_is_an_error() {
    let store = store();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .start()
        .unwrap();
    let error = writer.finish(Outcome::Ready, "Built").await.unwrap_err();
    assert!(matches!(error.source, TransitionError::NotFound));
}

#[tokio::test(start_paused = true)]
async fn enter_moves_the_job_sets_the_phase_and_writes_a_line() {
    let store = store_with_job().await;
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .start()
        .unwrap();
    writer
        .enter(JobStatus::STARTING, "Starting on worker 7")
        .await
        .unwrap();
    writer
        .enter(JobStatus::SCAFFOLD, "Laying out")
        .await
        .unwrap();
    writer.stdout().write_all(b"made a folder\n").await.unwrap();
    writer.enter(JobStatus::CODE, "Coding").await.unwrap();
    writer.enter(JobStatus::DEPS, "Installing").await.unwrap();
    writer.enter(JobStatus::CHECKS, "Checking").await.unwrap();
    writer.flush().await.unwrap();
    let seen: Vec<_> = lines(&store)
        .await
        .into_iter()
        .map(|line| {
            (
                line.source.unwrap(),
                line.phase.unwrap_or_default(),
                line.text.unwrap(),
            )
        })
        .map(|(source, phase, text)| format!("{source} [{phase}] {text}"))
        .collect();
    let expected = [
        "system [] Starting on worker 7",
        "system [scaffold] Laying out",
        "stdout [scaffold] made a folder",
        "system [code] Coding",
        "system [install] Installing",
        "system [checks] Checking",
    ];
    assert_eq!(seen, expected);
    assert_eq!(status(&store).await.as_str(), "checks");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_not_allowed_is_an_error_that_names_both_statuses_and_writes_no_line() {
    let store = store_with_job().await;
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .start()
        .unwrap();
    let error = writer
        .enter(JobStatus::CHECKS, "Checking")
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "a job that is `queued` cannot become `checks`, only `starting`, `scheduled` or `failed`"
    );
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, Vec::<String>::new());
    assert_eq!(status(&store).await.as_str(), "queued");
}

#[tokio::test(start_paused = true)]
async fn finish_keeps_the_owner_of_the_job() {
    let store = store_with_job().await;
    LogWriter::builder(job(), Arc::clone(&store))
        .start()
        .unwrap()
        .finish(Outcome::Failed, "No")
        .await
        .unwrap();
    let job = store.inner().get(&job()).await.unwrap().unwrap();
    assert_eq!(job.owner, UserId::new("user_ann"));
}

#[tokio::test(start_paused = true)]
async fn a_job_can_end_with_a_status_of_the_hosts_own_and_not_with_one_that_ends_no_job() {
    let cancelled = JobStatus::terminal("cancelled").unwrap();
    let lifecycle = Lifecycle::contract().extend().from_all(&cancelled);
    let store = MemoryStore::with_lifecycle(lifecycle.build().unwrap());
    let store = Arc::new(FaultyStore::new(store));
    let owner = UserId::new("user_ann").unwrap();
    create_job(&*store, &job(), owner).await.unwrap();
    let start = || {
        LogWriter::builder(job(), Arc::clone(&store))
            .start()
            .unwrap()
    };

    let goes_on = Outcome::Other(JobStatus::DEPS);
    let error = start().finish(goes_on, "No end").await.unwrap_err();
    assert_eq!(
        error.source.to_string(),
        "a job that is `queued` cannot become `deps`, only `ready`, `failed` or `cancelled`"
    );
    assert_eq!(status(&store).await, JobStatus::QUEUED);
    let work = async |_: &LogWriter| Ok::<_, Infallible>(Outcome::Other(cancelled.clone()));
    start().scope("Cancelled by Ann", work).await.unwrap();
    assert_eq!(status(&store).await, cancelled);
}
