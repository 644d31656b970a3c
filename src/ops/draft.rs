//! A request being written: what an operation gets to see, and what it may say.

use super::failure::LocalCause;
use super::template::{Builtin, Segment, Template};
use super::topic::{Topic, TopicRef};
use crate::protocol::client::{ClientFrame, Extra};
use crate::protocol::dialect::{Attachments, StampPlace};
use crate::protocol::{ClientMessage, Dialect, Json, Text, UserId};
use crate::random::Random;

/// Room for a publish of 200 bytes; longer frames grow.
const FRAME_BYTES_USUAL: usize = 384;

/// What an operation may ask about the user that carries it out.
pub trait Surroundings {
    /// The dialect of the target.
    fn dialect(&self) -> &'static Dialect;
    /// Index in the plan.
    fn user_index(&self) -> u32;
    /// The sign-in name.
    fn user_name(&self) -> String;
    /// The own wire id, once logged in.
    fn own_id(&self) -> Option<UserId>;
    /// The peer's wire id; `Wait` while the peer has not logged in.
    fn peer(&self) -> Result<UserId, Blocked>;
    /// Number and wire name of this user's group with that name in the topology.
    fn group(&self, name: &str) -> Result<(u32, &str), Blocked>;
    /// A value kept by an earlier step.
    fn saved(&self, name: &str, key: &str) -> Option<&str>;
    /// The scheme and secret for the login; `NeedsToken` while there is none.
    fn login_secret(&self) -> Result<(&'static str, String), Blocked>;
    /// The protocol version of the `{hi}` that the session still has to say; `None` when there is nothing to say.
    fn hello(&self) -> Option<&str>;
    /// Greatest seq received in this topic on this connection.
    fn last_seq(&self, topic: &Topic) -> u64;
    /// Whether the scenario allows publishing to `emc` topics.
    fn is_emc_allowed(&self) -> bool;
}

/// The key under which an upload keeps its file.
pub(super) const FILE_KEY: &str = "url";

/// Why a request cannot be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// The peer has not logged in yet; worth another look a little later.
    Wait,
    /// An access token has to be fetched first.
    NeedsToken,
    /// It cannot be made at all.
    Fail(LocalCause),
}

/// A request being written.
pub struct Draft<'a> {
    /// Text of the request id.
    pub id: &'a str,
    /// Author and counter of the request, see [`crate::protocol::Stamp::key`].
    pub key: u64,
    /// Where the frame goes; empty at first.
    pub frame: &'a mut String,
    /// The user's own generator.
    pub random: &'a mut Random,
    /// The user.
    pub around: &'a dyn Surroundings,
    /// How far a paged request has come.
    pub page: PageState,
}

/// How far a paged request has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PageState {
    /// Messages received on earlier pages.
    pub received: u32,
    /// Smallest seq received so far; 0 before the first page.
    pub lowest: u64,
}

/// What has to be done to send a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Open the connection.
    Connect,
    /// Close it.
    Disconnect,
    /// Fetch or refresh the access token.
    Token,
    /// Send the frame and wait for its reply.
    Frame(Effect),
    /// Send the frame; there is no reply.
    FrameWithoutReply,
    /// Upload a synthetic file of so many bytes.
    Upload {
        /// Size of the file.
        bytes: u64,
    },
    /// Download this file id or path.
    Download {
        /// As the upload's reply named it.
        file: String,
    },
}

/// What a successful reply changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that the user has to know.
    None,
    /// The server knows the session's protocol version; the operation then goes on with its next frame.
    Greet,
    /// The session belongs to the user.
    LoggedIn,
    /// The session receives this topic.
    Attach(Topic),
    /// The session no longer receives this topic.
    Detach(Topic),
    /// A message that receivers must get.
    Publish {
        /// Where it was published.
        topic: Topic,
        /// Whether this session gets a copy.
        echo: bool,
    },
    /// A page of this topic's history.
    Page(Topic),
    /// A new group, whose name the reply tells.
    Create,
    /// A group is offered to a member, who has to accept; the operation ends with that.
    Offer {
        /// The group's wire name.
        topic: String,
        /// The member.
        member: UserId,
    },
}

