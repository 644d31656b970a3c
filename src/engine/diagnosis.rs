//! After the drain: reads the history of every topic whose books do not balance, to tell a message that was not
//! stored from one that was stored and not pushed.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::time::timeout;

use super::errand::{Errand, ErrandError};
use super::past::Past;
use crate::ledger::{Finding, Gap, Question, TopicKey};
use crate::plan::{Directory, Plan};
use crate::protocol::server::Data;
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
    /// Numbers that no message has.
    pub(super) gaps: Vec<Gap>,
    /// Messages of this run that are there, with their numbers.
    pub(super) past: Vec<(u64, u64)>,
    /// Messages that are not as they were sent, in words.
    pub(super) differing: Vec<String>,
    /// Why some of it could not be asked.
    pub(super) trouble: Option<String>,
}

/// What is to be found out about one topic.
#[derive(Debug, Default)]
struct Inquiry {
    questions: Vec<Question>,
    gaps: Vec<Gap>,
}

/// Asks the history about these messages and numbers.
pub(super) async fn ask(
    dialer: &Dialer,
    plan: &Plan,
    directory: &Directory,
    questions: &[Question],
    gaps: &[Gap],
) -> Answers {
    let mut topics: BTreeMap<TopicKey, Inquiry> = BTreeMap::new();
    for question in questions {
        topics.entry(question.topic).or_default().questions.push(*question);
    }
    for gap in gaps {
        topics.entry(gap.topic).or_default().gaps.push(*gap);
    }
    let left_out = topics.len().saturating_sub(TOPICS_MAX);
    let mut answers = Answers::default();
    // A topic that is owed something comes before one that is only looked over.
    let mut topics: Vec<(TopicKey, Inquiry)> = topics.into_iter().collect();
    topics.sort_by_key(|(_, inquiry)| inquiry.questions.is_empty());
    let mut reads = futures::stream::iter(topics.into_iter().take(TOPICS_MAX))
        .map(|(topic, inquiry)| async move {
            let found = read(dialer, plan, directory, topic, &inquiry).await;
            (inquiry, found)
        })
        .buffer_unordered(AT_ONCE);
    let (mut unread, mut first) = (left_out, None);
    let reading = async {
        while let Some((inquiry, found)) = reads.next().await {
            match found {
                Ok(Some((past, gaps))) => {
                    answers.findings.extend(inquiry.questions.iter().map(|question| {
                        let is_there = past.found.contains_key(&question.key);
                        (question.key, if is_there { Finding::Stored } else { Finding::NotStored })
                    }));
                    answers.gaps.extend(gaps);
                    answers.past.extend(past.found);
                    answers.differing.extend(past.differing);
                }
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

/// A topic's history, back to the oldest message in question, and which numbers it does not hold; `None` when the topic
/// has no name that the plan knows.
async fn read(
    dialer: &Dialer,
    plan: &Plan,
    directory: &Directory,
    topic: TopicKey,
    inquiry: &Inquiry,
) -> Result<Option<(Past, Vec<Gap>)>, ErrandError> {
    let readers = inquiry.questions.iter().map(Question::author);
    let Some(reader) = readers.chain(inquiry.gaps.iter().map(|gap| gap.reader)).next() else { return Ok(None) };
    let Some(topic) = wire_name(plan, directory, reader, topic) else { return Ok(None) };
    // A message without a number may be anywhere.
    let since = inquiry.questions.iter().map(|question| question.seq).min().unwrap_or(u64::MAX);
    let since = inquiry.gaps.iter().map(|gap| gap.low - 1).fold(since, u64::min);
    let mut errand = Errand::log_in(dialer, plan, directory, reader).await?;
    errand.subscribe(&topic).await?;
    let (mut past, mut before) = (Past::default(), None);
    let page = plan.scenario.target.dialect.history_page;
    for _ in 0..PAGES_MAX {
        let see: &mut dyn FnMut(&Data<'_>) = &mut |data| past.take(plan, directory, data);
        let lowest = errand.history(&topic, before, page, see).await?;
        match lowest {
            Some(lowest) if lowest > since.max(1) && before != Some(lowest) => before = Some(lowest),
            _ => break,
        }
    }
    let mut gaps: Vec<Gap> = inquiry.gaps.iter().flat_map(|gap| past.missing(gap)).collect();
    // What was deleted is missing too, and nobody did wrong.
    if !gaps.is_empty() && errand.has_deletions(&topic).await? {
        gaps.clear();
    }
    errand.close().await;
    Ok(Some((past, gaps)))
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
