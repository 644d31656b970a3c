//! Dialects: what differs between the PBX and its open ancestor Tinode, as data.
//! No operation asks which dialect it is in; it reads the property that it needs.
//! Source: protocol reference, sections 25 and 26.

use super::Code;
use super::user_id::UserIdForm;

/// Everything that the wire of one kind of server does its own way.
#[derive(Debug)]
pub struct Dialect {
    /// The word in `target.dialect`.
    pub name: &'static str,
    /// What people call such a server.
    pub server: &'static str,
    /// Port of URLs that name none.
    pub port: u16,
    /// Path of the WebSocket.
    pub websocket_path: &'static str,
    /// HTTP statuses, besides 101, by which an upgrade on that path gives such a server away.
    pub upgrade_signs: &'static [u16],
    /// Path for uploads.
    pub upload_path: &'static str,
    /// Prefix for downloads; the file id follows.
    pub download_prefix: &'static str,
    /// Path of the REST interface that access tokens come from; absent where there is none.
    pub rest_path: Option<&'static str>,
    /// Header of the key that every request has to carry; absent where there is none.
    pub api_key_header: Option<&'static str>,
    /// Protocol version that a session's first frame, `{hi}`, asks for; absent where there is no such frame.
    pub hello: Option<&'static str>,
    /// How user ids are printed.
    pub user_ids: UserIdForm,
    /// What a user's name needs to be whole.
    pub user_names: UserNames,
    /// How a session says who it is.
    pub login: LoginForm,
    /// Where user accounts come from.
    pub accounts: Accounts,
    /// Where a receiver finds the publisher's stamp.
    pub stamp: StampPlace,
    /// Whether a publish lists the uploaded files that it speaks of.
    pub attachments: Attachments,
    /// How group ownership changes hands.
    pub transfer: TransferForm,
    /// Most messages that one history request returns, as far as known.
    pub history_page: u32,
    /// What a refusal before the load means, and which setting to change.
    pub refusals: &'static [Refusal],
}

/// What a user's name needs to be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserNames {
    /// The SIP domain of its tenant.
    WithDomain,
    /// Nothing else.
    Alone,
}

/// How a session authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginForm {
    /// `access_token`, base64 of `USER@DOMAIN:ACCESS_TOKEN`; the token comes over REST.
    AccessToken,
    /// `token`, the token out of an earlier login with `basic`, which is base64 of `NAME:PASSWORD`.
    BasicOnce,
}

/// Where user accounts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accounts {
    /// An administrator makes them.
    Administered,
    /// `{acc}` makes them.
    OnRequest,
}

/// Where the publisher's stamp comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StampPlace {
    /// `data.reqid` repeats the request id.
    RequestId,
    /// The server drops the id; the stamp travels in `head`.
    Head,
}

/// Whether a publish lists the uploaded files that it speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachments {
    /// It does not.
    Unlisted,
    /// In `extra.attachments`; files that nobody lists are deleted after a while.
    Listed,
}

/// How group ownership changes hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferForm {
    /// The owner's `set sub` does it.
    OneStep,
    /// The new owner has to accept.
    TwoSteps,
}

/// What a refusal before the load means.
#[derive(Debug)]
pub struct Refusal {
    /// What was asked for: `upgrade`, or a verb of the wire.
    pub asked: &'static str,
    /// The answers.
    pub codes: &'static [Code],
    /// What it means and which setting to change.
    pub way_out: &'static str,
}

const LOOKS_LIKE_PBX: &str = "this server looks like a PortSIP PBX: set `target.dialect = \"portsip\"`";
const LOOKS_LIKE_TINODE: &str = "this server looks like a Tinode server: set `target.dialect = \"tinode\"`";
const NOT_VALIDATED: &str = "the server wants the users' mail or phone validated first: switch its `acc_validation` off for the accounts of a load, or bring users that are validated";

/// PortSIP PBX, IM service.
pub static PORTSIP: Dialect = Dialect {
    name: "portsip",
    server: "PortSIP PBX",
    port: 8887,
    websocket_path: "/im",
    upgrade_signs: &[],
    upload_path: "/im/file",
    download_prefix: "/im/file/",
    rest_path: Some("/api"),
    api_key_header: None,
    hello: None,
    user_ids: UserIdForm::Decimal,
    user_names: UserNames::WithDomain,
    login: LoginForm::AccessToken,
    accounts: Accounts::Administered,
    stamp: StampPlace::RequestId,
    attachments: Attachments::Unlisted,
    transfer: TransferForm::OneStep,
    history_page: 100,
    refusals: &[
        // A session that has not said `{hi}` is out of sequence at a Tinode server, whatever it says.
        Refusal { asked: "login", codes: &[Code::CONFLICT], way_out: LOOKS_LIKE_TINODE },
    ],
};

