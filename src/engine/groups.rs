//! The groups of the topology: created before the load, deleted after it.

use futures::StreamExt as _;

use super::errand::{Errand, ErrandError};
use super::tokens::TokenOffice;
use crate::plan::{Directory, Plan};
use crate::transport::Dialer;

/// Groups made or deleted at once.
const AT_ONCE: usize = 32;

/// Creates these groups. The first member of each owns it.
pub(super) async fn create(
    dialer: &Dialer,
    plan: &Plan,
    directory: &Directory,
    office: &TokenOffice,
    wanted: impl Iterator<Item = u32>,
    progress: &mut dyn FnMut(u32),
) -> Result<(), (u32, ErrandError)> {
    let mut made =
        futures::stream::iter(wanted)
            .map(|group| async move {
                create_one(dialer, plan, directory, office, group).await.map_err(|error| (group, error))
            })
            .buffer_unordered(AT_ONCE);
    let mut done = 0;
    while let Some(result) = made.next().await {
        result?;
        done += 1;
        progress(done);
    }
    Ok(())
}

async fn create_one(
    dialer: &Dialer,
    plan: &Plan,
    directory: &Directory,
    office: &TokenOffice,
    group: u32,
) -> Result<(), ErrandError> {
    let owner = plan.topology.members(group).start;
    keep_good(office, plan, owner).await?;
    let mut errand = Errand::log_in(dialer, plan, directory, owner).await?;
    let name = errand.create_group(&plan.topology.title(group)).await?;
    directory.set_group_name(group, &name);
    errand.close().await;
    Ok(())
}

/// Deletes every group that was created; tells how many could not be, and why the first could not.
pub(super) async fn delete(
    dialer: &Dialer,
    plan: &Plan,
    directory: &Directory,
    office: Option<&TokenOffice>,
) -> Option<(u32, ErrandError)> {
    let created = (0..plan.topology.groups()).filter(|&group| directory.group_name(group).is_some());
    let mut deleted = futures::stream::iter(created)
        .map(|group| delete_one(dialer, plan, directory, office, group))
        .buffer_unordered(AT_ONCE);
    let mut trouble: Option<(u32, ErrandError)> = None;
    while let Some(result) = deleted.next().await {
        if let Err(error) = result {
            trouble = Some(match trouble {
                None => (1, error),
                Some((count, first)) => (count + 1, first),
            });
        }
    }
    trouble
}

async fn delete_one(
    dialer: &Dialer,
    plan: &Plan,
    directory: &Directory,
    office: Option<&TokenOffice>,
    group: u32,
) -> Result<(), ErrandError> {
    let Some(name) = directory.group_name(group) else { return Ok(()) };
    let owner = plan.topology.members(group).start;
    if let Some(office) = office {
        keep_good(office, plan, owner).await?;
    }
    let mut errand = Errand::log_in(dialer, plan, directory, owner).await?;
    errand.delete_group(name).await?;
    errand.close().await;
    Ok(())
}

async fn keep_good(office: &TokenOffice, plan: &Plan, user: u32) -> Result<(), ErrandError> {
    let error = |error| ErrandError::Expired { user: plan.user_name(user), error };
    office.keep_good(user).await.map_err(error)
}
