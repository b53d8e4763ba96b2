//! J5, and T1 for everything that a job can be created with.

use std::sync::Arc;

use log_domain::{Job, JobStatus, OrgId};

use super::jobs::{created, job, new_job, step};
use crate::conformance::subject::Subject;
use crate::{JobDetails, NewJob};

/// J5: before and after a step.
pub async fn the_details_of_a_job_are_what_its_producers_wrote(subject: Arc<dyn Subject>) {
    let (jobs, id) = (subject.jobs(), created(&*subject).await);
    let mut expected = JobDetails {
        created_at: Some("2026-01-02T03:04:05Z".into()),
        ..JobDetails::from(job(JobStatus::QUEUED, "ann"))
    };
    assert_eq!(jobs.details(&id).await.unwrap().as_ref(), Some(&expected));
    jobs.transition(&id, &step(JobStatus::STARTING))
        .await
        .unwrap();
    expected.job.status = JobStatus::STARTING;
    expected.updated_at = Some("2026-01-02T03:04:06Z".into());
    expected.status_message = Some("as planned".into());
    assert_eq!(jobs.details(&id).await.unwrap(), Some(expected));
}

/// J5: also one whose record has neither a status nor an owner is a job.
pub async fn a_job_that_does_not_exist_has_no_details(subject: Arc<dyn Subject>) {
    let (jobs, id) = (subject.jobs(), subject.fresh_job());
    assert_eq!(jobs.details(&id).await.unwrap(), None);
    let id = created(&*subject).await;
    subject.set_status_raw(&id, None).await;
    subject.remove_owner(&id).await;
    let details = jobs.details(&id).await.unwrap().unwrap();
    assert_eq!(details.job, job(JobStatus::parse(""), ""));
    subject.delete_job(&id).await;
    assert_eq!(jobs.details(&id).await.unwrap(), None);
}

/// T1: whatever the names of further fields are.
pub async fn a_job_begins_with_what_it_was_created_with(subject: Arc<dyn Subject>) {
    let (jobs, id) = (subject.jobs(), subject.fresh_job());
    let new = NewJob {
        org: OrgId::new("org_1"),
        status: JobStatus::SCHEDULED,
        fields: vec![
            ("tier".into(), "pro".into()),
            ("status".into(), "ready".into()),
        ],
        ..new_job("ann")
    };
    jobs.create(&id, &new).await.unwrap();
    let details = jobs.details(&id).await.unwrap().unwrap();
    let expected = Job {
        org: OrgId::new("org_1"),
        ..job(JobStatus::SCHEDULED, "ann")
    };
    assert_eq!(details.job, expected);
    assert_eq!(details.created_at.as_deref(), Some("2026-01-02T03:04:05Z"));
}
