//! URLs of a target, in parts.

use super::Endpoint;
use super::problem::Problem;
use super::read::{Reader, Text};

const SCHEMES: [(&str, bool); 4] = [("ws", false), ("wss", true), ("http", false), ("https", true)];

/// What is wrong with a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UrlError {
    Form,
    Scheme,
    User,
    Host,
    Port,
    Query,
}

/// Reads the URL of `key`; `port` is for URLs that name none.
pub(super) fn read(reader: &mut Reader, key: &str, text: &Text<'_>, port: u16) -> Option<Endpoint> {
    let error = match parse(text.text, port) {
        Ok(endpoint) => return Some(endpoint),
        Err(error) => error,
    };
    let example = if key == "url" { "wss://pbx.example.com:8887" } else { "https://pbx.example.com:8887" };
    let problem = |message: String| Problem::at(text.place.clone(), message);
    // A URL with a user in it is a secret, and is not repeated.
    let problem = match error {
        UrlError::Form => problem(format!("`{key}` is no URL: `{}`", text.shown))
            .expected(format!("expected a URL such as `{example}`")),
        UrlError::Scheme => problem(format!("unknown scheme in `{key}`: `{}`", text.shown))
            .expected("expected `wss://`, `ws://`, `https://` or `http://`"),
        UrlError::User => problem(format!("`{key}` cannot hold a user or password"))
            .help("users are named in `[users]`; drop everything up to the `@`"),
        UrlError::Host => problem(format!("`{key}` names no valid host: `{}`", text.shown))
            .expected(format!("expected a URL such as `{example}`")),
        UrlError::Port => {
            problem(format!("`{key}` has no valid port: `{}`", text.shown)).expected("expected a port from 1 to 65535")
        }
        UrlError::Query => problem(format!("`{key}` cannot have a query or fragment: `{}`", text.shown))
            .help("drop everything from the `?` or `#`"),
    };
    let problem = match (key, super::problem::nearest(text.text, &["embedded"])) {
        ("url", Some(near)) if error == UrlError::Form => problem.help(format!("did you mean `{near}`?")),
        _ => problem,
    };
    reader.problem(problem);
    None
}

fn parse(text: &str, port: u16) -> Result<Endpoint, UrlError> {
    let (scheme, rest) = text.split_once("://").ok_or(UrlError::Form)?;
    let (_, is_tls) = SCHEMES.into_iter().find(|(word, _)| *word == scheme).ok_or(UrlError::Scheme)?;
    let path_start = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path_start);
    if authority.contains('@') {
        return Err(UrlError::User);
    }
    if path.contains(['?', '#']) {
        return Err(UrlError::Query);
    }
    if !path.chars().all(|c| c.is_ascii_graphic()) {
        return Err(UrlError::Form);
    }
    let (host, port) = host_and_port(authority, port)?;
    let path = path.trim_end_matches('/').to_owned();
    Ok(Endpoint { is_tls, host: host.to_owned(), port, path })
}

fn host_and_port(authority: &str, usual: u16) -> Result<(&str, u16), UrlError> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(UrlError::Host)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| UrlError::Host)?;
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return Err(UrlError::Host),
            }
        }
        None => {
            let (host, port) = match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            };
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-' || c == '_';
            if host.is_empty() || !host.chars().all(is_word) {
                return Err(UrlError::Host);
            }
            (host, port)
        }
    };
    let port = match port {
        Some(port) => port.parse::<u16>().ok().filter(|port| *port > 0).ok_or(UrlError::Port)?,
        None => usual,
    };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let endpoint = parse("wss://pbx.example.com", 8887).expect("valid");
        assert_eq!((endpoint.is_tls, endpoint.port, endpoint.path.as_str()), (true, 8887, ""));
        let endpoint = parse("http://[::1]:80/im/", 8887).expect("valid");
        assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.path.as_str()), ("::1", 80, "/im"));
    }

    #[test]
    fn each_mistake_has_its_name() {
        for (text, wanted) in [
            ("pbx.example.com", UrlError::Form),
            ("tcp://x", UrlError::Scheme),
            ("wss://a:b@x", UrlError::User),
            ("wss://", UrlError::Host),
            ("wss://a b", UrlError::Host),
            ("wss://x:0", UrlError::Port),
            ("wss://x:99999", UrlError::Port),
            ("wss://[::1", UrlError::Host),
            ("wss://x/?a=b", UrlError::Query),
        ] {
            assert_eq!(parse(text, 8887).err(), Some(wanted), "{text}");
        }
    }
}