/// Tinode, the open ancestor.
pub static TINODE: Dialect = Dialect {
    name: "tinode",
    server: "Tinode server",
    port: 6060,
    websocket_path: "/v0/channels",
    // Without a valid API key.
    upgrade_signs: &[403],
    upload_path: "/v0/file/u/",
    download_prefix: "/v0/file/s/",
    rest_path: None,
    api_key_header: Some("X-Tinode-APIKey"),
    // Servers refuse what is older than they serve, and take what is newer than they are.
    hello: Some("0.25"),
    user_ids: UserIdForm::Base64Url,
    user_names: UserNames::Alone,
    login: LoginForm::BasicOnce,
    accounts: Accounts::OnRequest,
    stamp: StampPlace::Head,
    attachments: Attachments::Listed,
    transfer: TransferForm::TwoSteps,
    history_page: 100,
    refusals: &[
        Refusal {
            asked: "upgrade",
            codes: &[Code::FORBIDDEN],
            way_out: "the server wants another API key: set `target.api_key`",
        },
        Refusal {
            asked: "hi",
            codes: &[Code::VERSION],
            way_out: "the server does not serve this version of the protocol: set `target.protocol_version`",
        },
        // A PBX does not know the verb, or wants the login first.
        Refusal {
            asked: "hi",
            codes: &[Code::MALFORMED, Code::UNAUTHORIZED, Code::FORBIDDEN, Code::NOT_FOUND, Code::NOT_IMPLEMENTED],
            way_out: LOOKS_LIKE_PBX,
        },
        Refusal {
            asked: "login",
            codes: &[Code::UNAUTHORIZED],
            way_out: "check the passwords in `[users]`, or let the run create the accounts with `users.provision = true`",
        },
        Refusal { asked: "login", codes: &[Code(300)], way_out: NOT_VALIDATED },
        Refusal { asked: "acc", codes: &[Code(300)], way_out: NOT_VALIDATED },
        Refusal {
            asked: "acc",
            codes: &[Code::POLICY],
            way_out: "the names or the passwords in `[users]` are not to the server's liking; as installed it wants four characters of a name and three of a password",
        },
        Refusal {
            asked: "acc",
            codes: &[Code::UNAUTHORIZED, Code::FORBIDDEN, Code::NOT_ALLOWED, Code::NOT_IMPLEMENTED],
            way_out: "the server creates no accounts for clients: create them there, and drop `users.provision`",
        },
    ],
};

/// Every dialect that this build speaks.
pub static ALL: &[&Dialect] = &[&PORTSIP, &TINODE];

impl Dialect {
    /// The dialect with this name.
    pub fn by_name(name: &str) -> Option<&'static Dialect> {
        ALL.iter().copied().find(|dialect| dialect.name == name)
    }

    /// What a refusal before the load means and which setting to change, where that is known.
    pub fn way_out(&self, asked: &str, code: Code) -> Option<&'static str> {
        let of_this = self.refusals.iter().filter(|refusal| refusal.asked == asked);
        let mut meant = of_this.filter(|refusal| refusal.codes.contains(&code));
        meant.next().map(|refusal| refusal.way_out)
    }

    /// The other dialects.
    pub fn others(&self) -> impl Iterator<Item = &'static Dialect> {
        ALL.iter().copied().filter(move |dialect| dialect.name != self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_setting_to_change() {
        let way_out = |asked, code| TINODE.way_out(asked, Code(code)).unwrap_or_default();
        assert!(way_out("upgrade", 403).contains("`target.api_key`"));
        assert!(way_out("hi", 505).contains("`target.protocol_version`"));
        assert!(way_out("hi", 400).contains("`target.dialect = \"portsip\"`"));
        assert!(way_out("login", 401).contains("`users.provision = true`"));
        assert_eq!(way_out("login", 503), "");
        assert!(PORTSIP.way_out("login", Code(409)).is_some_and(|text| text.contains("\"tinode\"")));
        assert_eq!(PORTSIP.way_out("login", Code(401)), None);
    }

    #[test]
    fn dialects_are_found_by_their_names_and_know_each_other() {
        for dialect in ALL {
            assert!(Dialect::by_name(dialect.name).is_some_and(|found| found.name == dialect.name));
            assert_eq!(dialect.others().count(), ALL.len() - 1);
        }
        assert!(Dialect::by_name("xmpp").is_none());
    }
}