impl<'a> Draft<'a> {
    /// Finds the topic and its wire name.
    pub fn resolve(&self, topic: &TopicRef) -> Result<(Topic, String), Blocked> {
        match topic {
            TopicRef::Me => Ok((Topic::Me, "me".to_owned())),
            TopicRef::Peer => {
                let peer = self.around.peer()?;
                Ok((Topic::User(peer), peer.name(self.around.dialect().user_ids)))
            }
            TopicRef::Group(name) => {
                let (number, wire) = self.around.group(name)?;
                Ok((Topic::Group(number), wire.to_owned()))
            }
            TopicRef::Name(template) => {
                let wire = self.fill(template)?;
                let topic = match UserId::parse(&wire, self.around.dialect().user_ids) {
                    Some(user) => Topic::User(user),
                    None => Topic::Other(wire.as_str().into()),
                };
                Ok((topic, wire))
            }
        }
    }

    /// Fills a template in.
    pub fn fill(&self, template: &Template) -> Result<String, Blocked> {
        let missing = Blocked::Fail(LocalCause::NoValue);
        let mut text = String::new();
        for segment in template.segments() {
            match segment {
                Segment::Literal(literal) => text.push_str(literal),
                Segment::Saved { name, key } => text.push_str(self.around.saved(name, key).ok_or(missing)?),
                Segment::Builtin(Builtin::RequestId) => text.push_str(self.id),
                Segment::Builtin(Builtin::UserName) => text.push_str(&self.around.user_name()),
                Segment::Builtin(Builtin::UserIndex) => text.push_str(&self.around.user_index().to_string()),
                Segment::Builtin(Builtin::UserId) => {
                    let own = self.around.own_id().ok_or(missing)?;
                    own.write(self.around.dialect().user_ids, &mut text);
                }
                Segment::Builtin(Builtin::PeerId) => {
                    self.around.peer()?.write(self.around.dialect().user_ids, &mut text);
                }
            }
        }
        Ok(text)
    }

    /// The request id as a frame carries it.
    pub fn request_id(&self) -> Option<Text<'a>> {
        Some(Text::from(self.id))
    }

    /// Writes the frame.
    pub fn write(&mut self, message: &ClientMessage<'_>) {
        // A fresh string, which the socket takes over without a copy, with room for a usual frame: growing into it from
        // the serializer's own 128 bytes would be another allocation for each publish.
        let mut bytes = Vec::with_capacity(FRAME_BYTES_USUAL);
        serde_json::to_writer(&mut bytes, message).expect("wire messages always serialize");
        *self.frame = String::from_utf8(bytes).expect("JSON is UTF-8");
    }

    /// What the head of a publish has to carry: the stamp, where the server drops the request id.
    pub fn head(&self) -> Option<Json<'static>> {
        match self.around.dialect().stamp {
            StampPlace::RequestId => None,
            StampPlace::Head => Some(Json::Value(serde_json::json!({ "pbxload": self.id }))),
        }
    }

    /// Writes a publish, with the uploaded files that its text speaks of beside it where the server wants them.
    pub fn write_publish(&mut self, message: &ClientMessage<'_>, text: Option<&Template>) {
        let around = self.around;
        let attachments: Vec<&str> = match around.dialect().attachments {
            Attachments::Unlisted => Vec::new(),
            Attachments::Listed => text
                .into_iter()
                .flat_map(Template::segments)
                .filter_map(|segment| match segment {
                    Segment::Saved { name, key } if key == FILE_KEY => around.saved(name, key),
                    _ => None,
                })
                .collect(),
        };
        if attachments.is_empty() {
            return self.write(message);
        }
        let frame = ClientFrame { message, extra: Extra { attachments: &attachments } };
        *self.frame = serde_json::to_string(&frame).expect("wire messages always serialize");
    }

    /// Refuses `emc` topics, which can send real text messages, unless the scenario allows them.
    pub fn forbid_emc(&self, wire_name: &str) -> Result<(), Blocked> {
        if wire_name.starts_with("emc") && !self.around.is_emc_allowed() {
            return Err(Blocked::Fail(LocalCause::Emc));
        }
        Ok(())
    }
}
