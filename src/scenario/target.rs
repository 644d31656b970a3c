//! `[target]` and `[auth]`: where the load goes and how access tokens are had.

use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use super::endpoint;
use super::problem::Problem;
use super::quantity::TIMEOUT_MAX;
use super::read::{Fields, Reader, Value, one_of};
use super::{Auth, Endpoint, Secret, Target, TargetUrl, Tls, TokenFlow, watched};
use crate::protocol::dialect::{self, Dialect, LoginForm};

pub(super) const TARGET_KEYS: &[&str] = &[
    "url",
    "rest_url",
    "file_url",
    "dialect",
    "api_key",
    "protocol_version",
    "tls",
    "timeout",
    "source_addresses",
    "connect_rate",
    "ping_every",
    "dead_after",
    "metrics",
    "process",
];
pub(super) const TLS_KEYS: &[&str] = &["verify", "ca_file", "server_name"];
pub(super) const AUTH_KEYS: &[&str] = &["flow", "rate", "refusals_max"];
/// The words of `auth.flow`.
pub(super) const FLOWS: &[(&str, TokenFlow)] = &[
    ("oauth", TokenFlow::Oauth),
    ("sign-in", TokenFlow::SignIn),
    ("login", TokenFlow::Login),
    ("token", TokenFlow::Token),
    ("password", TokenFlow::Password),
];
/// Most source addresses: each takes a list entry in every worker.
pub(super) const SOURCE_ADDRESSES_MAX: usize = 4096;

const TIMEOUT: Duration = Duration::from_secs(10);
/// As the service's own clients do.
const PING_EVERY: Duration = Duration::from_secs(30);
const DEAD_AFTER: Duration = Duration::from_secs(90);
const KEEPALIVE_MAX: Duration = Duration::from_secs(86_400);

