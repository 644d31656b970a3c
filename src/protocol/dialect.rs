//! Dialects: what differs between the PBX and its open ancestor Tinode, as data.
//! No operation asks which dialect it is in; it reads the property that it needs.
//! Source: protocol reference, section 25.

use super::user_id::UserIdForm;

/// Everything that the wire of one kind of server does its own way.
#[derive(Debug)]
pub struct Dialect {
    /// The word in `target.dialect`.
    pub name: &'static str,
    /// Path of the WebSocket.
    pub websocket_path: &'static str,
    /// Path for uploads.
    pub upload_path: &'static str,
    /// Prefix for downloads; the file id follows.
    pub download_prefix: &'static str,
    /// Path of the REST interface.
    pub rest_path: &'static str,
    /// How user ids are printed.
    pub user_ids: UserIdForm,
    /// How a session says who it is.
    pub login: LoginForm,
    /// Where a receiver finds the publisher's stamp.
    pub stamp: StampPlace,
    /// How group ownership changes hands.
    pub transfer: TransferForm,
    /// Most messages that one history request returns, as far as known.
    pub history_page: u32,
}

/// How a session authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginForm {
    /// `access_token`, base64 of `USER@DOMAIN:ACCESS_TOKEN`; no `hi`.
    AccessToken,
    /// `hi` first, then `basic`, base64 of `login:password`.
    HiAndBasic,
}

/// Where the publisher's stamp comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StampPlace {
    /// `data.reqid` repeats the request id.
    RequestId,
    /// The server drops the id; the stamp travels in `head`.
    Head,
}

/// How group ownership changes hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferForm {
    /// The owner's `set sub` does it.
    OneStep,
    /// The new owner has to accept.
    TwoSteps,
}

/// PortSIP PBX, IM service.
pub static PORTSIP: Dialect = Dialect {
    name: "portsip",
    websocket_path: "/im",
    upload_path: "/im/file",
    download_prefix: "/im/file/",
    rest_path: "/api",
    user_ids: UserIdForm::Decimal,
    login: LoginForm::AccessToken,
    stamp: StampPlace::RequestId,
    transfer: TransferForm::OneStep,
    history_page: 100,
};

/// Every dialect that this build speaks.
pub static ALL: &[&Dialect] = &[&PORTSIP];

impl Dialect {
    /// The dialect with this name.
    pub fn by_name(name: &str) -> Option<&'static Dialect> {
        ALL.iter().copied().find(|dialect| dialect.name == name)
    }
}
