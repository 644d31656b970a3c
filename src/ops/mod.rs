//! Operations: one file each. Its TOML step, its wire message, its success rule and its name stand together.
//!
//! Parser, metrics, reports, gates and `pbxload ops` all read the list at the end of this file; a new operation
//! is a file and a line there. Operations know the wire, and nothing of sockets, clocks or histograms.
//! Start reading at [`Operation`], then at `publish.rs`.

mod connect;
mod create_group;
mod delete_group;
mod describe;
mod disconnect;
mod download;
mod draft;
mod failure;
pub mod file;
mod history;
mod leave;
mod list_members;
mod login;
mod note;
pub mod payload;
mod publish;
mod raw;
mod remove_member;
mod reply;
mod subscribe;
mod template;
mod token;
mod topic;
mod transfer_group;
mod update_group;
mod upload;

pub use draft::{Blocked, Draft, Effect, PageState, Request, Surroundings};
pub use failure::{FAILURE_WORDS, FailureKind, LocalCause, UnknownFailure};
pub use payload::PayloadSize;
pub use reply::{Judgement, Reply};
pub use template::{Builtin, Segment, Template, TemplateError};
pub use topic::{Topic, TopicRef};

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One thing that a virtual user can do and that is measured.
pub trait Operation: DeserializeOwned + JsonSchema {
    /// The TOML word, the metric's name and the report's row.
    const NAME: &'static str;
    /// One line for `pbxload ops`.
    const SUMMARY: &'static str;
    /// What goes over the wire.
    const WIRE: &'static str;
    /// The vendor's section that shows it.
    const SOURCE: &'static str;
    /// Values that `save` keeps, for `${name.KEY}`.
    const SAVES: &'static [&'static str] = &[];

    /// Whether the message carries synthetic text that receivers check.
    fn is_synthetic(&self) -> bool {
        false
    }

    /// The templates of this step, for checking their names.
    fn templates(&self) -> Vec<&Template> {
        Vec::new()
    }

    /// The topic of this step, for checking groups and peers.
    fn topic(&self) -> Option<&TopicRef> {
        None
    }

    /// Writes the request, or says what stands in its way.
    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked>;

    /// Whether a reply settles the request, and how. The default: success is 200 to 299.
    fn judge(&self, reply: &Reply<'_>) -> Judgement {
        Judgement::by_code(reply, &[])
    }

    /// Hands the values named in [`Operation::SAVES`] to `keep`.
    fn capture(&self, reply: &Reply<'_>, keep: &mut dyn FnMut(&'static str, &str)) {
        let _ = (reply, keep);
    }
}

/// What the program prints about an operation.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// The TOML word.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// What goes over the wire.
    pub wire: &'static str,
    /// The vendor's section.
    pub source: &'static str,
    /// Values that `save` keeps.
    pub saves: &'static [&'static str],
}

macro_rules! operations {
    ($($module:ident :: $name:ident),+ $(,)?) => {
        $(pub use $module::$name;)+

        /// Which operation, as a small number.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum OpId {
            $(#[doc = concat!("[`", stringify!($name), "`]")] $name,)+
        }

        /// One step's operation with its parameters.
        #[derive(Debug, Clone)]
        pub enum Op {
            $(#[doc = concat!("[`", stringify!($name), "`]")] $name($name),)+
        }

        impl OpId {
            /// Every operation, in the order of reports.
            pub const ALL: &'static [OpId] = &[$(OpId::$name),+];

            /// What the program prints about it.
            pub const fn describe(self) -> Description {
                match self {
                    $(OpId::$name => Description {
                        name: <$name as Operation>::NAME,
                        summary: <$name as Operation>::SUMMARY,
                        wire: <$name as Operation>::WIRE,
                        source: <$name as Operation>::SOURCE,
                        saves: <$name as Operation>::SAVES,
                    },)+
                }
            }

            /// Reads the parameters of a step; the keys that every step has (`op`, `timeout`, …) must be gone.
            pub fn deserialize<'de, D: serde::Deserializer<'de>>(self, parameters: D) -> Result<Op, D::Error> {
                match self {
                    $(OpId::$name => <$name as Deserialize>::deserialize(parameters).map(Op::$name),)+
                }
            }

            /// JSON Schema of the parameters.
            pub fn schema(self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                match self {
                    $(OpId::$name => <$name as JsonSchema>::json_schema(generator),)+
                }
            }
        }

        impl Op {
            /// Which operation.
            pub const fn id(&self) -> OpId {
                match self {
                    $(Op::$name(_) => OpId::$name,)+
                }
            }

            /// See [`Operation::is_synthetic`].
            pub fn is_synthetic(&self) -> bool {
                match self {
                    $(Op::$name(op) => op.is_synthetic(),)+
                }
            }

            /// See [`Operation::templates`].
            pub fn templates(&self) -> Vec<&Template> {
                match self {
                    $(Op::$name(op) => op.templates(),)+
                }
            }

            /// See [`Operation::topic`].
            pub fn topic(&self) -> Option<&TopicRef> {
                match self {
                    $(Op::$name(op) => op.topic(),)+
                }
            }

            /// See [`Operation::begin`].
            pub fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
                match self {
                    $(Op::$name(op) => op.begin(draft),)+
                }
            }

            /// See [`Operation::judge`].
            pub fn judge(&self, reply: &Reply<'_>) -> Judgement {
                match self {
                    $(Op::$name(op) => op.judge(reply),)+
                }
            }

            /// See [`Operation::capture`].
            pub fn capture(&self, reply: &Reply<'_>, keep: &mut dyn FnMut(&'static str, &str)) {
                match self {
                    $(Op::$name(op) => op.capture(reply, keep),)+
                }
            }
        }
    };
}

operations! {
    token::Token,
    connect::Connect,
    login::Login,
    subscribe::Subscribe,
    publish::Publish,
    list_members::ListMembers,
    describe::Describe,
    history::History,
    create_group::CreateGroup,
    update_group::UpdateGroup,
    transfer_group::TransferGroup,
    remove_member::RemoveMember,
    delete_group::DeleteGroup,
    leave::Leave,
    upload::Upload,
    download::Download,
    note::Note,
    raw::Raw,
    disconnect::Disconnect,
}

/// How many operations there are.
pub const OP_COUNT: usize = OpId::ALL.len();

impl OpId {
    /// The TOML word.
    pub const fn name(self) -> &'static str {
        self.describe().name
    }

    /// Position in [`OpId::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The operation with this word.
    pub fn by_name(name: &str) -> Option<OpId> {
        OpId::ALL.iter().copied().find(|id| id.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for &id in OpId::ALL {
            assert_eq!(OpId::by_name(id.name()), Some(id));
            assert_eq!(OpId::ALL[id.index()], id);
        }
        assert_eq!(OpId::by_name("pub"), None);
    }

    #[test]
    fn a_step_with_an_unknown_key_is_refused() {
        let wrong = serde_json::json!({ "to": "peer", "sizes": "3 B" });
        let error = OpId::Publish.deserialize(wrong).expect_err("unknown key");
        assert!(error.to_string().contains("unknown field `sizes`"), "{error}");
    }
}