/// `[target]`.
pub(super) fn target(reader: &mut Reader, value: &Value<'_>) -> Option<Target> {
    let fields = reader.table("`[target]`", value, TARGET_KEYS)?;
    let dialect = match fields.get("dialect") {
        Some(value) => {
            let choices: Vec<_> = dialect::ALL.iter().map(|dialect| (dialect.name, *dialect)).collect();
            reader.choice("`dialect`", value, &choices)
        }
        None => Some(&dialect::PORTSIP as &'static Dialect),
    };
    let port = dialect.map_or(dialect::PORTSIP.port, |dialect| dialect.port);
    let way = "write `url = \"embedded\"` for the simulator, or `url = \"wss://pbx.example.com:8887\"`";
    let url = fields.need(reader, "url", way).and_then(|value| target_url(reader, value, port));
    let rest_url = endpoint(reader, &fields, "rest_url", port);
    let file_url = endpoint(reader, &fields, "file_url", port);
    if let Some(dialect) = dialect.filter(|dialect| dialect.rest_path.is_none()) {
        unfit(reader, &fields, "rest_url", dialect, "has no REST interface for tokens", |other| {
            other.rest_path.is_some()
        });
    }
    let (api_key, hello) = (api_key(reader, &fields, dialect), hello(reader, &fields, dialect));
    let timeout = match fields.get("timeout") {
        Some(value) => reader.duration("`timeout`", value, Duration::from_millis(1)..=TIMEOUT_MAX),
        None => Some(TIMEOUT),
    };
    let tls = tls(reader, &fields);
    let addresses = match fields.get("source_addresses") {
        Some(value) => source_addresses(reader, value),
        None => Some(Vec::new()),
    };
    let connect_rate = match fields.get("connect_rate") {
        Some(value) => above_zero(reader, "connect_rate", "nobody would ever connect", value).map(Some),
        None => Some(None),
    };
    let (ping_every, dead_after) = keepalive(reader, &fields);
    let watched = watched::watched(reader, &fields, url.as_ref());
    if let (Some(url), Some(rest), Some(file)) = (&url, &rest_url, &file_url) {
        check_addresses(reader, &fields, url, [rest, file]);
    }
    Some(Target {
        url: url?,
        rest_url: rest_url?,
        file_url: file_url?,
        dialect: dialect?,
        api_key: api_key?,
        hello: hello?,
        tls: tls?,
        timeout: timeout?,
        source_addresses: addresses?,
        connect_rate_per_s: connect_rate?,
        ping_every: ping_every?,
        dead_after: dead_after?,
        watched: watched?,
    })
}

/// How often a silent connection is pinged, and after what silence it is dead. Zero is never.
fn keepalive(reader: &mut Reader, fields: &Fields<'_, '_>) -> (Option<Duration>, Option<Duration>) {
    let mut span = |key: &str, usual: Duration| match fields.get(key) {
        Some(value) => reader.duration(&format!("`{key}`"), value, Duration::ZERO..=KEEPALIVE_MAX),
        None => Some(usual),
    };
    let (ping_every, dead_after) = (span("ping_every", PING_EVERY), span("dead_after", DEAD_AFTER));
    if let (Some(ping), Some(dead)) = (ping_every, dead_after)
        && !dead.is_zero()
        && dead <= ping
    {
        let place = fields.get("dead_after").or_else(|| fields.get("ping_every")).map_or(0..0, |value| value.span());
        let problem = Problem::at(place, "`dead_after` is not longer than `ping_every`");
        reader.problem(problem.help(
            "a connection without traffic would be taken for dead before its ping is answered; \
             write for example `ping_every = \"30s\"` and `dead_after = \"90s\"`",
        ));
    }
    (ping_every, dead_after)
}

/// The dialect of a target, whatever else is wrong with it; `None` when not even that can be told.
pub(super) fn dialect_of(target: Option<&Value<'_>>) -> Option<&'static Dialect> {
    match target?.get_ref().get("dialect") {
        Some(word) => Dialect::by_name(word.get_ref().as_str()?),
        None => Some(&dialect::PORTSIP),
    }
}

/// A rate that something waits for.
fn above_zero(reader: &mut Reader, key: &str, because: &str, value: &Value<'_>) -> Option<f64> {
    let rate = reader.rate(&format!("`{key}`"), value)?;
    if rate > 0.0 {
        return Some(rate);
    }
    reader.problem(Problem::at(value.span(), format!("`{key}` cannot be zero: {because}")));
    None
}

fn target_url(reader: &mut Reader, value: &Value<'_>, port: u16) -> Option<TargetUrl> {
    let kind = "`embedded` or a URL such as `wss://pbx.example.com:8887`";
    let text = reader.text_as("`url`", value, kind)?;
    if text.text == "embedded" {
        return Some(TargetUrl::Embedded);
    }
    endpoint::read(reader, "url", &text, port).map(TargetUrl::Service)
}

/// An optional URL: `Some(None)` when it is not there.
fn endpoint(reader: &mut Reader, fields: &Fields<'_, '_>, key: &str, port: u16) -> Option<Option<Endpoint>> {
    let Some(value) = fields.get(key) else { return Some(None) };
    let text = reader.text_as(&format!("`{key}`"), value, "a URL such as `https://pbx.example.com:8887`")?;
    endpoint::read(reader, key, &text, port).map(Some)
}

/// The key of the service: `Some(None)` when it is not there.
fn api_key(reader: &mut Reader, fields: &Fields<'_, '_>, dialect: Option<&'static Dialect>) -> Option<Option<Secret>> {
    let Some(value) = fields.get("api_key") else { return Some(None) };
    if let Some(dialect) = dialect.filter(|dialect| dialect.api_key_header.is_none()) {
        unfit(reader, fields, "api_key", dialect, "has no API keys", |other| other.api_key_header.is_some());
        return None;
    }
    if reader.is_failed(&value.span()) {
        return None;
    }
    let is_header = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
    match value.get_ref().as_str().filter(|text| is_header(text)) {
        Some(text) => Some(Some(Secret::new(text))),
        None => {
            // What is there may be a key all the same, and is not shown.
            let problem = Problem::at(value.span(), "`api_key` must be a text of letters, digits and signs");
            reader.problem(problem.expected("expected a text such as `\"${env:TINODE_API_KEY}\"`"));
            None
        }
    }
}

/// The protocol version to ask for: `Some(None)` where sessions do not ask.
fn hello(reader: &mut Reader, fields: &Fields<'_, '_>, dialect: Option<&'static Dialect>) -> Option<Option<String>> {
    let usual = dialect?.hello;
    let Some(value) = fields.get("protocol_version") else { return Some(usual.map(str::to_owned)) };
    if let Some(dialect) = dialect.filter(|dialect| dialect.hello.is_none()) {
        unfit(reader, fields, "protocol_version", dialect, "has no versions to ask for", |other| other.hello.is_some());
        return None;
    }
    let kind = "a version such as `0.25`";
    let is_number = |part: &str| !part.is_empty() && part.len() <= 5 && part.bytes().all(|byte| byte.is_ascii_digit());
    reader
        .parsed("`protocol_version`", value, kind, |text| {
            let (major, minor) = text.split_once('.')?;
            (is_number(major) && minor.split('.').all(is_number)).then(|| text.to_owned())
        })
        .map(Some)
}

/// A setting that the dialect has no use for.
fn unfit(
    reader: &mut Reader,
    fields: &Fields<'_, '_>,
    key: &str,
    dialect: &'static Dialect,
    why: &str,
    fits: impl Fn(&Dialect) -> bool,
) {
    let Some(place) = fields.key_place(key) else { return };
    let problem = Problem::at(place, format!("`{key}` is set, but a {} {why}", dialect.server));
    let others: Vec<String> =
        dialect.others().filter(|other| fits(other)).map(|other| format!("`dialect = \"{}\"`", other.name)).collect();
    reader.problem(problem.help(format!("drop `{key}`, or write {}", others.join(" or "))));
}

fn tls(reader: &mut Reader, target: &Fields<'_, '_>) -> Option<Tls> {
    let Some(value) = target.get("tls") else {
        return Some(Tls { verify: true, ca_file: None, server_name: None });
    };
    let fields = reader.table("`tls`", value, TLS_KEYS)?;
    let verify = match fields.get("verify") {
        Some(value) => reader.boolean("`verify`", value),
        None => Some(true),
    };
    let mut optional = |key: &str| match fields.get(key) {
        Some(value) => reader.text(&format!("`{key}`"), value).map(|text| Some(text.text.to_owned())),
        None => Some(None),
    };
    let (ca_file, server_name) = (optional("ca_file"), optional("server_name"));
    let (verify, ca_file, server_name) = (verify?, ca_file?, server_name?);
    if !verify && let Some(place) = fields.key_place("ca_file").or(fields.key_place("server_name")) {
        let message = "a certificate that is not verified needs neither `ca_file` nor `server_name`";
        reader.problem(Problem::at(place, message).help("drop `verify = false` to verify it"));
    }
    Some(Tls { verify, ca_file: ca_file.map(PathBuf::from), server_name })
}

/// Settings that contradict the URL.
fn check_addresses(reader: &mut Reader, fields: &Fields<'_, '_>, url: &TargetUrl, others: [&Option<Endpoint>; 2]) {
    let embedded = "`embedded` starts the simulator, which";
    match url {
        TargetUrl::Embedded => {
            for key in ["rest_url", "file_url"] {
                if let Some(place) = fields.key_place(key) {
                    let message = format!("{embedded} brings its own `{key}`");
                    reader.problem(Problem::at(place, message).help(format!("drop `{key}`, or give the URL of a PBX")));
                }
            }
            if let Some(place) = fields.key_place("tls") {
                let message = format!("{embedded} speaks without TLS");
                reader.problem(Problem::at(place, message).help("drop `tls`, or give the `wss://` URL of a PBX"));
            }
        }
        TargetUrl::Service(service) => {
            let is_any_tls = service.is_tls || others.iter().any(|other| other.as_ref().is_some_and(|url| url.is_tls));
            if !is_any_tls && let Some(place) = fields.key_place("tls") {
                let message = "`tls` is set, but `url` is without TLS";
                reader.problem(Problem::at(place, message).help("write `wss://` in `url`, or drop `tls`"));
            }
        }
    }
}

fn source_addresses(reader: &mut Reader, value: &Value<'_>) -> Option<Vec<IpAddr>> {
    let kind = "a list of addresses such as `[\"10.0.0.5\", \"10.0.1.2-10.0.1.9\", \"10.0.2.0/28\"]`";
    let mut addresses = Vec::new();
    let mut is_whole = true;
    for item in reader.array("`source_addresses`", value, kind)?.iter() {
        let form = "an address, a range `10.0.1.2-10.0.1.9`, or a network `10.0.2.0/28`";
        match reader.parsed("a source address", item, form, address_range) {
            Some((first, last)) => {
                let room = SOURCE_ADDRESSES_MAX - addresses.len();
                if last - first >= room as u128 {
                    return too_many(reader, item.span());
                }
                let is_v4 = item.get_ref().as_str().is_some_and(|text| !text.contains(':'));
                addresses.extend((first..=last).map(|bits| address(bits, is_v4)));
            }
            None => is_whole = false,
        }
    }
    is_whole.then_some(addresses)
}

fn too_many<T>(reader: &mut Reader, place: Range<usize>) -> Option<T> {
    let message = format!("more than {SOURCE_ADDRESSES_MAX} source addresses");
    reader.problem(Problem::at(place, message).help("one address serves about 28,000 connections to one port"));
    None
}

/// First and last address as numbers.
fn address_range(text: &str) -> Option<(u128, u128)> {
    let (first, last) = if let Some((first, last)) = text.split_once('-') {
        let (first, last): (IpAddr, IpAddr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first.is_ipv4() != last.is_ipv4() {
            return None;
        }
        (bits(first), bits(last))
    } else if let Some((network, prefix)) = text.split_once('/') {
        let (network, prefix): (IpAddr, u32) = (network.trim().parse().ok()?, prefix.trim().parse().ok()?);
        let host_bits = if network.is_ipv4() { 32 } else { 128_u32 }.checked_sub(prefix)?;
        let mask = 1_u128.checked_shl(host_bits).map_or(u128::MAX, |size| size - 1);
        let first = bits(network) & !mask;
        // The network's own address and the broadcast address are nobody's.
        if network.is_ipv4() && host_bits >= 2 { (first + 1, (first | mask) - 1) } else { (first, first | mask) }
    } else {
        let address: IpAddr = text.trim().parse().ok()?;
        (bits(address), bits(address))
    };
    (first <= last).then_some((first, last))
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn address(bits: u128, is_v4: bool) -> IpAddr {
    match u32::try_from(bits) {
        Ok(v4) if is_v4 => IpAddr::V4(v4.into()),
        _ => IpAddr::V6(bits.into()),
    }
}

impl TokenFlow {
    /// Whether tokens that are had so are good for such a login.
    fn fits(self, login: LoginForm) -> bool {
        match self {
            TokenFlow::Oauth | TokenFlow::SignIn | TokenFlow::Login => login == LoginForm::AccessToken,
            TokenFlow::Password => login == LoginForm::BasicOnce,
            TokenFlow::Token => true,
        }
    }

    /// The flow of a scenario that names none.
    fn usual(login: LoginForm) -> TokenFlow {
        match login {
            LoginForm::AccessToken => TokenFlow::Oauth,
            LoginForm::BasicOnce => TokenFlow::Password,
        }
    }
}

/// `[auth]`; all of it has defaults.
pub(super) fn auth(reader: &mut Reader, value: Option<&Value<'_>>, dialect: Option<&'static Dialect>) -> Option<Auth> {
    let login = dialect.map_or(LoginForm::AccessToken, |dialect| dialect.login);
    let mut auth = Auth { flow: TokenFlow::usual(login), rate_per_s: 50.0, refusals_max: 10 };
    let Some(value) = value else { return Some(auth) };
    let fields = reader.table("`[auth]`", value, AUTH_KEYS)?;
    let flow = match fields.get("flow") {
        Some(value) => reader.choice("`flow`", value, FLOWS),
        None => Some(auth.flow),
    };
    if let (Some(flow), Some(dialect), Some(value)) = (flow, dialect, fields.get("flow"))
        && !flow.fits(dialect.login)
    {
        let why = match flow {
            TokenFlow::Password => "logs in with access tokens alone",
            _ => "has no REST interface that gives access tokens",
        };
        let words: Vec<&str> =
            FLOWS.iter().filter(|(_, flow)| flow.fits(dialect.login)).map(|(word, _)| *word).collect();
        let written = value.get_ref().as_str().unwrap_or_default();
        let message = format!("`flow = \"{written}\"` does not fit: a {} {why}", dialect.server);
        let problem = Problem::at(value.span(), message).expected(format!("expected {}", one_of(&words)));
        let others = dialect.others().filter(|other| flow.fits(other.login)).map(|other| other.name);
        reader.problem(match others.into_iter().next() {
            Some(other) => {
                problem.help(format!("or is it the dialect? then write `dialect = \"{other}\"` in `[target]`"))
            }
            None => problem,
        });
        return None;
    }
    let rate = match fields.get("rate") {
        Some(value) => above_zero(reader, "rate", "nobody would get a token", value),
        None => Some(auth.rate_per_s),
    };
    let refusals = match fields.get("refusals_max") {
        Some(value) => reader.whole("`refusals_max`", value, 1..=1_000_000),
        None => Some(u64::from(auth.refusals_max)),
    };
    auth.flow = flow?;
    auth.rate_per_s = rate?;
    auth.refusals_max = u32::try_from(refusals?).ok()?;
    Some(auth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_ranges_and_networks_are_read() {
        let count = |text: &str| address_range(text).map(|(first, last)| last - first + 1);
        assert_eq!(count("127.0.0.1"), Some(1));
        assert_eq!(count("127.0.0.2-127.0.0.9"), Some(8));
        assert_eq!(count("10.0.2.0/28"), Some(14));
        assert_eq!(count("10.0.2.7/32"), Some(1));
        assert_eq!(count("fd00::/127"), Some(2));
        for wrong in ["", "10.0.0", "10.0.0.9-10.0.0.2", "10.0.0.1-::2", "10.0.0.0/33", "x/1"] {
            assert_eq!(count(wrong), None, "{wrong}");
        }
    }
}
