//! After the drain: reads the history of every topic whose books do not balance, to tell a message that was not
//! stored from one that was stored and not pushed.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::time::timeout;

use super::errand::{Errand, ErrandError};
use crate::ledger::{Finding, Question, TopicKey};
use crate::plan::{Directory, Plan};
use crate::transport::Dialer;

/// Topics that are asked about; the rest stays undiagnosed.
const TOPICS_MAX: usize = 256;
/// Topics that are asked about at once.
const AT_ONCE: usize = 16;
/// Pages read of one topic.
const PAGES_MAX: u32 = 200;
/// Time for all of it.
const WITHIN: Duration = Duration::from_secs(20);

/// What the history said.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) findings: Vec<(u64, Finding)>,
    /// Why some of it could not be asked.
    pub(super) trouble: Option<String>,
}

/// Asks the history about these messages.
pub(super) async fn ask(dialer: &Dialer, plan: &Plan, directory: &Directory, questions: &[Question]) -> Answers {
    let mut topics: BTreeMap<TopicKey, Vec<Question>> = BTreeMap::new();
    for question in questions {
        topics.entry(question.topic).or_default().push(*question);
    }
    let left_out = topics.len().saturating_sub(TOPICS_MAX);
    let mut answers = Answers::default();
    let mut reads = futures::stream::iter(topics.into_values().take(TOPICS_MAX))
        .map(|questions| async move {
            let found = read(dialer, plan, directory, &questions).await;
            (questions, found)
        })
        .buffer_unordered(AT_ONCE);
    let (mut unread, mut first) = (left_out, None);
    let reading = async {
        while let Some((questions, found)) = reads.next().await {
            match found {
                Ok(Some(found)) => answers.findings.extend(questions.iter().map(|question| {
                    let is_there = found.contains(&question.key);
                    (question.key, if is_there { Finding::Stored } else { Finding::NotStored })
                })),
                Ok(None) => unread += 1,
                Err(error) => {
                    unread += 1;
                    first.get_or_insert(error);
                }
            }
        }
    };
    let in_time = timeout(WITHIN, reading).await.is_ok();
    drop(reads);
    if unread > 0 || !in_time {
        let why = match first {
            Some(error) => format!(": {error}"),
            None if !in_time => format!(": it took longer than {} s", WITHIN.as_secs()),
            None => String::new(),
        };
        answers.trouble =
            Some(format!("the history of some topics was not read, so losses there are undiagnosed{why}"));
    }
    answers
}

/// Every message of this run in a topic's history, back to the oldest one in question; `None` when the topic has no
/// name that the plan knows.
async fn read(
    dialer: &Dialer,
    plan: &Plan,
    directory: &Directory,
    questions: &[Question],
) -> Result<Option<HashSet<u64>>, ErrandError> {
    let Some(first) = questions.first() else { return Ok(None) };
    let author = first.author();
    let Some(topic) = wire_name(plan, directory, author, first.topic) else { return Ok(None) };
    // A message without a number may be anywhere.
    let since = questions.iter().map(|question| question.seq).min().unwrap_or(0);
    let mut errand = Errand::log_in(dialer, plan, directory, author).await?;
    errand.subscribe(&topic).await?;
    let (mut found, mut before) = (HashSet::new(), None);
    let page = plan.scenario.target.dialect.history_page;
    for _ in 0..PAGES_MAX {
        let lowest = errand.history(&topic, before, page, plan.run_tag, &mut found).await?;
        match lowest {
            Some(lowest) if lowest > since.max(1) && before != Some(lowest) => before = Some(lowest),
            _ => break,
        }
    }
    errand.close().await;
    Ok(Some(found))
}

/// How the author names the topic with this key.
fn wire_name(plan: &Plan, directory: &Directory, author: u32, topic: TopicKey) -> Option<String> {
    let peer = plan.topology.peer(author).and_then(|peer| directory.id(peer));
    if let (Some(own), Some(peer)) = (directory.id(author), peer)
        && TopicKey::of_pair(own, peer) == topic
    {
        return Some(peer.name(plan.scenario.target.dialect.user_ids));
    }
    (0..plan.topology.groups())
        .filter_map(|group| directory.group_name(group))
        .find(|name| TopicKey::of_name(name) == topic)
        .map(str::to_owned)
}
